//! A turn of a run becomes a batch: everything that it wants done, with the run itself, in one commit.
//!
//! Pure: [`super::react`] reads the scene, asks here, and commits. When an effect is refused, none of the turn's effects
//! happen; the run is stopped, `behavior.stopped` says why, and the customer is not left without an answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tidings_behaviors::{Effect, HandOverTo, Run, RunState, Say, StopReason, Turn, Wait};
use tidings_catalogue::{Catalogue, Kind as EventKind};
use tidings_model::{
    Author, BotName, Clock, Draft, Event, EventId, Holder, Timestamp, TypeName, Visibility,
};
use tidings_store::{Batch, DocKey, Kind, Put, TimerChange, TimerName, Version};

use super::answer::{self, NoAnswer};
use super::chat_change::ChatChange;
use super::scene::{Scene, Seen};
use super::view::client_data;
use super::written::to_value;
use crate::directory::Directory;

/// Session and client data past this size, in bytes of JSON, raise an event and are kept. The figure is JAICP's.
pub const DATA_SOFT_BYTES_MAX: usize = 100 * 1024;

/// Past this size the old value is kept instead. The figure is JAICP's.
pub const DATA_HARD_BYTES_MAX: usize = 1_000 * 1024;

/// What surrounds a turn and does not change by it.
pub struct Stage<'a> {
    /// The event that the turn answers.
    pub event: &'a Event,
    /// Its chat, if it has one.
    pub scene: Option<&'a Scene>,
    /// The vocabulary, for what is emitted.
    pub catalogue: &'a Catalogue,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Who is in the workspace: whether an agent takes chats now.
    pub directory: &'a Directory,
    /// Whether what is asked was answered meanwhile: then what the turn answers is late.
    pub is_late: bool,
    /// What a bot says when it fails and would be silent.
    pub failure_answer: &'a str,
}

/// Writes a turn into a batch, and gives the run as it was written: stopped, when an effect was refused. `before` is the
/// run's document that the turn began from.
pub fn enact(stage: &Stage<'_>, mut turn: Turn, before: Seen<()>, batch: &mut Batch) -> Run {
    let mut written = Batch::new(batch.workspace);
    if stage.is_late {
        note_late(&mut turn.run);
    }
    let refused = match try_effects(stage, &turn, &mut written) {
        Ok(()) => None,
        Err(refusal) => {
            turn.run.state = RunState::Stopped { reason: refusal.reason, message: refusal.message };
            turn.run.frames.clear();
            written = Batch::new(batch.workspace);
            tell_of_stop(stage, &turn.run, &mut written);
            Some(())
        }
    };
    if refused.is_some() && before.version != Version::ABSENT {
        written.timers.push(TimerChange::Cancel { name: timer_of(&turn.run) });
    }
    batch.claims.append(&mut written.claims);
    batch.expects.append(&mut written.expects);
    batch.events.append(&mut written.events);
    batch.puts.append(&mut written.puts);
    batch.deletes.append(&mut written.deletes);
    batch.timers.append(&mut written.timers);
    let run = before.map(|()| turn.run);
    batch.puts.push(put_run(&run));
    run.value
}

/// The trace tells that what was answered came too late.
fn note_late(run: &mut Run) {
    if let Some(answered) = run.trace.iter_mut().rfind(|step| step.step == "answer")
        && let Value::Object(detail) = &mut answered.detail
    {
        detail.insert("late".into(), true.into());
    }
}

/// The write of a run's document, with the entries that it is found by.
pub fn put_run(seen: &Seen<Run>) -> Put {
    let run = &seen.value;
    let mut index = vec![("behavior", format!("{}/{}", run.bot, run.behavior))];
    if let Some(chat) = run.chat {
        index.push(("chat", chat.to_string()));
        if let RunState::Waiting { .. } = run.state {
            index.push(("waiting", chat.to_string()));
        }
    }
    seen.put(DocKey::new(Kind::Run, run.id), index)
}

/// The one timer of a run.
pub fn timer_of(run: &Run) -> TimerName {
    TimerName(format!("run:{}", run.id))
}

struct Refusal {
    reason: StopReason,
    message: String,
}

