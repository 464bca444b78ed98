//! The table of tallies as a whole: it is made of what documents and their index entries say, and compared with it.
//! While stores run, the writers keep it.

use std::collections::BTreeSet;

use tidings_store::TALLIED;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::text;

/// What `tallies` should hold, from the rows that it counts.
const COUNTED: &str = "
    SELECT workspace, kind, ''::text AS name, ''::text AS value, count(*) AS count
    FROM documents GROUP BY workspace, kind
    UNION ALL
    SELECT workspace, kind, '', name, count(DISTINCT id)
    FROM document_index WHERE name IN (SELECT name FROM tallied_names) GROUP BY workspace, kind, name
    UNION ALL
    SELECT workspace, kind, name, value, count(*)
    FROM document_index WHERE name IN (SELECT name FROM tallied_names)
    GROUP BY workspace, kind, name, value";

/// Makes the tallies anew where they count other names than this binary does; otherwise does nothing. Safe to run twice,
/// within a transaction that holds the lock of migrations.
///
/// A node of an older release that still writes counts fewer names, so every table that it counts by is locked meanwhile,
/// and the next start after it is gone finds the names as they should be; `verify` tells if a tally is behind.
pub(crate) async fn renew(client: &Client) -> Result<(), tokio_postgres::Error> {
    let wanted: BTreeSet<&str> = TALLIED.into_iter().chain([""]).collect();
    let known: BTreeSet<String> = client
        .query_typed("SELECT name FROM tallied_names", &[])
        .await?
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    if wanted.iter().all(|name| known.contains(*name)) {
        return Ok(());
    }
    client
        .batch_execute(
            "LOCK TABLE documents, document_index, tallies IN SHARE ROW EXCLUSIVE MODE;
             DELETE FROM tallied_names",
        )
        .await?;
    let names: Vec<&str> = wanted.into_iter().collect();
    let insert = "INSERT INTO tallied_names (name) SELECT unnest($1::text[])";
    client.execute_typed(insert, &[(&names, Type::TEXT_ARRAY)]).await?;
    recount(client).await
}

/// Makes the tallies anew, within a transaction in which nobody else writes.
pub(crate) async fn recount(client: &Client) -> Result<(), tokio_postgres::Error> {
    client
        .batch_execute(&format!(
            "DELETE FROM tallies;
             INSERT INTO tallies (workspace, kind, name, value, count) {COUNTED}"
        ))
        .await
}

/// Tallies that do not say how many there are, at most `limit`; all at one moment.
pub(crate) async fn wrong(
    client: &Client,
    limit: i64,
) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = format!(
        "SELECT coalesce(c.workspace, t.workspace)::text, coalesce(c.kind, t.kind),
             coalesce(c.name, t.name), coalesce(c.value, t.value), coalesce(t.count, 0),
             coalesce(c.count, 0)
         FROM ({COUNTED}) c FULL JOIN tallies t
             ON c.workspace = t.workspace AND c.kind = t.kind AND c.name = t.name AND c.value = t.value
         WHERE c.count IS DISTINCT FROM t.count LIMIT $1"
    );
    let rows = client.query_typed(&sql, &[(&limit, Type::INT8)]).await?;
    let mut findings = Vec::with_capacity(rows.len());
    for row in rows {
        let said = |place| row.try_get::<_, String>(place).map(text::read);
        let number = |place| row.try_get::<_, i64>(place);
        findings.push(format!(
            "tallies of workspace {}, kind {}, name {:?}, value {:?}: it says {}, there are {}",
            said(0)?,
            said(1)?,
            said(2)?,
            said(3)?,
            number(4)?,
            number(5)?
        ));
    }
    Ok(findings)
}
