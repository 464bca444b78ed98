//! What handlers share, and the limits that they keep. `server` and `testkit` build an [`ApiState`].
//!
//! Nothing here is remembered beyond the process: tokens that were looked up, and how fast somebody asked.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use tidings_app::App;
use tokio::sync::{Semaphore, watch};

use crate::address::TrustedProxy;
use crate::auth::TokenCache;
use crate::rate::Buckets;

/// What the HTTP API is built from.
pub struct ApiState {
    /// What the server does.
    pub app: Arc<App>,
    /// The limits.
    pub limits: Limits,
    /// The proxies in front of us whose word is taken for where a request comes from.
    pub proxies: Vec<TrustedProxy>,
    /// Whether requests should come here. Streams end when it says that we are draining.
    pub readiness: Arc<Readiness>,
    /// Gives all metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Routes beside ours, as the demo's.
    pub extra: Option<Router>,
}

/// How often somebody may ask: a bucket of `burst` that is filled with `per_second`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second in the long run; 0 sets no limit.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

impl Rate {
    /// No limit.
    pub const NONE: Self = Self { per_second: 0, burst: 0 };
}

/// The limits of the HTTP API.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest body, in bytes.
    pub body_bytes_max: usize,
    /// How long a request may take, from its head to the head of the answer. Streams go on after that.
    pub request_timeout: Duration,
    /// The same for a request that brings a file.
    pub upload_timeout: Duration,
    /// How many requests may be in hand at once.
    pub in_flight_max: usize,
    /// How many streams may be open at once.
    pub streams_max: usize,
    /// How many `WebSocket`s may be open at once.
    pub sockets_max: usize,
    /// For each token of the API.
    pub per_token: Rate,
    /// For each address that asks, whatever it asks.
    pub per_address: Rate,
    /// For each visitor of a web channel who writes.
    pub per_visitor: Rate,
    /// For each address from which visitors write or come.
    pub visitors_per_address: Rate,
}

/// The usual limit of a body: a chat message has some hundred bytes, an event with a large form some ten thousand.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A commit takes some milliseconds; a body of 1 MiB comes over a bad mobile line within this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// 10 MB at 35 kB/s: a bad mobile line.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// Twice what the store's queue takes in a moment; above it, waiting only makes callers give up.
const IN_FLIGHT_MAX: usize = 16_384;

/// A stream costs some kilobytes and a socket.
const STREAMS_MAX: usize = 10_000;

/// A WebSocket costs less than a stream: it holds no buffer while nothing moves.
const SOCKETS_MAX: usize = 50_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX,
            request_timeout: REQUEST_TIMEOUT,
            upload_timeout: UPLOAD_TIMEOUT,
            in_flight_max: IN_FLIGHT_MAX,
            streams_max: STREAMS_MAX,
            sockets_max: SOCKETS_MAX,
            // Who has a token is trusted with the machine, unless the operator says otherwise.
            per_token: Rate::NONE,
            per_address: Rate::NONE,
            // Nobody types faster; a family or an office shares an address.
            per_visitor: Rate { per_second: 5, burst: 30 },
            visitors_per_address: Rate { per_second: 50, burst: 200 },
        }
    }
}

/// Whether requests should come here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not everything runs yet.
    Starting,
    /// All is well.
    Ready,
    /// We shall stop soon: everything goes on, and balancers should send nobody more.
    Leaving,
    /// We stop: what is in hand is finished, streams end.
    Draining,
}

/// Tells whether requests should come here. `server` moves it; `/readyz` and the streams look at it.
#[derive(Debug)]
pub struct Readiness {
    phase: watch::Sender<Phase>,
    /// Where the store is damaged, once somebody found out.
    damage: OnceLock<String>,
}

impl Readiness {
    /// At the start.
    pub fn starting() -> Arc<Self> {
        Arc::new(Self { phase: watch::Sender::new(Phase::Starting), damage: OnceLock::new() })
    }

    /// Everything runs.
    pub fn ready(&self) {
        self.phase.send_replace(Phase::Ready);
    }

    /// We shall stop soon: balancers should send nobody more.
    pub fn leave(&self) {
        self.phase.send_replace(Phase::Leaving);
    }

    /// We stop. Streams end at once, so that the server need not wait for them.
    pub fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// The store is damaged at this place: nobody should be sent here until it is restored.
    pub fn damaged(&self, place: String) {
        // The first place is the one to look at.
        drop(self.damage.set(place));
    }

    /// Where the store is damaged.
    pub fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// What it is now.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until we are draining.
    pub async fn draining(&self) {
        // The sender lives in `self`, so the wait cannot end with an error.
        let mut phase = self.phase.subscribe();
        if phase.wait_for(|phase| *phase == Phase::Draining).await.is_err() {
            tracing::debug!("the readiness went away before the draining");
        }
    }
}

/// The state of all handlers.
#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) app: Arc<App>,
    pub(crate) limits: Limits,
    pub(crate) proxies: Vec<TrustedProxy>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) tokens: TokenCache,
    pub(crate) by_token: Buckets<uuid::Uuid>,
    pub(crate) by_address: Buckets<std::net::IpAddr>,
    pub(crate) by_visitor: Buckets<uuid::Uuid>,
    pub(crate) visitors_by_address: Buckets<std::net::IpAddr>,
    pub(crate) in_flight: Semaphore,
    /// Shared with the streams, each of which holds a permit until it ends.
    pub(crate) streams: Arc<Semaphore>,
    /// Shared with the `WebSocket`s, in the same way.
    pub(crate) sockets: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(state: ApiState) -> Self {
        let limits = state.limits;
        Self(Arc::new(Shared {
            app: state.app,
            readiness: state.readiness,
            metrics: state.metrics,
            tokens: TokenCache::default(),
            by_token: Buckets::new(limits.per_token),
            by_address: Buckets::new(limits.per_address),
            by_visitor: Buckets::new(limits.per_visitor),
            visitors_by_address: Buckets::new(limits.visitors_per_address),
            in_flight: Semaphore::new(limits.in_flight_max.min(Semaphore::MAX_PERMITS)),
            streams: Arc::new(Semaphore::new(limits.streams_max.min(Semaphore::MAX_PERMITS))),
            sockets: Arc::new(Semaphore::new(limits.sockets_max.min(Semaphore::MAX_PERMITS))),
            limits,
            proxies: state.proxies,
        }))
    }
}

impl Deref for Api {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}
