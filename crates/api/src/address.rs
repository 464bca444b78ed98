//! Where a request comes from: the other side of the connection, or, where that is a proxy that the operator trusts, who it
//! says that it speaks for.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::extract::{ConnectInfo, Request};
use http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

/// Each proxy adds the address that it was called from, the last one at the end.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many proxies are looked past: more than any chain has.
const PROXIES_MAX: usize = 32;

/// Addresses of proxies whose word is taken: a network as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

impl FromStr for TrustedProxy {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let one = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| one()).map(Self).map_err(|_| NoNetwork(text.into()))
    }
}

/// A text that is no network.
#[derive(Debug, PartialEq, Eq)]
pub struct NoNetwork(String);

impl fmt::Display for NoNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is neither an address nor a network, as 10.0.0.0/8", self.0)
    }
}

impl std::error::Error for NoNetwork {}

#[derive(Clone, Copy)]
struct CallerAddress(IpAddr);

/// Finds out once where a request comes from; [`address`] tells.
pub(crate) fn note(proxies: &[TrustedProxy], request: &mut Request) {
    let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else {
        return;
    };
    let address = behind(proxies, peer.ip().to_canonical(), request.headers());
    request.extensions_mut().insert(CallerAddress(address));
}

/// The address that a request came from; one of IPv4 is written as such, however the socket names it.
pub(crate) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<CallerAddress>().map(|CallerAddress(address)| *address)
}

/// Goes back from proxy to proxy as long as each is trusted: anybody may write what stands further left.
fn behind(proxies: &[TrustedProxy], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let is_trusted =
        |address: IpAddr| proxies.iter().any(|TrustedProxy(network)| network.contains(&address));
    let mut address = peer;
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
    for word in lines.flat_map(|line| line.rsplit(',')).take(PROXIES_MAX) {
        let word = word.trim();
        let before = word.parse().or_else(|_| word.parse().map(|socket: SocketAddr| socket.ip()));
        match before {
            Ok(before) if is_trusted(address) => address = before.to_canonical(),
            Ok(_) | Err(_) => return address,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_of_trusted_proxies_is_taken() {
        let proxies =
            ["10.0.0.0/8", "192.0.2.1"].map(|text| text.parse().expect("a network of proxies"));
        let from = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(X_FORWARDED_FOR, line.parse().expect("a header"));
            }
            behind(&proxies, peer.parse().expect("an address"), &headers).to_string()
        };
        assert_eq!(from("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(from("203.0.113.9", &["203.0.113.7"]), "203.0.113.9", "not a proxy of ours");
        assert_eq!(from("10.0.0.1", &["198.51.100.1, 203.0.113.7, 192.0.2.1"]), "203.0.113.7");
        assert_eq!(from("10.0.0.1", &["198.51.100.1", "203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(from("10.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(from("10.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
        for nothing in ["unknown", ""] {
            assert_eq!(from("10.0.0.1", &[nothing]), "10.0.0.1");
        }
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert!("10.0.0.0/99".parse::<TrustedProxy>().is_err());
    }
}
