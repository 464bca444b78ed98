//! Fills an empty database with what another engine held.
//!
//! It is marked as being filled until all is there, and a marked one is not opened by servers. So a load that was cut
//! short is never taken for a store; the next one empties it and begins anew.

use deadpool_postgres::Object;
use tidings_model::{Clock, Event, WorkspaceId};
use tidings_store::prepared::{content_crc, document_crc};
use tidings_store::transfer::{Load, LoadError, Record};
use tidings_store::{Document, Share, Timer};
use tokio_postgres::types::{ToSql, Type};

use crate::agree::LOADING;
use crate::connect::Address;
use crate::numbers::{nanoseconds, sql_order, sql_seq};
use crate::row::event_crc;
use crate::text::stored;
use crate::writer::COMMIT_PATIENCE;
use crate::{Options, migrate, tallies};

/// What a load that was cut short may have filled.
const TABLES: &str = "workspaces, events, threads, documents, document_index, timers, cursors, claims, tallies, nodes";

/// Nodes that were heard of so lately may live: longer than others take to miss one.
const SILENT_FOR_S: f64 = 5.0;

/// A database that is being filled; made by [`PostgresLoad::begin`].
pub struct PostgresLoad {
    client: Object,
    place: String,
}

impl PostgresLoad {
    /// Begins to fill a database that holds nothing of Tidings, or only what a load left that was cut short.
    pub async fn begin(options: &Options, clock: &dyn Clock) -> Result<Self, LoadError> {
        let address = Address::parse(&options.url).map_err(failed)?;
        let client = address.pool(1, COMMIT_PATIENCE).get().await.map_err(failed)?;
        migrate::run(&client, clock.now()).await.map_err(failed)?;
        let place = client
            .query_typed_one("SELECT current_database()", &[])
            .await
            .and_then(|row| row.try_get::<_, String>(0))
            .map_err(failed)?;
        let load = Self { client, place: format!("the database {place}") };
        load.execute("BEGIN").await?;
        load.execute("LOCK TABLE workspaces, agreements IN ACCESS EXCLUSIVE MODE").await?;
        if load.is_so(&format!("SELECT 1 FROM nodes WHERE heard_at > clock_timestamp() - make_interval(secs => {SILENT_FOR_S})")).await? {
            return Err(LoadError::InUse { place: load.place });
        }
        let was_cut_short =
            load.is_so(&format!("SELECT 1 FROM agreements WHERE name = '{LOADING}'")).await?;
        if !was_cut_short && load.is_so("SELECT 1 FROM workspaces").await? {
            return Err(LoadError::NotEmpty { place: load.place });
        }
        load.execute(&format!(
            "TRUNCATE {TABLES}; DELETE FROM agreements;
             INSERT INTO agreements (name, text) VALUES ('{LOADING}', ''); COMMIT"
        ))
        .await?;
        Ok(load)
    }

    async fn execute(&self, sql: &str) -> Result<(), LoadError> {
        self.client.batch_execute(sql).await.map_err(failed)
    }

    /// Whether a question has an answer.
    async fn is_so(&self, sql: &str) -> Result<bool, LoadError> {
        let row = self.client.query_typed_opt(&format!("{sql} LIMIT 1"), &[]).await;
        row.map(|row| row.is_some()).map_err(failed)
    }

