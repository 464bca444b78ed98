//! Writes the AsyncAPI document of the vocabulary to standard output:
//! `cargo run -p tidings-catalogue --example asyncapi > docs/reference/asyncapi.json`.

use std::error::Error;
use std::io::Write;

use tidings_catalogue::{Catalogue, asyncapi_json};

fn main() -> Result<(), Box<dyn Error>> {
    let catalogue = Catalogue::builtin()?;
    std::io::stdout().write_all(asyncapi_json(&catalogue).as_bytes())?;
    Ok(())
}
