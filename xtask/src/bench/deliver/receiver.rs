//! A receiver of webhooks that does as little as it can, as a process of its own: what is measured is who sends.
//!
//! `/take` is answered at once. `/timed` as well, and it is noted how long ago the event says that it was sent. `/hang` is
//! never answered. `/count` tells how many were taken, `/late` how late they were, once; `/first` tells the first request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tidings_model::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::bench::ceilings::{Serving, SystemClock, start_part};
use crate::http::{self, Client};

/// What stands in an event's text before the time it was sent at, in microseconds since 1970.
pub(super) const SENT_AT: &str = "sent at ";

/// The largest request, in bytes.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// How often it is looked how much was taken.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How long nothing may come before the measurement is given up.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Taken {
    count: u64,
    late_us: Vec<u64>,
    first: Vec<u8>,
}

/// Serves. Prints its address first; lives until it is killed.
pub(in crate::bench) async fn run() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port")?;
    println!("{}", listener.local_addr().context("no free port")?);
    let taken = Arc::new(Mutex::new(Taken::default()));
    loop {
        let (stream, _) = listener.accept().await.context("nobody can come any more")?;
        let taken = Arc::clone(&taken);
        tokio::spawn(async move { drop(serve(stream, &taken).await) });
    }
}

/// Answers one connection until it ends.
async fn serve(mut stream: TcpStream, taken: &Mutex<Taken>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        let Some(end) = end_of_request(&bytes) else {
            ensure!(bytes.len() < REQUEST_BYTES_MAX, "a request is too long");
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let request: Vec<u8> = bytes.drain(..end).collect();
        let path = request.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        let answer = match path {
            b"/hang" => std::future::pending().await,
            b"/count" => told(&json!(lock(taken).count)),
            b"/late" => told(&json!(std::mem::take(&mut lock(taken).late_us))),
            b"/first" => told(&json!(String::from_utf8_lossy(&lock(taken).first))),
            path => {
                let late = (path == b"/timed").then(|| late_us(&request)).flatten();
                let mut taken = lock(taken);
                taken.count += 1;
                taken.late_us.extend(late);
                if taken.count == 1 {
                    taken.first = request;
                }
                b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
            }
        };
        stream.write_all(&answer).await?;
    }
}

/// Where the first request ends, once it is all there.
fn end_of_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .unwrap_or(0);
    (bytes.len() >= head + length).then_some(head + length)
}

fn lock(taken: &Mutex<Taken>) -> std::sync::MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

fn told(value: &Value) -> Vec<u8> {
    let body = value.to_string();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// How long ago the event says that it was sent.
fn late_us(request: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(request).ok()?;
    let (_, after) = text.split_once(SENT_AT)?;
    let digits = after.split(|letter: char| !letter.is_ascii_digit()).next()?;
    now_us().checked_sub(digits.parse().ok()?)
}

/// The time now, in microseconds since 1970.
pub(super) fn now_us() -> u64 {
    u64::try_from(SystemClock.now().as_microsecond()).unwrap_or_default()
}

/// A receiver that runs.
pub(super) struct Receiver {
    serving: Serving,
}

impl Receiver {
    pub(super) fn start() -> anyhow::Result<Self> {
        Ok(Self { serving: start_part(&["receiver"])? })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.serving.address
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let request = http::request("GET", path, &[], b"");
        let answer = Client::new(self.address()).send(&request).await;
        Ok(answer.context("the receiver does not answer")?.json())
    }

    /// How many it has taken.
    pub(super) async fn count(&self) -> anyhow::Result<u64> {
        self.ask("/count").await?.as_u64().context("no count")
    }

    /// How late those were that are timed, since it was asked last.
    pub(super) async fn late(&self) -> anyhow::Result<Vec<Duration>> {
        let late = self.ask("/late").await?;
        let late = late.as_array().context("no times")?.iter().filter_map(Value::as_u64);
        Ok(late.map(Duration::from_micros).collect())
    }

    /// The first request that was taken, as JSON text.
    pub(super) async fn first(&self) -> anyhow::Result<String> {
        Ok(self.ask("/first").await?.to_string())
    }

    /// Waits until so many were taken.
    pub(super) async fn until_taken(&self, wanted: u64) -> anyhow::Result<()> {
        let (mut most, mut moved_at) = (0, Instant::now());
        loop {
            let count = self.count().await?;
            if count >= wanted {
                return Ok(());
            }
            if count > most {
                (most, moved_at) = (count, Instant::now());
            }
            let stands = moved_at.elapsed();
            ensure!(stands < STANDSTILL_MAX, "{count} of {wanted} came, and then nothing");
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_when_its_body_is_there() {
        let whole = b"POST /take HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(end_of_request(whole), Some(47));
        assert_eq!(end_of_request(&whole[..46]), None);
        assert_eq!(end_of_request(b"GET /count HTTP/1.1\r\n\r\n"), Some(23));
    }

    #[test]
    fn an_event_says_when_it_was_sent() {
        let sent = format!("{{\"text\":\"{SENT_AT}{} xxx\"}}", now_us() - 5_000);
        let late = late_us(sent.as_bytes()).expect("a time");
        assert!((5_000..1_000_000).contains(&late), "{late}");
        assert_eq!(late_us(b"hello"), None);
    }
}
