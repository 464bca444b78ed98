//! Looks for damage: in the structure of the file, and in what its rows say.

use rusqlite::Connection;
use serde::Deserialize;
use tidings_model::{ChatId, ThreadId};
use tidings_store::{Kind, ReadError};

use crate::position::seq_at;
use crate::row::{self, DOCUMENT_COLUMNS, EVENT_COLUMNS, blob, engine, is_damage};
use crate::tallies;

/// Findings after which looking ends; more would not say more.
const FINDINGS_MAX: usize = 100;

/// Rows that are read in one go, so that the log file can be emptied between them.
const ROWS_STEP: i64 = 1_000;

/// The quick look at the structure: every page of every tree is readable and in order.
pub(crate) fn quick(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    structure(connection, "PRAGMA quick_check(100)")
}

/// The whole look: structure, indexes against tables, checksums and contents of all rows.
pub(crate) fn whole(connection: &Connection) -> Result<Vec<String>, ReadError> {
    let mut findings = structure(connection, "PRAGMA integrity_check(100)").map_err(engine)?;
    for scan in [events, documents, tallies, timers] {
        let scanned = scan(connection, &mut findings);
        note(&mut findings, scanned)?;
    }
    findings.truncate(FINDINGS_MAX);
    Ok(findings)
}

/// SQLite names trees by the page of their root; the table or index is added. Some damage ends the check itself; that is
/// a finding as well, after those that it told before.
fn structure(connection: &Connection, pragma: &str) -> rusqlite::Result<Vec<String>> {
    let mut findings = Vec::new();
    match check(connection, pragma, &mut findings) {
        Err(error) if is_damage(&error) => findings.push(error.to_string()),
        other => other?,
    }
    for finding in &mut findings {
        if let Some(name) = tree_name(connection, finding) {
            *finding = format!("{name}: {finding}");
        }
    }
    Ok(findings)
}

fn check(
    connection: &Connection,
    pragma: &str,
    findings: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut check = connection.prepare(pragma)?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        findings.extend(
            text.lines()
                .filter(|line| *line != "ok" && !line.starts_with("***"))
                .map(str::to_owned),
        );
    }
    Ok(())
}

fn tree_name(connection: &Connection, finding: &str) -> Option<String> {
    let root: i64 = finding.strip_prefix("Tree ")?.split_whitespace().next()?.parse().ok()?;
    // The schema itself may be what is damaged; then the page's number must do.
    connection
        .query_row(
            "SELECT type || ' ' || name FROM sqlite_schema WHERE rootpage = ?1",
            [root],
            |row| row.get(0),
        )
        .ok()
}

/// What of an envelope its row says as well. Nothing else of it is read: its checksum tells that it is what was written.
#[derive(Deserialize)]
struct Named {
    chat: Option<ChatId>,
    thread: Option<ThreadId>,
}

/// Also that each event lies in the chat and in the thread that its envelope names.
fn events(connection: &Connection, findings: &mut Vec<String>) -> Result<(), ReadError> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS}, (SELECT id FROM chats WHERE number = chat),
             (SELECT id FROM threads WHERE number = thread)
         FROM events WHERE position > ?1 ORDER BY position LIMIT ?2"
    );
    scan(connection, &sql, findings, |row| {
        let (position, _, body) = row::event_body(row)?;
        let event: Named = serde_json::from_slice(body)
            .map_err(|source| row::damaged_body(position, source.into()))?;
        let chat: Option<[u8; 16]> = row.get(4).map_err(engine)?;
        let thread: Option<[u8; 16]> = row.get(5).map_err(engine)?;
        let column = if chat != event.chat.map(|chat| chat.uuid().into_bytes()) {
            "chat"
        } else if thread != event.thread.map(|thread| thread.uuid().into_bytes()) {
            "thread"
        } else {
            return Ok(());
        };
        Err(ReadError::Damaged {
            place: format!("events.{column} of seq {}", seq_at(position)),
            source: "it is not what the envelope names".into(),
        })
    })
}

fn tallies(connection: &Connection, findings: &mut Vec<String>) -> Result<(), ReadError> {
    findings.extend(tallies::wrong(connection, FINDINGS_MAX).map_err(engine)?);
    Ok(())
}

fn documents(connection: &Connection, findings: &mut Vec<String>) -> Result<(), ReadError> {
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS}, d.kind, d.number FROM documents d WHERE d.number > ?1 ORDER BY d.number LIMIT ?2"
    );
    scan_by(connection, &sql, 7, findings, |row| {
        let word: String = row.get(6).map_err(engine)?;
        match Kind::ALL.into_iter().find(|kind| kind.as_str() == word) {
            Some(kind) => row::document(row, kind).map(drop),
            None => Err(ReadError::Damaged {
                place: "documents.kind".into(),
                source: format!("{word:?} is not a kind of document").into(),
            }),
        }
    })
}

fn timers(connection: &Connection, findings: &mut Vec<String>) -> Result<(), ReadError> {
    let mut select = connection.prepare("SELECT name, crc, body FROM timers").map_err(engine)?;
    let mut rows = select.query([]).map_err(engine)?;
    while let Some(row) = rows.next().map_err(engine)? {
        let name: String = row.get(0).map_err(engine)?;
        note(
            findings,
            row::timer_body(row.get(1).map_err(engine)?, blob(row, 2)?, &name).map(drop),
        )?;
    }
    Ok(())
}

fn scan(
    connection: &Connection,
    sql: &str,
    findings: &mut Vec<String>,
    look: impl Fn(&rusqlite::Row<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    scan_by(connection, sql, 0, findings, look)
}

/// Goes through a table in steps, by the number in a column.
fn scan_by(
    connection: &Connection,
    sql: &str,
    number_column: usize,
    findings: &mut Vec<String>,
    look: impl Fn(&rusqlite::Row<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut select = connection.prepare(sql).map_err(engine)?;
    let mut last = 0_i64;
    loop {
        let mut rows = select.query([last, ROWS_STEP]).map_err(engine)?;
        let before = last;
        while let Some(row) = rows.next().map_err(engine)? {
            last = row.get(number_column).map_err(engine)?;
            note(findings, look(row))?;
        }
        if last == before || findings.len() >= FINDINGS_MAX {
            return Ok(());
        }
    }
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
