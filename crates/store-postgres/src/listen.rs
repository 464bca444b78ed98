//! Hints by LISTEN and NOTIFY, for installations that have no NATS.
//!
//! One connection of its own hears and tells; it must lead to the database itself, as a pool in transaction mode
//! (PgBouncer) passes no notifications on. What is told while one transaction of notifications is under way goes together
//! into the next. A notification holds less than 8000 characters, so a larger hint goes in parts.
//!
//! ```text
//! base64 of   1 byte version, 1;  16 bytes node;  16 bytes workspace;  1 byte topic
//!             8 bytes number of the hint on its node;  1 byte part, from 0;  1 byte parts;  the part's bytes
//! ```

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt, OptionFuture, try_join3};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tidings_bus::{Bus, HINTS_WAITING_MAX, Hint, Topic};
use tidings_model::{Clock, NodeId, WorkspaceId};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client};
use uuid::Uuid;

use crate::connect::{Address, CONNECT_PATIENCE, ConnectError};
use crate::writer::backoff::Backoff;

/// The name of the channel; the database keeps those of other databases apart.
const CHANNEL: &str = "tidings";

const VERSION: u8 = 1;

/// Before each part.
const HEADER_BYTES: usize = 1 + 16 + 16 + 1 + 8 + 1 + 1;

/// What fits into one notification: 7999 characters of base64.
const PART_BYTES: usize = 7_996 / 4 * 3 - HEADER_BYTES;

/// The most parts of one hint: a hint of a hundred kilobytes goes out, one that is larger is dropped.
const PARTS_MAX: usize = 16;

/// Above so many parts, hearers read events more cheaply themselves.
const PARTS_CHEAP: usize = 4;

/// The most parts that wait to be told; those of a second at some thousand hints. More are dropped, and counted.
const TELL_WAITING_MAX: usize = 4_096;

/// The most parts in one transaction of notifications.
const TOGETHER_MAX: usize = 256;

/// Hints of which some parts came, at most; when there are more, some were lost, and all are dropped.
const HALVES_MAX: usize = 256;

/// How long opening waits for the own voice.
const ECHO_PATIENCE: Duration = Duration::from_secs(5);

/// How long telling may take before the connection counts as lost.
const TELL_PATIENCE: Duration = Duration::from_secs(5);

/// In place of a topic: only the one who said it listens.
const ECHO: u8 = u8::MAX;

/// Why a bus could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The URL cannot be used.
    #[error(transparent)]
    Address(#[from] ConnectError),
    /// The database cannot be reached, or refuses to listen.
    #[error("the database could not be listened to")]
    Engine(#[from] tokio_postgres::Error),
    /// Nothing comes back.
    #[error(
        "what is told to the database is not heard: a pool that passes no notifications on is in between, so give the \
         URL of the database itself"
    )]
    Deaf,
}

/// A bus over the database's notifications.
pub struct ListenBus {
    node: NodeId,
    queue: mpsc::Sender<String>,
    heard: broadcast::Sender<Hint>,
    /// Hints that this node told.
    count: AtomicU64,
    /// Parts that did not go out.
    dropped: AtomicU64,
    task: AbortHandle,
}

impl ListenBus {
    /// Opens a bus; on return it hears.
    pub async fn open(url: &str, node: NodeId, clock: Arc<dyn Clock>) -> Result<Self, ListenError> {
        let address = Address::parse(url)?;
        let (queue, told) = mpsc::channel(TELL_WAITING_MAX);
        let heard = broadcast::Sender::new(HINTS_WAITING_MAX);
        let (echo, mut echoed) = watch::channel(false);
        let line = Line { node, address: address.clone(), told, heard: heard.clone(), echo };
        let connection = line.connect().await?;
        let task = tokio::spawn(line.keep(connection, clock)).abort_handle();
        let bus =
            Self { node, queue, heard, count: AtomicU64::new(0), dropped: AtomicU64::new(0), task };
        say_from_beside(
            &address,
            encode(node, WorkspaceId::new(Uuid::nil()), ECHO, 0, (0, 1), &[]),
        )
        .await?;
        match timeout(ECHO_PATIENCE, echoed.wait_for(|heard| *heard)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return Err(ListenError::Deaf),
        }
        Ok(bus)
    }

