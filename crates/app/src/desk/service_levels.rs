//! Service levels: what a workspace promises of time in its chats, told in time and when it is missed; and who is silent.
//!
//! Each chat in which something can fall due has one timer. When it rings, the chat's [`clock`] hears what happened since
//! it was last looked at, tells what fell due, and the timer is set to what comes next, exactly. An ordinary message sets
//! nothing while the timer rings before anything could fall due that begins with it ([`Rings`]); where nothing more can
//! fall due there is no timer, and the next message that matters sets one. A workspace without service levels has
//! nothing of this.
//!
//! What makes a second run harmless: a ring's commit takes the timer and writes the clock as it was seen, with what it
//! tells. To set a timer too early costs one look at the log.

pub mod business_time;
pub(crate) mod clock;
pub(crate) mod levels;
pub(crate) mod rings;

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{
    Author, ChatId, ChatStatus, Event, Holder, Order, ServiceLevelId, ThreadId, Timestamp,
    Visibility, WorkspaceId,
};
use tidings_store::{
    Batch, CommitError, Delete, DocKey, DocumentQuery, Expect, Kind, ReadError, Scan, Timer,
    TimerChange, TimerName, Version,
};

use self::clock::{Before, ServiceClock, Told, Wrote, who_wrote};
pub(crate) use self::levels::Levels;
use self::levels::{Cause, Level, Target};
pub(crate) use self::rings::Rings;
use crate::App;
use crate::directory::Directory;
use crate::pipeline::chat_change::{ChatChange, are_words};
use crate::pipeline::fresh;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::{Scene, Seen, seen};

/// The first word of the timers' names.
pub(crate) const TIMER: &str = "service_level";

/// The first word of the timers of levels that were made or changed.
pub(crate) const CHANGED_TIMER: &str = "service_level_changed";

/// How many open chats are sent to be looked at in one commit, when a level was made or changed.
const PAGE_CHATS_MAX: usize = 200;

/// How many events of a thread are read together, and how many pages one ring reads: a long thread that is looked at for
/// the first time is heard in several rings.
const PAGE_EVENTS_MAX: usize = 500;
const PAGES_MAX: usize = 10;

/// How often a ring is decided anew because what it saw moved meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// After these a chat is looked at: another level may apply, or time stands still, or goes on.
const TURNS: [&str; 5] =
    ["chat.labels_changed", "chat.assigned", "chat.snoozed", "chat.snooze_ended", "chat.closed"];

/// What an event is to the time of its chat.
enum Stir {
    /// The chat is looked at now.
    Turn,
    /// Something begins to be counted.
    Begins(Cause),
}

/// Whether an event may matter to the time of its chat. Asked of every event: the name decides mostly.
pub(crate) fn concerns(app: &App, workspace: WorkspaceId, event: &Event) -> bool {
    event.chat.is_some()
        && is_of_interest(event)
        && app.directory(workspace).is_some_and(|directory| !directory.service_levels().is_empty())
}

fn is_of_interest(event: &Event) -> bool {
    let name = event.event_type.as_str();
    TURNS.contains(&name)
        || matches!(name, "chat.started" | "chat.reopened" | "control.changed")
        || (event.visibility == Visibility::All && are_words(&event.event_type))
}

fn stir_of(directory: &Directory, event: &Event) -> Option<Stir> {
    let name = event.event_type.as_str();
    if TURNS.contains(&name) {
        return Some(Stir::Turn);
    }
    let cause = match name {
        "chat.started" | "chat.reopened" => Cause::Begun,
        "control.changed" => Cause::Given,
        _ => match wrote(directory, event)? {
            Wrote::Customer => Cause::CustomerWrote,
            Wrote::Agent | Wrote::Program => Cause::Answered,
        },
    };
    Some(Stir::Begins(cause))
}

/// An event came that concerns the time of its chat: its timer rings in time. Safe to run again: at worst it rings too
/// early.
pub(crate) async fn stir(
    app: &App,
    workspace: WorkspaceId,
    rings: &Rings,
    event: &Event,
) -> Result<(), StepFailed> {
    let (Some(chat), Some(directory)) = (event.chat, app.directory(workspace)) else {
        return Ok(());
    };
    let due = match stir_of(&directory, event) {
        None => return Ok(()),
        Some(Stir::Turn) => event.received_at,
        Some(Stir::Begins(cause)) => {
            let Some(soonest) = directory.service_levels().soonest(cause) else { return Ok(()) };
            let soonest = event.received_at.checked_add(soonest).unwrap_or(Timestamp::MAX);
            match rings.of(chat) {
                Some(known) if known <= soonest => return Ok(()),
                // What is counted already is due later than that, as the timer rings later.
                Some(_) => soonest,
                // A thread that begins has nothing that could be due before.
                None if cause == Cause::Begun => soonest,
                None => event.received_at,
            }
        }
    };
    let mut batch = Batch::new(workspace);
    batch.timers.push(set(chat, due));
    rings.forget(chat);
    app.commit(batch).await?;
    rings.note(chat, due);
    Ok(())
}

