//! Reading documents.

use std::borrow::Cow;

use rusqlite::{Connection, ToSql, params};
use tidings_model::WorkspaceId;
use tidings_store::read::{DOCUMENTS_READ_MAX, InvalidPlace};
use tidings_store::{DocKey, Document, DocumentPage, DocumentQuery, Place, ReadError, Scan};

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

/// A page of documents.
pub(crate) fn page(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &DocumentQuery,
) -> Result<DocumentPage, ReadError> {
    let mut page = DocumentPage { documents: Vec::new(), next: None };
    let Some(number) = number(connection, workspace)? else { return Ok(page) };
    let limit = limit(query.limit, DOCUMENTS_READ_MAX);
    let scan = scan(query)?;
    let sql = format!("{}\nLIMIT :limit", scan.sql);
    let mut select = connection.prepare_cached(&sql).map_err(engine)?;
    let mut bind = |name: &str, value: &dyn ToSql| {
        // A scan names only the parameters that it needs.
        match select.parameter_index(name)? {
            Some(index) => select.raw_bind_parameter(index, value),
            None => Ok(()),
        }
    };
    let bound = bind(":workspace", &number.0)
        .and_then(|()| bind(":kind", &query.kind.as_str()))
        // One more than asked for tells whether there is a next page.
        .and_then(|()| bind(":limit", &limit.saturating_add(1)))
        .and_then(|()| scan.bound.iter().try_for_each(|(name, value)| bind(name, value)));
    bound.map_err(engine)?;
    let mut rows = select.raw_query();
    let mut last = None;
    while let Some(row) = rows.next().map_err(engine)? {
        if page.documents.len() as i64 == limit {
            page.next = last;
            break;
        }
        let document = document(row, query.kind)?;
        last = Some(match &query.scan {
            Scan::All | Scan::Newest | Scan::Equal { .. } | Scan::EqualNewest { .. } => {
                document.key.id.clone()
            }
            Scan::Range { .. } => {
                let value = row.get(VALUE_COLUMN).map_err(engine)?;
                Place { value, id: document.key.id.clone() }.to_string()
            }
        });
        page.documents.push(document);
    }
    Ok(page)
}

/// A scan as SQL, and the values of its own parameters.
struct Sql<'a> {
    sql: String,
    bound: Vec<(&'static str, Cow<'a, str>)>,
}

/// Where the SQL of a range has the entry's value: after [`DOCUMENT_COLUMNS`].
const VALUE_COLUMN: usize = 6;

fn scan(query: &DocumentQuery) -> Result<Sql<'_>, ReadError> {
    let after = query.after.as_deref();
    Ok(match &query.scan {
        Scan::All => of_kind(after, Order::Rising),
        Scan::Newest => of_kind(after, Order::Falling),
        Scan::Equal { name, value } => of_entry(name, value, after, Order::Rising),
        Scan::EqualNewest { name, value } => of_entry(name, value, after, Order::Falling),
        Scan::Range { name, from, to, newest_first } => {
            let after = after.map(str::parse).transpose();
            let after: Option<Place> =
                after.map_err(|error: InvalidPlace| ReadError::Engine { source: error.into() })?;
            let order = if *newest_first { Order::Falling } else { Order::Rising };
            of_range(name, from.as_deref(), to.as_deref(), after, order)
        }
    })
}

#[derive(Clone, Copy)]
enum Order {
    Rising,
    Falling,
}

impl Order {
    /// Which values come after one, and in which direction.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Rising => (">", "ASC"),
            Self::Falling => ("<", "DESC"),
        }
    }
}

fn of_kind(after: Option<&str>, order: Order) -> Sql<'_> {
    let (beyond, direction) = order.words();
    let place = after.map_or(String::new(), |_| format!("AND d.id {beyond} :after"));
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS} FROM documents d
         WHERE d.workspace = :workspace AND d.kind = :kind {place} ORDER BY d.id {direction}"
    );
    Sql { sql, bound: after.map(|after| (":after", after.into())).into_iter().collect() }
}

fn of_entry<'a>(name: &'a str, value: &'a str, after: Option<&'a str>, order: Order) -> Sql<'a> {
    let (beyond, direction) = order.words();
    let place = after.map_or(String::new(), |_| format!("AND e.id {beyond} :after"));
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS} FROM document_index e CROSS JOIN documents d ON d.number = e.document
         WHERE e.workspace = :workspace AND e.kind = :kind AND e.name = :name AND e.value = :value {place}
         ORDER BY e.id {direction}"
    );
    let mut bound = vec![(":name", name.into()), (":value", value.into())];
    bound.extend(after.map(|after| (":after", after.into())));
    Sql { sql, bound }
}

/// Bounds and place are all on the columns of the index's key, in their order, so that the page is one stretch of it.
fn of_range<'a>(
    name: &'a str,
    from: Option<&'a str>,
    to: Option<&'a str>,
    after: Option<Place>,
    order: Order,
) -> Sql<'a> {
    let (beyond, direction) = order.words();
    let mut bound: Vec<(&'static str, Cow<'a, str>)> = vec![(":name", name.into())];
    let mut conditions = String::new();
    if let Some(from) = from {
        bound.push((":from", from.into()));
        conditions.push_str(" AND e.value >= :from");
    }
    if let Some(to) = to {
        bound.push((":to", to.into()));
        conditions.push_str(" AND e.value < :to");
    }
    if let Some(Place { value, id }) = after {
        bound.push((":after", value.into()));
        bound.push((":after_id", id.into()));
        conditions.push_str(&format!(" AND (e.value, e.id) {beyond} (:after, :after_id)"));
    }
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS}, e.value
         FROM document_index e CROSS JOIN documents d ON d.number = e.document
         WHERE e.workspace = :workspace AND e.kind = :kind AND e.name = :name{conditions}
         ORDER BY e.value {direction}, e.id {direction}"
    );
    Sql { sql, bound }
}
