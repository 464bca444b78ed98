//! The settings of an installation: one struct per topic, whose doc comments are the documentation.
//!
//! They come from `tidings.toml` in the data folder (or `--config`), then from the environment: `TIDINGS__HTTP__LISTEN`
//! sets `http.listen`. An unknown key is an error that names it. Only this crate reads files and the environment.

mod alike;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tidings_api::TrustedProxy;
use tidings_app::Places;
use tidings_app::pipeline::files::store;
use tidings_app::settings::{S3Settings, Secret};
use tidings_brokers::{Brokers, Connection};
use tidings_mail::Mailer;
use tidings_outbound::{AllowRule, InvalidProxy, Proxy, Roots};
use tidings_script::Sandbox;

/// The program that runs; on Linux also when another version has taken its place on disk (proc(5)).
fn this_program() -> PathBuf {
    let of_linux = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") {
        return of_linux.to_owned();
    }
    std::env::current_exe().unwrap_or_else(|_| of_linux.to_owned())
}

/// What makes it a child that runs scripts.
const SCRIPT_SANDBOX: &str = "script-sandbox";

/// What an environment variable for a setting begins with.
const ENVIRONMENT_PREFIX: &str = "TIDINGS__";

/// Declares the topics of the settings: each a struct with its defaults, one a map from names that the operator gives, and
/// [`REFERENCE`], which holds the doc comments.
macro_rules! settings {
    ($(
        #[doc = $topic_doc:literal]
        $topic:ident: $Topic:ident {
            $(
                #[doc = $doc:literal]
                $key:ident: $Value:ty = $default:expr,
            )*
        }
    )*
    by name {
        #[doc = $map_doc:literal]
        $map:ident {
            #[doc = $name_doc:literal]
            $name:ident,
        }
    }) => {
        /// All settings.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct Settings {
            $(#[doc = $topic_doc] pub $topic: $Topic,)*
            #[doc = $map_doc]
            pub $map: BTreeMap<String, SecretText>,
        }

        $(
            #[doc = $topic_doc]
            #[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
            #[serde(deny_unknown_fields, default)]
            pub(crate) struct $Topic {
                $(#[doc = $doc] pub $key: $Value,)*
            }

            impl Default for $Topic {
                fn default() -> Self {
                    Self { $($key: $default,)* }
                }
            }
        )*

        /// What the settings mean: topics with their keys, in the order in which they are shown.
        const REFERENCE: &[Topic] = &[$(Topic {
            name: stringify!($topic),
            doc: $topic_doc,
            keys: &[$((stringify!($key), $doc)),*],
        },)* Topic {
            name: stringify!($map),
            doc: $map_doc,
            keys: &[(stringify!($name), $name_doc)],
        }];
    };
}

/// A topic, as it is described.
struct Topic {
    name: &'static str,
    doc: &'static str,
    keys: &'static [(&'static str, &'static str)],
}

settings! {
    /// The HTTP server.
    http: Http {
        /// Where it listens. Loopback unless you say otherwise: put a proxy with TLS in front. Since v0.1.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// How it is reached from outside, without a slash at the end. Unset, it is `http://` and the address above. Since v0.1.
        public_url: Option<String> = None,
        /// Proxies in front whose `X-Forwarded-For` is believed: addresses, or networks (`10.0.0.0/8`). Since v0.2.
        trusted_proxies: Vec<String> = Vec::new(),
        /// For how long `/readyz` says `draining` before a node that was told to stop takes nothing more, in seconds: balancers need it to notice. Unset, it is 0 without a database and 3 with one. Since v0.2.
        drain_s: Option<u64> = None,
    }
    /// The database of many nodes. Unset, there is one node, and everything is in its data folder.
    database: Database {
        /// `postgres://user:password@host:port/database?sslmode=verify-full`, the same on all nodes. Better in the environment than in a file: `TIDINGS__DATABASE__URL`. Since v0.2.
        url: Option<SecretText> = None,
        /// The database itself, where the address above leads to a pool that passes no notifications on (PgBouncer in transaction mode). Only without NATS. Since v0.2.
        listen_url: Option<SecretText> = None,
        /// Connections of this node that write. Since v0.2.
        writers: usize = DATABASE_WRITERS,
        /// Connections of this node that read. Since v0.2.
        readers: usize = DATABASE_READERS,
    }
    /// NATS, which carries hints between nodes. Unset, the database does.
    nats: Nats {
        /// Its servers, as `nats://host:4222` or `tls://host:4222`; several of a cluster. Since v0.2.
        urls: Vec<String> = Vec::new(),
        /// A file of credentials (`.creds`); one that is not absolute is in the data folder. Since v0.2.
        credentials: Option<PathBuf> = None,
        /// A file of certificates to trust instead of the machine's; one that is not absolute is in the data folder. Since v0.2.
        root_certificates: Option<PathBuf> = None,
        /// Our certificate, where the servers ask for one; one that is not absolute is in the data folder. Since v0.2.
        certificate: Option<PathBuf> = None,
        /// The key of our certificate. Since v0.2.
        certificate_key: Option<PathBuf> = None,
        /// Whether a connection without TLS is refused. Since v0.2.
        require_tls: bool = false,
        /// What tells this installation from others on the same servers: letters, digits, `-` and `_`. Since v0.2.
        installation: String = "main".into(),
    }
    /// This node, among others of the same database.
    node: Node {
        /// What people call it, in `tidings doctor` and in the log; unset, the machine's name and where it listens. Since v0.2.
        name: Option<String> = None,
    }
    /// What requests may cost.
    limits: Limits {
        /// Requests per second of one token, or of one address without a token; 0 means no limit. Since v0.1.
        requests_per_second: u32 = 1_000,
        /// Messages per second of one visitor of a chat page; ten times as many of one address. 0 means no limit. Since v0.1.
        visitor_messages_per_second: u32 = VISITOR_MESSAGES_PER_SECOND,
        /// The longest body, in bytes. Since v0.1.
        body_bytes_max: usize = BODY_BYTES_MAX,
        /// How long a request may take, in seconds; what answers for as long as it is open goes on. Since v0.2.
        request_timeout_s: u64 = tidings_api::Limits::default().request_timeout.as_secs(),
        /// How long a request may take that brings a file, in seconds. Since v0.2.
        upload_timeout_s: u64 = tidings_api::Limits::default().upload_timeout.as_secs(),
        /// How many requests may be in hand at once. Since v0.2.
        in_flight_max: usize = tidings_api::Limits::default().in_flight_max,
        /// How many event streams may be open at once. Since v0.2.
        streams_max: usize = tidings_api::Limits::default().streams_max,
        /// How many live connections of the Chat API may be open at once. Since v0.2.
        sockets_max: usize = tidings_api::Limits::default().sockets_max,
    }
    /// Where and how things are kept.
    storage: Storage {
        /// `full`: acknowledged means on disk. `normal`: a power cut may lose the last moments. Since v0.1.
        synchronous: Synchronous = Synchronous::Full,
        /// The most bytes that the store's file may grow to; what comes then is refused with `storage_full`. Unset, the disk is the limit. Since v0.1.
        bytes_max: Option<u64> = None,
    }
    /// Files that are uploaded, or copied from channels.
    files: Files {
        /// `folder`: in `files` of the data folder. `s3`: in a bucket of Amazon S3, or of what speaks its API. Since v0.2.
        store: FilesIn = FilesIn::Folder,
        /// A folder that all nodes share (NFS or the like), where files are with a database and without a bucket. Since v0.2.
        shared_folder: Option<PathBuf> = None,
        /// The largest file that may be uploaded, in bytes. Since v0.2.
        upload_bytes_max: u64 = tidings_app::Settings::default().upload_bytes_max,
        /// The bucket; it must be there, and need not be readable by others. Since v0.2.
        bucket: Option<String> = None,
        /// The bucket's region. Since v0.2.
        region: String = "us-east-1".into(),
        /// Where the service is; unset, it is Amazon's of the region. Since v0.2.
        endpoint: Option<String> = None,
        /// What the names of our objects begin with, as `tidings/`. Since v0.2.
        prefix: String = String::new(),
        /// Whether the bucket is named in the path (most services) or in the host (`false`). Since v0.2.
        path_style: bool = true,
        /// Who we are at the service. Since v0.2.
        access_key_id: Option<String> = None,
        /// What proves it. Better in the environment than in a file: `TIDINGS__FILES__SECRET_ACCESS_KEY`. Since v0.2.
        secret_access_key: Option<SecretText> = None,
    }
    /// Where visitors are.
    geo: Geo {
        /// A file in the format of `GeoLite2-City.mmdb`; one that is not absolute is in the data folder. Unset, nobody is placed. Since v0.2.
        database: Option<PathBuf> = None,
    }
    /// Calls to addresses that others give us.
    outbound: Outbound {
        /// Private addresses that may be called all the same: networks (`10.0.0.0/8`), hosts or hosts with ports. A port below 1024 other than 80 and 443 is open where its host is named. Since v0.1.
        allow: Vec<String> = Vec::new(),
        /// A proxy for all calls to others, the services of channels and a bucket included: `http://host:port`, `https://`, `socks5://` (it is told addresses) or `socks5h://` (it is told names), with `user:password@` where it asks for them. Better in the environment than in a file: `TIDINGS__OUTBOUND__PROXY`. Proxies of the environment's `HTTP_PROXY` are not used. Since v0.2.
        proxy: Option<SecretText> = None,
        /// A file of certificates (PEM) whose authorities are trusted beside the machine's, by mail as well; one that is not absolute is in the data folder. Since v0.2.
        ca_file: Option<PathBuf> = None,
        /// What is called without the proxy: names with all names below them, addresses, networks. Since v0.2.
        no_proxy: Vec<String> = Vec::new(),
    }
    /// Webhooks.
    delivery: Delivery {
        /// When a failed delivery is tried again, in seconds after the try before. Since v0.1.
        retry_delays_s: Vec<u64> = {
            tidings_app::Settings::default().retry_delays.iter().map(Duration::as_secs).collect()
        },
        /// How long one try may take, in seconds. Since v0.1.
        deadline_s: u64 = tidings_app::Settings::default().delivery_deadline.as_secs(),
    }
    /// Mail to those who run the installation: when an endpoint's receiver begins to fail, is paused, switched off, or is back.
    mail: Mail {
        /// The mail server: `smtps://user:password@host`, or `smtp://user:password@host:587?tls=required`. Unset, no mail is sent. Better in the environment than in a file: `TIDINGS__MAIL__URL`. Since v0.2.
        url: Option<SecretText> = None,
        /// Who it is from, as `Tidings <tidings@example.com>`. Since v0.2.
        from: Option<String> = None,
        /// Who gets it. Since v0.2.
        to: Vec<String> = Vec::new(),
    }
    /// The Chat API.
    chat_api: ChatApi {
        /// How many webhooks a program may register for one action. Since v0.2.
        webhooks_per_action_max: usize = tidings_app::Settings::default().webhooks_per_action_max,
    }
    /// How long things are kept.
    retention: Retention {
        /// For how many days events are kept; unset keeps them for ever. Since v0.1.
        days: Option<u32> = None,
        /// How many events of a workspace; unset keeps all. Since v0.1.
        events: Option<u64> = None,
        /// For how many days the log of deliveries is kept, since the last try; 0 keeps it for ever. What is still owed stays. Since v0.2.
        deliveries_days: u32 = DELIVERIES_DAYS,
        /// For how many days runs of behaviors are kept with their traces, since their end; 0 keeps them for ever. What still waits stays. Since v0.2.
        runs_days: u32 = RUNS_DAYS,
    }
    /// Bots.
    bots: Bots {
        /// The folder of their texts, one folder each; unset, `bots` in the data folder. Since v0.1.
        folder: Option<PathBuf> = None,
        /// What a bot says when it fails and would be silent. Since v0.1.
        failure_answer: String = tidings_app::Settings::default().bot_failure_answer,
        /// How many messages bots may write in one chat within a minute. Since v0.1.
        messages_per_minute_max: u32 = tidings_app::Settings::default().bot_messages_per_minute_max,
        /// How many runs of a behavior must fail in a row, within a day, until it is paused; 0 pauses none. Since v0.2.
        pause_after_failures: u32 = tidings_app::Settings::default().bot_pause_after_failures,
    }
    /// JavaScript of bots, in processes of their own.
    scripts: Scripts {
        /// Whether bots may run any. Since v0.2.
        enabled: bool = true,
        /// How many run at once; others wait. Since v0.2.
        processes_max: usize = 2,
        /// The longest that one may run, in milliseconds: 1 to 60000. Since v0.2.
        time_ms_max: u64 = 1_000,
        /// The most memory of one, in megabytes: 8 to 1024. Since v0.2.
        memory_mb_max: usize = 32,
    }
    /// The workspace's own types of events.
    types: Types {
        /// The folder of their files, `*.toml`; unset, `types` in the data folder. Since v0.2.
        folder: Option<PathBuf> = None,
    }
    /// The log.
    log: Log {
        /// `text` for people, `json` for programs. Since v0.1.
        format: LogFormat = LogFormat::Text,
        /// What is written, as `info` or `info,tidings_app=debug`. Since v0.1.
        level: String = "info".into(),
    }
    by name {
        /// Brokers that endpoints may name instead of a URL, each under a name of your choice: letters, digits, `-` and `_`. Nothing else of them is shown to anybody.
        brokers {
            /// As `nats://user:password@host:4222` (JetStream), `amqps://user:password@host/vhost` (RabbitMQ), `rediss://:password@host/0` (streams), `kafkas://user:password@host:9092` or `file:///folder` (lines of JSON). `tls://`, `amqps://`, `rediss://` and `kafkas://` are with TLS. Options follow a `?`: with TLS `root_certificates` (a file of whom to trust instead of the machine's list), for Kafka `sasl` (`plain`, `scram-sha-256`, `scram-sha-512`), for files `file_bytes`, `file_s` and `files` (when one ends, and how many are kept). Better in the environment than in a file: `TIDINGS__BROKERS__NAME`. Since v0.2.
            name,
        }
    }
}

/// As the app has it: a month.
const DELIVERIES_DAYS: u32 = 30;

/// As the app has it: a month.
const RUNS_DAYS: u32 = 30;

/// A commit is mostly waiting for the disk and the network: four keep a database of a few cores busy.
const DATABASE_WRITERS: usize = 4;

/// Ten nodes with so many stay below the hundred connections that PostgreSQL takes unless told otherwise.
const DATABASE_READERS: usize = 5;

/// How long a node with a database says that it goes, unless told otherwise: balancers that ask every second, and give up
/// after two wrong answers, have noticed.
const DRAIN_WITH_DATABASE: Duration = Duration::from_secs(3);

/// The longest [`Http::drain_s`]: what manages services kills what takes minutes.
const DRAIN_S_MAX: u64 = 600;

/// Nobody types faster.
const VISITOR_MESSAGES_PER_SECOND: u32 = 5;

/// One MiB holds the longest message (16 KB) with any sensible metadata many times over.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The least that a store's file needs: its tables, and some thousand small events.
const STORAGE_BYTES_MIN: u64 = 1 << 20;

/// When a commit counts as written.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Synchronous {
    /// When the disk says so.
    #[default]
    Full,
    /// When the operating system has it.
    Normal,
}

