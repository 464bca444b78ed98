//! The second flight: writes all that was decided, and commits, in one go.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tidings_model::{ChatId, ThreadId, WorkspaceId};
use tidings_store::{DocKey, Share, TALLIED, TimerName};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};
use uuid::Uuid;

use super::look::Counters;
use super::scene::Scene;
use crate::failure::{Failure, is_lost};
use crate::numbers::{sql_order, sql_seq};
use crate::text::stored;

/// Names as they are stored.
type Text<'a> = std::borrow::Cow<'a, str>;

/// Why it was not written.
pub(super) enum Unwritten {
    /// It was not.
    Failed(Failure),
    /// It may have been: the connection was lost before the answer.
    Unknown,
}

/// All rows, as columns: each statement takes arrays, however many rows there are.
pub(super) struct Rows<'a> {
    workspace: Uuid,
    writes: bool,
    counters: Option<Counters>,
    events: EventRows<'a>,
    threads: (Vec<Uuid>, Vec<i64>),
    threads_new: (Vec<Uuid>, Vec<i64>),
    claims: ClaimRows<'a>,
    documents: DocumentRows<'a>,
    documents_gone: (Vec<&'a str>, Vec<Text<'a>>),
    entries: EntryRows<'a>,
    entries_gone: EntryRows<'a>,
    tallies: TallyRows<'a>,
    timers: TimerRows<'a>,
    timers_gone: Vec<Text<'a>>,
    cursors: (Vec<Text<'a>>, Vec<i64>),
}

#[derive(Default)]
struct EventRows<'a> {
    seqs: Vec<i64>,
    orders: Vec<Option<i64>>,
    crcs: Vec<i32>,
    ids: Vec<Uuid>,
    chats: Vec<Option<Uuid>>,
    threads: Vec<Option<Uuid>>,
    types: Vec<&'a str>,
    bodies: Vec<&'a [u8]>,
}

#[derive(Default)]
struct ClaimRows<'a> {
    names: Vec<Text<'a>>,
    outcomes: Vec<Option<Uuid>>,
    taken_at: Vec<i64>,
}

#[derive(Default)]
struct DocumentRows<'a> {
    kinds: Vec<&'a str>,
    ids: Vec<Text<'a>>,
    versions: Vec<i64>,
    updated_at: Vec<i64>,
    crcs: Vec<i32>,
    entries: Vec<&'a [u8]>,
    bodies: Vec<&'a [u8]>,
}

#[derive(Default)]
struct EntryRows<'a> {
    kinds: Vec<&'a str>,
    names: Vec<Text<'a>>,
    values: Vec<Text<'a>>,
    ids: Vec<Text<'a>>,
}

impl<'a> EntryRows<'a> {
    fn push(&mut self, key: &'a DocKey, name: Text<'a>, value: Text<'a>) {
        self.kinds.push(key.kind.as_str());
        self.names.push(name);
        self.values.push(value);
        self.ids.push(stored(&key.id));
    }
}

#[derive(Default)]
struct TallyRows<'a> {
    kinds: Vec<&'a str>,
    names: Vec<Text<'a>>,
    values: Vec<Text<'a>>,
    changes: Vec<i64>,
}

#[derive(Default)]
struct TimerRows<'a> {
    names: Vec<Text<'a>>,
    shares: Vec<i16>,
    due: Vec<i64>,
    crcs: Vec<i32>,
    bodies: Vec<&'a [u8]>,
}

/// Changes of tallies, each once.
type Tallies<'a> = std::collections::BTreeMap<(&'a str, Text<'a>, Text<'a>), i64>;

