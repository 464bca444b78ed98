//! Hears what other nodes tell, and says with every beat who is here. One loop for all workspaces.
//!
//! What makes a hint that comes twice harmless: a push that nobody keeps is told again, as one that was typed twice would
//! be; what is kept is forgotten again; who is where is numbered; a connection that is closed stays closed.

use std::sync::Arc;

use tidings_bus::{Hint, Topic};
use tidings_store::{DocKey, Kind};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Change, Close, Signalled, There, read};
use crate::App;
use crate::desk::hub::BEAT;
use crate::pipeline::reader::stopped;

/// Hears until told to stop; then says that this node leaves.
pub(crate) async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    if app.bus().is_alone() {
        return;
    }
    let mut heard = app.bus().hear();
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            _ = beats.tick() => each_hub(&app, |hub| hub.beat(Instant::now())),
            hint = heard.recv() => match hint {
                Ok(hint) => take(&app, hint),
                // Who is where is asked for; what is kept is read again, as nobody knows what was told of it.
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "{missed} hints of other nodes were not heard in time");
                    forget_all(&app);
                }
                Err(RecvError::Closed) => break,
            },
        }
    }
    each_hub(&app, |hub| hub.say_that_we_leave());
}

fn each_hub(app: &App, with: impl Fn(&crate::desk::hub::Hub)) {
    for workspace in app.workspaces() {
        if let Some(hub) = app.hub(workspace) {
            with(&hub);
        }
    }
}

fn forget_all(app: &App) {
    app.passes().forget_all();
    for workspace in app.workspaces() {
        if let Some(directory) = app.directory(workspace) {
            directory.is_stale();
        }
    }
}

fn take(app: &App, hint: Hint) {
    let Hint { from, workspace, topic, bytes } = hint;
    let Some(hub) = app.hub(workspace) else { return };
    match topic {
        // The engine's own: it feeds the log's end in memory.
        Topic::Log => {}
        Topic::Signal => {
            if let Some(push) = read::<Signalled>(&bytes).and_then(Signalled::push) {
                hub.signal_here(push, None);
            }
        }
        Topic::Presence => {
            if let Some(told) = read::<There>(&bytes) {
                hub.take_told(from, app.node(), told, Instant::now());
            }
        }
        Topic::Changed => {
            if let Some(change) = read::<Change>(&bytes) {
                heed(app, workspace, change);
            }
        }
        Topic::Cut => match read::<Close>(&bytes) {
            Some(Close::Agent { agent, cut, upto }) => hub.disconnect_agent_of(&agent, cut, upto),
            Some(Close::Banned { customer, ip }) => {
                app.passes().forget_customer(workspace, customer, ip);
                hub.disconnect_banned_here(customer, ip);
            }
            None => {}
        },
    }
}

fn heed(app: &App, workspace: tidings_model::WorkspaceId, change: Change) {
    let Change { tokens, bans, directory, bots, timers } = change;
    for (kind, ids) in [(Kind::AgentToken, tokens), (Kind::Ban, bans)] {
        for id in ids {
            app.passes().forget(workspace, &DocKey { kind, id });
        }
    }
    if (directory || bots)
        && let Some(known) = app.directory(workspace)
    {
        known.is_stale();
    }
    if timers {
        app.look_at_timers();
    }
}