/// Where files are kept.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FilesIn {
    /// In the data folder.
    #[default]
    Folder,
    /// In a bucket.
    S3,
}

/// A text that no log shows.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub(crate) struct SecretText(pub(crate) String);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText")
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// A `tidings.toml` that says every default, and what each setting means.
pub(crate) fn commented_defaults() -> anyhow::Result<String> {
    let defaults = toml::Table::try_from(Settings::default())?;
    let mut page = String::new();
    for topic in REFERENCE {
        let separator = if page.is_empty() { "" } else { "\n" };
        page.push_str(&format!("{separator}#{}\n[{}]\n", topic.doc, topic.name));
        let values = defaults.get(topic.name).and_then(toml::Value::as_table);
        for (key, doc) in topic.keys {
            page.push_str(&format!("#{doc}\n"));
            match values.and_then(|values| values.get(*key)) {
                Some(value) => page.push_str(&format!("{key} = {value}\n")),
                None => page.push_str(&format!("# {key} =\n")),
            }
        }
    }
    Ok(page)
}

/// The reference page, `docs/reference/settings.md`.
pub(crate) fn reference() -> anyhow::Result<String> {
    Ok(format!(
        "# Settings\n\n\
         Settings come from `tidings.toml` in the data folder, or from the file after `--config`.\n\
         Environment variables go over the file: `{ENVIRONMENT_PREFIX}HTTP__LISTEN` sets `listen` of `[http]`; lists are written with commas.\n\
         An unknown key or a wrong value ends the start, and is named.\n\
         A change takes effect at the next start.\n\n\
         This is a file of all defaults, as `tidings settings` prints it; what has no default is commented out.\n\
         This page is generated from the code; do not edit it.\n\n\
         ```toml\n{}```\n",
        commented_defaults()?
    ))
}

