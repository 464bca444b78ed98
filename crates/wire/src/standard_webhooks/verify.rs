//! Verifies a delivery, for receivers of ours and for tests of what we send.

use std::str::FromStr;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SIGNATURES_MAX;
use super::key_pair::{
    InvalidKey, KEY_PAIR_PREFIX, PUBLIC_KEY_PREFIX, PublicKey, SIGNATURE_BYTES, V1A,
};
use super::message::Message;
use super::secret::{InvalidSecret, SECRET_PREFIX, Secret, TAG_BYTES, V1};

/// What a receiver verifies with.
#[derive(Clone, Debug)]
pub enum VerifyingKey {
    /// Shared with the sender: `v1`.
    Secret(Secret),
    /// Of the sender's key pair: `v1a`.
    PublicKey(PublicKey),
}

impl From<Secret> for VerifyingKey {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

impl From<PublicKey> for VerifyingKey {
    fn from(key: PublicKey) -> Self {
        Self::PublicKey(key)
    }
}

impl FromStr for VerifyingKey {
    type Err = InvalidVerifyingKey;

    /// Reads `whsec_...` or `whpk_...`.
    fn from_str(text: &str) -> Result<Self, InvalidVerifyingKey> {
        if text.starts_with(SECRET_PREFIX) {
            Ok(Self::Secret(text.parse()?))
        } else if text.starts_with(PUBLIC_KEY_PREFIX) {
            Ok(Self::PublicKey(text.parse()?))
        } else if text.starts_with(KEY_PAIR_PREFIX) {
            Err(InvalidVerifyingKey::Pair)
        } else {
            Err(InvalidVerifyingKey::Prefix)
        }
    }
}

/// The text is not what a receiver verifies with. The error never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVerifyingKey {
    /// It begins with neither.
    #[error("a receiver's key begins with whsec_ (a secret) or whpk_ (a public key)")]
    Prefix,
    /// It is the whole pair, which only the sender should have.
    #[error("whsk_ is the sender's key pair: a receiver verifies by its public key, whpk_")]
    Pair,
    /// It is not a secret.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// It is not a public key.
    #[error(transparent)]
    PublicKey(#[from] InvalidKey),
}

/// What a receiver finds in the headers of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// [`super::ID_HEADER`].
    pub id: &'a str,
    /// [`super::TIMESTAMP_HEADER`].
    pub timestamp: &'a str,
    /// [`super::SIGNATURE_HEADER`].
    pub signature: &'a str,
}

/// Whether a delivery was signed with one of the secrets, and lately. `tolerance_s` is mostly [`super::TOLERANCE_S`].
///
/// The time it takes does not tell how much of a signature was right.
pub fn verify(
    received: Received<'_>,
    body: &[u8],
    secrets: &[Secret],
    now_s: i64,
    tolerance_s: u64,
) -> Result<(), Unverified> {
    check_time(received.timestamp, now_s, tolerance_s)?;
    one_fits(received, body, secrets.iter(), std::iter::empty())
}

/// As [`verify`], by secrets and public keys. A signature of a version that is not known is passed over.
pub fn verify_with(
    received: Received<'_>,
    body: &[u8],
    keys: &[VerifyingKey],
    now_s: i64,
    tolerance_s: u64,
) -> Result<(), Unverified> {
    check_time(received.timestamp, now_s, tolerance_s)?;
    let secrets = keys.iter().filter_map(|key| match key {
        VerifyingKey::Secret(secret) => Some(secret),
        VerifyingKey::PublicKey(_) => None,
    });
    let public_keys = keys.iter().filter_map(|key| match key {
        VerifyingKey::PublicKey(key) => Some(key),
        VerifyingKey::Secret(_) => None,
    });
    one_fits(received, body, secrets, public_keys)
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

fn check_time(timestamp: &str, now_s: i64, tolerance_s: u64) -> Result<(), Unverified> {
    let timestamp_s: i64 = timestamp.parse().map_err(|_| Unverified::Timestamp)?;
    if timestamp_s.abs_diff(now_s) <= tolerance_s {
        Ok(())
    } else if timestamp_s < now_s {
        Err(Unverified::TooOld)
    } else {
        Err(Unverified::TooNew)
    }
}

fn one_fits<'k>(
    received: Received<'_>,
    body: &[u8],
    secrets: impl Iterator<Item = &'k Secret>,
    public_keys: impl Iterator<Item = &'k PublicKey> + Clone,
) -> Result<(), Unverified> {
    let message = Message { id: received.id, timestamp: received.timestamp, body };
    let tags: Vec<hmac::Tag> = secrets.map(|secret| secret.tag(&message)).collect();
    for signature in received.signature.split(' ').take(SIGNATURES_MAX) {
        let fits = if let Some(encoded) = signature.strip_prefix(V1) {
            decoded::<TAG_BYTES>(encoded).is_some_and(|claimed| is_one_of(&claimed, &tags))
        } else if let Some(encoded) = signature.strip_prefix(V1A) {
            decoded::<SIGNATURE_BYTES>(encoded).is_some_and(|claimed| {
                public_keys.clone().any(|key| key.accepts(&message, &claimed))
            })
        } else {
            false
        };
        if fits {
            return Ok(());
        }
    }
    Err(Unverified::Signature)
}

fn is_one_of(claimed: &[u8], tags: &[hmac::Tag]) -> bool {
    tags.iter().any(|tag| constant_time::verify_slices_are_equal(claimed, tag.as_ref()).is_ok())
}

/// Exactly so many bytes from padded base64; a text of another length is not even decoded.
fn decoded<const BYTES: usize>(encoded: &str) -> Option<[u8; BYTES]> {
    if encoded.len() != BYTES.div_ceil(3) * 4 {
        return None;
    }
    let bytes = STANDARD.decode(encoded).ok()?;
    bytes.try_into().ok()
}
