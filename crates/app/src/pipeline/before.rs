//! What behaviors say of something that is about to happen: they change it, or refuse it, within a time budget.
//!
//! They are asked one after the other, by bot and then by priority, and each sees what the one before it made of it. The
//! first refusal ends it. When the time is over, or a behavior fails, the type says whether it passes as it is then, or
//! not at all. Every run is kept with its trace. Asking a second time is harmless: nothing happens by a behavior that is
//! asked before, but for what it looks up elsewhere.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidings_behaviors::{Effect, Input, Run, RunState, Seeds, Turn, Wait, WorkFailed};
use tidings_catalogue::Kind;
use tidings_model::{
    Author, AuthorKind, Draft, Event, EventId, Seq, TypeName, Visibility, WorkspaceId, envelope,
};
use tidings_store::{Batch, CommitError, ReadError};
use tokio::time::Instant;

use super::enact::put_run;
use super::failing;
use super::react::is_paused;
use super::scene::{Scene, Seen};
use super::view::facts;
use super::work::{Job, Performed};
use crate::App;
use crate::directory::{Directory, Listener};

/// The key under which a type's default says why what nobody could decide does not pass.
const REFUSE: &str = "refuse";

/// The type by which a refusal is told.
const REFUSED: &str = "behavior.refused";

/// How often one behavior may have something looked up while something waits for it.
const ORDERS_MAX: usize = 10;

/// What is about to happen.
pub struct About<'a> {
    /// Whose.
    pub workspace: WorkspaceId,
    /// The type of the event that asks.
    pub event_type: &'static str,
    /// What it is about.
    pub data: Map<String, Value>,
    /// Who wants it.
    pub author: Author,
    /// In which chat.
    pub scene: Option<&'a Scene>,
}

/// It does not happen: a behavior refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why, for who wanted it.
    pub reason: String,
}

/// It could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum BeforeError {
    /// Something could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The runs could not be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Asks the behaviors that listen; gives what it is about as they changed it. Nobody who listens costs a look at a table.
pub async fn ask(
    app: &App,
    about: About<'_>,
) -> Result<Result<Map<String, Value>, Refused>, BeforeError> {
    let Some(known) = app.catalogue.get_str(about.event_type) else { return Ok(Ok(about.data)) };
    let (Some(directory), Kind::Before) = (app.directory(about.workspace), known.kind) else {
        return Ok(Ok(about.data));
    };
    let bots = directory.bots();
    let listeners = bots.listeners(&known.name);
    if listeners.is_empty() {
        return Ok(Ok(about.data));
    }
    let answer = known.answer.as_ref();
    let within =
        answer.map_or(Duration::ZERO, |answer| Duration::from_millis(answer.within_ms.into()));
    let if_undecided = answer
        .and_then(|answer| answer.default.get(REFUSE))
        .and_then(Value::as_str)
        .map(|reason| Refused { reason: reason.to_owned() });
    let mut asking = Asking {
        app,
        directory: &directory,
        deadline: Instant::now() + within,
        if_undecided,
        about: &about,
        event: event(app, &about),
        runs: Vec::new(),
    };
    let mut decided = Ok(());
    let paused = directory.paused();
    for listener in listeners.iter().filter(|listener| !is_paused(&paused, listener)) {
        decided = asking.ask_one(listener).await?;
        if decided.is_err() {
            break;
        }
    }
    asking.keep(&decided).await?;
    let Value::Object(data) = asking.event.data.clone() else { return Ok(Ok(about.data)) };
    Ok(decided.map(|()| data))
}

/// What somebody is about to say in a chat.
pub struct Words<'a> {
    /// Who.
    pub author: &'a Author,
    /// Where.
    pub scene: &'a Scene,
}

/// The type that asks of what somebody is about to say.
const SENDING: &str = "message.sending";

