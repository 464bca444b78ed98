//! One batch within a transaction: written whole, or refused without a trace.
//!
//! There are no savepoints: everything that can refuse a batch comes before what cannot, and the little that is written
//! before the last check (claims, events) is taken out again by its key. A batch sees what the batches before it in the
//! same transaction wrote.

use std::sync::Arc;

use tidings_model::{Event, ThreadId, Timestamp};
use tidings_store::prepared::{Prepared, PreparedEvent, PreparedPut, PreparedTimer, document_crc};
use tidings_store::{Claim, CommitError, DocKey, TALLIED, Version};

use super::Failure;
use super::counters::{Group, Tally, Thread, Workspace};
use super::statements::{NewDocument, NewEvent, Statements, StoredDocument};
use crate::position::{SEQ_MAX, nanoseconds};
use crate::row::event_crc;

/// What became of a batch.
pub(super) enum Applied {
    /// All of it was written; these are its events.
    Written(Vec<Arc<Event>>),
    /// Nothing of it was.
    Refused(CommitError),
}

impl Default for Applied {
    fn default() -> Self {
        Self::Written(Vec::new())
    }
}

/// Writes a batch, or refuses it.
pub(super) fn apply(
    sql: &mut Statements<'_>,
    group: &mut Group<'_>,
    batch: Prepared,
    now: Timestamp,
) -> Result<Applied, Failure> {
    let mut workspace = match group.workspace(sql, batch.workspace)? {
        Some(workspace) => workspace,
        None => group.new_workspace()?,
    };
    let writes = !batch.is_only_expects();
    // First, so that a batch that was written before is told so, and not that its documents have moved on.
    if let Some(refusal) = take_claims(sql, &workspace, &batch.claims, now)? {
        return Ok(Applied::Refused(refusal));
    }
    let seen = match check(sql, &workspace, &batch)? {
        Ok(seen) => seen,
        Err(refusal) => {
            release_claims(sql, &workspace, &batch.claims)?;
            return Ok(Applied::Refused(refusal));
        }
    };
    let events = match append(sql, group, &mut workspace, batch.events)? {
        Ok(events) => events,
        Err(refusal) => {
            release_claims(sql, &workspace, &batch.claims)?;
            return Ok(Applied::Refused(refusal));
        }
    };
    for (put, stored) in batch.puts.into_iter().zip(seen.puts) {
        write_document(sql, group, &mut workspace, put, stored, now)?;
    }
    for (delete, stored) in batch.deletes.iter().zip(seen.deletes) {
        if let Some(stored) = stored {
            delete_document(sql, group, &mut workspace, &delete.key, &stored)?;
        }
    }
    for timer in batch.timers {
        change_timer(sql, &mut workspace, timer)?;
    }
    for cursor in &batch.cursors {
        sql.advance_cursor(workspace.number, &cursor.reader, cursor.to)?;
    }
    if writes {
        group.set_workspace(batch.workspace, workspace);
    }
    Ok(Applied::Written(events))
}

/// Takes all claims, or none.
fn take_claims(
    sql: &mut Statements<'_>,
    workspace: &Workspace,
    claims: &[Claim],
    now: Timestamp,
) -> Result<Option<CommitError>, Failure> {
    for (index, claim) in claims.iter().enumerate() {
        if !sql.take_claim(workspace.number, claim, nanoseconds(now))? {
            let outcome = sql.claim_outcome(workspace.number, &claim.name)?;
            release_claims(sql, workspace, claims.get(..index).unwrap_or_default())?;
            return Ok(Some(CommitError::Claimed { name: claim.name.clone(), outcome }));
        }
    }
    Ok(None)
}

fn release_claims(
    sql: &mut Statements<'_>,
    workspace: &Workspace,
    claims: &[Claim],
) -> Result<(), Failure> {
    for claim in claims {
        sql.delete_claim(workspace.number, &claim.name)?;
    }
    Ok(())
}

/// The documents that a batch writes, as they are: in the order of its puts and deletes.
struct Seen {
    puts: Vec<Option<StoredDocument>>,
    deletes: Vec<Option<StoredDocument>>,
}

