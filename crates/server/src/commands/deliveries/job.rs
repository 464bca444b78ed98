//! Sending again what was lost: jobs, from the command that begins one to the line that says what became of it.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::say;
use super::list::{items, number, second, text};
use crate::cli::jobs::{How, Jobs, JobsAction, JobsList, Recover, Replay};
use crate::client::ApiClient;
use crate::clock::SystemClock;
use tidings_model::Clock;

/// How often is looked how far a job is.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How many jobs are listed: more are not kept.
const LISTED: usize = 200;

/// Sends again what failed.
pub(super) async fn recover(client: &ApiClient, options: &Recover) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let mut body = Map::from_iter([("since".to_owned(), json!(options.since.said(now)))]);
    put(&mut body, "until", options.until.map(|until| until.said(now)));
    begin(client, &options.endpoint, "recover", body, &options.how).await
}

/// Sends a range of the log.
pub(super) async fn replay(client: &ApiClient, options: &Replay) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let mut body = Map::new();
    put(&mut body, "from_seq", options.from_seq);
    put(&mut body, "to_seq", options.to_seq);
    put(&mut body, "since", options.since.map(|since| since.said(now)));
    put(&mut body, "until", options.until.map(|until| until.said(now)));
    begin(client, &options.endpoint, "replay", body, &options.how).await
}

/// `tidings jobs`.
pub(crate) async fn jobs(options: Jobs) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server.checked()?)?;
    match options.action {
        None => list(&client, &options.list).await?,
        Some(JobsAction::Show { id, wait: true, json: _ }) => return wait(&client, &id).await,
        Some(JobsAction::Show { id, wait: false, json }) => {
            let job = client.get(&path(&id, ""), &[]).await?;
            if json {
                say(serde_json::to_string_pretty(&job)?)?;
            } else {
                say(line(&job))?;
            }
        }
        Some(JobsAction::Cancel { id }) => {
            say(line(&client.post(&path(&id, "/cancel"), &json!({})).await?))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &ApiClient, options: &JobsList) -> anyhow::Result<()> {
    let mut query = vec![("limit", LISTED.to_string())];
    query.extend(options.endpoint.clone().map(|id| ("endpoint", id)));
    let page = client.get("/api/v1/jobs", &query).await?;
    for job in items(&page) {
        if options.json {
            say(job)?;
        } else {
            say(line(job))?;
        }
    }
    Ok(())
}

async fn begin(
    client: &ApiClient,
    endpoint: &str,
    what: &str,
    mut body: Map<String, Value>,
    how: &How,
) -> anyhow::Result<ExitCode> {
    body.insert("types".into(), json!(how.types));
    body.insert("dry_run".into(), json!(how.dry_run));
    let endpoint: String = url::form_urlencoded::byte_serialize(endpoint.as_bytes()).collect();
    let path = format!("/api/v1/endpoints/{endpoint}/{what}");
    let answer = client.post(&path, &Value::Object(body)).await?;
    if how.dry_run {
        preview(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    say(line(&answer))?;
    match how.wait {
        true => wait(client, text(&answer, "id")).await,
        false => Ok(ExitCode::SUCCESS),
    }
}

/// Says what would be sent.
fn preview(answer: &Value) -> anyhow::Result<()> {
    let of = number(answer, "of");
    let more = if answer.get("is_all") == Some(&Value::Bool(true)) { "" } else { " or more" };
    say(format_args!("{of}{more} would be sent"))?;
    let first = answer.get("first").and_then(Value::as_array);
    for event in first.into_iter().flatten() {
        let (at, seq) = (second(text(event, "received_at")), number(event, "seq"));
        let (name, id) = (text(event, "event_type"), text(event, "event"));
        say(format_args!("{at:20}  {seq:>8}  {name:24}  {id}"))?;
    }
    Ok(())
}

/// Says how far a job is whenever that changes, until it has ended. Fails when not all was taken.
async fn wait(client: &ApiClient, id: &str) -> anyhow::Result<ExitCode> {
    let mut said = String::new();
    loop {
        let job = client.get(&path(id, ""), &[]).await?;
        let now = line(&job);
        if now != said {
            say(&now)?;
            said = now;
        }
        let failed = job.get("progress").map_or(0, |progress| number(progress, "failed"));
        match text(&job, "state") {
            "running" => tokio::time::sleep(LOOK_INTERVAL).await,
            "done" if failed == 0 => return Ok(ExitCode::SUCCESS),
            _ => return Ok(ExitCode::FAILURE),
        }
    }
}

/// A job in a line.
fn line(job: &Value) -> String {
    let none = Value::Null;
    let progress = job.get("progress").unwrap_or(&none);
    let of = progress.get("of").and_then(Value::as_u64);
    let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
    let [done, failed, skipped] = ["done", "failed", "skipped"].map(|name| number(progress, name));
    let reason = match text(job, "reason") {
        "" => String::new(),
        reason => format!("  {reason}"),
    };
    let (at, id) = (second(text(job, "started_at")), text(job, "id"));
    let (task, state) = (text(job, "task"), text(job, "state"));
    format!(
        "{at:20}  {id}  {task:7}  {state:9}  {done} taken, {failed} failed, {skipped} skipped{of}{reason}"
    )
}

fn put<T: Into<Value>>(body: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        body.insert(name.into(), value.into());
    }
}

/// The path of a job; what is no id stays in its place of the path, and is told by the server.
fn path(id: &str, what: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("/api/v1/jobs/{id}{what}")
}
