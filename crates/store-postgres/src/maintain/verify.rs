//! Looks for damage in what rows say, all at one moment of the database.
//!
//! The structure of pages and indexes is the server's to look after (`pg_amcheck`, data checksums).

use futures_util::TryStreamExt;
use tidings_model::WorkspaceId;
use tidings_store::{Kind, ReadError};
use tokio_postgres::{Client, Row};

use crate::row::{self, DOCUMENT_COLUMNS, EVENT_COLUMNS, column, damaged, engine, workspace_id};
use crate::tallies;
use crate::text;

/// Findings after which looking ends; more would not say more.
const FINDINGS_MAX: usize = 100;

/// The same, as SQL takes it.
const FINDINGS_LIMIT: i64 = 100;

/// Counters of workspaces that do not say what is there: one row each, with what they are of.
const MISCOUNTED: &str = "
    SELECT w.id::text, wrong.what, wrong.says, wrong.are
    FROM workspaces w
    LEFT JOIN (
        SELECT workspace, count(*) AS events, max(seq) AS last, min(seq) AS first FROM events GROUP BY workspace
    ) e ON e.workspace = w.id
    LEFT JOIN (SELECT workspace, count(*) AS documents FROM documents GROUP BY workspace) d
        ON d.workspace = w.id
    LEFT JOIN (SELECT workspace, count(*) AS timers FROM timers GROUP BY workspace) t ON t.workspace = w.id
    CROSS JOIN LATERAL (VALUES
        ('events', w.events, coalesce(e.events, 0)),
        ('documents', w.documents, coalesce(d.documents, 0)),
        ('timers', w.timers, coalesce(t.timers, 0)),
        ('last_seq', w.last_seq, coalesce(e.last, w.last_seq)),
        ('numbers without a gap', e.last - e.first + 1, e.events)
    ) wrong (what, says, are)
    WHERE wrong.says IS DISTINCT FROM wrong.are LIMIT 100";

/// Threads whose last order is before that of an event.
const MISORDERED: &str = "
    SELECT e.workspace::text, e.thread::text, coalesce(t.last_order, 0), e.last
    FROM (
        SELECT workspace, thread, max(thread_order) AS last FROM events
        WHERE thread IS NOT NULL GROUP BY workspace, thread
    ) e LEFT JOIN threads t ON t.workspace = e.workspace AND t.id = e.thread
    WHERE coalesce(t.last_order, 0) < e.last LIMIT 100";

/// Index entries that differ from what their documents say that they have.
const MISINDEXED: &str = "
    SELECT coalesce(s.workspace, i.workspace)::text, coalesce(s.kind, i.kind), coalesce(s.id, i.id)
    FROM (
        SELECT workspace, kind, id, count(*) AS entries FROM document_index GROUP BY workspace, kind, id
    ) i FULL JOIN (
        SELECT workspace, kind, id, json_array_length(convert_from(entries, 'UTF8')::json) AS entries
        FROM documents
    ) s ON s.workspace = i.workspace AND s.kind = i.kind AND s.id = i.id
    WHERE coalesce(s.entries, 0) <> coalesce(i.entries, 0) LIMIT 100";