impl<'a> Rows<'a> {
    /// Lays out what a scene came to.
    pub(super) fn new(workspace: WorkspaceId, scene: &Scene<'a>) -> Result<Self, Failure> {
        let moved = scene.counters != scene.seen.counters;
        let mut rows = Self {
            workspace: workspace.uuid(),
            writes: scene.writes,
            counters: moved.then_some(scene.counters),
            events: EventRows::default(),
            threads: Default::default(),
            threads_new: Default::default(),
            claims: ClaimRows::default(),
            documents: DocumentRows::default(),
            documents_gone: Default::default(),
            entries: EntryRows::default(),
            entries_gone: EntryRows::default(),
            tallies: TallyRows::default(),
            timers: TimerRows::default(),
            timers_gone: Vec::new(),
            cursors: scene.cursors.iter().map(|(reader, to)| (stored(reader), *to)).unzip(),
        };
        for event in &scene.events {
            let draft = &event.event.draft;
            rows.events.seqs.push(sql_seq(event.seq));
            rows.events.orders.push(event.order.map(sql_order));
            rows.events.crcs.push(event.crc.cast_signed());
            rows.events.ids.push(draft.id.uuid());
            rows.events.chats.push(draft.chat.map(ChatId::uuid));
            rows.events.threads.push(draft.thread.map(ThreadId::uuid));
            rows.events.types.push(draft.event_type.as_str());
            rows.events.bodies.push(&event.event.body);
        }
        for (id, order) in &scene.threads {
            let (ids, orders) = match scene.seen.threads.contains_key(id) {
                true => &mut rows.threads,
                false => &mut rows.threads_new,
            };
            ids.push(id.uuid());
            orders.push(order.cast_signed());
        }
        for (name, (outcome, taken_at)) in &scene.claims {
            rows.claims.names.push(stored(name));
            rows.claims.outcomes.push(outcome.map(|outcome| outcome.uuid()));
            rows.claims.taken_at.push(*taken_at);
        }
        rows.lay_out_documents(scene)?;
        for (name, timer) in &scene.timers {
            let Some(timer) = timer else {
                rows.timers_gone.push(stored(name));
                continue;
            };
            let share = Share::of_timer(&TimerName((*name).into()));
            rows.timers.names.push(stored(name));
            rows.timers.shares.push(share.number().into());
            rows.timers.due.push(timer.due);
            rows.timers.crcs.push(timer.crc.cast_signed());
            rows.timers.bodies.push(timer.body);
        }
        Ok(rows)
    }

    /// Whether there is nothing to commit.
    pub(super) const fn is_empty(&self) -> bool {
        !self.writes
    }

    /// Documents, and how their index entries and tallies change from what was seen to what will be.
    fn lay_out_documents(&mut self, scene: &Scene<'a>) -> Result<(), Failure> {
        let mut tallies = Tallies::new();
        for (key, document) in &scene.documents {
            let before = scene.seen.documents.get(*key);
            let kind = key.kind.as_str();
            let mut change = i64::from(document.is_some()) - i64::from(before.is_some());
            tally(&mut tallies, kind, Text::Borrowed(""), Text::Borrowed(""), change);
            if let Some(new) = document {
                self.documents.kinds.push(kind);
                self.documents.ids.push(stored(&key.id));
                self.documents.versions.push(new.version.0.cast_signed());
                self.documents.updated_at.push(new.updated_at);
                self.documents.crcs.push(new.crc.cast_signed());
                self.documents.entries.push(new.put.entries.as_bytes());
                self.documents.bodies.push(&new.put.body);
            } else if before.is_some() {
                self.documents_gone.0.push(kind);
                self.documents_gone.1.push(stored(&key.id));
            }
            let new: &[(&'static str, String)] =
                document.as_ref().map_or(&[], |new| &new.put.index);
            let unchanged = match (before, document) {
                (Some(before), Some(new)) => before.entries == new.put.entries.as_bytes(),
                (None, Some(_)) | (Some(_), None) | (None, None) => false,
            };
            if unchanged {
                continue;
            }
            let old: Vec<(String, String)> = match before {
                Some(before) => serde_json::from_slice(&before.entries).map_err(|error| {
                    Failure::Damaged(
                        format!("documents.entries of {key} cannot be read: {error}").into(),
                    )
                })?,
                None => Vec::new(),
            };
            for (name, value) in &old {
                if new.iter().any(|(known, is)| known == name && is == value) {
                    continue;
                }
                let (name, value) =
                    (Text::Owned(name.clone()), Text::Owned(stored(value).into_owned()));
                if TALLIED.contains(&name.as_ref()) {
                    tally(&mut tallies, kind, name.clone(), value.clone(), -1);
                }
                self.entries_gone.push(key, name, value);
            }
            for (name, value) in new {
                if old.iter().any(|(known, was)| known == name && was == value) {
                    continue;
                }
                let value = Text::Owned(stored(value).into_owned());
                if TALLIED.contains(name) {
                    tally(&mut tallies, kind, Text::Borrowed(name), value.clone(), 1);
                }
                self.entries.push(key, Text::Borrowed(name), value);
            }
            for name in TALLIED {
                change = i64::from(new.iter().any(|(known, _)| *known == name))
                    - i64::from(old.iter().any(|(known, _)| known == name));
                tally(&mut tallies, kind, Text::Borrowed(""), Text::Borrowed(name), change);
            }
        }
        for ((kind, name, value), change) in tallies.into_iter().filter(|(_, change)| *change != 0)
        {
            self.tallies.kinds.push(kind);
            self.tallies.names.push(name);
            self.tallies.values.push(value);
            self.tallies.changes.push(change);
        }
        Ok(())
    }
}

fn tally<'a>(
    tallies: &mut Tallies<'a>,
    kind: &'a str,
    name: Text<'a>,
    value: Text<'a>,
    change: i64,
) {
    if change != 0 {
        *tallies.entry((kind, name, value)).or_default() += change;
    }
}

/// Statements that are sent together, in order.
struct Flight<'a> {
    client: &'a Client,
    statements: Vec<BoxFuture<'a, Result<u64, Error>>>,
}

