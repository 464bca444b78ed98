//! What is asked, as sets of threads.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use tidings_model::{Timestamp, WorkspaceId};
use tidings_store::ReadError;
use tidings_store::archive::words::{Term, terms};
use tidings_store::archive::{ArchivePage, ArchivePlace, ArchiveQuery, FacetFilter, Rule, facet};

use super::chunk::{CHUNK_THREADS, Chunk};
use super::layout::{PIECES_MAX, Shelf, number_at, number_of_row, piece_row};
use super::page;
use super::set::Set;
use crate::position::nanoseconds;
use crate::row::engine;

/// A value or a group as `bits` has it; `None` is any.
pub(crate) fn wanted(text: Option<&str>) -> String {
    text.map_or_else(|| "*".to_owned(), |text| format!("={text}"))
}

/// Where the threads of a workspace lie, and how many there are.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) shelf: Shelf,
    threads: u32,
}

/// Searches one moment of the archive.
pub(crate) fn search(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &ArchiveQuery,
    place: Option<ArchivePlace>,
) -> Result<ArchivePage, ReadError> {
    let moment = connection.unchecked_transaction().map_err(engine)?;
    let known: Option<(i64, u32)> = moment
        .prepare_cached("SELECT number, threads FROM workspaces WHERE id = ?1")
        .and_then(|mut select| {
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
            select.query_row([workspace.uuid().into_bytes()], read).optional()
        })
        .map_err(engine)?;
    let Some((number, threads)) = known else {
        return Ok(ArchivePage { rows: Vec::new(), total: 0, next: None, previous: None });
    };
    let shelf = Shelf::new(number).map_err(|error| ReadError::Engine { source: error.into() })?;
    let source = Source { connection: &moment, shelf, threads };
    let found = source.found(query)?;
    page::page(source, &found, query, place)
}

