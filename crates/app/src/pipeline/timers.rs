//! What is due: one loop looks at the store's timers and hands each to whoever set it, by the first word of its name.
//!
//! A timer stays in the store until the commit that does its work takes, moves or cancels it, so a crash in between only
//! means that it is found again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tidings_model::WorkspaceId;
use tidings_store::{CommitError, Held, Share, Shares, Timer, TimerName};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::hands::Place;
use super::office::Offices;
use super::reader::{STOP_GRACE, StepFailed, chain, stopped};
use crate::App;

/// How many timers may be in hand at once.
pub(crate) const IN_HAND_MAX: usize = 256;

/// The longest time between two looks: a wake-up is only a hint.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest time between two looks, when something due could not be done.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks until told to stop; then lets what is in hand finish.
pub(crate) async fn run(app: Arc<App>, offices: Arc<Offices>, mut stop: watch::Receiver<bool>) {
    let mut in_hand: HashSet<(WorkspaceId, TimerName)> = HashSet::new();
    let mut work: JoinSet<(WorkspaceId, TimerName, Result<(), StepFailed>)> = JoinSet::new();
    loop {
        let wait = look(&app, &offices, &mut in_hand, &mut work).await;
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(done) = work.join_next(), if !work.is_empty() => {
                if let Ok((workspace, name, result)) = done {
                    if let Err(error) = result
                        && !matches!(error, StepFailed::Commit(CommitError::Fenced { .. }))
                    {
                        tracing::warn!(timer = %name, "a timer's work will be tried again: {}", chain(&error));
                        tokio::time::sleep(PAUSE).await;
                    }
                    in_hand.remove(&(workspace, name));
                }
            }
            () = app.timers_changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    let last = async { while work.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, last).await.is_err() {
        tracing::warn!("the timers stop with work in hand; it is found again at the next start");
    }
}

/// Takes what is due in hand; returns how long nothing more will be.
async fn look(
    app: &Arc<App>,
    offices: &Offices,
    in_hand: &mut HashSet<(WorkspaceId, TimerName)>,
    work: &mut JoinSet<(WorkspaceId, TimerName, Result<(), StepFailed>)>,
) -> Duration {
    let now = app.clock.now();
    let held = held(app, offices);
    // Those in hand are still due in the store, so the look goes past them.
    let due = match app.store.due_timers(now, IN_HAND_MAX + in_hand.len(), &held).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!("the timers cannot be read: {}", chain(&error));
            return LOOK_INTERVAL;
        }
    };
    for timer in due {
        if in_hand.len() >= IN_HAND_MAX {
            return LOOK_INTERVAL;
        }
        let key = (timer.workspace, timer.name.clone());
        let share = Share::of_timer(&timer.name);
        let Some(office) = offices.find(timer.workspace, share) else { continue };
        let Some(under) = app.under(timer.workspace, share) else { continue };
        if !in_hand.insert(key) {
            continue;
        }
        work.spawn(async move {
            // What was interrupted, another node finds in the store.
            let result = under.begin(Box::pin(office.ring(&timer))).await.unwrap_or(Ok(()));
            let Timer { workspace, name, .. } = timer;
            (workspace, name, result)
        });
    }
    match app.store.next_timer(&held).await {
        Ok(Some(next)) if next > now => {
            Duration::try_from(next.duration_since(now)).unwrap_or(LOOK_INTERVAL).min(LOOK_INTERVAL)
        }
        Ok(_) | Err(_) => LOOK_INTERVAL,
    }
}

/// The shares whose timers ring here.
fn held(app: &App, offices: &Offices) -> Held {
    let mut these: HashMap<WorkspaceId, Shares> = HashMap::new();
    for (workspace, place) in offices.places() {
        match place {
            Place::Whole => return Held::All,
            Place::Share(share) if app.under(workspace, share).is_some() => {
                let shares = these.entry(workspace).or_default();
                *shares = shares.with(share);
            }
            Place::Share(_) => {}
        }
    }
    Held::These(these.into_iter().collect())
}
