//! A turn of a run becomes a batch: everything that it wants done, with the run itself, in one commit.
//!
//! Pure: [`super::react`] reads the scene, asks here, and commits. When an effect is refused, none of the turn's effects
//! happen; the run is stopped, `behavior.stopped` says why, and the customer is not left without an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_behaviors::wanted::nearest;
use tidings_behaviors::{
    Effect, HandOverTo, Notify, NotifyTo, Run, RunState, StopReason, Turn, Wait,
};
use tidings_catalogue::{Catalogue, Kind as EventKind};
use tidings_model::{
    AgentId, Author, BotName, Clock, Draft, Event, EventId, GroupName, Holder, RunId, Timestamp,
    TypeName, Visibility,
};
use tidings_store::{Batch, DocKey, Kind, Put, TimerChange, TimerName, Version};

use super::answer::{self, NoAnswer};
use super::chat_change::ChatChange;
use super::question::CALLED;
use super::scene::{Scene, Seen};
use super::speech::speech;
use super::view::client_data;
use super::written::{sortable, to_value};
use crate::directory::Directory;

/// Session and client data past this size, in bytes of JSON, raise an event and are kept. The figure is JAICP's.
pub const DATA_SOFT_BYTES_MAX: usize = 100 * 1024;

/// Past this size the old value is kept instead. The figure is JAICP's.
pub const DATA_HARD_BYTES_MAX: usize = 1_000 * 1024;

/// How many agents of a team are told at most.
pub const NOTIFIED_MAX: usize = 50;

/// The type by which a customer is asked several things at once.
const FORM: &str = "chat.form";

/// The type by which an agent is told something.
const NOTIFIED: &str = "notification.received";

/// What surrounds a turn and does not change by it.
pub struct Stage<'a> {
    /// The event that the turn answers.
    pub event: &'a Event,
    /// Its chat, if it has one.
    pub scene: Option<&'a Scene>,
    /// The vocabulary, for what is emitted.
    pub catalogue: Arc<Catalogue>,
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
            tell_caller(stage, &turn.run, &mut written);
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
    if let Some(answered) = run.trace.iter_mut().rfind(|step| step.step == "answer") {
        answered.detail.note("late", true.into());
    }
}

/// The entry of a run that is over: when it came to its end.
pub const ENDED: &str = "ended";

/// The write of a run's document, with the entries that it is found by.
pub fn put_run(seen: &Seen<Run>) -> Put {
    let run = &seen.value;
    let mut index = vec![
        ("behavior", format!("{}/{}", run.bot, run.behavior)),
        ("bot", run.bot.to_string()),
        ("event", run.event.to_string()),
    ];
    // Nearly all runs are done, so those are found by looking.
    match &run.state {
        RunState::Waiting { .. } => index.push(("state", "waiting".into())),
        RunState::Stopped { reason, .. } => {
            index.push(("state", "stopped".into()));
            index.push(("error", reason.as_str().into()));
        }
        RunState::Done => {}
    }
    if !matches!(run.state, RunState::Waiting { .. }) {
        index.push((ENDED, sortable(run.moved_at)));
    }
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
    timer_name(run.id)
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
    // A question that was answered is waited for no more, which ends its timer: what the turn sets comes after that.
    let set = std::mem::take(&mut batch.timers);
    change.finish(batch);
    batch.timers.extend(set);
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
            let (event_type, data) =
                speech(nearest(say.clone(), stage.directory.shows(stage.scene)));
            change.speak(event_type, data).map_err(not_in_control)?;
        }
        Effect::Form { data } => {
            change.speak(FORM, data.clone()).map_err(not_in_control)?;
        }
        Effect::Emit { event_type, data } => {
            let version = check_emitted(&stage.catalogue, event_type, data)?;
            let draft = change.utter(event_type, data.clone()).map_err(not_in_control)?;
            draft.version = version;
        }
        Effect::Filled { data } => {
            let customer = change.after().chat.value.customer;
            let author = customer.map_or_else(|| Author::bot(&turn.run.bot), Author::customer);
            change.raise_by(author, filled_type(), data.clone());
        }
        Effect::Answer { event_type, value } => {
            give_answer(stage, &turn.run, (event_type, value), batch)?;
        }
        Effect::Label { add, remove } => change.label(add, remove),
        Effect::SetChatVariable { name, value } => {
            change.set_variables(BTreeMap::from([(name.clone(), value.clone())]));
        }
        Effect::Note { text } => change.note(text),
        Effect::Notify(notify) => {
            let told = notified(stage, notify, change.after().chat.value.assignee.clone());
            for data in told? {
                change.raise(NOTIFIED, data).visibility = Visibility::Agents;
            }
        }
        Effect::Assign { agent } => {
            if let Some(agent) = agent {
                is_agent(stage, agent)?;
            }
            let group = change.after().chat.value.group.clone();
            change.assign(agent.clone(), group);
        }
        Effect::Move { group } => {
            is_group(stage, group)?;
            let assignee = change.after().chat.value.assignee.clone();
            change.assign(assignee, Some(group.clone()));
        }
        Effect::Change { .. } | Effect::Refuse { .. } => return Err(not_before(stage)),
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
        Effect::PassControl { from, to } => {
            if change.after().control.value.holder == (Holder::Bot { id: from.clone() }) {
                change.move_control(Holder::Bot { id: to.clone() }, "a bot called another".into());
            }
        }
        Effect::SetTimer { due } => batch.timers.push(set_timer(turn.run.id, *due)),
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
    let by = (&run.bot, stage.event);
    answer::put(&stage.catalogue, question, value, by, stage.clock, &mut given)?;
    // Of several in one turn the first counts as well.
    let is_first = !batch.claims.iter().any(|claim| answer::is_answer(&claim.name));
    if is_first && !stage.is_late {
        batch.claims.append(&mut given.claims);
        batch.timers.append(&mut given.timers);
        batch.events.append(&mut given.events);
    }
    Ok(())
}

