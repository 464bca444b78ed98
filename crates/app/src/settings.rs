//! What an operator may set about the pipeline. `server` reads them from its file; the defaults stand here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidings_brokers::Brokers;
use tidings_mail::Mailer;
use tidings_script::Sandbox;

use crate::Places;

/// The pipeline's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How this installation is reached from outside, without a slash at the end; part of file addresses and of the
    /// webhooks that channels are told.
    pub public_url: String,
    /// Where files are kept, or only wait where a bucket keeps them.
    pub files_folder: std::path::PathBuf,
    /// The bucket that keeps files; `None` keeps them in the folder.
    pub files_in_s3: Option<S3Settings>,
    /// The largest file that may be uploaded, in bytes.
    pub upload_bytes_max: u64,
    /// Where addresses are.
    pub places: Places,
    /// How long events are kept; `None` keeps them for ever.
    pub keep_events_for: Option<Duration>,
    /// How many events a workspace keeps; `None` keeps all.
    pub keep_events_max: Option<u64>,
    /// How long it is kept what became of deliveries; `None` keeps it for ever.
    pub keep_deliveries_for: Option<Duration>,
    /// How long runs of behaviors are kept after their end; `None` keeps them for ever.
    pub keep_runs_for: Option<Duration>,
    /// When a failed delivery is tried again, one delay after the other; after the last it has failed.
    pub retry_delays: Vec<Duration>,
    /// How long one delivery may take, from the look-up of the name to the last byte of the answer.
    pub delivery_deadline: Duration,
    /// What endpoints may name instead of a URL.
    pub brokers: Arc<Brokers>,
    /// How many webhooks of the Chat API a program may have for one action.
    pub webhooks_per_action_max: usize,
    /// What a bot says when it fails and would be silent.
    pub bot_failure_answer: String,
    /// How many messages bots may write in one chat within a minute, before the loop guard stops them.
    pub bot_messages_per_minute_max: u32,
    /// How many runs of a behavior must fail in a row, within a day, until it is paused; 0 pauses none.
    pub bot_pause_after_failures: u32,
    /// Who tells those who run the installation how endpoints are; `None` tells nobody.
    pub mail: Option<Mailer>,
    /// Where scripts of bots run; without it none does.
    pub scripts: Option<Sandbox>,
    /// What this node was told in which all nodes must agree, by name: said with its beats, for `doctor`.
    pub alike: BTreeMap<String, Value>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".into(),
            files_folder: "files".into(),
            files_in_s3: None,
            upload_bytes_max: UPLOAD_BYTES_MAX,
            places: Places::default(),
            keep_events_for: None,
            keep_events_max: None,
            keep_deliveries_for: Some(KEEP_DELIVERIES_FOR),
            keep_runs_for: Some(KEEP_RUNS_FOR),
            retry_delays: RETRY_DELAYS_S.into_iter().map(Duration::from_secs).collect(),
            delivery_deadline: Duration::from_secs(15),
            brokers: Arc::default(),
            webhooks_per_action_max: WEBHOOKS_PER_ACTION_MAX,
            bot_failure_answer:
                "Sorry, something went wrong on our side. Please try again in a moment.".into(),
            bot_messages_per_minute_max: 60,
            bot_pause_after_failures: 20,
            mail: None,
            scripts: None,
            alike: BTreeMap::new(),
        }
    }
}

/// A bucket that speaks S3.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// Where the service is.
    pub endpoint: String,
    /// Who we are there.
    pub access_key_id: String,
    /// What proves it.
    pub secret_access_key: Secret,
    /// What our objects' names begin with; empty, or with a slash at the end.
    pub prefix: String,
    /// Whether the bucket is named in the path, and not in the host.
    pub path_style: bool,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A month: whoever asks what was sent mostly asks within days, and the longest schedule of retries is over by then.
const KEEP_DELIVERIES_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A month, as what became of deliveries.
const KEEP_RUNS_FOR: Duration = KEEP_DELIVERIES_FOR;

/// The limit that chat clients were written for: 10 MB.
const UPLOAD_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// The vendor's figure.
const WEBHOOKS_PER_ACTION_MAX: usize = 3;

/// The usual schedule of retries, in seconds: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
/// From the Standard Webhooks specification's recommendation.
const RETRY_DELAYS_S: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
