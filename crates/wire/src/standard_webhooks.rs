//! Signs a delivery, and verifies one, by Standard Webhooks 1.0.0 (standardwebhooks.com), symmetric `v1`.
//!
//! The deliver reader signs each attempt anew, with the second of the attempt; the id stays that of the event, so a
//! receiver finds a repeated delivery by it. The demo's receiver verifies. What is signed is `id.timestamp.body`, the
//! body's bytes as they go out. A secret never appears in a log: [`Secret`] prints without its bytes.

use std::fmt::{self, Write};
use std::str::FromStr;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidings_model::EventId;

/// The header with the event's id; the same on every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the attempt's time, in whole seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far a timestamp may lie from now, both ways: what the reference libraries allow.
pub const TOLERANCE_S: u64 = 5 * 60;

/// The fewest bytes of a secret: Standard Webhooks, "Signature scheme".
pub const SECRET_BYTES_MIN: usize = 24;
/// The most bytes of a secret: Standard Webhooks, "Signature scheme".
pub const SECRET_BYTES_MAX: usize = 64;

/// How many signatures of a header are looked at. A sender has two secrets while it changes them; more is an attempt
/// to keep us busy.
pub const SIGNATURES_MAX: usize = 8;

/// What a secret's text begins with.
const SECRET_PREFIX: &str = "whsec_";
/// What a symmetric signature begins with.
const SIGNATURE_PREFIX: &str = "v1,";
/// The bytes of an HMAC-SHA256.
const TAG_BYTES: usize = 32;

/// What sender and receiver share: 24 to 64 random bytes, `whsec_` and base64 as text.
#[derive(Clone)]
pub struct Secret {
    bytes: Box<[u8]>,
    /// Made once of the bytes: it saves two of the hash's rounds per delivery.
    key: hmac::Key,
}

impl Secret {
    /// How many random bytes a new secret is made of.
    pub const NEW_BYTES: usize = 32;

    /// A new secret, from bytes that the caller drew at random.
    pub fn generate(random: [u8; Self::NEW_BYTES]) -> Self {
        Self::of(&random)
    }

    /// A secret of given bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidSecret> {
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(InvalidSecret::Length);
        }
        Ok(Self::of(bytes))
    }

    /// Its text, `whsec_...`: for the one answer that shows it, and for sealing.
    pub fn expose(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(&self.bytes))
    }

    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    /// Reads `whsec_` and base64.
    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(InvalidSecret::Prefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidSecret::Base64)?;
        Self::from_bytes(&bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The text is not a signing secret. The error never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// It does not begin with `whsec_`.
    #[error("a signing secret begins with whsec_")]
    Prefix,
    /// What follows is not base64.
    #[error("a signing secret is base64 after whsec_")]
    Base64,
    /// It is too short or too long.
    #[error("a signing secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")]
    Length,
}

/// The value of [`SIGNATURE_HEADER`]: one signature per secret, the first secret's first.
///
/// While a secret is being changed an endpoint has two, and each receiver finds its own.
pub fn sign(id: EventId, timestamp_s: i64, body: &[u8], secrets: &[Secret]) -> String {
    let mut id_text = [0u8; ID_BYTES];
    let id_text = id.uuid().hyphenated().encode_lower(&mut id_text);
    let timestamp = timestamp_s.to_string();

    let mut signatures = String::with_capacity(secrets.len() * SIGNATURE_BYTES);
    for secret in secrets {
        if !signatures.is_empty() {
            signatures.push(' ');
        }
        signatures.push_str(SIGNATURE_PREFIX);
        STANDARD.encode_string(tag(&secret.key, id_text, &timestamp, body), &mut signatures);
    }
    signatures
}

/// All three headers of an attempt, by name.
pub fn headers(
    id: EventId,
    timestamp_s: i64,
    body: &[u8],
    secrets: &[Secret],
) -> [(&'static str, String); 3] {
    let mut timestamp = String::with_capacity(12);
    write!(timestamp, "{timestamp_s}").expect("writing to memory cannot fail");
    [
        (ID_HEADER, id.to_string()),
        (TIMESTAMP_HEADER, timestamp),
        (SIGNATURE_HEADER, sign(id, timestamp_s, body, secrets)),
    ]
}

/// What a receiver finds in the headers of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// [`ID_HEADER`].
    pub id: &'a str,
    /// [`TIMESTAMP_HEADER`].
    pub timestamp: &'a str,
    /// [`SIGNATURE_HEADER`].
    pub signature: &'a str,
}

