//! Tells agents how many customers there are, where they are more than an agent hears of one by one.
//!
//! Looked at every so often: what is told is lost with the process, and the next look makes it anew.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tidings_model::WorkspaceId;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::App;
use crate::desk::customers::there;
use crate::desk::push::Push;
use crate::pipeline::reader::{chain, stopped};

/// How often is counted: a number on a screen need not be fresher.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// Counts until told to stop.
pub async fn run(app: Arc<App>, workspace: WorkspaceId, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(COUNT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = ticks.tick() => count(&app, workspace).await,
        }
    }
}

async fn count(app: &App, workspace: WorkspaceId) {
    let Some(hub) = app.hub(workspace) else { return };
    let subscribers = hub.room().crowded();
    if subscribers.is_empty() {
        return;
    }
    let counts = match there::count(app, workspace).await {
        Ok(counts) => counts,
        Err(error) => {
            tracing::warn!("the customers who are there cannot be counted: {}", chain(&error));
            return;
        }
    };
    for listener in subscribers {
        let totals = listener.totals(&counts);
        if !totals.is_empty() {
            let told = ("subscribed_customers_totals_updated", Value::Object(totals));
            hub.room().tell(&listener, Push { to_agents: Some(told), ..Push::default() });
            listener.wake();
        }
    }
}
