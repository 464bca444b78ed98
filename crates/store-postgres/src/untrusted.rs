//! Why a connection did not come about because of TLS, and what to write into the URL.
//!
//! The libraries say what went wrong below several layers; who installs a node needs to know which word of the URL it is
//! about.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};
use tokio_postgres::error::{DbError, SqlState};

/// The library's words for a server without TLS; it has no other sign for it.
const NO_TLS: &str = "server does not support TLS";

/// Why a server is not trusted, or does not trust us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// Its certificate is of another host.
    Name,
    /// Its certificate is signed by nobody whom we trust, or is not good any more.
    Certificate,
    /// It speaks no TLS.
    NoTls,
    /// It lets nobody in without TLS.
    OnlyTls,
    /// The two have no way of TLS in common.
    Handshake,
}

impl Untrusted {
    /// What of it an error tells, with all its causes.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Some(Self::of_tls(tls));
            }
            if cause.downcast_ref::<DbError>().is_some_and(wants_tls) {
                return Some(Self::OnlyTls);
            }
            if cause.to_string() == NO_TLS {
                return Some(Self::NoTls);
            }
            // An error of input and output passes over what it holds when it is asked for its cause.
            let held = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = match held {
                Some(held) => Some(held),
                None => cause.source(),
            };
        }
        None
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        use rustls::Error::{AlertReceived, InvalidCertificate};
        let is_of_another_host =
            matches!(error, InvalidCertificate(NotValidForName | NotValidForNameContext { .. }));
        let is_not_trusted =
            matches!(error, InvalidCertificate(_) | AlertReceived(AlertDescription::UnknownCA));
        match (is_of_another_host, is_not_trusted) {
            (true, _) => Self::Name,
            (false, true) => Self::Certificate,
            (false, false) => Self::Handshake,
        }
    }

    /// What to do.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::Name => {
                "the server's certificate is of another host than the URL names, and sslmode=verify-full looks at it: name \
                 the host as the certificate does"
            }
            Self::Certificate => {
                "the server's certificate is not signed by who is trusted: sslrootcert names the file of those who sign, \
                 else the machine knows them"
            }
            Self::NoTls => "the server speaks no TLS: switch it on there, or write sslmode=disable",
            Self::OnlyTls => {
                "the server lets nobody in without TLS: write sslmode=require or sslmode=verify-full"
            }
            Self::Handshake => "the server and this node find no way of TLS together",
        }
    }
}

/// The server gives the same code to names that it does not let in at all; only its words say that it is about TLS.
fn wants_tls(refused: &DbError) -> bool {
    let message = refused.message();
    *refused.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
        && (message.contains("no encryption") || message.contains("SSL off"))
}
