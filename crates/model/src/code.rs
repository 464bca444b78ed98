//! The short names of chats and threads, as chat clients know them: ten characters A to Z and 0 to 9.
//!
//! LiveChat's clients show such names and make an event's id of them: `PJ0MRSHTDG_7` is the seventh event of a thread. A
//! code is made of its id, so that writing an event for a client looks nothing up; who comes with a code is helped by an
//! index entry. 36^10 codes: among a million chats the chance that any two share one is one in seven thousand, and even
//! then each is found by its whole id, which is taken wherever a code is.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{ChatId, InvalidId, Order, ThreadId};

/// How many characters a code has.
pub const CODE_CHARS: usize = 10;

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The random part of a UUID, version 4, 5 or 7: what follows the variant.
const RANDOM_BITS: u128 = (1 << 62) - 1;

/// A short name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; CODE_CHARS]);

impl Code {
    fn of(uuid: Uuid) -> Self {
        let mut left = uuid.as_u128() & RANDOM_BITS;
        let mut text = [b'0'; CODE_CHARS];
        for place in text.iter_mut().rev() {
            let digit = usize::try_from(left % 36).unwrap_or_default();
            *place = DIGITS.get(digit).copied().unwrap_or(b'0');
            left /= 36;
        }
        Self(text)
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}

impl FromStr for Code {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { what: "Code" };
        let bytes: [u8; CODE_CHARS] = text.as_bytes().try_into().map_err(|_| invalid.clone())?;
        if bytes.iter().all(|byte| DIGITS.contains(byte)) { Ok(Self(bytes)) } else { Err(invalid) }
    }
}

impl ChatId {
    /// Its short name.
    pub fn code(self) -> Code {
        Code::of(self.uuid())
    }
}

impl ThreadId {
    /// Its short name.
    pub fn code(self) -> Code {
        Code::of(self.uuid())
    }
}

/// The name of an event in a thread, as chat clients know it: `<thread's code>_<order>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventName {
    /// The thread.
    pub thread: Code,
    /// The event's number in it.
    pub order: Order,
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.thread, self.order.0)
    }
}

impl FromStr for EventName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { what: "EventName" };
        let (thread, order) = text.split_once('_').ok_or_else(invalid)?;
        let order: u64 = order.parse().map_err(|_| invalid())?;
        Ok(Self { thread: thread.parse()?, order: Order(order) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_ten_characters_and_reads_back() {
        for uuid in [Uuid::nil(), Uuid::max(), Uuid::new_v5(&Uuid::nil(), b"alice")] {
            let code = ChatId::new(uuid).code();
            assert_eq!(code.as_str().len(), CODE_CHARS);
            assert_eq!(code.as_str().parse(), Ok(code));
        }
        assert!("lowercase1".parse::<Code>().is_err());
        assert!("SHORT".parse::<Code>().is_err());
    }

    #[test]
    fn an_event_has_the_name_of_its_thread_and_order() {
        let thread = ThreadId::new(Uuid::new_v5(&Uuid::nil(), b"thread")).code();
        let name = EventName { thread, order: Order(7) };
        assert_eq!(name.to_string().parse(), Ok(name));
        assert!("PJ0MRSHTDG".parse::<EventName>().is_err());
        assert!("PJ0MRSHTDG_x".parse::<EventName>().is_err());
    }
}
