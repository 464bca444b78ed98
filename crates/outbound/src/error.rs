//! Why a call was not made, or did not end well. Each reason has a stable code for people and programs.
//!
//! No text here holds an address, a URL or a header: the path of a Telegram URL is a secret, and a name that leads to
//! an inside address is nobody's business. What is named is the rule that refused and the setting that would allow.

use std::error::Error;
use std::io;

use crate::address::Network;

/// The setting that allows what the guard refuses.
pub const ALLOW_SETTING: &str = "outbound.allow";

/// A call was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The guard did not let it out.
    #[error(transparent)]
    Refused(Refused),
    /// It went out, and failed.
    #[error(transparent)]
    Failed(Failed),
}

impl SendError {
    /// The stable code: `address_not_allowed`, `timed_out`, ...
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Failed(failed) => failed.code(),
        }
    }

    pub(crate) const fn failed(kind: FailKind) -> Self {
        Self::Failed(Failed { kind, source: None })
    }
}

impl From<Refused> for SendError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// The guard did not let the call out. Trying again changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call was refused: {rule}")]
pub struct Refused {
    rule: RefusedRule,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RefusedRule {
    #[error("the address is not a URL of at most {} bytes", crate::request::URL_BYTES_MAX)]
    NotAUrl,
    #[error("only http and https are spoken")]
    Scheme,
    #[error("the URL names a user or a password")]
    UserInfo,
    #[error("the URL names no host")]
    NoHost,
    #[error("the header {0} is set by the client itself")]
    Header(&'static str),
    #[error("the host is in {}, {}; the setting {ALLOW_SETTING} can allow it", .0.cidr, .0.what)]
    Network(Network),
}

impl Refused {
    pub(crate) const fn new(rule: RefusedRule) -> Self {
        Self { rule }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self.rule {
            RefusedRule::Network(_) => "address_not_allowed",
            RefusedRule::Scheme => "scheme_not_allowed",
            RefusedRule::NotAUrl | RefusedRule::NoHost => "url_invalid",
            RefusedRule::UserInfo => "userinfo_not_allowed",
            RefusedRule::Header(_) => "header_not_allowed",
        }
    }

    /// The network that refused, where that was the reason.
    pub const fn network(&self) -> Option<Network> {
        match self.rule {
            RefusedRule::Network(network) => Some(network),
            RefusedRule::NotAUrl
            | RefusedRule::Scheme
            | RefusedRule::UserInfo
            | RefusedRule::NoHost
            | RefusedRule::Header(_) => None,
        }
    }
}

/// The call went out, and there was no whole answer.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Failed {
    /// What went wrong.
    pub kind: FailKind,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failed {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }
}

/// What went wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FailKind {
    /// The name has no address.
    #[error("the name of the host could not be resolved")]
    Dns,
    /// Nobody listens there.
    #[error("the connection could not be made")]
    Connect,
    /// The certificate is wrong, or the other side does not speak TLS.
    #[error("the TLS connection could not be made")]
    Tls,
    /// The deadline passed.
    #[error("the deadline passed before the whole answer was there")]
    TimedOut,
    /// The answer is longer than the caller can use.
    #[error("the answer is too large")]
    AnswerTooLarge,
    /// The connection broke, or what came was not HTTP.
    #[error("the exchange broke off")]
    Exchange,
}

impl FailKind {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Dns => "dns_failed",
            Self::Connect => "connect_failed",
            Self::Tls => "tls_failed",
            Self::TimedOut => "timed_out",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Exchange => "exchange_failed",
        }
    }
}

/// The name could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("no address for the name")]
pub(crate) struct Unresolved {
    pub(crate) source: Option<io::Error>,
}

/// Finds in what the HTTP library says what it means for us.
pub(crate) fn of_exchange(error: reqwest::Error) -> SendError {
    // The URL may hold a secret (Telegram's does), so it must not reach a log by way of the error.
    let error = error.without_url();
    let mut kind = if error.is_timeout() {
        FailKind::TimedOut
    } else if error.is_connect() {
        FailKind::Connect
    } else {
        FailKind::Exchange
    };
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    let mut by_system = false;
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return SendError::Refused(*refused);
        }
        if error.is::<Unresolved>() {
            kind = FailKind::Dns;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            by_system |= is_of_connecting(error);
            // A connection refused keeps its number; a failed handshake is the TLS library's own error, or a
            // connection that ends in the middle.
            let own = error.get_ref().is_some() || error.kind() == io::ErrorKind::UnexpectedEof;
            if kind == FailKind::Connect && !by_system && (own || is_broken(error)) {
                kind = FailKind::Tls;
            }
        }
        cause = error.source();
    }
    SendError::Failed(Failed { kind, source: Some(Box::new(error)) })
}

/// An error of the operating system that says that no connection came about.
fn is_of_connecting(error: &io::Error) -> bool {
    error.raw_os_error().is_some() && !is_broken(error)
}

/// The connection was there and broke: while connecting, that can only be in the handshake of TLS.
fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// The client could not be made: mostly, the machine has no certificates of authorities.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for the way out could not be made")]
pub struct Unbuildable {
    pub(crate) source: reqwest::Error,
}
