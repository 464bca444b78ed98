//! Where the time of a call goes: for the log of deliveries, and for whoever wants to know why one was slow.

use std::fmt;
use std::time::Duration;

/// How long each part of a call took. A part that was not there has no time: a call over a connection that was kept has no
/// `dns`, `connect` and `tls`, an address needs no `dns`, and a call that failed has nothing after the part that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// From the name to its addresses; with a proxy also from its name.
    pub dns: Option<Duration>,
    /// Until the connection stood; with a proxy, until it led through.
    pub connect: Option<Duration>,
    /// The handshake of TLS.
    pub tls: Option<Duration>,
    /// From having a connection until the head of the answer was there: sending, and the other side's thinking.
    pub first_byte: Option<Duration>,
    /// From the call to its end.
    pub total: Option<Duration>,
}

/// A part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking up the addresses of a name.
    Dns,
    /// Making the connection, or waiting for one.
    Connect,
    /// The handshake of TLS.
    Tls,
    /// Sending, and waiting for the head of the answer.
    FirstByte,
    /// Reading the body of the answer.
    Body,
}

impl Phase {
    /// The stable name: `dns`, `connect`, `tls`, `first_byte` or `body`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::FirstByte => "first_byte",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
