//! Questions: events that somebody raises and waits for the answer of, as a call of a hook.
//!
//! The question is committed before anybody is asked, with a timer for its deadline. Whoever answers first, a behavior or
//! the default, takes a claim, and the same commit tells the answer in the log as `question.answered`: who waits reads it
//! there, at whatever node it was given. A later answer is noted in the trace of its run, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_behaviors::{Run, RunState};
use tidings_catalogue::{Answer, Catalogue, Kind};
use tidings_model::{
    Author, BotName, Clock, Draft, Event, EventId, RunId, Seq, Timestamp, TypeName, Visibility,
    WorkspaceId,
};
use tidings_store::{
    Batch, Claim, CommitError, DocumentQuery, Follower, Kind as StoreKind, ReadError, Scan, Timer,
    TimerChange, TimerName,
};

use super::enact::set_timer;
use super::reader::StepFailed;
use super::scene::seen;
use super::telegram::precheckout;
use super::tries::later;
use crate::App;

/// The first word of the timers' names.
pub(crate) const TIMER: &str = "question";

/// How the claim of an answer begins; the event's id follows.
const ANSWERED: &str = "answered:question:";

/// The type by which a behavior calls one of another bot.
pub(super) const CALLED: &str = "behavior.called";

/// The type of an answer's event.
const ANSWERED_TYPE: &str = "question.answered";

/// How much longer than its deadline an answer is waited for: the default is committed and read in that time.
const GRACE: Duration = Duration::from_secs(2);

/// How long after a run of it a question is given up when no other run waits: those that hear it begin within moments.
const SETTLED_AFTER: Duration = Duration::from_millis(100);

/// How many runs of one question are looked at.
const RUNS_MAX: usize = 100;

/// How many events of the log are looked at together.
const LOOK_EVENTS_MAX: usize = 256;

/// A question that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The question.
    pub question: Arc<Event>,
    /// The answer.
    pub answer: Value,
    /// Whether nobody answered, and this is what the catalogue says for that case.
    pub is_default: bool,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The type does not ask.
    #[error("nobody answers a {event_type}")]
    NotAQuestion {
        /// Which.
        event_type: String,
    },
    /// What is asked is not as the type says.
    #[error("{violation}")]
    Invalid {
        /// What is wrong first.
        violation: String,
    },
    /// It could not be read.
    #[error("the question could not be asked")]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error("the question could not be asked")]
    Commit(#[source] CommitError),
}

/// Asks, and waits for the answer: at most as long as the catalogue says for the type.
pub async fn ask(
    app: &App,
    workspace: WorkspaceId,
    event_type: &str,
    data: Value,
    author: Author,
) -> Result<Answered, AskError> {
    let unknown = || AskError::NotAQuestion { event_type: event_type.to_owned() };
    let known = app.catalogue.get_str(event_type).ok_or_else(unknown)?;
    let answer = known.answer.as_ref().ok_or_else(unknown)?;
    known.validate(&data).map_err(|violations| AskError::Invalid {
        violation: violations.first().map(ToString::to_string).unwrap_or_default(),
    })?;
    let id = app.next_event_id();
    let mut draft = Draft::new(id, known.name.clone(), workspace, app.now(), data);
    draft.author = author;
    let is_heard = app
        .directory(workspace)
        .is_some_and(|directory| !directory.bots().listeners(&known.name).is_empty());
    let mut batch = Batch::new(workspace);
    let within = Duration::from_millis(answer.within_ms.into());
    if is_heard {
        put(draft, within, &mut batch);
    } else {
        draft.visibility = Visibility::Agents;
        batch.events.push(draft);
        // Nobody listens, so nobody needs to be waited for.
        put_default(answer, (id, &known.name), app.clock.as_ref(), &mut batch);
    }
    let committed = app.commit(batch).await.map_err(AskError::Commit)?;
    let question = committed.events.into_iter().next().expect("the batch had it first");
    let waited = tokio::time::timeout(within + GRACE, wait(app, &question)).await;
    match waited {
        Ok(answered) => Ok(answered?),
        // The node that has the timer is away: the caller is not kept waiting for it.
        Err(_) => Ok(Answered { question, answer: answer.default.clone(), is_default: true }),
    }
}