fn try_effects(stage: &Stage<'_>, turn: &Turn, batch: &mut Batch) -> Result<(), Refusal> {
    let Some(scene) = stage.scene else { return without_chat(stage, turn, batch) };
    let bot = &turn.run.bot;
    let mut change =
        ChatChange::begin(batch.workspace, scene, Author::bot(bot), Some(stage.event), stage.clock);
    for effect in &turn.effects {
        apply(stage, &mut change, turn, effect, batch)?;
    }
    keep_data(&mut change, turn);
    let waits_for_answer =
        matches!(turn.run.state, RunState::Waiting { wait: Wait::Answer { .. } });
    let session = &mut change.after().session.value;
    session.handled = session.handled.max(stage.event.seq.0);
    if waits_for_answer {
        session.waiting = Some(turn.run.id);
    } else if session.waiting == Some(turn.run.id) {
        session.waiting = None;
    }
    if let RunState::Stopped { reason, message } = &turn.run.state {
        stop_in_chat(stage, &mut change, &turn.run, *reason, message);
    }
    change.finish(batch);
    Ok(())
}

fn apply(
    stage: &Stage<'_>,
    change: &mut ChatChange<'_>,
    turn: &Turn,
    effect: &Effect,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    match effect {
        Effect::Say(say) => {
            let (event_type, data) = speech(say);
            change.speak(event_type, data).map_err(not_in_control)?;
        }
        Effect::Emit { event_type, data } => {
            check_emitted(stage.catalogue, event_type, data)?;
            change.utter(event_type, data.clone()).map_err(not_in_control)?;
        }
        Effect::Answer { event_type, value } => {
            give_answer(stage, &turn.run, (event_type, value), batch)?;
        }
        Effect::Label { add, remove } => change.label(add, remove),
        Effect::SetChatVariable { name, value } => {
            change.set_variables(BTreeMap::from([(name.clone(), value.clone())]));
        }
        Effect::Note { text } => change.note(text),
        Effect::Close { reason } => {
            may_act(change, &turn.run.bot)?;
            change.close(reason);
        }
        Effect::HandOver { to, reason } => {
            may_act(change, &turn.run.bot)?;
            hand_over(stage, change, to, reason);
        }
        Effect::GiveBack => {
            let holder = change.after().control.value.holder.clone();
            match holder {
                Holder::Queue { .. } | Holder::Nobody => {
                    change.move_control(
                        Holder::Bot { id: turn.run.bot.clone() },
                        "the bot took it back".into(),
                    );
                }
                Holder::Bot { .. } | Holder::Agent { .. } => may_act(change, &turn.run.bot)?,
            }
        }
        Effect::SetTimer { due } => batch.timers.push(set_timer(&turn.run, *due)),
        Effect::CancelTimer => batch.timers.push(TimerChange::Cancel { name: timer_of(&turn.run) }),
    }
    Ok(())
}

/// Gives an answer to who asked, unless it is late.
fn give_answer(
    stage: &Stage<'_>,
    run: &Run,
    (event_type, value): (&str, &Value),
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let mut given = Batch::new(batch.workspace);
    let question = (run.event, event_type);
    answer::put(stage.catalogue, question, value, stage.clock.now(), &mut given)?;
    // Of several in one turn the first counts as well.
    let is_first = !batch.claims.iter().any(|claim| answer::is_answer(&claim.name));
    if is_first && !stage.is_late {
        batch.claims.append(&mut given.claims);
        batch.timers.append(&mut given.timers);
    }
    Ok(())
}

fn hand_over(stage: &Stage<'_>, change: &mut ChatChange<'_>, to: &HandOverTo, reason: &str) {
    let group = match to {
        HandOverTo::Agent(agent) => {
            change.give_to_agent(agent.clone(), reason.into());
            return;
        }
        HandOverTo::Anyone => None,
        HandOverTo::Group(group) => Some(group.clone()),
    };
    let nobody_there = !stage.directory.has_accepting_agent(group.as_ref());
    change.queue(group.clone(), reason.into());
    if nobody_there {
        let data = group.map_or_else(|| json!({}), |group| json!({ "group": group }));
        change.raise("handoff.no_agents", data).visibility = Visibility::Agents;
    }
}

