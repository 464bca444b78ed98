//! `tidings simulate`: what a draft of a bot would do, told line by line. A running server tries it; nothing happens by it.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::say;
use crate::bots_folder::read_bot;
use crate::cli::Simulate;
use crate::client::ApiClient;

pub(super) async fn simulate(options: Simulate) -> anyhow::Result<ExitCode> {
    let folder = options
        .bot
        .canonicalize()
        .with_context(|| format!("there is no folder {}", options.bot.display()))?;
    let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    let name =
        name.with_context(|| format!("{} is not a name that a bot can have", folder.display()))?;
    let source = read_bot(&folder, &name)?;
    let files: Map<String, Value> =
        source.files.into_iter().map(|(file, text)| (file, text.into())).collect();
    let mut body = json!({ "bot": name, "files": files, "compare": options.compare });
    let against = match (&options.event, &options.recorded, &options.chat, options.last) {
        (Some(event_type), ..) => {
            let mut event = json!({ "type": event_type });
            if let (Some(data), Value::Object(event)) = (&options.data, &mut event) {
                let data = serde_json::from_str(data).context("--data is not JSON")?;
                event.insert("data".into(), data);
            }
            ("events", json!([event]))
        }
        (_, Some(id), ..) => ("event", id.clone().into()),
        (_, _, Some(id), _) => ("chat", id.clone().into()),
        (.., last) => ("last", json!(last)),
    };
    if let Value::Object(body) = &mut body {
        body.insert(against.0.into(), against.1);
    }
    let told = ApiClient::new(&options.server)?.post("/api/v1/simulations", &body).await?;
    for warning in told.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        say(warning.as_str().unwrap_or_default())?;
    }
    if told.get("ended_early").and_then(Value::as_bool) == Some(true) {
        say("This took too long: what follows is not all of it.")?;
    }
    let steps = list(&told, "steps");
    if !options.compare {
        steps.iter().try_for_each(|step| tell(step, ""))?;
        return Ok(ExitCode::SUCCESS);
    }
    let live = told.get("live").cloned().unwrap_or_default();
    let others = list(&live, "steps");
    let different: Vec<usize> = list(&live, "different")
        .iter()
        .filter_map(|place| place.as_u64().and_then(|place| place.try_into().ok()))
        .collect();
    for place in &different {
        others.get(*place).map_or(Ok(()), |step| tell(step, "- "))?;
        steps.get(*place).map_or(Ok(()), |step| tell(step, "+ "))?;
    }
    let count = steps.len().max(others.len());
    say(format_args!("{} of {count} steps differ", different.len()))?;
    Ok(ExitCode::SUCCESS)
}

fn list(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A step: what happened, and below it what the bot would do.
fn tell(step: &Value, sign: &str) -> anyhow::Result<()> {
    let text = |name: &str| step.get(name).and_then(Value::as_str).map(str::to_owned);
    let what = text("type").unwrap_or_else(|| "time passed".into());
    match text("event") {
        Some(event) => say(format_args!("{sign}{what} {event}"))?,
        None => say(format_args!("{sign}{what}"))?,
    }
    for told in list(step, "did") {
        let field = |name: &str| told.get(name).cloned().unwrap_or_default();
        let behavior = field("behavior").as_str().unwrap_or_default().to_owned();
        say(format_args!("{sign}  {behavior}: {}", field("what")))?;
    }
    Ok(())
}
