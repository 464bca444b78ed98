//! Connections: the URL, TLS, and pools with limits.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long one try to connect may take: a database that is there answers within milliseconds.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may be silent before the system asks whether the other side is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// How often it asks then.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// How long sent bytes may stay unconfirmed before a connection counts as lost.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(10);

/// Plans are made for any workspace, not for the one that is asked for: to statistics that are older than a workspace it is
/// empty, and all of its rows would be read to find one by its key. A pool between us and the database (PgBouncer) may
/// give our questions to a connection that was not told; then plans are only as good as the statistics.
const PLANS: &str = "SET plan_cache_mode = 'force_generic_plan'";

/// Why the URL of a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It is not a URL of a database.
    #[error("the database's URL is wrong: it is like postgres://user:password@host:5432/database")]
    Url {
        /// Why.
        source: tokio_postgres::Error,
    },
    /// An unknown way to encrypt.
    #[error("sslmode is {found:?}: use disable, prefer, require or verify-full")]
    SslMode {
        /// What was asked for.
        found: String,
    },
    /// The certificates to trust cannot be read.
    #[error("the certificates in {} cannot be read: sslrootcert names a file in PEM", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls {
        /// Why.
        source: rustls::Error,
    },
}

/// How the other side of TLS is looked at, as libpq understands these words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Encrypted, whoever it is.
    Nothing,
    /// The certificate is of who we called, signed by who we trust.
    Full,
}

/// How to reach the database.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: tokio_postgres::Config,
    pub(crate) tls: MakeRustlsConnect,
}

impl Address {
    /// Reads a URL.
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let (url, asked) = take_tls(url);
        let mut config: tokio_postgres::Config =
            url.parse().map_err(|source| ConnectError::Url { source })?;
        let (mode, check) = match asked.mode.as_deref() {
            None | Some("prefer") => (SslMode::Prefer, Check::Nothing),
            Some("disable") => (SslMode::Disable, Check::Nothing),
            // As libpq has it: who names certificates wants them looked at.
            Some("require") if asked.certificates.is_none() => (SslMode::Require, Check::Nothing),
            Some("require" | "verify-full") => (SslMode::Require, Check::Full),
            Some(other) => return Err(ConnectError::SslMode { found: other.into() }),
        };
        config
            .ssl_mode(mode)
            .connect_timeout(CONNECT_PATIENCE)
            .tcp_user_timeout(UNCONFIRMED_MAX)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL);
        if config.get_application_name().is_none() {
            config.application_name("tidings");
        }
        let tls = MakeRustlsConnect::new(tls(check, asked.certificates)?);
        Ok(Self { config, tls })
    }

    /// Connections up to a number; none is opened yet.
    pub(crate) fn pool(&self, size: usize, patience: Duration) -> Pool {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), config);
        let told = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async { client.batch_execute(PLANS).await.map_err(HookError::Backend) })
        });
        Pool::builder(manager)
            .post_create(told)
            .max_size(size.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(patience))
            .create_timeout(Some(CONNECT_PATIENCE))
            .recycle_timeout(Some(CONNECT_PATIENCE))
            .build()
            .expect("a pool with limits and a runtime can be built")
    }
}

/// Closes a connection instead of giving it back: what it still does is not for the next one.
pub(crate) fn discard(client: Object) {
    drop(Object::take(client));
}

/// What a URL says of TLS; the library knows fewer words.
#[derive(Default)]
struct AskedTls {
    mode: Option<String>,
    certificates: Option<PathBuf>,
}

fn take_tls(url: &str) -> (String, AskedTls) {
    let mut asked = AskedTls::default();
    let Some((place, query)) = url.split_once('?') else { return (url.into(), asked) };
    let mut rest: Vec<&str> = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => asked.mode = Some(mode.into()),
            Some(("sslrootcert", path)) => asked.certificates = Some(path.into()),
            _ => rest.push(pair),
        }
    }
    let url = if rest.is_empty() { place.into() } else { format!("{place}?{}", rest.join("&")) };
    (url, asked)
}

fn tls(check: Check, certificates: Option<PathBuf>) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let failed = |source| ConnectError::Tls { source };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    Ok(match (check, certificates) {
        (Check::Nothing, _) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth(),
        (Check::Full, None) => {
            builder.with_platform_verifier().map_err(failed)?.with_no_client_auth()
        }
        (Check::Full, Some(path)) => {
            builder.with_root_certificates(roots(path)?).with_no_client_auth()
        }
    })
}

fn roots(path: PathBuf) -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect);
    let certificates: Vec<CertificateDer<'static>> = match read {
        Ok(certificates) => certificates,
        Err(source) => {
            return Err(ConnectError::Certificates { path, source: source.to_string().into() });
        }
    };
    let (good, _) = roots.add_parsable_certificates(certificates);
    if good == 0 {
        let source = "the file holds no certificate".into();
        return Err(ConnectError::Certificates { path, source });
    }
    Ok(roots)
}

/// What `prefer` and `require` ask for: encryption, but not who the other side is.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_how_to_encrypt() {
        let url = "postgres://alice@db/tidings?sslmode=verify-full&connect_timeout=1";
        let (rest, asked) = take_tls(url);
        assert_eq!(rest, "postgres://alice@db/tidings?connect_timeout=1");
        assert_eq!(asked.mode.as_deref(), Some("verify-full"));
        let wrong = Address::parse("postgres://db/tidings?sslmode=sometimes").err();
        assert!(matches!(wrong, Some(ConnectError::SslMode { .. })));
        let wrong = Address::parse("mysql://db/tidings").err();
        assert!(matches!(wrong, Some(ConnectError::Url { .. })));
        for mode in ["disable", "prefer", "require", "verify-full"] {
            assert!(Address::parse(&format!("postgres://db/tidings?sslmode={mode}")).is_ok());
        }
    }
}
