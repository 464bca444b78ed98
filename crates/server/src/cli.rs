//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::migrate_store::End;

/// The open event server behind chatbots and help desks.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, about)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve an installation: one data folder.
    Serve(Serve),
    /// Show what Tidings does: a workspace with a bot, a chat page and a webhook receiver, on this machine only.
    Demo(Demo),
    /// List the types of events, or show one.
    EventTypes(EventTypes),
    /// Check bots' texts: every error with file, line and column.
    Check(Check),
    /// Print events of a running server, and follow them.
    Events(Events),
    /// Send the catalogue's sample of a type to a running server.
    Trigger(Trigger),
    /// Make a token with which a program uses the Chat API as an agent.
    AgentToken(AgentToken),
    /// Copy an installation, also while it is serving.
    Backup(Backup),
    /// Put a backup back into a new data folder.
    Restore(Restore),
    /// Move everything from a data folder into a database, or back, while nobody serves.
    MigrateStore(MigrateStore),
    /// Look for what is wrong with an installation.
    Doctor(Doctor),
    /// Print all settings with their defaults, as a `tidings.toml`.
    Settings,
    /// Print the OpenAPI document of the HTTP API.
    Openapi,
    /// Print a page of the reference, as it lies in `docs/reference`.
    #[command(hide = true)]
    Reference(Reference),
}

/// Options of `reference`.
#[derive(Debug, Args)]
pub(crate) struct Reference {
    /// Which page.
    pub page: Page,
}

/// A generated page.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Page {
    /// `settings.md`.
    Settings,
    /// `errors.md`.
    Errors,
    /// `chat-api.md`.
    ChatApi,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The data folder; made if it is not there.
    #[arg(long, default_value = "data")]
    pub data: PathBuf,
    /// The settings' file, instead of `tidings.toml` in the data folder.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Where to listen, instead of the setting `http.listen`.
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// The folder of bots' texts, instead of the setting `bots.folder`.
    #[arg(long)]
    pub bots: Option<PathBuf>,
    /// What many nodes share.
    #[command(flatten)]
    pub shared: Shared,
}

/// What many nodes share. Better in the environment, as `TIDINGS__DATABASE__URL` and `TIDINGS__NATS__URLS`: other users
/// of the machine see a command line.
#[derive(Debug, Default, Args)]
pub(crate) struct Shared {
    /// The database of many nodes (postgres://…), instead of the setting `database.url`.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// The servers of NATS (nats://…), separated by commas, instead of the setting `nats.urls`.
    #[arg(long, value_name = "URLS")]
    pub nats: Option<String>,
}

impl Shared {
    /// As variables of the environment would say it.
    pub(crate) fn said(&self) -> Vec<(String, String)> {
        let said = [("DATABASE__URL", &self.database), ("NATS__URLS", &self.nats)];
        said.into_iter()
            .filter_map(|(name, value)| Some((format!("TIDINGS__{name}"), value.clone()?)))
            .collect()
    }
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The data folder; a new one in the folder for temporary files, unless given.
    #[arg(long)]
    pub data: Option<PathBuf>,
}

/// Options of `event-types`.
#[derive(Debug, Args)]
pub(crate) struct EventTypes {
    /// A type or an alias; all types, unless given.
    pub name: Option<String>,
    /// As JSON, with schemas and samples.
    #[arg(long)]
    pub json: bool,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Folders of bots, or folders of folders of bots.
    #[arg(default_value = "bots")]
    pub paths: Vec<PathBuf>,
}

/// How a running server is reached.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Its address.
    #[arg(long, env = "TIDINGS_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// A token of its API.
    #[arg(long, env = "TIDINGS_TOKEN", hide_env_values = true)]
    pub token: String,
}

/// Options of `events`.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// The server.
    #[command(flatten)]
    pub server: Server,
    /// Go on with new events as they come.
    #[arg(long, short)]
    pub follow: bool,
    /// Begin after this number; with --follow, at the end unless given.
    #[arg(long)]
    pub since: Option<u64>,
    /// Only these types or aliases.
    #[arg(long = "type")]
    pub types: Vec<String>,
    /// Only this chat.
    #[arg(long)]
    pub chat: Option<String>,
    /// As JSON, one event a line.
    #[arg(long)]
    pub json: bool,
}

/// Options of `trigger`.
#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// The server.
    #[command(flatten)]
    pub server: Server,
    /// A type or an alias.
    pub event_type: String,
    /// The chat to put it in.
    #[arg(long)]
    pub chat: Option<String>,
    /// Its data as JSON, instead of the sample.
    #[arg(long)]
    pub data: Option<String>,
}

/// Options of `agent-token`.
#[derive(Debug, Args)]
pub(crate) struct AgentToken {
    /// The agent's id, mostly a mail address. One who is not there is made.
    #[arg(long)]
    pub agent: String,
    /// What the token is for.
    #[arg(long, default_value = "command line")]
    pub name: String,
    /// What the agent may do; left as it is, unless given.
    #[arg(long)]
    pub role: Option<Role>,
    /// What the token allows, separated by commas; all that the agent's role may have, unless given.
    #[arg(long, value_delimiter = ',')]
    pub scopes: Option<Vec<String>>,
    /// The data folder of a server that is stopped. Without it, the running server is asked.
    #[arg(long, conflicts_with_all = ["url", "token"])]
    pub data: Option<PathBuf>,
    /// What many nodes share; with --data.
    #[command(flatten)]
    pub shared: Shared,
    /// The running server's address.
    #[arg(long, env = "TIDINGS_URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// A token of its API, with the right `admin`.
    #[arg(long, env = "TIDINGS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum Role {
    /// Chats of their teams.
    Normal,
    /// All chats, and the configuration.
    Administrator,
    /// As an administrator; for the owner's deputy.
    ViceOwner,
    /// Everything.
    Owner,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The data folder.
    #[arg(long, default_value = "data")]
    pub data: PathBuf,
    /// A folder that is not there yet. The backup holds the installation's key: keep it as safe as the data.
    #[arg(long)]
    pub to: PathBuf,
    /// What many nodes share.
    #[command(flatten)]
    pub shared: Shared,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup's folder.
    #[arg(long)]
    pub from: PathBuf,
    /// The data folder, which must be empty or not there.
    #[arg(long, default_value = "data")]
    pub data: PathBuf,
    /// The database that a backup of one goes into; empty.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// Options of `migrate-store`.
#[derive(Debug, Args)]
pub(crate) struct MigrateStore {
    /// Where the store is: a data folder, or postgres://…
    #[arg(long, value_name = "FOLDER|URL")]
    pub from: End,
    /// Where it goes: a data folder without a store, or an empty database.
    #[arg(long, value_name = "FOLDER|URL")]
    pub to: End,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The data folder.
    #[arg(long, default_value = "data")]
    pub data: PathBuf,
    /// The settings' file, instead of `tidings.toml` in the data folder.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// What many nodes share.
    #[command(flatten)]
    pub shared: Shared,
}