impl Settings {
    /// Reads the settings of an installation: its file, if there is one, then the environment, then what was said on the
    /// command line, as variables.
    pub(crate) fn read(
        data: &Path,
        config: Option<&Path>,
        said: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let default = data.join("tidings.toml");
        let path = config.unwrap_or(&default);
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && config.is_none() => {
                String::new()
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let environment = std::env::vars().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX));
        Self::merge(&text, environment.chain(said)).with_context(|| {
            format!("wrong settings (from {} and {ENVIRONMENT_PREFIX}…)", path.display())
        })
    }

    /// The settings of a text, changed by variables.
    pub(crate) fn merge(
        text: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        // Read as it stands first: an error then points at its line.
        toml::from_str::<Self>(text).map_err(|error| without_its_line(text, &error))?;
        let mut table: toml::Table = toml::from_str(text)?;
        for (name, value) in variables {
            let path = name.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or(&name).to_ascii_lowercase();
            let (section, key) =
                path.split_once("__").with_context(|| format!("{name} names no setting"))?;
            let entry =
                table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let entry =
                entry.as_table_mut().with_context(|| format!("{section} is not a section"))?;
            entry.insert(key.into(), from_variable(section, key, &value));
        }
        let settings: Self = table.try_into()?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        self.allow_rules()?;
        self.proxy()?;
        self.trusted_proxies()?;
        self.mailer_trusting(None)?;
        self.brokers()?;
        anyhow::ensure!(
            self.limits.body_bytes_max >= 1_024,
            "limits.body_bytes_max: must be at least 1024"
        );
        for (name, value) in [
            ("request_timeout_s", self.limits.request_timeout_s),
            ("upload_timeout_s", self.limits.upload_timeout_s),
            ("in_flight_max", self.limits.in_flight_max as u64),
        ] {
            anyhow::ensure!(value >= 1, "limits.{name}: must be at least 1");
        }
        anyhow::ensure!(
            self.storage.bytes_max.is_none_or(|bytes| bytes >= STORAGE_BYTES_MIN),
            "storage.bytes_max: must be at least {STORAGE_BYTES_MIN}"
        );
        anyhow::ensure!(
            self.files.upload_bytes_max >= 1,
            "files.upload_bytes_max: must be at least 1"
        );
        anyhow::ensure!(
            self.http.drain_s.is_none_or(|seconds| seconds <= DRAIN_S_MAX),
            "http.drain_s: must be at most {DRAIN_S_MAX}"
        );
        for (name, value, range) in [
            ("processes_max", self.scripts.processes_max as u64, 1..=64),
            ("time_ms_max", self.scripts.time_ms_max, 1..=60_000),
            ("memory_mb_max", self.scripts.memory_mb_max as u64, 8..=1_024),
        ] {
            let (least, most) = (range.start(), range.end());
            anyhow::ensure!(range.contains(&value), "scripts.{name}: must be {least} to {most}");
        }
        self.check_many_nodes()?;
        if let Some(bucket) = self.bucket()? {
            store::check_s3(&bucket)?;
        }
        anyhow::ensure!(self.delivery.deadline_s >= 1, "delivery.deadline_s: must be at least 1");
        if let Some(url) = &self.http.public_url {
            anyhow::ensure!(
                (url.starts_with("http://") || url.starts_with("https://")) && !url.ends_with('/'),
                "http.public_url: must begin with http:// or https:// and not end with a slash"
            );
        }
        Ok(())
    }

    /// What only a database makes possible, and what a database needs.
    fn check_many_nodes(&self) -> anyhow::Result<()> {
        let Some(SecretText(url)) = &self.database.url else {
            anyhow::ensure!(
                self.nats.urls.is_empty(),
                "nats.urls: nodes are many only with a database; say database.url (--database) as well"
            );
            anyhow::ensure!(
                self.files.shared_folder.is_none(),
                "files.shared_folder: is for many nodes; without database.url files are in the data folder"
            );
            return Ok(());
        };
        anyhow::ensure!(
            url.starts_with("postgres://") || url.starts_with("postgresql://"),
            "database.url: must begin with postgres://"
        );
        for url in &self.nats.urls {
            anyhow::ensure!(
                ["nats://", "tls://", "ws://", "wss://"].iter().any(|start| url.starts_with(start)),
                "nats.urls: each must begin with nats:// or tls://"
            );
        }
        anyhow::ensure!(self.database.writers >= 1, "database.writers: must be at least 1");
        anyhow::ensure!(self.database.readers >= 1, "database.readers: must be at least 1");
        anyhow::ensure!(
            self.files.store == FilesIn::S3 || self.files.shared_folder.is_some(),
            "files.store: with a database every node must reach all files: put them into a bucket \
             (files.store = \"s3\"), or name a folder that all nodes share (files.shared_folder)"
        );
        Ok(())
    }

    /// How long a node that was told to stop goes on, so that balancers notice.
    pub(crate) fn drain_time(&self) -> Duration {
        match (self.http.drain_s, &self.database.url) {
            (Some(seconds), _) => Duration::from_secs(seconds),
            (None, Some(_)) => DRAIN_WITH_DATABASE,
            (None, None) => Duration::ZERO,
        }
    }

    /// The rules of `outbound.allow`.
    pub(crate) fn allow_rules(&self) -> anyhow::Result<Vec<AllowRule>> {
        let rules = self.outbound.allow.iter().map(|rule| rule.parse::<AllowRule>());
        rules.collect::<Result<_, _>>().context("outbound.allow")
    }

    /// The proxy of `outbound.proxy`.
    pub(crate) fn proxy(&self) -> anyhow::Result<Option<Proxy>> {
        let Some(SecretText(url)) = &self.outbound.proxy else {
            anyhow::ensure!(
                self.outbound.no_proxy.is_empty(),
                "outbound.no_proxy: is for calls that go through outbound.proxy, which is not set"
            );
            return Ok(None);
        };
        let proxy = Proxy::new(url, &self.outbound.no_proxy).map_err(|error| match error {
            InvalidProxy::Url => anyhow::anyhow!("outbound.proxy: {error}"),
            InvalidProxy::Exception(_) | InvalidProxy::TooManyExceptions => {
                anyhow::anyhow!("outbound.no_proxy: {error}")
            }
        })?;
        Ok(Some(proxy))
    }

    /// The brokers of `brokers`; nothing connects yet.
    pub(crate) fn brokers(&self) -> anyhow::Result<Brokers> {
        let connections: Vec<Connection> = self
            .brokers
            .iter()
            .map(|(name, SecretText(url))| Connection { name: name.clone(), url: url.clone() })
            .collect();
        Brokers::open(&connections)
            .map_err(|wrong| anyhow::anyhow!("brokers.{}: {}", wrong.name, wrong.why))
    }

    /// The authorities of `outbound.ca_file`.
    pub(crate) fn added_authorities(&self, data: &Path) -> anyhow::Result<Option<Roots>> {
        Ok(self.read_authorities(data)?.map(|(roots, _)| roots))
    }

    /// The same, and as they are written.
    fn read_authorities(&self, data: &Path) -> anyhow::Result<Option<(Roots, Vec<u8>)>> {
        let Some(path) = &self.outbound.ca_file else { return Ok(None) };
        let path = data.join(path);
        let wrong = || format!("outbound.ca_file: cannot take {}", path.display());
        let pem = std::fs::read(&path).with_context(wrong)?;
        Ok(Some((Roots::from_pem(&pem).with_context(wrong)?, pem)))
    }

    /// The addresses of `http.trusted_proxies`.
    pub(crate) fn trusted_proxies(&self) -> anyhow::Result<Vec<TrustedProxy>> {
        let proxies = self.http.trusted_proxies.iter().map(|proxy| proxy.parse());
        proxies.collect::<Result<_, _>>().context("http.trusted_proxies")
    }

    /// Where scripts of bots run, if they may.
    pub(crate) fn sandbox(&self) -> Option<Sandbox> {
        let Scripts { enabled, processes_max, time_ms_max, memory_mb_max } = self.scripts;
        let settings = tidings_script::Settings {
            processes_max,
            time_max: Duration::from_millis(time_ms_max),
            memory_bytes_max: memory_mb_max << 20,
            ..tidings_script::Settings::new(this_program(), &[SCRIPT_SANDBOX])
        };
        enabled.then(|| Sandbox::new(settings))
    }

    /// Who sends mail, if somebody does. The mail server may be of the authorities of `outbound.ca_file`.
    pub(crate) fn mailer(&self, data: &Path) -> anyhow::Result<Option<Mailer>> {
        if self.mail.url.is_none() {
            return self.mailer_trusting(None);
        }
        let pem = self.read_authorities(data)?.map(|(_, pem)| pem);
        self.mailer_trusting(pem.as_deref())
    }

    fn mailer_trusting(&self, authorities: Option<&[u8]>) -> anyhow::Result<Option<Mailer>> {
        let Some(SecretText(url)) = &self.mail.url else {
            anyhow::ensure!(
                self.mail.from.is_none() && self.mail.to.is_empty(),
                "mail.url: is needed where mail.from or mail.to is set"
            );
            return Ok(None);
        };
        let from = self.mail.from.as_deref().context("mail.from: is needed with mail.url")?;
        // The settings are named as the fields of what is wrong.
        Mailer::new(url, from, &self.mail.to, authorities)
            .map(Some)
            .map_err(|wrong| anyhow::anyhow!("mail.{wrong}"))
    }

    /// The database of `geo`.
    fn places(&self, data: &Path) -> anyhow::Result<Places> {
        let Some(path) = &self.geo.database else { return Ok(Places::default()) };
        let path = data.join(path);
        let wrong = || format!("geo.database: cannot read {}", path.display());
        Places::read(std::fs::read(&path).with_context(wrong)?).with_context(wrong)
    }

    /// The bucket of `files`; `None` when they are in the data folder.
    fn bucket(&self) -> anyhow::Result<Option<S3Settings>> {
        let files = &self.files;
        if files.store == FilesIn::Folder {
            return Ok(None);
        }
        let needed = |name: &str| format!("files.{name}: is needed where files.store is \"s3\"");
        let secret = files.secret_access_key.clone();
        Ok(Some(S3Settings {
            bucket: files.bucket.clone().with_context(|| needed("bucket"))?,
            region: files.region.clone(),
            endpoint: match &files.endpoint {
                Some(endpoint) => endpoint.clone(),
                None => format!("https://s3.{}.amazonaws.com", files.region),
            },
            access_key_id: files.access_key_id.clone().with_context(|| needed("access_key_id"))?,
            secret_access_key: Secret::new(secret.with_context(|| needed("secret_access_key"))?.0),
            prefix: files.prefix.clone(),
            path_style: files.path_style,
        }))
    }

    /// What of it the pipeline takes.
    pub(crate) fn pipeline(
        &self,
        data: &Path,
        listens_on: SocketAddr,
    ) -> anyhow::Result<tidings_app::Settings> {
        let public_url =
            self.http.public_url.clone().unwrap_or_else(|| format!("http://{listens_on}"));
        Ok(tidings_app::Settings {
            alike: alike::told(self, &public_url)?,
            public_url,
            files_folder: match &self.files.shared_folder {
                Some(folder) => data.join(folder),
                None => data.join("files"),
            },
            files_in_s3: self.bucket()?,
            upload_bytes_max: self.files.upload_bytes_max,
            places: self.places(data)?,
            keep_events_for: self
                .retention
                .days
                .map(|days| Duration::from_secs(u64::from(days) * 86_400)),
            keep_events_max: self.retention.events,
            keep_deliveries_for: kept_for(self.retention.deliveries_days),
            keep_runs_for: kept_for(self.retention.runs_days),
            retry_delays: self
                .delivery
                .retry_delays_s
                .iter()
                .copied()
                .map(Duration::from_secs)
                .collect(),
            delivery_deadline: Duration::from_secs(self.delivery.deadline_s),
            mail: self.mailer(data)?,
            scripts: self.sandbox(),
            brokers: Arc::new(self.brokers()?),
            webhooks_per_action_max: self.chat_api.webhooks_per_action_max,
            bot_failure_answer: self.bots.failure_answer.clone(),
            bot_messages_per_minute_max: self.bots.messages_per_minute_max,
            bot_pause_after_failures: self.bots.pause_after_failures,
        })
    }
}

