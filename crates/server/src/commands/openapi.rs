//! `tidings openapi`: the document of the HTTP API, from the handlers themselves.

use std::process::ExitCode;

use super::say;

pub(super) fn openapi() -> anyhow::Result<ExitCode> {
    say(tidings_api::openapi_json().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
