//! Updates to the webhook: one after another within a chat, chats side by side, and again until the answer is 2xx.
//!
//! A chat has at most one task at a time; it ends when nothing of its chat waits, or there is no webhook. An update
//! leaves the queue only after it was taken, so a task that ends early loses nothing.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use serde_json::{Map, Value};

use super::arguments::Arguments;
use super::state::{Update, Webhook, WebhookAttempt};
use super::{Shared, methods};

/// The longest `Retry-After` that is honoured, in seconds (`WebhookActor.h`, `MAX_RETRY_AFTER`).
const RETRY_AFTER_S_MAX: u64 = 3600;

/// What the webhook did with an update.
enum Outcome {
    Taken { answer: Option<Map<String, Value>> },
    Again { after: Option<Duration> },
}

impl Shared {
    /// Begins to bring what waits, for every chat that has no task yet.
    pub(super) fn deliver(self: &Arc<Self>) {
        let lanes: Vec<i64> = {
            let mut state = self.state();
            let Some(webhook) = state.webhook.clone() else { return };
            let mut lanes = Vec::new();
            let waiting: Vec<i64> = state.pending.values().map(|update| update.lane).collect();
            for lane in waiting {
                let room =
                    state.lanes_busy.len() < usize::try_from(webhook.max_connections).unwrap_or(1);
                if room && state.lanes_busy.insert(lane) {
                    lanes.push(lane);
                }
            }
            lanes
        };
        for lane in lanes {
            self.spawn(Arc::clone(self).bring(lane));
        }
    }

    async fn bring(self: Arc<Self>, lane: i64) {
        let mut delay = self.options.retry_base;
        loop {
            let next = {
                let mut state = self.state();
                let update = state.pending.iter().find(|(_, update)| update.lane == lane);
                let next =
                    update.map(|(id, update)| (*id, update.clone())).zip(state.webhook.clone());
                if next.is_none() {
                    state.lanes_busy.remove(&lane);
                }
                next
            };
            let Some(((update_id, update), webhook)) = next else { break };
            let (status, outcome) = self.post(&webhook, &update).await;
            {
                let mut state = self.state();
                state.attempts.push(WebhookAttempt { update_id, status });
                if let Outcome::Taken { .. } = outcome {
                    state.pending.remove(&update_id);
                }
            }
            self.touch();
            match outcome {
                Outcome::Taken { answer } => {
                    delay = self.options.retry_base;
                    if let Some(answer) = answer {
                        self.call_in_answer(answer).await;
                    }
                }
                Outcome::Again { after } => {
                    tokio::time::sleep(after.unwrap_or(delay)).await;
                    delay = (delay * 2).min(self.options.retry_max);
                }
            }
        }
        // Another chat may have found no room.
        self.deliver();
    }

    async fn post(&self, webhook: &Webhook, update: &Update) -> (Option<u16>, Outcome) {
        let mut request = self.client.post(&webhook.url).json(&update.body);
        if let Some(secret) = &webhook.secret_token {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        let Ok(response) = request.send().await else {
            return (None, Outcome::Again { after: None });
        };
        let status = response.status();
        if !status.is_success() {
            let after = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            let after =
                after.map(|seconds: u64| Duration::from_secs(seconds.min(RETRY_AFTER_S_MAX)));
            return (Some(status.as_u16()), Outcome::Again { after });
        }
        let answer =
            response.bytes().await.ok().and_then(|body| serde_json::from_slice(&body).ok());
        (Some(status.as_u16()), Outcome::Taken { answer })
    }

    /// The answer to a webhook may be one call; nobody sees its result.
    async fn call_in_answer(self: &Arc<Self>, mut answer: Map<String, Value>) {
        let Some(Value::String(method)) = answer.remove("method") else { return };
        let ignored = ["setwebhook", "deletewebhook", "close", "logout"];
        let lower = method.to_ascii_lowercase();
        if !lower.starts_with("get") && !ignored.contains(&lower.as_str()) {
            let unseen = Box::pin(methods::call(self, &method, Arguments::of(answer))).await;
            drop(unseen);
            self.touch();
        }
    }
}
