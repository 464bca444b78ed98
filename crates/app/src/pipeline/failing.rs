//! Behaviors that fail: a mark says so, and one that keeps failing is paused until somebody resumes it, or publishes a new
//! version of its bot.
//!
//! A behavior that does not fail costs nothing here: who fails writes its mark after its run, and pauses are kept at hand
//! with the directory. Failures are counted in the mark, at whichever node they happen; when there were enough of them, the
//! last runs tell whether they came in a row. So a run that goes well writes nothing.
//!
//! A mark is written after the commit of its run: a crash in between loses one count, and nobody waits for it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_behaviors::{Bot, Run, RunState, StopReason};
use tidings_model::{
    Author, BotName, Draft, Event, EventId, RunId, Timestamp, Visibility, WorkspaceId,
};
use tidings_store::{
    Batch, CommitError, Delete, DocKey, DocumentPage, DocumentQuery, Kind, Put, ReadError, Scan,
};

use super::scene::{Seen, seen};
use super::written::to_body;
use crate::App;
use crate::admin::AdminError;
use crate::admin::told::told;
use crate::directory::{Directory, all_of};
use crate::known;
use crate::pipeline::reader::chain;

/// Within how long the failures must have come that pause a behavior: a night's runs count together, a month's do not.
const WITHIN: Duration = Duration::from_secs(24 * 3_600);

/// How many runs are read at once: their traces are long.
const PAGE: usize = 50;

/// How many runs are looked at for each failure that is wanted: those that wait are passed over.
const LOOKED_AT_FOR_EACH: u32 = 10;

/// How often a mark is written again that another node wrote meanwhile.
const TRIES_MAX: usize = 10;

/// How many marks one look reads.
const MARKS_PAGE: usize = 500;

/// How many behaviors of one bot are shown that fail.
pub const SHOWN_MAX: usize = 100;

/// What is known of a behavior that failed, since its bot's text is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The bot.
    pub bot: BotName,
    /// The behavior.
    pub behavior: String,
    /// The version of the bot's text.
    pub version: String,
    /// How many of its runs failed.
    pub failures: u64,
    /// The last of them.
    pub last: Failure,
    /// How many failed since it was last looked whether they came in a row.
    #[serde(default)]
    unchecked: u32,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// The reason's word.
    pub reason: String,
    /// The same for people, with the place.
    pub message: String,
    /// The run.
    pub run: RunId,
    /// The event that started it.
    pub event: EventId,
}

/// A behavior that does not react.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// The bot.
    pub bot: BotName,
    /// The behavior.
    pub behavior: String,
    /// The version of the bot's text: of another one it does not hold.
    pub version: String,
    /// How many runs failed in a row.
    pub failures: u32,
    /// The last of them.
    pub last: Failure,
    /// Since when.
    pub at: Timestamp,
}

/// The behaviors of a workspace that do not react.
#[derive(Debug, Default)]
pub(crate) struct Paused(HashMap<BotName, BTreeMap<String, String>>);

impl Paused {
    pub(crate) fn of(pauses: impl Iterator<Item = Pause>) -> Self {
        let mut paused = Self::default();
        for Pause { bot, behavior, version, .. } in pauses {
            paused.0.entry(bot).or_default().insert(behavior, version);
        }
        paused
    }

    /// Whether a behavior of this version of a bot does not react.
    pub(crate) fn holds(&self, bot: &Bot, behavior: &str) -> bool {
        let version = || self.0.get(&bot.name)?.get(behavior);
        !self.0.is_empty() && version() == Some(&bot.version)
    }
}

fn id(bot: &BotName, behavior: &str) -> String {
    format!("{bot}/{behavior}")
}

fn mark_key(bot: &BotName, behavior: &str) -> DocKey {
    DocKey::new(Kind::BehaviorMark, id(bot, behavior))
}

fn pause_key(bot: &BotName, behavior: &str) -> DocKey {
    DocKey::new(Kind::BehaviorPause, id(bot, behavior))
}

/// How a run failed; `None` for one that did not.
fn failure(run: &Run) -> Option<(StopReason, Failure)> {
    let RunState::Stopped { reason, message } = &run.state else { return None };
    let failure = Failure {
        at: run.moved_at,
        reason: reason.as_str().into(),
        message: message.clone(),
        run: run.id,
        event: run.event,
    };
    reason.is_failure().then_some((*reason, failure))
}

