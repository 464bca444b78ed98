//! From a name to checked addresses. What is checked here is what is connected to: the HTTP library takes the
//! addresses from [`Guarded`] and asks nobody again, so a name that changes its mind between check and use gains
//! nothing.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::error::Unresolved;
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

/// The resolver that the HTTP library asks.
pub(crate) struct Guarded {
    pub(crate) lookup: Lookup,
    pub(crate) policy: Policy,
    pub(crate) trust: NameTrust,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = (self.lookup)(name.as_str().to_owned());
        let (policy, trust) = (self.policy.clone(), self.trust);
        Box::pin(async move {
            let found = looking.await.map_err(|source| Unresolved { source: Some(source) })?;
            let mut allowed: Vec<SocketAddr> = Vec::with_capacity(found.len().min(ADDRESSES_MAX));
            let mut refused = None;
            for address in found.into_iter().take(ADDRESSES_MAX) {
                let verdict = match trust {
                    NameTrust::Trusted => Ok(()),
                    NameTrust::Checked => policy.check_address(address),
                };
                match verdict {
                    // The port of the URL takes the place of the zero.
                    Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                    Err(why) => refused = Some(why),
                }
            }
            if !allowed.is_empty() {
                return Ok(Box::new(allowed.into_iter()) as Addrs);
            }
            match refused {
                Some(refused) => Err(refused.into()),
                None => Err(Unresolved { source: None }.into()),
            }
        })
    }
}
