//! What the operator allows beyond the open internet: the rules of the setting `outbound.allow`.
//!
//! | rule | allows |
//! | --- | --- |
//! | `10.1.0.0/16`, `10.1.2.3`, `fd12::/48` | connecting to these addresses, whatever name led there |
//! | `crm.internal` | this host by its name, whatever its addresses and ports |
//! | `crm.internal:8080`, `10.1.2.3:8080`, `[fd12::1]:8080` | this host on this port only |
//!
//! A rule for addresses opens no ports: beside 80, 443 and those from 1024 on, a port is open where a rule names the host.
//!
//! A name in a rule is compared with the name in the URL, without regard to case: `crm.internal` is not
//! `old.crm.internal`, and never another name that leads to the same address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::Host as UrlHost;

use crate::address;
use crate::target::{Host, Place};

/// One rule of `outbound.allow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowRule {
    /// A network.
    Network {
        /// Its first address.
        network: IpAddr,
        /// How many bits of it count.
        prefix: u8,
    },
    /// A host, by the name or address in the URL.
    Host {
        /// The host, in the URL's normal form.
        host: UrlHost<String>,
        /// On this port; `None` for any.
        port: Option<u16>,
    },
}

/// The longest rule, in bytes: the longest DNS name (RFC 1035, 2.3.4) and a port.
pub const RULE_BYTES_MAX: usize = 253 + 6;

impl AllowRule {
    /// Whether the rule names this address.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Network { network, prefix } => {
                address::is_within(address.to_canonical(), *network, *prefix)
            }
            Self::Host { .. } => false,
        }
    }

    /// Whether the rule names the host (and the port) of this place.
    pub(crate) fn allows_place(&self, place: Place<'_>) -> bool {
        match self {
            Self::Network { .. } => false,
            Self::Host { host, port } => {
                let same_host = match (host, place.host) {
                    (UrlHost::Domain(ours), Host::Name(theirs)) => ours == without_root(theirs),
                    (UrlHost::Ipv4(ours), Host::Address(theirs)) => IpAddr::V4(*ours) == theirs,
                    (UrlHost::Ipv6(ours), Host::Address(theirs)) => IpAddr::V6(*ours) == theirs,
                    (UrlHost::Domain(_) | UrlHost::Ipv4(_) | UrlHost::Ipv6(_), _) => false,
                };
                same_host && port.is_none_or(|port| place.port == port)
            }
        }
    }
}

impl FromStr for AllowRule {
    type Err = InvalidAllowRule;

    fn from_str(text: &str) -> Result<Self, InvalidAllowRule> {
        let wrong = || InvalidAllowRule { rule: text.chars().take(RULE_BYTES_MAX).collect() };
        if text.is_empty()
            || text.len() > RULE_BYTES_MAX
            || text.contains(['@', '?', '#', '\\', '*'])
        {
            return Err(wrong());
        }
        if let Some((network, prefix)) = text.split_once('/') {
            let network: IpAddr = network.parse().map_err(|_| wrong())?;
            let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
            return Self::network(network, prefix).ok_or_else(wrong);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            let address = address.to_canonical();
            let prefix = if address.is_ipv4() { IPV4_BITS } else { IPV6_BITS };
            return Self::network(address, prefix).ok_or_else(wrong);
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let host = match UrlHost::parse(host).map_err(|_| wrong())? {
            UrlHost::Domain(name) => UrlHost::Domain(without_root(&name).to_owned()),
            literal @ (UrlHost::Ipv4(_) | UrlHost::Ipv6(_)) => literal,
        };
        Ok(Self::Host { host, port })
    }
}

impl AllowRule {
    /// A network whose bits after the prefix are zero; anything else is a slip of the pen, so no rule.
    fn network(network: IpAddr, prefix: u8) -> Option<Self> {
        let first = match network {
            IpAddr::V4(address) if prefix <= IPV4_BITS => {
                let mask = u32::MAX.checked_shl(u32::from(IPV4_BITS - prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) if prefix <= IPV6_BITS => {
                let mask = u128::MAX.checked_shl(u32::from(IPV6_BITS - prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => return None,
        };
        (first == network).then_some(Self::Network { network, prefix })
    }
}

const IPV4_BITS: u8 = 32;
const IPV6_BITS: u8 = 128;

/// A name without the full stop that stands for the root of all names.
pub(crate) fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The text is not a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{rule:?} is not a rule of outbound.allow: a network as 10.0.0.0/8, a host as crm.internal, or crm.internal:8080"
)]
pub struct InvalidAllowRule {
    rule: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn rule(text: &str) -> AllowRule {
        text.parse().expect("a rule")
    }

    fn allows(text: &str, url: &str) -> bool {
        let target = Target::parse(url).expect("a URL");
        rule(text).allows_place(Place::of(target.uri()).expect("a place"))
    }

    #[test]
    fn a_network_allows_its_addresses() {
        let contains = |text: &str, address: &str| {
            rule(text).allows_address(address.parse().expect("an address"))
        };
        assert!(contains("10.1.0.0/16", "10.1.255.255"));
        assert!(!contains("10.1.0.0/16", "10.2.0.0"));
        assert!(contains("10.1.2.3", "10.1.2.3"));
        assert!(!contains("10.1.2.3", "10.1.2.4"));
        assert!(contains("10.1.2.3", "::ffff:10.1.2.3"));
        assert!(contains("fd12::/48", "fd12::1"));
        assert!(!contains("fd12::/48", "fd13::1"));
        assert!(contains("0.0.0.0/0", "127.0.0.1"));
        assert!(!contains("0.0.0.0/0", "::1"));
    }

    #[test]
    fn a_host_is_allowed_by_its_very_name() {
        assert!(allows("crm.internal", "http://crm.internal/hook"));
        assert!(allows("CRM.internal.", "https://crm.INTERNAL.:8443/hook"));
        assert!(!allows("crm.internal", "http://old.crm.internal/"));
        assert!(!allows("crm.internal", "http://crm.internal.example.com/"));
        assert!(!allows("crm.internal", "http://example.com/crm.internal"));
    }

    #[test]
    fn a_port_narrows_it() {
        assert!(allows("crm.internal:8080", "http://crm.internal:8080/"));
        assert!(!allows("crm.internal:8080", "http://crm.internal/"));
        assert!(allows("crm.internal:443", "https://crm.internal/"));
        assert!(allows("127.0.0.1:8080", "http://2130706433:8080/"));
        assert!(!allows("127.0.0.1:8080", "http://127.0.0.1:8081/"));
        assert!(allows("[::1]:8080", "http://[::1]:8080/"));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let long = "a".repeat(RULE_BYTES_MAX + 1);
        let wrong = [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "fd00::/129",
            "*.internal",
            "http://crm",
            "a b",
            "crm:99999",
            "me@crm",
            &long,
        ];
        for text in wrong {
            assert!(text.parse::<AllowRule>().is_err(), "{text}");
        }
    }
}