/// Whether a behavior listens to what an author is about to say: texts of persons and programs.
pub fn is_asked(app: &App, workspace: WorkspaceId, event_type: &TypeName, author: &Author) -> bool {
    let is_theirs = matches!(author.kind, AuthorKind::Agent | AuthorKind::Integration);
    let listens = || {
        let known = app.catalogue.get_str(SENDING)?;
        let directory = app.directory(workspace)?;
        Some(!directory.bots().listeners(&known.name).is_empty())
    };
    is_theirs && event_type.as_str() == "chat.message" && listens().unwrap_or_default()
}

/// Asks behaviors of what somebody is about to say, and puts the text that they make of it into its place.
pub async fn of_words(
    app: &App,
    workspace: WorkspaceId,
    words: Words<'_>,
    data: &mut Value,
) -> Result<Result<(), Refused>, BeforeError> {
    let Value::Object(fields) = data else { return Ok(Ok(())) };
    let Some(text) = fields.get("text").cloned() else { return Ok(Ok(())) };
    let author = words.author.clone();
    let asked =
        json!({ "text": text, "author": { "kind": author.kind.as_str(), "id": author.id } });
    let Value::Object(asked) = asked else { return Ok(Ok(())) };
    let about =
        About { workspace, event_type: SENDING, data: asked, author, scene: Some(words.scene) };
    Ok(ask(app, about).await?.map(|decided| {
        if let Some(text @ Value::String(_)) = decided.get("text") {
            fields.insert("text".into(), text.clone());
        }
    }))
}

/// The event that asks. It is not in the log: nothing has happened yet.
fn event(app: &App, about: &About<'_>) -> Event {
    let event_type = about.event_type.parse().expect("the types asked here are good names");
    let id = app.next_event_id();
    let mut draft =
        Draft::new(id, event_type, about.workspace, app.now(), Value::Object(about.data.clone()));
    draft.author = about.author.clone();
    if let Some(scene) = about.scene {
        let chat = &scene.chat.value;
        draft.channel = Some(chat.channel);
        draft.chat = Some(chat.id);
        draft.thread = Some(chat.thread.id);
    }
    numberless(draft)
}

fn numberless(draft: Draft) -> Event {
    let body = envelope::write(&draft);
    Event::new(Seq(0), None, draft, body.into())
}

struct Asking<'a> {
    app: &'a App,
    directory: &'a Arc<Directory>,
    deadline: Instant,
    if_undecided: Option<Refused>,
    about: &'a About<'a>,
    /// What it is about, as it was changed so far.
    event: Event,
    runs: Vec<Run>,
}