/// What a `say` is in the log: a message, a message with buttons, or a card with an image.
fn speech(say: &Say) -> (&'static str, Value) {
    if say.buttons.is_empty() && say.image.is_none() {
        return ("chat.message", json!({ "text": say.text }));
    }
    let buttons: Vec<Value> = say
        .buttons
        .iter()
        .map(|button| match &button.url {
            Some(url) => json!({ "type": "url", "text": button.text, "value": url }),
            None => json!({
                "type": "message", "text": button.text, "value": button.value, "postback_id": button.value,
            }),
        })
        .collect();
    let mut element = Map::new();
    if let Some(image) = &say.image {
        element.insert("image".into(), json!({ "url": image }));
    }
    if !buttons.is_empty() {
        element.insert("buttons".into(), buttons.into());
    }
    let template = if say.image.is_some() { "cards" } else { "quick_replies" };
    ("chat.rich_message", json!({ "template": template, "text": say.text, "elements": [element] }))
}

fn check_emitted(
    catalogue: &Catalogue,
    event_type: &TypeName,
    data: &Value,
) -> Result<(), Refusal> {
    let refused = |message: String| Refusal { reason: StopReason::EffectRefused, message };
    let known = catalogue
        .get(event_type)
        .ok_or_else(|| refused(format!("emit: the catalogue has no type {event_type}")))?;
    if known.kind != EventKind::After {
        return Err(refused(format!("emit: {event_type} is not a fact that can be told")));
    }
    known.validate(data).map_err(|violations| {
        let first = violations
            .first()
            .map(|violation| format!("{}: {}", violation.pointer, violation.message));
        refused(format!("emit: the data of {event_type} is wrong: {}", first.unwrap_or_default()))
    })
}

/// Keeps session and client data within their limits.
fn keep_data(change: &mut ChatChange<'_>, turn: &Turn) {
    let bot = &turn.run.bot;
    if let Some(session) = &turn.session {
        let before = change.after().session.value.data.get(bot).map_or(0, size_of);
        if fits(change, "session", bot, before, size_of(session)) {
            change.after().session.value.data.insert(bot.clone(), session.clone());
        }
    }
    if let Some(client) = &turn.client {
        let before = size_of(&client_data(change.after(), bot));
        if fits(change, "client", bot, before, size_of(client))
            && let Some(customer) = &mut change.after().customer
        {
            customer.value.data.insert(bot.to_string(), Value::Object(client.clone()));
        }
    }
}

fn fits(
    change: &mut ChatChange<'_>,
    which: &str,
    bot: &BotName,
    before: usize,
    now: usize,
) -> bool {
    let (limit, event) = if now > DATA_HARD_BYTES_MAX {
        (DATA_HARD_BYTES_MAX, "data_hard_limit_exceeded")
    } else if now > DATA_SOFT_BYTES_MAX && before <= DATA_SOFT_BYTES_MAX {
        (DATA_SOFT_BYTES_MAX, "data_soft_limit_exceeded")
    } else {
        return true;
    };
    let data = json!({ "bot": bot, "bytes": now, "limit": limit });
    change.raise(&format!("{which}.{event}"), data).visibility = Visibility::Agents;
    now <= DATA_HARD_BYTES_MAX
}

fn size_of(map: &Map<String, Value>) -> usize {
    serde_json::to_vec(map).map_or(0, |bytes| bytes.len())
}

/// Tells of a stop that was not asked for, and answers the customer in the bot's place where it may speak.
fn stop_in_chat(
    stage: &Stage<'_>,
    change: &mut ChatChange<'_>,
    run: &Run,
    reason: StopReason,
    message: &str,
) {
    let failed = match reason {
        StopReason::Asked | StopReason::Cancelled => return,
        StopReason::NotInControl => false,
        StopReason::StepLimit
        | StopReason::LoopLimit
        | StopReason::TemplateLimit
        | StopReason::CallDepth
        | StopReason::TemplateFailed
        | StopReason::WrongValue
        | StopReason::LoopGuard
        | StopReason::EffectRefused => true,
    };
    change
        .raise_by(Author::system(), stopped_type(), stopped_data(run, reason, message))
        .visibility = Visibility::Agents;
    let answers_customer = stage.event.author.kind == tidings_model::AuthorKind::Customer;
    if failed && answers_customer && reason != StopReason::LoopGuard && !change.spoke() {
        // Refused when somebody else holds the lease: then the customer is in good hands anyway.
        drop(change.speak("chat.message", json!({ "text": stage.failure_answer })).map(|_| ()));
    }
}

