//! Secrets at rest: signing secrets and channel tokens are sealed with the installation's key before they are stored.
//!
//! AES-256-GCM with a random nonce (NIST SP 800-38D); the sealed text is `v1.` and base64 of nonce, cipher text and tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The installation's key, ready to seal, open and sign.
pub struct Sealer {
    sealing: RandomizedNonceKey,
    signing: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

/// How many bytes an installation's key has.
pub const KEY_BYTES: usize = 32;

const VERSION_PREFIX: &str = "v1.";
const NONCE_BYTES: usize = 12;

impl Sealer {
    /// From the installation's key.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        // Two uses, two keys: what signs visitors' tokens is derived, so that neither use tells of the other.
        let root = hmac::Key::new(hmac::HMAC_SHA256, key);
        let signing = hmac::sign(&root, b"tidings visitor tokens");
        let sealing = hmac::sign(&root, b"tidings sealed secrets");
        Self {
            sealing: RandomizedNonceKey::new(&AES_256_GCM, sealing.as_ref())
                .expect("HMAC-SHA256 gives the 32 bytes that AES-256 takes"),
            signing: hmac::Key::new(hmac::HMAC_SHA256, signing.as_ref()),
        }
    }

    /// Seals a secret.
    pub fn seal(&self, secret: &str) -> String {
        let mut bytes = secret.as_bytes().to_vec();
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::empty(), &mut bytes)
            .expect("sealing fails only for texts beyond 64 GiB");
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&bytes);
        format!("{VERSION_PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`Sealer::seal`] gave.
    pub fn open(&self, sealed: &str) -> Result<String, CannotOpen> {
        let encoded = sealed.strip_prefix(VERSION_PREFIX).ok_or(CannotOpen)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| CannotOpen)?;
        let (nonce, text) = bytes.split_at_checked(NONCE_BYTES).ok_or(CannotOpen)?;
        let nonce =
            aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
        let mut text = text.to_vec();
        let opened =
            self.sealing.open_in_place(nonce, Aad::empty(), &mut text).map_err(|_| CannotOpen)?;
        String::from_utf8(opened.to_vec()).map_err(|_| CannotOpen)
    }

    /// Signs a text: base64 of its HMAC-SHA256.
    pub fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.signing, text.as_bytes()))
    }

    /// The HMAC-SHA256 of a text, for names that must tell nothing.
    pub fn tag(&self, text: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.signing, text.as_bytes());
        tag.as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes")
    }

    /// Whether this signature belongs to this text; takes the same time for every wrong one.
    pub fn is_signed(&self, text: &str, signature: &str) -> bool {
        verify_slices_are_equal(self.sign(text).as_bytes(), signature.as_bytes()).is_ok()
    }
}

/// The secret was sealed with another key, or was changed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the sealed secret does not open with this installation's key")]
pub struct CannotOpen;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_only() {
        let sealer = Sealer::new(&[7; KEY_BYTES]);
        let sealed = sealer.seal("whsec_abc");
        assert!(!sealed.contains("whsec"));
        assert_eq!(sealer.open(&sealed).as_deref(), Ok("whsec_abc"));
        assert_ne!(sealed, sealer.seal("whsec_abc"), "each sealing has a nonce of its own");
        assert_eq!(Sealer::new(&[8; KEY_BYTES]).open(&sealed), Err(CannotOpen));
        assert_eq!(sealer.open("v1.AAAA"), Err(CannotOpen));
        assert_eq!(sealer.open("nonsense"), Err(CannotOpen));
    }

    #[test]
    fn a_signature_belongs_to_its_text() {
        let sealer = Sealer::new(&[7; KEY_BYTES]);
        let signature = sealer.sign("alice");
        assert!(sealer.is_signed("alice", &signature));
        assert!(!sealer.is_signed("bob", &signature));
        assert!(!sealer.is_signed("alice", ""));
    }
}