impl Asking<'_> {
    async fn ask_one(&mut self, listener: &Listener) -> Result<Result<(), Refused>, BeforeError> {
        let bot = &listener.bot;
        let channel_kind = self.directory.channel_kind(&self.event);
        let author = self.event.author.kind;
        if !listener.heard.matches(channel_kind, author, &self.event.data) {
            return Ok(Ok(()));
        }
        let facts = facts(&self.event, self.directory, self.about.scene, &bot.name);
        let id = self.app.clock.next_id();
        let seeds = Seeds { now: self.app.now(), run: id, random: id.as_u64_pair().1 };
        let started = {
            let watch = || self.app.clock.now();
            let (behavior, event) = (listener.behavior, &self.event);
            tidings_behaviors::start_watched(bot, behavior, &facts, event, seeds, Some(&watch))
        };
        let Some(mut turn) = started else { return Ok(Ok(())) };
        let mut changed = Map::new();
        let mut refused = changes(&turn, &mut changed);
        for _ in 0..ORDERS_MAX {
            let RunState::Waiting { wait: Wait::Work { order } } = turn.run.state.clone() else {
                break;
            };
            let directory = self.directory.as_ref();
            let job = Job { app: self.app, directory, run: &turn.run, cause: &self.event };
            let performed = tokio::time::timeout_at(self.deadline, job.perform(&order)).await;
            let failed = |code, message| Performed {
                outcome: Err(WorkFailed::new(code, message)),
                log: Vec::new(),
            };
            let Performed { outcome, log } = match performed {
                Ok(Ok(Some(performed))) => performed,
                // What takes its time is not ordered here: loading refuses it.
                Ok(Ok(None) | Err(_)) => failed("not_available", "it could not be looked up"),
                Err(_) => failed("timed_out", "the time to decide was over"),
            };
            let input = Input::Done { outcome, log };
            turn = tidings_behaviors::resume(bot, turn.run, input, &facts, seeds);
            refused = refused.or_else(|| changes(&turn, &mut changed));
        }
        let is_over = Instant::now() > self.deadline;
        let is_done = match &mut turn.run.state {
            RunState::Done => true,
            RunState::Stopped { reason, .. } => *reason == tidings_behaviors::StopReason::Asked,
            state @ RunState::Waiting { .. } => {
                *state = RunState::Stopped {
                    reason: tidings_behaviors::StopReason::Cancelled,
                    message: "what is about to happen does not wait".into(),
                };
                turn.run.frames.clear();
                false
            }
        };
        self.runs.push(turn.run);
        if let Some(refused) = refused.filter(|_| !is_over) {
            return Ok(Err(refused));
        }
        if !is_done || is_over {
            // What is undecided passes as it was, or not at all.
            return Ok(self.if_undecided.clone().map_or(Ok(()), Err));
        }
        if !changed.is_empty() {
            self.apply(changed);
        }
        Ok(Ok(()))
    }

    fn apply(&mut self, changed: Map<String, Value>) {
        let mut draft = Draft::new(
            self.event.id,
            self.event.event_type.clone(),
            self.event.workspace,
            self.event.received_at,
            self.event.data.clone(),
        );
        if let Value::Object(data) = &mut draft.data {
            data.extend(changed);
        }
        draft.author = self.event.author.clone();
        (draft.channel, draft.chat, draft.thread) =
            (self.event.channel, self.event.chat, self.event.thread);
        self.event = numberless(draft);
    }

    /// Keeps the runs, and tells of a refusal.
    async fn keep(&self, decided: &Result<(), Refused>) -> Result<(), CommitError> {
        let mut batch = Batch::new(self.about.workspace);
        batch.puts.extend(self.runs.iter().map(|run| put_run(&Seen::absent(run.clone()))));
        if let (Err(refused), Some(run)) = (decided, self.runs.last()) {
            let data = json!({
                "event_type": self.about.event_type, "reason": refused.reason, "bot": run.bot,
                "behavior": run.behavior, "run": run.id,
            });
            let id = EventId::new(self.app.clock.next_id());
            let event_type = REFUSED.parse().expect("a good name");
            let mut told = Draft::new(id, event_type, self.about.workspace, self.app.now(), data);
            told.visibility = Visibility::Agents;
            told.author = Author::bot(&run.bot);
            (told.channel, told.chat, told.thread) =
                (self.event.channel, self.event.chat, self.event.thread);
            batch.events.push(told);
        }
        if !batch.is_empty() {
            self.app.commit(batch).await?;
        }
        for run in &self.runs {
            failing::note(self.app, self.directory, run, &self.event).await;
        }
        Ok(())
    }
}

/// What a turn changes; and whether it refuses.
fn changes(turn: &Turn, changed: &mut Map<String, Value>) -> Option<Refused> {
    let mut refused = None;
    for effect in &turn.effects {
        match effect {
            Effect::Change { fields } => changed.extend(fields.clone()),
            Effect::Refuse { reason } => {
                refused = refused.or_else(|| Some(Refused { reason: reason.clone() }));
            }
            Effect::SetTimer { .. }
            | Effect::CancelTimer
            | Effect::Say(_)
            | Effect::Emit { .. }
            | Effect::Form { .. }
            | Effect::Filled { .. }
            | Effect::Answer { .. }
            | Effect::Label { .. }
            | Effect::SetChatVariable { .. }
            | Effect::Note { .. }
            | Effect::Notify(_)
            | Effect::Assign { .. }
            | Effect::Move { .. }
            | Effect::Close { .. }
            | Effect::HandOver { .. }
            | Effect::GiveBack
            | Effect::PassControl { .. } => {}
        }
    }
    refused
}
