//! Where a client may connect to. Made once from the settings; each client keeps its own.

use std::net::IpAddr;
use std::sync::Arc;

use crate::address::{self, Network};
use crate::allow::{AllowRule, without_root};
use crate::error::{Refused, RefusedRule};
use crate::target::{Host, Place};

/// The most rules of `outbound.allow`: each is looked at for each connection.
pub const RULES_MAX: usize = 1_000;

/// Where a client may connect to.
#[derive(Clone, Debug)]
pub struct Policy {
    reach: Reach,
}

#[derive(Clone, Debug)]
enum Reach {
    /// The open internet, and what the rules allow.
    Public { allow: Arc<[AllowRule]> },
    /// Everywhere: the addresses come from the operator's settings.
    Anywhere,
}

/// How the addresses of a name are to be treated, decided by the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameTrust {
    /// Each address is checked.
    Checked,
    /// A rule allows the host by name, or everything is allowed.
    Trusted,
}

impl Policy {
    /// For addresses given by others: the open internet, and what the rules of `outbound.allow` allow. Rules after
    /// [`RULES_MAX`] are not looked at.
    pub fn new(allow: impl IntoIterator<Item = AllowRule>) -> Self {
        Self { reach: Reach::Public { allow: allow.into_iter().take(RULES_MAX).collect() } }
    }

    /// For addresses from the operator's own settings: any network. All other limits stay.
    pub const fn trusted() -> Self {
        Self { reach: Reach::Anywhere }
    }

    /// Checks all of a place that can be seen without asking for the addresses of its name.
    pub(crate) fn check_place(&self, place: Place<'_>) -> Result<NameTrust, Refused> {
        let allow = match &self.reach {
            Reach::Anywhere => return Ok(NameTrust::Trusted),
            Reach::Public { allow } => allow,
        };
        if allow.iter().any(|rule| rule.allows_place(place)) {
            return Ok(NameTrust::Trusted);
        }
        match place.host {
            Host::Address(address) => {
                let refused = |network| Refused::new(RefusedRule::Network(network));
                self.check_address(address).map_err(refused)?;
            }
            Host::Name(name) if is_metadata_name(name) => {
                return Err(Refused::new(RefusedRule::MetadataName));
            }
            Host::Name(_) => {}
        }
        if !is_port_of_the_web(place.port) {
            return Err(Refused::new(RefusedRule::Port(place.port)));
        }
        Ok(NameTrust::Checked)
    }

    /// Checks one address, just before connecting; the error is the network that refuses it.
    pub(crate) fn check_address(&self, address: IpAddr) -> Result<(), Network> {
        let allow = match &self.reach {
            Reach::Anywhere => return Ok(()),
            Reach::Public { allow } => allow,
        };
        let Some(network) = address::refused_network(address) else { return Ok(()) };
        if allow.iter().any(|rule| rule.allows_address(address)) {
            return Ok(());
        }
        Err(network)
    }
}

/// The names under which the clouds' metadata services are known to their machines: Google's, Amazon's, Tencent's and
/// Equinix'. Refused by name, since behind a proxy their addresses may never be seen.
const METADATA_NAMES: [&str; 7] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
];

fn is_metadata_name(name: &str) -> bool {
    METADATA_NAMES.contains(&without_root(name))
}

/// Below 1024 are the services of machines (RFC 6335, 6): mail, shells, directories. Of them the web has two.
fn is_port_of_the_web(port: u16) -> bool {
    matches!(port, 80 | 443 | 1024..)
}
