//! What a node tells others of the log: its head, and the events that lead to it if they are small enough.
//!
//! ```text
//! 1 byte    version, 1
//! 8 bytes   the head
//! 8 bytes   the number of the first event that follows; the others follow it without a gap
//! each      8 bytes order, 0 for none; 4 bytes length; the envelope's bytes
//! ```
//!
//! Numbers are little-endian. A node that does not know the version passes a hint over and looks into the database, as it
//! does when a hint is lost.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tidings_model::{Event, Order, Seq, WorkspaceId, envelope};

const VERSION: u8 = 1;

/// Before the events.
const HEADER_BYTES: usize = 1 + 8 + 8;

/// Before each envelope.
const EVENT_HEADER_BYTES: usize = 8 + 4;

/// The most hints for one group. What does not fit into them the others read from the database.
const HINTS_MAX: usize = 4;

/// A hint that was heard.
#[derive(Debug, PartialEq)]
pub(crate) struct Hint {
    /// The last number.
    pub(crate) head: Seq,
    /// Some events up to it, without a gap.
    pub(crate) events: Vec<Arc<Event>>,
}

/// Hints of at most so many bytes that tell of new events; these follow each other without a gap.
pub(crate) fn write(events: &[Arc<Event>], bytes_max: usize) -> Vec<Bytes> {
    let Some(head) = events.last().map(|event| event.seq) else { return Vec::new() };
    let mut hints = Vec::new();
    let mut part: Vec<&Event> = Vec::new();
    let mut bytes = HEADER_BYTES;
    for event in events {
        let more = EVENT_HEADER_BYTES + event.body().len();
        if bytes + more > bytes_max && !part.is_empty() {
            hints.push(one(&part, part.last().map_or(head, |last| last.seq)));
            part.clear();
            bytes = HEADER_BYTES;
        }
        if HEADER_BYTES + more > bytes_max || hints.len() == HINTS_MAX {
            // The rest is told of by its head.
            part.clear();
            break;
        }
        bytes += more;
        part.push(event);
    }
    hints.push(one(&part, head));
    hints
}

fn one(events: &[&Event], head: Seq) -> Bytes {
    let bytes = events.iter().map(|event| EVENT_HEADER_BYTES + event.body().len()).sum::<usize>();
    let mut hint = BytesMut::with_capacity(HEADER_BYTES + bytes);
    hint.put_u8(VERSION);
    hint.put_u64_le(head.0);
    hint.put_u64_le(events.first().map_or(0, |event| event.seq.0));
    for event in events {
        hint.put_u64_le(event.order.map_or(0, |order| order.0));
        // An envelope is far below four gigabytes: a batch has at most 64 MiB.
        hint.put_u32_le(u32::try_from(event.body().len()).unwrap_or(u32::MAX));
        hint.put_slice(event.body());
    }
    hint.freeze()
}

/// The head that a hint tells, without reading its events.
pub(crate) fn head(mut hint: &[u8]) -> Option<Seq> {
    if hint.try_get_u8() != Ok(VERSION) {
        return None;
    }
    hint.try_get_u64_le().ok().map(Seq)
}

/// Reads a hint; `None` if it is not one that we understand, or tells of another workspace.
pub(crate) fn read(mut hint: &[u8], workspace: WorkspaceId) -> Option<Hint> {
    if hint.try_get_u8().ok()? != VERSION {
        return None;
    }
    let head = Seq(hint.try_get_u64_le().ok()?);
    let mut seq = Seq(hint.try_get_u64_le().ok()?);
    let mut events = Vec::new();
    while hint.has_remaining() {
        let order = match hint.try_get_u64_le().ok()? {
            0 => None,
            order => Some(Order(order)),
        };
        let length = usize::try_from(hint.try_get_u32_le().ok()?).ok()?;
        let body = hint.get(..length)?;
        let draft = envelope::read(body).ok()?;
        if draft.workspace != workspace {
            return None;
        }
        events.push(Arc::new(Event::new(seq, order, draft, body.into())));
        hint.advance(length);
        seq = seq.next();
    }
    Some(Hint { head, events })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_model::{Draft, EventId, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn events(count: u64, bytes: usize) -> (WorkspaceId, Vec<Arc<Event>>) {
        let workspace = WorkspaceId::new(Uuid::from_u128(7));
        let events = (1..=count).map(|number| {
            let draft = Draft::new(
                EventId::new(Uuid::from_u128(number.into())),
                "chat.message".parse().expect("a good name"),
                workspace,
                Timestamp::UNIX_EPOCH,
                json!({ "text": "x".repeat(bytes) }),
            );
            let body = envelope::write(&draft).into();
            let order = (number % 2 == 0).then_some(Order(number));
            Arc::new(Event::new(Seq(40 + number), order, draft, body))
        });
        (workspace, events.collect())
    }

    #[test]
    fn what_is_told_is_heard() {
        let (workspace, events) = events(9, 100);
        let hints = write(&events, 1_500);
        assert!(hints.len() > 1 && hints.iter().all(|hint| hint.len() <= 1_500));
        let heard: Vec<Hint> =
            hints.iter().map(|hint| read(hint, workspace).expect("understood")).collect();
        let together: Vec<Arc<Event>> =
            heard.iter().flat_map(|hint| hint.events.iter().cloned()).collect();
        assert_eq!(together, events[..together.len()]);
        assert_eq!(heard.last().map(|hint| hint.head), Some(Seq(49)));
        assert_eq!(head(&hints[0]), Some(heard[0].head));
    }

    #[test]
    fn what_is_too_large_is_told_by_its_head() {
        let (workspace, events) = events(3, 5_000);
        let hints = write(&events, 1_500);
        assert_eq!(hints.len(), 1);
        let hint = read(&hints[0], workspace).expect("understood");
        assert_eq!(hint, Hint { head: Seq(43), events: Vec::new() });
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let (workspace, events) = events(2, 10);
        let hint = write(&events, 10_000).remove(0);
        for end in [0, 5, HEADER_BYTES + 3, hint.len() - 1] {
            assert_eq!(read(&hint[..end], workspace), None, "{end}");
        }
        assert_eq!(read(&hint, WorkspaceId::new(Uuid::nil())), None, "of another workspace");
        let mut later = hint.to_vec();
        later[0] = 2;
        assert_eq!(read(&later, workspace), None);
        assert_eq!(head(&later), None);
    }
}
