//! Chats that are put aside until a time: [`ChatChange::snooze`] does it, and here the time comes.
//!
//! The chat's document says until when, and each change of that sets or cancels the timer in the same commit. What makes
//! a second ring harmless: the commit takes the timer.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::{Author, ChatId, Timestamp};
use tidings_store::{Batch, CommitError, Timer, TimerChange, TimerName};

use crate::App;
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::reader::StepFailed;

/// The first word of the timers' names.
pub(crate) const TIMER: &str = "snooze";

/// The longest that a chat is put aside: what is a year away is a record's business.
pub const SNOOZE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// How often the end is decided anew because what it saw moved meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

fn name(chat: ChatId) -> TimerName {
    TimerName(format!("{TIMER}:{chat}"))
}

/// The timer of a chat that is put aside.
pub(crate) fn set(chat: ChatId, until: Timestamp) -> TimerChange {
    TimerChange::Set { name: name(chat), due: until, body: json!({ "chat": chat }) }
}

/// The end of that timer.
pub(crate) fn cancel(chat: ChatId) -> TimerChange {
    TimerChange::Cancel { name: name(chat) }
}

/// The time has come: the chat is back.
pub(crate) async fn ring(app: &App, timer: &Timer) -> Result<(), StepFailed> {
    let workspace = timer.workspace;
    let chat = timer.body.get("chat").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let mut refused = None;
    for _ in 0..CONFLICT_TRIES_MAX {
        let mut batch = Batch::new(workspace);
        batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
        let scene = match chat {
            Some(chat) => app.scene(workspace, chat).await?,
            None => None,
        };
        if let Some(scene) = &scene
            && scene.chat.value.snoozed_until.is_some_and(|until| until <= app.now())
        {
            let (author, clock) = (Author::system(), app.clock.as_ref());
            let mut change = ChatChange::begin(workspace, scene, author, None, clock);
            change.end_snooze("time");
            change.finish(&mut batch);
        }
        match app.commit(batch).await {
            // It was set anew, or is over.
            Ok(_) | Err(CommitError::TimerGone { .. }) => return Ok(()),
            Err(error @ CommitError::Conflict { .. }) => {
                if let Some(chat) = chat {
                    app.forget_scene(workspace, chat);
                }
                refused = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.unwrap_or(CommitError::Overloaded).into())
}
