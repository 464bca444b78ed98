//! Signs: keys are read once, and sign each delivery of their endpoint.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidings_model::EventId;

use super::key_pair::{InvalidKey, KEY_PAIR_PREFIX, KeyPair, PUBLIC_KEY_PREFIX, V1A};
use super::message::{Message, MessageId};
use super::secret::{InvalidSecret, SECRET_PREFIX, Secret, V1};
use super::{ID_HEADER, SIGNATURE_HEADER, SIGNATURES_MAX, TIMESTAMP_HEADER};

/// The bytes of the longest signature with the space before it: `v1a,` and 64 bytes as base64.
const SIGNATURE_TEXT_BYTES_MAX: usize = 93;

/// What a sender signs with.
#[derive(Clone)]
pub enum SigningKey {
    /// Shared with the receiver: `v1`.
    Secret(Secret),
    /// The receiver has the public half: `v1a`.
    KeyPair(KeyPair),
}

impl SigningKey {
    /// Its text, for sealing.
    pub fn expose(&self) -> String {
        match self {
            Self::Secret(secret) => secret.expose(),
            Self::KeyPair(pair) => pair.expose(),
        }
    }
}

impl From<Secret> for SigningKey {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

impl From<KeyPair> for SigningKey {
    fn from(pair: KeyPair) -> Self {
        Self::KeyPair(pair)
    }
}

impl FromStr for SigningKey {
    type Err = InvalidSigningKey;

    /// Reads `whsec_...` or `whsk_...`.
    fn from_str(text: &str) -> Result<Self, InvalidSigningKey> {
        if text.starts_with(SECRET_PREFIX) {
            Ok(Self::Secret(text.parse()?))
        } else if text.starts_with(KEY_PAIR_PREFIX) {
            Ok(Self::KeyPair(text.parse()?))
        } else if text.starts_with(PUBLIC_KEY_PREFIX) {
            Err(InvalidSigningKey::Public)
        } else {
            Err(InvalidSigningKey::Prefix)
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(secret) => secret.fmt(f),
            Self::KeyPair(pair) => pair.fmt(f),
        }
    }
}

/// The text is not what a sender signs with. The error never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningKey {
    /// It begins with neither.
    #[error("a signing key begins with whsec_ (a secret) or whsk_ (a key pair)")]
    Prefix,
    /// It is the half for receivers.
    #[error("whpk_ is a public key: it verifies, and signing needs whsec_ or whsk_")]
    Public,
    /// It is not a secret.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// It is not a key pair.
    #[error(transparent)]
    KeyPair(#[from] InvalidKey),
}

/// The keys of an endpoint: the current one first, then the former ones that are still good.
#[derive(Clone, Debug)]
pub struct Signer {
    keys: Box<[SigningKey]>,
}

impl Signer {
    /// One to [`SIGNATURES_MAX`] keys, in the order of their signatures.
    pub fn new(keys: Vec<SigningKey>) -> Result<Self, WrongNumberOfKeys> {
        if (1..=SIGNATURES_MAX).contains(&keys.len()) {
            Ok(Self { keys: keys.into() })
        } else {
            Err(WrongNumberOfKeys { given: keys.len() })
        }
    }

    /// The value of [`SIGNATURE_HEADER`]: one signature per key, divided by spaces.
    pub fn sign(&self, id: &MessageId, timestamp_s: i64, body: &[u8]) -> String {
        let timestamp = timestamp_s.to_string();
        let message = Message { id: id.as_str(), timestamp: &timestamp, body };
        // Ed25519 goes over the message twice, so it is put together; once for all pairs.
        let mut joined = None;
        let mut signatures = String::with_capacity(self.keys.len() * SIGNATURE_TEXT_BYTES_MAX);
        for key in &self.keys {
            match key {
                SigningKey::Secret(secret) => append(&mut signatures, V1, &secret.tag(&message)),
                SigningKey::KeyPair(pair) => {
                    let joined = joined.get_or_insert_with(|| message.joined());
                    append(&mut signatures, V1A, &pair.sign(joined));
                }
            }
        }
        signatures
    }

    /// All three headers of an attempt, by name.
    pub fn headers(
        &self,
        id: &MessageId,
        timestamp_s: i64,
        body: &[u8],
    ) -> [(&'static str, String); 3] {
        [
            (ID_HEADER, id.as_str().to_owned()),
            (TIMESTAMP_HEADER, timestamp_s.to_string()),
            (SIGNATURE_HEADER, self.sign(id, timestamp_s, body)),
        ]
    }
}

/// Too few or too many keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("1 to {SIGNATURES_MAX} keys sign a delivery, and these are {given}")]
pub struct WrongNumberOfKeys {
    /// How many were given.
    pub given: usize,
}

/// The value of [`SIGNATURE_HEADER`] by secrets alone: one signature per secret, the first secret's first.
pub fn sign(id: EventId, timestamp_s: i64, body: &[u8], secrets: &[Secret]) -> String {
    let id = MessageId::from(id);
    let timestamp = timestamp_s.to_string();
    let message = Message { id: id.as_str(), timestamp: &timestamp, body };
    let mut signatures = String::with_capacity(secrets.len() * SIGNATURE_TEXT_BYTES_MAX);
    for secret in secrets {
        append(&mut signatures, V1, &secret.tag(&message));
    }
    signatures
}

/// All three headers of an attempt by secrets alone, by name.
pub fn headers(
    id: EventId,
    timestamp_s: i64,
    body: &[u8],
    secrets: &[Secret],
) -> [(&'static str, String); 3] {
    [
        (ID_HEADER, id.to_string()),
        (TIMESTAMP_HEADER, timestamp_s.to_string()),
        (SIGNATURE_HEADER, sign(id, timestamp_s, body, secrets)),
    ]
}

fn append(signatures: &mut String, version: &str, signature: &impl AsRef<[u8]>) {
    if !signatures.is_empty() {
        signatures.push(' ');
    }
    signatures.push_str(version);
    STANDARD.encode_string(signature, signatures);
}
