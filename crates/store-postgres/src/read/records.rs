//! Everything of a workspace, as records in the order in which they move to another engine.

use futures_util::TryStreamExt;
use tidings_model::{Order, Seq, ThreadId, WorkspaceId};
use tidings_store::transfer::{Part, RECORDS_READ_BYTES_MAX, RECORDS_READ_MAX, Record};
use tidings_store::{Advance, Claim, EventQuery, Kind, ReadError, Timer, TimerName};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::events;
use crate::numbers::{seq, timestamp};
use crate::row::{DOCUMENT_COLUMNS, column, damaged, document, engine, event_id, timer_body};
use crate::text::{self, stored};

/// As SQL takes it.
const LIMIT: i64 = RECORDS_READ_MAX as i64;

/// Records of a part after one of it.
pub(crate) async fn page(
    client: &Client,
    workspace: WorkspaceId,
    part: Part,
    after: Option<&Record>,
) -> Result<Vec<Record>, ReadError> {
    let id = workspace.uuid();
    match part {
        Part::Workspaces if after.is_some() => Ok(Vec::new()),
        Part::Workspaces => Ok(vec![Record::Workspace(events::last_seq(client, workspace).await?)]),
        Part::Threads => {
            let after = match after {
                Some(Record::Thread(id, _)) => Some(id.uuid()),
                Some(_) | None => None,
            };
            let sql = "SELECT id, last_order FROM threads
                WHERE workspace = $1 AND ($2 IS NULL OR id > $2) ORDER BY id LIMIT $3";
            let params = [
                (&id as &(dyn ToSql + Sync), Type::UUID),
                (&after, Type::UUID),
                (&LIMIT, Type::INT8),
            ];
            rows(client, sql, &params, thread).await
        }
        Part::Events => {
            let after = match after {
                Some(Record::Event(event)) => event.seq,
                Some(_) | None => Seq::START,
            };
            let query = EventQuery { after, limit: RECORDS_READ_MAX, ..EventQuery::default() };
            let page = events::after(client, workspace, &query).await?;
            Ok(page.into_iter().map(Record::Event).collect())
        }
        Part::Documents => {
            let (kind, key) = match after {
                Some(Record::Document { document, .. }) => {
                    (document.key.kind.as_str(), stored(&document.key.id))
                }
                Some(_) | None => ("", "".into()),
            };
            let sql = format!(
                "SELECT {DOCUMENT_COLUMNS}, d.kind FROM documents d
                 WHERE workspace = $1 AND (kind, id) > ($2, $3) ORDER BY kind, id LIMIT $4"
            );
            let params = [
                (&id as &(dyn ToSql + Sync), Type::UUID),
                (&kind, Type::TEXT),
                (&key, Type::TEXT),
                (&LIMIT, Type::INT8),
            ];
            rows(client, &sql, &params, document_record).await
        }
        Part::Timers => {
            let after = match after {
                Some(Record::Timer(timer)) => stored(&timer.name.0),
                Some(_) | None => "".into(),
            };
            let sql = "SELECT name, due, crc, body FROM timers
                WHERE workspace = $1 AND name > $2 ORDER BY name LIMIT $3";
            let params = named(&id, &after);
            rows(client, sql, &params, |row| timer(workspace, row)).await
        }
        Part::Cursors => {
            let after = match after {
                Some(Record::Cursor(cursor)) => stored(&cursor.reader),
                Some(_) | None => "".into(),
            };
            let sql = "SELECT reader, seq FROM cursors
                WHERE workspace = $1 AND reader > $2 ORDER BY reader LIMIT $3";
            rows(client, sql, &named(&id, &after), cursor).await
        }
        Part::Claims => {
            let after = match after {
                Some(Record::Claim { claim, .. }) => stored(&claim.name),
                Some(_) | None => "".into(),
            };
            let sql = "SELECT name, outcome, taken_at FROM claims
                WHERE workspace = $1 AND name > $2 ORDER BY name LIMIT $3";
            rows(client, sql, &named(&id, &after), claim).await
        }
    }
}

/// The parameters of a part that is in the order of its names.
fn named<'a>(
    id: &'a uuid::Uuid,
    after: &'a (dyn ToSql + Sync),
) -> [(&'a (dyn ToSql + Sync), Type); 3] {
    [(id, Type::UUID), (after, Type::TEXT), (&LIMIT, Type::INT8)]
}

/// A record, and how many bytes it has to be counted by.
type Sized = (Record, usize);

async fn rows(
    client: &Client,
    sql: &str,
    params: &[(&(dyn ToSql + Sync), Type)],
    read: impl Fn(&Row) -> Result<Sized, ReadError>,
) -> Result<Vec<Record>, ReadError> {
    let params = params.iter().map(|(value, of_type)| (*value, of_type.clone()));
    let rows = client.query_typed_raw(sql, params).await.map_err(engine)?;
    let mut rows = std::pin::pin!(rows);
    let mut records = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await.map_err(engine)? {
        let (record, size) = read(&row)?;
        bytes += size;
        records.push(record);
        if bytes > RECORDS_READ_BYTES_MAX {
            break;
        }
    }
    Ok(records)
}

fn thread(row: &Row) -> Result<Sized, ReadError> {
    let last: i64 = column(row, 1)?;
    let id = ThreadId::new(column(row, 0)?);
    Ok((Record::Thread(id, Order(last.cast_unsigned())), 0))
}

fn document_record(row: &Row) -> Result<Sized, ReadError> {
    let word: &str = column(row, 6)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
        damaged("documents.kind".into(), format!("{word:?} is not a kind of document").into())
    })?;
    // Checks what is stored, the entries among it.
    let document = document(row, kind)?;
    let entries: &[u8] = column(row, 4)?;
    let index = serde_json::from_slice(entries).map_err(|source| {
        damaged(format!("documents.entries of {}", document.key), source.into())
    })?;
    let size = entries.len() + column::<&[u8]>(row, 5)?.len();
    Ok((Record::Document { document, index }, size))
}

fn timer(workspace: WorkspaceId, row: &Row) -> Result<Sized, ReadError> {
    let name = TimerName(text::read(column(row, 0)?));
    let bytes: &[u8] = column(row, 3)?;
    let body = timer_body(column(row, 2)?, bytes, &name.0)?;
    let due = timestamp(column(row, 1)?);
    Ok((Record::Timer(Timer { workspace, name, due, body }), bytes.len()))
}

fn cursor(row: &Row) -> Result<Sized, ReadError> {
    let reader = text::read(column(row, 0)?);
    Ok((Record::Cursor(Advance { reader, to: seq(column(row, 1)?) }), 0))
}

fn claim(row: &Row) -> Result<Sized, ReadError> {
    let claim = Claim { name: text::read(column(row, 0)?), outcome: event_id(row, 1)? };
    Ok((Record::Claim { claim, taken_at: timestamp(column(row, 2)?) }, 0))
}
