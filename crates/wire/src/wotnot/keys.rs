//! Numbers and keys in WotNot's shapes, made of our ids. The same id gives the same text for ever, and nothing is kept.
//!
//! | shape | made of |
//! | --- | --- |
//! | number | the low 53 bits of the UUID, which are random in versions 4, 5 and 7; 1 where they are zero |
//! | conversation key | the UUID in 32 hexadecimal digits, then the second of its beginning in ten digits |
//! | visitor key | the UUID in 32 hexadecimal digits |
//! | account key, message id | 12 letters or digits, the time of day that is in a UUID version 7 to the microsecond, 8 more |
//! | request key | the same with small letters only, 12 and 6 of them |
//!
//! What people name (agents, bots, labels, campaigns) first gets a UUID version 5 in the namespace of its workspace. 53 bits
//! are what every JSON reader keeps exactly; among a million numbers the chance that two are the same is one in 18 000.
//! The 20 letters of a long key hold the low 119 bits of the UUID, so two of them are as different as their UUIDs.

use tidings_model::{EventId, Timestamp, WorkspaceId};
use uuid::Uuid;

use super::when;

/// What a JSON number holds exactly everywhere: RFC 8259, section 6.
const NUMBER_BITS: u64 = (1 << 53) - 1;

/// The last second that has ten digits, in the year 2286.
const SECOND_MAX: i64 = 9_999_999_999;

/// Digits of account keys and message ids.
const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of request keys.
const SMALL_LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// How many digits stand before the time of day, and how many behind it.
const BEFORE: usize = 12;
const BEHIND: usize = 8;
const BEHIND_IN_REQUEST: usize = 6;

/// The number of a thing of ours.
pub fn number(uuid: Uuid) -> u64 {
    let (_, low) = uuid.as_u64_pair();
    (low & NUMBER_BITS).max(1)
}

/// The UUID of what has a name: the kind keeps an agent and a bot of one name apart.
pub fn named(workspace: WorkspaceId, kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&workspace.uuid(), format!("wotnot:{kind}:{name}").as_bytes())
}

/// The key of a conversation that began at a time; without one, at the time in its UUID, and last at second zero.
pub fn conversation(uuid: Uuid, began: Option<Timestamp>) -> String {
    let second = began.or_else(|| time_in(uuid)).map_or(0, Timestamp::as_second);
    format!("{}{:010}", uuid.simple(), second.clamp(0, SECOND_MAX))
}

/// The key of a visitor.
pub fn visitor(uuid: Uuid) -> String {
    uuid.simple().to_string()
}

/// The key of an account.
pub fn account(workspace: WorkspaceId) -> String {
    long(workspace.uuid(), LETTERS, BEHIND)
}

/// The id of the message that is an event of ours; `message_status` and the extension `message_id` name it.
pub fn message(event: EventId) -> String {
    message_of(event.uuid())
}

/// The id of a message that has a UUID.
pub(super) fn message_of(uuid: Uuid) -> String {
    long(uuid, LETTERS, BEHIND)
}

/// The key of a campaign's request.
pub fn request(uuid: Uuid) -> String {
    long(uuid, SMALL_LETTERS, BEHIND_IN_REQUEST)
}

/// Whether a text has the shape of a conversation key.
pub(super) fn is_conversation(key: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    key.len() == 42
        && key.bytes().take(32).all(is_hex)
        && key.bytes().skip(32).all(|byte| byte.is_ascii_digit())
}

/// Whether a text has the shape of an account key, which is that of a message id too.
pub(super) fn is_long(key: &str) -> bool {
    is_long_of(key, LETTERS, BEHIND)
}

/// Whether a text has the shape of a request key.
pub(super) fn is_request(key: &str) -> bool {
    is_long_of(key, SMALL_LETTERS, BEHIND_IN_REQUEST)
}

