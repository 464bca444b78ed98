//! What a certificate says of itself, for people who look which one it is and when it ends.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;

use crate::tls::InvalidPem;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, as `CN=carol,O=Carol's` (RFC 4514).
    pub subject: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// When it ends, in seconds since 1970.
    pub expires_at_s: u64,
}

impl Certificate {
    /// The first one of a text in PEM.
    pub fn first_of(pem: &[u8]) -> Result<Self, InvalidPem> {
        let der = CertificateDer::from_pem_slice(pem).map_err(|_| InvalidPem::Certificate)?;
        let read = x509_cert::Certificate::from_der(&der).map_err(|_| InvalidPem::Certificate)?;
        let of = &read.tbs_certificate;
        let mut sha256 = String::new();
        for byte in Sha256::digest(&der) {
            // Writing into a text does not fail.
            let _written = write!(sha256, "{byte:02x}");
        }
        Ok(Self {
            subject: of.subject.to_string(),
            sha256,
            expires_at_s: of.validity.not_after.to_unix_duration().as_secs(),
        })
    }
}
