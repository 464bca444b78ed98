//! The reader that runs behaviors.
//!
//! For each event: the run that waits for the customer's answer goes on, or behaviors that listen to the type start, one
//! commit each. What makes a second run harmless: a start claims (bot, behavior, event), a resumption claims (bot, event)
//! and expects the run's version, so the commit of a second one is refused. What was passed over, because a condition did
//! not hold or nobody waited for an answer, left no claim and might be decided otherwise now: so an event before the last
//! one that a turn of its chat answered (`Session::handled`) is left alone, and so is a listener before the last one that
//! has its claim.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidings_behaviors::{
    Bot, BotSource, Effect, Facts, Input, Run, RunState, Seeds, StopReason, Turn, Wait,
    resume_watched, says_something, start_watched,
};
use tidings_model::{
    AuthorKind, BotName, ChatId, ChatStatus, Event, EventId, RunId, Seq, Timestamp, TypeName,
    WorkspaceId,
};
use tidings_store::{
    Batch, Claim, CommitError, DocKey, DocumentQuery, Kind, ReadError, Scan, Timer, TimerChange,
};

mod answers;

use self::answers::{Taken, aside, is_aside};
use super::answer;
use super::enact::{Stage, enact, put_run, timer_of};
use super::failing::{self, Paused};
use super::question;
use super::reader::{Handler, Lane, StepFailed};
use super::scene::{Scene, Seen, seen};
use super::tries::later;
use super::understand::understand;
use super::view::facts;
use super::work::{Job, Performed};
use crate::App;
use crate::admin::bots::{CatalogueVocabulary, StoredVersion};
use crate::directory::{Directory, Listener};

/// How deep a chain of causes may be, before the loop guard stops it.
pub const DEPTH_MAX: u32 = 8;

/// How often a decision is made anew because what it saw moved meanwhile, before the step is put off.
const CONFLICT_TRIES_MAX: usize = 10;

/// How often is looked whether something that a run waits for is done, should the news of it be lost.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// How many old versions of bots are kept compiled, for runs that wait on one.
const OLD_VERSIONS_MAX: usize = 64;

/// The reader that runs behaviors.
pub struct React {
    app: Arc<App>,
    directory: Arc<Directory>,
    /// Events up to this one may have been handled by an earlier process, or by another node.
    handled_before: Seq,
    old_versions: Mutex<HashMap<(BotName, String), Arc<Bot>>>,
    spoken: Mutex<SpokenMinute>,
    /// Events that are half done: a listener could not be served, and the step will be tried again.
    half_done: Mutex<HashSet<EventId>>,
}

/// How much bots said in each chat in the current minute.
#[derive(Default)]
struct SpokenMinute {
    minute: i64,
    messages: HashMap<ChatId, u32>,
}

impl React {
    /// The reader of one workspace; `head` is the end of the log as it was found.
    pub fn new(app: Arc<App>, directory: Arc<Directory>, head: Seq) -> Self {
        Self {
            app,
            directory,
            handled_before: head,
            old_versions: Mutex::default(),
            spoken: Mutex::default(),
            half_done: Mutex::default(),
        }
    }

    fn workspace(&self) -> WorkspaceId {
        self.directory.workspace()
    }

