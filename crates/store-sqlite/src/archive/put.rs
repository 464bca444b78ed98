//! Writing threads, within a transaction.
//!
//! Safe to run twice: a cursor that is not beyond the known one ends it before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use tidings_model::{Seq, WorkspaceId};
use tidings_store::archive::{ArchiveError, ArchivedThread, Facet, Texts, words};

use super::chunk::{CHUNK_THREADS, Chunk};
use super::layout::{PIECES_MAX, Shelf, THREADS_MAX, number_at, piece_row};
use super::{failed, search};
use crate::position::nanoseconds;

/// Writes threads and the cursor.
pub(crate) fn put(
    connection: &Connection,
    workspace: WorkspaceId,
    cursor: Seq,
    rows: &[ArchivedThread],
) -> Result<(), ArchiveError> {
    let id = workspace.uuid().into_bytes();
    let known: Option<(i64, i64, u32)> = connection
        .prepare_cached("SELECT number, cursor, threads FROM workspaces WHERE id = ?1")
        .and_then(|mut select| {
            select.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
        })
        .map_err(failed)?;
    let (shelf, threads) = match known {
        Some((_, known, _)) if Seq(known.cast_unsigned()) >= cursor => return Ok(()),
        Some((number, _, threads)) => (Shelf::new(number)?, threads),
        None => {
            let last: i64 = connection
                .query_row("SELECT coalesce(max(number), 0) FROM workspaces", [], |row| row.get(0))
                .map_err(failed)?;
            (Shelf::new(last + 1)?, 0)
        }
    };
    let mut put =
        Put { connection, shelf, threads, bits: BTreeMap::new(), chunks: BTreeMap::new() };
    for row in rows {
        put.thread(row)?;
    }
    put.write_bits().map_err(failed)?;
    put.write_chunks().map_err(failed)?;
    connection
        .prepare_cached(
            "INSERT INTO workspaces (number, id, cursor, threads) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (number) DO UPDATE SET cursor = excluded.cursor, threads = excluded.threads",
        )
        .and_then(|mut insert| {
            insert.execute(params![shelf.workspace, id, cursor.0.cast_signed(), put.threads])
        })
        .map_err(failed)?;
    Ok(())
}

/// A row of `bits`, without its workspace: name, value, team, chunk.
type BitsKey = (String, String, String, u32);

/// A facet as it is kept with its thread: name, value, group, nanoseconds.
type StoredFacet = (String, String, Option<String>, Option<i64>);

/// What a thread was before.
struct Known {
    position: i64,
    first_piece: i64,
    next_piece: i64,
    facets: Vec<StoredFacet>,
}

/// One write, with the rows that many threads share: they are read and written once.
struct Put<'a> {
    connection: &'a Connection,
    shelf: Shelf,
    threads: u32,
    bits: BTreeMap<BitsKey, Chunk>,
    /// The first and the last time of a chunk's threads in this write.
    chunks: BTreeMap<u32, (i64, i64)>,
}

