//! Hints between nodes over NATS: what one publishes, all others of the installation get.
//!
//! Subjects are `tidings.<installation>.<workspace>.<topic>`, so that rights and other tools may go by them; a node hears
//! all of its installation and passes over its own. A message is sixteen bytes that name the node, and the hint. Core NATS
//! promises a message at most once, and nothing to who was away: what a hint must be.
//!
//! [`settings`] is what the operator says, [`line`] the connection that comes back by itself, [`NatsBus`] the contract.

mod line;
pub mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{Client, connection::State};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use tidings_bus::{Bus, HINT_BYTES_MAX, HINTS_WAITING_MAX, Hint, Topic};
use tidings_model::{NodeId, WorkspaceId};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use settings::{Settings, WrongSettings};

/// How many hints wait to be published; beyond it they are dropped. A node tells some thousand in a second, so this is
/// what comes together while a connection hangs for a moment.
const WAITING_MAX: usize = 4_096;

/// How many bytes of a message name the node.
const NODE_BYTES: usize = 16;

/// Hints between nodes over NATS.
#[derive(Debug)]
pub struct NatsBus {
    client: Client,
    waiting: mpsc::Sender<(WorkspaceId, Topic, Bytes)>,
    heard: broadcast::Sender<Hint>,
    publishes: JoinHandle<()>,
    hears: JoinHandle<()>,
    is_heard: Arc<AtomicBool>,
}

impl NatsBus {
    /// Begins to connect, and goes on until it is connected; whenever the connection breaks it does so again. Hints that
    /// are told meanwhile are dropped.
    pub async fn open(settings: &Settings, node: NodeId) -> Result<Self, WrongSettings> {
        let prefix = settings.prefix()?;
        let client = line::open(settings).await?;
        let heard = broadcast::Sender::new(HINTS_WAITING_MAX);
        let (waiting, waits) = mpsc::channel(WAITING_MAX);
        let is_heard = Arc::new(AtomicBool::new(false));
        let publishes = tokio::spawn(publish(client.clone(), prefix.clone(), node, waits));
        let hears =
            tokio::spawn(hear(client.clone(), prefix, node, heard.clone(), Arc::clone(&is_heard)));
        Ok(Self { client, waiting, heard, publishes, hears, is_heard })
    }

    /// Whether it is connected now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected && self.is_heard.load(Ordering::Acquire)
    }
}

impl Drop for NatsBus {
    fn drop(&mut self) {
        self.publishes.abort();
        self.hears.abort();
    }
}

impl Bus for NatsBus {
    fn tell(&self, workspace: WorkspaceId, topic: Topic, bytes: Bytes) {
        if bytes.len() > self.hint_bytes_max() {
            return dropped(topic, "large");
        }
        if self.client.connection_state() != State::Connected {
            return dropped(topic, "away");
        }
        if self.waiting.try_send((workspace, topic, bytes)).is_err() {
            dropped(topic, "busy");
        }
    }

    fn hear(&self) -> broadcast::Receiver<Hint> {
        self.heard.subscribe()
    }

    fn hint_bytes_max(&self) -> usize {
        self.client.max_payload().saturating_sub(NODE_BYTES).min(HINT_BYTES_MAX)
    }
}

fn dropped(topic: Topic, why: &'static str) {
    let topic = topic.as_str();
    metrics::counter!("tidings_hints_dropped_total", "topic" => topic, "why" => why).increment(1);
}

/// Publishes what waits. The wait here is the client's own, while it writes to a slow line; hints that come meanwhile wait
/// in the queue, or are dropped.
async fn publish(
    client: Client,
    prefix: String,
    node: NodeId,
    mut waits: mpsc::Receiver<(WorkspaceId, Topic, Bytes)>,
) {
    while let Some((workspace, topic, bytes)) = waits.recv().await {
        // What was told before the line broke is old when it comes back.
        if client.connection_state() != State::Connected {
            dropped(topic, "away");
            continue;
        }
        let subject = format!("{prefix}.{workspace}.{}", topic.as_str());
        let mut message = BytesMut::with_capacity(NODE_BYTES + bytes.len());
        message.put_slice(node.uuid().as_bytes());
        message.put_slice(&bytes);
        match client.publish(subject, message.freeze()).await {
            Ok(()) => {
                metrics::counter!("tidings_hints_told_total", "topic" => topic.as_str())
                    .increment(1);
            }
            Err(error) => {
                tracing::debug!("a hint could not be told: {error}");
                dropped(topic, "refused");
            }
        }
    }
}

/// Gives out what other nodes tell. The client subscribes again by itself whenever it is connected again.
async fn hear(
    client: Client,
    prefix: String,
    node: NodeId,
    heard: broadcast::Sender<Hint>,
    is_heard: Arc<AtomicBool>,
) {
    let mut messages = match client.subscribe(format!("{prefix}.*.*")).await {
        Ok(messages) => messages,
        Err(error) => {
            tracing::error!("NATS takes no subscription, other nodes are not heard: {error}");
            return;
        }
    };
    // Its answer comes when the server has the subscription.
    if let Err(error) = client.flush().await {
        tracing::debug!("the subscription could not be flushed: {error}");
    }
    is_heard.store(true, Ordering::Release);
    while let Some(message) = messages.next().await {
        let Some(hint) = read(&prefix, &message.subject, message.payload) else {
            metrics::counter!("tidings_hints_unreadable_total").increment(1);
            continue;
        };
        if hint.from != node {
            metrics::counter!("tidings_hints_heard_total", "topic" => hint.topic.as_str())
                .increment(1);
            // Nobody hears: nobody minds.
            drop(heard.send(hint));
        }
    }
}

/// A message as a hint; `None` where somebody else publishes there.
fn read(prefix: &str, subject: &str, mut payload: Bytes) -> Option<Hint> {
    let rest = subject.strip_prefix(prefix)?.strip_prefix('.')?;
    let (workspace, topic) = rest.split_once('.')?;
    if payload.len() < NODE_BYTES {
        return None;
    }
    let from = Uuid::from_slice(&payload.split_to(NODE_BYTES)).ok()?;
    Some(Hint {
        from: NodeId::new(from),
        workspace: workspace.parse().ok()?,
        topic: Topic::from_word(topic)?,
        bytes: payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_hint_is_passed_over() {
        let (node, workspace) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut message = node.as_bytes().to_vec();
        message.extend_from_slice(b"typing");
        let subject = format!("tidings.test.{workspace}.signal");
        let hint = read("tidings.test", &subject, message.clone().into()).expect("a hint");
        assert_eq!((hint.from, hint.workspace), (NodeId::new(node), WorkspaceId::new(workspace)));
        assert_eq!((hint.topic, hint.bytes.as_ref()), (Topic::Signal, &b"typing"[..]));
        for subject in ["tidings.test", "tidings.test.x.signal", "tidings.other.x.signal", ""] {
            assert_eq!(read("tidings.test", subject, message.clone().into()), None);
        }
        let unknown = format!("tidings.test.{workspace}.dance");
        assert_eq!(read("tidings.test", &unknown, message.into()), None);
        assert_eq!(read("tidings.test", &subject, Bytes::from_static(b"short")), None);
    }
}