/// Looks at everything else that can refuse a batch; writes nothing.
fn check(
    sql: &mut Statements<'_>,
    workspace: &Workspace,
    batch: &Prepared,
) -> Result<Result<Seen, CommitError>, Failure> {
    for expect in &batch.expects {
        let stored = sql.document(workspace.number, &expect.key)?;
        if version(stored.as_ref()) != expect.version {
            return Ok(Err(CommitError::Conflict { key: expect.key.clone() }));
        }
    }
    let mut seen = Seen {
        puts: Vec::with_capacity(batch.puts.len()),
        deletes: Vec::with_capacity(batch.deletes.len()),
    };
    for put in &batch.puts {
        let stored = sql.document(workspace.number, &put.key)?;
        if put.expected.is_some_and(|expected| expected != version(stored.as_ref())) {
            return Ok(Err(CommitError::Conflict { key: put.key.clone() }));
        }
        seen.puts.push(stored);
    }
    for delete in &batch.deletes {
        let stored = sql.document(workspace.number, &delete.key)?;
        if delete.expected.is_some_and(|expected| expected != version(stored.as_ref())) {
            return Ok(Err(CommitError::Conflict { key: delete.key.clone() }));
        }
        seen.deletes.push(stored);
    }
    for timer in &batch.timers {
        match timer {
            PreparedTimer::Take { name, due } => {
                if sql.timer_due(workspace.number, name)? != Some(nanoseconds(*due)) {
                    return Ok(Err(CommitError::TimerGone { name: name.clone() }));
                }
            }
            PreparedTimer::Set { .. } | PreparedTimer::Cancel { .. } => {}
        }
    }
    Ok(Ok(seen))
}

fn version(stored: Option<&StoredDocument>) -> Version {
    stored.map_or(Version::ABSENT, |stored| stored.version)
}

/// Numbers and inserts the events; takes them out again when one of them is in the log already.
fn append(
    sql: &mut Statements<'_>,
    group: &mut Group<'_>,
    workspace: &mut Workspace,
    drafts: Vec<PreparedEvent>,
) -> Result<Result<Vec<Arc<Event>>, CommitError>, Failure> {
    let mut events = Vec::with_capacity(drafts.len());
    let mut threads: Vec<(ThreadId, Thread)> = Vec::new();
    let mut seq = workspace.last_seq;
    for PreparedEvent { draft, body, crc } in drafts {
        seq = seq.next();
        if seq.0 > SEQ_MAX {
            return Err(Failure::LogFull);
        }
        let thread = match draft.thread {
            Some(id) => Some(next_in_thread(sql, group, workspace, &mut threads, id)?),
            None => None,
        };
        let order = thread.map(|thread| thread.last_order);
        let chat = match draft.chat {
            Some(id) => Some(group.chat_number(sql, workspace.number, id)?),
            None => None,
        };
        let position = workspace.number.position(seq);
        let event_type = group.type_number(sql, &draft.event_type)?;
        let crc = event_crc(crc, position, order);
        let row = NewEvent { position, id: draft.id, event_type, chat, thread, body: &body, crc };
        if !sql.insert_event(&row)? {
            sql.delete_events(workspace.number.position(workspace.last_seq.next()), position)?;
            return Ok(Err(CommitError::EventExists { id: draft.id }));
        }
        events.push(Arc::new(Event::new(seq, order, draft, body)));
    }
    workspace.events += seq.0 - workspace.last_seq.0;
    workspace.last_seq = seq;
    for (id, thread) in threads {
        group.set_thread(workspace.number, id, thread);
    }
    Ok(Ok(events))
}

/// A thread with its next order; `threads` holds those of this batch, which count only when all its events went in.
fn next_in_thread(
    sql: &mut Statements<'_>,
    group: &mut Group<'_>,
    workspace: &Workspace,
    threads: &mut Vec<(ThreadId, Thread)>,
    id: ThreadId,
) -> Result<Thread, Failure> {
    if let Some((_, thread)) = threads.iter_mut().find(|(known, _)| *known == id) {
        thread.last_order.0 += 1;
        return Ok(*thread);
    }
    let mut thread = match group.thread(sql, workspace.number, id)? {
        Some(thread) => thread,
        // No more than this many of the batch's threads are new, and numbers may be left out.
        None => group.new_thread(threads.len()),
    };
    thread.last_order.0 += 1;
    threads.push((id, thread));
    Ok(thread)
}

