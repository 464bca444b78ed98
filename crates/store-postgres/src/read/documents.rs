//! Reading documents.

use tidings_model::WorkspaceId;
use tidings_store::read::{DOCUMENTS_READ_MAX, InvalidPlace};
use tidings_store::{DocKey, Document, DocumentPage, DocumentQuery, Place, ReadError, Scan};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::numbers::limit;
use crate::row::{DOCUMENT_COLUMNS, column, document, engine};
use crate::text::{self, stored};

/// One document.
pub(crate) async fn one(
    client: &Client,
    workspace: WorkspaceId,
    key: &DocKey,
) -> Result<Option<Document>, ReadError> {
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS} FROM documents d WHERE workspace = $1 AND kind = $2 AND id = $3"
    );
    let row = client
        .query_typed_opt(
            &sql,
            &[
                (&workspace.uuid(), Type::UUID),
                (&key.kind.as_str(), Type::TEXT),
                (&stored(&key.id), Type::TEXT),
            ],
        )
        .await
        .map_err(engine)?;
    row.map(|row| document(&row, key.kind)).transpose()
}

/// Several documents, as they were at one moment: one statement sees one. Each is looked up by its whole key, however few
/// the planner takes the workspace to have.
pub(crate) async fn several(
    client: &Client,
    workspace: WorkspaceId,
    keys: &[DocKey],
) -> Result<Vec<Option<Document>>, ReadError> {
    let kinds: Vec<&str> = keys.iter().map(|key| key.kind.as_str()).collect();
    let ids: Vec<_> = keys.iter().map(|key| stored(&key.id)).collect();
    let sql = format!(
        "SELECT {DOCUMENT_COLUMNS}, wanted.place
         FROM unnest($2::text[], $3::text[]) WITH ORDINALITY wanted (kind, id, place)
         CROSS JOIN LATERAL (SELECT * FROM documents d WHERE d.workspace = $1
             AND d.kind = wanted.kind AND d.id = wanted.id LIMIT 1) d"
    );
    let rows = client
        .query_typed(
            &sql,
            &[
                (&workspace.uuid(), Type::UUID),
                (&kinds, Type::TEXT_ARRAY),
                (&ids, Type::TEXT_ARRAY),
            ],
        )
        .await
        .map_err(engine)?;
    let mut found: Vec<Option<Document>> = keys.iter().map(|_| None).collect();
    for row in rows {
        let place = usize::try_from(column::<i64>(&row, AFTER_COLUMNS)? - 1).unwrap_or(usize::MAX);
        if let (Some(key), Some(slot)) = (keys.get(place), found.get_mut(place)) {
            *slot = Some(document(&row, key.kind)?);
        }
    }
    Ok(found)
}

/// Where a statement has what follows [`DOCUMENT_COLUMNS`].
const AFTER_COLUMNS: usize = 6;

/// A page of documents.
pub(crate) async fn page(
    client: &Client,
    workspace: WorkspaceId,
    query: &DocumentQuery,
) -> Result<DocumentPage, ReadError> {
    let limit = limit(query.limit, DOCUMENTS_READ_MAX);
    let scan = scan(workspace.uuid(), query)?;
    // One more than asked for tells whether there is a next page.
    let sql = format!("{}\nLIMIT {}", scan.sql, limit.saturating_add(1));
    let params: Vec<(&(dyn ToSql + Sync), Type)> = scan
        .bound
        .iter()
        .map(|bound| match bound {
            Bound::Id(id) => (id as &(dyn ToSql + Sync), Type::UUID),
            Bound::Text(text) => (text as &(dyn ToSql + Sync), Type::TEXT),
        })
        .collect();
    let rows = client.query_typed(&sql, &params).await.map_err(engine)?;
    let mut page = DocumentPage { documents: Vec::new(), next: None };
    let mut last = None;
    for row in rows {
        if page.documents.len() as i64 == limit {
            page.next = last;
            break;
        }
        let document = document(&row, query.kind)?;
        last = Some(match &query.scan {
            Scan::All | Scan::Newest | Scan::Equal { .. } | Scan::EqualNewest { .. } => {
                document.key.id.clone()
            }
            Scan::Range { .. } => {
                let value = text::read(column(&row, AFTER_COLUMNS)?);
                Place { value, id: document.key.id.clone() }.to_string()
            }
        });
        page.documents.push(document);
    }
    Ok(page)
}

