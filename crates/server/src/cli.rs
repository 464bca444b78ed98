//! What can be said on the command line.

pub(crate) mod bots;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod runs;
mod simulate;

pub(crate) use simulate::Simulate;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::bin::behavior::Behavior;
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
    /// Receive webhooks: print each, verify it, and misbehave when told to. For trying out and testing.
    Bin(Bin),
    /// List the types of events, or show one.
    EventTypes(EventTypes),
    /// Check bots' texts: every error with file, line and column.
    Check(Check),
    /// Tell what a draft of a bot would do, without doing anything.
    Simulate(Simulate),
    /// List the bots of a running server and their versions, compare, publish and bring back.
    Bots(bots::Bots),
    /// List what behaviors did, and show one run step by step.
    Runs(runs::Runs),
    /// Translate bots of other systems into bots of Tidings.
    Import(import::Import),
    /// Print events of a running server, and follow them.
    Events(Events),
    /// List what was sent to endpoints and how it went, and show, repeat or give up one of it.
    Deliveries(Deliveries),
    /// List the jobs that send again what was lost, and show or end one.
    Jobs(jobs::Jobs),
    /// Post events of a running server to an address of this machine, as an endpoint would get them.
    Listen(Listen),
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
    /// Run scripts of bots for the server that started this; it says how on standard input.
    #[command(hide = true)]
    ScriptSandbox,
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
    /// The folder of the workspace's own types of events, instead of the setting `types.folder`.
    #[arg(long)]
    pub types: Option<PathBuf>,
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

/// Options of `bin`.
#[derive(Debug, Args)]
pub(crate) struct Bin {
    /// Where to listen: this machine only, unless told.
    #[arg(long, default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,
    /// By which key deliveries are verified, whsec_... or whpk_...; more than one while a key changes.
    #[arg(
        long = "secret",
        env = "TIDINGS_WEBHOOK_SECRET",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub secrets: Vec<String>,
    /// What a sender must show in a handshake that shows a token.
    #[arg(long)]
    pub token: Option<String>,
    /// Let others than this machine look at deliveries and tell how to behave.
    #[arg(long)]
    pub open: bool,
    /// As JSON, one delivery a line.
    #[arg(long)]
    pub json: bool,
    /// Print bodies as well.
    #[arg(long, conflicts_with = "json")]
    pub show_body: bool,
    /// How it behaves at first; `PUT /behave` changes it, with the same names.
    #[command(flatten, next_help_heading = "Misbehaving")]
    pub behavior: Behavior,
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
    /// Run the bots' own tests as well: the files in their folders `tests`.
    #[arg(long)]
    pub test: bool,
    /// The folder of the workspace's own types of events that they may name.
    #[arg(long, default_value = "types")]
    pub types: PathBuf,
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

/// How a running server is reached, before or after the name of what is to be done.
#[derive(Debug, Args)]
pub(crate) struct ServerAnywhere {
    /// The server's address.
    #[arg(long, env = "TIDINGS_URL", default_value = "http://127.0.0.1:8080", global = true)]
    pub url: String,
    /// A token of its API; must be said here or in the environment.
    #[arg(long, env = "TIDINGS_TOKEN", hide_env_values = true, global = true)]
    pub token: Option<String>,
}

impl ServerAnywhere {
    /// The server, if its token was said.
    pub(crate) fn checked(self) -> anyhow::Result<Server> {
        let token = self.token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| {
            anyhow::anyhow!(
                "say the token of the server's API: --token, or TIDINGS_TOKEN in the environment"
            )
        })?;
        Ok(Server { url: self.url, token })
    }
}

/// Options of `deliveries`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Deliveries {
    /// What to do with one of them; they are listed, unless given.
    #[command(subcommand)]
    pub action: Option<DeliveriesAction>,
    /// Which ones are listed.
    #[command(flatten)]
    pub list: DeliveriesList,
    /// The server.
    #[command(flatten)]
    pub server: ServerAnywhere,
}

/// Which deliveries are listed, and how.
#[derive(Debug, Args)]
pub(crate) struct DeliveriesList {
    /// Only those to this endpoint.
    #[arg(long, value_name = "ID")]
    pub endpoint: Option<String>,
    /// Only those that are pending, delivered or failed.
    #[arg(long)]
    pub status: Option<String>,
    /// As `--status failed`.
    #[arg(long, conflicts_with = "status")]
    pub failed: bool,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    /// Go on with what is new or tried again.
    #[arg(long, short)]
    pub follow: bool,
    /// As JSON, one delivery a line.
    #[arg(long)]
    pub json: bool,
}

/// What to do with a delivery.
#[derive(Debug, Subcommand)]
pub(crate) enum DeliveriesAction {
    /// Show one with every try and what was answered.
    Show {
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Show what exactly is sent: address, headers and body.
        #[arg(long)]
        request: bool,
    },
    /// Print a curl command that sends what one sent; secrets are variables of the shell.
    Curl {
        /// Its id.
        id: String,
    },
    /// Try one once more, now.
    Redeliver {
        /// Its id.
        id: String,
    },
    /// Send again all that failed at an endpoint: begins a job.
    Recover(jobs::Recover),
    /// Send a range of the log to an endpoint, delivered before or not: begins a job.
    Replay(jobs::Replay),
    /// Give a pending one up; what waits behind it in its chat goes on.
    Cancel {
        /// Its id.
        id: String,
    },
}

/// Options of `listen`.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// The server.
    #[command(flatten)]
    pub server: Server,
    /// Where events are posted to, as `http://localhost:3000/hook`.
    #[arg(long, value_name = "URL")]
    pub forward_to: String,
    /// Only these types, aliases or areas as chat.*; separated by commas, or given more than once.
    #[arg(long, value_delimiter = ',')]
    pub events: Vec<String>,
    /// Begin after this number; now, unless given.
    #[arg(long, value_name = "SEQ")]
    pub since: Option<u64>,
    /// The secret that signs, whsec_...; a new one, unless given.
    #[arg(long, env = "TIDINGS_WEBHOOK_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
    /// Go on with the next event when nobody answers, instead of trying again.
    #[arg(long)]
    pub skip: bool,
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
    /// Its data as JSON, or @ and the path of a file with it, instead of the sample.
    #[arg(long, value_name = "JSON|@FILE")]
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
