//! Reading documents.

use rusqlite::{Connection, params};
use tidings_model::WorkspaceId;
use tidings_store::read::DOCUMENTS_READ_MAX;
use tidings_store::{DocKey, Document, DocumentPage, DocumentQuery, ReadError, Scan};

use super::{limit, number};
use crate::row::{DOCUMENT_COLUMNS, document, engine};

/// One document.
pub(crate) fn one(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &DocKey,
) -> Result<Option<Document>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(None) };
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS} FROM documents d WHERE workspace = ?1 AND kind = ?2 AND id = ?3"
    );
    let mut select = connection.prepare_cached(&sql).map_err(engine)?;
    let mut rows = select.query(params![number.0, key.kind.as_str(), key.id]).map_err(engine)?;
    let Some(row) = rows.next().map_err(engine)? else { return Ok(None) };
    document(row, key.kind).map(Some)
}

/// Several documents, as they were at one moment.
pub(crate) fn several(
    connection: &Connection,
    workspace: WorkspaceId,
    keys: &[DocKey],
) -> Result<Vec<Option<Document>>, ReadError> {
    let moment = connection.unchecked_transaction().map_err(engine)?;
    let found = keys.iter().map(|key| one(&moment, workspace, key)).collect();
    moment.finish().map_err(engine)?;
    found
}

/// A page of documents, by id.
pub(crate) fn page(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &DocumentQuery,
) -> Result<DocumentPage, ReadError> {
    let Some(number) = number(connection, workspace)? else {
        return Ok(DocumentPage { documents: Vec::new(), next: None });
    };
    let (entry, order) = match &query.scan {
        Scan::All => (None, Order::Rising),
        Scan::Newest => (None, Order::Falling),
        Scan::Equal { name, value } => (Some((*name, value.as_str())), Order::Rising),
        Scan::EqualNewest { name, value } => (Some((*name, value.as_str())), Order::Falling),
    };
    let (name, value) = entry.unzip();
    let limit = limit(query.limit, DOCUMENTS_READ_MAX);
    let sql = sql(entry.is_some(), order, query.after.is_some());
    let mut select = connection.prepare_cached(&sql).map_err(engine)?;
    // One more than asked for tells whether there is a next page.
    let mut rows = select
        .query(params![
            number.0,
            query.kind.as_str(),
            query.after,
            limit.saturating_add(1),
            name,
            value
        ])
        .map_err(engine)?;
    let mut page = DocumentPage { documents: Vec::new(), next: None };
    while let Some(row) = rows.next().map_err(engine)? {
        if page.documents.len() as i64 == limit {
            page.next = page.documents.last().map(|last| last.key.id.clone());
            break;
        }
        page.documents.push(document(row, query.kind)?);
    }
    Ok(page)
}

#[derive(Clone, Copy)]
enum Order {
    Rising,
    Falling,
}

/// All parameters are named in every form, because their number is fixed: `?3` is the place to go on from, `?5` and `?6`
/// are the index entry.
fn sql(by_entry: bool, order: Order, continued: bool) -> String {
    let (beyond, direction) = match order {
        Order::Rising => (">", "ASC"),
        Order::Falling => ("<", "DESC"),
    };
    let place = if continued {
        format!("AND {}.id {beyond} ?3", if by_entry { "e" } else { "d" })
    } else {
        "AND ?3 IS NULL".into()
    };
    if by_entry {
        return format!(
            "SELECT {DOCUMENT_COLUMNS} FROM document_index e CROSS JOIN documents d ON d.number = e.document
             WHERE e.workspace = ?1 AND e.kind = ?2 AND e.name = ?5 AND e.value = ?6 {place}
             ORDER BY e.id {direction} LIMIT ?4"
        );
    }
    format!(
        "SELECT {DOCUMENT_COLUMNS} FROM documents d
         WHERE d.workspace = ?1 AND d.kind = ?2 {place} AND ?5 IS NULL AND ?6 IS NULL
         ORDER BY d.id {direction} LIMIT ?4"
    )
}
