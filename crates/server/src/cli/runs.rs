//! What can be said of the runs of behaviors: `runs`.

use clap::{Args, Subcommand};

use super::ServerAnywhere;

/// Options of `runs`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Runs {
    /// What to do with one of them; they are listed, unless given.
    #[command(subcommand)]
    pub action: Option<RunsAction>,
    /// Which ones are listed.
    #[command(flatten)]
    pub list: RunsList,
    /// The server.
    #[command(flatten)]
    pub server: ServerAnywhere,
}

/// Which runs are listed, and how.
#[derive(Debug, Args)]
pub(crate) struct RunsList {
    /// Only those in this chat.
    #[arg(long, value_name = "ID")]
    pub chat: Option<String>,
    /// Only those of this bot.
    #[arg(long, value_name = "NAME")]
    pub bot: Option<String>,
    /// Only those of this behavior.
    #[arg(long, value_name = "BOT/NAME")]
    pub behavior: Option<String>,
    /// Only those that this event started.
    #[arg(long, value_name = "ID")]
    pub event: Option<String>,
    /// Only those that are waiting, done or stopped.
    #[arg(long)]
    pub state: Option<String>,
    /// Only those that were stopped for this reason, as `template_failed`.
    #[arg(long, value_name = "REASON")]
    pub error: Option<String>,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    /// As JSON, one run a line.
    #[arg(long)]
    pub json: bool,
}

/// What to do with a run.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsAction {
    /// Show one step by step: the path, what conditions saw, what it did, how long it took.
    Show {
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}
