//! The options of `tidings simulate`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::Server;

/// Options of `simulate`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("against").required(true).args(["event", "recorded", "chat", "last"]))]
pub(crate) struct Simulate {
    /// The bot's folder, with the draft that is tried.
    pub bot: PathBuf,
    /// An event of this type, or alias, from a customer.
    #[arg(long, value_name = "TYPE")]
    pub event: Option<String>,
    /// Its data as JSON, instead of the type's sample.
    #[arg(long, value_name = "JSON", requires = "event")]
    pub data: Option<String>,
    /// A recorded event, by its id.
    #[arg(long, value_name = "ID")]
    pub recorded: Option<String>,
    /// A whole recorded chat, by its id.
    #[arg(long, value_name = "ID")]
    pub chat: Option<String>,
    /// The last events that the bot hears.
    #[arg(long, value_name = "COUNT")]
    pub last: Option<usize>,
    /// Tell only where the draft would do something else than what is live.
    #[arg(long)]
    pub compare: bool,
    /// The server, whose catalogue and events are used.
    #[command(flatten)]
    pub server: Server,
}