/// Whether a delivery was signed with one of the secrets, and lately. `tolerance_s` is mostly [`TOLERANCE_S`].
///
/// The time it takes does not tell how much of a signature was right.
pub fn verify(
    received: Received<'_>,
    body: &[u8],
    secrets: &[Secret],
    now_s: i64,
    tolerance_s: u64,
) -> Result<(), Unverified> {
    let timestamp_s: i64 = received.timestamp.parse().map_err(|_| Unverified::Timestamp)?;
    if timestamp_s.abs_diff(now_s) > tolerance_s {
        return Err(if timestamp_s < now_s { Unverified::TooOld } else { Unverified::TooNew });
    }

    let expected: Vec<hmac::Tag> = secrets
        .iter()
        .map(|secret| tag(&secret.key, received.id, received.timestamp, body))
        .collect();
    for signature in received.signature.split(' ').take(SIGNATURES_MAX) {
        let Some(encoded) = signature.strip_prefix(SIGNATURE_PREFIX) else { continue };
        let mut decoded = [0u8; TAG_BYTES + 1];
        let Ok(TAG_BYTES) = STANDARD.decode_slice(encoded, &mut decoded) else { continue };
        let Some(claimed) = decoded.get(..TAG_BYTES) else { continue };
        for tag in &expected {
            if constant_time::verify_slices_are_equal(claimed, tag.as_ref()).is_ok() {
                return Ok(());
            }
        }
    }
    Err(Unverified::Signature)
}

/// Why a delivery is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The timestamp is not a number.
    #[error("the timestamp is not a whole number of seconds")]
    Timestamp,
    /// The timestamp lies too far back: perhaps somebody repeats an old delivery.
    #[error("the timestamp is too old")]
    TooOld,
    /// The timestamp lies in the future.
    #[error("the timestamp is in the future")]
    TooNew,
    /// No signature fits.
    #[error("no signature fits")]
    Signature,
}

/// The bytes of a UUID as text.
const ID_BYTES: usize = 36;
/// The bytes of one signature with the space before it.
const SIGNATURE_BYTES: usize = 48;

