//! What exactly a delivery sends, to look at or to send again by hand.

use serde_json::Value;

use super::super::say;
use super::list::text;
use super::one::path;
use crate::client::ApiClient;

/// Prints the request of a delivery, as it goes over the wire.
pub(super) async fn show(client: &ApiClient, id: &str, json: bool) -> anyhow::Result<()> {
    let request = client.get(&path(id, "/request"), &[]).await?;
    if json {
        return say(serde_json::to_string_pretty(&request)?);
    }
    say(format_args!("{} {}", text(&request, "method"), text(&request, "url")))?;
    let headers = request.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        say(format_args!("{name}: {}", value.as_str().unwrap_or_default()))?;
    }
    say("")?;
    say(text(&request, "body"))
}

/// Prints a command that sends the same.
pub(super) async fn curl(client: &ApiClient, id: &str) -> anyhow::Result<()> {
    let command = client.text(&path(id, "/request"), &[("form", "curl".to_owned())]).await?;
    say(command.trim_end())
}
