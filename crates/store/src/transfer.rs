//! Moving everything from one engine to another: records in a stable order, read by pages, loaded into an empty store,
//! counted and summed up the same way on both sides.
//!
//! `tidings migrate-store` calls it while nobody serves. What is derived is not moved but made anew: numbers of rows,
//! tallies, the archive. What belongs to a moment is left out: leases, the list of nodes.
//!
//! Safe to run twice: a load that was cut short never looks like a store, and the next one begins anew.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tidings_model::{Event, Order, Seq, ThreadId, Timestamp, WorkspaceId};
use uuid::Uuid;

use crate::{Advance, Claim, Document, Kind, ReadError, Store, Timer};

/// The most records of one page, whatever their part.
pub const RECORDS_READ_MAX: usize = 1_000;

/// The most bytes of one page, beyond its first record: equal to what one read of events gives.
pub const RECORDS_READ_BYTES_MAX: usize = crate::read::EVENTS_READ_BYTES_MAX;

/// The most readers of a workspace, shares counted apart: twenty readers in sixteen shares, thrice over.
pub const CURSORS_MAX: usize = RECORDS_READ_MAX;

/// What a workspace consists of, in the order in which it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The workspace itself: one record, with the last number that it gave.
    Workspaces,
    /// The last order that each thread gave, by the thread's id: it outlives forgotten events.
    Threads,
    /// The log, by number.
    Events,
    /// Documents with their index entries, by the word of their kind and by id.
    Documents,
    /// Timers, by name.
    Timers,
    /// Cursors, by reader.
    Cursors,
    /// Claims, by name.
    Claims,
}

impl Part {
    /// All parts, in order.
    pub const ALL: [Self; 7] = [
        Self::Workspaces,
        Self::Threads,
        Self::Events,
        Self::Documents,
        Self::Timers,
        Self::Cursors,
        Self::Claims,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspaces => "workspaces",
            Self::Threads => "threads",
            Self::Events => "events",
            Self::Documents => "documents",
            Self::Timers => "timers",
            Self::Cursors => "cursors",
            Self::Claims => "claims",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that moves.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// The last number that a workspace gave.
    Workspace(Seq),
    /// The last order that a thread gave.
    Thread(ThreadId, Order),
    /// An event with its numbers and its bytes.
    Event(Arc<Event>),
    /// A document.
    Document {
        /// With its version and the time when it was last written.
        document: Document,
        /// Its index entries, in the order in which they were written.
        index: Vec<(String, String)>,
    },
    /// A timer.
    Timer(Timer),
    /// A reader's cursor.
    Cursor(Advance),
    /// A claim.
    Claim {
        /// With what it was taken for.
        claim: Claim,
        /// When it was taken.
        taken_at: Timestamp,
    },
}

impl Record {
    /// What it is a part of.
    pub const fn part(&self) -> Part {
        match self {
            Self::Workspace(_) => Part::Workspaces,
            Self::Thread(..) => Part::Threads,
            Self::Event(_) => Part::Events,
            Self::Document { .. } => Part::Documents,
            Self::Timer(_) => Part::Timers,
            Self::Cursor(_) => Part::Cursors,
            Self::Claim { .. } => Part::Claims,
        }
    }

    /// Whether it stays where it is: leases are of nodes that are gone.
    fn is_left_out(&self) -> bool {
        match self {
            Self::Document { document, .. } => document.key.kind == Kind::Lease,
            Self::Workspace(_)
            | Self::Thread(..)
            | Self::Event(_)
            | Self::Timer(_)
            | Self::Cursor(_)
            | Self::Claim { .. } => false,
        }
    }

    /// Its bytes, for the checksum: each field with its length, so that no two records have the same.
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Workspace(last) => number(to, last.0),
            Self::Thread(id, last) => {
                id_bytes(to, id.uuid());
                number(to, last.0);
            }
            Self::Event(event) => {
                number(to, event.seq.0);
                number(to, event.order.map_or(0, |order| order.0));
                bytes(to, event.body());
            }
            Self::Document { document, index } => {
                text(to, document.key.kind.as_str());
                text(to, &document.key.id);
                number(to, document.version.0);
                time(to, document.updated_at);
                json(to, &document.body);
                for (name, value) in index {
                    text(to, name);
                    text(to, value);
                }
            }
            Self::Timer(timer) => {
                text(to, &timer.name.0);
                time(to, timer.due);
                json(to, &timer.body);
            }
            Self::Cursor(cursor) => {
                text(to, &cursor.reader);
                number(to, cursor.to.0);
            }
            Self::Claim { claim, taken_at } => {
                text(to, &claim.name);
                id_bytes(to, claim.outcome.map_or(Uuid::nil(), |outcome| outcome.uuid()));
                time(to, *taken_at);
            }
        }
    }
}

