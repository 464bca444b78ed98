//! Deliveries as lines, newest first; and the same as they come, oldest first.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use super::super::say;
use crate::cli::DeliveriesList;
use crate::client::ApiClient;

/// How many one call asks for.
const PAGE: usize = 200;

/// How often is looked for what is new.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How many deliveries are looked at for what is new: a new try of an older one is not seen.
const LOOKED_AT: usize = 1_000;

/// The hosts of endpoints, by their ids.
pub(super) struct Hosts(HashMap<String, String>);

impl Hosts {
    /// Those of all endpoints.
    pub(super) async fn read(client: &ApiClient) -> anyhow::Result<Self> {
        let mut hosts = HashMap::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = vec![("limit", PAGE.to_string())];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page = client.get("/api/v1/endpoints", &query).await?;
            for endpoint in items(&page) {
                hosts.insert(text(endpoint, "id").to_owned(), host(endpoint));
            }
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                return Ok(Self(hosts));
            }
        }
    }

    /// Where a delivery goes, in a word.
    pub(super) fn of<'a>(&'a self, delivery: &'a Value) -> &'a str {
        let to = delivery.get("to").unwrap_or(&Value::Null);
        match text(to, "kind") {
            "endpoint" => self.0.get(text(to, "id")).map_or("(removed)", String::as_str),
            kind => kind,
        }
    }
}

/// The host of an endpoint's URL, or the name of its broker.
fn host(endpoint: &Value) -> String {
    if let Some(name) = endpoint.pointer("/broker/name").and_then(Value::as_str) {
        return name.to_owned();
    }
    let url = text(endpoint, "url");
    url.parse::<url::Url>().ok().map_or_else(|| url.to_owned(), host_of)
}

fn host_of(url: url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Prints the newest.
pub(super) async fn list(client: &ApiClient, options: &DeliveriesList) -> anyhow::Result<()> {
    let found = newest(client, options, options.limit).await?;
    if options.json {
        return found.iter().try_for_each(say);
    }
    let hosts = Hosts::read(client).await?;
    found.iter().try_for_each(|delivery| say(line(delivery, &hosts)))
}

/// Prints the newest, oldest first, then each that is new or was tried again, until it is ended.
pub(super) async fn follow(client: &ApiClient, options: &DeliveriesList) -> anyhow::Result<()> {
    let mut hosts = Hosts::read(client).await?;
    let mut shown: HashMap<String, String> = HashMap::new();
    let mut look = options.limit.min(LOOKED_AT);
    loop {
        let found: VecDeque<Value> = newest(client, options, look).await?.into();
        let mut now = HashMap::with_capacity(found.len());
        for delivery in found.iter().rev() {
            let id = text(delivery, "id").to_owned();
            let state = state(delivery);
            let is_new = shown.get(&id) != Some(&state);
            now.insert(id, state);
            if !is_new {
                continue;
            }
            if options.json {
                say(delivery)?;
                continue;
            }
            if hosts.of(delivery) == "(removed)" {
                hosts = Hosts::read(client).await?;
            }
            say(line(delivery, &hosts))?;
        }
        shown = now;
        look = LOOKED_AT;
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// What a line tells that may change.
fn state(delivery: &Value) -> String {
    let field = |name: &str| delivery.get(name).map(Value::to_string).unwrap_or_default();
    format!("{} {}", field("status"), field("attempts"))
}

async fn newest(
    client: &ApiClient,
    options: &DeliveriesList,
    most: usize,
) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    while found.len() < most {
        let mut query = vec![("limit", PAGE.min(most - found.len()).to_string())];
        query.extend(options.endpoint.clone().map(|id| ("endpoint", id)));
        let status =
            if options.failed { Some("failed".to_owned()) } else { options.status.clone() };
        query.extend(status.map(|status| ("status", status)));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = client.get("/api/v1/deliveries", &query).await?;
        found.extend(items(&page).iter().cloned());
        cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
}

/// A delivery in a line.
pub(super) fn line(delivery: &Value, hosts: &Hosts) -> String {
    let last = delivery.get("attempts").and_then(Value::as_array).and_then(|all| all.last());
    let last = last.unwrap_or(&Value::Null);
    let status = match text(delivery, "reason") {
        "" => text(delivery, "status"),
        reason => reason,
    };
    let answer = match last.get("status").and_then(Value::as_u64) {
        Some(status) => status.to_string(),
        None => "-".to_owned(),
    };
    let tries = delivery.get("attempts").and_then(Value::as_array).map_or(0, Vec::len);
    let next = match text(delivery, "next_at") {
        "" => String::new(),
        next => format!("  next {}", second(next)),
    };
    let (id, name, seq) =
        (text(delivery, "id"), text(delivery, "event_type"), number(delivery, "seq"));
    let (at, took) = (second(text(last, "at")), number(last, "duration_ms"));
    let host = hosts.of(delivery);
    format!(
        "{at:20}  {id}  {seq:>8}  {name:24}  {host:24}  {status:9}  {answer:>3}  {took:>6} ms  {tries} tries{next}"
    )
}

/// A time to the second.
pub(crate) fn second(time: &str) -> String {
    match time.split_once('.') {
        Some((second, _)) => format!("{second}Z"),
        None => time.to_owned(),
    }
}

/// The things of a page.
pub(crate) fn items(page: &Value) -> &[Value] {
    page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A field as text.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A field as a number.
pub(crate) fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or_default()
}
