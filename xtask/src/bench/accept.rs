//! Events accepted per second: so many connections, each sends the next request when the last one is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use super::site::Site;
use crate::figures::Times;
use crate::http::{self, Connection};
use crate::installation::Installation;

/// How many connections send side by side.
pub(super) const CONNECTIONS: usize = 64;

/// The bytes of one body.
pub(super) const BODY_BYTES: usize = 500;

/// How long the connections warm up before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// The event type that is sent: nobody is concerned by it, so that what is measured is accepting.
pub(super) const EVENT_TYPE: &str = "note.added";

/// What a load gave.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) per_second: f64,
    pub(super) latencies: Times,
    /// The bytes of one answer's body.
    pub(super) answer_bytes: usize,
    /// Everything that was sent, the warm-up included.
    pub(super) sent: usize,
}

/// Requests that post an event to each chat of a site.
pub(super) fn requests_in_chats(site: &Site) -> Arc<[Vec<u8>]> {
    site.visitors.iter().map(|visitor| request(Some(&visitor.chat))).collect()
}

/// Requests that post an event of no chat.
pub(super) fn requests_without_chat() -> Arc<[Vec<u8>]> {
    Arc::new([request(None)])
}

fn request(chat: Option<&str>) -> Vec<u8> {
    let with_text = |text: &str| {
        let mut body = json!({"type": EVENT_TYPE, "data": {"text": text}});
        if let (Some(chat), Some(fields)) = (chat, body.as_object_mut()) {
            fields.insert("chat".to_owned(), chat.into());
        }
        body.to_string()
    };
    let room = BODY_BYTES.saturating_sub(with_text("").len());
    http::request(
        "POST",
        "/api/v1/events",
        &[Installation::authorization()],
        with_text(&"x".repeat(room)).as_bytes(),
    )
}

/// Sends requests in turn over all connections for a while; the connections are spread over the nodes.
pub(super) async fn load(
    nodes: &[SocketAddr],
    requests: &Arc<[Vec<u8>]>,
    window: Duration,
) -> anyhow::Result<Load> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + window;
    let mut tasks = JoinSet::new();
    for (number, address) in (0..CONNECTIONS).zip(nodes.iter().copied().cycle()) {
        tasks.spawn(send_until(address, Arc::clone(requests), number, begin, end));
    }
    let mut all = Vec::new();
    let (mut sent, mut answer_bytes) = (0, 0);
    while let Some(ended) = tasks.join_next().await {
        let sender = ended.context("a sender broke")??;
        all.extend(sender.latencies);
        sent += sender.sent;
        answer_bytes = sender.answer_bytes;
    }
    let per_second = all.len() as f64 / window.as_secs_f64();
    Ok(Load { per_second, latencies: Times::new(all), answer_bytes, sent })
}

struct Sender {
    latencies: Vec<Duration>,
    sent: usize,
    answer_bytes: usize,
}

/// One connection. What is answered between `begin` and `end` counts.
async fn send_until(
    address: SocketAddr,
    requests: Arc<[Vec<u8>]>,
    number: usize,
    begin: Instant,
    end: Instant,
) -> anyhow::Result<Sender> {
    let mut connection = Connection::open(address).await.context("cannot connect to the server")?;
    let mut sender = Sender { latencies: Vec::with_capacity(16 << 10), sent: 0, answer_bytes: 0 };
    for request in requests.iter().cycle().skip(number % requests.len().max(1)).step_by(CONNECTIONS)
    {
        let sent_at = Instant::now();
        if sent_at >= end {
            break;
        }
        let answer = connection.exchange(request).await.context("the server did not answer")?;
        let answered_at = Instant::now();
        ensure!(answer.status == 201, "an event was answered {}", answer.summary());
        sender.sent += 1;
        sender.answer_bytes = answer.body.len();
        if answered_at >= begin && answered_at < end {
            sender.latencies.push(answered_at - sent_at);
        }
    }
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_its_size() {
        for chat in [None, Some("0190163d-8694-739b-aea5-966c26f8ad91")] {
            let bytes = request(chat);
            let text = String::from_utf8(bytes).expect("text");
            let (_, body) = text.split_once("\r\n\r\n").expect("a body");
            assert_eq!(body.len(), BODY_BYTES);
        }
    }
}
