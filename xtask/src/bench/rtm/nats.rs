//! NATS core, where there is a `nats-server` on this machine: the server, and a client that costs little.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::WITHIN;

/// A NATS server of this machine; it ends when this is dropped.
pub(super) struct Nats {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Drop for Nats {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Nats {
    /// `None` where there is none on this machine.
    pub(super) async fn start() -> anyhow::Result<Option<Self>> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = free.local_addr()?;
        drop(free);
        let started = Command::new("nats-server")
            .args(["-a", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else { return Ok(None) };
        let server = Self { child, address };
        let began = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            ensure!(began.elapsed() < WITHIN, "the NATS server does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Some(server))
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// A line to a NATS server.
pub(super) struct NatsLine {
    stream: TcpStream,
    received: Vec<u8>,
    at: usize,
}

impl NatsLine {
    /// A line that hears what is said.
    pub(super) async fn hears(address: SocketAddr) -> anyhow::Result<Self> {
        let mut line = Self::open(address).await?;
        line.tell(b"SUB x 1\r\n").await?;
        Ok(line)
    }

    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut line = Self { stream, received: Vec::new(), at: 0 };
        line.tell(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n").await?;
        Ok(line)
    }

    /// Tells the server something, and waits until it was taken: until the pong of the ping behind it.
    async fn tell(&mut self, what: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(&[what, b"PING\r\n"].concat()).await?;
        while !self.received.windows(6).any(|window| window == b"PONG\r\n") {
            self.receive().await?;
        }
        self.received.clear();
        Ok(())
    }

    pub(super) async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.stream.write_all(format!("PUB x {}\r\n{text}\r\n", text.len()).as_bytes()).await?;
        Ok(())
    }

    pub(super) async fn hear(&mut self) -> anyhow::Result<&[u8]> {
        loop {
            if let Some((begin, end)) = self.whole()? {
                self.at = end + 2;
                return Ok(self.received.get(begin..end).unwrap_or_default());
            }
            self.received.drain(..self.at);
            self.at = 0;
            self.receive().await?;
        }
    }

    /// Where the next message begins and ends, if it is whole: `MSG x 1 LENGTH`, and then it.
    fn whole(&self) -> anyhow::Result<Option<(usize, usize)>> {
        let rest = self.received.get(self.at..).unwrap_or_default();
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(rest.get(..end).unwrap_or_default())?;
        let length = head.strip_prefix("MSG ").and_then(|head| head.rsplit(' ').next());
        let length: usize =
            length.with_context(|| format!("NATS said {head:?}"))?.parse().context("a length")?;
        let begin = self.at + end + 2;
        Ok((self.received.len() >= begin + length + 2).then_some((begin, begin + length)))
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        self.received.reserve(1_024.max(self.received.capacity().min(64 << 10)));
        ensure!(self.stream.read_buf(&mut self.received).await? > 0, "NATS is gone");
        Ok(())
    }
}