impl<'a> Flight<'a> {
    fn add(&mut self, sql: &'static str, params: Vec<(&'a (dyn ToSql + Sync), Type)>) {
        let client = self.client;
        self.statements.push(async move { client.execute_typed(sql, &params).await }.boxed());
    }
}

/// Writes and commits.
pub(super) async fn write(client: &Client, rows: &Rows<'_>) -> Result<(), Unwritten> {
    let id = &rows.workspace;
    let counters = rows.counters.map(|counters| {
        let last_seq = counters.last_seq.cast_signed();
        [last_seq, counters.events, counters.documents, counters.timers]
    });
    let mut flight = Flight { client, statements: Vec::new() };
    if let Some([last_seq, events, documents, timers]) = &counters {
        flight.add(
            "UPDATE workspaces SET last_seq = $2, events = $3, documents = $4, timers = $5 WHERE id = $1",
            vec![
                (id, Type::UUID),
                (last_seq, Type::INT8),
                (events, Type::INT8),
                (documents, Type::INT8),
                (timers, Type::INT8),
            ],
        );
    }
    if !rows.events.seqs.is_empty() {
        flight.add(
            "INSERT INTO events (workspace, seq, thread_order, crc, id, chat, thread, type, body)
             SELECT $1, new.* FROM unnest($2::bigint[], $3::bigint[], $4::integer[], $5::uuid[],
                 $6::uuid[], $7::uuid[], $8::text[], $9::bytea[]) new",
            vec![
                (id, Type::UUID),
                (&rows.events.seqs, Type::INT8_ARRAY),
                (&rows.events.orders, Type::INT8_ARRAY),
                (&rows.events.crcs, Type::INT4_ARRAY),
                (&rows.events.ids, Type::UUID_ARRAY),
                (&rows.events.chats, Type::UUID_ARRAY),
                (&rows.events.threads, Type::UUID_ARRAY),
                (&rows.events.types, Type::TEXT_ARRAY),
                (&rows.events.bodies, Type::BYTEA_ARRAY),
            ],
        );
    }
    add_threads(&mut flight, id, rows);
    if !rows.claims.names.is_empty() {
        flight.add(
            "INSERT INTO claims (workspace, name, outcome, taken_at)
             SELECT $1, new.* FROM unnest($2::text[], $3::uuid[], $4::bigint[]) new",
            vec![
                (id, Type::UUID),
                (&rows.claims.names, Type::TEXT_ARRAY),
                (&rows.claims.outcomes, Type::UUID_ARRAY),
                (&rows.claims.taken_at, Type::INT8_ARRAY),
            ],
        );
    }
    add_documents(&mut flight, id, rows);
    add_timers(&mut flight, id, rows);
    if !rows.cursors.0.is_empty() {
        flight.add(
            "INSERT INTO cursors (workspace, reader, seq)
             SELECT $1, new.* FROM unnest($2::text[], $3::bigint[]) new
             ON CONFLICT (workspace, reader) DO UPDATE SET seq = greatest(cursors.seq, excluded.seq)",
            vec![
                (id, Type::UUID),
                (&rows.cursors.0, Type::TEXT_ARRAY),
                (&rows.cursors.1, Type::INT8_ARRAY),
            ],
        );
    }
    let mut statements = flight.statements;
    statements.push(async { client.batch_execute("COMMIT").await.map(|()| 0) }.boxed());
    let mut answers = join_all(statements).await;
    let committed = answers.pop().unwrap_or(Ok(0));
    // An error of a statement makes a rollback of the commit that follows it, which is no error of its own.
    for answer in answers {
        if let Err(error) = answer {
            return Err(unwritten(error));
        }
    }
    committed.map(drop).map_err(|_| Unwritten::Unknown)
}