    /// Parts of hints that were dropped because too many waited, or a hint was too large.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn say(&self, workspace: WorkspaceId, topic: u8, bytes: &[u8]) {
        let parts = bytes.chunks(PART_BYTES).len().max(1);
        let Some(parts) = u8::try_from(parts).ok().filter(|_| parts <= PARTS_MAX) else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(bytes = bytes.len(), "a hint is too large for notifications");
            return;
        };
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let mut chunks = bytes.chunks(PART_BYTES);
        for part in 0..parts {
            let chunk = chunks.next().unwrap_or_default();
            let text = encode(self.node, workspace, topic, number, (part, parts), chunk);
            if self.queue.try_send(text).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A part as it is sent.
fn encode(
    node: NodeId,
    workspace: WorkspaceId,
    topic: u8,
    number: u64,
    (part, parts): (u8, u8),
    bytes: &[u8],
) -> String {
    let mut text = BytesMut::with_capacity(HEADER_BYTES + bytes.len());
    text.put_u8(VERSION);
    text.put_slice(node.uuid().as_bytes());
    text.put_slice(workspace.uuid().as_bytes());
    text.put_u8(topic);
    text.put_u64_le(number);
    text.put_u8(part);
    text.put_u8(parts);
    text.put_slice(bytes);
    STANDARD_NO_PAD.encode(text)
}

/// Says something by a connection of its own. A pool that passes no notifications on may by chance let one connection hear
/// itself, but never another.
async fn say_from_beside(address: &Address, part: String) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = address.config.connect(address.tls.clone()).await?;
    let connection = tokio::spawn(connection);
    let said = notify(&client, vec![part]).await;
    drop(client);
    // It says good-bye, and ends.
    drop(connection.await);
    said
}

impl Drop for ListenBus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bus for ListenBus {
    fn tell(&self, workspace: WorkspaceId, topic: Topic, bytes: Bytes) {
        let place = Topic::ALL.iter().position(|known| *known == topic);
        if let Some(place) = place.and_then(|place| u8::try_from(place).ok()) {
            self.say(workspace, place, &bytes);
        }
    }

    fn hear(&self) -> broadcast::Receiver<Hint> {
        self.heard.subscribe()
    }

    fn hint_bytes_max(&self) -> usize {
        PART_BYTES * PARTS_CHEAP
    }
}

/// Both ends of the connection.
struct Line {
    node: NodeId,
    address: Address,
    told: mpsc::Receiver<String>,
    heard: broadcast::Sender<Hint>,
    echo: watch::Sender<bool>,
}

type Messages =
    std::pin::Pin<Box<dyn Stream<Item = Result<AsyncMessage, tokio_postgres::Error>> + Send>>;

struct Connection {
    client: Client,
    /// What the database says; it must be asked for anything to move.
    messages: Messages,
}

impl Line {
    async fn connect(&self) -> Result<Connection, tokio_postgres::Error> {
        let (client, mut connection) =
            self.address.config.connect(self.address.tls.clone()).await?;
        let mut messages: Messages =
            Box::pin(stream::poll_fn(move |context| connection.poll_message(context)));
        {
            let mut listening = pin!(client.batch_execute("LISTEN tidings"));
            loop {
                tokio::select! {
                    listens = &mut listening => break listens?,
                    message = messages.try_next() => drop(message?),
                }
            }
        }
        Ok(Connection { client, messages })
    }

