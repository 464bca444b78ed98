//! What is signed: `id.timestamp.body`, the body's bytes as they go out.

use std::fmt;

use tidings_model::EventId;

/// The longest id of a message, in bytes: what fits a header and a receiver's column.
pub const MESSAGE_ID_BYTES_MAX: usize = 255;

/// The bytes of a UUID as text.
const UUID_BYTES: usize = 36;

/// What names a delivery to its receiver, the same on every attempt: an event's id, or that of a batch.
///
/// It has no full stop, since that divides the parts of what is signed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageId(Text);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Text {
    /// An event's id, written without an allocation.
    Uuid([u8; UUID_BYTES]),
    Other(Box<str>),
}

impl MessageId {
    /// An id of visible ASCII without a full stop, at most [`MESSAGE_ID_BYTES_MAX`] bytes.
    pub fn new(id: &str) -> Result<Self, InvalidMessageId> {
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
        if id.is_empty() || id.len() > MESSAGE_ID_BYTES_MAX || !id.bytes().all(visible) {
            return Err(InvalidMessageId);
        }
        Ok(Self(Text::Other(id.into())))
    }

    /// Its text, for the header.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Uuid(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
            Text::Other(text) => text,
        }
    }
}

impl From<EventId> for MessageId {
    fn from(id: EventId) -> Self {
        let mut bytes = [0; UUID_BYTES];
        id.uuid().hyphenated().encode_lower(&mut bytes);
        Self(Text::Uuid(bytes))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({})", self.as_str())
    }
}

/// The text cannot name a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the id of a message is 1 to {MESSAGE_ID_BYTES_MAX} visible ASCII characters without a full stop"
)]
pub struct InvalidMessageId;

/// The parts of what is signed, as they go into the headers and the body.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The bytes in order.
    pub(super) fn parts(&self) -> [&'a [u8]; 5] {
        [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", self.body]
    }

    /// The bytes in one piece, for a scheme that needs to go over them twice.
    pub(super) fn joined(&self) -> Vec<u8> {
        self.parts().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_visible_and_has_no_full_stop() {
        let event: EventId = "0197c5a0-0000-7000-8000-000000000001".parse().expect("a UUID");
        assert_eq!(MessageId::from(event).as_str(), event.to_string());
        assert_eq!(MessageId::new("batch_7-1").expect("an id").as_str(), "batch_7-1");
        let long = "x".repeat(MESSAGE_ID_BYTES_MAX + 1);
        for wrong in ["", "a.b", "a b", "a\r\nb", "ä", "a\0", long.as_str()] {
            assert_eq!(MessageId::new(wrong), Err(InvalidMessageId), "{wrong:?}");
        }
    }
}
