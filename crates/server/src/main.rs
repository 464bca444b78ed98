//! The binary `tidings`: settings, wiring and the command line. It is the only crate that reads files, the environment and
//! the clock, and (with `testkit`) the only one that knows which engine runs.
//!
//! In reading order: [`cli`] (what can be said), [`settings`], [`installation`] (a data folder), [`engine`] (its file, or
//! the database of many nodes), [`commands`] (a file for each command), [`bots_folder`] and [`types_folder`] (bots and types of events reload while serving).

mod bots_folder;
mod cli;
mod client;
mod clock;
mod commands;
mod engine;
mod installation;
mod logs;
mod settings;
mod types_folder;

use std::process::ExitCode;

use clap::Parser;

/// The allocator: less memory than the system's under many small events, and faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    if matches!(arguments.command, cli::Command::ScriptSandbox) {
        // A child for one script gives up threads and files before it reads code, and is waited for: no runtime first.
        return tidings_script::child();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::failed(&anyhow::Error::from(error).context("cannot start")),
    };
    match runtime.block_on(commands::run(arguments.command)) {
        Ok(code) => code,
        Err(error) => commands::failed(&error),
    }
}
