//! `getUpdates`: an offset confirms all before it; a newer call ends an older one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::arguments::Arguments;
use super::error::ApiError;
use super::{Shared, methods};

/// The longest poll, in seconds (`Client.h`, `LONG_POLL_MAX_TIMEOUT`).
const TIMEOUT_S_MAX: i64 = 50;

/// Counts an open poll as long as it is there, also when its caller hangs up.
struct OpenPoll(Arc<Shared>);

impl OpenPoll {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.state().polls_open += 1;
        shared.touch();
        Self(Arc::clone(shared))
    }
}

impl Drop for OpenPoll {
    fn drop(&mut self) {
        self.0.state().polls_open -= 1;
    }
}

pub(super) async fn get_updates(
    shared: &Arc<Shared>,
    arguments: &Arguments,
) -> Result<Value, ApiError> {
    const WEBHOOK: &str = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
    let offset = arguments.integer("offset").unwrap_or(0);
    let limit =
        usize::try_from(arguments.integer("limit").unwrap_or(100).clamp(1, 100)).unwrap_or(100);
    let timeout_s = arguments.integer("timeout").unwrap_or(0).clamp(0, TIMEOUT_S_MAX);
    let timeout = Duration::from_secs(u64::try_from(timeout_s).unwrap_or(0));
    let allowed = methods::allowed_updates(arguments)?;
    let mut changed = shared.changed.subscribe();
    let number = {
        let mut state = shared.state();
        if state.webhook.is_some() {
            return Err(ApiError::conflict(WEBHOOK));
        }
        if let Some(allowed) = allowed {
            state.allowed_updates = allowed;
        }
        if offset > 0 {
            state.pending = state.pending.split_off(&offset);
        } else if offset < 0 {
            // The last so many; those before them are forgotten.
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            while state.pending.len() > keep {
                state.pending.pop_first();
            }
        }
        state.poll_number += 1;
        state.poll_number
    };
    shared.touch();
    let _open = OpenPoll::new(shared);
    let search = async {
        loop {
            changed.borrow_and_update();
            {
                let state = shared.state();
                if state.webhook.is_some() {
                    return Err(ApiError::conflict("terminated by setWebhook request"));
                }
                if state.poll_number != number {
                    return Err(ApiError::conflict(
                        "terminated by other getUpdates request; make sure that only one bot instance is running",
                    ));
                }
                if !state.pending.is_empty() {
                    return Ok(Value::Array(
                        state
                            .pending
                            .values()
                            .take(limit)
                            .map(|update| update.body.clone())
                            .collect(),
                    ));
                }
            }
            if changed.changed().await.is_err() {
                return Ok(Value::Array(Vec::new()));
            }
        }
    };
    tokio::time::timeout(timeout, search).await.unwrap_or_else(|_| Ok(Value::Array(Vec::new())))
}
