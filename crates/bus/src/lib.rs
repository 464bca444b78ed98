//! Hints between the nodes of an installation: what is new in the log, who came and went, who types.
//!
//! A hint may be lost, come twice, late, or in another order; whoever acts on one is right without it, only slower. So
//! nothing that must happen is ever only told here: the log, cursors, documents and timers say what is to do.
//!
//! A bus carries bytes; who tells them knows what they mean, and what they mean bears a version, as the nodes of a
//! rolling upgrade differ.

use bytes::Bytes;
use tidings_model::{NodeId, WorkspaceId};
use tokio::sync::broadcast;

/// The most bytes of one hint. A bus refuses larger ones; NATS takes a megabyte unless told otherwise.
pub const HINT_BYTES_MAX: usize = 512 << 10;

/// How many hints wait for one hearer; who does not keep up is told that it missed some.
pub const HINTS_WAITING_MAX: usize = 8_192;

/// What a hint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// The log grew.
    Log,
    /// A push that nobody keeps: typing, a place in the queue.
    Signal,
    /// Who has an open connection.
    Presence,
    /// Documents are others now that may be kept in memory.
    Changed,
    /// Connections that are to be closed.
    Cut,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 5] = [Self::Log, Self::Signal, Self::Presence, Self::Changed, Self::Cut];

    /// The word for it, as it stands in subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Signal => "signal",
            Self::Presence => "presence",
            Self::Changed => "changed",
            Self::Cut => "cut",
        }
    }

    /// The topic with a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == word)
    }
}

/// What another node told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Who told it.
    pub from: NodeId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// What it is about.
    pub topic: Topic,
    /// What it says.
    pub bytes: Bytes,
}

/// Carries hints between nodes.
pub trait Bus: Send + Sync + 'static {
    /// Tells all other nodes. Never waits: what cannot be sent now is dropped, and counted.
    fn tell(&self, workspace: WorkspaceId, topic: Topic, bytes: Bytes);

    /// Hears what other nodes tell, from now on; never what this one tells.
    fn hear(&self) -> broadcast::Receiver<Hint>;

    /// Whether there is nobody who could hear: then nothing need be made ready to be told.
    fn is_alone(&self) -> bool {
        false
    }

    /// How large a hint may be before it costs this bus more than the hearers' own look at the store.
    fn hint_bytes_max(&self) -> usize {
        HINT_BYTES_MAX
    }
}

/// The bus of a node that is alone: nobody tells it anything.
#[derive(Debug)]
pub struct Alone {
    silence: broadcast::Sender<Hint>,
}

impl Default for Alone {
    fn default() -> Self {
        Self { silence: broadcast::Sender::new(1) }
    }
}

impl Bus for Alone {
    fn tell(&self, _workspace: WorkspaceId, _topic: Topic, _bytes: Bytes) {}

    fn hear(&self) -> broadcast::Receiver<Hint> {
        self.silence.subscribe()
    }

    fn is_alone(&self) -> bool {
        true
    }
}
