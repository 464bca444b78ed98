//! The first flight: locks the workspace's row, and reads all that could refuse one of the batches, but for the ids of
//! events: their index refuses one that is there, and only then is it asked which ([`Ids`]).
//!
//! All statements are sent at once. They come after the lock in the same transaction, and each sees what was committed
//! before it began (READ COMMITTED), so none of it can change until we commit. For the same reason more batches may join
//! while the lock is held: what they touch is read in a flight of its own.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::future::{join3, join5};
use tidings_model::{EventId, ThreadId, WorkspaceId};
use tidings_store::prepared::{Prepared, PreparedTimer};
use tidings_store::{DocKey, Kind, Version};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::failure::Failure;
use crate::text::{self, stored};

/// Begins a transaction whose waits are all limited, whatever the database's settings are: a node that freezes holds the
/// lock of a workspace for three seconds at most. They end with the transaction, so a pool between us and the database
/// (PgBouncer) passes none of them on.
///
/// How plans are made is said here again ([`crate::connect`] says why), as this transaction always has its connection to
/// itself.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL plan_cache_mode = 'force_generic_plan';
    SET LOCAL statement_timeout = '5s';
    SET LOCAL lock_timeout = '4s';
    SET LOCAL idle_in_transaction_session_timeout = '3s'";

/// What is there, of all that the batches touch.
#[derive(Default)]
pub(super) struct Seen {
    /// The workspace's row; it was made by this transaction if `is_new`.
    pub(super) counters: Counters,
    pub(super) is_new: bool,
    /// The transaction's number, to ask what became of it.
    pub(super) transaction: String,
    pub(super) claims: HashMap<String, Option<EventId>>,
    pub(super) documents: HashMap<DocKey, StoredDocument>,
    /// When they are due.
    pub(super) timers: HashMap<String, i64>,
    pub(super) events: HashSet<EventId>,
    /// Their last orders.
    pub(super) threads: HashMap<ThreadId, u64>,
}

/// A workspace's row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) last_seq: u64,
    pub(super) events: i64,
    pub(super) documents: i64,
    pub(super) timers: i64,
}

/// A document's row, but for its body.
pub(super) struct StoredDocument {
    pub(super) version: Version,
    pub(super) entries: Vec<u8>,
}

/// Whether a look asks which of the events are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// No: their ids were made for them, and the index refuses one that is there after all.
    Trusted,
    /// Yes: it refused one.
    LookedAt,
}

/// Everything that the batches touch, each once.
#[derive(Default)]
struct Touched<'a> {
    claims: BTreeSet<&'a str>,
    documents: BTreeSet<(Kind, &'a str)>,
    timers: BTreeSet<&'a str>,
    events: Vec<Uuid>,
    threads: BTreeSet<Uuid>,
}