fn timer_name(chat: ChatId) -> TimerName {
    TimerName(format!("{TIMER}:{chat}"))
}

fn set(chat: ChatId, due: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer_name(chat), due, body: json!({ "chat": chat }) }
}

/// A level was made or changed: all open chats are looked at, some at a time. At once, as what is due may be nearer now.
pub(crate) fn look_at_all(level: ServiceLevelId, now: Timestamp) -> TimerChange {
    let name = TimerName(format!("{CHANGED_TIMER}:{level}"));
    TimerChange::Set { name, due: now, body: json!({}) }
}

/// Some more open chats are looked at. What makes a second call harmless: the commit takes the timer, and a look too many
/// changes nothing.
pub(crate) async fn ring_changed(app: &App, timer: &Timer) -> Result<(), StepFailed> {
    let after = timer.body.get("after").and_then(Value::as_str).map(str::to_owned);
    let scan = Scan::Equal { name: "live", value: "1".into() };
    let query = DocumentQuery { kind: Kind::Chat, scan, after, limit: PAGE_CHATS_MAX };
    let page = app.store().documents(timer.workspace, query).await?;
    let (now, mut batch) = (app.now(), Batch::new(timer.workspace));
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    let chats = page.documents.iter().filter_map(|chat| chat.key.id.parse().ok());
    batch.timers.extend(chats.map(|chat| set(chat, now)));
    if let Some(next) = page.next {
        let (name, body) = (timer.name.clone(), json!({ "after": next }));
        batch.timers.push(TimerChange::Set { name, due: now, body });
    }
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A chat's timer rang. What makes a second call harmless: the commit takes the timer.
pub(crate) async fn ring(app: &App, rings: &Rings, timer: &Timer) -> Result<(), StepFailed> {
    let chat = timer.body.get("chat").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let Some(chat): Option<ChatId> = chat else {
        let mut batch = Batch::new(timer.workspace);
        batch.timers.push(TimerChange::Cancel { name: timer.name.clone() });
        app.commit(batch).await?;
        return Ok(());
    };
    if let Some(directory) = app.directory(timer.workspace) {
        // Another node may have changed a level, and sent the chat to be looked at.
        fresh::look_again(app, &directory).await?;
    }
    let mut refused = None;
    for _ in 0..CONFLICT_TRIES_MAX {
        // Before the log is read: what comes after that finds nothing known, and sets the timer anew.
        rings.forget(chat);
        let mut batch = Batch::new(timer.workspace);
        batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
        let next = look(app, chat, &mut batch).await?;
        batch.timers.extend(next.map(|due| set(chat, due)));
        match app.commit(batch).await {
            Ok(_) => {
                if let Some(next) = next {
                    rings.note(chat, next);
                }
                return Ok(());
            }
            // It was set anew meanwhile, and rings again.
            Err(CommitError::TimerGone { .. }) => return Ok(()),
            Err(error @ CommitError::Conflict { .. }) => {
                app.forget_scene(timer.workspace, chat);
                refused = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.unwrap_or(CommitError::Overloaded).into())
}

/// Looks at a chat: what fell due is told in the batch, with the clock as it is now. Gives when to look next.
async fn look(app: &App, chat: ChatId, batch: &mut Batch) -> Result<Option<Timestamp>, ReadError> {
    let workspace = batch.workspace;
    let key = DocKey::new(Kind::ServiceClock, chat);
    let known = app.store().document(workspace, &key).await?;
    let known: Option<Seen<ServiceClock>> = known.map(seen).transpose()?;
    let scene = app.scene(workspace, chat).await?;
    let directory = app.directory(workspace);
    let (Some(scene), Some(directory)) = (scene, directory) else {
        drop_clock(batch, key, known.map(|known| known.version));
        return Ok(None);
    };
    let now = app.now();
    let levels = directory.service_levels();
    let Some(level) = levels.of_chat(&scene.chat.value) else {
        // Where one applied before, it may again: what was told then is remembered as long as the chat is open.
        if levels.is_empty() || scene.chat.value.status == ChatStatus::Closed {
            drop_clock(batch, key, known.map(|known| known.version));
        }
        return Ok(None);
    };
    let mut looking =
        Looking { app, directory: &directory, scene: &scene, level, told: Vec::new() };
    let (mut clock, before) = match known {
        Some(known) => {
            let (clock, before) = known.apart();
            (clock, Some(before))
        }
        None => (looking.begin().await?, None),
    };
    let mut is_whole = looking.hear(&mut clock).await?;
    let thread = scene.chat.value.thread.id;
    if is_whole && clock.thread != thread {
        clock = looking.begin().await?;
        is_whole = looking.hear(&mut clock).await?;
    }
    let is_open = scene.chat.value.status == ChatStatus::Open;
    if is_whole && is_open {
        clock.run(level, now, &mut looking.told);
    }
    looking.tell(batch);
    if is_whole && !is_open {
        drop_clock(batch, key, before.map(|before| before.version));
        return Ok(None);
    }
    // A long thread is heard in several rings.
    let next = if is_whole { clock.next(level) } else { Some(now) };
    let seen = match before {
        Some(before) => before.map(|()| clock),
        None => Seen::absent(clock),
    };
    batch.puts.push(seen.put(key, Vec::new()));
    Ok(next)
}

fn drop_clock(batch: &mut Batch, key: DocKey, version: Option<Version>) {
    if let Some(version) = version {
        batch.deletes.push(Delete { key, expected: Some(version) });
    }
}

fn wrote(directory: &Directory, event: &Event) -> Option<Wrote> {
    who_wrote(event, |agent| {
        let agent = agent.parse().ok().and_then(|id| directory.agent(&id));
        agent.is_some_and(|agent| agent.bot.is_some())
    })
}

/// One look at a chat.
struct Looking<'a> {
    app: &'a App,
    directory: &'a Directory,
    scene: &'a Scene,
    level: &'a Level,
    told: Vec<Told>,
}

impl Looking<'_> {
    /// The clock of the chat's thread, which has heard nothing yet.
    async fn begin(&self) -> Result<ServiceClock, ReadError> {
        let chat = &self.scene.chat.value;
        let first = self.page(chat.thread.id, 0).await?;
        let with_agent = matches!(self.scene.control.value.holder, Holder::Agent { .. });
        let now = Before { labels: chat.labels.clone(), with_agent };
        let before = Before::of(now, &first);
        Ok(ServiceClock::begin(chat.thread.id, chat.thread.created_at, before))
    }

    /// Hears what happened in the clock's thread; says whether that was all.
    async fn hear(&mut self, clock: &mut ServiceClock) -> Result<bool, ReadError> {
        for _ in 0..PAGES_MAX {
            let page = self.page(clock.thread, clock.order).await?;
            if page.is_empty() {
                return Ok(true);
            }
            for event in page {
                clock.order = event.order.map_or(clock.order, |order| order.0);
                if is_of_interest(&event) {
                    clock.run(self.level, event.received_at, &mut self.told);
                    clock.hear(self.level, &event, wrote(self.directory, &event));
                }
            }
        }
        Ok(false)
    }

    async fn page(&self, thread: ThreadId, after: u64) -> Result<Vec<Arc<Event>>, ReadError> {
        let (workspace, chat) = (self.directory.workspace(), self.scene.chat.value.id);
        let after = (after > 0).then_some(Order(after));
        self.app.store().thread_events(workspace, chat, thread, after, PAGE_EVENTS_MAX).await
    }

    /// Tells what fell due, in the chat as it was seen.
    fn tell(&self, batch: &mut Batch) {
        let since = self.level.says.created_at;
        let told: Vec<&Told> = self.told.iter().filter(|told| told.due >= since).collect();
        if told.is_empty() {
            return;
        }
        let (workspace, clock) = (batch.workspace, self.app.clock.as_ref());
        let mut change = ChatChange::begin(workspace, self.scene, Author::system(), None, clock);
        for told in told {
            let (name, data) = self.event(told);
            change.raise(name, data).visibility = Visibility::Agents;
        }
        change.finish(batch);
        let key = DocKey::new(Kind::Chat, self.scene.chat.value.id);
        batch.expects.push(Expect { key, version: self.scene.chat.version });
    }

    fn event(&self, told: &Told) -> (&'static str, Value) {
        let Told { target, missed, since, due } = told;
        let mut data = Map::new();
        data.insert("service_level".into(), self.level.says.name.clone().into());
        data.insert("service_level_id".into(), self.level.says.id.to_string().into());
        data.insert("since".into(), json!(since));
        let agent = match &self.scene.control.value.holder {
            Holder::Agent { id } => Some(id),
            Holder::Bot { .. } | Holder::Queue { .. } | Holder::Nobody => {
                self.scene.chat.value.assignee.as_ref()
            }
        };
        if let Some(agent) = agent {
            data.insert("agent".into(), json!(agent));
        }
        let name = match target {
            Target::CustomerIdle | Target::AgentIdle => {
                let limit = self.level.limit(*target).unwrap_or_default();
                data.insert("idle_s".into(), limit.as_secs().into());
                data.insert("idle_at".into(), json!(due));
                if *target == Target::CustomerIdle {
                    "chat.customer_idle"
                } else {
                    "chat.agent_idle"
                }
            }
            Target::FirstReply | Target::NextReply | Target::Resolution => {
                data.insert("target".into(), target.as_str().into());
                data.insert("due_at".into(), json!(due));
                if *missed {
                    data.insert("breached_at".into(), json!(due));
                }
                if *missed { "chat.sla_breached" } else { "chat.sla_due_soon" }
            }
        };
        (name, Value::Object(data))
    }
}
