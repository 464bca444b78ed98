//! The event stream of a running server, opened again where it breaks, also after a restart of the server: nothing is
//! missed and nothing comes twice. `events --follow` and `listen` read it.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use crate::client::ApiClient;

/// How long to wait before a broken stream is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest record of a stream that is read, in bytes.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// A stream of events.
pub(super) struct EventStream<'a> {
    client: &'a ApiClient,
    filter: Vec<(&'static str, String)>,
    since: u64,
    response: Option<Response>,
    /// Whether it was open once: only then a server that is away is waited for.
    was_open: bool,
    buffer: Vec<u8>,
}

impl<'a> EventStream<'a> {
    /// The stream of what comes after a number; of what comes from now on, unless given.
    pub(super) async fn new(
        client: &'a ApiClient,
        filter: Vec<(&'static str, String)>,
        since: Option<u64>,
    ) -> anyhow::Result<Self> {
        // Where "now" is must be known before the first break, or what comes during it would be missed.
        let since = match since {
            Some(since) => since,
            None => {
                let workspace = client.get("/api/v1/workspace", &[]).await?;
                workspace.get("last_seq").and_then(Value::as_u64).unwrap_or(0)
            }
        };
        Ok(Self { client, filter, since, response: None, was_open: false, buffer: Vec::new() })
    }

    /// The number after which it begins, or the last one that came.
    pub(super) const fn since(&self) -> u64 {
        self.since
    }

    /// The next event's envelope.
    pub(super) async fn next(&mut self) -> anyhow::Result<Value> {
        loop {
            if let Some(event) = self.record() {
                return Ok(event);
            }
            let Some(response) = &mut self.response else {
                self.open().await?;
                continue;
            };
            if let Ok(Some(bytes)) = response.chunk().await {
                self.buffer.extend_from_slice(&bytes);
                anyhow::ensure!(
                    self.buffer.len() <= RECORD_BYTES_MAX,
                    "the server sent a record without an end"
                );
            } else {
                self.response = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn open(&mut self) -> anyhow::Result<()> {
        let mut query = self.filter.clone();
        query.push(("since", self.since.to_string()));
        match self.client.stream("/api/v1/events/stream", &query).await {
            Ok(response) => {
                self.buffer.clear();
                self.response = Some(response);
                self.was_open = true;
            }
            Err(error) if self.was_open && error.may_pass() => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// The next event of what was read already.
    fn record(&mut self) -> Option<Value> {
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let record: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let id = line_of(&record, "id:").and_then(|id| id.parse().ok());
            self.since = id.unwrap_or(self.since);
            let data = line_of(&record, "data:").and_then(|data| serde_json::from_str(data).ok());
            if data.is_some() && line_of(&record, "event:") != Some("gap") {
                return data;
            }
        }
        None
    }
}

fn line_of<'a>(record: &'a [u8], field: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(record).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)).map(str::trim)
}
