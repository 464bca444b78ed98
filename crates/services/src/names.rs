//! Names and ports that nobody else has.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;

use anyhow::Context;

/// Where ports are looked for: below those that the kernel gives to outgoing connections, so that a server which is down for a
/// moment finds its port free again.
const PORTS: Range<u64> = 10_000..30_000;

/// How many ports are tried.
const PORT_TRIES: usize = 100;

/// A number that nobody chose.
pub(crate) fn any_number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// An address of this machine where nobody listens, also for who starts a server there later and again.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    (0..PORT_TRIES)
        .filter_map(|_| {
            let port = PORTS.start + any_number() % (PORTS.end - PORTS.start);
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port).ok()?));
            TcpListener::bind(address).is_ok().then_some(address)
        })
        .next()
        .context("no free port on this machine")
}
