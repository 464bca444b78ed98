//! `tidings settings`, and the pages of the reference: what the code says of itself. `cargo xtask fresh` proves that the
//! committed pages are these.

use std::process::ExitCode;

use super::say;
use crate::cli::{Page, Reference};
use crate::settings;

pub(super) fn settings() -> anyhow::Result<ExitCode> {
    print(&settings::commented_defaults()?)
}

pub(super) fn reference(options: &Reference) -> anyhow::Result<ExitCode> {
    match options.page {
        Page::Settings => print(&settings::reference()?),
        Page::Errors => print(&tidings_api::errors_reference()),
        Page::ChatApi => print(&tidings_wire::livechat::reference()),
    }
}

fn print(page: &str) -> anyhow::Result<ExitCode> {
    say(page.trim_end_matches('\n'))?;
    Ok(ExitCode::SUCCESS)
}
