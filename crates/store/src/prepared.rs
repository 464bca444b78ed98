//! A batch made ready for the writer: envelopes and bodies are JSON and have checksums.
//!
//! Callers do this in their own tasks, so that all cores share the work and who writes only writes. The checksums are of
//! what the engines keep alike, so that a store that moves to another engine keeps them.

use std::sync::Arc;

use tidings_model::{Draft, READ_NESTING_MAX, Timestamp, WorkspaceId, envelope, nesting};

use crate::{
    Advance, Batch, Claim, CommitError, Delete, DocKey, Expect, Put, TimerChange, TimerName,
    Version,
};

/// The most bytes of one batch: a caller that has more makes several, so that one does not hold up everybody.
pub const BATCH_BYTES_MAX: usize = 64 << 20;

/// As [`Batch`], ready to be written.
pub struct Prepared {
    /// As in [`Batch::workspace`].
    pub workspace: WorkspaceId,
    /// As in [`Batch::claims`].
    pub claims: Vec<Claim>,
    /// As in [`Batch::expects`].
    pub expects: Vec<Expect>,
    /// The events.
    pub events: Vec<PreparedEvent>,
    /// The documents.
    pub puts: Vec<PreparedPut>,
    /// As in [`Batch::deletes`].
    pub deletes: Vec<Delete>,
    /// The timers.
    pub timers: Vec<PreparedTimer>,
    /// As in [`Batch::cursors`].
    pub cursors: Vec<Advance>,
    /// Of all bodies together.
    pub bytes: usize,
}

impl Prepared {
    /// Whether it only looks: then it writes nothing at all, not even its workspace's row.
    pub fn is_only_expects(&self) -> bool {
        self.claims.is_empty()
            && self.events.is_empty()
            && self.puts.is_empty()
            && self.deletes.is_empty()
            && self.timers.is_empty()
            && self.cursors.is_empty()
    }
}

/// An event, ready to be written.
pub struct PreparedEvent {
    /// What it says.
    pub draft: Draft,
    /// Its envelope.
    pub body: Arc<[u8]>,
    /// Of the body alone.
    pub crc: u32,
}

/// A document, ready to be written.
pub struct PreparedPut {
    /// As in [`Put::key`].
    pub key: DocKey,
    /// As in [`Put::expected`].
    pub expected: Option<Version>,
    /// Its body as JSON.
    pub body: Vec<u8>,
    /// As in [`Put::index`].
    pub index: Vec<(&'static str, String)>,
    /// The index entries as JSON.
    pub entries: String,
    /// Of the body and the entries: [`content_crc`].
    pub crc: u32,
}

/// A change of a timer, ready to be written.
pub enum PreparedTimer {
    /// As [`TimerChange::Set`].
    Set {
        /// Which one.
        name: TimerName,
        /// When it rings.
        due: Timestamp,
        /// Its body as JSON.
        body: Vec<u8>,
        /// Of the body.
        crc: u32,
    },
    /// As [`TimerChange::Cancel`].
    Cancel {
        /// Which one.
        name: TimerName,
    },
    /// As [`TimerChange::Take`].
    Take {
        /// Which one.
        name: TimerName,
        /// When it was due, as it was seen.
        due: Timestamp,
    },
}

impl PreparedTimer {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Set { name, .. } | Self::Cancel { name } | Self::Take { name, .. } => &name.0,
        }
    }
}

/// Makes a batch ready; refuses one that is not in order.
pub fn prepare(batch: Batch) -> Result<Prepared, CommitError> {
    batch.check()?;
    let events: Vec<PreparedEvent> = batch.events.into_iter().map(event).collect();
    let puts: Vec<PreparedPut> = batch.puts.into_iter().map(put).collect();
    let timers: Vec<PreparedTimer> = batch.timers.into_iter().map(timer).collect();
    let mut bodies = events.iter().map(|event| event.body.as_ref());
    let mut documents = puts.iter().map(|put| put.body.as_slice());
    if bodies.any(is_too_deep) || documents.any(is_too_deep) {
        return Err(CommitError::Malformed { problem: "nests deeper than it could be read" });
    }
    let bytes = events.iter().map(|event| event.body.len()).sum::<usize>()
        + puts.iter().map(|put| put.body.len() + put.entries.len()).sum::<usize>()
        + timers.iter().map(timer_bytes).sum::<usize>();
    if bytes > BATCH_BYTES_MAX {
        return Err(CommitError::Malformed { problem: "is larger than 64 MiB" });
    }
    Ok(Prepared {
        workspace: batch.workspace,
        claims: batch.claims,
        expects: batch.expects,
        events,
        puts,
        deletes: batch.deletes,
        timers,
        cursors: batch.cursors,
        bytes,
    })
}

/// Whether JSON would be written that cannot be read again.
fn is_too_deep(json: &[u8]) -> bool {
    nesting(json) > READ_NESTING_MAX
}

fn event(draft: Draft) -> PreparedEvent {
    let body: Arc<[u8]> = envelope::write(&draft).into();
    let crc = crc32fast::hash(&body);
    PreparedEvent { draft, body, crc }
}

fn put(put: Put) -> PreparedPut {
    let body = put.body.into_bytes();
    let entries = serde_json::to_string(&put.index).expect("pairs of text can be written");
    let crc = content_crc(&body, &entries);
    PreparedPut { key: put.key, expected: put.expected, body, index: put.index, entries, crc }
}

fn timer(change: TimerChange) -> PreparedTimer {
    match change {
        TimerChange::Set { name, due, body } => {
            let body = json(&body);
            let crc = crc32fast::hash(&body);
            PreparedTimer::Set { name, due, body, crc }
        }
        TimerChange::Cancel { name } => PreparedTimer::Cancel { name },
        TimerChange::Take { name, due } => PreparedTimer::Take { name, due },
    }
}

fn timer_bytes(timer: &PreparedTimer) -> usize {
    match timer {
        PreparedTimer::Set { body, .. } => body.len(),
        PreparedTimer::Cancel { .. } | PreparedTimer::Take { .. } => 0,
    }
}

fn json(value: &serde_json::Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON value can be written")
}

/// The checksum of a document's body and index entries.
pub fn content_crc(body: &[u8], entries: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(entries.as_bytes());
    hasher.finalize()
}

/// The checksum of a document: `content` from [`content_crc`], then its version.
pub fn document_crc(content: u32, version: Version) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(content);
    hasher.update(&version.0.to_le_bytes());
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tidings_model::EventId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn nothing_is_written_that_could_not_be_read() {
        let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| vec![inner].into());
        let prepared = |levels: usize| {
            let workspace = WorkspaceId::new(Uuid::nil());
            let event_type = "chat.custom".parse().expect("a name");
            let id = EventId::new(Uuid::nil());
            let mut batch = Batch::new(workspace);
            let draft =
                Draft::new(id, event_type, workspace, Timestamp::UNIX_EPOCH, nested(levels));
            batch.events.push(draft);
            prepare(batch)
        };
        let read = prepared(READ_NESTING_MAX - 1).expect("it is written");
        assert!(envelope::read(&read.events[0].body).is_ok());
        assert!(matches!(prepared(READ_NESTING_MAX), Err(CommitError::Malformed { .. })));
    }
}
