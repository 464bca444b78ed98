//! The commands, a file each.

mod agent_token;
mod backup;
pub(crate) mod bin;
mod bots;
mod check;
mod deliveries;
mod demo;
mod doctor;
mod event_types;
mod events;
mod import;
mod listen;
pub(crate) mod migrate_store;
mod openapi;
mod reference;
mod runs;
mod serve;
mod simulate;
mod stream;
mod trigger;

use std::io::Write;
use std::process::ExitCode;

use crate::cli::Command;

/// Does what was said.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(options) => serve::serve(options).await,
        Command::Demo(options) => demo::demo(options).await,
        Command::Bin(options) => bin::bin(options).await,
        Command::EventTypes(options) => event_types::event_types(&options),
        Command::Check(options) => check::check(&options),
        Command::Simulate(options) => simulate::simulate(options).await,
        Command::Import(options) => import::import(&options),
        Command::Events(options) => events::events(options).await,
        Command::Bots(options) => bots::bots(options).await,
        Command::Runs(options) => runs::runs(options).await,
        Command::Deliveries(options) => deliveries::deliveries(options).await,
        Command::Jobs(options) => deliveries::jobs(options).await,
        Command::Listen(options) => listen::listen(options).await,
        Command::Trigger(options) => trigger::trigger(options).await,
        Command::AgentToken(options) => agent_token::agent_token(options).await,
        Command::Backup(options) => backup::backup(&options).await,
        Command::Restore(options) => backup::restore(&options).await,
        Command::MigrateStore(options) => migrate_store::migrate_store(options).await,
        Command::Doctor(options) => doctor::doctor(&options).await,
        Command::Settings => reference::settings(),
        Command::Openapi => openapi::openapi(),
        Command::Reference(options) => reference::reference(&options),
        // `main` did so before there was a runtime.
        Command::ScriptSandbox => Ok(tidings_script::child()),
    }
}

/// Says what went wrong, with every cause.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    // Nobody can be told when standard error is closed.
    drop(writeln!(std::io::stderr(), "tidings: {error:#}"));
    ExitCode::FAILURE
}

/// Prints a line. A reader that went away (`| head`) ends us without a fuss.
fn say(line: impl std::fmt::Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("nobody reads any more"))
        }
        Err(error) => Err(error.into()),
    }
}
