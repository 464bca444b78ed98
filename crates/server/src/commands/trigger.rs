//! `tidings trigger TYPE`: the catalogue's sample of a type, sent through the real path. A type that the binary does not
//! have is asked of the server: it may be the workspace's own.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};
use tidings_catalogue::Catalogue;
use tidings_model::TypeName;

use super::say;
use crate::cli::Trigger;
use crate::client::ApiClient;

/// How many names are told where one is unknown.
const NEAREST_MAX: usize = 3;

pub(super) async fn trigger(options: Trigger) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server)?;
    let data: Value = match &options.data {
        Some(said) => read(said)?,
        None => {
            let catalogue = Catalogue::builtin()?;
            let ours = catalogue.resolve(&options.event_type);
            let sample = match ours {
                Some(resolved) => Some(resolved.event_type.sample().clone()),
                None => own_sample(&client, &options.event_type).await,
            };
            sample.with_context(|| {
                let nearest = catalogue.nearest_few(&options.event_type, NEAREST_MAX);
                let nearest = match nearest.join(", ") {
                    none if none.is_empty() => String::new(),
                    nearest => format!("; the nearest: {nearest}"),
                };
                format!(
                    "no event type or alias {:?}{nearest} (`tidings event-types` lists all)",
                    options.event_type
                )
            })?
        }
    };
    let mut body = json!({ "type": options.event_type, "data": data });
    if let (Some(chat), Some(body)) = (&options.chat, body.as_object_mut()) {
        body.insert("chat".into(), chat.clone().into());
    }
    let event = client.post("/api/v1/events", &body).await?;
    say(serde_json::to_string_pretty(&event)?)?;
    Ok(ExitCode::SUCCESS)
}

/// The sample of a type of the workspace's own, if the server has one of this name.
async fn own_sample(client: &ApiClient, name: &str) -> Option<Value> {
    // Only what can be the name of a type goes into an address.
    let name: TypeName = name.parse().ok()?;
    let found = client.get(&format!("/api/v1/event-types/{name}"), &[]).await.ok()?;
    found.get("sample").cloned()
}

/// Data as it was said: JSON, or the path of a file with it.
fn read(said: &str) -> anyhow::Result<Value> {
    match said.strip_prefix('@') {
        Some(path) => {
            let text = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
            serde_json::from_slice(&text).with_context(|| format!("{path} is not JSON"))
        }
        None => serde_json::from_str(said).context("--data is not JSON"),
    }
}