fn tell_of_stop(stage: &Stage<'_>, run: &Run, batch: &mut Batch) {
    let RunState::Stopped { reason, message } = &run.state else { return };
    match stage.scene {
        Some(scene) => {
            let author = Author::bot(&run.bot);
            let mut change =
                ChatChange::begin(batch.workspace, scene, author, Some(stage.event), stage.clock);
            let session = &mut change.after().session.value;
            session.handled = session.handled.max(stage.event.seq.0);
            if session.waiting == Some(run.id) {
                session.waiting = None;
            }
            stop_in_chat(stage, &mut change, run, *reason, message);
            change.finish(batch);
        }
        None => batch.events.push(alone(
            stage,
            batch,
            stopped_type(),
            stopped_data(run, *reason, message),
        )),
    }
}

fn without_chat(stage: &Stage<'_>, turn: &Turn, batch: &mut Batch) -> Result<(), Refusal> {
    for effect in &turn.effects {
        match effect {
            Effect::Emit { event_type, data } => {
                check_emitted(stage.catalogue, event_type, data)?;
                let mut draft = alone(stage, batch, event_type.clone(), data.clone());
                draft.author = Author::bot(&turn.run.bot);
                batch.events.push(draft);
            }
            Effect::Answer { event_type, value } => {
                give_answer(stage, &turn.run, (event_type, value), batch)?;
            }
            Effect::SetTimer { due } => batch.timers.push(set_timer(&turn.run, *due)),
            Effect::CancelTimer => {
                batch.timers.push(TimerChange::Cancel { name: timer_of(&turn.run) })
            }
            Effect::Say(_)
            | Effect::Label { .. }
            | Effect::SetChatVariable { .. }
            | Effect::Note { .. }
            | Effect::Close { .. }
            | Effect::HandOver { .. }
            | Effect::GiveBack => {
                return Err(Refusal {
                    reason: StopReason::EffectRefused,
                    message: format!(
                        "{} is not an event of a chat, so there is nobody to speak to",
                        stage.event.event_type
                    ),
                });
            }
        }
    }
    if let RunState::Stopped { reason, message } = &turn.run.state
        && !matches!(reason, StopReason::Asked | StopReason::Cancelled)
    {
        batch.events.push(alone(
            stage,
            batch,
            stopped_type(),
            stopped_data(&turn.run, *reason, message),
        ));
    }
    Ok(())
}

fn alone(stage: &Stage<'_>, batch: &Batch, event_type: TypeName, data: Value) -> Draft {
    let id = EventId::new(stage.clock.next_id());
    Draft::new(id, event_type, batch.workspace, stage.clock.now(), data).caused_by(stage.event)
}

fn stopped_type() -> TypeName {
    "behavior.stopped".parse().expect("a good name")
}

fn stopped_data(run: &Run, reason: StopReason, message: &str) -> Value {
    json!({ "bot": run.bot, "behavior": run.behavior, "run": run.id, "reason": to_value(&reason), "message": message })
}

fn set_timer(run: &Run, due: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer_of(run), due, body: json!({ "run": run.id }) }
}

impl From<NoAnswer> for Refusal {
    fn from(error: NoAnswer) -> Self {
        Self { reason: StopReason::EffectRefused, message: error.to_string() }
    }
}

fn may_act(change: &mut ChatChange<'_>, bot: &BotName) -> Result<(), Refusal> {
    change.after().control.value.lets_speak(&Author::bot(bot)).map_err(not_in_control)
}

fn not_in_control(error: tidings_model::NotInControl) -> Refusal {
    let holder = match error.holder {
        Holder::Bot { id } => format!("the bot {id}"),
        Holder::Agent { id } => format!("the agent {id}"),
        Holder::Queue { .. } => "the queue".into(),
        Holder::Nobody => "nobody".into(),
    };
    Refusal {
        reason: StopReason::NotInControl,
        message: format!("{holder} holds the control lease of this chat"),
    }
}
