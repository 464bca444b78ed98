//! Nobody writes: a chat of the chat page becomes idle, goes to another agent, and is closed in the end.
//!
//! Each open chat has one timer. When it rings, the log says who wrote last and when; what is due is done, and the timer
//! is set to what comes next. Ordinary messages set nothing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidings_model::{
    Author, AuthorKind, ChannelKind, ChatId, ChatStatus, Event, Holder, Timestamp, Visibility,
    WorkspaceId,
};
use tidings_store::{Batch, CommitError, ReadError, Timer, TimerChange, TimerName};
use tidings_wire::livechat::show;

use super::leave::{self, Gone, tell};
use super::rules::Rules;
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::Scene;
use crate::{App, known};

/// The first word of the timers' names.
pub const NAME: &str = "silence";

/// How far back the last message is looked for.
const LOOK_BACK_MAX: usize = 200;

/// The timer of a chat.
pub fn timer(chat: ChatId) -> TimerName {
    TimerName(format!("{NAME}:{chat}"))
}

/// Sets a chat's timer anew, to the first thing that could be due.
pub fn set(rules: &Rules, chat: ChatId, from: Timestamp) -> Option<TimerChange> {
    let soonest = [rules.idle_after_min, rules.transfer_after_min, rules.close_after_min]
        .into_iter()
        .flatten()
        .min()?;
    Some(at(chat, later(from, soonest)))
}

fn at(chat: ChatId, due: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer(chat), due, body: json!({ "chat": chat }) }
}

fn later(from: Timestamp, minutes: u64) -> Timestamp {
    from.checked_add(Duration::from_secs(minutes * 60)).unwrap_or(Timestamp::MAX)
}

/// Who wrote last, and since when the customer waits for an answer.
struct Silence {
    last: Timestamp,
    unanswered_since: Option<Timestamp>,
    told_idle: bool,
}

