//! `tidings trigger TYPE`: the catalogue's sample of a type, sent through the real path.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};
use tidings_catalogue::Catalogue;

use super::say;
use crate::cli::Trigger;
use crate::client::ApiClient;

pub(super) async fn trigger(options: Trigger) -> anyhow::Result<ExitCode> {
    let data: Value = match &options.data {
        Some(text) => serde_json::from_str(text).context("--data is not JSON")?,
        None => {
            let catalogue = Catalogue::builtin()?;
            let resolved = catalogue.resolve(&options.event_type).with_context(|| {
                let nearest = catalogue.nearest(&options.event_type).unwrap_or_default();
                format!(
                    "no event type or alias {:?}; the nearest is {nearest:?}",
                    options.event_type
                )
            })?;
            resolved.event_type.sample().clone()
        }
    };
    let mut body = json!({ "type": options.event_type, "data": data });
    if let (Some(chat), Some(body)) = (&options.chat, body.as_object_mut()) {
        body.insert("chat".into(), chat.clone().into());
    }
    let event = ApiClient::new(&options.server)?.post("/api/v1/events", &body).await?;
    say(serde_json::to_string_pretty(&event)?)?;
    Ok(ExitCode::SUCCESS)
}