impl Source<'_> {
    /// The threads that fulfil all that is asked; the dearest is asked last.
    fn found(self, query: &ArchiveQuery) -> Result<Set, ReadError> {
        let mut found = Set::all(self.threads);
        if let Some(threads) = &query.threads {
            let sql = "SELECT position FROM threads INDEXED BY threads_by_id
                 WHERE id = ?1 AND position BETWEEN ?2 AND ?3";
            found.intersect(&self.with_ids(sql, threads.iter().map(|thread| thread.uuid()))?);
        }
        if let Some(chats) = &query.chats {
            let sql = "SELECT position FROM threads INDEXED BY threads_by_chat
                 WHERE chat = ?1 AND position BETWEEN ?2 AND ?3";
            found.intersect(&self.with_ids(sql, chats.iter().map(|chat| chat.uuid()))?);
        }
        if let Some(groups) = &query.visible_groups {
            let rule = Rule::AnyOf(groups.iter().cloned().collect());
            found.intersect(&self.passing(&FacetFilter::new(facet::GROUP, rule))?);
        }
        for filter in &query.facets {
            if found.is_empty() {
                return Ok(found);
            }
            found.intersect(&self.passing(filter)?);
        }
        if query.from.is_some() || query.to.is_some() {
            found.intersect(&self.made(query.from, query.to)?);
        }
        for term in terms(query.text.as_deref().unwrap_or_default()) {
            let Some(bounds) = found.bounds() else { return Ok(found) };
            found.intersect(&self.saying(&term, bounds)?);
        }
        Ok(found)
    }

    fn with_ids(self, sql: &str, ids: impl Iterator<Item = uuid::Uuid>) -> Result<Set, ReadError> {
        let (low, high) = self.shelf.positions();
        let mut set = Set::none(self.threads);
        for id in ids {
            self.each(sql, params![id.into_bytes(), low, high], |row| {
                set.add(number_at(row.get(0)?));
                Ok(())
            })?;
        }
        Ok(set)
    }

    fn passing(self, filter: &FacetFilter) -> Result<Set, ReadError> {
        let any = |values: &[String]| {
            let mut set = Set::none(self.threads);
            for value in values {
                set.unite(&self.having(filter, Some(value))?);
            }
            Ok::<Set, ReadError>(set)
        };
        let every = |values: &[String]| {
            let mut set = Set::all(self.threads);
            for value in values {
                set.intersect(&self.having(filter, Some(value))?);
            }
            Ok::<Set, ReadError>(set)
        };
        Ok(match &filter.rule {
            Rule::Exists => self.having(filter, None)?,
            Rule::Absent => self.having(filter, None)?.complement(),
            Rule::AnyOf(values) => any(values)?,
            Rule::AllOf(values) => every(values)?,
            Rule::NoneOf(values) => any(values)?.complement(),
            Rule::NotAllOf(values) => every(values)?.complement(),
        })
    }

    /// Threads with a facet that counts, of a value or of any.
    fn having(self, filter: &FacetFilter, value: Option<&str>) -> Result<Set, ReadError> {
        if filter.asks_for_time() {
            return self.having_then(filter, value);
        }
        let mut set = Set::none(self.threads);
        let teams = match &filter.groups {
            None => vec![wanted(None)],
            Some(groups) => groups.iter().map(|group| wanted(Some(group))).collect(),
        };
        for team in teams {
            self.each(
                "SELECT chunk, bits FROM bits
                 WHERE workspace = ?1 AND name = ?2 AND value = ?3 AND team = ?4",
                params![self.shelf.workspace, filter.name, wanted(value), team],
                |row| {
                    set.add_chunk(row.get(0)?, &Chunk::read(row.get_ref(1)?.as_blob()?));
                    Ok(())
                },
            )?;
        }
        Ok(set)
    }

    /// As [`Self::having`], between two times.
    fn having_then(self, filter: &FacetFilter, value: Option<&str>) -> Result<Set, ReadError> {
        let teams: Option<Vec<String>> = (filter.groups.as_ref())
            .map(|groups| groups.iter().map(|group| wanted(Some(group))).collect());
        let (from, to) = range(filter.from, filter.to);
        let mut set = Set::none(self.threads);
        self.each(
            "SELECT position, value, team FROM moments
             WHERE workspace = ?1 AND name = ?2 AND at >= ?3 AND at < ?4",
            params![self.shelf.workspace, filter.name, from, to],
            |row| {
                let fits = value
                    .is_none_or(|value| row.get_ref(1).is_ok_and(|it| it.as_str() == Ok(value)));
                let team: String = row.get(2)?;
                if fits && teams.as_ref().is_none_or(|teams| teams.contains(&team)) {
                    set.add(number_at(row.get(0)?));
                }
                Ok(())
            },
        )?;
        Ok(set)
    }

    /// Threads that were made between two times: most chunks are in or out as a whole.
    fn made(self, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<Set, ReadError> {
        let (from, to) = range(from, to);
        let mut set = Set::none(self.threads);
        let mut partly = Vec::new();
        self.each(
            "SELECT chunk, first_at, last_at FROM chunks
             WHERE workspace = ?1 AND last_at >= ?2 AND first_at < ?3",
            params![self.shelf.workspace, from, to],
            |row| {
                let chunk: u32 = row.get(0)?;
                let (first, last): (i64, i64) = (row.get(1)?, row.get(2)?);
                if first >= from && last < to {
                    set.add_whole_chunk(chunk);
                } else {
                    partly.push(chunk);
                }
                Ok(())
            },
        )?;
        for chunk in partly {
            let (low, high) = self.positions_of(chunk);
            self.each(
                "SELECT position FROM threads
                 WHERE position BETWEEN ?1 AND ?2 AND created_at >= ?3 AND created_at < ?4",
                params![low, high, from, to],
                |row| {
                    set.add(number_at(row.get(0)?));
                    Ok(())
                },
            )?;
        }
        Ok(set)
    }

    /// The first and the last position of a chunk.
    pub(crate) fn positions_of(self, chunk: u32) -> (i64, i64) {
        let first = self.shelf.position(chunk * CHUNK_THREADS);
        (first, first + i64::from(CHUNK_THREADS) - 1)
    }

    /// Threads with a text that has a term, from one number to another.
    fn saying(self, term: &Term, (first, last): (u32, u32)) -> Result<Set, ReadError> {
        // Words are letters and digits only, so nothing in quotes can end them.
        let begin = if term.prefix { "*" } else { "" };
        let phrase = format!("\"{}\"{begin}", term.words.join(" "));
        let low = piece_row(self.shelf.position(first), 0);
        let high = piece_row(self.shelf.position(last), PIECES_MAX - 1);
        let mut set = Set::none(self.threads);
        self.each(
            "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid BETWEEN ?2 AND ?3",
            params![phrase, low, high],
            |row| {
                set.add(number_of_row(row.get(0)?));
                Ok(())
            },
        )?;
        Ok(set)
    }

    /// Does something with each row.
    pub(crate) fn each(
        self,
        sql: &str,
        params: impl Params,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), ReadError> {
        let read = || -> rusqlite::Result<()> {
            let mut select = self.connection.prepare_cached(sql)?;
            let mut rows = select.query(params)?;
            while let Some(row) = rows.next()? {
                each(row)?;
            }
            Ok(())
        };
        read().map_err(engine)
    }
}

/// From a time to before another, as they are stored.
fn range(from: Option<Timestamp>, to: Option<Timestamp>) -> (i64, i64) {
    (from.map_or(i64::MIN, nanoseconds), to.map_or(i64::MAX, nanoseconds))
}