/// A chat's timer rang. What makes a second call harmless: the commit takes the timer.
pub async fn ring(app: &Arc<App>, timer: &Timer) -> Result<(), StepFailed> {
    let workspace = timer.workspace;
    let chat = timer.body.get("chat").and_then(|id| id.as_str()).and_then(|id| id.parse().ok());
    let Some(chat): Option<ChatId> = chat else { return drop_timer(app, timer).await };
    let Some(scene) = app.scene(workspace, chat).await? else {
        return drop_timer(app, timer).await;
    };
    let channel = scene.chat.value.channel;
    known::seek(app, workspace, |directory| directory.channel(channel).is_some()).await?;
    let is_page = app
        .directory(workspace)
        .and_then(|directory| directory.channel(channel))
        .is_some_and(|channel| channel.kind == ChannelKind::Web);
    if scene.chat.value.status == ChatStatus::Closed || !is_page {
        return drop_timer(app, timer).await;
    }
    let rules = Rules::of(app, workspace);
    let silence = silence(app, workspace, &scene).await?;
    let now = app.now();
    let is_due = |minutes: Option<u64>, since: Timestamp| {
        minutes.is_some_and(|minutes| later(since, minutes) <= now)
    };
    // A bot that waits for an answer has a time limit of its own, and so has who put the chat aside.
    let waits = scene.session.value.waiting.is_some() || scene.chat.value.snoozed_until.is_some();
    if is_due(rules.close_after_min, silence.last) && !waits {
        return close(app, timer, &scene, rules.close_after_min.unwrap_or_default()).await;
    }
    if let (Some(since), Holder::Agent { id }) =
        (silence.unanswered_since, &scene.control.value.holder)
        && is_due(rules.transfer_after_min, since)
    {
        let minutes = rules.transfer_after_min.unwrap_or_default();
        leave::one(app, workspace, chat, id, Gone::Inactive(minutes)).await?;
    }
    let tells_idle = is_due(rules.idle_after_min, silence.last) && !silence.told_idle;
    let next = next(&rules, &silence, now, waits);
    let mut batch = Batch::new(workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    if tells_idle {
        let scene = app.scene(workspace, chat).await?;
        let Some(scene) = scene else { return drop_timer(app, timer).await };
        let mut change =
            ChatChange::begin(workspace, &scene, Author::system(), None, app.clock.as_ref());
        let minutes = rules.idle_after_min.unwrap_or_default();
        change.raise("routing.idle", json!({ "minutes": minutes })).visibility = Visibility::Agents;
        change.after().chat.value.thread.properties.set("routing", "idle", true.into());
        tell(
            &mut change,
            "routing.idle",
            &format!("Nobody wrote for {minutes} minutes"),
            &json!({ "duration": minutes.to_string() }),
        );
        change.finish(&mut batch);
    }
    batch.timers.push(at(chat, next));
    commit(app, batch, chat).await
}

/// When to look next: at the earliest of what is still to come, and not at once again.
fn next(rules: &Rules, silence: &Silence, now: Timestamp, waits: bool) -> Timestamp {
    let mut times = Vec::new();
    if let (Some(minutes), false) = (rules.idle_after_min, silence.told_idle) {
        times.push(later(silence.last, minutes));
    }
    if let (Some(minutes), Some(since)) = (rules.transfer_after_min, silence.unanswered_since) {
        times.push(later(since, minutes));
    }
    if let Some(minutes) = rules.close_after_min {
        times.push(later(silence.last, minutes));
    }
    let soonest = later(now, 1);
    let next = times.into_iter().filter(|time| *time > now).min().unwrap_or(soonest);
    // While a bot waits, its chat is looked at now and then.
    if waits { next.max(later(now, 1)) } else { next }
}

async fn silence(app: &App, workspace: WorkspaceId, scene: &Scene) -> Result<Silence, ReadError> {
    let chat = &scene.chat.value;
    let events = app.store().chat_events(workspace, chat.id, None, LOOK_BACK_MAX).await?;
    let in_thread = events.iter().filter(|event| event.thread == Some(chat.thread.id));
    let mut last = None;
    let mut unanswered_since = None;
    let mut answered = false;
    let mut told_idle = false;
    let mut back = None;
    for event in in_thread {
        // Who put the chat aside meant it to be silent: it counts from when it came back.
        if event.event_type.as_str() == "chat.snooze_ended" {
            back = back.or(Some(event.received_at));
            last = last.or(back);
        }
        if event.event_type.as_str() == "routing.idle" && last.is_none() {
            told_idle = true;
        }
        if !is_written(event) {
            continue;
        }
        last = last.or(Some(event.received_at));
        match event.author.kind {
            AuthorKind::Customer if !answered => unanswered_since = Some(event.received_at),
            AuthorKind::Customer => {}
            AuthorKind::Agent | AuthorKind::Bot | AuthorKind::Integration | AuthorKind::System => {
                answered = true;
            }
        }
    }
    let unanswered_since = unanswered_since.max(unanswered_since.and(back));
    Ok(Silence { last: last.unwrap_or(chat.thread.created_at), unanswered_since, told_idle })
}

/// Whether somebody wrote it: not the system.
fn is_written(event: &Event) -> bool {
    event.author.kind != AuthorKind::System
        && matches!(
            show::kind_of(event),
            Some("message" | "file" | "form" | "filled_form" | "rich_message" | "custom")
        )
}

async fn close(
    app: &Arc<App>,
    timer: &Timer,
    scene: &Scene,
    minutes: u64,
) -> Result<(), StepFailed> {
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    let mut change =
        ChatChange::begin(timer.workspace, scene, Author::system(), None, app.clock.as_ref());
    tell(
        &mut change,
        "routing.archived_inactive",
        &format!("The chat was closed, since nobody wrote for {minutes} minutes"),
        &json!({ "duration": minutes.to_string() }),
    );
    change.close("nobody wrote");
    change.finish(&mut batch);
    commit(app, batch, scene.chat.value.id).await
}

async fn drop_timer(app: &Arc<App>, timer: &Timer) -> Result<(), StepFailed> {
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn commit(app: &Arc<App>, batch: Batch, chat: ChatId) -> Result<(), StepFailed> {
    let workspace = batch.workspace;
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => {
            app.forget_scene(workspace, chat);
            Err(error.into())
        }
    }
}
