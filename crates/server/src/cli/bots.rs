//! What can be said of the bots of a running server: `bots`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerAnywhere;

/// Options of `bots`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Bots {
    /// What to do with one of them; they are listed, unless given.
    #[command(subcommand)]
    pub action: Option<BotsAction>,
    /// As JSON, one bot a line.
    #[arg(long)]
    pub json: bool,
    /// The server.
    #[command(flatten)]
    pub server: ServerAnywhere,
}

/// What to do with a bot.
#[derive(Debug, Subcommand)]
pub(crate) enum BotsAction {
    /// List the versions of one, newest first: number, when, by whom, why.
    Versions {
        /// Its name.
        bot: String,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// As JSON, one version a line.
        #[arg(long)]
        json: bool,
    },
    /// Print the text of a version, or write its files into a folder.
    Show {
        /// The bot's name.
        bot: String,
        /// The version's number, or the hash that a run names.
        version: String,
        /// The folder that the files are written to, as `bots/pizzeria`; made if it is not there.
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    /// Print what a version says else than another one.
    Diff {
        /// The bot's name.
        bot: String,
        /// The number of the one.
        from: String,
        /// The number of the other.
        to: String,
    },
    /// Make a folder's text the next version, live at once.
    Publish {
        /// The bot's folder; its name is the bot's.
        folder: PathBuf,
        /// Why, for who reads the list of versions.
        #[arg(long)]
        note: Option<String>,
    },
    /// Make the text of a version the next version, live at once.
    Rollback {
        /// The bot's name.
        bot: String,
        /// The number of the version that is brought back.
        version: String,
        /// Why, for who reads the list of versions.
        #[arg(long)]
        note: Option<String>,
    },
    /// Let a behavior react again that was paused, as it kept failing.
    Resume {
        /// The bot's name.
        bot: String,
        /// The behavior's name.
        behavior: String,
    },
}
