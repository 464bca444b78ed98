//! One delivery: every try of it, another try, giving it up.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::say;
use super::attempt;
use super::list::{Hosts, line, text};
use crate::client::ApiClient;

/// Prints a delivery with every attempt.
pub(super) async fn show(client: &ApiClient, id: &str, json: bool) -> anyhow::Result<()> {
    let delivery = client.get(&path(id, ""), &[]).await?;
    if json {
        return say(serde_json::to_string_pretty(&delivery)?);
    }
    tell(client, &delivery).await
}

/// Tries it once, now. Fails when that was not taken.
pub(super) async fn redeliver(client: &ApiClient, id: &str) -> anyhow::Result<ExitCode> {
    let delivery = client.post(&path(id, "/redeliver"), &json!({})).await?;
    tell(client, &delivery).await?;
    let last = delivery.get("attempts").and_then(Value::as_array).and_then(|all| all.last());
    let is_taken = last.is_some_and(is_taken);
    Ok(if is_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a try was taken: a broker that takes something has no status to tell.
fn is_taken(attempt: &Value) -> bool {
    match attempt.get("status").and_then(Value::as_u64) {
        Some(status) => (200..300).contains(&status),
        None => text(attempt, "error").is_empty(),
    }
}

/// Gives it up.
pub(super) async fn cancel(client: &ApiClient, id: &str) -> anyhow::Result<()> {
    let delivery = client.post(&path(id, "/cancel"), &json!({})).await?;
    tell(client, &delivery).await
}

async fn tell(client: &ApiClient, delivery: &Value) -> anyhow::Result<()> {
    say(line(delivery, &Hosts::read(client).await?))?;
    let attempts = delivery.get("attempts").and_then(Value::as_array);
    for attempt in attempts.into_iter().flatten() {
        say(attempt::line(attempt))?;
        for answered in text(attempt, "answer").lines() {
            say(format_args!("      {answered}"))?;
        }
    }
    Ok(())
}

/// The path of a delivery; what is no id stays in its place of the path, and is told by the server.
pub(super) fn path(id: &str, what: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/api/v1/deliveries/{id}{what}")
}