impl<'a> Touched<'a> {
    fn by(batches: &[&'a Prepared], ids: Ids) -> Self {
        let mut touched = Self::default();
        for batch in batches {
            touched.claims.extend(batch.claims.iter().map(|claim| claim.name.as_str()));
            let keys = (batch.expects.iter().map(|expect| &expect.key))
                .chain(batch.puts.iter().map(|put| &put.key))
                .chain(batch.deletes.iter().map(|delete| &delete.key));
            touched.documents.extend(keys.map(|key| (key.kind, key.id.as_str())));
            touched.timers.extend(batch.timers.iter().map(PreparedTimer::name));
            if ids == Ids::LookedAt {
                touched.events.extend(batch.events.iter().map(|event| event.draft.id.uuid()));
            }
            let threads = batch.events.iter().filter_map(|event| event.draft.thread);
            touched.threads.extend(threads.map(ThreadId::uuid));
        }
        touched
    }

    /// Asks for all of it at once. What has one index is looked up one by one: asked for as a list, a planner would read
    /// all of a workspace in which it sees few rows. Timers and events have others, which it would take for one by one.
    async fn find(&self, client: &Client, id: Uuid) -> Result<Found, tokio_postgres::Error> {
        let claims: Vec<_> = self.claims.iter().map(|name| stored(name)).collect();
        let (kinds, ids): (Vec<&str>, Vec<_>) =
            self.documents.iter().map(|(kind, id)| (kind.as_str(), stored(id))).unzip();
        let timers: Vec<_> = self.timers.iter().map(|name| stored(name)).collect();
        let threads: Vec<Uuid> = self.threads.iter().copied().collect();
        let (claims, documents, timers, events, threads) = join5(
            ask(
                client,
                !claims.is_empty(),
                "SELECT found.name, found.outcome FROM unnest($2::text[]) wanted (name)
                 CROSS JOIN LATERAL (SELECT * FROM claims c WHERE c.workspace = $1
                     AND c.name = wanted.name LIMIT 1) found",
                &[(&id, Type::UUID), (&claims, Type::TEXT_ARRAY)],
            ),
            ask(
                client,
                !kinds.is_empty(),
                "SELECT found.kind, found.id, found.version, found.entries
                 FROM unnest($2::text[], $3::text[]) wanted (kind, id)
                 CROSS JOIN LATERAL (SELECT * FROM documents d WHERE d.workspace = $1
                     AND d.kind = wanted.kind AND d.id = wanted.id LIMIT 1) found",
                &[(&id, Type::UUID), (&kinds, Type::TEXT_ARRAY), (&ids, Type::TEXT_ARRAY)],
            ),
            ask(
                client,
                !timers.is_empty(),
                "SELECT name, due FROM timers WHERE workspace = $1 AND name = ANY ($2)",
                &[(&id, Type::UUID), (&timers, Type::TEXT_ARRAY)],
            ),
            ask(
                client,
                !self.events.is_empty(),
                "SELECT id FROM events WHERE workspace = $1 AND id = ANY ($2)",
                &[(&id, Type::UUID), (&self.events, Type::UUID_ARRAY)],
            ),
            ask(
                client,
                !threads.is_empty(),
                "SELECT found.id, found.last_order FROM unnest($2::uuid[]) wanted (id)
                 CROSS JOIN LATERAL (SELECT * FROM threads t WHERE t.workspace = $1
                     AND t.id = wanted.id LIMIT 1) found",
                &[(&id, Type::UUID), (&threads, Type::UUID_ARRAY)],
            ),
        )
        .await;
        Ok(Found {
            claims: claims?,
            documents: documents?,
            timers: timers?,
            events: events?,
            threads: threads?,
        })
    }
}

/// What was found of what is touched.
struct Found {
    claims: Vec<Row>,
    documents: Vec<Row>,
    timers: Vec<Row>,
    events: Vec<Row>,
    threads: Vec<Row>,
}

impl Seen {
    fn take(&mut self, found: Found) -> Result<(), Failure> {
        for row in found.claims {
            let outcome: Option<Uuid> = row.try_get(1)?;
            self.claims.insert(text::read(row.try_get(0)?), outcome.map(EventId::new));
        }
        for row in found.documents {
            let word: &str = row.try_get(0)?;
            let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == word) else {
                continue;
            };
            let key = DocKey { kind, id: text::read(row.try_get(1)?) };
            let version = Version(row.try_get::<_, i64>(2)?.cast_unsigned());
            self.documents.insert(key, StoredDocument { version, entries: row.try_get(3)? });
        }
        for row in found.timers {
            self.timers.insert(text::read(row.try_get(0)?), row.try_get(1)?);
        }
        for row in found.events {
            self.events.insert(EventId::new(row.try_get(0)?));
        }
        for row in found.threads {
            let order: i64 = row.try_get(1)?;
            self.threads.insert(ThreadId::new(row.try_get(0)?), order.cast_unsigned());
        }
        Ok(())
    }
}

/// Begins the transaction and looks. After an error the transaction is still open.
pub(super) async fn look(
    client: &Client,
    workspace: WorkspaceId,
    batches: &[&Prepared],
    ids: Ids,
) -> Result<Seen, Failure> {
    let id = workspace.uuid();
    let touched = Touched::by(batches, ids);
    let begin = client.batch_execute(BEGIN);
    let by_id: [(&(dyn ToSql + Sync), Type); 1] = [(&id, Type::UUID)];
    let lock = ask(
        client,
        true,
        "SELECT last_seq, events, documents, timers, pg_current_xact_id()::text
         FROM workspaces WHERE id = $1 FOR UPDATE",
        &by_id,
    );
    // Asked in this order, and sent at once.
    let (begun, locked, found) = join3(begin, lock, touched.find(client, id)).await;
    // The first error is the cause of those that follow it.
    begun?;
    let mut seen = Seen::default();
    match locked?.first() {
        Some(row) => {
            seen.counters = Counters {
                last_seq: row.try_get::<_, i64>(0)?.cast_unsigned(),
                events: row.try_get(1)?,
                documents: row.try_get(2)?,
                timers: row.try_get(3)?,
            };
            seen.transaction = row.try_get(4)?;
        }
        None => {
            seen.is_new = true;
            seen.transaction = insert_workspace(client, id).await?;
        }
    }
    seen.take(found?)?;
    Ok(seen)
}

/// Looks at what more batches touch that join the group, in the transaction that holds the lock.
pub(super) async fn look_on(
    client: &Client,
    workspace: WorkspaceId,
    batches: &[&Prepared],
    ids: Ids,
    seen: &mut Seen,
) -> Result<(), Failure> {
    let found = Touched::by(batches, ids).find(client, workspace.uuid()).await?;
    seen.take(found)
}

/// One statement of a flight, left out if there is nothing to ask.
async fn ask(
    client: &Client,
    is_wanted: bool,
    sql: &'static str,
    params: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    if !is_wanted {
        return Ok(Vec::new());
    }
    client.query_typed(sql, params).await
}

/// Makes the row of a workspace in which nobody wrote yet; it is gone again if all batches are refused. Two nodes at once:
/// the second waits for the first, and is told to try again.
async fn insert_workspace(client: &Client, id: Uuid) -> Result<String, Failure> {
    let row = client
        .query_typed_one(
            "INSERT INTO workspaces (id, last_seq, events, documents, timers)
             VALUES ($1, 0, 0, 0, 0) RETURNING pg_current_xact_id()::text",
            &[(&id, Type::UUID)],
        )
        .await?;
    Ok(row.try_get(0)?)
}
