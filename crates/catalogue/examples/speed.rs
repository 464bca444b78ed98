//! Measures what the vocabulary costs: `cargo run --release -p tidings-catalogue --example speed`.

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use tidings_catalogue::{Catalogue, TypeFilter};
use tidings_model::AuthorKind;

/// How often each thing is done: enough for a steady mean, little enough for a second.
const ROUNDS: u32 = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    let start = Instant::now();
    let catalogue = Catalogue::builtin()?;
    let types = catalogue.types().len();
    writeln!(out, "read, check and compile {types} types: {:?}", start.elapsed())?;

    for name in
        ["chat.message", "chat.rich_message", "chat.file", "control.changed", "chat.form_filled"]
    {
        let event_type = catalogue.get_str(name).ok_or("no such type")?;
        writeln!(
            out,
            "validate {name}: {:?}",
            mean(|| event_type.validate(event_type.sample()).is_ok())
        )?;
    }
    writeln!(out, "resolve a type: {:?}", mean(|| catalogue.resolve("chat.message").is_some()))?;
    writeln!(
        out,
        "resolve an alias: {:?}",
        mean(|| catalogue.resolve("telegramSendLocation").is_some())
    )?;

    let filter =
        TypeFilter::parse(&catalogue, &["payment.*".into(), "telegramSendLocation".into()])?;
    let message = catalogue.get_str("chat.message").ok_or("no such type")?;
    let matches =
        || filter.matches(&message.name, Some("web"), AuthorKind::Customer, message.sample());
    writeln!(out, "filter, not concerned: {:?}", mean(matches))?;
    Ok(())
}

fn mean(mut each: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(each());
    }
    start.elapsed() / ROUNDS
}