/// Puts a question into a commit, with the timer for its deadline.
pub(super) fn put(mut question: Draft, within: Duration, batch: &mut Batch) {
    question.visibility = Visibility::Agents;
    batch.timers.push(timer(question.id, later(question.received_at, within)));
    batch.events.push(question);
}

/// The answer to a question, if there is one by now.
pub(super) async fn answer_to(
    app: &App,
    workspace: WorkspaceId,
    question: EventId,
) -> Result<Option<Value>, ReadError> {
    let Some(told) = app.store.claim(workspace, &answered_claim(question)).await? else {
        return Ok(None);
    };
    let answered = app.store.event(workspace, told).await?;
    Ok(answered.map(|event| event.data.get("answer").cloned().unwrap_or_default()))
}

/// Reads the log until the answer is in it.
async fn wait(app: &App, question: &Arc<Event>) -> Result<Answered, ReadError> {
    let before = Seq(question.seq.0.saturating_sub(1));
    let mut log = Follower::new(Arc::clone(&app.store), question.workspace, before);
    loop {
        for event in log.next(LOOK_EVENTS_MAX).await? {
            let is_answer =
                event.event_type.as_str() == ANSWERED_TYPE && event.cause == Some(question.id);
            if is_answer {
                let field = |name: &str| event.data.get(name).cloned().unwrap_or_default();
                return Ok(Answered {
                    question: Arc::clone(question),
                    answer: field("answer"),
                    is_default: field("by") == "default",
                });
            }
        }
    }
}

/// Puts a bot's answer into a commit: its claim, the event that tells of it, and the end of the deadline. `event` is what
/// the bot's turn is about: the question, or what came to the run later.
pub(super) fn put_answer(
    (question, event_type): (EventId, &str),
    answer: &Value,
    (bot, event): (&BotName, &Event),
    clock: &dyn Clock,
    batch: &mut Batch,
) {
    let data = json!({
        "event": question, "event_type": event_type, "answer": answer, "by": "behavior",
    });
    let id = EventId::new(clock.next_id());
    let told = Draft::new(id, answered_type(), batch.workspace, clock.now(), data);
    let mut told = told.caused_by(event);
    told.cause = Some(question);
    told.author = Author::bot(bot);
    told.visibility = Visibility::Agents;
    batch.claims.push(claim(question, told.id));
    batch.timers.push(end_of_deadline(question, event_type, clock.now()));
    batch.events.push(told);
}

/// What becomes of the timer of a question that has its answer. That of a call rings at once: a run waits for it.
fn end_of_deadline(question: EventId, event_type: &str, now: Timestamp) -> TimerChange {
    let name = timer_name(question);
    if event_type == CALLED {
        return timer(question, now);
    }
    TimerChange::Cancel { name }
}

/// The default, told as the answer.
fn put_default(
    answer: &Answer,
    (question, event_type): (EventId, &TypeName),
    clock: &dyn Clock,
    batch: &mut Batch,
) {
    let data = json!({
        "event": question, "event_type": event_type.as_str(), "answer": answer.default,
        "by": "default",
    });
    let id = EventId::new(clock.next_id());
    let mut told = Draft::new(id, answered_type(), batch.workspace, clock.now(), data);
    told.visibility = Visibility::Agents;
    told.cause = Some(question);
    told.root = question;
    told.depth = 1;
    batch.claims.push(claim(question, told.id));
    batch.events.push(told);
}

