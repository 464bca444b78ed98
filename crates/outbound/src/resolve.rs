//! From a name to checked addresses. What is checked here is what is connected to: nobody is asked again, so a name that
//! changes its mind between check and use gains nothing.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::address::Network;
use crate::allow::without_root;
use crate::error::{FailKind, Fault, Refused, RefusedRule};
use crate::policy::{NameTrust, Policy};

/// How many look-ups run at once. Each holds a thread of the runtime until the system gives up, even when its caller
/// has gone; without a limit a slow name server would take all threads (tokio has 512).
pub const LOOKUPS_MAX: usize = 64;

/// How many addresses of one name are looked at: more than any honest name has.
pub const ADDRESSES_MAX: usize = 64;

/// Finds the addresses of a name: [`system_lookup`], or a test's own.
pub type Lookup = Arc<dyn Fn(String) -> LookingUp + Send + Sync>;
/// A look-up under way.
pub type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Asks the operating system, at most [`LOOKUPS_MAX`] names at once.
pub fn system_lookup() -> Lookup {
    let places = Arc::new(Semaphore::new(LOOKUPS_MAX));
    Arc::new(move |name| {
        let places = Arc::clone(&places);
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            // The place goes with the thread: a caller whose deadline passed leaves the thread behind, still busy.
            let looking = tokio::task::spawn_blocking(move || {
                let addresses = (name.as_str(), 0).to_socket_addrs();
                drop(place);
                addresses.map(|addresses| addresses.map(|address| address.ip()).collect())
            });
            looking.await.map_err(io::Error::other)?
        })
    })
}

/// How long a look-up may take whose answer we can do without, since a proxy asks again.
pub const PROXIED_LOOKUP_TIME_MAX: Duration = Duration::from_secs(2);

/// The addresses of a name that may be connected to. Of mixed answers the allowed ones are used; a name that has only
/// others is refused.
pub(crate) async fn allowed_addresses(
    lookup: &Lookup,
    name: &str,
    policy: &Policy,
    trust: NameTrust,
) -> Result<Vec<IpAddr>, Fault> {
    let found = lookup(name.to_owned()).await;
    let found = found.map_err(|source| Fault::new(FailKind::Dns, source))?;
    let (allowed, refused) = judge(found, policy, trust);
    match refused {
        _ if !allowed.is_empty() => Ok(allowed),
        Some(network) => Err(Refused::new(RefusedRule::LeadsInside(network)).into()),
        None => Err(Fault::bare(FailKind::Dns)),
    }
}

/// Whether a name may be told to a proxy that looks it up itself. Since the proxy chooses among the addresses, one that is
/// not allowed refuses the name; what we cannot look up is the proxy's, but for names that only our own network knows.
pub(crate) async fn check_name(
    lookup: &Lookup,
    name: &str,
    policy: &Policy,
    trust: NameTrust,
) -> Result<(), Refused> {
    if trust == NameTrust::Trusted {
        return Ok(());
    }
    let looking = tokio::time::timeout(PROXIED_LOOKUP_TIME_MAX, lookup(name.to_owned()));
    let found = looking.await.ok().and_then(Result::ok).unwrap_or_default();
    if found.is_empty() && is_inside_name(name) {
        return Err(Refused::new(RefusedRule::InsideName));
    }
    match judge(found, policy, trust) {
        (_, Some(network)) => Err(Refused::new(RefusedRule::LeadsInside(network))),
        (_, None) => Ok(()),
    }
}

/// The addresses that are allowed, and the network of one that is not.
fn judge(found: Vec<IpAddr>, policy: &Policy, trust: NameTrust) -> (Vec<IpAddr>, Option<Network>) {
    let mut allowed = Vec::with_capacity(found.len().min(ADDRESSES_MAX));
    let mut refused = None;
    for address in found.into_iter().take(ADDRESSES_MAX) {
        let verdict = match trust {
            NameTrust::Trusted => Ok(()),
            NameTrust::Checked => policy.check_address(address),
        };
        match verdict {
            Ok(()) => allowed.push(address),
            Err(network) => refused = Some(network),
        }
    }
    (allowed, refused)
}

/// Names that the public name service does not have: of one part, and below what is set aside for networks and machines
/// (RFC 6761, RFC 6762, RFC 8375, and ICANN's `internal`).
fn is_inside_name(name: &str) -> bool {
    let name = without_root(name);
    !name.contains('.')
        || [".localhost", ".local", ".internal", ".home.arpa", ".localdomain"]
            .iter()
            .any(|end| name.ends_with(end))
}
