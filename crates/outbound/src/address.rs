//! Which addresses lie outside of the open internet, and what they are called.
//!
//! The table follows the special-purpose registries of IANA (RFC 6890 and after), read strictly: what is not clearly a
//! public host is refused. An IPv6 address that carries an IPv4 address is judged by the one inside as well, so that
//! no spelling of `127.0.0.1` gets through. Pure; called for each address, just before connecting.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network that is refused unless a rule allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// In CIDR notation, as `10.0.0.0/8`.
    pub cidr: &'static str,
    /// What it is, as `a private network`.
    pub what: &'static str,
}

struct V4(Ipv4Addr, u8, Network);
struct V6(Ipv6Addr, u8, Network);

const fn v4(octets: [u8; 4], prefix: u8, cidr: &'static str, what: &'static str) -> V4 {
    let [a, b, c, d] = octets;
    V4(Ipv4Addr::new(a, b, c, d), prefix, Network { cidr, what })
}

/// IPv4: the first network that holds an address names it.
const V4_NETWORKS: [V4; 17] = [
    v4([0, 0, 0, 0], 8, "0.0.0.0/8", "this network"),
    v4([10, 0, 0, 0], 8, "10.0.0.0/8", "a private network"),
    v4([100, 64, 0, 0], 10, "100.64.0.0/10", "a carrier's shared network"),
    v4([127, 0, 0, 0], 8, "127.0.0.0/8", "this machine"),
    v4([169, 254, 169, 254], 32, "169.254.169.254/32", "a cloud's metadata service"),
    v4([169, 254, 0, 0], 16, "169.254.0.0/16", "link-local"),
    v4([172, 16, 0, 0], 12, "172.16.0.0/12", "a private network"),
    v4([192, 0, 0, 0], 24, "192.0.0.0/24", "reserved for protocols"),
    v4([192, 0, 2, 0], 24, "192.0.2.0/24", "for documentation"),
    v4([192, 88, 99, 0], 24, "192.88.99.0/24", "a 6to4 relay"),
    v4([192, 168, 0, 0], 16, "192.168.0.0/16", "a private network"),
    v4([198, 18, 0, 0], 15, "198.18.0.0/15", "for benchmarks"),
    v4([198, 51, 100, 0], 24, "198.51.100.0/24", "for documentation"),
    v4([203, 0, 113, 0], 24, "203.0.113.0/24", "for documentation"),
    // Public by number, and yet the host's own service on Azure.
    v4([168, 63, 129, 16], 32, "168.63.129.16/32", "a cloud's metadata service"),
    v4([224, 0, 0, 0], 4, "224.0.0.0/4", "multicast"),
    v4([240, 0, 0, 0], 4, "240.0.0.0/4", "reserved"),
];

const fn v6(segments: [u16; 8], prefix: u8, cidr: &'static str, what: &'static str) -> V6 {
    let [a, b, c, d, e, f, g, h] = segments;
    V6(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix, Network { cidr, what })
}

/// IPv6: the first network that holds an address names it.
const V6_NETWORKS: [V6; 18] = [
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "::/128", "unspecified"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "::1/128", "this machine"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "::/96", "an IPv4 address in an old notation"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "::ffff:0:0:0/96", "a translated IPv4 address"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "64:ff9b:1::/48", "a local translation to IPv4"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "100::/64", "a network that discards"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "2001::/32", "a Teredo tunnel"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "2001::/23", "reserved for protocols"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "2001:db8::/32", "for documentation"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "2002::/16", "a 6to4 tunnel"),
    v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, "3ffe::/16", "given back"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "3fff::/20", "for documentation"),
    v6(
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        128,
        "fd00:ec2::254/128",
        "a cloud's metadata service",
    ),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "fc00::/7", "a private network"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "fe80::/10", "link-local"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "fec0::/10", "a private network (site-local)"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "ff00::/8", "multicast"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "5f00::/16", "for segment routing"),
];

/// All of IPv6 that is given to public hosts (RFC 4291, 2.4; the registry of IANA gives out nothing else).
const GLOBAL_UNICAST: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// What a network says of IPv6 outside of [`GLOBAL_UNICAST`] that has no line of its own.
const NOT_GLOBAL: Network = Network { cidr: "::/0", what: "not given to public hosts" };
/// IPv4 through a public translator (RFC 6052): public exactly when the address inside is.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// The network that keeps an address from being public; `None` for a public one.
pub fn refused_network(address: IpAddr) -> Option<Network> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

/// Whether `address` lies in `network/prefix`, of the same family.
pub fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => within_v4(address, network, prefix),
        (IpAddr::V6(address), IpAddr::V6(network)) => within_v6(address, network, prefix),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<Network> {
    V4_NETWORKS
        .iter()
        .find(|V4(network, prefix, _)| within_v4(address, *network, *prefix))
        .map(|V4(_, _, network)| *network)
}

