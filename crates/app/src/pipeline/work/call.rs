//! The work of `call` where the behavior is another bot's: a question in the log, which that behavior hears and answers
//! with what it leaves. The run waits without holding anything: the answer sets its timer, see [`question`].
//!
//! A second call of the same order finds the question by its claim.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_behaviors::{WorkFailed, parse_duration};
use tidings_model::{Author, AuthorKind, BotName, Draft};
use tidings_store::{Batch, Claim, CommitError};

use super::{Job, Outcome, keys};
use crate::pipeline::question::{self, CALLED};
use crate::pipeline::reader::StepFailed;

/// How long a call waits where `timeout` does not say: the called one may call others, and they others.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The longest that a call waits: time enough for the called one to ask a customer something.
const TIMEOUT_MAX: Duration = Duration::from_hours(24);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    bot: BotName,
    behavior: String,
    #[serde(default)]
    with: Map<String, Value>,
    #[serde(default)]
    timeout: Option<String>,
}

/// What the called behavior left; `None` while it is not through.
pub(super) async fn call(job: &Job<'_>, with: &Value) -> Result<Option<Outcome>, StepFailed> {
    let workspace = job.cause.workspace;
    let asked = job.app.store.claim(workspace, &job.name()).await?;
    let Some(question) = asked else {
        return match prepare(job, with) {
            Ok(draft_within) => raise(job, draft_within).await,
            Err(failed) => Ok(Some(Err(failed))),
        };
    };
    let answer = question::answer_to(job.app, workspace, question).await?;
    Ok(answer.as_ref().map(outcome))
}

/// The question, and how long it is waited for.
fn prepare(job: &Job<'_>, with: &Value) -> Result<(Draft, Duration), WorkFailed> {
    let wanted: Wanted = keys(with)?;
    let within = match &wanted.timeout {
        None => TIMEOUT,
        Some(text) => timeout(text)?,
    };
    let data = json!({
        "bot": wanted.bot, "behavior": wanted.behavior, "with": wanted.with,
        "by": { "bot": job.run.bot, "behavior": job.run.behavior }, "run": job.run.id,
    });
    let catalogue = job.directory.catalogue();
    let known = catalogue.get_str(CALLED);
    let bots = job.directory.bots();
    let mut listeners = known.into_iter().flat_map(|known| bots.listeners(&known.name));
    let is_there = listeners.any(|listener| listener.heard.matches(None, AuthorKind::Bot, &data));
    let (Some(known), true) = (known, is_there) else {
        let Wanted { bot, behavior, .. } = &wanted;
        let message = format!("the bot {bot} has no public behavior {behavior:?} that is live");
        return Err(WorkFailed::new("unknown_behavior", message));
    };
    let id = job.app.next_event_id();
    let now = job.app.now();
    let draft = Draft::new(id, known.name.clone(), job.cause.workspace, now, data);
    let mut draft = draft.caused_by(job.cause);
    draft.author = Author::bot(&job.run.bot);
    (draft.channel, draft.chat, draft.thread) =
        (job.cause.channel, job.cause.chat, job.cause.thread);
    Ok((draft, within))
}

fn timeout(text: &str) -> Result<Duration, WorkFailed> {
    let within = parse_duration(text).ok().and_then(|length| Duration::try_from(length).ok());
    within.filter(|within| (Duration::from_secs(1)..=TIMEOUT_MAX).contains(within)).ok_or_else(
        || {
            let hours = TIMEOUT_MAX.as_secs() / 3_600;
            let message = format!("timeout: {text:?} is no time from 1s to {hours}h");
            WorkFailed::new("wrong_value", message)
        },
    )
}

async fn raise(
    job: &Job<'_>,
    (draft, within): (Draft, Duration),
) -> Result<Option<Outcome>, StepFailed> {
    let mut batch = Batch::new(job.cause.workspace);
    batch.claims.push(Claim { name: job.name(), outcome: Some(draft.id) });
    question::put(draft, within, &mut batch);
    match job.app.commit(batch).await {
        // Claimed by who did the order at the same time: it waits for the same question.
        Ok(_) | Err(CommitError::Claimed { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An answer as what comes of an order.
fn outcome(answer: &Value) -> Outcome {
    let Some(error) = answer.get("error") else {
        return Ok(answer.get("result").cloned().unwrap_or_default());
    };
    let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    Err(WorkFailed::new(field("code"), field("message")))
}