/// Answers a question by default, as nobody did; nothing where somebody has meanwhile.
pub(super) async fn answer_by_default(app: &App, question: &Event) -> Result<(), StepFailed> {
    let known = app.catalogue.get(&question.event_type);
    let Some(answer) = known.and_then(|known| known.answer.as_ref()) else { return Ok(()) };
    let mut batch = Batch::new(question.workspace);
    put_default(answer, (question.id, &question.event_type), app.clock.as_ref(), &mut batch);
    batch.timers.push(end_of_deadline(question.id, question.event_type.as_str(), app.now()));
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::Claimed { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// All who hear a question have begun. When no run of it waits, the caller need not wait for the deadline.
pub(super) async fn all_began(app: &App, question: &Event) -> Result<(), StepFailed> {
    if !is_left_alone(app, question).await? {
        return Ok(());
    }
    answer_by_default(app, question).await
}

/// A run of a question is over, and others may be about to begin, at another node. When none waits soon, the caller need
/// not wait for the deadline.
pub(super) async fn run_is_over(app: &App, question: &Event) -> Result<(), StepFailed> {
    if !is_left_alone(app, question).await? {
        return Ok(());
    }
    let mut batch = Batch::new(question.workspace);
    batch.timers.push(timer(question.id, later(app.now(), SETTLED_AFTER)));
    app.commit(batch).await?;
    Ok(())
}

/// Whether a question has no answer, and no run that may give one.
async fn is_left_alone(app: &App, question: &Event) -> Result<bool, ReadError> {
    Ok(is_question(&app.catalogue, &question.event_type)
        && !is_answered(app, question).await?
        && !is_waited_on(app, question).await?)
}

fn timer(question: EventId, due: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer_name(question), due, body: json!({ "event": question }) }
}

async fn is_answered(app: &App, question: &Event) -> Result<bool, ReadError> {
    Ok(app.store.claim(question.workspace, &answered_claim(question.id)).await?.is_some())
}

/// Whether a run of a question waits, so that it may still answer.
async fn is_waited_on(app: &App, question: &Event) -> Result<bool, ReadError> {
    let scan = Scan::Equal { name: "event", value: question.id.to_string() };
    let query = DocumentQuery { kind: StoreKind::Run, scan, after: None, limit: RUNS_MAX };
    let runs = app.store.documents(question.workspace, query).await?.documents;
    for run in runs {
        if matches!(seen::<Run>(run)?.value.state, RunState::Waiting { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The deadline of a question that was given up too early, as a run of it began meanwhile: that one has its time.
async fn early(app: &App, question: &Event) -> Result<Option<Timestamp>, ReadError> {
    let known = app.catalogue.get(&question.event_type);
    let Some(answer) = known.and_then(|known| known.answer.as_ref()) else { return Ok(None) };
    let deadline = later(question.received_at, Duration::from_millis(answer.within_ms.into()));
    let is_early = app.now() < deadline
        && !is_answered(app, question).await?
        && is_waited_on(app, question).await?;
    Ok(is_early.then_some(deadline))
}

/// The deadline of a question has come. What makes a second call harmless: the answer's claim.
pub(crate) async fn ring(app: &App, timer: &Timer) -> Result<(), StepFailed> {
    let id = timer.body.get("event").and_then(Value::as_str);
    let question = match id.and_then(|id| id.parse::<EventId>().ok()) {
        Some(id) => app.store.event(timer.workspace, id).await?,
        None => None,
    };
    let mut batch = Batch::new(timer.workspace);
    if let Some(question) = question {
        if let Some(deadline) = early(app, &question).await? {
            batch.timers.push(self::timer(question.id, deadline));
            app.commit(batch).await?;
            return Ok(());
        }
        answer_by_default(app, &question).await?;
        batch.timers.extend(wake_caller(&question, app.now()));
    }
    batch.timers.push(TimerChange::Cancel { name: timer.name.clone() });
    app.commit(batch).await?;
    Ok(())
}

/// The run that waits for what it called goes on.
fn wake_caller(question: &Event, now: Timestamp) -> Option<TimerChange> {
    let run = question.data.get("run").filter(|_| question.event_type.as_str() == CALLED)?;
    let run: RunId = run.as_str()?.parse().ok()?;
    Some(set_timer(run, now))
}

/// Whether an event is a question that is answered here: those of a channel have a way of their own.
pub(super) fn is_question(catalogue: &Catalogue, event_type: &TypeName) -> bool {
    let asks = catalogue
        .get(event_type)
        .is_some_and(|known| known.answer.is_some() && known.kind != Kind::Before);
    asks && event_type.as_str() != precheckout::PRECHECKOUT
}

/// Whether a claim is that of an answer.
pub(super) fn is_answer(claim: &str) -> bool {
    claim.starts_with(ANSWERED)
}

fn claim(question: EventId, answer: EventId) -> Claim {
    Claim { name: answered_claim(question), outcome: Some(answer) }
}

fn answered_claim(question: EventId) -> String {
    format!("{ANSWERED}{question}")
}

fn timer_name(question: EventId) -> TimerName {
    TimerName(format!("{TIMER}:{question}"))
}

fn answered_type() -> TypeName {
    ANSWERED_TYPE.parse().expect("a good name")
}