fn number(to: &mut Vec<u8>, number: u64) {
    to.extend_from_slice(&number.to_le_bytes());
}

fn id_bytes(to: &mut Vec<u8>, id: Uuid) {
    to.extend_from_slice(id.as_bytes());
}

fn bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    number(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

fn text(to: &mut Vec<u8>, text: &str) {
    bytes(to, text.as_bytes());
}

fn time(to: &mut Vec<u8>, time: Timestamp) {
    to.extend_from_slice(&time.as_nanosecond().to_le_bytes());
}

fn json(to: &mut Vec<u8>, value: &serde_json::Value) {
    bytes(to, value.to_string().as_bytes());
}

/// An engine that can tell all that it holds.
#[async_trait::async_trait]
pub trait Movable: Store {
    /// Records of a part in its order, after one of the same part; an empty answer says that nothing follows.
    ///
    /// At most [`RECORDS_READ_MAX`], and fewer where they are large ([`RECORDS_READ_BYTES_MAX`]). Texts are compared
    /// byte by byte.
    async fn records(
        &self,
        workspace: WorkspaceId,
        part: Part,
        after: Option<&Record>,
    ) -> Result<Vec<Record>, ReadError>;
}

/// An empty store that is being filled. It can be opened as a store after [`Load::finish`], and not before.
#[async_trait::async_trait]
pub trait Load: Send {
    /// Takes records of one workspace; they come in the order of [`Part::ALL`], workspace by workspace.
    async fn load(&mut self, workspace: WorkspaceId, records: Vec<Record>)
    -> Result<(), LoadError>;

    /// All is there: makes what is derived, and sees to it that all is on disk.
    async fn finish(self: Box<Self>) -> Result<(), LoadError>;
}

/// Why something could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is something already.
    #[error("{place} is not empty: a move goes into an empty store only")]
    NotEmpty {
        /// Where.
        place: String,
    },
    /// Somebody uses it.
    #[error("{place} is in use: stop all servers of it first")]
    InUse {
        /// Where.
        place: String,
    },
    /// The engine failed.
    #[error("the store failed to load")]
    Engine {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What becomes of readers' cursors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursors {
    /// As they are: the new store may be served by many nodes.
    PerShare,
    /// One for each whole reader, the least of its shares: the new store is served by one node, which looks for that.
    Whole,
}

/// Between a reader's name and the number of its share.
pub const SHARE_MARK: char = '#';

/// How many records of a part there are, and what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// CRC-32 over all of them in order.
    pub checksum: u32,
}

/// The sum of every part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<Part, Sum>);

impl Sums {
    /// Of one part.
    pub fn of(&self, part: Part) -> Sum {
        self.0.get(&part).copied().unwrap_or_default()
    }

    /// The parts whose sums differ.
    pub fn differences(&self, other: &Self) -> Vec<Part> {
        Part::ALL.into_iter().filter(|part| self.of(*part) != other.of(*part)).collect()
    }

    fn add(&mut self, workspace: WorkspaceId, records: &[Record]) {
        let mut written = Vec::new();
        for record in records {
            written.clear();
            id_bytes(&mut written, workspace.uuid());
            record.write(&mut written);
            let sum = self.0.entry(record.part()).or_default();
            let mut hasher = crc32fast::Hasher::new_with_initial(sum.checksum);
            hasher.update(&written);
            *sum = Sum { count: sum.count + 1, checksum: hasher.finalize() };
        }
    }
}

/// Why a move ended.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The old store could not be read.
    #[error("the store could not be read")]
    Read(#[from] ReadError),
    /// The new store could not be written.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A workspace has more readers than can be.
    #[error("workspace {0} has more than {CURSORS_MAX} cursors")]
    TooManyCursors(WorkspaceId),
}

/// Moves everything; `told` hears after each page what has moved so far. Finishing the load is the caller's.
pub async fn move_all(
    from: &dyn Movable,
    to: &mut dyn Load,
    cursors: Cursors,
    told: &mut (dyn FnMut(&Sums) + Send),
) -> Result<Sums, MoveError> {
    let mut sums = Sums::default();
    for workspace in from.workspaces().await? {
        for part in Part::ALL {
            let mut pages = Pages::new(from, workspace, part, cursors);
            while let Some(records) = pages.next().await? {
                sums.add(workspace, &records);
                to.load(workspace, records).await?;
                told(&sums);
            }
        }
    }
    Ok(sums)
}