impl Put<'_> {
    fn thread(&mut self, row: &ArchivedThread) -> Result<(), ArchiveError> {
        let id = row.thread.uuid().into_bytes();
        let known = match self.known(id)? {
            Some(known) => known,
            None => {
                if self.threads == THREADS_MAX {
                    return Err(ArchiveError::Full { what: "threads" });
                }
                let position = self.shelf.position(self.threads);
                self.threads += 1;
                Known { position, first_piece: 0, next_piece: 0, facets: Vec::new() }
            }
        };
        let created_at = nanoseconds(row.created_at);
        let chunk = number_at(known.position) / CHUNK_THREADS;
        let (first, last) = self.chunks.entry(chunk).or_insert((created_at, created_at));
        (*first, *last) = (created_at.min(*first), created_at.max(*last));
        let facets: Vec<StoredFacet> = row.facets.iter().map(stored).collect();
        self.change_bits(known.position, &known.facets, &facets).map_err(failed)?;
        self.change_moments(known.position, &known.facets, &facets).map_err(failed)?;
        let (first_piece, next_piece) = self.texts(&known, &row.texts).map_err(failed)?;
        let facets = serde_json::to_string(&facets)
            .map_err(|error| ArchiveError::Engine { source: error.into() })?;
        let write = || {
            self.connection
                .prepare_cached(
                    "INSERT INTO threads (position, created_at, id, chat) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (position) DO UPDATE
                     SET created_at = excluded.created_at, chat = excluded.chat
                     WHERE created_at != excluded.created_at OR chat != excluded.chat",
                )?
                .execute(params![known.position, created_at, id, row.chat.uuid().into_bytes()])?;
            self.connection
                .prepare_cached(
                    "INSERT INTO contents (position, first_piece, next_piece, facets)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (position) DO UPDATE SET first_piece = excluded.first_piece,
                         next_piece = excluded.next_piece, facets = excluded.facets",
                )?
                .execute(params![known.position, first_piece, next_piece, facets])
        };
        write().map(drop).map_err(failed)
    }

    fn known(&self, id: [u8; 16]) -> Result<Option<Known>, ArchiveError> {
        let (low, high) = self.shelf.positions();
        let found: Option<(i64, i64, i64, String)> = self
            .connection
            .prepare_cached(
                "SELECT c.position, c.first_piece, c.next_piece, c.facets
                 FROM threads t INDEXED BY threads_by_id CROSS JOIN contents c USING (position)
                 WHERE t.id = ?1 AND t.position BETWEEN ?2 AND ?3",
            )
            .and_then(|mut select| {
                let read = |row: &rusqlite::Row<'_>| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                };
                select.query_row(params![id, low, high], read).optional()
            })
            .map_err(failed)?;
        let Some((position, first_piece, next_piece, facets)) = found else { return Ok(None) };
        let facets = serde_json::from_str(&facets)
            .map_err(|error| ArchiveError::Engine { source: error.into() })?;
        Ok(Some(Known { position, first_piece, next_piece, facets }))
    }

    fn change_bits(
        &mut self,
        position: i64,
        old: &[StoredFacet],
        new: &[StoredFacet],
    ) -> rusqlite::Result<()> {
        let number = number_at(position);
        let (old, new) = (keys(old), keys(new));
        for (gone, on) in old
            .difference(&new)
            .map(|key| (key, false))
            .chain(new.difference(&old).map(|key| (key, true)))
        {
            let (name, value, team) = gone.clone();
            self.chunk((name, value, team, number / CHUNK_THREADS))?.set(number, on);
        }
        Ok(())
    }

    /// The bits of a chunk, to be changed.
    fn chunk(&mut self, key: BitsKey) -> rusqlite::Result<&mut Chunk> {
        use std::collections::btree_map::Entry;
        match self.bits.entry(key) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(missing) => {
                let (name, value, team, chunk) = missing.key();
                let mut select = self.connection.prepare_cached(
                    "SELECT bits FROM bits
                     WHERE workspace = ?1 AND name = ?2 AND value = ?3 AND team = ?4 AND chunk = ?5",
                )?;
                let params = params![self.shelf.workspace, name, value, team, chunk];
                let stored = select
                    .query_row(params, |row| Ok(Chunk::read(row.get_ref(0)?.as_blob()?)))
                    .optional()?;
                Ok(missing.insert(stored.unwrap_or(Chunk::EMPTY)))
            }
        }
    }

    fn change_moments(
        &self,
        position: i64,
        old: &[StoredFacet],
        new: &[StoredFacet],
    ) -> rusqlite::Result<()> {
        if old == new {
            return Ok(());
        }
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM moments WHERE workspace = ?1 AND name = ?2 AND at = ?3 AND position = ?4",
        )?;
        for (name, _, _, at) in old {
            if let Some(at) = at {
                delete.execute(params![self.shelf.workspace, name, at, position])?;
            }
        }
        let mut insert = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO moments (workspace, name, at, position, value, team)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (name, value, team, at) in new {
            if let Some(at) = at {
                let team = search::wanted(team.as_deref());
                insert.execute(params![self.shelf.workspace, name, at, position, value, team])?;
            }
        }
        Ok(())
    }

    /// Writes what was said; returns the range of pieces that the thread has now.
    fn texts(&self, known: &Known, texts: &Texts) -> rusqlite::Result<(i64, i64)> {
        let (first, texts) = match texts {
            Texts::Append(texts) => (known.first_piece, texts),
            Texts::Replace(texts) => {
                let mut delete =
                    self.connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?;
                for piece in known.first_piece..known.next_piece {
                    delete.execute([piece_row(known.position, piece)])?;
                }
                (known.next_piece, texts)
            }
        };
        let mut next = known.next_piece;
        let mut insert =
            self.connection.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?;
        for text in texts {
            let words = words::words(text);
            if words.is_empty() {
                continue;
            }
            if next >= PIECES_MAX {
                tracing::warn!(
                    position = known.position,
                    "a thread is too long: its newest words are not found"
                );
                break;
            }
            let folded: Vec<String> = words.into_iter().map(|word| word.folded).collect();
            insert.execute(params![piece_row(known.position, next), folded.join(" ")])?;
            next += 1;
        }
        Ok((first, next))
    }

    fn write_bits(&self) -> rusqlite::Result<()> {
        let mut write = self.connection.prepare_cached(
            "INSERT INTO bits (workspace, name, value, team, chunk, bits) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (workspace, name, value, team, chunk) DO UPDATE SET bits = excluded.bits",
        )?;
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM bits
             WHERE workspace = ?1 AND name = ?2 AND value = ?3 AND team = ?4 AND chunk = ?5",
        )?;
        let workspace = self.shelf.workspace;
        for ((name, value, team, chunk), bits) in &self.bits {
            match bits.write() {
                Some(bits) => write.execute(params![workspace, name, value, team, chunk, bits])?,
                None => delete.execute(params![workspace, name, value, team, chunk])?,
            };
        }
        Ok(())
    }

    fn write_chunks(&self) -> rusqlite::Result<()> {
        let mut write = self.connection.prepare_cached(
            "INSERT INTO chunks (workspace, chunk, first_at, last_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (workspace, chunk) DO UPDATE SET
                 first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)",
        )?;
        for (chunk, (first, last)) in &self.chunks {
            write.execute(params![self.shelf.workspace, chunk, first, last])?;
        }
        Ok(())
    }
}

