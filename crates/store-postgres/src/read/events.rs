//! Reading the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::TryStreamExt;
use tidings_model::{ChatId, Event, EventId, Order, Seq, ThreadId, WorkspaceId};
use tidings_store::read::{EVENTS_READ_BYTES_MAX, EVENTS_READ_MAX};
use tidings_store::{EventQuery, ReadError};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::numbers::{limit, seq, sql_order, sql_seq};
use crate::row::{EVENT_COLUMNS, column, engine, event};

/// Events after a number, in order.
pub(crate) async fn after(
    client: &Client,
    workspace: WorkspaceId,
    query: &EventQuery,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let id = workspace.uuid();
    let after = sql_seq(query.after);
    let limit = limit(query.limit, EVENTS_READ_MAX);
    let types: BTreeSet<&str> = query.types.iter().map(|name| name.as_str()).collect();
    let types: Vec<&str> = types.into_iter().collect();
    let chat = query.chat.map(ChatId::uuid);
    match (chat, types.is_empty()) {
        (None, true) => {
            let sql = format!(
                "SELECT {EVENT_COLUMNS} FROM events e
                 WHERE workspace = $1 AND seq > $2 ORDER BY seq LIMIT $3"
            );
            collect(
                client,
                workspace,
                &sql,
                &[(&id, Type::UUID), (&after, Type::INT8), (&limit, Type::INT8)],
            )
            .await
        }
        // As many of each type as are wanted in all, from an index that holds each type's events in order; merged.
        (None, false) => {
            let sql = format!(
                "SELECT {EVENT_COLUMNS} FROM (
                     SELECT of_type.seq FROM unnest($4::text[]) wanted (type) CROSS JOIN LATERAL (
                         SELECT seq FROM events
                         WHERE workspace = $1 AND type = wanted.type AND seq > $2 ORDER BY seq LIMIT $3
                     ) of_type ORDER BY of_type.seq LIMIT $3
                 ) found JOIN events e ON e.workspace = $1 AND e.seq = found.seq ORDER BY e.seq"
            );
            collect(
                client,
                workspace,
                &sql,
                &[
                    (&id, Type::UUID),
                    (&after, Type::INT8),
                    (&limit, Type::INT8),
                    (&types, Type::TEXT_ARRAY),
                ],
            )
            .await
        }
        (Some(chat), _) => {
            let of_types = if types.is_empty() { "cardinality($5) = 0" } else { "type = ANY ($5)" };
            let sql = format!(
                "SELECT {EVENT_COLUMNS} FROM events e
                 WHERE workspace = $1 AND chat = $4 AND seq > $2 AND {of_types} ORDER BY seq LIMIT $3"
            );
            collect(
                client,
                workspace,
                &sql,
                &[
                    (&id, Type::UUID),
                    (&after, Type::INT8),
                    (&limit, Type::INT8),
                    (&chat, Type::UUID),
                    (&types, Type::TEXT_ARRAY),
                ],
            )
            .await
        }
    }
}

/// One event by its id.
pub(crate) async fn one(
    client: &Client,
    workspace: WorkspaceId,
    id: EventId,
) -> Result<Option<Arc<Event>>, ReadError> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM events e WHERE workspace = $1 AND id = $2");
    let found = collect(
        client,
        workspace,
        &sql,
        &[(&workspace.uuid(), Type::UUID), (&id.uuid(), Type::UUID)],
    )
    .await?;
    Ok(found.into_iter().next())
}

/// Events of a chat, newest first.
pub(crate) async fn of_chat(
    client: &Client,
    workspace: WorkspaceId,
    chat: ChatId,
    before: Option<Seq>,
    asked: usize,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events e
         WHERE workspace = $1 AND chat = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4"
    );
    collect(
        client,
        workspace,
        &sql,
        &[
            (&workspace.uuid(), Type::UUID),
            (&chat.uuid(), Type::UUID),
            (&before.map_or(i64::MAX, sql_seq), Type::INT8),
            (&limit(asked, EVENTS_READ_MAX), Type::INT8),
        ],
    )
    .await
}

/// Events of a thread after an order.
pub(crate) async fn of_thread(
    client: &Client,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
    after: Option<Order>,
    asked: usize,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events e
         WHERE workspace = $1 AND thread = $2 AND thread_order > $3 AND chat = $4
         ORDER BY thread_order LIMIT $5"
    );
    collect(
        client,
        workspace,
        &sql,
        &[
            (&workspace.uuid(), Type::UUID),
            (&thread.uuid(), Type::UUID),
            (&after.map_or(0, sql_order), Type::INT8),
            (&chat.uuid(), Type::UUID),
            (&limit(asked, EVENTS_READ_MAX), Type::INT8),
        ],
    )
    .await
}

/// One event of a thread.
pub(crate) async fn at_order(
    client: &Client,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
    order: Order,
) -> Result<Option<Arc<Event>>, ReadError> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events e
         WHERE workspace = $1 AND thread = $2 AND thread_order = $3 AND chat = $4"
    );
    let found = collect(
        client,
        workspace,
        &sql,
        &[
            (&workspace.uuid(), Type::UUID),
            (&thread.uuid(), Type::UUID),
            (&sql_order(order), Type::INT8),
            (&chat.uuid(), Type::UUID),
        ],
    )
    .await?;
    Ok(found.into_iter().next())
}

/// The number of the last event.
pub(crate) async fn last_seq(client: &Client, workspace: WorkspaceId) -> Result<Seq, ReadError> {
    let sql = "SELECT last_seq FROM workspaces WHERE id = $1";
    let row =
        client.query_typed_opt(sql, &[(&workspace.uuid(), Type::UUID)]).await.map_err(engine)?;
    row.map_or(Ok(Seq::START), |row| Ok(seq(column(&row, 0)?)))
}

/// The heads of all logs.
pub(crate) async fn heads(client: &Client) -> Result<Vec<(WorkspaceId, Seq)>, ReadError> {
    let sql = "SELECT id, last_seq FROM workspaces";
    let rows = client.query_typed(sql, &[]).await.map_err(engine)?;
    rows.iter().map(|row| Ok((crate::row::workspace_id(row, 0)?, seq(column(row, 1)?)))).collect()
}

/// Takes rows until the answer is large enough; the rest is thrown away as it comes.
async fn collect(
    client: &Client,
    workspace: WorkspaceId,
    sql: &str,
    params: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Arc<Event>>, ReadError> {
    let params = params.iter().map(|(value, of_type)| (*value, of_type.clone()));
    let rows = client.query_typed_raw(sql, params).await.map_err(engine)?;
    let mut rows = std::pin::pin!(rows);
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await.map_err(engine)? {
        let event = event(&row, workspace)?;
        bytes += event.body().len();
        events.push(event);
        if bytes >= EVENTS_READ_BYTES_MAX {
            break;
        }
    }
    Ok(events)
}
