//! The pools of the identities that calls are made under: each has connections of its own, and a limit keeps them few.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::{Pool, pool};
use crate::dial::{Dialer, Ways};
use crate::tls::{Fingerprint, Identity, Tls};

/// How many identities have connections at once. Of more, the one that was used longest ago loses its own: its next call
/// connects anew, and what is under way there ends well.
pub const IDENTITIES_MAX: usize = 256;

/// The pools. Shared by the clones of a client.
#[derive(Default)]
pub(crate) struct Identities {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    pools: HashMap<Fingerprint, Used>,
    /// Counts uses, so that the oldest is known.
    uses: u64,
}

struct Used {
    pool: Pool,
    at: u64,
}

impl Identities {
    /// The pool of an identity; made where there is none.
    pub(crate) fn pool(
        &self,
        identity: &Identity,
        tls: &Tls,
        ways: &Arc<Ways>,
    ) -> Result<Pool, rustls::Error> {
        let key = identity.fingerprint();
        if let Some(pool) = self.used(key) {
            return Ok(pool);
        }
        // Outside of the lock. Made twice at once, one of them stays.
        let config = Arc::new(tls.config(Some(identity))?);
        let made = pool(Dialer { ways: Arc::clone(ways), tls: config });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.pools.len() >= IDENTITIES_MAX && !known.pools.contains_key(&key) {
            let oldest = known.pools.iter().min_by_key(|(_, used)| used.at).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                known.pools.remove(&oldest);
            }
        }
        known.uses += 1;
        let at = known.uses;
        Ok(known.pools.entry(key).or_insert(Used { pool: made, at }).pool.clone())
    }

    fn used(&self, key: Fingerprint) -> Option<Pool> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.uses += 1;
        let now = known.uses;
        let used = known.pools.get_mut(&key)?;
        used.at = now;
        Some(used.pool.clone())
    }
}