/// How long so many days are; none keeps for ever.
fn kept_for(days: u32) -> Option<Duration> {
    (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400))
}

/// What is wrong, in which line and with which key; not the line itself, as passwords may stand there.
fn without_its_line(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return anyhow::anyhow!("{}", error.message());
    };
    let above = before.matches('\n').count();
    let of_key = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let key = text.lines().nth(above).and_then(|line| line.split_once('='));
    let key = key.map(|(key, _)| key.trim()).filter(|key| key.chars().all(of_key));
    let named = key.map(|key| format!(", {key}")).unwrap_or_default();
    anyhow::anyhow!("line {}{named}: {}", above + 1, error.message())
}

/// A variable's text as the value it means: a number, true or false, a list after commas, or text.
fn from_variable(section: &str, key: &str, text: &str) -> toml::Value {
    let is_list = matches!(
        (section, key),
        ("http", "trusted_proxies")
            | ("outbound", "allow" | "no_proxy")
            | ("delivery", "retry_delays_s")
            | ("nats", "urls")
            | ("mail", "to")
    );
    if is_list {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        return toml::Value::Array(parts.map(plain).collect());
    }
    // Names and keys are texts, also those of digits only.
    let is_text = match section {
        "files" => !matches!(key, "upload_bytes_max" | "path_style"),
        "node" | "mail" | "brokers" => true,
        "nats" => key != "require_tls",
        _ => false,
    };
    if is_text {
        return toml::Value::String(text.into());
    }
    plain(text)
}

