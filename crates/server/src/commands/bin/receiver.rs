//! The receiver: a server of webhooks on a port of its own, for `tidings bin` and for the demo.
//!
//! HTTP is read by hyper. What HTTP does not allow is done on the connection itself: the handler hands the behavior to
//! the connection's task, which takes the socket back from hyper ([`super::misbehave`]).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::routing::{any, get};
use hyper_util::rt::{TokioIo, TokioTimer};
use tidings_wire::standard_webhooks::VerifyingKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tower::ServiceExt;

use super::behavior::{Behavior, Current};
use super::delivery::Delivery;
use super::ledger::Ledger;
use super::misbehave::misbehave;
use super::{look, take};

/// The longest body, in bytes: our largest event with room to spare.
const BODY_BYTES_MAX: usize = 4 << 20;

/// How many connections are served at once; more wait.
const CONNECTIONS_MAX: usize = 256;

/// How long a request's head may take.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// The pause after a connection could not be taken, mostly as there are too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a receiver is started with.
#[derive(Debug, Default)]
pub(in crate::commands) struct Options {
    /// With which secrets deliveries may be signed; none: signatures are not checked.
    pub(in crate::commands) secrets: Vec<VerifyingKey>,
    /// What a sender must show in a handshake that shows something.
    pub(in crate::commands) token: Option<String>,
    /// How it behaves at first.
    pub(in crate::commands) behavior: Behavior,
    /// Whether others than this machine may look.
    pub(in crate::commands) is_open: bool,
    /// Who is told of each delivery. While they don't listen, deliveries wait.
    pub(in crate::commands) told: Option<mpsc::Sender<Arc<Delivery>>>,
}

/// The receiver.
#[derive(Clone)]
pub(in crate::commands) struct Receiver {
    inside: Arc<Inside>,
}

struct Inside {
    address: SocketAddr,
    secrets: Mutex<Vec<VerifyingKey>>,
    token: Option<String>,
    current: Mutex<Current>,
    ledger: Mutex<Ledger>,
    is_open: bool,
    told: Option<mpsc::Sender<Arc<Delivery>>>,
}

/// Who is on the other side of a connection.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// The way from a handler to its connection.
#[derive(Clone)]
pub(super) struct Wire(pub(super) mpsc::Sender<Behavior>);

impl Receiver {
    /// Starts it. It ends with the process.
    pub(in crate::commands) async fn start(
        on: SocketAddr,
        options: Options,
    ) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(on).await.with_context(|| format!("cannot listen on {on}"))?;
        let Options { secrets, token, behavior, is_open, told } = options;
        let inside = Inside {
            address: listener.local_addr()?,
            secrets: Mutex::new(secrets),
            token,
            current: Mutex::new(Current::new(behavior)),
            ledger: Mutex::default(),
            is_open,
            told,
        };
        let receiver = Self { inside: Arc::new(inside) };
        let router = Router::new()
            .route("/", get(take::first).fallback(take::take))
            .route("/do/{answer}", any(take::take_once))
            .route("/do/{answer}/{*rest}", any(take::take_once))
            .merge(look::routes(&receiver))
            .fallback(take::take)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(receiver.clone());
        tokio::spawn(serve(listener, router));
        Ok(receiver)
    }

    /// Where it listens.
    pub(in crate::commands) fn address(&self) -> SocketAddr {
        self.inside.address
    }

    /// Deliveries may be signed with this secret as well.
    pub(in crate::commands) fn expect(&self, secret: VerifyingKey) {
        locked(&self.inside.secrets).push(secret);
    }

    /// What is kept and came after a number, oldest first.
    pub(in crate::commands) fn arrived_after(&self, number: u64) -> Vec<Arc<Delivery>> {
        locked(&self.inside.ledger).after(number)
    }

    pub(super) fn forget(&self) {
        locked(&self.inside.ledger).clear();
    }

    pub(super) fn behavior(&self) -> Behavior {
        locked(&self.inside.current).behavior.clone()
    }

    /// From now on it behaves so.
    pub(super) fn behave(&self, behavior: Behavior) {
        *locked(&self.inside.current) = Current::new(behavior);
    }

    pub(super) fn may_look(&self, peer: SocketAddr, headers: &HeaderMap) -> bool {
        self.inside.is_open || look::is_from_here(peer, headers)
    }

    pub(super) fn secrets(&self) -> Vec<VerifyingKey> {
        locked(&self.inside.secrets).clone()
    }

    /// What a sender must show in a handshake.
    pub(super) fn token(&self) -> Option<&str> {
        self.inside.token.as_deref()
    }

    /// How the next delivery is answered.
    pub(super) fn next_behavior(&self) -> Behavior {
        locked(&self.inside.current).next()
    }

    /// Notes what arrived, and tells of it.
    pub(super) async fn note(&self, delivery: Delivery) {
        let delivery = locked(&self.inside.ledger).add(delivery);
        if let Some(told) = &self.inside.told {
            // Who printed is gone only when the process ends.
            drop(told.send(delivery).await);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, router: Router) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(permit) = Arc::clone(&connections).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    connection(stream, peer, router).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!("cannot take a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves a connection until it ends, or a handler wants the socket.
async fn connection(stream: TcpStream, peer: SocketAddr, router: Router) {
    let (wire, mut wanted) = mpsc::channel(1);
    let wire = Wire(wire);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(wire.clone());
        router.clone().oneshot(request)
    });
    let mut http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let behavior = tokio::select! {
        // A sender that breaks off is no error of ours.
        _ = &mut http => return,
        Some(behavior) = wanted.recv() => behavior,
    };
    misbehave(http.into_parts().io.into_inner(), &behavior).await;
}
