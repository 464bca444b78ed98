//! Pressed buttons: a reference becomes the value that it stands for, and the button stops turning.

use std::sync::Arc;

use serde_json::Value;
use tidings_channels::Arrival;
use tidings_channels::telegram::{PostbackReference, answer_callback_query};
use tidings_model::WorkspaceId;
use tidings_store::ReadError;

use super::call::{ANSWER_TIME_MAX, call};
use super::open::OpenChannel;
use crate::App;
use crate::pipeline::receive::chat_id;

/// How many presses may be answered at once, of all channels. One more is not answered: its button turns until the app
/// of the customer gives up.
pub(crate) const ANSWERS_AT_ONCE_MAX: usize = 64;

/// Puts the real value in the place of a reference. Only an event of the same chat is looked at: a changed client may
/// send any text. What refers to nothing stays as it is.
pub(super) async fn resolve(
    app: &App,
    workspace: WorkspaceId,
    open: &OpenChannel,
    arrival: &mut Arrival,
) -> Result<(), ReadError> {
    let Some(address) = &arrival.address else { return Ok(()) };
    let value = arrival.data.get("value").and_then(Value::as_str);
    let Some(reference) = value.and_then(PostbackReference::read) else { return Ok(()) };
    let Some(event) = app.store.event(workspace, reference.event).await? else { return Ok(()) };
    if event.chat != Some(chat_id(&open.channel, address)) {
        return Ok(());
    }
    let (Some(pressed), Some(data)) = (reference.find(&event.data), arrival.data.as_object_mut())
    else {
        return Ok(());
    };
    data.insert("value".into(), pressed.value.into());
    data.entry("text").or_insert(pressed.text.into());
    if let Some(postback_id) = pressed.postback_id {
        data.insert("postback_id".into(), postback_id.into());
    }
    Ok(())
}

/// Tells Telegram that a press arrived, beside the path of the event: one try, and "too old" is fine. It is lost when the
/// process ends now; then the button turns for a while, and the press itself is in the log.
pub(super) fn answer(app: &Arc<App>, open: &Arc<OpenChannel>, query_id: String) {
    let (app, open) = (Arc::clone(app), Arc::clone(open));
    let Ok(permit) = Arc::clone(&app.press_answers).try_acquire_owned() else {
        metrics::counter!("tidings_presses_unanswered_total").increment(1);
        return;
    };
    tokio::spawn(async move {
        let _permit = permit;
        let answer = answer_callback_query(&query_id, None);
        drop(call(&app, &open.settings, &answer, ANSWER_TIME_MAX).await);
    });
}
