//! Keeps every Telegram channel connected as its settings say: a webhook is set, or its updates are polled.
//!
//! Each channel is connected by the node that holds its share. One task for each channel, begun, ended and begun anew as the directory changes; a look each second. What makes a
//! second run harmless: setting the same webhook again changes nothing, and polling confirms only what is committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tidings_channels::telegram::{Mode, NextStep, answers, methods, settings};
use tidings_model::{Channel, ChannelId, ChannelKind, WorkspaceId};
use tidings_store::Share;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::call::{CALL_TIME_MAX, Called, call};
use super::open::OpenChannel;
use super::warn_unusable;
use crate::App;
use crate::directory::Directory;
use crate::nodes::hold::Under;
use crate::nodes::holdings;
use crate::pipeline::poll;
use crate::pipeline::reader::stopped;

/// How often we look whether the channels changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The first and the longest pause after a call that failed.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A channel that is connected, or was refused.
struct Connection {
    open: Arc<OpenChannel>,
    under: Under,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Connection {
    fn begin(app: &Arc<App>, workspace: WorkspaceId, Wanted { open, under }: Wanted) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (app, line, held) = (Arc::clone(app), Arc::clone(&open), under.clone());
        let task = tokio::spawn(async move {
            let connected = async {
                match line.settings.mode {
                    Mode::Polling => poll::poll(app, workspace, line, stopping).await,
                    Mode::Webhook => announce(app, line, stopping).await,
                }
            };
            // What is interrupted is connected again where the lease is.
            held.begin(Box::pin(connected)).await.unwrap_or_default();
        });
        Self { open, under, stop, task }
    }

    async fn end(mut self) {
        self.stop.send_replace(true);
        // It was told to stop; a panic of it is in the log already.
        drop((&mut self.task).await);
    }
}

