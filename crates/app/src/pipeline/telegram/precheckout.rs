//! Pre-checkout queries: a customer pressed Pay, and Telegram waits ten seconds for yes or no.
//!
//! The commit that receives the query sets a timer. Whoever answers first takes a claim, and the same commit gives the
//! timer the answer and lets it ring at once; at the deadline it rings without one, and the channel's default is the
//! answer. The call is then repeated while Telegram still waits, so a crash at any point loses no answer that can
//! still be given. A payment that does not come about is told by `payment.failed`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_channels::telegram::{
    NextStep, PrecheckoutDefault, Reply, Settings, answer_precheckout as answer_call,
};
use tidings_model::{Draft, Event, EventId, Timestamp, TypeName, Visibility, WorkspaceId};
use tidings_store::{Batch, Claim, CommitError, ReadError, Timer, TimerChange, TimerName};

use super::call::{ANSWER_TIME_MAX, Called, call};
use super::open::OpenChannel;
use super::{consequence, drop_timer, warn_unusable};
use crate::directory::Directory;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::tries::later;
use crate::{App, known};

/// The type of the query's event.
pub(in crate::pipeline) const PRECHECKOUT: &str = "payment.precheckout";

/// How the claim of an answer begins; the event's id follows.
const ANSWERED: &str = "answered:precheckout:";

/// How long Telegram waits (Bot API, answerPreCheckoutQuery: "within 10 seconds").
const TELEGRAM_WAITS: Duration = Duration::from_secs(10);

/// How long an answer is waited for, where the catalogue does not say.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// The pause before the call is repeated: several tries fit into the two seconds that are left.
const REPEAT_PAUSE: Duration = Duration::from_millis(300);

/// The longest reason that a payer reads, in characters; the settings have the same limit for theirs.
pub use tidings_channels::telegram::settings::REFUSAL_CHARS_MAX;

/// What is answered to a payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "AnswerBody", try_from = "AnswerBody")]
pub enum PrecheckoutAnswer {
    /// The payment may go on.
    Ok,
    /// It may not.
    Refuse {
        /// Why, for the payer.
        error_message: String,
    },
}

/// The answer as the catalogue describes it.
#[derive(Clone, Serialize, Deserialize)]
struct AnswerBody {
    ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

impl From<PrecheckoutAnswer> for AnswerBody {
    fn from(answer: PrecheckoutAnswer) -> Self {
        match answer {
            PrecheckoutAnswer::Ok => Self { ok: true, error_message: None },
            PrecheckoutAnswer::Refuse { error_message } => {
                Self { ok: false, error_message: Some(error_message) }
            }
        }
    }
}

/// A refusal has a reason of 1 to [`REFUSAL_CHARS_MAX`] characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a refusal needs an error_message of 1 to {REFUSAL_CHARS_MAX} characters")]
pub struct NoReason;

impl TryFrom<AnswerBody> for PrecheckoutAnswer {
    type Error = NoReason;

