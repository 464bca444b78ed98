//! A server as an installation would have it: bots with so many behaviors, so many endpoints, a thousand chats.
//!
//! One behavior answers customers; the others and the endpoints wait for something that the benchmark never does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::http::{self, Client};
use crate::installation::{Installation, Running, text_of};
use crate::process;

/// How many chats there are. Events go to all of them in turn.
pub(super) const CHATS: usize = 1_000;

/// How many behaviors one bot has; the language takes up to twice as many.
const BEHAVIORS_PER_BOT: usize = 1_000;

/// A node is at rest when it used less CPU than this over [`REST_WINDOW`].
const REST_CPU_MAX: Duration = Duration::from_millis(20);

/// One look at whether the server rests.
const REST_WINDOW: Duration = Duration::from_millis(250);

/// How long readers may take to catch up after a load.
const REST_WITHIN: Duration = Duration::from_secs(120);

/// What the bot says in front of a message's text.
pub(super) const ECHO: &str = "echo: ";

/// How much there is that concerns nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crowd {
    /// Behaviors in all; one of them answers customers.
    pub(super) behaviors: usize,
    /// Endpoints, subscribed to what does not happen.
    pub(super) endpoints: usize,
}

/// A visitor with a chat.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) token: String,
    pub(super) chat: String,
    /// The number of their first message.
    pub(super) seq: u64,
}

/// A server that runs, on one node or on several.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) installation: Installation,
    nodes: Vec<Running>,
    pub(super) channel: String,
    pub(super) visitors: Vec<Visitor>,
}

impl Site {
    /// Sets one up in a folder of its own.
    pub(super) async fn build(
        binary: &Path,
        folder: PathBuf,
        crowd: Crowd,
    ) -> anyhow::Result<Self> {
        Self::build_in(Installation::new(binary, &folder)?, crowd).await
    }

    /// Sets one up in an installation that was never started.
    pub(super) async fn build_in(installation: Installation, crowd: Crowd) -> anyhow::Result<Self> {
        for (bot, text) in bots(crowd.behaviors) {
            installation.write_bot(&bot, "bot.yaml", &text)?;
        }
        let nodes = installation.start_all().await?;
        let channel = installation.make_web_channel(Some("echo")).await?;
        let mut site = Self { installation, nodes, channel, visitors: Vec::new() };
        for number in 0..crowd.endpoints {
            let url = format!("http://127.0.0.1:9009/nobody/{number}");
            let body =
                json!({"url": url, "events": ["customer.unsubscribed"], "description": "nobody"});
            site.installation.call("POST", "/api/v1/endpoints", Some(&body)).await?;
        }
        for number in 0..CHATS {
            let visitor = site.let_in(number).await?;
            site.visitors.push(visitor);
        }
        site.rest().await?;
        Ok(site)
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.installation.address()
    }

    /// The process of the first node.
    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        Ok(self.nodes.first().context("a site has a node")?.pid())
    }

    /// The CPU time that all nodes have used so far.
    pub(super) fn cpu_time(&self) -> anyhow::Result<Duration> {
        self.nodes.iter().map(|node| process::cpu_time(node.pid())).sum()
    }

    /// Waits until the readers of the log have caught up: until the server does nothing any more.
    pub(super) async fn rest(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let before = self.cpu_time()?;
            tokio::time::sleep(REST_WINDOW).await;
            let used = self.cpu_time()?.saturating_sub(before);
            if used < REST_CPU_MAX * u32::try_from(self.nodes.len()).unwrap_or(1) {
                return Ok(());
            }
            ensure!(
                began.elapsed() < REST_WITHIN,
                "the server is still busy {REST_WITHIN:?} after the load"
            );
        }
    }

    /// A new visitor, who says hello.
    async fn let_in(&self, number: usize) -> anyhow::Result<Visitor> {
        let token = self.installation.make_visitor(&self.channel).await?;
        let request = message(&self.channel, &token, &format!("hello-{number}"));
        let answer =
            Client::new(self.address()).send(&request).await.context("cannot send a message")?;
        if !answer.is_success() {
            bail!("a message was answered {}", answer.summary());
        }
        let envelope = answer.json();
        let seq =
            envelope.get("seq").and_then(Value::as_u64).context("an envelope without `seq`")?;
        Ok(Visitor { token, chat: text_of(&envelope, "chat")?, seq })
    }
}

/// The request of a visitor who writes; the key is the text as well.
pub(super) fn message(channel: &str, token: &str, key: &str) -> Vec<u8> {
    let body = json!({"text": key, "custom_id": key}).to_string();
    let bearer = format!("Bearer {token}");
    http::request(
        "POST",
        &format!("/channels/{channel}/messages"),
        &[("authorization", &bearer)],
        body.as_bytes(),
    )
}

/// The texts of bots with so many behaviors in all: name of the bot, and its file. The first behavior answers customers,
/// the others hear of what does not happen here.
fn bots(behaviors: usize) -> Vec<(String, String)> {
    const ELSEWHERE: [&str; 5] =
        ["chat.location", "chat.contact", "chat.sticker", "chat.file", "chat.postback"];
    let mut bots = Vec::new();
    for first in (0..behaviors).step_by(BEHAVIORS_PER_BOT) {
        let name = if first == 0 { "echo".to_owned() } else { format!("crowd-{first}") };
        let mut text = format!("bot: {name}\nbehaviors:\n");
        for number in first..behaviors.min(first + BEHAVIORS_PER_BOT) {
            let (on, say) = if number == 0 {
                ("chat.message", format!("{ECHO}{{{{ event.text }}}}"))
            } else {
                (
                    ELSEWHERE.iter().cycle().nth(number % 5).copied().unwrap_or_default(),
                    format!("behavior {number}"),
                )
            };
            text.push_str(&format!(
                "  - name: behavior {number}\n    on: {on}\n    do:\n      - say: \"{say}\"\n"
            ));
        }
        bots.push((name, text));
    }
    bots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_behavior_of_many_answers_customers() {
        for (behaviors, count) in [(1, 1), (100, 1), (10_000, 10)] {
            let bots = bots(behaviors);
            assert_eq!(bots.len(), count);
            let all: String = bots.into_iter().map(|(_, text)| text).collect();
            assert_eq!(all.matches("  - name:").count(), behaviors);
            assert_eq!(all.matches("on: chat.message\n").count(), 1);
        }
    }
}