/// Looks at all rows.
pub(crate) async fn whole(client: &Client) -> Result<Vec<String>, ReadError> {
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
        .map_err(engine)?;
    let mut findings = Vec::new();
    let looked = look(client, &mut findings).await;
    client.batch_execute("ROLLBACK").await.map_err(engine)?;
    note(&mut findings, looked)?;
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

async fn look(client: &Client, findings: &mut Vec<String>) -> Result<(), ReadError> {
    let events = format!(
        "SELECT {EVENT_COLUMNS}, e.workspace, e.id, e.chat, e.thread, e.type FROM events e"
    );
    scan(client, &events, findings, event).await?;
    let documents = format!("SELECT {DOCUMENT_COLUMNS}, d.kind FROM documents d");
    scan(client, &documents, findings, document).await?;
    scan(client, "SELECT name, crc, body, share FROM timers", findings, timer).await?;
    if !findings.is_empty() {
        // What is damaged would be told again, in other words.
        return Ok(());
    }
    findings.extend(tallies::wrong(client, FINDINGS_LIMIT).await.map_err(engine)?);
    scan(client, MISCOUNTED, findings, |row| {
        let (workspace, what): (&str, &str) = (column(row, 0)?, column(row, 1)?);
        let (says, are): (Option<i64>, Option<i64>) = (column(row, 2)?, column(row, 3)?);
        let (says, are) = (says.unwrap_or(0), are.unwrap_or(0));
        Err(damaged(
            format!("workspaces.{what} of workspace {workspace}"),
            format!("it says {says}, there are {are}").into(),
        ))
    })
    .await?;
    scan(client, MISORDERED, findings, |row| {
        let (workspace, thread): (&str, &str) = (column(row, 0)?, column(row, 1)?);
        let (says, is): (i64, i64) = (column(row, 2)?, column(row, 3)?);
        Err(damaged(
            format!("threads.last_order of thread {thread} in workspace {workspace}"),
            format!("it says {says}, an event has {is}").into(),
        ))
    })
    .await?;
    scan(client, MISINDEXED, findings, |row| {
        let (workspace, kind): (&str, &str) = (column(row, 0)?, column(row, 1)?);
        let id = text::read(column(row, 2)?);
        Err(damaged(
            format!("document_index of {kind}/{id} in workspace {workspace}"),
            "it does not hold the document's entries".into(),
        ))
    })
    .await
}

/// Also that the columns say what the envelope says.
fn event(row: &Row) -> Result<(), ReadError> {
    use uuid::Uuid;
    let workspace: WorkspaceId = workspace_id(row, 4)?;
    let event = row::event(row, workspace)?;
    let chat: Option<Uuid> = column(row, 6)?;
    let thread: Option<Uuid> = column(row, 7)?;
    let wrong = if event.workspace != workspace {
        "workspace"
    } else if column::<Uuid>(row, 5)? != event.id.uuid() {
        "id"
    } else if chat != event.chat.map(|chat| chat.uuid()) {
        "chat"
    } else if thread != event.thread.map(|thread| thread.uuid()) {
        "thread"
    } else if column::<&str>(row, 8)? != event.event_type.as_str() {
        "type"
    } else {
        return Ok(());
    };
    Err(damaged(
        format!("events.{wrong} of seq {} in workspace {workspace}", event.seq),
        "it is not what the envelope names".into(),
    ))
}

fn document(row: &Row) -> Result<(), ReadError> {
    let word: &str = column(row, 6)?;
    match Kind::ALL.into_iter().find(|kind| kind.as_str() == word) {
        Some(kind) => row::document(row, kind).map(drop),
        // A newer release may know it.
        None => Err(damaged(
            "documents.kind".into(),
            format!("{word:?} is not a kind of document that this release knows").into(),
        )),
    }
}

fn timer(row: &Row) -> Result<(), ReadError> {
    let name = text::read(column(row, 0)?);
    row::timer_body(column(row, 1)?, column(row, 2)?, &name)?;
    let share: i16 = column(row, 3)?;
    let name = tidings_store::TimerName(name);
    if share == i16::from(tidings_store::Share::of_timer(&name).number()) {
        return Ok(());
    }
    Err(damaged(format!("timers.share of {name}"), "it is not that of its lane".into()))
}

/// Goes through an answer row by row, as it comes.
async fn scan(
    client: &Client,
    sql: &str,
    findings: &mut Vec<String>,
    look: impl Fn(&Row) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let none = std::iter::empty::<(i64, tokio_postgres::types::Type)>();
    let rows = client.query_typed_raw(sql, none).await.map_err(engine)?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await.map_err(engine)? {
        if findings.len() < FINDINGS_MAX {
            note(findings, look(&row))?;
        }
    }
    Ok(())
}

/// Damage is a finding; any other error ends the look.
fn note(findings: &mut Vec<String>, looked: Result<(), ReadError>) -> Result<(), ReadError> {
    match looked {
        Ok(()) => Ok(()),
        Err(ReadError::Damaged { place, source }) => {
            findings.push(format!("{place}: {source}"));
            Ok(())
        }
        Err(other @ (ReadError::Closed | ReadError::Engine { .. })) => Err(other),
    }
}
