//! A proxy of TCP that disturbs: it holds back, breaks off, refuses, slows down; of NATS it loses messages as well.

mod loss;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use loss::Publications;

/// How much is passed on at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What a proxy does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Manner {
    /// Connections of an older generation are broken off.
    generation: u64,
    /// New connections are broken off as well.
    refuses: bool,
    /// Nothing is passed on.
    holds: bool,
    /// How long each piece waits before it is passed on.
    delay: Duration,
    /// Every so-many-th message to NATS is lost.
    loses: Option<u64>,
}

impl Manner {
    /// Everything is passed on.
    const fn good(generation: u64) -> Self {
        Self { generation, refuses: false, holds: false, delay: Duration::ZERO, loses: None }
    }
}

/// What is spoken with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Any,
    Nats,
}

/// A way to a server. It ends with its handle.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    manner: Arc<watch::Sender<Manner>>,
    listening: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

impl Proxy {
    /// Listens on a free port and passes on to a server, which needs not run yet.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(server: SocketAddr) -> anyhow::Result<Self> {
        Self::start_with(server, Language::Any).await
    }

    /// The same to a NATS server, without TLS: this one can [lose messages](Self::lose_half).
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start_for_nats(server: SocketAddr) -> anyhow::Result<Self> {
        Self::start_with(server, Language::Nats).await
    }

    async fn start_with(server: SocketAddr, language: Language) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("no free port for a proxy")?;
        let address = listener.local_addr().context("a proxy has no address")?;
        let manner = Arc::new(watch::Sender::new(Manner::good(0)));
        let listening = tokio::spawn(listen(listener, server, language, Arc::clone(&manner)));
        Ok(Self { address, manner, listening })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks off all connections; new ones are let through.
    pub fn cut(&self) {
        self.manner.send_modify(|manner| manner.generation += 1);
    }

    /// Breaks off all connections, and new ones as soon as they come.
    pub fn refuse(&self) {
        self.manner.send_modify(|manner| {
            manner.generation += 1;
            manner.refuses = true;
        });
    }

    /// Holds back everything, in both directions, as a network that swallows packets: connections stay open.
    pub fn pause(&self) {
        self.manner.send_modify(|manner| manner.holds = true);
    }

    /// Lets each piece wait before it is passed on.
    pub fn slow(&self, delay: Duration) {
        self.manner.send_modify(|manner| manner.delay = delay);
    }

    /// Loses every second message to NATS, if it is a proxy to NATS.
    pub fn lose_half(&self) {
        self.manner.send_modify(|manner| manner.loses = Some(2));
    }

    /// Passes on again, what was held back first.
    pub fn heal(&self) {
        self.manner.send_modify(|manner| *manner = Manner::good(manner.generation));
    }
}

async fn listen(
    listener: TcpListener,
    server: SocketAddr,
    language: Language,
    manner: Arc<watch::Sender<Manner>>,
) {
    loop {
        // An error of accept is of that one connection, or passes.
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let manner = manner.subscribe();
        if !manner.borrow().refuses {
            tokio::spawn(pass(client, server, language, manner));
        }
    }
}

/// One connection, until either side or the proxy ends it.
async fn pass(
    client: TcpStream,
    server: SocketAddr,
    language: Language,
    manner: watch::Receiver<Manner>,
) {
    let began = manner.borrow().generation;
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Without them, answers wait for acknowledgements.
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let mut cut = manner.clone();
    tokio::select! {
        () = copy(client_in, server_out, language, manner.clone()) => {}
        () = copy(server_in, client_out, Language::Any, manner) => {}
        _ = cut.wait_for(|manner| manner.generation != began) => {}
    }
}

async fn copy(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    language: Language,
    mut manner: watch::Receiver<Manner>,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut publications = Publications::default();
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let Ok(Manner { delay, loses, .. }) =
            manner.wait_for(|manner| !manner.holds).await.map(|manner| *manner)
        else {
            return;
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let piece = chunk.get(..length).unwrap_or_default();
        let written = match language {
            Language::Any => to.write_all(piece).await,
            Language::Nats => to.write_all(&publications.pass(piece, loses)).await,
        };
        if written.is_err() {
            return;
        }
    }
}