fn refused_v6(address: Ipv6Addr) -> Option<Network> {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return refused_v4(mapped);
    }
    if within_v6(address, NAT64.0, NAT64.1) {
        return refused_v4(last_four_bytes(address));
    }
    let listed = V6_NETWORKS
        .iter()
        .find(|V6(network, prefix, _)| within_v6(address, *network, *prefix))
        .map(|V6(_, _, network)| *network);
    if listed.is_some() {
        return listed;
    }
    if !within_v6(address, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1) {
        return Some(NOT_GLOBAL);
    }
    // ISATAP (RFC 5214) carries an IPv4 address in the second half, below any prefix.
    let [_, _, _, _, mark, isatap, _, _] = address.segments();
    if matches!(mark, 0 | 0x200) && isatap == 0x5efe {
        refused_v4(last_four_bytes(address))
    } else {
        None
    }
}

fn last_four_bytes(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

fn within_v4(address: Ipv4Addr, network: Ipv4Addr, prefix: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
    address.to_bits() & mask == network.to_bits() & mask
}

fn within_v6(address: Ipv6Addr, network: Ipv6Addr, prefix: u8) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
    address.to_bits() & mask == network.to_bits() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network_of(address: &str) -> Option<&'static str> {
        refused_network(address.parse().expect("an address")).map(|network| network.cidr)
    }

    #[test]
    fn each_network_names_its_first_and_last_address_and_lets_its_neighbours_be() {
        let cases = [
            ("0.0.0.0", "0.255.255.255", "0.0.0.0/8"),
            ("10.0.0.0", "10.255.255.255", "10.0.0.0/8"),
            ("100.64.0.0", "100.127.255.255", "100.64.0.0/10"),
            ("127.0.0.0", "127.255.255.255", "127.0.0.0/8"),
            ("169.254.0.0", "169.254.255.255", "169.254.0.0/16"),
            ("172.16.0.0", "172.31.255.255", "172.16.0.0/12"),
            ("192.0.0.0", "192.0.0.255", "192.0.0.0/24"),
            ("192.0.2.0", "192.0.2.255", "192.0.2.0/24"),
            ("192.88.99.0", "192.88.99.255", "192.88.99.0/24"),
            ("192.168.0.0", "192.168.255.255", "192.168.0.0/16"),
            ("198.18.0.0", "198.19.255.255", "198.18.0.0/15"),
            ("198.51.100.0", "198.51.100.255", "198.51.100.0/24"),
            ("203.0.113.0", "203.0.113.255", "203.0.113.0/24"),
            ("224.0.0.0", "239.255.255.255", "224.0.0.0/4"),
            ("240.0.0.0", "255.255.255.255", "240.0.0.0/4"),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fc00::/7"),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::/10"),
            ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::/10"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff00::/8"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32"),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::/16"),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "2001::/32"),
        ];
        for (first, last, cidr) in cases {
            assert_eq!(network_of(first), Some(cidr), "{first}");
            assert_eq!(network_of(last), Some(cidr), "{last}");
        }
        for public in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:82a::200e",
        ] {
            assert_eq!(network_of(public), None, "{public}");
        }
    }

    #[test]
    fn an_ipv4_address_hides_in_no_ipv6_address() {
        assert_eq!(network_of("::ffff:127.0.0.1"), Some("127.0.0.0/8"));
        assert_eq!(network_of("::ffff:8.8.8.8"), None);
        assert_eq!(network_of("64:ff9b::10.0.0.1"), Some("10.0.0.0/8"));
        assert_eq!(network_of("64:ff9b::8.8.8.8"), None);
        assert_eq!(network_of("64:ff9b:1::8.8.8.8"), Some("64:ff9b:1::/48"));
        assert_eq!(network_of("::127.0.0.1"), Some("::/96"));
        assert_eq!(network_of("::ffff:0:127.0.0.1"), Some("::ffff:0:0:0/96"));
        assert_eq!(network_of("2002:7f00:1::"), Some("2002::/16"));
        assert_eq!(network_of("2a00:1450::5efe:10.0.0.1"), Some("10.0.0.0/8"));
        assert_eq!(network_of("2a00:1450::200:5efe:192.168.0.1"), Some("192.168.0.0/16"));
        assert_eq!(network_of("fe80::5efe:8.8.8.8"), Some("fe80::/10"));
    }

    #[test]
    fn the_metadata_services_of_the_clouds_are_refused() {
        for address in ["169.254.169.254", "168.63.129.16", "fd00:ec2::254"] {
            let network = refused_network(address.parse().expect("an address")).expect("refused");
            assert_eq!(network.what, "a cloud's metadata service");
        }
        // Alibaba's, Oracle's and Google's lie in networks that are refused anyway.
        for address in ["100.100.100.200", "192.0.0.192", "fd20:ce::254"] {
            assert!(network_of(address).is_some());
        }
    }

    #[test]
    fn what_is_given_to_nobody_is_refused() {
        assert_eq!(network_of("::"), Some("::/128"));
        assert_eq!(network_of("::1"), Some("::1/128"));
        assert_eq!(network_of("100::1"), Some("100::/64"));
        assert_eq!(network_of("200::1"), Some("::/0"));
        assert_eq!(network_of("8000::1"), Some("::/0"));
    }
}