    /// Tells and hears; connects again whenever the connection is lost. What was told meanwhile waits, within its limit.
    async fn keep(mut self, connection: Connection, clock: Arc<dyn Clock>) {
        let mut connection = Some(connection);
        let mut backoff = Backoff::new(Arc::clone(&clock));
        loop {
            let connected = match connection.take() {
                Some(connection) => Ok(Ok(connection)),
                None => timeout(CONNECT_PATIENCE, self.connect()).await,
            };
            match connected {
                Ok(Ok(connected)) => {
                    backoff = Backoff::new(Arc::clone(&clock));
                    match self.talk(connected).await {
                        Ok(()) => return,
                        Err(error) => tracing::warn!(
                            error = error.as_ref().map(|error| error as &dyn std::error::Error),
                            "the connection that listens was lost"
                        ),
                    }
                }
                Ok(Err(error)) => tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the database could not be listened to"
                ),
                Err(_) => tracing::debug!("the database did not answer in time"),
            }
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Until the connection is lost, or nobody can tell anything any more.
    async fn talk(&mut self, connection: Connection) -> Result<(), Option<tokio_postgres::Error>> {
        let Connection { client, mut messages } = connection;
        let mut halves = Halves::default();
        let mut flight: OptionFuture<BoxFuture<'_, Option<Result<(), tokio_postgres::Error>>>> =
            None.into();
        let mut is_flying = false;
        let mut together = Vec::with_capacity(TOGETHER_MAX);
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(AsyncMessage::Notification(note))) => {
                        self.hear(&mut halves, note.channel(), note.payload());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(Some(error)),
                    None => return Err(None),
                },
                done = &mut flight, if is_flying => {
                    is_flying = false;
                    match done {
                        Some(Some(Err(error))) => return Err(Some(error)),
                        // It took too long.
                        Some(None) => return Err(None),
                        Some(Some(Ok(()))) | None => {}
                    }
                }
                count = self.told.recv_many(&mut together, TOGETHER_MAX), if !is_flying => {
                    if count == 0 {
                        return Ok(());
                    }
                    let parts = std::mem::take(&mut together);
                    let said = timeout(TELL_PATIENCE, notify(&client, parts));
                    flight = Some(said.map(Result::ok).boxed()).into();
                    is_flying = true;
                }
            }
        }
    }

    fn hear(&self, halves: &mut Halves, channel: &str, payload: &str) {
        if channel != CHANNEL {
            return;
        }
        let Some(part) = STANDARD_NO_PAD.decode(payload).ok().and_then(Part::read) else { return };
        if part.node == self.node {
            if part.topic == ECHO {
                self.echo.send_replace(true);
            }
            return;
        }
        // A newer release may know more topics.
        let Some(topic) = Topic::ALL.get(usize::from(part.topic)).copied() else { return };
        let (from, workspace) = (part.node, part.workspace);
        if let Some(bytes) = halves.join(part) {
            // Nobody may be listening yet.
            drop(self.heard.send(Hint { from, workspace, topic, bytes }));
        }
    }
}

/// One transaction that need not be on disk: a notification is only a hint.
async fn notify(client: &Client, parts: Vec<String>) -> Result<(), tokio_postgres::Error> {
    let params = [
        (&CHANNEL as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT),
        (&parts, Type::TEXT_ARRAY),
    ];
    try_join3(
        client.batch_execute("BEGIN; SET LOCAL synchronous_commit = off"),
        client.query_typed("SELECT pg_notify($1, part) FROM unnest($2::text[]) part", &params),
        client.batch_execute("COMMIT"),
    )
    .await?;
    Ok(())
}

struct Part {
    node: NodeId,
    workspace: WorkspaceId,
    topic: u8,
    number: u64,
    part: u8,
    parts: u8,
    bytes: Bytes,
}

impl Part {
    fn read(bytes: Vec<u8>) -> Option<Self> {
        let mut bytes = Bytes::from(bytes);
        if bytes.len() < HEADER_BYTES || bytes.get_u8() != VERSION {
            return None;
        }
        let node = NodeId::new(Uuid::from_u128(bytes.get_u128()));
        let workspace = WorkspaceId::new(Uuid::from_u128(bytes.get_u128()));
        let (topic, number) = (bytes.get_u8(), bytes.get_u64_le());
        let (part, parts) = (bytes.get_u8(), bytes.get_u8());
        let is_good = part < parts && usize::from(parts) <= PARTS_MAX;
        is_good.then_some(Self { node, workspace, topic, number, part, parts, bytes })
    }
}

/// Hints whose parts are not all there yet.
#[derive(Default)]
struct Halves(HashMap<(NodeId, u64), Vec<Option<Bytes>>>);

impl Halves {
    /// Takes a part; gives the hint when it is whole.
    fn join(&mut self, part: Part) -> Option<Bytes> {
        if part.parts == 1 {
            return Some(part.bytes);
        }
        let key = (part.node, part.number);
        if self.0.len() >= HALVES_MAX && !self.0.contains_key(&key) {
            self.0.clear();
        }
        let mut entry = match self.0.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(vec![None; part.parts.into()]),
        };
        *entry.get_mut().get_mut(usize::from(part.part))? = Some(part.bytes);
        if entry.get().iter().any(Option::is_none) {
            return None;
        }
        let parts: Vec<Bytes> = entry.remove().into_iter().flatten().collect();
        Some(parts.concat().into())
    }
}
