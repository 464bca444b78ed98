//! What sender and receiver share: the key of `v1`, HMAC-SHA256.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::Message;

/// The fewest bytes of a secret: Standard Webhooks, "Signature scheme".
pub const SECRET_BYTES_MIN: usize = 24;
/// The most bytes of a secret: Standard Webhooks, "Signature scheme".
pub const SECRET_BYTES_MAX: usize = 64;

/// What a secret's text begins with.
pub(super) const SECRET_PREFIX: &str = "whsec_";
/// What a symmetric signature begins with.
pub(super) const V1: &str = "v1,";
/// The bytes of an HMAC-SHA256.
pub(super) const TAG_BYTES: usize = 32;

/// What sender and receiver share: 24 to 64 random bytes, `whsec_` and base64 as text.
///
/// Parsed once it signs many: the hash's two rounds over the key are done here, not per delivery.
#[derive(Clone)]
pub struct Secret {
    bytes: Box<[u8]>,
    /// Shared between clones: with its two rounds done it is a kilobyte.
    key: Arc<hmac::Key>,
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

    pub(super) fn tag(&self, message: &Message<'_>) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in message.parts() {
            context.update(part);
        }
        context.sign()
    }

    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)) }
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    /// Reads `whsec_` and padded base64.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
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
    fn a_secret_is_never_printed() {
        let secret = Secret::generate([1; Secret::NEW_BYTES]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for wrong in ["", "whsec_", "whsec_!", "AQEBAQ==", "whsec_AQEB"] {
            let error = wrong.parse::<Secret>().expect_err("not a secret");
            assert!(wrong.len() < 8 || !format!("{error:?} {error}").contains("AQ"));
        }
        assert_eq!("AQEB".parse::<Secret>().expect_err("no prefix"), InvalidSecret::Prefix);
        assert_eq!("whsec_!".parse::<Secret>().expect_err("no base64"), InvalidSecret::Base64);
        assert_eq!("whsec_AQEB".parse::<Secret>().expect_err("too short"), InvalidSecret::Length);
        let unpadded = secret.expose().trim_end_matches('=').to_owned();
        assert_eq!(unpadded.parse::<Secret>().expect_err("no padding"), InvalidSecret::Base64);
    }
}
