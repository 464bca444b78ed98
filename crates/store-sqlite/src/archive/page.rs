//! A page of what was found: by the time when threads were made, from a place on.
//!
//! Chunks are looked at in the order of their times, and no further than the page needs: threads get their numbers
//! mostly in the order in which they are made, so that is one or two chunks.

use rusqlite::{Row, params};
use tidings_model::{ChatId, ThreadId};
use tidings_store::ReadError;
use tidings_store::archive::{
    ARCHIVE_PAGE_MAX, ArchiveHit, ArchiveOrder, ArchivePage, ArchivePlace, ArchiveQuery,
};
use uuid::Uuid;

use super::layout::number_at;
use super::search::Source;
use super::set::Set;
use crate::position::{nanoseconds, timestamp};

/// What threads are sorted by: when they were made, then their id.
type Key = (i64, [u8; 16]);

/// A thread on a page.
#[derive(Clone, Copy)]
struct Found {
    key: Key,
    chat: [u8; 16],
}

/// Which way one walks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Older,
    Newer,
}

impl Way {
    const fn back(self) -> Self {
        match self {
            Self::Older => Self::Newer,
            Self::Newer => Self::Older,
        }
    }

    /// Whether one comes to the second after the first.
    fn is_on<T: Ord>(self, first: &T, second: &T) -> bool {
        match self {
            Self::Older => second < first,
            Self::Newer => second > first,
        }
    }
}

/// Up to so many threads of a chunk are read one by one; of more, the chunk is read as a whole.
const ONE_BY_ONE_MAX: usize = 64;

/// The page of a query.
pub(crate) fn page(
    source: Source<'_>,
    found: &Set,
    query: &ArchiveQuery,
    place: Option<ArchivePlace>,
) -> Result<ArchivePage, ReadError> {
    let way = match query.order {
        ArchiveOrder::NewestFirst => Way::Older,
        ArchiveOrder::OldestFirst => Way::Newer,
    };
    let limit = query.limit.min(ARCHIVE_PAGE_MAX);
    // One more than asked for tells whether there is another page.
    let (rows, there_is_next, there_is_previous) = match place {
        None => {
            let mut rows = walk(source, found, way, None, limit + 1)?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            (rows, more, false)
        }
        Some(ArchivePlace::After(at, thread)) => {
            let mut rows = walk(source, found, way, Some(key(at, thread)), limit + 1)?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let begin = rows.first().map(|row| row.key);
            (rows, more, goes_on(source, found, way.back(), begin)?)
        }
        Some(ArchivePlace::Before(at, thread)) => {
            let mut rows = walk(source, found, way.back(), Some(key(at, thread)), limit + 1)?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            rows.reverse();
            let end = rows.last().map(|row| row.key);
            (rows, goes_on(source, found, way, end)?, more)
        }
    };
    let rows: Vec<ArchiveHit> = rows.into_iter().map(hit).collect();
    let last = rows.last().filter(|_| there_is_next);
    let first = rows.first().filter(|_| there_is_previous);
    let next = last.map(|last| ArchivePlace::After(last.created_at, last.thread).to_string());
    let previous =
        first.map(|first| ArchivePlace::Before(first.created_at, first.thread).to_string());
    Ok(ArchivePage { rows, total: found.count(), next, previous })
}

fn key(at: tidings_model::Timestamp, thread: ThreadId) -> Key {
    (nanoseconds(at), thread.uuid().into_bytes())
}

fn hit(found: Found) -> ArchiveHit {
    let (created_at, thread) = found.key;
    ArchiveHit {
        thread: ThreadId::new(Uuid::from_bytes(thread)),
        chat: ChatId::new(Uuid::from_bytes(found.chat)),
        created_at: timestamp(created_at),
    }
}

/// Whether there is a thread beyond a key; beyond nothing there is none.
fn goes_on(
    source: Source<'_>,
    found: &Set,
    way: Way,
    from: Option<Key>,
) -> Result<bool, ReadError> {
    match from {
        Some(from) => Ok(!walk(source, found, way, Some(from), 1)?.is_empty()),
        None => Ok(false),
    }
}

/// The first threads of a set beyond a key.
fn walk(
    source: Source<'_>,
    found: &Set,
    way: Way,
    from: Option<Key>,
    count: usize,
) -> Result<Vec<Found>, ReadError> {
    let mut chunks: Vec<(u32, i64, i64)> = Vec::new();
    source.each(
        "SELECT chunk, first_at, last_at FROM chunks WHERE workspace = ?1",
        [source.shelf.workspace],
        |row| {
            chunks.push((row.get(0)?, row.get(1)?, row.get(2)?));
            Ok(())
        },
    )?;
    match way {
        Way::Older => chunks.sort_unstable_by_key(|(_, _, last)| std::cmp::Reverse(*last)),
        Way::Newer => chunks.sort_unstable_by_key(|(_, first, _)| *first),
    }
    let mut best: Vec<Found> = Vec::new();
    for (chunk, first, last) in chunks {
        let (near, far) = match way {
            Way::Older => (last, first),
            Way::Newer => (first, last),
        };
        // Nothing in this chunk, nor in those after it, comes before what there is.
        if count == 0 || best.get(count - 1).is_some_and(|worst| way.is_on(&worst.key.0, &near)) {
            break;
        }
        // All of it lies before the place.
        if from.is_some_and(|from| way.is_on(&far, &from.0)) {
            continue;
        }
        let numbers = found.in_chunk(chunk);
        let mut take = |row: &Row<'_>| {
            let key = (row.get(1)?, row.get(2)?);
            if from.is_none_or(|from| way.is_on(&from, &key)) {
                best.push(Found { key, chat: row.get(3)? });
            }
            Ok(())
        };
        if numbers.len() > ONE_BY_ONE_MAX {
            let (low, high) = source.positions_of(chunk);
            let sql = "SELECT position, created_at, id, chat FROM threads WHERE position BETWEEN ?1 AND ?2";
            source.each(sql, params![low, high], |row| {
                if found.has(number_at(row.get(0)?)) { take(row) } else { Ok(()) }
            })?;
        } else {
            for number in numbers {
                let sql = "SELECT position, created_at, id, chat FROM threads WHERE position = ?1";
                source.each(sql, [source.shelf.position(number)], &mut take)?;
            }
        }
        match way {
            Way::Older => best.sort_unstable_by_key(|found| std::cmp::Reverse(found.key)),
            Way::Newer => best.sort_unstable_by_key(|found| found.key),
        }
        best.truncate(count);
    }
    Ok(best)
}
