//! `tidings runs`: what behaviors did, as lines; and one run, step by step.

use std::process::ExitCode;

use serde_json::Value;

use super::deliveries::list::{items, number, second, text};
use super::say;
use crate::cli::runs::{Runs, RunsAction, RunsList};
use crate::client::ApiClient;

/// How many one call asks for: traces are long.
const PAGE: usize = 50;

pub(super) async fn runs(options: Runs) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server.checked()?)?;
    match options.action {
        None => list(&client, &options.list).await?,
        Some(RunsAction::Show { id, json }) => {
            let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
            let run = client.get(&format!("/api/v1/runs/{id}"), &[]).await?;
            if json {
                say(serde_json::to_string_pretty(&run)?)?;
            } else {
                told(&run).iter().try_for_each(say)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &ApiClient, options: &RunsList) -> anyhow::Result<()> {
    let (mut left, mut cursor) = (options.limit, None::<String>);
    let filters = [
        ("chat", &options.chat),
        ("bot", &options.bot),
        ("behavior", &options.behavior),
        ("event", &options.event),
        ("state", &options.state),
        ("error", &options.error),
    ];
    while left > 0 {
        let mut query = vec![("limit", PAGE.min(left).to_string())];
        query.extend(filters.iter().filter_map(|(name, value)| Some((*name, (*value).clone()?))));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = client.get("/api/v1/runs", &query).await?;
        for run in items(&page) {
            if options.json {
                say(run)?;
            } else {
                say(line(run))?;
            }
        }
        left = left.saturating_sub(items(&page).len());
        cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(())
}

/// A run in a line.
fn line(run: &Value) -> String {
    let (at, id) = (second(text(run, "started_at")), text(run, "id"));
    let name = format!("{}/{}", text(run, "bot"), text(run, "behavior"));
    format!("{at:20}  {id}  {name:32}  {}", state(run))
}

/// How a run stands, in words.
fn state(run: &Value) -> String {
    let state = run.get("state").unwrap_or(&Value::Null);
    match text(state, "state") {
        "stopped" => format!("stopped: {}: {}", text(state, "reason"), text(state, "message")),
        "waiting" => {
            let wait = state.get("wait").unwrap_or(&Value::Null);
            let until = match text(wait, "until") {
                "" => String::new(),
                until => format!(" until {}", second(until)),
            };
            format!("waiting for {}{until}", text(wait, "for"))
        }
        state => state.to_owned(),
    }
}

/// A run step by step, in lines.
fn told(run: &Value) -> Vec<String> {
    let version: String = text(run, "bot_version").chars().take(12).collect();
    let numbered = match number(run, "event_seq") {
        0 => String::new(),
        seq => format!(" (number {seq})"),
    };
    let name = format!("{}/{}", text(run, "bot"), text(run, "behavior"));
    let mut lines = vec![
        format!("{name}  {}  run {}", state(run), text(run, "id")),
        format!(
            "began {} by event {}{numbered}, version {version}",
            second(text(run, "started_at")),
            text(run, "event"),
        ),
    ];
    if let Some(chat) = run.get("chat").and_then(Value::as_str) {
        lines.push(format!("in chat {chat}"));
    }
    let trace = run.get("trace").and_then(Value::as_array);
    let steps: Vec<&Value> = trace.into_iter().flatten().collect();
    let longest = |field: &str| steps.iter().map(|step| text(step, field).len()).max();
    let (places, words) =
        (longest("place").unwrap_or_default(), longest("step").unwrap_or_default());
    for step in steps {
        let (place, word) = (text(step, "place"), text(step, "step"));
        let took = step.get("took_us").and_then(Value::as_u64);
        let took = took.map(|took| format!("  {}.{} ms", took / 1_000, took % 1_000 / 100));
        let detail = detail(step.get("detail").unwrap_or(&Value::Null));
        let line = format!("  {place:places$}  {word:words$}  {detail}");
        lines.push(format!("{}{}", line.trim_end(), took.unwrap_or_default()));
    }
    lines
}

/// What came of a step: conditions with what they saw, all else as it is kept.
fn detail(detail: &Value) -> String {
    let saw = |when: &Value, value: &Value| match when.as_str() {
        Some(when) => format!("{when} saw {value}"),
        None => format!("{when} saw {value}"),
    };
    let one = |condition: &Value| {
        let field = |name: &str| condition.get(name).unwrap_or(&Value::Null);
        saw(field("when"), field("value"))
    };
    if let Some(conditions) = detail.get("conditions").and_then(Value::as_array) {
        let branch = match detail.get("branch") {
            Some(Value::Null) | None => "none".to_owned(),
            Some(Value::String(word)) => word.clone(),
            Some(branch) => branch.to_string(),
        };
        let conditions: Vec<String> = conditions.iter().map(one).collect();
        return format!("branch {branch}: {}", conditions.join(", "));
    }
    match (detail.get("when").or_else(|| detail.get("while")), detail.get("value")) {
        (Some(when), Some(value)) => saw(when, value),
        _ => detail.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_told_step_by_step() {
        let run = json!({
            "id": "0192f0c1", "bot": "pizzeria", "bot_version": "9f86d081884c7d659a", "behavior": "order",
            "event": "0192f0c0", "event_seq": 41, "chat": "c1", "started_at": "2026-11-22T09:12:31.5Z",
            "state": { "state": "stopped", "reason": "template_failed", "message": "a.yaml:7: no" },
            "trace": [
                { "place": "a.yaml:4", "step": "when", "detail": { "when": "event.text", "value": "hi" } },
                { "place": "a.yaml:6", "step": "choose", "took_us": 1_250,
                  "detail": { "branch": 1, "conditions": [
                      { "when": "session.a", "value": null }, { "when": "session.b", "value": 3 }] } },
                { "place": "a.yaml:10", "step": "say", "took_us": 40, "detail": { "text": "Hello." } },
            ],
        });
        assert_eq!(
            told(&run),
            [
                "pizzeria/order  stopped: template_failed: a.yaml:7: no  run 0192f0c1",
                "began 2026-11-22T09:12:31Z by event 0192f0c0 (number 41), version 9f86d081884c",
                "in chat c1",
                "  a.yaml:4   when    event.text saw \"hi\"",
                "  a.yaml:6   choose  branch 1: session.a saw null, session.b saw 3  1.2 ms",
                "  a.yaml:10  say     {\"text\":\"Hello.\"}  0.0 ms",
            ]
        );
        let waiting = json!({ "state": { "state": "waiting", "wait": { "for": "time", "until": "2026-11-22T10:00:00Z" } } });
        assert_eq!(state(&waiting), "waiting for time until 2026-11-22T10:00:00Z");
    }
}