    fn try_from(body: AnswerBody) -> Result<Self, NoReason> {
        Self::new(body.ok, body.error_message)
    }
}

impl PrecheckoutAnswer {
    /// From the two fields that the catalogue gives an answer.
    pub fn new(ok: bool, error_message: Option<String>) -> Result<Self, NoReason> {
        match (ok, error_message) {
            (true, _) => Ok(Self::Ok),
            (false, Some(error_message))
                if (1..=REFUSAL_CHARS_MAX).contains(&error_message.chars().count()) =>
            {
                Ok(Self::Refuse { error_message })
            }
            (false, _) => Err(NoReason),
        }
    }
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no such event.
    #[error("there is no event {event}")]
    UnknownEvent {
        /// Which one.
        event: EventId,
    },
    /// Nobody waits for an answer to it.
    #[error("nobody waits for an answer to a {event_type}")]
    NotAQuestion {
        /// What it is.
        event_type: TypeName,
    },
    /// It was answered before: by somebody else, or by the default when its time was over.
    #[error("the event was answered before")]
    Answered,
    /// It could not be read.
    #[error("the answer could not be taken")]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error("the answer could not be taken")]
    Commit(#[source] CommitError),
}

/// Answers a query; the first answer counts. On return it is durable, and goes to Telegram at once.
pub async fn answer_precheckout(
    app: &App,
    workspace: WorkspaceId,
    event: EventId,
    answer: PrecheckoutAnswer,
) -> Result<(), AnswerError> {
    let found = app.store.event(workspace, event).await?;
    let found = found.ok_or(AnswerError::UnknownEvent { event })?;
    if found.event_type.as_str() != PRECHECKOUT {
        return Err(AnswerError::NotAQuestion { event_type: found.event_type.clone() });
    }
    match app.commit(answered(app, workspace, event, &answer)).await {
        Ok(_) => Ok(()),
        Err(CommitError::Claimed { .. }) => Err(AnswerError::Answered),
        Err(error) => Err(AnswerError::Commit(error)),
    }
}

/// Sets the timer of a query that is being received: at the deadline when an answer is worth waiting for, else now.
///
/// It is worth it when a behavior listens, or when only an answer could let the payment pass: a program that follows the
/// log through the API may give one, and nobody can tell beforehand whether it does.
pub(super) fn expect_answer(
    app: &App,
    workspace: WorkspaceId,
    settings: &Settings,
    draft: &Draft,
    batch: &mut Batch,
) {
    let listens = app
        .directory(workspace)
        .is_some_and(|directory| !directory.bots().listeners(&draft.event_type).is_empty());
    let refused_unless_answered = match settings.precheckout_default {
        PrecheckoutDefault::Ok => false,
        PrecheckoutDefault::Refuse(_) => true,
    };
    let wait = if listens || refused_unless_answered {
        let known = app.catalogue.get(&draft.event_type);
        known.and_then(|known| known.answer.as_ref()).map_or(ANSWER_WITHIN, |answer| {
            Duration::from_millis(answer.within_ms.into()).min(ANSWER_WITHIN)
        })
    } else {
        Duration::ZERO
    };
    batch.timers.push(TimerChange::Set {
        name: timer_name(draft.id),
        due: later(draft.received_at, wait),
        body: json!({ "event": draft.id }),
    });
}

/// The timer rang: the time is over, or there is an answer to give. What makes a second call harmless: the default takes
/// the claim of the answer, and what was given takes the timer.
pub(crate) async fn ring(
    app: &Arc<App>,
    directory: &Directory,
    timer: &Timer,
) -> Result<(), StepFailed> {
    let id = timer.body.get("event").and_then(Value::as_str);
    let Some(id) = id.and_then(|id| id.parse::<EventId>().ok()) else {
        return drop_timer(app, timer, None).await;
    };
    let Some(event) = app.store.event(timer.workspace, id).await? else {
        return drop_timer(app, timer, None).await;
    };
    known::seek(app, timer.workspace, |directory| {
        event.channel.is_none_or(|channel| directory.channel(channel).is_some())
    })
    .await?;
    let open = event.channel.map(|channel| (channel, app.telegram.find(app, directory, channel)));
    let open = match open {
        Some((_, Ok(open))) => open,
        Some((channel, Err(unusable))) => {
            warn_unusable(channel, &unusable);
            return fail(app, timer, &event, TIMED_OUT, "the channel cannot be used now").await;
        }
        None => return drop_timer(app, timer, None).await,
    };
    match timer.body.get("answer").map(PrecheckoutAnswer::deserialize) {
        Some(Ok(answer)) => give(app, &open, timer, &event, answer).await,
        Some(Err(_)) | None => decide_by_default(app, &open, timer).await,
    }
}

async fn decide_by_default(app: &App, open: &OpenChannel, timer: &Timer) -> Result<(), StepFailed> {
    let Some(id) = timer.body.get("event").and_then(Value::as_str).and_then(|id| id.parse().ok())
    else {
        return drop_timer(app, timer, None).await;
    };
    let answer = match &open.settings.precheckout_default {
        PrecheckoutDefault::Ok => PrecheckoutAnswer::Ok,
        PrecheckoutDefault::Refuse(reason) => {
            PrecheckoutAnswer::Refuse { error_message: reason.clone() }
        }
    };
    match app.commit(answered(app, timer.workspace, id, &answer)).await {
        // Claimed: somebody answered meanwhile, and their commit set the timer.
        Ok(_) | Err(CommitError::Claimed { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The commit of an answer.
fn answered(
    app: &App,
    workspace: WorkspaceId,
    event: EventId,
    answer: &PrecheckoutAnswer,
) -> Batch {
    let mut batch = Batch::new(workspace);
    put_answer(&mut batch, event, answer, app.now());
    batch
}

/// Puts an answer into a commit: its claim, and the timer with the answer in it, due now.
pub(in crate::pipeline) fn put_answer(
    batch: &mut Batch,
    event: EventId,
    answer: &PrecheckoutAnswer,
    now: Timestamp,
) {
    batch.claims.push(Claim { name: format!("{ANSWERED}{event}"), outcome: Some(event) });
    batch.timers.push(TimerChange::Set {
        name: timer_name(event),
        due: now,
        body: json!({ "event": event, "answer": AnswerBody::from(answer.clone()) }),
    });
}

/// Whether a claim is that of an answer.
pub(in crate::pipeline) fn is_answer(claim: &str) -> bool {
    claim.starts_with(ANSWERED)
}

/// Gives an answer to Telegram.
async fn give(
    app: &App,
    open: &OpenChannel,
    timer: &Timer,
    event: &Event,
    answer: PrecheckoutAnswer,
) -> Result<(), StepFailed> {
    let query_id = event.data.get("query_id").and_then(Value::as_str).unwrap_or_default();
    if app.now() > too_late_at(event) {
        return fail(app, timer, event, TIMED_OUT, "the answer came too late").await;
    }
    let reason = match &answer {
        PrecheckoutAnswer::Ok => None,
        PrecheckoutAnswer::Refuse { error_message } => Some(error_message.as_str()),
    };
    let called = call(app, &open.settings, &answer_call(query_id, reason), ANSWER_TIME_MAX).await;
    let pause = match &called {
        Called::Answered { reply: Reply::Ok { .. }, .. } => {
            return match answer {
                PrecheckoutAnswer::Ok => drop_timer(app, timer, None).await,
                PrecheckoutAnswer::Refuse { error_message } => {
                    fail(app, timer, event, REFUSED, &error_message).await
                }
            };
        }
        Called::Answered { reply, .. } => match reply.next_step() {
            NextStep::TryAgain { after_s } => Duration::from_secs(after_s).min(TELEGRAM_WAITS),
            NextStep::GiveUp | NextStep::StopChannel | NextStep::SendTo { .. } | NextStep::Done => {
                return fail(app, timer, event, TIMED_OUT, &called.problem()).await;
            }
        },
        Called::Failed { .. } => REPEAT_PAUSE,
    };
    let due = later(app.now(), pause);
    if due > too_late_at(event) {
        return fail(app, timer, event, TIMED_OUT, &called.problem()).await;
    }
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    batch.timers.push(TimerChange::Set { name: timer.name.clone(), due, body: timer.body.clone() });
    commit_taken(app, batch).await
}

const TIMED_OUT: &str = "precheckout_timed_out";
const REFUSED: &str = "precheckout_refused";

/// Tells that the payment did not come about.
async fn fail(
    app: &App,
    timer: &Timer,
    event: &Event,
    reason: &'static str,
    error_message: &str,
) -> Result<(), StepFailed> {
    let mut data = Map::new();
    data.insert("reason".into(), reason.into());
    data.insert("error_message".into(), error_message.into());
    for field in ["payload", "currency", "total_amount"] {
        if let Some(value) = event.data.get(field) {
            data.insert(field.into(), value.clone());
        }
    }
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    let mut failed = consequence(app, event, "payment.failed", Value::Object(data));
    failed.visibility = Visibility::Agents;
    batch.events.push(failed);
    commit_taken(app, batch).await
}

/// Commits what takes a timer; when it is gone, somebody else did the work.
async fn commit_taken(app: &App, batch: Batch) -> Result<(), StepFailed> {
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn too_late_at(event: &Event) -> Timestamp {
    later(event.received_at, TELEGRAM_WAITS)
}

fn timer_name(event: EventId) -> TimerName {
    TimerName(format!("precheckout:{event}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_the_catalogue_describes_it() {
        let read = |value: Value| serde_json::from_value::<PrecheckoutAnswer>(value);
        assert_eq!(read(json!({"ok": true})).ok(), Some(PrecheckoutAnswer::Ok));
        let refusal = PrecheckoutAnswer::Refuse { error_message: "Sold out.".into() };
        let body = json!({"ok": false, "error_message": "Sold out."});
        assert_eq!(read(body.clone()).ok(), Some(refusal.clone()));
        assert_eq!(serde_json::to_value(refusal).ok(), Some(body));
        assert!(read(json!({"ok": false})).is_err(), "a refusal without a reason");
        assert!(read(json!({"ok": false, "error_message": ""})).is_err());
    }
}