impl Drop for Connection {
    /// Who keeps the connections may end without a word; then nobody polls any more.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keeps the channels of a workspace connected, until told to stop.
pub(crate) async fn run(app: Arc<App>, directory: Arc<Directory>, mut stop: watch::Receiver<bool>) {
    let mut connections: HashMap<ChannelId, Connection> = HashMap::new();
    let mut unusable: HashMap<ChannelId, Arc<Channel>> = HashMap::new();
    let mut shares = app.holdings().watch();
    loop {
        let wanted = wanted(&app, &directory, &mut unusable);
        let gone: Vec<ChannelId> = connections
            .iter()
            .filter(|(id, known)| {
                let is_same = |wanted: &Wanted| Arc::ptr_eq(&wanted.open, &known.open);
                known.under.is_ending() || !wanted.get(id).is_some_and(is_same)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            if let Some(connection) = connections.remove(&id) {
                connection.end().await;
            }
        }
        for (id, wanted) in wanted {
            connections
                .entry(id)
                .or_insert_with(|| Connection::begin(&app, directory.workspace(), wanted));
        }
        tokio::select! {
            () = stopped(&mut stop) => break,
            () = holdings::changed(&mut shares) => {}
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
    }
    for connection in connections.values() {
        connection.stop.send_replace(true);
    }
    for (_, connection) in connections {
        connection.end().await;
    }
}

/// A channel that is to be connected here.
struct Wanted {
    open: Arc<OpenChannel>,
    /// The share of the channel is held here.
    under: Under,
}

/// The channels that can be connected, and are this node's. One that cannot is told of once for each of its settings.
fn wanted(
    app: &App,
    directory: &Directory,
    unusable: &mut HashMap<ChannelId, Arc<Channel>>,
) -> HashMap<ChannelId, Wanted> {
    let mut wanted = HashMap::new();
    for channel in directory.channels() {
        if channel.kind != ChannelKind::Telegram || !channel.enabled {
            continue;
        }
        let share = Share::of(channel.id.uuid());
        let Some(under) = app.under(directory.workspace(), share) else { continue };
        match app.telegram.open(app, &channel) {
            Ok(open) => {
                unusable.remove(&channel.id);
                wanted.insert(channel.id, Wanted { open, under });
            }
            Err(error) => {
                if unusable.get(&channel.id).is_none_or(|known| **known != *channel) {
                    warn_unusable(channel.id, &error);
                    unusable.insert(channel.id, channel);
                }
            }
        }
    }
    wanted
}

/// Learns who the bot is and tells Telegram where updates go; again until it is done.
async fn announce(app: Arc<App>, open: Arc<OpenChannel>, mut stop: watch::Receiver<bool>) {
    let id = open.channel.id;
    let public_url = &app.settings.public_url;
    // A Bot API server of one's own takes plain addresses too.
    let takes_plain = open.settings.api_base != settings::API_BASE;
    if !public_url.starts_with("https://") && !takes_plain {
        tracing::warn!(
            channel.id = %id,
            "channel {id} waits for a webhook, but Telegram calls https addresses only: set http.public_url, or the channel's mode to polling"
        );
        return;
    }
    let set_webhook = methods::set_webhook(&format!("{public_url}/channels/{id}"), &open.settings);
    let mut backoff = Backoff::new();
    loop {
        let called = match learn_name(&app, &open).await {
            Ok(()) => call(&app, &open.settings, &set_webhook, CALL_TIME_MAX).await,
            Err(called) => called,
        };
        if called.done().is_some() {
            tracing::info!(channel.id = %id, "channel {id} takes updates by webhook");
            return;
        }
        if backoff.is_first() {
            tracing::warn!(channel.id = %id, "the webhook of channel {id} could not be set, and is tried again: {}", called.problem());
        }
        let Go::On = judge_failure(&called, id) else { return };
        if backoff.wait(&app, &mut stop, None).await == Go::Stop {
            return;
        }
    }
}

/// Asks for the bot's name, unless it is known. The call that failed is given back.
pub(crate) async fn learn_name(app: &App, open: &OpenChannel) -> Result<(), Called> {
    if open.username().is_some() {
        return Ok(());
    }
    let called = call(app, &open.settings, &methods::get_me(), CALL_TIME_MAX).await;
    let Some(me) = called.done().and_then(answers::read_me) else { return Err(called) };
    if let Some(username) = me.username {
        open.learn_username(username);
    }
    Ok(())
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    /// Try again.
    On,
    /// No more.
    Stop,
}

/// A token that is not valid ends the connection until the channel is changed; all else may pass.
pub(crate) fn judge_failure(called: &Called, channel: ChannelId) -> Go {
    let Called::Answered { reply, .. } = called else { return Go::On };
    if reply.next_step() != NextStep::StopChannel {
        return Go::On;
    }
    metrics::counter!("tidings_channels_stopped_total", "reason" => "unauthorized").increment(1);
    tracing::error!(
        channel.id = %channel,
        "channel {channel} is stopped: Telegram does not know its token; give it a valid one"
    );
    Go::Stop
}

/// Pauses that grow, with up to a tenth of jitter.
pub(crate) struct Backoff {
    pause: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { pause: PAUSE_MIN }
    }

    /// Whether nothing failed before.
    pub(crate) fn is_first(&self) -> bool {
        self.pause == PAUSE_MIN
    }

    /// All is well again.
    pub(crate) fn reset(&mut self) {
        self.pause = PAUSE_MIN;
    }

    /// Waits, at least as long as was asked for.
    pub(crate) async fn wait(
        &mut self,
        app: &App,
        stop: &mut watch::Receiver<bool>,
        asked: Option<Duration>,
    ) -> Go {
        let (_, random) = app.clock.next_id().as_u64_pair();
        let tenth = u64::try_from(self.pause.as_millis() / 10).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(random % (tenth + 1));
        let pause = (self.pause + jitter).max(asked.unwrap_or_default());
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        tokio::select! {
            () = stopped(stop) => Go::Stop,
            () = tokio::time::sleep(pause) => Go::On,
        }
    }
}