fn write_document(
    sql: &mut Statements<'_>,
    group: &mut Group<'_>,
    workspace: &mut Workspace,
    put: PreparedPut,
    stored: Option<StoredDocument>,
    now: Timestamp,
) -> Result<(), Failure> {
    let version = version(stored.as_ref()).next();
    let row = NewDocument {
        version,
        updated_at: nanoseconds(now),
        crc: document_crc(put.crc, version),
        entries: &put.entries,
        body: &put.body,
    };
    let Some(stored) = stored else {
        let number = sql.insert_document(workspace.number, &put.key, &row)?;
        workspace.documents += 1;
        group.tally(tally_of_kind(workspace, &put.key), 1);
        return replace_entries(sql, group, workspace, &put.key, number, &[], &put.index);
    };
    sql.update_document(stored.number, &row)?;
    if stored.entries == put.entries {
        return Ok(());
    }
    let old = entries_of(&put.key, &stored)?;
    replace_entries(sql, group, workspace, &put.key, stored.number, &old, &put.index)
}

fn delete_document(
    sql: &mut Statements<'_>,
    group: &mut Group<'_>,
    workspace: &mut Workspace,
    key: &DocKey,
    stored: &StoredDocument,
) -> Result<(), Failure> {
    let old = entries_of(key, stored)?;
    replace_entries(sql, group, workspace, key, stored.number, &old, &[])?;
    sql.delete_document(stored.number)?;
    workspace.documents -= 1;
    group.tally(tally_of_kind(workspace, key), -1);
    Ok(())
}

/// The index entries that a document has now.
fn entries_of(key: &DocKey, stored: &StoredDocument) -> Result<Vec<(String, String)>, Failure> {
    serde_json::from_str(&stored.entries)
        .map_err(|source| Failure::Entries { key: key.clone(), source })
}

/// Takes out the index entries that a document has no more, and puts in those that are new; the others stay untouched.
fn replace_entries(
    sql: &mut Statements<'_>,
    group: &mut Group<'_>,
    workspace: &Workspace,
    key: &DocKey,
    number: i64,
    old: &[(String, String)],
    new: &[(&'static str, String)],
) -> Result<(), Failure> {
    let is_old = |entry: &(&'static str, String)| {
        old.iter().any(|(name, value)| *name == entry.0 && *value == entry.1)
    };
    let is_new = |entry: &(String, String)| {
        new.iter().any(|(name, value)| *name == entry.0 && *value == entry.1)
    };
    for entry in old.iter().filter(|entry| !is_new(entry)) {
        sql.delete_entry(workspace.number, key, &entry.0, &entry.1)?;
        if let Some(name) = tallied(&entry.0) {
            group.tally(tally_of_entry(workspace, key, name, &entry.1), -1);
        }
    }
    for entry in new.iter().filter(|entry| !is_old(entry)) {
        sql.insert_entry(workspace.number, key, entry.0, &entry.1, number)?;
        if let Some(name) = tallied(entry.0) {
            group.tally(tally_of_entry(workspace, key, name, &entry.1), 1);
        }
    }
    for name in TALLIED {
        let had = old.iter().any(|(known, _)| known == name);
        let has = new.iter().any(|(known, _)| *known == name);
        if had != has {
            let change = if has { 1 } else { -1 };
            group.tally(tally_of_entry(workspace, key, "", name), change);
        }
    }
    Ok(())
}

/// The name, if entries of that name are counted as they are written.
fn tallied(name: &str) -> Option<&'static str> {
    TALLIED.into_iter().find(|tallied| *tallied == name)
}

fn tally_of_kind(workspace: &Workspace, key: &DocKey) -> Tally {
    tally_of_entry(workspace, key, "", "")
}

fn tally_of_entry(workspace: &Workspace, key: &DocKey, name: &'static str, value: &str) -> Tally {
    Tally { workspace: workspace.number, kind: key.kind, name, value: value.into() }
}

fn change_timer(
    sql: &mut Statements<'_>,
    workspace: &mut Workspace,
    timer: PreparedTimer,
) -> Result<(), Failure> {
    match timer {
        PreparedTimer::Set { name, due, body, crc } => {
            if !sql.move_timer(workspace.number, &name, nanoseconds(due), crc, &body)? {
                sql.insert_timer(workspace.number, &name, nanoseconds(due), crc, &body)?;
                workspace.timers += 1;
            }
        }
        PreparedTimer::Cancel { name } | PreparedTimer::Take { name, .. } => {
            if sql.delete_timer(workspace.number, &name)? {
                workspace.timers -= 1;
            }
        }
    }
    Ok(())
}