/// What the database itself refuses is not written. When the connection was lost, or the database says that it closes it,
/// the rest of the flight may have reached it all the same.
fn unwritten(error: Error) -> Unwritten {
    if is_lost(&error)
        && error.code() != Some(&tokio_postgres::error::SqlState::READ_ONLY_SQL_TRANSACTION)
    {
        return Unwritten::Unknown;
    }
    Unwritten::Failed(error.into())
}

fn add_threads<'a>(flight: &mut Flight<'a>, id: &'a Uuid, rows: &'a Rows<'_>) {
    let updates = "UPDATE threads t SET last_order = new.last_order
        FROM unnest($2::uuid[], $3::bigint[]) new (id, last_order)
        WHERE t.workspace = $1 AND t.id = new.id";
    let inserts = "INSERT INTO threads (workspace, id, last_order)
        SELECT $1, new.* FROM unnest($2::uuid[], $3::bigint[]) new";
    for (sql, (ids, orders)) in [(updates, &rows.threads), (inserts, &rows.threads_new)] {
        if !ids.is_empty() {
            let params: Vec<(&(dyn ToSql + Sync), Type)> =
                vec![(id, Type::UUID), (ids, Type::UUID_ARRAY), (orders, Type::INT8_ARRAY)];
            flight.add(sql, params);
        }
    }
}

