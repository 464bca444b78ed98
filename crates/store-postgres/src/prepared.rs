//! A batch made ready for the writer: envelopes and bodies are JSON and have checksums.
//!
//! Callers do this in their own tasks, so that who writes only writes.

use std::sync::Arc;

use tidings_model::{Draft, Timestamp, envelope};
use tidings_store::{
    Advance, Batch, Claim, CommitError, Delete, DocKey, Expect, TimerChange, TimerName, Version,
};

use crate::row::content_crc;
use crate::text::{self, TEXT_BYTES_MAX};

/// The most bytes of one batch: a caller that has more makes several, so that one does not hold up everybody.
pub(crate) const BATCH_BYTES_MAX: usize = 64 << 20;

/// As [`Batch`], ready to be written.
pub(crate) struct Prepared {
    pub(crate) workspace: tidings_model::WorkspaceId,
    pub(crate) claims: Vec<Claim>,
    pub(crate) expects: Vec<Expect>,
    pub(crate) events: Vec<PreparedEvent>,
    pub(crate) puts: Vec<PreparedPut>,
    pub(crate) deletes: Vec<Delete>,
    pub(crate) timers: Vec<PreparedTimer>,
    pub(crate) cursors: Vec<Advance>,
    /// Of all bodies together.
    pub(crate) bytes: usize,
}

impl Prepared {
    /// Whether it only looks: then it writes nothing at all, not even its workspace's row.
    pub(crate) fn is_only_expects(&self) -> bool {
        self.claims.is_empty()
            && self.events.is_empty()
            && self.puts.is_empty()
            && self.deletes.is_empty()
            && self.timers.is_empty()
            && self.cursors.is_empty()
    }
}

pub(crate) struct PreparedEvent {
    pub(crate) draft: Draft,
    pub(crate) body: Arc<[u8]>,
    /// Of the body alone.
    pub(crate) crc: u32,
}

pub(crate) struct PreparedPut {
    pub(crate) key: DocKey,
    pub(crate) expected: Option<Version>,
    pub(crate) body: Vec<u8>,
    pub(crate) index: Vec<(&'static str, String)>,
    /// The index entries as JSON.
    pub(crate) entries: String,
    /// Of the body and the entries.
    pub(crate) crc: u32,
}

pub(crate) enum PreparedTimer {
    Set { name: TimerName, due: Timestamp, body: Vec<u8>, crc: u32 },
    Cancel { name: TimerName },
    Take { name: TimerName, due: Timestamp },
}

impl PreparedTimer {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Set { name, .. } | Self::Cancel { name } | Self::Take { name, .. } => &name.0,
        }
    }
}

/// Makes a batch ready; refuses one that is not in order.
pub(crate) fn prepare(batch: Batch) -> Result<Prepared, CommitError> {
    batch.check()?;
    if names(&batch).any(|name| text::stored(name).len() > TEXT_BYTES_MAX) {
        return Err(CommitError::Malformed { problem: "holds a name longer than 1200 bytes" });
    }
    let events: Vec<PreparedEvent> = batch.events.into_iter().map(event).collect();
    let puts: Vec<PreparedPut> = batch.puts.into_iter().map(put).collect();
    let timers: Vec<PreparedTimer> = batch.timers.into_iter().map(timer).collect();
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

/// Everything that is stored as text: ids, names, values.
fn names(batch: &Batch) -> impl Iterator<Item = &str> {
    let claims = batch.claims.iter().map(|claim| claim.name.as_str());
    let keys = (batch.puts.iter().map(|put| &put.key))
        .chain(batch.deletes.iter().map(|delete| &delete.key))
        .chain(batch.expects.iter().map(|expect| &expect.key))
        .map(|key| key.id.as_str());
    let values =
        batch.puts.iter().flat_map(|put| put.index.iter().map(|(_, value)| value.as_str()));
    let timers = batch.timers.iter().map(|change| match change {
        TimerChange::Set { name, .. }
        | TimerChange::Cancel { name }
        | TimerChange::Take { name, .. } => name.0.as_str(),
    });
    let readers = batch.cursors.iter().map(|cursor| cursor.reader.as_str());
    claims.chain(keys).chain(values).chain(timers).chain(readers)
}

fn event(draft: Draft) -> PreparedEvent {
    let body: Arc<[u8]> = envelope::write(&draft).into();
    let crc = crc32fast::hash(&body);
    PreparedEvent { draft, body, crc }
}

fn put(put: tidings_store::Put) -> PreparedPut {
    let body = json(&put.body);
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