fn plain(text: &str) -> toml::Value {
    if let Ok(number) = text.parse() {
        return toml::Value::Integer(number);
    }
    match text {
        "true" => toml::Value::Boolean(true),
        "false" => toml::Value::Boolean(false),
        _ => toml::Value::String(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(Settings::merge("", []).expect("good"), Settings::default());
    }

    #[test]
    fn the_printed_file_says_the_defaults_and_every_key() {
        let printed = commented_defaults().expect("printed");
        assert_eq!(Settings::merge(&printed, []).expect("good"), Settings::default());
        // What has no default is known all the same: with a value it is read.
        let set = printed
            .replace("# public_url =", "public_url = \"https://chat.example\"")
            .replace("# bytes_max =", "bytes_max = 2000000")
            .replace("# database =", "database = \"places.mmdb\"")
            .replace("# days =", "days = 1")
            .replace("# events =", "events = 1")
            .replace("# bucket =", "bucket = \"files\"")
            .replace("# endpoint =", "endpoint = \"https://s3.example\"")
            .replace("# access_key_id =", "access_key_id = \"id\"")
            .replace("# secret_access_key =", "secret_access_key = \"secret\"")
            .replace("# folder =", "folder = \"bots\"")
            .replace("# drain_s =", "drain_s = 1")
            .replace("# listen_url =", "listen_url = \"postgres://db.example/tidings\"")
            .replacen("# url =", "url = \"postgres://db.example/tidings\"", 1)
            .replace("# url =", "url = \"smtps://mail.example\"")
            .replace("# from =", "from = \"tidings@example.com\"")
            .replace("\nto = []", "\nto = [\"olga@example.com\"]")
            .replace("# certificate =", "certificate = \"node.pem\"")
            .replace("# certificate_key =", "certificate_key = \"node.key\"")
            .replace("# credentials =", "credentials = \"tidings.creds\"")
            .replace("# root_certificates =", "root_certificates = \"ca.pem\"")
            .replace("# name =", "name = \"file:///mnt/events\"")
            .replace("# ca_file =", "ca_file = \"authorities.pem\"")
            .replace("# proxy =", "proxy = \"socks5://proxy.example\"")
            .replace("# shared_folder =", "shared_folder = \"/mnt/files\"");
        assert!(!set.lines().any(|line| line.starts_with("# ") && line.ends_with(" =")), "{set}");
        Settings::merge(&set, []).expect("every key is known");
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let text = "[http]\nlisten = \"127.0.0.1:1\"\n[limits]\nrequests_per_second = 5\n";
        let variables = [
            variable("TIDINGS__HTTP__LISTEN", "0.0.0.0:9"),
            variable("TIDINGS__OUTBOUND__ALLOW", "127.0.0.0/8, localhost:99"),
            variable("TIDINGS__STORAGE__SYNCHRONOUS", "normal"),
        ];
        let settings = Settings::merge(text, variables).expect("good");
        assert_eq!(settings.http.listen.to_string(), "0.0.0.0:9");
        assert_eq!(settings.limits.requests_per_second, 5);
        assert_eq!(settings.outbound.allow, ["127.0.0.0/8", "localhost:99"]);
        assert_eq!(settings.storage.synchronous, Synchronous::Normal);
    }

    #[test]
    fn a_bucket_needs_its_keys_and_shows_no_secret() {
        let text = "[files]\nstore = \"s3\"\nbucket = \"files\"\naccess_key_id = \"id\"\n";
        let error = Settings::merge(text, []).expect_err("the secret is missing").to_string();
        assert!(error.contains("files.secret_access_key"), "{error}");
        let secret = variable("TIDINGS__FILES__SECRET_ACCESS_KEY", "12345678");
        let settings = Settings::merge(text, [secret.clone()]).expect("good");
        assert!(!format!("{settings:?}").contains("12345678"), "{settings:?}");
        let wrong = variable("TIDINGS__FILES__PREFIX", "../");
        let error = Settings::merge(text, [secret, wrong]).expect_err("it leads elsewhere");
        assert!(error.to_string().contains("files.prefix"), "{error}");
    }

    #[test]
    fn a_proxy_has_exceptions_and_shows_no_password() {
        let proxy = variable("TIDINGS__OUTBOUND__PROXY", "http://me:wonder@proxy:3128");
        let none = variable("TIDINGS__OUTBOUND__NO_PROXY", "carol.example, 10.0.0.0/8");
        let settings = Settings::merge("", [proxy.clone(), none]).expect("good");
        assert_eq!(settings.outbound.no_proxy, ["carol.example", "10.0.0.0/8"]);
        assert!(settings.proxy().expect("good").is_some());
        assert!(!format!("{settings:?}").contains("wonder"), "{settings:?}");
        let wrong = variable("TIDINGS__OUTBOUND__NO_PROXY", "carol.example:80");
        let error = Settings::merge("", [proxy, wrong]).expect_err("a port").to_string();
        assert!(error.contains("outbound.no_proxy"), "{error}");
    }

    #[test]
    fn brokers_have_names_and_show_no_password() {
        let text = "[brokers]\nfiles = \"file:///mnt/events\"\n";
        let events = variable("TIDINGS__BROKERS__EVENTS", "nats://me:wonder@nats");
        let settings = Settings::merge(text, [events]).expect("good");
        let brokers = settings.brokers().expect("good");
        let names: Vec<&str> = brokers.names().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["events", "files"]);
        assert!(!format!("{settings:?} {brokers:?}").contains("wonder"), "{settings:?}");
        for (name, value, told) in [
            (
                "TIDINGS__BROKERS__EVENTS",
                "http://me:SECRET@nats",
                "brokers.events: url: must begin",
            ),
            ("TIDINGS__BROKERS__EVENTS", "nats://me:SECRET@", "brokers.events: url: host"),
            ("TIDINGS__BROKERS__A B", "nats://me:SECRET@nats", "brokers.a b: name: must have"),
        ] {
            let error = Settings::merge("", [variable(name, value)]).expect_err(value).to_string();
            assert!(error.contains(told) && !error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_in_the_file_is_not_repeated() {
        for (line, told) in [
            ("events = [\"nats://me:SECRET@nats\"]", "invalid type: sequence, expected a string"),
            ("events = \"nats://me:SECRET@nats", "invalid basic string"),
            ("events = 'nats://me:SECRET@nats'\nevents = 'nats://me:SECRET@nats'", "duplicate key"),
        ] {
            let text = format!("[http]\n[brokers]\n{line}\n");
            let error = Settings::merge(&text, []).expect_err(told).to_string();
            assert!(error.contains(told) && error.contains("line "), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn added_authorities_come_from_a_file() {
        let data = tempfile::tempdir().expect("a folder");
        let said = variable("TIDINGS__OUTBOUND__CA_FILE", "ours.pem");
        let settings = Settings::merge("", [said]).expect("good");
        let error = settings.added_authorities(data.path()).expect_err("there is none");
        assert!(error.to_string().contains("outbound.ca_file"), "{error}");
        std::fs::write(data.path().join("ours.pem"), "hello").expect("written");
        let error = settings.added_authorities(data.path()).expect_err("it holds none");
        assert!(format!("{error:#}").contains("BEGIN CERTIFICATE"), "{error:#}");
        let pem = include_str!("../../outbound/tests/data/tls/authority.pem");
        std::fs::write(data.path().join("ours.pem"), pem).expect("written");
        assert!(settings.added_authorities(data.path()).expect("good").is_some());
    }

    #[test]
    fn many_nodes_need_files_that_all_reach() {
        let url = variable("TIDINGS__DATABASE__URL", "postgres://alice:wonder@db/tidings");
        let error = Settings::merge("", [url.clone()]).expect_err("files are in one folder");
        assert!(error.to_string().contains("files.shared_folder"), "{error}");
        let folder = variable("TIDINGS__FILES__SHARED_FOLDER", "/mnt/files");
        let settings = Settings::merge("", [url, folder.clone()]).expect("good");
        assert!(!format!("{settings:?}").contains("wonder"), "{settings:?}");
        assert_eq!(settings.drain_time(), DRAIN_WITH_DATABASE);
        let error = Settings::merge("", [folder]).expect_err("there is one node").to_string();
        assert!(error.contains("database.url"), "{error}");
        let nats = variable("TIDINGS__NATS__URLS", "nats://a:4222, tls://b:4222");
        let error = Settings::merge("", [nats]).expect_err("there is one node").to_string();
        assert!(error.contains("database.url"), "{error}");
    }

    #[test]
    fn a_wrong_key_is_named() {
        let error = Settings::merge("[http]\nlissten = 1\n", []).expect_err("unknown").to_string();
        assert!(error.contains("lissten") && error.contains("line 2"), "{error}");
        let error =
            Settings::merge("", [variable("TIDINGS__HTTP__LISSTEN", "1")]).expect_err("unknown");
        assert!(error.to_string().contains("lissten"), "{error}");
        let error =
            Settings::merge("[outbound]\nallow = [\"10.0.0.0/99\"]\n", []).expect_err("bad rule");
        assert!(error.to_string().contains("outbound.allow"), "{error}");
        for (name, value, key) in [
            ("TIDINGS__OUTBOUND__PROXY", "ftp://me:SECRET@proxy", "outbound.proxy"),
            ("TIDINGS__OUTBOUND__NO_PROXY", "carol.example", "outbound.no_proxy"),
        ] {
            let error = Settings::merge("", [variable(name, value)]).expect_err(name).to_string();
            assert!(error.contains(key) && !error.contains("SECRET"), "{error}");
        }
        let proxies = variable("TIDINGS__HTTP__TRUSTED_PROXIES", "10.0.0.1,proxy");
        let error = Settings::merge("", [proxies]).expect_err("no network").to_string();
        assert!(error.contains("http.trusted_proxies"), "{error}");
    }
}