fn add_documents<'a>(flight: &mut Flight<'a>, id: &'a Uuid, rows: &'a Rows<'_>) {
    if !rows.documents.kinds.is_empty() {
        flight.add(
            "INSERT INTO documents (workspace, kind, id, version, updated_at, crc, entries, body)
             SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[],
                 $6::integer[], $7::bytea[], $8::bytea[]) new
             ON CONFLICT (workspace, kind, id) DO UPDATE SET version = excluded.version,
                 updated_at = excluded.updated_at, crc = excluded.crc, entries = excluded.entries,
                 body = excluded.body",
            vec![
                (id, Type::UUID),
                (&rows.documents.kinds, Type::TEXT_ARRAY),
                (&rows.documents.ids, Type::TEXT_ARRAY),
                (&rows.documents.versions, Type::INT8_ARRAY),
                (&rows.documents.updated_at, Type::INT8_ARRAY),
                (&rows.documents.crcs, Type::INT4_ARRAY),
                (&rows.documents.entries, Type::BYTEA_ARRAY),
                (&rows.documents.bodies, Type::BYTEA_ARRAY),
            ],
        );
    }
    if !rows.documents_gone.0.is_empty() {
        flight.add(
            "DELETE FROM documents d USING unnest($2::text[], $3::text[]) gone (kind, id)
             WHERE d.workspace = $1 AND d.kind = gone.kind AND d.id = gone.id",
            vec![
                (id, Type::UUID),
                (&rows.documents_gone.0, Type::TEXT_ARRAY),
                (&rows.documents_gone.1, Type::TEXT_ARRAY),
            ],
        );
    }
    if !rows.entries_gone.kinds.is_empty() {
        flight.add(
            "DELETE FROM document_index d
             USING unnest($2::text[], $3::text[], $4::text[], $5::text[]) gone (kind, name, value, id)
             WHERE d.workspace = $1 AND d.kind = gone.kind AND d.name = gone.name
                 AND d.value = gone.value AND d.id = gone.id",
            entry_params(id, &rows.entries_gone),
        );
    }
    if !rows.entries.kinds.is_empty() {
        flight.add(
            "INSERT INTO document_index (workspace, kind, name, value, id)
             SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) new",
            entry_params(id, &rows.entries),
        );
    }
    if !rows.tallies.kinds.is_empty() {
        let tallies = &rows.tallies;
        flight.add(
            "INSERT INTO tallies (workspace, kind, name, value, count)
             SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) new
             ON CONFLICT (workspace, kind, name, value) DO UPDATE SET count = tallies.count + excluded.count",
            vec![
                (id, Type::UUID),
                (&tallies.kinds, Type::TEXT_ARRAY),
                (&tallies.names, Type::TEXT_ARRAY),
                (&tallies.values, Type::TEXT_ARRAY),
                (&tallies.changes, Type::INT8_ARRAY),
            ],
        );
        if tallies.changes.iter().any(|change| *change < 0) {
            flight.add(
                "DELETE FROM tallies t USING unnest($2::text[], $3::text[], $4::text[]) gone (kind, name, value)
                 WHERE t.workspace = $1 AND t.kind = gone.kind AND t.name = gone.name
                     AND t.value = gone.value AND t.count = 0",
                vec![
                    (id, Type::UUID),
                    (&tallies.kinds, Type::TEXT_ARRAY),
                    (&tallies.names, Type::TEXT_ARRAY),
                    (&tallies.values, Type::TEXT_ARRAY),
                ],
            );
        }
    }
}

fn entry_params<'a>(
    id: &'a Uuid,
    entries: &'a EntryRows<'_>,
) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    vec![
        (id, Type::UUID),
        (&entries.kinds, Type::TEXT_ARRAY),
        (&entries.names, Type::TEXT_ARRAY),
        (&entries.values, Type::TEXT_ARRAY),
        (&entries.ids, Type::TEXT_ARRAY),
    ]
}

fn add_timers<'a>(flight: &mut Flight<'a>, id: &'a Uuid, rows: &'a Rows<'_>) {
    if !rows.timers.names.is_empty() {
        flight.add(
            "INSERT INTO timers (workspace, name, share, due, crc, body)
             SELECT $1, new.* FROM unnest($2::text[], $3::smallint[], $4::bigint[], $5::integer[], $6::bytea[]) new
             ON CONFLICT (workspace, name) DO UPDATE SET share = excluded.share, due = excluded.due,
                 crc = excluded.crc, body = excluded.body",
            vec![
                (id, Type::UUID),
                (&rows.timers.names, Type::TEXT_ARRAY),
                (&rows.timers.shares, Type::INT2_ARRAY),
                (&rows.timers.due, Type::INT8_ARRAY),
                (&rows.timers.crcs, Type::INT4_ARRAY),
                (&rows.timers.bodies, Type::BYTEA_ARRAY),
            ],
        );
    }
    if !rows.timers_gone.is_empty() {
        flight.add(
            "DELETE FROM timers WHERE workspace = $1 AND name = ANY ($2)",
            vec![(id, Type::UUID), (&rows.timers_gone, Type::TEXT_ARRAY)],
        );
    }
}