    /// Starts one behavior on an event, if its condition holds.
    async fn begin(
        &self,
        listener: &Listener,
        event: &Arc<Event>,
        sight: &mut Sight,
        beside_question: bool,
    ) -> Result<(), StepFailed> {
        let bot = &listener.bot;
        let Some(behavior) = bot.behaviors().get(listener.behavior) else {
            return Ok(());
        };
        let name = started(bot, &behavior.name, event);
        if stops_of_stops(event) {
            return Ok(());
        }
        let seeds = self.seeds();
        let (mut last, mut is_late) = (None, false);
        for _ in 0..CONFLICT_TRIES_MAX {
            let scene = self.look(event, sight).await?;
            if scene.as_ref().is_some_and(|scene| event.seq.0 < scene.session.value.handled) {
                return Ok(());
            }
            let facts = facts(event, &self.directory, scene.as_ref(), &bot.name);
            let turn = {
                let watch = || self.app.clock.now();
                let behavior = listener.behavior;
                start_watched(bot, behavior, &facts, event, seeds, Some(&watch))
            };
            let Some(turn) = turn else {
                *sight = Sight::Fresh(Box::new(scene));
                return Ok(());
            };
            let turn = self.guard(turn, event);
            let mut batch = Batch::new(self.workspace());
            batch.claims.push(Claim { name: name.clone(), outcome: Some(event.id) });
            if beside_question {
                let name = aside(&bot.name, &behavior.name, event);
                batch.claims.push(Claim { name, outcome: Some(event.id) });
            }
            let stage = Stage { is_late, ..self.stage(event, scene.as_ref()) };
            let run = enact(&stage, turn, Seen::absent(()), &mut batch);
            self.cancel_replaced(&run, scene.as_ref(), &mut batch).await?;
            match self.app.commit(batch).await {
                Err(error) if answer::is_late(&error) => {
                    is_late = true;
                    last = Some(error);
                }
                Err(CommitError::Claimed { .. }) => return Ok(()),
                Ok(_) => {
                    failing::note(&self.app, &self.directory, &run, event).await;
                    return Ok(());
                }
                Err(error @ CommitError::Conflict { .. }) => last = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        last.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Wakes a run whose time is up. What makes a second call harmless: the batch takes the timer.
    pub async fn time_up(&self, timer: &Timer, run: RunId) -> Result<(), StepFailed> {
        let take = TimerChange::Take { name: timer.name.clone(), due: timer.due };
        let mut last = None;
        let mut done = None;
        for _ in 0..CONFLICT_TRIES_MAX {
            let found = self.run(run).await?;
            let Some(run) = found.filter(|run| matches!(run.value.state, RunState::Waiting { .. }))
            else {
                return self.drop_timer(take).await;
            };
            let Some(event) = self.app.store.event(self.workspace(), run.value.event).await? else {
                return self.drop_timer(take).await;
            };
            let Some(program) = self.program(&run.value.bot, &run.value.bot_version).await? else {
                return self.drop_timer(take).await;
            };
            let input = match &run.value.state {
                RunState::Waiting { wait: Wait::Work { order } } => {
                    let directory = self.directory.as_ref();
                    let job = Job { app: &self.app, directory, run: &run.value, cause: &event };
                    let performed = match done.take() {
                        Some(performed) => performed,
                        None => match job.perform(order).await? {
                            Some(performed) => performed,
                            None => return self.look_later(timer, take).await,
                        },
                    };
                    let Performed { outcome, log } = done.insert(performed).clone();
                    Input::Done { outcome, log }
                }
                RunState::Waiting { .. } | RunState::Done | RunState::Stopped { .. } => {
                    Input::TimeUp
                }
            };
            let scene = self.scene(&event).await?;
            match self
                .resume(&program, run, input, &event, scene.as_ref(), vec![take.clone()])
                .await
            {
                Ok(()) => return Ok(()),
                Err(StepFailed::Commit(CommitError::TimerGone { .. })) => return Ok(()),
                Err(StepFailed::Commit(error @ CommitError::Conflict { .. })) => last = Some(error),
                Err(other) => return Err(other),
            }
        }
        last.map_or(Ok(()), |error| Err(error.into()))
    }

    /// What the run ordered is under way, and will set this timer when it is done. Should that be lost, it is looked at.
    async fn look_later(&self, timer: &Timer, take: TimerChange) -> Result<(), StepFailed> {
        let due = later(self.app.now(), LOOK_INTERVAL);
        let again = TimerChange::Set { name: timer.name.clone(), due, body: timer.body.clone() };
        let mut batch = Batch::new(self.workspace());
        batch.timers.extend([take, again]);
        match self.app.commit(batch).await {
            // Set meanwhile: it is done.
            Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn resume(
        &self,
        program: &Bot,
        run: Seen<Run>,
        input: Input,
        event: &Arc<Event>,
        scene: Option<&Scene>,
        timers: Vec<TimerChange>,
    ) -> Result<(), StepFailed> {
        let (run, before) = run.apart();
        let mut facts = facts(event, &self.directory, scene, &run.bot);
        restore_start(&mut facts, &run);
        let turn = {
            let watch = || self.app.clock.now();
            resume_watched(program, run, input, &facts, self.seeds(), Some(&watch))
        };
        self.put(turn, before, event, (scene, Vec::new(), timers)).await
    }

    /// Commits the turn of a run that went on.
    async fn put(
        &self,
        turn: Turn,
        before: Seen<()>,
        event: &Arc<Event>,
        (scene, claims, timers): (Option<&Scene>, Vec<Claim>, Vec<TimerChange>),
    ) -> Result<(), StepFailed> {
        let turn = self.guard(turn, event);
        let mut is_late = false;
        loop {
            let mut batch = Batch::new(self.workspace());
            batch.claims.clone_from(&claims);
            batch.timers.clone_from(&timers);
            let stage = Stage { is_late, ..self.stage(event, scene) };
            let run = enact(&stage, turn.clone(), before.clone(), &mut batch);
            self.cancel_replaced(&run, scene, &mut batch).await?;
            match self.app.commit(batch).await {
                Err(error) if !is_late && answer::is_late(&error) => is_late = true,
                other => {
                    other?;
                    failing::note(&self.app, &self.directory, &run, event).await;
                    let is_over = !matches!(run.state, RunState::Waiting { .. });
                    if is_over && run.event == event.id {
                        question::run_is_over(&self.app, event).await?;
                    }
                    return Ok(());
                }
            }
        }
    }

    /// A closed chat: the runs that wait in it are over, but for those that its closing starts.
    async fn cancel_waiting(&self, chat: ChatId, closed: &Event) -> Result<(), StepFailed> {
        let scene = self.scene(closed).await?;
        if scene.is_some_and(|scene| closed.seq.0 < scene.session.value.handled) {
            // Done before: what waits now waits in a later thread.
            return Ok(());
        }
        let mut after = None;
        loop {
            let scan = Scan::Equal { name: "waiting", value: chat.to_string() };
            let query = DocumentQuery { kind: Kind::Run, scan, after, limit: 100 };
            let page = self.app.store.documents(self.workspace(), query).await?;
            let mut batch = Batch::new(self.workspace());
            for document in page.documents {
                let mut run: Seen<Run> = seen(document)?;
                if run.value.event == closed.id {
                    continue;
                }
                cancel(&mut run.value, "the chat was closed", self.app.now());
                batch.timers.push(TimerChange::Cancel { name: timer_of(&run.value) });
                batch.puts.push(put_run(&run));
            }
            if !batch.is_empty() {
                self.app.commit(batch).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// A run that begins to wait for an answer takes the place of the one that waited before.
    async fn cancel_replaced(
        &self,
        run: &Run,
        scene: Option<&Scene>,
        batch: &mut Batch,
    ) -> Result<(), ReadError> {
        let waits = matches!(run.state, RunState::Waiting { wait: Wait::Answer { .. } });
        let Some(waiting) = scene.and_then(|scene| scene.session.value.waiting) else {
            return Ok(());
        };
        if !waits || waiting == run.id {
            return Ok(());
        }
        let replaced = self.run(waiting).await?;
        let waits = |run: &Seen<Run>| matches!(run.value.state, RunState::Waiting { .. });
        if let Some(mut replaced) = replaced.filter(waits) {
            cancel(&mut replaced.value, "another question took its place", self.app.now());
            batch.puts.push(put_run(&replaced));
        }
        Ok(())
    }

    async fn drop_timer(&self, take: TimerChange) -> Result<(), StepFailed> {
        let mut batch = Batch::new(self.workspace());
        batch.timers.push(take);
        match self.app.commit(batch).await {
            Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Stops a turn that would make a loop: the chain of causes is too deep, or bots say too much in one chat.
    fn guard(&self, mut turn: Turn, event: &Event) -> Turn {
        let stop = |turn: &mut Turn, message: String| {
            turn.effects.clear();
            turn.session = None;
            turn.client = None;
            turn.run.frames.clear();
            turn.run.state = RunState::Stopped { reason: StopReason::LoopGuard, message };
        };
        if event.depth >= DEPTH_MAX {
            stop(
                &mut turn,
                format!(
                    "{DEPTH_MAX} events led to this one, each by a behavior: that looks like a loop"
                ),
            );
            return turn;
        }
        let says = turn
            .effects
            .iter()
            .filter(|effect| match effect {
                Effect::Say(_) | Effect::Form { .. } => true,
                Effect::Emit { event_type, .. } => event_type.is_speech(),
                Effect::Answer { .. }
                | Effect::Filled { .. }
                | Effect::Change { .. }
                | Effect::Refuse { .. }
                | Effect::Notify(_)
                | Effect::Assign { .. }
                | Effect::Move { .. }
                | Effect::Label { .. }
                | Effect::SetChatVariable { .. }
                | Effect::Note { .. }
                | Effect::Close { .. }
                | Effect::HandOver { .. }
                | Effect::GiveBack
                | Effect::PassControl { .. }
                | Effect::SetTimer { .. }
                | Effect::CancelTimer => false,
            })
            .count();
        let limit = self.app.settings.bot_messages_per_minute_max;
        if let Some(chat) = event.chat
            && says > 0
            && !self.may_say(chat, u32::try_from(says).unwrap_or(u32::MAX), limit)
        {
            stop(
                &mut turn,
                format!("bots said more than {limit} things in this chat within a minute"),
            );
        }
        turn
    }

    fn may_say(&self, chat: ChatId, says: u32, limit: u32) -> bool {
        let minute = self.app.now().as_second() / 60;
        let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        if spoken.minute != minute {
            *spoken = SpokenMinute { minute, messages: HashMap::new() };
        }
        let messages = spoken.messages.entry(chat).or_default();
        *messages = messages.saturating_add(says);
        *messages <= limit
    }

    fn stage<'a>(&'a self, event: &'a Event, scene: Option<&'a Scene>) -> Stage<'a> {
        Stage {
            event,
            scene,
            catalogue: self.directory.catalogue(),
            clock: self.app.clock.as_ref(),
            directory: &self.directory,
            is_late: false,
            failure_answer: &self.app.settings.bot_failure_answer,
        }
    }

    async fn scene(&self, event: &Event) -> Result<Option<Scene>, ReadError> {
        match event.chat {
            Some(chat) => self.app.scene(self.workspace(), chat).await,
            None => Ok(None),
        }
    }

    /// The scene of an event: as it was seen a moment ago by this step, if nothing was written since.
    async fn look(&self, event: &Event, sight: &mut Sight) -> Result<Option<Scene>, ReadError> {
        match std::mem::replace(sight, Sight::Old) {
            Sight::Fresh(scene) => Ok(*scene),
            Sight::Old => self.scene(event).await,
        }
    }

    async fn run(&self, id: RunId) -> Result<Option<Seen<Run>>, ReadError> {
        self.app
            .store
            .document(self.workspace(), &DocKey::new(Kind::Run, id))
            .await?
            .map(seen)
            .transpose()
    }

    /// A bot as it was in the version that a run began with.
    async fn program(&self, name: &BotName, version: &str) -> Result<Option<Arc<Bot>>, ReadError> {
        let live = self.directory.bots();
        if let Some(bot) = live.bot(name).filter(|bot| bot.version == version) {
            return Ok(Some(Arc::clone(bot)));
        }
        let key = (name.clone(), version.to_owned());
        if let Some(bot) =
            self.old_versions.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
        {
            return Ok(Some(Arc::clone(bot)));
        }
        let document = DocKey::new(Kind::BotVersion, StoredVersion::id(name, version));
        let Some(stored) = self.app.store.document(self.workspace(), &document).await? else {
            return Ok(None);
        };
        let stored: Seen<StoredVersion> = seen(stored)?;
        let source = BotSource { name: name.clone(), files: stored.value.files };
        let Ok((bot, _)) = Bot::load(&source, &CatalogueVocabulary(&self.directory.catalogue()))
        else {
            tracing::error!(bot = %name, "version {version} of {name} no longer loads: the runs that wait on it cannot go on");
            return Ok(None);
        };
        let bot = Arc::new(bot);
        let mut old_versions = self.old_versions.lock().unwrap_or_else(PoisonError::into_inner);
        if old_versions.len() >= OLD_VERSIONS_MAX {
            old_versions.clear();
        }
        old_versions.insert(key, Arc::clone(&bot));
        Ok(Some(bot))
    }

    fn seeds(&self) -> Seeds {
        let run = self.app.clock.next_id();
        let (_, low) = run.as_u64_pair();
        Seeds { now: self.app.clock.now(), run, random: low }
    }
}

impl Handler for React {
    fn lanes(&self, event: &Event, lanes: &mut Vec<Lane>) {
        let concerned = !self.directory.bots().listeners(&event.event_type).is_empty()
            || self.may_be_waited_for(event)
            || is_closed(&event.event_type);
        if concerned {
            lanes.push(Lane::of(event));
        }
    }

    async fn handle(&self, event: &Arc<Event>, _: Lane) -> Result<(), StepFailed> {
        let half_done = || self.half_done.lock().unwrap_or_else(PoisonError::into_inner);
        let again = event.seq <= self.handled_before || half_done().remove(&event.id);
        let result = self.react(event, again).await;
        if result.is_err() {
            half_done().insert(event.id);
        }
        result
    }
}

impl React {
    /// Reacts to an event; `again` says that it may have been done in part before.
    async fn react(&self, event: &Arc<Event>, again: bool) -> Result<(), StepFailed> {
        if let (true, Some(chat)) = (is_closed(&event.event_type), event.chat) {
            self.cancel_waiting(chat, event).await?;
        }
        let mut sight = Sight::Old;
        if is_switched_off(event) || self.is_of_the_past(event, &mut sight).await? {
            return Ok(());
        }
        let taken = if self.may_be_waited_for(event) {
            self.ask(event, &mut sight).await?
        } else {
            Taken::Nobody
        };
        let bots = self.directory.bots();
        let listeners = bots.listeners(&event.event_type);
        let done = if again { self.served_before(listeners, event).await? } else { 0 };
        let paused = self.directory.paused();
        for listener in listeners.iter().skip(done) {
            let bot = &listener.bot.name;
            let own_words = event.author.kind == AuthorKind::Bot && event.author.id == bot.as_str();
            let channel_kind = self.directory.channel_kind(event);
            let beside_question = taken == Taken::UnlessAside(bot.clone());
            if taken == Taken::By(bot.clone())
                || (beside_question && !is_aside(listener))
                || (own_words && event.event_type.is_speech())
                || !listener.heard.matches(channel_kind, event.author.kind, &event.data)
                || is_paused(&paused, listener)
            {
                continue;
            }
            // The event may have been given to a run that waits no more.
            if again
                && (self.app.store.claim(self.workspace(), &answered(bot, event)).await?.is_some()
                    || (!is_aside(listener) && self.was_aside(listeners, bot, event).await?))
            {
                continue;
            }
            self.begin(listener, event, &mut sight, beside_question).await?;
        }
        if bots.hears_meanings()
            && can_be_understood(event)
            && let Some(scene) = self.scene(event).await?
            && event.seq.0 >= scene.session.value.handled
        {
            understand(&self.app, &self.directory, event, &scene, taken.bot()).await?;
        }
        question::all_began(&self.app, event).await
    }

    /// Whether a chat client switched a button in a thread that is over: bots leave that alone.
    async fn is_of_the_past(&self, event: &Event, sight: &mut Sight) -> Result<bool, ReadError> {
        if event.event_type.as_str() != "chat.postback" || event.data.get("toggled").is_none() {
            return Ok(false);
        }
        let scene = self.look(event, sight).await?;
        let is_past = scene.as_ref().is_none_or(|scene| {
            let chat = &scene.chat.value;
            chat.status == ChatStatus::Closed || event.thread != Some(chat.thread.id)
        });
        *sight = Sight::Fresh(Box::new(scene));
        Ok(is_past)
    }

    /// How many listeners were asked before: all up to the last one that has its claim.
    async fn served_before(
        &self,
        listeners: &[Listener],
        event: &Event,
    ) -> Result<usize, ReadError> {
        for (place, listener) in listeners.iter().enumerate().rev() {
            let Some(behavior) = listener.bot.behaviors().get(listener.behavior) else { continue };
            let claim = started(&listener.bot, &behavior.name, event);
            if self.app.store.claim(self.workspace(), &claim).await?.is_some() {
                return Ok(place + 1);
            }
        }
        Ok(0)
    }
}

/// Whether a behavior does not react, as it kept failing.
pub(crate) fn is_paused(paused: &Paused, listener: &Listener) -> bool {
    let behavior = listener.bot.behaviors().get(listener.behavior);
    behavior.is_some_and(|behavior| paused.holds(&listener.bot, &behavior.name))
}

/// Whether an event is a text of a customer's own.
fn can_be_understood(event: &Event) -> bool {
    event.author.kind == AuthorKind::Customer
        && event.chat.is_some()
        && event.event_type.as_str() == "chat.message"
        && says_something(event)
}

/// What a step saw of its event's scene. Many behaviors may look and do nothing: they look at the same sight.
enum Sight {
    /// Nothing was written since.
    Fresh(Box<Option<Scene>>),
    /// It must be read.
    Old,
}

/// A stop that was told already, far down a chain: who reacts to it with another stop would be told of that one, and so on.
fn stops_of_stops(event: &Event) -> bool {
    event.depth >= DEPTH_MAX && event.event_type.as_str() == "behavior.stopped"
}

/// Whether a button of a chat client was switched off: nothing that anybody reacts to as to a press.
fn is_switched_off(event: &Event) -> bool {
    event.event_type.as_str() == "chat.postback"
        && event.data.get("toggled").and_then(serde_json::Value::as_bool) == Some(false)
}

fn started(bot: &Bot, behavior: &str, event: &Event) -> String {
    format!("run:{}/{behavior}:{}", bot.name, event.id)
}

fn is_closed(event_type: &TypeName) -> bool {
    event_type.as_str() == "chat.closed"
}

fn answered(bot: &BotName, event: &Event) -> String {
    format!("answered:{bot}:{}", event.id)
}

/// A run keeps seeing the event that it began with.
fn restore_start(facts: &mut Facts, run: &Run) {
    if let Some(event) = run.started_with.get("event") {
        facts.event = event.clone();
    }
    if let Some(meta) = run.started_with.get("meta") {
        facts.meta = meta.clone();
    }
}

fn cancel(run: &mut Run, message: &str, now: Timestamp) {
    run.state = RunState::Stopped { reason: StopReason::Cancelled, message: message.into() };
    run.frames.clear();
    run.moved_at = now;
}