/// A scan as SQL, and the values of its parameters, in order.
struct Sql {
    sql: String,
    bound: Vec<Bound>,
}

enum Bound {
    Id(Uuid),
    Text(String),
}

impl Sql {
    /// Begins with the workspace and the kind.
    fn new(workspace: Uuid, query: &DocumentQuery) -> Self {
        let bound = vec![Bound::Id(workspace), Bound::Text(query.kind.as_str().into())];
        Self { sql: String::new(), bound }
    }

    /// Takes a value; gives the place of its parameter.
    fn bind(&mut self, text: &str) -> String {
        self.bound.push(Bound::Text(stored(text).into_owned()));
        format!("${}", self.bound.len())
    }
}

fn scan(workspace: Uuid, query: &DocumentQuery) -> Result<Sql, ReadError> {
    let sql = Sql::new(workspace, query);
    let after = query.after.as_deref();
    Ok(match &query.scan {
        Scan::All => of_kind(sql, after, Order::Rising),
        Scan::Newest => of_kind(sql, after, Order::Falling),
        Scan::Equal { name, value } => of_entry(sql, name, value, after, Order::Rising),
        Scan::EqualNewest { name, value } => of_entry(sql, name, value, after, Order::Falling),
        Scan::Range { name, from, to, newest_first } => {
            let after = after.map(str::parse).transpose();
            let after: Option<Place> =
                after.map_err(|error: InvalidPlace| ReadError::Engine { source: error.into() })?;
            let order = if *newest_first { Order::Falling } else { Order::Rising };
            of_range(sql, name, (from.as_deref(), to.as_deref()), after, order)
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

fn of_kind(mut sql: Sql, after: Option<&str>, order: Order) -> Sql {
    let (beyond, direction) = order.words();
    let place =
        after.map_or(String::new(), |after| format!("AND d.id {beyond} {}", sql.bind(after)));
    sql.sql = format!(
        "SELECT {DOCUMENT_COLUMNS} FROM documents d
         WHERE d.workspace = $1 AND d.kind = $2 {place} ORDER BY d.id {direction}"
    );
    sql
}

/// Documents by the entries of an index, which are in the order that is wanted.
const BY_ENTRY: &str = "FROM document_index e
         JOIN documents d ON d.workspace = e.workspace AND d.kind = e.kind AND d.id = e.id
         WHERE e.workspace = $1 AND e.kind = $2";

fn of_entry(mut sql: Sql, name: &str, value: &str, after: Option<&str>, order: Order) -> Sql {
    let (beyond, direction) = order.words();
    let (name, value) = (sql.bind(name), sql.bind(value));
    let place =
        after.map_or(String::new(), |after| format!("AND e.id {beyond} {}", sql.bind(after)));
    sql.sql = format!(
        "SELECT {DOCUMENT_COLUMNS} {BY_ENTRY} AND e.name = {name} AND e.value = {value} {place}
         ORDER BY e.id {direction}"
    );
    sql
}

/// Bounds and place are all on the columns of the index's key, in their order, so that the page is one stretch of it.
fn of_range(
    mut sql: Sql,
    name: &str,
    (from, to): (Option<&str>, Option<&str>),
    after: Option<Place>,
    order: Order,
) -> Sql {
    let (beyond, direction) = order.words();
    let name = sql.bind(name);
    let mut conditions = String::new();
    if let Some(from) = from {
        conditions.push_str(&format!(" AND e.value >= {}", sql.bind(from)));
    }
    if let Some(to) = to {
        conditions.push_str(&format!(" AND e.value < {}", sql.bind(to)));
    }
    if let Some(Place { value, id }) = after {
        let (value, id) = (sql.bind(&value), sql.bind(&id));
        conditions.push_str(&format!(" AND (e.value, e.id) {beyond} ({value}, {id})"));
    }
    sql.sql = format!(
        "SELECT {DOCUMENT_COLUMNS}, e.value {BY_ENTRY} AND e.name = {name}{conditions}
         ORDER BY e.value {direction}, e.id {direction}"
    );
    sql
}
