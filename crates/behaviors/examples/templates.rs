//! Writes the reference page of templates to standard output:
//! `cargo run -p tidings-behaviors --example templates > docs/reference/templates.md`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(tidings_behaviors::template::reference_page().as_bytes())
}
