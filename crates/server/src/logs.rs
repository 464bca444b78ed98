//! The log: to standard error, for people or for programs.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// The name under which the client for NATS logs.
const NATS_CLIENT: &str = "async_nats";

/// Starts the log. A second call (the demo starts a server) changes nothing.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let mut filter: EnvFilter =
        log.level.parse().map_err(|error| anyhow::anyhow!("log.level: {error}"))?;
    if !log.level.contains(NATS_CLIENT) {
        // It tells of every attempt to connect; the bus says once what keeps it away.
        filter = filter.add_directive(format!("{NATS_CLIENT}=off").parse()?);
    }
    // Colours are for a terminal; a file or the journal would hold their codes.
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    // It fails only when a log is started already.
    drop(started);
    Ok(())
}
