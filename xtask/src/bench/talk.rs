//! From a customer's message to the bot's reply on their live stream: what a person at the chat page waits for.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use super::site::{ECHO, Site, Visitor, message};
use crate::figures::Times;
use crate::http::{Connection, Stream};

/// How many visitors talk side by side under load.
pub(super) const TALKERS: usize = 64;

/// How long a reply may take before the benchmark gives up.
const REPLY_WITHIN: Duration = Duration::from_secs(30);

/// A visitor with an open page: one connection to send, one live stream.
#[derive(Debug)]
pub(super) struct Talker {
    channel: String,
    token: String,
    chat: String,
    connection: Connection,
    stream: Stream,
    /// How many messages this visitor sent; with the run's mark it makes a key that is used once.
    count: u64,
}

/// Opens the pages of the first visitors of a site.
pub(super) async fn open_pages(site: &Site) -> anyhow::Result<Vec<Talker>> {
    let mut talkers = Vec::with_capacity(TALKERS);
    for visitor in site.visitors.iter().take(TALKERS) {
        talkers.push(Talker::open(site.address(), &site.channel, visitor).await?);
    }
    Ok(talkers)
}

/// Gives every visitor a fresh connection to send on: a server may close one that was silent for a while.
pub(super) async fn reconnect(site: &Site, talkers: &mut [Talker]) -> anyhow::Result<()> {
    for talker in talkers {
        talker.connection =
            Connection::open(site.address()).await.context("cannot connect to the server")?;
    }
    Ok(())
}

impl Talker {
    async fn open(address: SocketAddr, channel: &str, visitor: &Visitor) -> anyhow::Result<Self> {
        let Visitor { token, chat, seq } = visitor;
        let path = format!("/channels/{channel}/stream?since={seq}&token={token}");
        let stream =
            Stream::open(address, &path, &[]).await.context("cannot open a live stream")?;
        let connection = Connection::open(address).await.context("cannot connect to the server")?;
        let (channel, token, chat) = (channel.to_owned(), token.clone(), chat.clone());
        Ok(Self { channel, token, chat, connection, stream, count: 0 })
    }

    /// Says something, and waits until the reply is on the stream. Returns how long that took.
    async fn ask(&mut self) -> anyhow::Result<Duration> {
        self.count += 1;
        let key = format!("{}-{}", self.chat, self.count);
        let request = message(&self.channel, &self.token, &key);
        let wanted = format!("\"{ECHO}{key}\"");
        let began = Instant::now();
        let said = async {
            let answer =
                self.connection.exchange(&request).await.context("the server did not answer")?;
            ensure!(answer.is_success(), "a message was answered {}", answer.summary());
            Ok(())
        };
        let seen = async {
            while !self.stream.next_data().await.context("the live stream ended")?.contains(&wanted)
            {
            }
            Ok::<Instant, anyhow::Error>(Instant::now())
        };
        let both = async { tokio::try_join!(said, seen) };
        let ((), seen_at) =
            tokio::time::timeout(REPLY_WITHIN, both).await.context("a message had no reply")??;
        Ok(seen_at - began)
    }
}

/// One visitor, one message at a time, on an idle server.
pub(super) async fn one_at_a_time(
    talkers: &mut [Talker],
    messages: usize,
) -> anyhow::Result<Times> {
    let talker = talkers.first_mut().context("nobody talks")?;
    let mut times = Vec::with_capacity(messages);
    for _ in 0..messages {
        times.push(talker.ask().await?);
    }
    Ok(Times::new(times))
}

/// All visitors, each as fast as the replies come. Returns the replies per second and all that were asked.
pub(super) async fn as_fast_as_possible(
    talkers: Vec<Talker>,
    window: Duration,
) -> anyhow::Result<(f64, usize, Vec<Talker>)> {
    let end = Instant::now() + window;
    let (times, talkers) = all(talkers, move |mut talker, _| async move {
        let mut times = Vec::new();
        while Instant::now() < end {
            times.push(talker.ask().await?);
        }
        Ok((times, talker))
    })
    .await?;
    Ok((times.count() as f64 / window.as_secs_f64(), times.count(), talkers))
}

/// All visitors, at a fixed rate in all. A message that has to wait for the one before counts from when it was due.
pub(super) async fn at_a_rate(
    talkers: Vec<Talker>,
    per_second: f64,
    window: Duration,
) -> anyhow::Result<(Times, Vec<Talker>)> {
    let interval = Duration::from_secs_f64(talkers.len() as f64 / per_second.max(1.0));
    let begin = Instant::now();
    let count = u32::try_from(talkers.len()).unwrap_or(u32::MAX).max(1);
    all(talkers, move |mut talker, number| async move {
        let mut times = Vec::new();
        let mut due = begin + interval * number / count;
        while due < begin + window {
            tokio::time::sleep_until(due.into()).await;
            let late = due.elapsed();
            times.push(late + talker.ask().await?);
            due += interval;
        }
        Ok((times, talker))
    })
    .await
}

/// Lets every visitor talk in a task of its own, and collects their times.
async fn all<Talk>(
    talkers: Vec<Talker>,
    talk: impl Fn(Talker, u32) -> Talk,
) -> anyhow::Result<(Times, Vec<Talker>)>
where
    Talk: Future<Output = anyhow::Result<(Vec<Duration>, Talker)>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (number, talker) in (0..).zip(talkers) {
        tasks.spawn(talk(talker, number));
    }
    let (mut times, mut back) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (more, talker) = ended.context("a visitor broke")??;
        times.extend(more);
        back.push(talker);
    }
    Ok((Times::new(times), back))
}