/// What each agent is told who is to be told something.
fn notified(
    stage: &Stage<'_>,
    notify: &Notify,
    assignee: Option<AgentId>,
) -> Result<Vec<Value>, Refusal> {
    let agents: Vec<AgentId> = match &notify.to {
        NotifyTo::Agents(agents) => {
            agents.iter().try_for_each(|agent| is_agent(stage, agent))?;
            agents.iter().take(NOTIFIED_MAX).cloned().collect()
        }
        NotifyTo::Group(group) => {
            is_group(stage, group)?;
            let all = stage.directory.agents().into_iter();
            let theirs = all.filter(|agent| agent.groups.contains(group));
            theirs.take(NOTIFIED_MAX).map(|agent| agent.id.clone()).collect()
        }
        // A chat that nobody has yet has nobody to tell.
        NotifyTo::Assignee => assignee.into_iter().collect(),
    };
    let data = |agent| match &notify.link {
        Some(link) => json!({ "agent": agent, "text": notify.text, "link": link }),
        None => json!({ "agent": agent, "text": notify.text }),
    };
    Ok(agents.into_iter().map(data).collect())
}

fn filled_type() -> TypeName {
    "chat.form_filled".parse().expect("a good name")
}

fn notified_type() -> TypeName {
    NOTIFIED.parse().expect("a good name")
}

fn is_agent(stage: &Stage<'_>, agent: &AgentId) -> Result<(), Refusal> {
    let known = stage.directory.agent(agent).is_some();
    let message = || format!("there is no agent {agent}");
    known
        .then_some(())
        .ok_or_else(|| Refusal { reason: StopReason::EffectRefused, message: message() })
}

fn is_group(stage: &Stage<'_>, group: &GroupName) -> Result<(), Refusal> {
    let known = stage.directory.group_by_key(group).is_some();
    let message = || format!("there is no group {group}");
    known
        .then_some(())
        .ok_or_else(|| Refusal { reason: StopReason::EffectRefused, message: message() })
}

fn not_before(stage: &Stage<'_>) -> Refusal {
    let message = format!("{} has happened, nothing of it can be changed", stage.event.event_type);
    Refusal { reason: StopReason::EffectRefused, message }
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

/// Checks what is raised, and gives the version of its schema.
fn check_emitted(
    catalogue: &Catalogue,
    event_type: &TypeName,
    data: &Value,
) -> Result<u32, Refusal> {
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
    })?;
    Ok(known.version)
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
    if matches!(reason, StopReason::Asked | StopReason::Cancelled) {
        return;
    }
    let failed = reason.is_failure();
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

/// Another bot that called this behavior is told why nothing comes of it. What is refused later its deadline tells.
fn tell_caller(stage: &Stage<'_>, run: &Run, batch: &mut Batch) {
    let RunState::Stopped { reason, message } = &run.state else { return };
    if stage.event.event_type.as_str() == CALLED && stage.event.id == run.event {
        let error = json!({ "error": { "code": to_value(reason), "message": message } });
        // It is as the type says, and has no effects that could be refused.
        drop(give_answer(stage, run, (CALLED, &error), batch));
    }
}

fn without_chat(stage: &Stage<'_>, turn: &Turn, batch: &mut Batch) -> Result<(), Refusal> {
    for effect in &turn.effects {
        match effect {
            Effect::Emit { event_type, data } => {
                let version = check_emitted(&stage.catalogue, event_type, data)?;
                let mut draft = alone(stage, batch, event_type.clone(), data.clone());
                draft.author = Author::bot(&turn.run.bot);
                draft.version = version;
                batch.events.push(draft);
            }
            Effect::Answer { event_type, value } => {
                give_answer(stage, &turn.run, (event_type, value), batch)?;
            }
            Effect::Notify(notify) => {
                for data in notified(stage, notify, None)? {
                    let mut draft = alone(stage, batch, notified_type(), data);
                    draft.author = Author::bot(&turn.run.bot);
                    draft.visibility = Visibility::Agents;
                    batch.events.push(draft);
                }
            }
            Effect::Change { .. } | Effect::Refuse { .. } => return Err(not_before(stage)),
            Effect::SetTimer { due } => batch.timers.push(set_timer(turn.run.id, *due)),
            Effect::PassControl { .. } => {}
            Effect::CancelTimer => {
                batch.timers.push(TimerChange::Cancel { name: timer_of(&turn.run) })
            }
            Effect::Say(_)
            | Effect::Form { .. }
            | Effect::Filled { .. }
            | Effect::Label { .. }
            | Effect::SetChatVariable { .. }
            | Effect::Note { .. }
            | Effect::Assign { .. }
            | Effect::Move { .. }
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

/// Sets the timer of a run.
pub(super) fn set_timer(run: RunId, due: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer_name(run), due, body: json!({ "run": run }) }
}

fn timer_name(run: RunId) -> TimerName {
    TimerName(format!("run:{run}"))
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
