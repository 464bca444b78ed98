//! The table of tallies as a whole: it is made of what documents and their index entries say, and compared with it.
//! While the store runs, the writer keeps it.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use tidings_store::TALLIED;

/// What `tallies` should hold, from the rows that it counts.
const COUNTED: &str = "
    SELECT workspace, kind, '' AS name, '' AS value, count(*) AS count
    FROM documents GROUP BY workspace, kind
    UNION ALL
    SELECT workspace, kind, '', name, count(DISTINCT id)
    FROM document_index WHERE name IN (SELECT name FROM tallied_names) GROUP BY workspace, kind, name
    UNION ALL
    SELECT workspace, kind, name, value, count(*)
    FROM document_index WHERE name IN (SELECT name FROM tallied_names)
    GROUP BY workspace, kind, name, value";

/// Makes the tallies anew where they count other names than this binary does; otherwise does nothing. Safe to run twice.
pub(crate) fn renew(connection: &Connection) -> rusqlite::Result<()> {
    let wanted: BTreeSet<&str> = TALLIED.into_iter().chain([""]).collect();
    let known: BTreeSet<String> = connection
        .prepare("SELECT name FROM tallied_names")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if known.iter().map(String::as_str).eq(wanted.iter().copied()) {
        return Ok(());
    }
    connection.execute("DELETE FROM tallied_names", [])?;
    for name in wanted {
        connection.execute("INSERT INTO tallied_names (name) VALUES (?1)", [name])?;
    }
    recount(connection)
}

/// Makes the tallies anew.
pub(crate) fn recount(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM tallies", [])?;
    connection.execute(
        &format!("INSERT INTO tallies (workspace, kind, name, value, count) {COUNTED}"),
        [],
    )?;
    Ok(())
}

/// Tallies that do not say how many there are, at most `limit`; all at one moment of the file.
pub(crate) fn wrong(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<String>> {
    let sql = format!(
        "SELECT coalesce(c.workspace, t.workspace), coalesce(c.kind, t.kind), coalesce(c.name, t.name),
             coalesce(c.value, t.value), coalesce(t.count, 0), coalesce(c.count, 0)
         FROM ({COUNTED}) c FULL JOIN tallies t
             ON c.workspace = t.workspace AND c.kind = t.kind AND c.name = t.name AND c.value = t.value
         WHERE c.count IS NOT t.count LIMIT ?1"
    );
    let mut select = connection.prepare(&sql)?;
    let findings = select.query_map(params![limit as i64], |row| {
        let text = |column| row.get::<_, String>(column);
        let number = |column| row.get::<_, i64>(column);
        Ok(format!(
            "tallies of workspace {}, kind {}, name {:?}, value {:?}: it says {}, there are {}",
            number(0)?,
            text(1)?,
            text(2)?,
            text(3)?,
            number(4)?,
            number(5)?
        ))
    })?;
    findings.collect()
}
