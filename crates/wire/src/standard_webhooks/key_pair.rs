//! Keys of `v1a`, ed25519: the sender keeps the pair, receivers verify by the public half and can sign nothing with it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::Message;

/// What the text of a key pair begins with.
pub(super) const KEY_PAIR_PREFIX: &str = "whsk_";
/// What the text of a public key begins with.
pub(super) const PUBLIC_KEY_PREFIX: &str = "whpk_";
/// What a signature by a key pair begins with.
pub(super) const V1A: &str = "v1a,";

/// The bytes of the seed that a pair is made of: RFC 8032, 5.1.5.
const SEED_BYTES: usize = 32;
/// The bytes of a public key: RFC 8032, 5.1.5.
pub(super) const PUBLIC_KEY_BYTES: usize = 32;
/// The bytes of a signature: RFC 8032, 5.1.6.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// A pair of keys. As text it is `whsk_` and base64 of seed and public key, 64 bytes, as Svix writes it: the
/// specification says only "base64".
#[derive(Clone)]
pub struct KeyPair {
    seed: [u8; SEED_BYTES],
    pair: Arc<Ed25519KeyPair>,
}

impl KeyPair {
    /// How many random bytes a new pair is made of.
    pub const NEW_BYTES: usize = SEED_BYTES;

    /// A new pair, from bytes that the caller drew at random; the same bytes make the same pair.
    pub fn generate(random: [u8; Self::NEW_BYTES]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&random)
            .expect("any 32 bytes are the seed of an ed25519 key: RFC 8032, 5.1.5");
        Self { seed: random, pair: Arc::new(pair) }
    }

    /// Its text, `whsk_...`: for sealing.
    pub fn expose(&self) -> String {
        let mut bytes = Vec::with_capacity(SEED_BYTES + PUBLIC_KEY_BYTES);
        bytes.extend_from_slice(&self.seed);
        bytes.extend_from_slice(self.pair.public_key().as_ref());
        format!("{KEY_PAIR_PREFIX}{}", STANDARD.encode(bytes))
    }

    /// The half that receivers get.
    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC_KEY_BYTES];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey::of(bytes).expect("the key of a pair is a key")
    }

    pub(super) fn sign(&self, joined: &[u8]) -> aws_lc_rs::signature::Signature {
        self.pair.sign(joined)
    }
}

impl FromStr for KeyPair {
    type Err = InvalidKey;

    /// Reads `whsk_` and padded base64 of 64 bytes; the public half must be that of the seed.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let encoded = text.strip_prefix(KEY_PAIR_PREFIX).ok_or(InvalidKey::PairPrefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidKey::Base64)?;
        let (seed, public) =
            bytes.split_first_chunk::<SEED_BYTES>().ok_or(InvalidKey::PairLength)?;
        if public.len() != PUBLIC_KEY_BYTES {
            return Err(InvalidKey::PairLength);
        }
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public)
            .map_err(|_| InvalidKey::Mismatch)?;
        Ok(Self { seed: *seed, pair: Arc::new(pair) })
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(..)")
    }
}

/// The half of a [`KeyPair`] that receivers get. Its text, `whpk_...`, is no secret.
#[derive(Clone)]
pub struct PublicKey {
    bytes: [u8; PUBLIC_KEY_BYTES],
    key: ParsedPublicKey,
}

impl PublicKey {
    fn of(bytes: [u8; PUBLIC_KEY_BYTES]) -> Result<Self, InvalidKey> {
        let key = ParsedPublicKey::new(&ED25519, bytes).map_err(|_| InvalidKey::PublicLength)?;
        Ok(Self { bytes, key })
    }

    pub(super) fn accepts(&self, message: &Message<'_>, signature: &[u8]) -> bool {
        self.key.verify_sig(&message.joined(), signature).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    /// Reads `whpk_` and padded base64 of 32 bytes.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let encoded = text.strip_prefix(PUBLIC_KEY_PREFIX).ok_or(InvalidKey::PublicPrefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidKey::Base64)?;
        Self::of(bytes.try_into().map_err(|_| InvalidKey::PublicLength)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_KEY_PREFIX}{}", STANDARD.encode(self.bytes))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

/// The text is not a key. The error never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// It does not begin with `whsk_`.
    #[error("a signing key begins with whsk_")]
    PairPrefix,
    /// It does not begin with `whpk_`.
    #[error("a public key begins with whpk_")]
    PublicPrefix,
    /// What follows is not base64.
    #[error("a key is base64 after whsk_ or whpk_")]
    Base64,
    /// A pair is too short or too long.
    #[error("a signing key has 64 bytes: the seed, then the public key")]
    PairLength,
    /// A public key is too short or too long.
    #[error("a public key has 32 bytes")]
    PublicLength,
    /// The second half of a pair is not the public key of the first.
    #[error("the public key in the second half of a signing key is not that of the first half")]
    Mismatch,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAIR: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

    proptest! {
        #[test]
        fn a_pair_reads_back_from_its_text(random in any::<[u8; KeyPair::NEW_BYTES]>()) {
            let pair = KeyPair::generate(random);
            let again: KeyPair = pair.expose().parse().expect("its own text");
            prop_assert_eq!(again.seed, random);
            prop_assert_eq!(again.public_key(), pair.public_key());
            let public: PublicKey = pair.public_key().to_string().parse().expect("its own text");
            prop_assert_eq!(public, pair.public_key());
        }

        #[test]
        fn no_text_breaks_the_reading(text in "(whsk_|whpk_)?[A-Za-z0-9+/=]{0,100}") {
            prop_assert!(text.parse::<KeyPair>().is_err() || text.starts_with(KEY_PAIR_PREFIX));
            prop_assert!(text.parse::<PublicKey>().is_err() || text.starts_with(PUBLIC_KEY_PREFIX));
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said_without_the_key() {
        let pair = |text: &str| text.parse::<KeyPair>().expect_err("not a pair");
        assert_eq!(pair("whsec_AAAA"), InvalidKey::PairPrefix);
        assert_eq!(pair("whsk_%"), InvalidKey::Base64);
        assert_eq!(pair(PAIR.trim_end_matches('=')), InvalidKey::Base64);
        assert_eq!(pair("whsk_AAAA"), InvalidKey::PairLength);
        let seed_only = format!("whsk_{}", STANDARD.encode([7; 32]));
        assert_eq!(pair(&seed_only), InvalidKey::PairLength);
        let other_half = format!("whsk_{}", STANDARD.encode([7; 64]));
        assert_eq!(pair(&other_half), InvalidKey::Mismatch);

        let public = |text: &str| text.parse::<PublicKey>().expect_err("not a public key");
        assert_eq!(public(PAIR), InvalidKey::PublicPrefix);
        assert_eq!(public("whpk_AAAA"), InvalidKey::PublicLength);
        assert_eq!(format!("{:?}", KeyPair::generate([1; 32])), "KeyPair(..)");
    }

    #[test]
    fn the_public_half_is_the_one_that_others_compute() {
        let pair: KeyPair = PAIR.parse().expect("the reference key");
        let public = pair.public_key().to_string();
        assert_eq!(public, "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
        assert_eq!(pair.expose(), PAIR);
    }
}
