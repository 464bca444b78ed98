//! Reading timers, cursors, claims, the list of workspaces, and sizes.

use tidings_model::{EventId, Seq, Timestamp, WorkspaceId};
use tidings_store::read::TIMERS_READ_MAX;
use tidings_store::{Held, ReadError, Stats, Timer, TimerName};
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::numbers::{limit, nanoseconds, seq, timestamp};
use crate::row::{column, engine, event_id, timer_body, workspace_id};
use crate::text::{self, stored};

/// Shares as two columns. Of a node that holds all, each of every workspace: so no other index is needed.
fn shares(of: &Held) -> (&'static str, Vec<Uuid>, Vec<i16>) {
    match of {
        Held::All => (
            "(SELECT w.id, share::smallint FROM workspaces w CROSS JOIN generate_series(0, 15) share
              WHERE cardinality($1) = 0 AND cardinality($2) = 0) held (workspace, share)",
            Vec::new(),
            Vec::new(),
        ),
        Held::These(these) => {
            let pairs = these.iter().flat_map(|(workspace, shares)| {
                shares.iter().map(|share| (workspace.uuid(), i16::from(share.number())))
            });
            let (workspaces, shares) = pairs.unzip();
            ("unnest($1::uuid[], $2::smallint[]) held (workspace, share)", workspaces, shares)
        }
    }
}

/// Timers that are due, earliest first: as many of each share as are asked for in all, merged.
pub(crate) async fn due(
    client: &Client,
    now: Timestamp,
    asked: usize,
    of: &Held,
) -> Result<Vec<Timer>, ReadError> {
    let (held, workspaces, shares) = shares(of);
    let sql = format!(
        "SELECT t.workspace, t.name, t.due, t.crc, t.body FROM {held} CROSS JOIN LATERAL (
             SELECT workspace, name, due, crc, body FROM timers
             WHERE workspace = held.workspace AND share = held.share AND due <= $3
             ORDER BY due LIMIT $4
         ) t ORDER BY t.due, t.workspace, t.name LIMIT $4"
    );
    let rows = client
        .query_typed(
            &sql,
            &[
                (&workspaces, Type::UUID_ARRAY),
                (&shares, Type::INT2_ARRAY),
                (&nanoseconds(now), Type::INT8),
                (&limit(asked, TIMERS_READ_MAX), Type::INT8),
            ],
        )
        .await
        .map_err(engine)?;
    let timer = |row: &tokio_postgres::Row| {
        let name = TimerName(text::read(column(row, 1)?));
        let body = timer_body(column(row, 3)?, column(row, 4)?, &name.0)?;
        let (workspace, due) = (workspace_id(row, 0)?, timestamp(column(row, 2)?));
        Ok(Timer { workspace, name, due, body })
    };
    rows.iter().map(timer).collect()
}

/// When the earliest timer is due.
pub(crate) async fn next(client: &Client, of: &Held) -> Result<Option<Timestamp>, ReadError> {
    let (held, workspaces, shares) = shares(of);
    let sql = format!(
        "SELECT min(t.due) FROM {held} CROSS JOIN LATERAL (
             SELECT due FROM timers
             WHERE workspace = held.workspace AND share = held.share ORDER BY due LIMIT 1
         ) t"
    );
    let row = client
        .query_typed_one(&sql, &[(&workspaces, Type::UUID_ARRAY), (&shares, Type::INT2_ARRAY)])
        .await
        .map_err(engine)?;
    Ok(column::<Option<i64>>(&row, 0)?.map(timestamp))
}

/// A reader's cursor.
pub(crate) async fn cursor(
    client: &Client,
    workspace: WorkspaceId,
    reader: &str,
) -> Result<Option<Seq>, ReadError> {
    let sql = "SELECT seq FROM cursors WHERE workspace = $1 AND reader = $2";
    let row = client
        .query_typed_opt(sql, &[(&workspace.uuid(), Type::UUID), (&stored(reader), Type::TEXT)])
        .await
        .map_err(engine)?;
    row.map(|row| Ok(seq(column(&row, 0)?))).transpose()
}

/// What a claim was taken for.
pub(crate) async fn claim(
    client: &Client,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<EventId>, ReadError> {
    let sql = "SELECT outcome FROM claims WHERE workspace = $1 AND name = $2";
    let row = client
        .query_typed_opt(sql, &[(&workspace.uuid(), Type::UUID), (&stored(name), Type::TEXT)])
        .await
        .map_err(engine)?;
    row.map_or(Ok(None), |row| event_id(&row, 0))
}

/// All workspaces, oldest first.
pub(crate) async fn workspaces(client: &Client) -> Result<Vec<WorkspaceId>, ReadError> {
    let sql = "SELECT id FROM workspaces ORDER BY number";
    let rows = client.query_typed(sql, &[]).await.map_err(engine)?;
    rows.iter().map(|row| workspace_id(row, 0)).collect()
}

/// The tables and their indexes, whose bytes are told.
pub(crate) const TABLES: [&str; 10] = [
    "workspaces",
    "events",
    "threads",
    "documents",
    "document_index",
    "timers",
    "cursors",
    "claims",
    "tallies",
    "nodes",
];

/// Sizes.
pub(crate) async fn stats(client: &Client) -> Result<Stats, ReadError> {
    let sql = "SELECT coalesce(sum(events), 0)::bigint, coalesce(sum(documents), 0)::bigint,
            coalesce(sum(timers), 0)::bigint,
            (SELECT sum(pg_total_relation_size(name::regclass))::bigint FROM unnest($1::text[]) name)
        FROM workspaces";
    let row = client
        .query_typed_one(sql, &[(&TABLES.as_slice(), Type::TEXT_ARRAY)])
        .await
        .map_err(engine)?;
    let number = |place| column::<i64>(&row, place).map(i64::cast_unsigned);
    Ok(Stats { events: number(0)?, documents: number(1)?, timers: number(2)?, bytes: number(3)? })
}
