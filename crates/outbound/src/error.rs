//! Why a call was not made, or did not end well. Each reason has a stable code for people and programs.
//!
//! No text here holds an address, a URL or a header: the path of a Telegram URL is a secret, and a name that leads to
//! an inside address is nobody's business. A refusal is the same whether somebody listens there or not. What is named is the rule that refused and the setting that would allow.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::address::Network;
use crate::phases::{Phase, Phases};

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

    /// How long the parts of the call took; nothing for a call that was refused.
    pub fn phases(&self) -> Phases {
        match self {
            Self::Refused(_) => Phases::default(),
            Self::Failed(failed) => failed.phases(),
        }
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
    /// Where the name leads is not said: whoever gave it would learn the names of our own network.
    #[error(
        "the name of the host leads to no public address; the setting {ALLOW_SETTING} can allow it"
    )]
    LeadsInside(Network),
    #[error("the host is a name of this network; the setting {ALLOW_SETTING} can allow it")]
    InsideName,
    #[error("the host is a cloud's metadata service; the setting {ALLOW_SETTING} can allow it")]
    MetadataName,
    #[error(
        "port {0} is none of 80, 443 and those from 1024 on; the setting {ALLOW_SETTING} can allow it for the host"
    )]
    Port(u16),
}

impl Refused {
    pub(crate) const fn new(rule: RefusedRule) -> Self {
        Self { rule }
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self.rule {
            RefusedRule::Network(_)
            | RefusedRule::LeadsInside(_)
            | RefusedRule::InsideName
            | RefusedRule::MetadataName
            | RefusedRule::Port(_) => "address_not_allowed",
            RefusedRule::Scheme => "scheme_not_allowed",
            RefusedRule::NotAUrl | RefusedRule::NoHost => "url_invalid",
            RefusedRule::UserInfo => "userinfo_not_allowed",
            RefusedRule::Header(_) => "header_not_allowed",
        }
    }

    /// The network that refused, where that was the reason. For the operator; not for whoever gave the address, who could
    /// learn from it what our own names lead to.
    pub const fn network(&self) -> Option<Network> {
        match self.rule {
            RefusedRule::Network(network) | RefusedRule::LeadsInside(network) => Some(network),
            RefusedRule::InsideName
            | RefusedRule::MetadataName
            | RefusedRule::Port(_)
            | RefusedRule::NotAUrl
            | RefusedRule::Scheme
            | RefusedRule::UserInfo
            | RefusedRule::NoHost
            | RefusedRule::Header(_) => None,
        }
    }
}

/// The call went out, and there was no whole answer.
#[derive(Debug)]
pub struct Failed {
    /// What went wrong.
    pub kind: FailKind,
    /// In a box: an error is handed on often, and this is long.
    pub(crate) trail: Box<Trail>,
}

/// How far a call came.
#[derive(Debug)]
pub(crate) struct Trail {
    pub(crate) phase: Phase,
    pub(crate) phases: Phases,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) source: Option<Cause>,
}

impl Failed {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// In which part of the call it failed.
    pub fn phase(&self) -> Phase {
        self.trail.phase
    }

    /// How long the parts took until then, the last one with it.
    pub fn phases(&self) -> Phases {
        self.trail.phases
    }

    /// The address that we were connected to, where a connection stood. Not for logs.
    pub fn address(&self) -> Option<SocketAddr> {
        self.trail.address
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.trail.source.as_deref().map(|source| source as _)
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
    /// The proxy is not there, does not let us in, or does not do what we ask: no receiver's fault.
    #[error("the proxy of the setting outbound.proxy failed")]
    Proxy,
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
            Self::Proxy => "proxy_failed",
            Self::TimedOut => "timed_out",
            Self::AnswerTooLarge => "answer_too_large",
            Self::Exchange => "exchange_failed",
        }
    }
}

/// What a library said.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// Why there is no answer, before it is known how far the call came. Comes out of the connector and back through the HTTP
/// library, which hands on a reference only: so it can be cloned.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) why: Why,
    pub(crate) source: Option<Cause>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    Refused(Refused),
    Failed(FailKind),
}

impl Fault {
    pub(crate) fn new(kind: FailKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { why: Why::Failed(kind), source: Some(Arc::from(source.into())) }
    }

    pub(crate) const fn bare(kind: FailKind) -> Self {
        Self { why: Why::Failed(kind), source: None }
    }

    /// What goes wrong on the way to the proxy is the proxy's.
    pub(crate) fn of_proxy(self) -> Self {
        Self { why: Why::Failed(FailKind::Proxy), source: Some(Arc::new(self)) }
    }

    /// Finds in what the HTTP library says what it means for us.
    pub(crate) fn of_exchange(error: hyper_util::client::legacy::Error) -> Self {
        let ours = error.source().and_then(|cause| cause.downcast_ref::<Self>()).cloned();
        // In TLS 1.3 the other side says only after the handshake that it does not want our certificate.
        let kind = if is_of_tls(&error) { FailKind::Tls } else { FailKind::Exchange };
        ours.unwrap_or_else(|| Self::new(kind, error))
    }
}

/// Whether an error came out of TLS: an alert of the other side, or bytes that are none.
fn is_of_tls(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self { why: Why::Refused(refused), source: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Refused(refused) => refused.fmt(f),
            Why::Failed(kind) => kind.fmt(f),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The client could not be made: mostly, the machine has no certificates of authorities.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client for the way out could not be made")]
pub struct Unbuildable {
    #[from]
    source: rustls::Error,
}