fn tag(key: &hmac::Key, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(id.as_bytes());
    context.update(b".");
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    context.sign()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::generate([byte; Secret::NEW_BYTES])
    }

    fn event() -> EventId {
        "0197c5a0-0000-7000-8000-000000000001".parse().expect("a UUID")
    }

    fn verified(
        signature: &str,
        timestamp: &str,
        body: &[u8],
        secrets: &[Secret],
        now_s: i64,
    ) -> Result<(), Unverified> {
        let id = event().to_string();
        verify(Received { id: &id, timestamp, signature }, body, secrets, now_s, TOLERANCE_S)
    }

    proptest! {
        #[test]
        fn the_reference_library_signs_the_same(
            id in any::<[u8; 16]>(),
            at in 0i64..10_000_000_000,
            body in "[ -~ä€😀]{0,200}",
            bytes in prop::collection::vec(any::<u8>(), SECRET_BYTES_MIN..=SECRET_BYTES_MAX),
        ) {
            let id = EventId::new(uuid::Uuid::from_bytes(id));
            let secret = Secret::from_bytes(&bytes).expect("a good length");
            let reference = Webhook::new(&secret.expose()).expect("a secret");
            let expected = reference.sign(&id.to_string(), at, body.as_bytes()).expect("text");
            prop_assert_eq!(sign(id, at, body.as_bytes(), &[secret]), expected);
        }

        #[test]
        fn what_we_sign_verifies_and_any_change_does_not(
            at in 0i64..10_000_000_000,
            mut body in prop::collection::vec(any::<u8>(), 1..200),
            changed in any::<prop::sample::Index>(),
        ) {
            let secrets = [secret(1)];
            let signature = sign(event(), at, &body, &secrets);
            let timestamp = at.to_string();
            prop_assert_eq!(verified(&signature, &timestamp, &body, &secrets, at), Ok(()));
            let index = changed.index(body.len());
            body[index] ^= 1;
            prop_assert_eq!(verified(&signature, &timestamp, &body, &secrets, at), Err(Unverified::Signature));
        }

        #[test]
        fn nothing_that_strangers_send_breaks_it(id in ".*", timestamp in ".*", signature in ".*", body in any::<Vec<u8>>()) {
            let received = Received { id: &id, timestamp: &timestamp, signature: &signature };
            prop_assert!(verify(received, &body, &[secret(1)], 0, TOLERANCE_S).is_err());
        }

        #[test]
        fn a_secret_reads_back_from_its_text(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            match Secret::from_bytes(&bytes) {
                Ok(secret) => {
                    let again: Secret = secret.expose().parse().expect("its own text");
                    prop_assert_eq!(&*again.bytes, &*bytes);
                }
                Err(error) => {
                    prop_assert_eq!(error, InvalidSecret::Length);
                    prop_assert!(!(24..=64).contains(&bytes.len()));
                }
            }
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the reference library reads the system clock, so this test has to"
    )]
    fn the_reference_library_accepts_our_headers() {
        let now_s = tidings_model::Timestamp::now().as_second();
        let body = br#"{"type":"chat.message"}"#;
        let mut received = http::HeaderMap::new();
        for (name, value) in headers(event(), now_s, body, &[secret(1), secret(2)]) {
            received.insert(name, value.parse().expect("a header value"));
        }
        for byte in [1, 2] {
            let reference = Webhook::new(&secret(byte).expose()).expect("a secret");
            reference.verify(body, &received).expect("one of the two signatures fits");
        }
        let other = Webhook::new(&secret(3).expose()).expect("a secret");
        assert!(other.verify(body, &received).is_err());
    }

    #[test]
    fn while_a_secret_changes_both_work() {
        let (old, new) = (secret(1), secret(2));
        let signature = sign(event(), 1000, b"hello", &[new.clone(), old.clone()]);
        assert_eq!(signature.split(' ').count(), 2);
        assert_eq!(verified(&signature, "1000", b"hello", &[old], 1000), Ok(()));
        assert_eq!(verified(&signature, "1000", b"hello", &[new], 1000), Ok(()));
        assert_eq!(
            verified(&signature, "1000", b"hello", &[secret(3)], 1000),
            Err(Unverified::Signature)
        );
        assert_eq!(verified(&signature, "1000", b"hello", &[], 1000), Err(Unverified::Signature));
    }

    #[test]
    fn a_delivery_is_good_for_five_minutes_both_ways() {
        let secrets = [secret(1)];
        let signature = sign(event(), 1000, b"hello", &secrets);
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 1300), Ok(()));
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 1301), Err(Unverified::TooOld));
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 700), Ok(()));
        assert_eq!(verified(&signature, "1000", b"hello", &secrets, 699), Err(Unverified::TooNew));
        assert_eq!(
            verified(&signature, "soon", b"hello", &secrets, 1000),
            Err(Unverified::Timestamp)
        );
        // Not even an extreme time gets through by overflow.
        assert_eq!(
            verified(&signature, "-9223372036854775808", b"hello", &secrets, i64::MAX),
            Err(Unverified::TooOld)
        );
    }

    #[test]
    fn other_signatures_are_passed_over_up_to_a_limit() {
        let secrets = [secret(1)];
        let good = sign(event(), 1000, b"hello", &secrets);
        let after = |others: usize| format!("{}{good}", "v1a,AAAA v1,short ".repeat(others));
        assert_eq!(verified(&after(1), "1000", b"hello", &secrets, 1000), Ok(()));
        assert_eq!(
            verified(&after(SIGNATURES_MAX), "1000", b"hello", &secrets, 1000),
            Err(Unverified::Signature)
        );
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = secret(1);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for wrong in ["", "whsec_", "whsec_!", "AQEBAQ==", "whsec_AQEB"] {
            let error = wrong.parse::<Secret>().expect_err("not a secret");
            assert!(wrong.len() < 8 || !format!("{error:?} {error}").contains("AQ"));
        }
        assert_eq!("AQEB".parse::<Secret>().expect_err("no prefix"), InvalidSecret::Prefix);
        assert_eq!("whsec_!".parse::<Secret>().expect_err("no base64"), InvalidSecret::Base64);
        assert_eq!("whsec_AQEB".parse::<Secret>().expect_err("too short"), InvalidSecret::Length);
    }
}