    async fn insert(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<(), LoadError> {
        self.client.execute_typed(sql, params).await.map(drop).map_err(failed)
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LoadError {
    LoadError::Engine { source: error.into() }
}

#[async_trait::async_trait]
impl Load for PostgresLoad {
    async fn load(
        &mut self,
        workspace: WorkspaceId,
        records: Vec<Record>,
    ) -> Result<(), LoadError> {
        self.execute("BEGIN; SET LOCAL synchronous_commit = off").await?;
        let mut page = Page::default();
        for record in &records {
            page.take(record).map_err(failed)?;
        }
        page.insert(self, workspace).await?;
        self.execute("COMMIT").await
    }

    async fn finish(self: Box<Self>) -> Result<(), LoadError> {
        self.execute("BEGIN").await?;
        tallies::recount(&self.client).await.map_err(failed)?;
        self.execute(
            "UPDATE workspaces w SET
                 events = (SELECT count(*) FROM events WHERE workspace = w.id),
                 documents = (SELECT count(*) FROM documents WHERE workspace = w.id),
                 timers = (SELECT count(*) FROM timers WHERE workspace = w.id)",
        )
        .await?;
        // Everything before it is on disk with this commit: the log of the database is one.
        self.execute(&format!("DELETE FROM agreements WHERE name = '{LOADING}'; COMMIT; ANALYZE"))
            .await
    }
}

/// Records of one page as columns, part by part.
#[derive(Default)]
struct Page<'a> {
    last_seq: Option<i64>,
    threads: (Vec<uuid::Uuid>, Vec<i64>),
    events: Vec<&'a Event>,
    documents: Vec<(&'a Document, Vec<u8>, String)>,
    entries: Vec<(&'a Document, &'a (String, String))>,
    timers: Vec<(&'a Timer, Vec<u8>)>,
    cursors: (Vec<String>, Vec<i64>),
    claims: (Vec<String>, Vec<Option<uuid::Uuid>>, Vec<i64>),
}

impl<'a> Page<'a> {
    fn take(&mut self, record: &'a Record) -> Result<(), serde_json::Error> {
        match record {
            Record::Workspace(last) => self.last_seq = Some(sql_seq(*last)),
            Record::Thread(id, last) => {
                self.threads.0.push(id.uuid());
                self.threads.1.push(sql_order(*last));
            }
            Record::Event(event) => self.events.push(event),
            Record::Document { document, index } => {
                let body = serde_json::to_vec(&document.body)?;
                self.documents.push((document, body, serde_json::to_string(index)?));
                self.entries.extend(index.iter().map(|entry| (document, entry)));
            }
            Record::Timer(timer) => {
                self.timers.push((timer, serde_json::to_vec(&timer.body)?));
            }
            Record::Cursor(cursor) => {
                self.cursors.0.push(stored(&cursor.reader).into_owned());
                self.cursors.1.push(sql_seq(cursor.to));
            }
            Record::Claim { claim, taken_at } => {
                self.claims.0.push(stored(&claim.name).into_owned());
                self.claims.1.push(claim.outcome.map(|outcome| outcome.uuid()));
                self.claims.2.push(nanoseconds(*taken_at));
            }
        }
        Ok(())
    }

    async fn insert(&self, load: &PostgresLoad, workspace: WorkspaceId) -> Result<(), LoadError> {
        let id = workspace.uuid();
        let id: (&(dyn ToSql + Sync), Type) = (&id, Type::UUID);
        if let Some(last) = &self.last_seq {
            load.insert(
                "INSERT INTO workspaces (id, last_seq, events, documents, timers) VALUES ($1, $2, 0, 0, 0)",
                &[id.clone(), (last, Type::INT8)],
            )
            .await?;
        }
        if !self.threads.0.is_empty() {
            load.insert(
                "INSERT INTO threads (workspace, id, last_order)
                 SELECT $1, new.* FROM unnest($2::uuid[], $3::bigint[]) new",
                &[
                    id.clone(),
                    (&self.threads.0, Type::UUID_ARRAY),
                    (&self.threads.1, Type::INT8_ARRAY),
                ],
            )
            .await?;
        }
        if !self.cursors.0.is_empty() {
            load.insert(
                "INSERT INTO cursors (workspace, reader, seq)
                 SELECT $1, new.* FROM unnest($2::text[], $3::bigint[]) new",
                &[
                    id.clone(),
                    (&self.cursors.0, Type::TEXT_ARRAY),
                    (&self.cursors.1, Type::INT8_ARRAY),
                ],
            )
            .await?;
        }
        if !self.claims.0.is_empty() {
            load.insert(
                "INSERT INTO claims (workspace, name, outcome, taken_at)
                 SELECT $1, new.* FROM unnest($2::text[], $3::uuid[], $4::bigint[]) new",
                &[
                    id.clone(),
                    (&self.claims.0, Type::TEXT_ARRAY),
                    (&self.claims.1, Type::UUID_ARRAY),
                    (&self.claims.2, Type::INT8_ARRAY),
                ],
            )
            .await?;
        }
        self.insert_events(load, &id).await?;
        self.insert_documents(load, &id).await?;
        self.insert_timers(load, &id).await
    }

    async fn insert_events(
        &self,
        load: &PostgresLoad,
        id: &(&(dyn ToSql + Sync), Type),
    ) -> Result<(), LoadError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let events = || self.events.iter();
        let seqs: Vec<i64> = events().map(|event| sql_seq(event.seq)).collect();
        let orders: Vec<Option<i64>> = events().map(|event| event.order.map(sql_order)).collect();
        let crc = |event: &Event| {
            event_crc(crc32fast::hash(event.body()), event.seq, event.order).cast_signed()
        };
        let crcs: Vec<i32> = events().map(|event| crc(event)).collect();
        let ids: Vec<_> = events().map(|event| event.id.uuid()).collect();
        let chats: Vec<_> = events().map(|event| event.chat.map(|chat| chat.uuid())).collect();
        let threads: Vec<_> =
            events().map(|event| event.thread.map(|thread| thread.uuid())).collect();
        let types: Vec<&str> = events().map(|event| event.event_type.as_str()).collect();
        let bodies: Vec<&[u8]> = events().map(|event| event.body()).collect();
        load.insert(
            "INSERT INTO events (workspace, seq, thread_order, crc, id, chat, thread, type, body)
             SELECT $1, new.* FROM unnest($2::bigint[], $3::bigint[], $4::integer[], $5::uuid[],
                 $6::uuid[], $7::uuid[], $8::text[], $9::bytea[]) new",
            &[
                id.clone(),
                (&seqs, Type::INT8_ARRAY),
                (&orders, Type::INT8_ARRAY),
                (&crcs, Type::INT4_ARRAY),
                (&ids, Type::UUID_ARRAY),
                (&chats, Type::UUID_ARRAY),
                (&threads, Type::UUID_ARRAY),
                (&types, Type::TEXT_ARRAY),
                (&bodies, Type::BYTEA_ARRAY),
            ],
        )
        .await
    }

    async fn insert_documents(
        &self,
        load: &PostgresLoad,
        id: &(&(dyn ToSql + Sync), Type),
    ) -> Result<(), LoadError> {
        if self.documents.is_empty() {
            return Ok(());
        }
        let all = || self.documents.iter();
        let kinds: Vec<&str> = all().map(|(document, ..)| document.key.kind.as_str()).collect();
        let ids: Vec<_> = all().map(|(document, ..)| stored(&document.key.id)).collect();
        let versions: Vec<i64> =
            all().map(|(document, ..)| document.version.0.cast_signed()).collect();
        let updated_at: Vec<i64> =
            all().map(|(document, ..)| nanoseconds(document.updated_at)).collect();
        let crc = |document: &Document, body: &[u8], entries: &str| {
            document_crc(content_crc(body, entries), document.version).cast_signed()
        };
        let crcs: Vec<i32> =
            all().map(|(document, body, entries)| crc(document, body, entries)).collect();
        let entries: Vec<&[u8]> = all().map(|(.., entries)| entries.as_bytes()).collect();
        let bodies: Vec<&[u8]> = all().map(|(_, body, _)| body.as_slice()).collect();
        load.insert(
            "INSERT INTO documents (workspace, kind, id, version, updated_at, crc, entries, body)
             SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[],
                 $6::integer[], $7::bytea[], $8::bytea[]) new",
            &[
                id.clone(),
                (&kinds, Type::TEXT_ARRAY),
                (&ids, Type::TEXT_ARRAY),
                (&versions, Type::INT8_ARRAY),
                (&updated_at, Type::INT8_ARRAY),
                (&crcs, Type::INT4_ARRAY),
                (&entries, Type::BYTEA_ARRAY),
                (&bodies, Type::BYTEA_ARRAY),
            ],
        )
        .await?;
        let all = || self.entries.iter();
        let kinds: Vec<&str> = all().map(|(document, _)| document.key.kind.as_str()).collect();
        let names: Vec<&str> = all().map(|(_, (name, _))| name.as_str()).collect();
        let values: Vec<_> = all().map(|(_, (_, value))| stored(value)).collect();
        let ids: Vec<_> = all().map(|(document, _)| stored(&document.key.id)).collect();
        load.insert(
            "INSERT INTO document_index (workspace, kind, name, value, id)
             SELECT $1, new.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) new",
            &[
                id.clone(),
                (&kinds, Type::TEXT_ARRAY),
                (&names, Type::TEXT_ARRAY),
                (&values, Type::TEXT_ARRAY),
                (&ids, Type::TEXT_ARRAY),
            ],
        )
        .await
    }

    async fn insert_timers(
        &self,
        load: &PostgresLoad,
        id: &(&(dyn ToSql + Sync), Type),
    ) -> Result<(), LoadError> {
        if self.timers.is_empty() {
            return Ok(());
        }
        let all = || self.timers.iter();
        let names: Vec<_> = all().map(|(timer, _)| stored(&timer.name.0)).collect();
        let shares: Vec<i16> =
            all().map(|(timer, _)| Share::of_timer(&timer.name).number().into()).collect();
        let due: Vec<i64> = all().map(|(timer, _)| nanoseconds(timer.due)).collect();
        let crcs: Vec<i32> = all().map(|(_, body)| crc32fast::hash(body).cast_signed()).collect();
        let bodies: Vec<&[u8]> = all().map(|(_, body)| body.as_slice()).collect();
        load.insert(
            "INSERT INTO timers (workspace, name, share, due, crc, body)
             SELECT $1, new.* FROM unnest($2::text[], $3::smallint[], $4::bigint[], $5::integer[],
                 $6::bytea[]) new",
            &[
                id.clone(),
                (&names, Type::TEXT_ARRAY),
                (&shares, Type::INT2_ARRAY),
                (&due, Type::INT8_ARRAY),
                (&crcs, Type::INT4_ARRAY),
                (&bodies, Type::BYTEA_ARRAY),
            ],
        )
        .await
    }
}
