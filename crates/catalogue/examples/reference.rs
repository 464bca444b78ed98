//! Writes the reference page of the vocabulary to standard output:
//! `cargo run -p tidings-catalogue --example reference > docs/reference/event-types.md`.

use std::error::Error;
use std::io::Write;

use tidings_catalogue::{Catalogue, reference_page};

fn main() -> Result<(), Box<dyn Error>> {
    let catalogue = Catalogue::builtin()?;
    std::io::stdout().write_all(reference_page(&catalogue).as_bytes())?;
    Ok(())
}
