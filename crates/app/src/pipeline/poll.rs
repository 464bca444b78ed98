//! Long polling of one Telegram channel. Begun and ended by [`super::telegram::connect`].
//!
//! Updates are taken one after another, in the order of their numbers. The next poll's offset confirms what is before it,
//! so an update is confirmed only after it is committed; after a crash Telegram sends again what was not, and the claim
//! of its number makes the second copy harmless.

use std::sync::Arc;
use std::time::Duration;

use tidings_channels::telegram::answers::{UPDATES_BYTES_MAX, read_updates};
use tidings_channels::telegram::{Reply, methods};
use tidings_model::WorkspaceId;
use tokio::sync::watch;

use super::reader::{chain, stopped};
use super::telegram::call::{CALL_TIME_MAX, Called, call, call_for};
use super::telegram::connect::{Backoff, Go, judge_failure, learn_name};
use super::telegram::open::OpenChannel;
use super::telegram::take;
use crate::App;

/// How much longer than the poll itself its answer may take: for the network, and for Telegram's own delay.
const POLL_SLACK: Duration = Duration::from_secs(10);

/// Polls until told to stop, or until Telegram does not know the token.
pub(crate) async fn poll(
    app: Arc<App>,
    workspace: WorkspaceId,
    open: Arc<OpenChannel>,
    mut stop: watch::Receiver<bool>,
) {
    let id = open.channel.id;
    let mut offset = None;
    let mut backoff = Backoff::new();
    loop {
        let polled = tokio::select! {
            () = stopped(&mut stop) => return,
            polled = ask(&app, &open, offset) => polled,
        };
        let called = match polled {
            Ok(body) => match take_all(&app, workspace, &open, &body, &mut offset, &stop).await {
                Took::All => {
                    backoff.reset();
                    continue;
                }
                Took::Stopped => return,
                Took::NotAll => {
                    if backoff.wait(&app, &mut stop, None).await == Go::Stop {
                        return;
                    }
                    continue;
                }
            },
            Err(called) => called,
        };
        metrics::counter!("tidings_polls_failed_total").increment(1);
        if backoff.is_first() {
            tracing::warn!(channel.id = %id, "the updates of channel {id} cannot be polled, and are tried again: {}", called.problem());
        }
        let Go::On = judge_failure(&called, id) else { return };
        if has_webhook(&called) {
            let deleted =
                call(&app, &open.settings, &methods::delete_webhook(), CALL_TIME_MAX).await;
            if deleted.done().is_some() {
                tracing::info!(channel.id = %id, "the webhook of channel {id} was removed: it is polled now");
                continue;
            }
        }
        let asked = match &called {
            Called::Answered { reply: Reply::RateLimited { retry_after_s }, .. } => {
                Some(Duration::from_secs(*retry_after_s))
            }
            Called::Answered { .. } | Called::Failed { .. } => None,
        };
        if backoff.wait(&app, &mut stop, asked).await == Go::Stop {
            return;
        }
    }
}

/// One poll; the call that failed is given back.
async fn ask(app: &App, open: &OpenChannel, offset: Option<i64>) -> Result<bytes::Bytes, Called> {
    learn_name(app, open).await?;
    let poll = methods::get_updates(offset, &open.settings);
    let time_max = Duration::from_secs(open.settings.polling_timeout_s) + POLL_SLACK;
    let called = call_for(app, &open.settings, &poll, time_max, UPDATES_BYTES_MAX).await;
    match called {
        Called::Answered { reply: Reply::Ok { .. }, body, .. } => Ok(body),
        Called::Answered { .. } | Called::Failed { .. } => Err(called),
    }
}

enum Took {
    All,
    NotAll,
    Stopped,
}

/// Takes the updates of a poll. What was taken is confirmed by the next one, even when not all could be.
async fn take_all(
    app: &Arc<App>,
    workspace: WorkspaceId,
    open: &Arc<OpenChannel>,
    body: &[u8],
    offset: &mut Option<i64>,
    stop: &watch::Receiver<bool>,
) -> Took {
    let Some(updates) = read_updates(body) else { return Took::NotAll };
    for update in updates {
        if *stop.borrow() {
            return Took::Stopped;
        }
        if let Err(error) = take(app, workspace, open, &update.body).await {
            let id = open.channel.id;
            tracing::warn!(channel.id = %id, "an update of channel {id} will be tried again: {}", chain(&error));
            return Took::NotAll;
        }
        *offset = Some(offset.unwrap_or(0).max(update.update_id.saturating_add(1)));
    }
    Took::All
}

/// Whether a webhook is in the way (409); the other 409 is a second reader.
fn has_webhook(called: &Called) -> bool {
    matches!(
        called,
        Called::Answered { reply: Reply::Refused { error_code: 409, description }, .. }
            if description.contains("webhook is active") || description.contains("setWebhook")
    )
}