/// Reads everything, as [`move_all`] moves it, and sums it up.
pub async fn sum_up(
    from: &dyn Movable,
    cursors: Cursors,
    told: &mut (dyn FnMut(&Sums) + Send),
) -> Result<Sums, MoveError> {
    let mut sums = Sums::default();
    for workspace in from.workspaces().await? {
        for part in Part::ALL {
            let mut pages = Pages::new(from, workspace, part, cursors);
            while let Some(records) = pages.next().await? {
                sums.add(workspace, &records);
                told(&sums);
            }
        }
    }
    Ok(sums)
}

/// The pages of a part, without what stays.
struct Pages<'a> {
    from: &'a dyn Movable,
    workspace: WorkspaceId,
    part: Part,
    cursors: Cursors,
    after: Option<Record>,
    is_over: bool,
}

impl<'a> Pages<'a> {
    fn new(from: &'a dyn Movable, workspace: WorkspaceId, part: Part, cursors: Cursors) -> Self {
        Self { from, workspace, part, cursors, after: None, is_over: false }
    }

    async fn next(&mut self) -> Result<Option<Vec<Record>>, MoveError> {
        if self.is_over {
            return Ok(None);
        }
        if self.part == Part::Cursors && self.cursors == Cursors::Whole {
            self.is_over = true;
            return self.whole_cursors().await.map(Some);
        }
        let mut records = self.page().await?;
        if records.is_empty() {
            self.is_over = true;
            return Ok(None);
        }
        records.retain(|record| !record.is_left_out());
        Ok(Some(records))
    }

    async fn page(&mut self) -> Result<Vec<Record>, MoveError> {
        let records = self.from.records(self.workspace, self.part, self.after.as_ref()).await?;
        self.after = records.last().cloned();
        Ok(records)
    }

    /// All of the workspace's cursors, folded: there are few.
    async fn whole_cursors(&mut self) -> Result<Vec<Record>, MoveError> {
        let mut cursors = Vec::new();
        loop {
            let page = self.page().await?;
            if page.is_empty() {
                break;
            }
            if cursors.len() + page.len() > CURSORS_MAX {
                return Err(MoveError::TooManyCursors(self.workspace));
            }
            for record in page {
                if let Record::Cursor(cursor) = record {
                    cursors.push(cursor);
                }
            }
        }
        Ok(whole(cursors).into_iter().map(Record::Cursor).collect())
    }
}

/// One cursor for each reader: the least of its shares.
///
/// Both say "all up to here is done", so the greater of them counts, as it does for who reads them.
fn whole(cursors: Vec<Advance>) -> Vec<Advance> {
    let mut readers: BTreeMap<String, (Option<Seq>, Vec<Seq>)> = BTreeMap::new();
    for Advance { reader, to } in cursors {
        match reader.split_once(SHARE_MARK) {
            Some((name, _share)) => readers.entry(name.into()).or_default().1.push(to),
            None => readers.entry(reader).or_default().0 = Some(to),
        }
    }
    let whole = readers.into_iter().map(|(reader, (own, shares))| {
        // A share without a cursor has done nothing but what the whole reader did.
        let has_all = shares.len() == usize::from(crate::SHARES);
        let least = shares.into_iter().min().filter(|_| has_all);
        Advance { reader, to: own.max(least).unwrap_or_default() }
    });
    whole.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(reader: impl Into<String>, to: u64) -> Advance {
        Advance { reader: reader.into(), to: Seq(to) }
    }

    #[test]
    fn a_whole_reader_goes_on_from_its_last_share() {
        let shares = (0..16).map(|share| cursor(format!("react#{share}"), 100 + share));
        let all: Vec<_> = shares.chain([cursor("index", 7), cursor("react", 3)]).collect();
        assert_eq!(whole(all), [cursor("index", 7), cursor("react", 100)]);
        let shares = (0..16).map(|share| cursor(format!("react#{share}"), share));
        let older: Vec<_> = shares.chain([cursor("react", 30)]).collect();
        assert_eq!(whole(older), [cursor("react", 30)], "what one node did before counts");
    }

    #[test]
    fn a_share_without_a_cursor_counts_as_the_whole_reader() {
        let some = vec![cursor("react#3", 9), cursor("react", 5), cursor("send#1", 9)];
        assert_eq!(whole(some), [cursor("react", 5), cursor("send", 0)]);
    }
}
