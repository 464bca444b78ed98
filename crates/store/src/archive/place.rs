//! Where a page of the archive begins or ends: opaque to who reads it, and a proof that it was not made up by hand.

use std::fmt;
use std::str::FromStr;

use tidings_model::{ThreadId, Timestamp};
use uuid::Uuid;

/// A place between threads, in the order of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchivePlace {
    /// The page begins after this thread.
    After(Timestamp, ThreadId),
    /// The page ends before this thread.
    Before(Timestamp, ThreadId),
}

/// Two words at the end of a place tell a mistyped one from a good one.
const CHECK_SEED: u64 = 0xcbf2_9ce4_8422_2325;
const CHECK_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The bytes of a place: direction, second, nanosecond, thread.
const BYTES: usize = 1 + 8 + 4 + 16;

impl ArchivePlace {
    fn bytes(self) -> Vec<u8> {
        let (direction, at, thread) = match self {
            Self::After(at, thread) => (0, at, thread),
            Self::Before(at, thread) => (1, at, thread),
        };
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(direction);
        bytes.extend_from_slice(&at.as_second().to_be_bytes());
        bytes.extend_from_slice(&at.subsec_nanosecond().to_be_bytes());
        bytes.extend_from_slice(thread.uuid().as_bytes());
        bytes
    }
}

/// FNV-1a.
fn check(bytes: &[u8]) -> u32 {
    let hash = bytes
        .iter()
        .fold(CHECK_SEED, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(CHECK_PRIME));
    (hash >> 32) as u32
}

impl fmt::Display for ArchivePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        let check = check(&bytes);
        for (at, byte) in bytes.iter().chain(&check.to_be_bytes()).enumerate() {
            // The check comes last, and is laid over the rest, so that neighbours do not look alike.
            let key = check.to_be_bytes().get(at % 4).copied().unwrap_or_default();
            let byte = if at < BYTES { byte ^ key } else { *byte };
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for ArchivePlace {
    type Err = InvalidArchivePlace;

    fn from_str(text: &str) -> Result<Self, InvalidArchivePlace> {
        read(text).ok_or(InvalidArchivePlace)
    }
}

fn read(text: &str) -> Option<ArchivePlace> {
    if text.len() != 2 * (BYTES + 4) {
        return None;
    }
    let mut bytes = (0..BYTES + 4)
        .map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    let key: [u8; 4] = bytes.split_off(BYTES).try_into().ok()?;
    for (byte, key) in bytes.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
    let second = i64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?);
    let nanosecond = i32::from_be_bytes(bytes.get(9..13)?.try_into().ok()?);
    let at = Timestamp::new(second, nanosecond).ok()?;
    let thread = ThreadId::new(Uuid::from_slice(bytes.get(13..)?).ok()?);
    let place = match bytes.first()? {
        0 => ArchivePlace::After(at, thread),
        1 => ArchivePlace::Before(at, thread),
        _ => return None,
    };
    // As it would be written: everything is in the check.
    (place.to_string() == text).then_some(place)
}

/// A text is not a place in the archive: give back what a page told, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the place to go on from was not told by a page of the archive")]
pub struct InvalidArchivePlace;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back() {
        let thread = ThreadId::new(Uuid::from_u128(7 << 90 | 5));
        for at in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            for place in [ArchivePlace::After(at, thread), ArchivePlace::Before(at, thread)] {
                assert_eq!(place.to_string().parse(), Ok(place));
            }
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let thread = ThreadId::new(Uuid::from_u128(1));
        let good = ArchivePlace::After(Timestamp::UNIX_EPOCH, thread).to_string();
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = if *byte == b'0' { b'1' } else { b'0' };
            }
            let bad = String::from_utf8(bytes).expect("digits");
            assert_eq!(bad.parse::<ArchivePlace>(), Err(InvalidArchivePlace), "{bad}");
        }
        for bad in ["", "0", "ä", &good.to_uppercase(), &format!("{good}00"), &"é".repeat(33)] {
            assert_eq!(bad.parse::<ArchivePlace>(), Err(InvalidArchivePlace), "{bad}");
        }
    }
}