/// Whether a failure may pause its behavior. Not the loop guard: one busy chat would silence a bot for all others.
const fn counts(reason: StopReason) -> bool {
    reason.is_failure() && !matches!(reason, StopReason::LoopGuard)
}

/// Notes how a run ended that was written. Nothing, unless it failed.
pub(crate) async fn note(app: &App, directory: &Directory, run: &Run, event: &Event) {
    let Some((reason, failure)) = failure(run) else { return };
    let live = directory.bots();
    if live.bot(&run.bot).is_none_or(|bot| bot.version != run.bot_version) {
        return;
    }
    if let Err(error) = mark(app, directory, run, (reason, failure), event).await {
        tracing::warn!(
            run.id = %run.id,
            "it could not be noted that {}/{} failed: {}", run.bot, run.behavior, chain(&error)
        );
    }
}

async fn mark(
    app: &App,
    directory: &Directory,
    run: &Run,
    (reason, failure): (StopReason, Failure),
    event: &Event,
) -> Result<(), AdminError> {
    let workspace = directory.workspace();
    let key = mark_key(&run.bot, &run.behavior);
    let enough = app.settings.bot_pause_after_failures;
    // One at a time at this node; another node's write is a conflict.
    let _turn = directory.marking().await;
    for _ in 0..TRIES_MAX {
        let found = app.store.document(workspace, &key).await?.map(seen::<Mark>).transpose()?;
        let fresh = Mark {
            bot: run.bot.clone(),
            behavior: run.behavior.clone(),
            version: run.bot_version.clone(),
            failures: 0,
            last: failure.clone(),
            unchecked: 0,
        };
        let (mark, before) = match found {
            Some(found) if found.value.version == run.bot_version => found.apart(),
            Some(found) => (fresh, found.apart().1),
            None => (fresh, Seen::absent(())),
        };
        let mut mark = Mark { failures: mark.failures + 1, last: failure.clone(), ..mark };
        mark.unchecked = mark.unchecked.saturating_add(u32::from(counts(reason)));
        let mut batch = Batch::new(workspace);
        let mut is_paused = false;
        if enough > 0 && mark.unchecked >= enough {
            mark.unchecked = in_a_row(app, workspace, run, enough).await?;
            is_paused = mark.unchecked >= enough;
        }
        if is_paused {
            mark.unchecked = 0;
            pause(app, &mark, enough, event, &mut batch);
        }
        let index = vec![("bot", run.bot.to_string())];
        batch.puts.push(before.map(|()| mark).put(key.clone(), index));
        match app.commit(batch).await {
            Ok(_) if is_paused => {
                tracing::warn!(
                    bot = %run.bot,
                    "the behavior {:?} of {} is paused: its last {enough} runs failed", run.behavior, run.bot
                );
                return Ok(directory.refresh(app).await?);
            }
            Ok(_) => return Ok(()),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(AdminError::Conflict)
}

/// How many of the last runs of a behavior failed, one after the other; not more than are asked for.
async fn in_a_row(
    app: &App,
    workspace: WorkspaceId,
    run: &Run,
    enough: u32,
) -> Result<u32, ReadError> {
    let since = app.now().checked_sub(WITHIN).unwrap_or(Timestamp::MIN);
    let scan = Scan::EqualNewest { name: "behavior", value: id(&run.bot, &run.behavior) };
    let (mut row, mut looked_at, mut after) = (0, 0, None);
    while looked_at < enough.saturating_mul(LOOKED_AT_FOR_EACH) {
        let query = DocumentQuery { kind: Kind::Run, scan: scan.clone(), after, limit: PAGE };
        let DocumentPage { documents, next } = app.store.documents(workspace, query).await?;
        for document in documents {
            let other: Run = seen(document)?.value;
            looked_at += 1;
            if other.bot_version != run.bot_version || other.moved_at < since {
                return Ok(row);
            }
            match other.state {
                RunState::Done | RunState::Stopped { reason: StopReason::Asked, .. } => {
                    return Ok(row);
                }
                RunState::Stopped { reason, .. } if counts(reason) => row += 1,
                RunState::Stopped { .. } | RunState::Waiting { .. } => {}
            }
            if row >= enough {
                return Ok(row);
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
    }
    Ok(row)
}

fn pause(app: &App, mark: &Mark, failures: u32, event: &Event, batch: &mut Batch) {
    let pause = Pause {
        bot: mark.bot.clone(),
        behavior: mark.behavior.clone(),
        version: mark.version.clone(),
        failures,
        last: mark.last.clone(),
        at: app.now(),
    };
    batch.puts.push(Put {
        key: pause_key(&mark.bot, &mark.behavior),
        expected: None,
        body: to_body(&pause),
        index: vec![("bot", mark.bot.to_string())],
    });
    let data = json!({
        "bot": mark.bot, "behavior": mark.behavior, "failures": failures,
        "reason": mark.last.reason, "message": mark.last.message, "run": mark.last.run,
    });
    let name = "behavior.paused".parse().expect("a good name");
    let mut draft = Draft::new(app.next_event_id(), name, batch.workspace, app.now(), data);
    draft.visibility = Visibility::Agents;
    // Of no chat: it is about all of them. What is only about to happen is not in the log.
    if event.seq.0 > 0 {
        (draft.cause, draft.root, draft.depth) = (Some(event.id), event.root, event.depth + 1);
    }
    batch.events.push(draft);
}

/// Lets a behavior react again; returns whether it was paused. Safe to call again.
pub async fn resume(
    app: &App,
    workspace: WorkspaceId,
    (bot, behavior): (&BotName, &str),
    author: &Author,
) -> Result<bool, AdminError> {
    let has = |directory: &Directory| {
        let bots = directory.bots();
        bots.bot(bot).is_some_and(|bot| bot.behaviors().iter().any(|one| one.name == behavior))
    };
    known::seek(app, workspace, has).await?;
    let directory = app.directory(workspace).filter(|directory| has(directory));
    let missing = || AdminError::NotFound { what: "behavior", id: id(bot, behavior) };
    let directory = directory.ok_or_else(missing)?;
    let key = pause_key(bot, behavior);
    let Some(found) = app.store.document(workspace, &key).await? else { return Ok(false) };
    let mut batch = Batch::new(workspace);
    batch.deletes.push(Delete { key, expected: Some(found.version) });
    batch.events.push(resumed(app, workspace, Some(author), (bot, behavior), "asked"));
    app.commit(batch).await?;
    directory.refresh(app).await?;
    Ok(true)
}

fn resumed(
    app: &App,
    workspace: WorkspaceId,
    author: Option<&Author>,
    (bot, behavior): (&BotName, &str),
    why: &str,
) -> Draft {
    let data = json!({ "bot": bot, "behavior": behavior, "why": why });
    told(app, workspace, author, "behavior.resumed", data)
}

/// A new text of a bot: nothing is known of how it does. Returns whether something was taken away.
pub(crate) async fn forget(
    app: &App,
    batch: &mut Batch,
    bot: &BotName,
    author: Option<&Author>,
) -> Result<bool, ReadError> {
    let before = batch.deletes.len();
    for kind in [Kind::BehaviorMark, Kind::BehaviorPause] {
        let mut after = None;
        loop {
            let scan = Scan::Equal { name: "bot", value: bot.to_string() };
            let query = DocumentQuery { kind, scan, after, limit: MARKS_PAGE };
            let page = app.store.documents(batch.workspace, query).await?;
            for document in page.documents {
                if kind == Kind::BehaviorPause {
                    let behavior = document.key.id.strip_prefix(&format!("{bot}/"));
                    let behavior = behavior.unwrap_or(&document.key.id);
                    let draft = resumed(app, batch.workspace, author, (bot, behavior), "published");
                    batch.events.push(draft);
                }
                batch.deletes.push(Delete { key: document.key, expected: None });
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(batch.deletes.len() > before)
}

/// What is known of the behaviors of a workspace that failed, by bot, and which of them are paused.
pub async fn failing(
    app: &App,
    workspace: WorkspaceId,
) -> Result<BTreeMap<BotName, Vec<(Mark, Option<Pause>)>>, ReadError> {
    let marks: Vec<Mark> = all_of(app.store.as_ref(), workspace, Kind::BehaviorMark).await?;
    let pauses: Vec<Pause> = all_of(app.store.as_ref(), workspace, Kind::BehaviorPause).await?;
    let mut pauses: HashMap<(BotName, String), Pause> = pauses
        .into_iter()
        .map(|pause| ((pause.bot.clone(), pause.behavior.clone()), pause))
        .collect();
    let mut failing: BTreeMap<BotName, Vec<(Mark, Option<Pause>)>> = BTreeMap::new();
    for mark in marks {
        let pause = pauses.remove(&(mark.bot.clone(), mark.behavior.clone()));
        let pause = pause.filter(|pause| pause.version == mark.version);
        failing.entry(mark.bot.clone()).or_default().push((mark, pause));
    }
    Ok(failing)
}
