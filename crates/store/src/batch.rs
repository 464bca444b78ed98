//! What one commit writes.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use tidings_model::{Draft, Event, EventId, Seq, WorkspaceId};

use crate::{Delete, DocKey, Put, TimerChange, TimerName, Version};

/// Everything that one commit writes, in one workspace. All of it happens, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// What must happen once only; a taken one refuses the batch.
    pub claims: Vec<Claim>,
    /// Documents that must be as they were seen.
    pub expects: Vec<Expect>,
    /// Events to append; they get consecutive numbers in this order.
    pub events: Vec<Draft>,
    /// Documents to write.
    pub puts: Vec<Put>,
    /// Documents to remove.
    pub deletes: Vec<Delete>,
    /// Timers to set, cancel or take.
    pub timers: Vec<TimerChange>,
    /// Cursors to move.
    pub cursors: Vec<Advance>,
}

impl Batch {
    /// An empty batch.
    pub const fn new(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            claims: Vec::new(),
            expects: Vec::new(),
            events: Vec::new(),
            puts: Vec::new(),
            deletes: Vec::new(),
            timers: Vec::new(),
            cursors: Vec::new(),
        }
    }

    /// Whether it writes nothing.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
            && self.events.is_empty()
            && self.puts.is_empty()
            && self.deletes.is_empty()
            && self.timers.is_empty()
            && self.cursors.is_empty()
    }

    /// Whether the batch makes sense in itself. Engines ask before they write, so that all of them refuse the same.
    ///
    /// A batch names a claim and a document once: what is checked is the state before the batch, so a second write of
    /// the same document could not be checked. Timers may be named again (taken and set anew); their changes are made
    /// in order.
    pub fn check(&self) -> Result<(), CommitError> {
        let malformed = |problem| Err(CommitError::Malformed { problem });
        if self.events.iter().any(|event| event.workspace != self.workspace) {
            return malformed("holds an event of another workspace");
        }
        if !all_differ(self.events.iter().map(|event| event.id)) {
            return malformed("holds an event twice");
        }
        if !all_differ(self.claims.iter().map(|claim| claim.name.as_str())) {
            return malformed("takes a claim twice");
        }
        let written = self
            .puts
            .iter()
            .map(|put| &put.key)
            .chain(self.deletes.iter().map(|delete| &delete.key));
        if !all_differ(written) {
            return malformed("writes a document twice");
        }
        if !self.puts.iter().all(|put| all_differ(put.index.iter())) {
            return malformed("gives a document an index entry twice");
        }
        Ok(())
    }
}

fn all_differ<T: Eq + Hash>(mut items: impl Iterator<Item = T>) -> bool {
    let Some(first) = items.next() else { return true };
    let Some(second) = items.next() else { return true };
    let mut seen = HashSet::from([first]);
    seen.insert(second) && items.all(|item| seen.insert(item))
}

/// Something that must happen once only: an outside service's delivery, an idempotency key, a step of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name; by convention `area:...`, as `telegram:<channel>:<update>`.
    pub name: String,
    /// What it stands for: mostly the first event of the batch. A later claimant is told.
    pub outcome: Option<EventId>,
}

/// A document must be at a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Which one.
    pub key: DocKey,
    /// Its version; [`Version::ABSENT`] when it must not be there.
    pub version: Version,
}

/// A reader has done all up to a number. Moving a cursor backwards does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The reader's name.
    pub reader: String,
    /// All up to this number is done.
    pub to: Seq,
}

/// What a commit gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The events with their numbers, in the order of the batch.
    pub events: Vec<Arc<Event>>,
}

/// Why a batch was not written. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A claim is taken: this was done before.
    #[error("claim {name:?} is taken")]
    Claimed {
        /// Which one.
        name: String,
        /// What it was taken for.
        outcome: Option<EventId>,
    },
    /// A document is not as it was seen: look again, decide again.
    #[error("document {key} is not at the expected version")]
    Conflict {
        /// Which one.
        key: DocKey,
    },
    /// The work that wanted this is another node's now: its lease has moved on. Told by who expects the lease
    /// ([`crate::Kind::Lease`]) in the name of the work, never by an engine; it must not be tried again here.
    #[error("the lease on share {share} has moved on: this work is another node's now")]
    Fenced {
        /// Which share of the workspace.
        share: crate::Share,
    },
    /// A timer to take is gone or was set anew: somebody else took it.
    #[error("timer {name} is gone or was set anew")]
    TimerGone {
        /// Which one.
        name: TimerName,
    },
    /// More waits to be written than the queue takes: try again soon.
    #[error("the store's queue is full")]
    Overloaded,
    /// The disk is full. Reads go on; writes go on as soon as there is room.
    #[error("the disk is full")]
    DiskFull,
    /// An event with this id is in the log already: ids are for ever.
    #[error("event {id} is in the log already")]
    EventExists {
        /// Which one.
        id: EventId,
    },
    /// The batch contradicts itself, see [`Batch::check`].
    #[error("the batch {problem}")]
    Malformed {
        /// How.
        problem: &'static str,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The engine failed.
    #[error("the store failed to commit")]
    Engine {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CommitError {
    /// Whether the same batch, decided anew, may go through later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::Overloaded | Self::DiskFull | Self::Engine { .. } => true,
            Self::Claimed { .. }
            | Self::TimerGone { .. }
            | Self::Fenced { .. }
            | Self::EventExists { .. }
            | Self::Malformed { .. }
            | Self::Closed => false,
        }
    }
}
