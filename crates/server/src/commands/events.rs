//! `tidings events`: the log of a running server, and what is added to it.

use std::process::ExitCode;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use super::say;
use crate::cli::Events;
use crate::client::ApiClient;

/// How long to wait before a broken stream is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest record of a stream that is read, in bytes.
const RECORD_BYTES_MAX: usize = 16 << 20;

pub(super) async fn events(options: Events) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server)?;
    let mut filter: Vec<(&str, String)> =
        options.types.iter().map(|name| ("type", name.clone())).collect();
    if let Some(chat) = &options.chat {
        filter.push(("chat", chat.clone()));
    }
    if options.follow {
        return follow(&client, &filter, options.since, options.json).await;
    }
    let mut after = options.since.unwrap_or(0);
    loop {
        let mut query = filter.clone();
        query.push(("after", after.to_string()));
        let page = client.get("/api/v1/events", &query).await?;
        for event in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            show(event, options.json)?;
        }
        match page.get("next").and_then(Value::as_u64) {
            Some(next) => after = next,
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Follows, and opens the stream again where it broke, also after a restart of the server: nothing is missed and nothing
/// shown twice.
async fn follow(
    client: &ApiClient,
    filter: &[(&str, String)],
    since: Option<u64>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    // Where "now" is must be known before the first break, or what comes during it would be missed.
    let mut since = match since {
        Some(since) => since,
        None => {
            let workspace = client.get("/api/v1/workspace", &[]).await?;
            workspace.get("last_seq").and_then(Value::as_u64).unwrap_or(0)
        }
    };
    let mut connected = false;
    loop {
        let mut query = filter.to_vec();
        query.push(("since", since.to_string()));
        let mut body = match client.stream("/api/v1/events/stream", &query).await {
            Ok(response) => response.bytes_stream(),
            Err(error) if connected && error.may_pass() => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        connected = true;
        let mut buffer = Vec::new();
        while let Some(Ok(bytes)) = body.next().await {
            buffer.extend_from_slice(&bytes);
            anyhow::ensure!(
                buffer.len() <= RECORD_BYTES_MAX,
                "the server sent a record without an end"
            );
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let record: Vec<u8> = buffer.drain(..end + 2).collect();
                since = line_of(&record, "id:").and_then(|id| id.parse().ok()).unwrap_or(since);
                let data =
                    line_of(&record, "data:").and_then(|data| serde_json::from_str(data).ok());
                match data {
                    Some(event) if line_of(&record, "event:") != Some("gap") => show(&event, json)?,
                    Some(_) | None => {}
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn line_of<'a>(record: &'a [u8], field: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(record).ok()?;
    text.lines().find_map(|line| line.strip_prefix(field)).map(str::trim)
}

fn show(event: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        return say(event);
    }
    let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
    let author = event.get("author");
    let author_part = |part: &str| {
        author.and_then(|author| author.get(part)).and_then(Value::as_str).unwrap_or_default()
    };
    let seq = event.get("seq").and_then(Value::as_u64).unwrap_or(0);
    let data = event.get("data").map(Value::to_string).unwrap_or_default();
    let short: String = data.chars().take(100).collect();
    let who = format!(
        "{} {}",
        author_part("kind"),
        author_part("id").chars().take(8).collect::<String>()
    );
    say(format_args!("{seq:>8}  {}  {:24}  {who:20}  {short}", text("time"), text("type")))
}
