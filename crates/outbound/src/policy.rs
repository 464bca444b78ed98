//! Where a client may connect to. Made once from the settings; each client keeps its own.

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use crate::address;
use crate::allow::AllowRule;
use crate::error::{Refused, RefusedRule};

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

    /// Checks all of a URL that can be seen without asking for the addresses of its name.
    pub(crate) fn check_url(&self, url: &Url) -> Result<NameTrust, Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::new(RefusedRule::Scheme));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::new(RefusedRule::UserInfo));
        }
        let allow = match &self.reach {
            Reach::Anywhere => return Ok(NameTrust::Trusted),
            Reach::Public { allow } => allow,
        };
        if allow.iter().any(|rule| rule.allows_host_of(url)) {
            return Ok(NameTrust::Trusted);
        }
        // The HTTP library connects to an address in a URL without asking the resolver, so it is checked here. `url`
        // has normalised every spelling of it: decimal, octal, hexadecimal, short, full-width digits.
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(address.into())?,
            Some(Host::Ipv6(address)) => self.check_address(address.into())?,
            Some(Host::Domain(_)) => {}
            None => return Err(Refused::new(RefusedRule::NoHost)),
        }
        Ok(NameTrust::Checked)
    }

    /// Checks one address, just before connecting.
    pub(crate) fn check_address(&self, address: IpAddr) -> Result<(), Refused> {
        let allow = match &self.reach {
            Reach::Anywhere => return Ok(()),
            Reach::Public { allow } => allow,
        };
        let Some(network) = address::refused_network(address) else { return Ok(()) };
        if allow.iter().any(|rule| rule.allows_address(address)) {
            return Ok(());
        }
        Err(Refused::new(RefusedRule::Network(network)))
    }
}