fn stored(facet: &Facet) -> StoredFacet {
    let Facet { name, value, group, at } = facet;
    (name.clone(), value.clone(), group.clone(), at.map(nanoseconds))
}

/// The bits of a thread's facets: name, value, team; with and without what need not be asked.
fn keys(facets: &[StoredFacet]) -> BTreeSet<(String, String, String)> {
    let mut keys = BTreeSet::new();
    for (name, value, team, _) in facets {
        for value in [None, Some(value.as_str())] {
            keys.insert((name.clone(), search::wanted(value), search::wanted(None)));
            if team.is_some() {
                keys.insert((name.clone(), search::wanted(value), search::wanted(team.as_deref())));
            }
        }
    }
    keys
}

/// Removes everything of a workspace.
pub(crate) fn clear(connection: &Connection, workspace: WorkspaceId) -> rusqlite::Result<()> {
    let id = workspace.uuid().into_bytes();
    let number: Option<i64> = connection
        .query_row("SELECT number FROM workspaces WHERE id = ?1", [id], |row| row.get(0))
        .optional()?;
    // Numbers that do not fit were never given.
    let Some(shelf) = number.and_then(|number| Shelf::new(number).ok()) else { return Ok(()) };
    let (low, high) = shelf.positions();
    let others: i64 =
        connection
            .query_row("SELECT count(*) FROM workspaces WHERE id != ?1", [id], |row| row.get(0))?;
    if others == 0 {
        // At once, however much it is.
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')", [])?;
    } else {
        let mut pieces = connection.prepare(
            "SELECT position, first_piece, next_piece FROM contents WHERE position BETWEEN ?1 AND ?2",
        )?;
        let mut delete = connection.prepare("DELETE FROM words WHERE rowid = ?1")?;
        let mut rows = pieces.query([low, high])?;
        while let Some(row) = rows.next()? {
            for piece in row.get::<_, i64>(1)?..row.get::<_, i64>(2)? {
                delete.execute([piece_row(row.get(0)?, piece)])?;
            }
        }
    }
    connection.execute("DELETE FROM threads WHERE position BETWEEN ?1 AND ?2", [low, high])?;
    connection.execute("DELETE FROM contents WHERE position BETWEEN ?1 AND ?2", [low, high])?;
    connection.execute("DELETE FROM chunks WHERE workspace = ?1", [shelf.workspace])?;
    connection.execute("DELETE FROM bits WHERE workspace = ?1", [shelf.workspace])?;
    connection.execute("DELETE FROM moments WHERE workspace = ?1", [shelf.workspace])?;
    connection.execute("DELETE FROM workspaces WHERE id = ?1", [id])?;
    Ok(())
}