/// Whether a text has the shape of a visitor key.
pub(super) fn is_visitor(key: &str) -> bool {
    key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_long_of(key: &str, digits: &[u8], behind: usize) -> bool {
    let time_of_day = BEFORE..BEFORE + 12;
    key.len() == time_of_day.end + behind
        && key.bytes().enumerate().all(|(place, byte)| {
            digits.contains(&byte) && (byte.is_ascii_digit() || !time_of_day.contains(&place))
        })
}

fn long(uuid: Uuid, digits: &[u8], behind: usize) -> String {
    let base = digits.len() as u128;
    let mut left = uuid.as_u128();
    let mut next = || {
        let digit = usize::try_from(left % base).unwrap_or_default();
        left /= base;
        char::from(digits.get(digit).copied().unwrap_or(b'0'))
    };
    let mut key: String = (0..BEFORE).map(|_| next()).collect();
    key.push_str(&when::time_of_day(time_in(uuid)));
    key.extend((0..behind).map(|_| next()));
    key
}

/// The time that is in a UUID version 7 (RFC 9562, section 5.7), to the millisecond.
fn time_in(uuid: Uuid) -> Option<Timestamp> {
    if uuid.get_version_num() != 7 {
        return None;
    }
    let millisecond = i64::try_from(uuid.as_u128() >> 80).ok()?;
    Timestamp::from_millisecond(millisecond).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn workspace() -> WorkspaceId {
        WorkspaceId::new(Uuid::from_u128(2))
    }

    #[test]
    fn keys_carry_the_time_of_their_id() {
        let uuid: Uuid = "01a1fd9f-2f78-7000-8000-0123456789ab".parse().expect("a UUID");
        let time = time_in(uuid).expect("a time");
        assert_eq!(time.to_string(), "2026-11-21T10:20:30.456Z");
        assert_eq!(conversation(uuid, None), "01a1fd9f2f78700080000123456789ab1795256430");
        assert_eq!(message(EventId::new(uuid)).get(12..24), Some("102030456000"));
        let named = named(workspace(), "agent", "bob@example.com");
        assert_eq!(conversation(named, None).get(32..), Some("0000000000"));
        assert_eq!(request(named).get(12..24), Some("000000000000"));
    }

    #[test]
    fn names_of_two_kinds_or_workspaces_are_apart() {
        let other = WorkspaceId::new(Uuid::from_u128(3));
        let bob = named(workspace(), "agent", "bob");
        assert_ne!(number(bob), number(named(workspace(), "bot", "bob")));
        assert_ne!(number(bob), number(named(other, "agent", "bob")));
        assert_eq!(number(bob), number(named(workspace(), "agent", "bob")));
    }

    #[test]
    fn a_number_is_never_zero() {
        assert_eq!(number(Uuid::nil()), 1);
        assert_eq!(number(Uuid::max()), NUMBER_BITS);
    }

    proptest! {
        #[test]
        fn keys_have_their_shapes(uuid in any::<u128>(), second in proptest::option::of(-5_000_000_000i64..5_000_000_000)) {
            let uuid = Uuid::from_u128(uuid);
            let began = second.and_then(|second| Timestamp::from_second(second).ok());
            prop_assert!(is_conversation(&conversation(uuid, began)));
            prop_assert!(is_visitor(&visitor(uuid)));
            prop_assert!(is_long(&account(WorkspaceId::new(uuid))));
            prop_assert!(is_long(&message(EventId::new(uuid))));
            prop_assert!(is_request(&request(uuid)));
            prop_assert!((1..=NUMBER_BITS).contains(&number(uuid)));
        }

        #[test]
        fn ids_that_differ_late_have_other_keys(uuid in any::<u128>(), bit in 0..119u32) {
            let (one, other) = (Uuid::from_u128(uuid), Uuid::from_u128(uuid ^ (1 << bit)));
            prop_assert_ne!(message_of(one), message_of(other));
        }
    }
}
