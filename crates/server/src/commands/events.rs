//! `tidings events`: the log of a running server, and what is added to it.

use std::process::ExitCode;

use serde_json::Value;

use super::say;
use super::stream::EventStream;
use crate::cli::Events;
use crate::client::ApiClient;

pub(super) async fn events(options: Events) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server)?;
    let mut filter: Vec<(&'static str, String)> =
        options.types.iter().map(|name| ("type", name.clone())).collect();
    if let Some(chat) = &options.chat {
        filter.push(("chat", chat.clone()));
    }
    if options.follow {
        let mut events = EventStream::new(&client, filter, options.since).await?;
        loop {
            show(&events.next().await?, options.json)?;
        }
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
