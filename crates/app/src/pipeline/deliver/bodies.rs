//! The bodies that were made last: an event that ten endpoints want has the same CloudEvents bytes for each of them, so
//! they are made once. Asked by [`super::body`]; what is not here any more is made again, and is the same.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tidings_model::{Event, EventId};

/// How many bodies are kept: endpoints that keep up are within a few hundred events of each other.
const KEPT_MAX: usize = 1_024;

/// The longest body that is kept, in bytes: with all places taken it is 16 MB.
const BYTES_MAX: usize = 16 * 1_024;

/// A body, and the event that it is of.
type Kept = Option<(EventId, Bytes)>;

/// The bodies that were made last, each in the place of its number.
#[derive(Debug)]
pub(crate) struct Bodies {
    places: Box<[Mutex<Kept>]>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { places: (0..KEPT_MAX).map(|_| Mutex::default()).collect() }
    }
}

impl Bodies {
    /// The body of an event: the one that is kept, or the one that is made now.
    pub(super) fn of(&self, event: &Event, make: impl FnOnce() -> Vec<u8>) -> Bytes {
        let number = usize::try_from(event.seq.0).unwrap_or_default() % KEPT_MAX;
        let Some(place) = self.places.get(number) else { return make().into() };
        let kept = || place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, body)) = kept().as_ref()
            && *id == event.id
        {
            return body.clone();
        }
        // Two may make it at once: they make the same.
        let body = Bytes::from(make());
        if body.len() <= BYTES_MAX {
            *kept() = Some((event.id, body.clone()));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_model::{Draft, Event, EventId, Seq, Timestamp, WorkspaceId, envelope};
    use uuid::Uuid;

    use super::*;

    fn event(number: u64) -> Event {
        let event_type = "chat.message".parse().expect("a type");
        let workspace = WorkspaceId::new(Uuid::from_u128(1));
        let id = EventId::new(Uuid::from_u128(number.into()));
        let draft = Draft::new(id, event_type, workspace, Timestamp::UNIX_EPOCH, json!({}));
        let body = envelope::write(&draft);
        Event::new(Seq(number), None, draft, body.into())
    }

    #[test]
    fn a_body_is_made_once_until_another_takes_its_place() {
        let bodies = Bodies::default();
        let (first, rival) = (event(7), event(7 + KEPT_MAX as u64));
        assert_eq!(bodies.of(&first, || b"first".to_vec()), "first");
        assert_eq!(bodies.of(&first, || unreachable!("it is kept")), "first");
        assert_eq!(bodies.of(&rival, || b"rival".to_vec()), "rival");
        assert_eq!(bodies.of(&first, || b"again".to_vec()), "again");
    }

    #[test]
    fn a_long_body_is_not_kept() {
        let bodies = Bodies::default();
        bodies.of(&event(1), || vec![b'a'; BYTES_MAX + 1]);
        assert_eq!(bodies.of(&event(1), || b"anew".to_vec()), "anew");
    }
}
