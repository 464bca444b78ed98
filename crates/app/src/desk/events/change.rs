//! `edit_event` and `delete_event`. The log keeps what was said; that it was changed is an event of its own, see
//! [`crate::desk::look::history`].
//!
//! What makes a second call harmless: who edits to what is there already, or deletes what is deleted, changes nothing.

use serde_json::{Value, json};
use tidings_model::Visibility;

use super::Composed;
use super::send::program_obeys;
use super::target::{self, may_change};
use crate::App;
use crate::desk::change::in_thread;
use crate::desk::{Actor, ErrorType, Failure};

/// Gives an event another content: of the same type, for the same readers.
pub async fn edit(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    event: &str,
    composed: &Composed,
) -> Result<(), Failure> {
    let told = target::find(app, actor, chat, thread, event).await?;
    may_change(actor, &told)?;
    if told.deleted {
        return Err(Failure::new(ErrorType::NotFound, "the event was deleted"));
    }
    if told.event.event_type != composed.event_type {
        return Err(Failure::field("event.type", "must be what it was"));
    }
    let same = composed
        .data
        .as_object()
        .is_some_and(|new| new.iter().all(|(name, value)| told.data.get(name) == Some(value)));
    if same {
        return Ok(());
    }
    let mut data = json!({ "event": told.event.id, "data": composed.data });
    if let (Some(id), Value::Object(data)) = (&told.provider_message_id, &mut data) {
        data.insert("provider_message_id".into(), id.clone().into());
    }
    in_thread(app, actor, chat, thread, |deciding| {
        if told.event.visibility == Visibility::All {
            program_obeys(deciding)?;
        }
        deciding.raise("chat.event_edited", data.clone()).visibility = told.event.visibility;
        Ok(())
    })
    .await?;
    Ok(())
}

/// Takes an event back: customers see nothing of it any more, agents that it is gone.
pub async fn delete(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    event: &str,
) -> Result<(), Failure> {
    let told = target::find(app, actor, chat, thread, event).await?;
    may_change(actor, &told)?;
    if told.deleted {
        return Ok(());
    }
    let mut data = json!({ "event": told.event.id });
    if let (Some(id), Value::Object(data)) = (&told.provider_message_id, &mut data) {
        data.insert("provider_message_id".into(), id.clone().into());
    }
    in_thread(app, actor, chat, thread, |deciding| {
        deciding.raise("chat.event_deleted", data.clone()).visibility = told.event.visibility;
        Ok(())
    })
    .await?;
    Ok(())
}
