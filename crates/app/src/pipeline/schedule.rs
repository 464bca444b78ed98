//! Behaviors that are due by themselves: each has a timer for its next time, set when its bot is published.
//!
//! A timer rings once: the commit that raises `schedule.due` takes it and sets the next, so a time is never told twice,
//! whatever crashes. Times that were missed while nothing ran become one, or are left out, as the behavior says.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_behaviors::{Behavior, Bot, Missed, Schedule, Status, schedule::DUE};
use tidings_model::{BotName, Draft, Timestamp, Visibility};
use tidings_store::{Batch, CommitError, Timer, TimerChange, TimerName};

use super::reader::StepFailed;
use crate::directory::Directory;
use crate::{App, known};

/// The first word of the timers' names.
pub(crate) const TIMER: &str = "schedule";

/// How late a time may come that is not taken for missed: a timer of a busy node rings some seconds late.
const IN_TIME: Duration = Duration::from_secs(60);

/// How many missed times are counted.
const MISSED_COUNTED_MAX: usize = 1_000;

/// A behavior that is due by itself, as its bot's document keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// The behavior.
    pub behavior: String,
    /// Its cron lines.
    pub cron: Vec<String>,
    /// The time zone that they are read in.
    pub zone: String,
}

/// What of a bot is due by itself.
pub(crate) fn of(bot: &Bot) -> Vec<Scheduled> {
    let live = bot.behaviors().iter().filter(|behavior| behavior.status == Status::Live);
    live.filter_map(|behavior| {
        let Schedule { cron, zone, .. } = behavior.schedule.as_ref()?;
        let (cron, zone) = (cron.clone(), zone.clone());
        Some(Scheduled { behavior: behavior.name.clone(), cron, zone })
    })
    .collect()
}

/// The timers of a bot that goes live: those of times that did not change go on as they are.
pub(crate) fn plan(bot: &Bot, before: &[Scheduled], now: Timestamp) -> Vec<TimerChange> {
    let after = of(bot);
    let mut changes: Vec<TimerChange> = before
        .iter()
        .filter(|old| !after.iter().any(|new| new.behavior == old.behavior))
        .map(|old| TimerChange::Cancel { name: timer_name(&bot.name, &old.behavior) })
        .collect();
    for new in after.iter().filter(|new| !before.contains(new)) {
        let behavior = bot.behaviors().iter().find(|behavior| behavior.name == new.behavior);
        let next = behavior.and_then(|one| one.schedule.as_ref()?.next_after(now));
        changes.extend(next.map(|due| set(&bot.name, &new.behavior, due)));
    }
    changes
}

/// The end of the timers of a bot that is taken off.
pub(crate) fn end(bot: &BotName, before: &[Scheduled]) -> Vec<TimerChange> {
    let cancel = |old: &Scheduled| TimerChange::Cancel { name: timer_name(bot, &old.behavior) };
    before.iter().map(cancel).collect()
}

fn timer_name(bot: &BotName, behavior: &str) -> TimerName {
    TimerName(format!("{TIMER}:{bot}/{behavior}"))
}

fn set(bot: &BotName, behavior: &str, due: Timestamp) -> TimerChange {
    let body = json!({ "bot": bot, "behavior": behavior });
    TimerChange::Set { name: timer_name(bot, behavior), due, body }
}

/// A behavior is due. What makes a second call harmless: the commit takes the timer.
pub(crate) async fn ring(
    app: &App,
    directory: &Directory,
    timer: &Timer,
) -> Result<(), StepFailed> {
    let text = |name: &str| timer.body.get(name).and_then(Value::as_str).unwrap_or_default();
    let bot: Option<BotName> = text("bot").parse().ok();
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    if let Some(bot) = bot {
        known::seek(app, timer.workspace, |directory| directory.bots().bot(&bot).is_some()).await?;
        let live = directory.bots();
        let behavior = live.bot(&bot).and_then(|bot| {
            bot.behaviors().iter().find(|behavior| behavior.name == text("behavior"))
        });
        if let Some(behavior) = behavior.filter(|behavior| behavior.status == Status::Live) {
            due(app, (&bot, behavior), timer, &mut batch);
        }
    }
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Raises what is due, and sets the next time.
fn due(app: &App, (bot, behavior): (&BotName, &Behavior), timer: &Timer, batch: &mut Batch) {
    let Some(schedule) = &behavior.schedule else { return };
    let now = app.now();
    let next = schedule.next_after(now.max(timer.due));
    batch.timers.extend(next.map(|next| set(bot, &behavior.name, next)));
    let missed = schedule.count_between(timer.due, now, MISSED_COUNTED_MAX);
    let is_late = missed > 0
        || now.duration_since(timer.due)
            > jiff::SignedDuration::try_from(IN_TIME).unwrap_or_default();
    if is_late && schedule.missed == Missed::Skip {
        return;
    }
    let data = json!({
        "bot": bot, "behavior": behavior.name, "due_at": timer.due, "cron": schedule.cron,
        "time_zone": schedule.zone, "missed": missed,
    });
    let event_type = DUE.parse().expect("a good name");
    let mut draft = Draft::new(app.next_event_id(), event_type, timer.workspace, now, data);
    draft.visibility = Visibility::Agents;
    batch.events.push(draft);
}
