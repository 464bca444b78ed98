//! One delivery: every try of it, another try, giving it up.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::say;
use super::attempt;
use super::list::{Hosts, line, text};
use crate::client::ApiClient;

/// How long one that is tried again is waited for: a receiver that takes one a minute has had its turn by then.
const TURN_WAIT: Duration = Duration::from_secs(90);

/// How often it is looked at meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Prints a delivery with every attempt.
pub(super) async fn show(client: &ApiClient, id: &str, json: bool) -> anyhow::Result<()> {
    let delivery = client.get(&path(id, ""), &[]).await?;
    if json {
        return say(serde_json::to_string_pretty(&delivery)?);
    }
    tell(client, &delivery).await
}

/// Tries it once, now, or when its turn comes where the receiver said how many it takes a minute. Fails when that was not
/// taken.
pub(super) async fn redeliver(client: &ApiClient, id: &str) -> anyhow::Result<ExitCode> {
    let before = client.get(&path(id, ""), &[]).await?;
    let mut delivery = client.post(&path(id, "/redeliver"), &json!({})).await?;
    let began = Instant::now();
    while last_attempt(&delivery) == last_attempt(&before) && began.elapsed() < TURN_WAIT {
        tokio::time::sleep(LOOK_INTERVAL).await;
        delivery = client.get(&path(id, ""), &[]).await?;
    }
    tell(client, &delivery).await?;
    if last_attempt(&delivery) == last_attempt(&before) {
        say("it still waits for its turn: the receiver said how many it takes a minute")?;
        return Ok(ExitCode::FAILURE);
    }
    let is_taken = last_attempt(&delivery).is_some_and(is_taken);
    Ok(if is_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn last_attempt(delivery: &Value) -> Option<&Value> {
    delivery.get("attempts").and_then(Value::as_array)?.last()
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
