//! How TLS is spoken: version 1.2 at least, against the machine's authorities and those that were added. Nothing switches
//! the check off.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};

use crate::error::Unbuildable;

/// What is agreed on over TLS (RFC 7301): HTTP/2 where the other side speaks it.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The most bytes of a text with certificates or a key of one identity: a chain of a dozen certificates.
pub const PEM_BYTES_MAX: usize = 64 * 1024;

/// Authorities that are trusted beside the machine's. A clone shares them.
#[derive(Clone)]
pub struct Roots(Arc<[CertificateDer<'static>]>);

impl Roots {
    /// Those of a text in PEM, one at least.
    pub fn from_pem(pem: &[u8]) -> Result<Self, InvalidPem> {
        let certificates = certificates(pem)?;
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            store.add(certificate.clone()).map_err(|source| InvalidPem::Authority { source })?;
        }
        Ok(Self(certificates.into()))
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} authorities", self.0.len())
    }
}

/// Who we are to a receiver that asks for a certificate (mutual TLS), and whom of it we trust beside the others. Read once;
/// a clone shares it. Calls under one identity share connections, and never with calls under another.
#[derive(Clone)]
pub struct Identity {
    certified: Option<Arc<CertifiedKey>>,
    roots: Option<Roots>,
    fingerprint: Fingerprint,
}

/// What tells identities apart: a hash of all that they are made of.
pub(crate) type Fingerprint = [u8; 32];

impl Identity {
    /// A certificate, with those between it and its authority behind it, and its key (PKCS #8, PKCS #1 or SEC 1), in PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, InvalidPem> {
        if chain.len() > PEM_BYTES_MAX || key.len() > PEM_BYTES_MAX {
            return Err(InvalidPem::TooLong);
        }
        let chain = certificates(chain)?;
        // Its error could repeat a part of the key.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| InvalidPem::Key)?;
        let mut hash = Sha256::new();
        chain.iter().for_each(|certificate| hash.update(certificate));
        hash.update(key.secret_der());
        let certified = CertifiedKey::from_der(chain, key, &provider());
        let certified = certified.map_err(|source| InvalidPem::Pair { source })?;
        let fingerprint = hash.finalize().into();
        Ok(Self { certified: Some(Arc::new(certified)), roots: None, fingerprint })
    }

    /// Without a certificate: nobody in particular, who trusts these authorities as well.
    pub fn trusting_only(roots: Roots) -> Self {
        Self { certified: None, roots: None, fingerprint: Fingerprint::default() }.trusting(roots)
    }

    /// Trusts these authorities as well, beside the machine's and those of the setting `outbound.ca_file`.
    #[must_use]
    pub fn trusting(self, roots: Roots) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.fingerprint);
        roots.0.iter().for_each(|certificate| hash.update(certificate));
        Self { roots: Some(roots), fingerprint: hash.finalize().into(), ..self }
    }

    pub(crate) const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// A text is no certificate, no key, or the two do not belong together.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPem {
    /// It is too long.
    #[error("must have at most {PEM_BYTES_MAX} bytes")]
    TooLong,
    /// It has no certificate, or a broken one.
    #[error("must hold certificates in PEM (-----BEGIN CERTIFICATE-----)")]
    Certificate,
    /// It has no key, or a broken one.
    #[error("must hold a private key in PEM, not encrypted (-----BEGIN PRIVATE KEY-----)")]
    Key,
    /// The certificate cannot be an authority.
    #[error("holds a certificate that is no authority's")]
    Authority {
        /// Why.
        source: rustls::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that we do not know.
    #[error("the certificate and the key are no pair that can be used")]
    Pair {
        /// Why.
        source: rustls::Error,
    },
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.ok().filter(|read| !read.is_empty()).ok_or(InvalidPem::Certificate)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What the connections of a client have in common.
pub(crate) struct Tls {
    verifier: Arc<Verifier>,
}

impl Tls {
    /// Reads the machine's authorities, and adds these.
    pub(crate) fn new(added: Option<Roots>) -> Result<Self, Unbuildable> {
        let added = added.map(|roots| roots.0.to_vec()).unwrap_or_default();
        Ok(Self { verifier: Arc::new(Verifier::new_with_extra_roots(added, provider())?) })
    }

    /// The configuration of one pool's connections. Sessions are taken up again within it only.
    pub(crate) fn config(
        &self,
        identity: Option<&Identity>,
    ) -> Result<ClientConfig, rustls::Error> {
        let own = identity.and_then(|identity| identity.roots.as_ref());
        let verifier: Arc<dyn ServerCertVerifier> = match own {
            None => Arc::<Verifier>::clone(&self.verifier),
            Some(own) => Arc::new(TrustsMore::new(own, Arc::clone(&self.verifier))?),
        };
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match identity.and_then(|identity| identity.certified.clone()) {
            None => config.with_no_client_auth(),
            Some(certified) => {
                config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
            }
        };
        config.alpn_protocols = PROTOCOLS.map(Vec::from).to_vec();
        Ok(config)
    }
}

/// Trusts an identity's own authorities, and else those that everybody trusts. So the machine's are read once, and not
/// again for each identity.
#[derive(Debug)]
struct TrustsMore {
    own: Arc<WebPkiServerVerifier>,
    everybodys: Arc<Verifier>,
}

impl TrustsMore {
    fn new(own: &Roots, everybodys: Arc<Verifier>) -> Result<Self, rustls::Error> {
        let mut store = RootCertStore::empty();
        for certificate in own.0.iter() {
            store.add(certificate.clone())?;
        }
        let own = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build();
        let own = own.map_err(|error| rustls::Error::General(error.to_string()))?;
        Ok(Self { own, everybodys })
    }
}

impl ServerCertVerifier for TrustsMore {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.own
            .verify_server_cert(certificate, between, name, ocsp, now)
            .or_else(|_| self.everybodys.verify_server_cert(certificate, between, name, ocsp, now))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.everybodys.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.everybodys.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.everybodys.supported_verify_schemes()
    }
}
