//! Events: sent, and what becomes of them.

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::events::postback::Press;
use tidings_app::desk::events::{self, IfClosed};
use tidings_app::desk::push;
use tidings_model::Timestamp;
use tidings_wire::livechat::{self, EventLimits, Version};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct SendEvent {
    chat_id: String,
    event: Value,
    #[serde(default)]
    attach_to_last_thread: bool,
    /// The wire says so of version 3.0, where an event opened a thread.
    #[serde(default, rename = "_opens_thread")]
    opens_thread: bool,
}

/// `send_event`: says something in a chat.
pub(in crate::livechat) async fn send(call: &Call) -> Answer {
    let args: SendEvent = call.args()?;
    livechat::event(call.side, call.version, &args.event, &EventLimits::default())?;
    let if_closed = if args.attach_to_last_thread {
        IfClosed::Attach
    } else if call.version == Version::V3_0 && args.opens_thread {
        IfClosed::Reopen
    } else {
        IfClosed::Refuse
    };
    let (app, actor) = (&call.app, &call.actor);
    let composed = events::compose(app, actor, &args.event, "event").await?;
    let sent = events::send(app, actor, &args.chat_id, &composed, if_closed).await?;
    if sent.replayed {
        push::repeat(app, actor, &sent.event).await?;
    }
    Ok(sent.answer(app, actor))
}

#[derive(Deserialize)]
struct EditEvent {
    chat_id: String,
    thread_id: String,
    event_id: String,
    event: Value,
}

/// `edit_event`, which is ours: gives an event another content.
pub(in crate::livechat) async fn edit(call: &Call) -> Answer {
    let args: EditEvent = call.args()?;
    livechat::event(call.side, call.version, &args.event, &EventLimits::default())?;
    let (app, actor) = (&call.app, &call.actor);
    let composed = events::compose(app, actor, &args.event, "event").await?;
    let (chat, thread, event) = (&args.chat_id, &args.thread_id, &args.event_id);
    events::change::edit(app, actor, chat, thread, event, &composed).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct DeleteEvent {
    chat_id: String,
    thread_id: String,
    event_id: String,
}

/// `delete_event`: takes an event back.
pub(in crate::livechat) async fn delete(call: &Call) -> Answer {
    let args: DeleteEvent = call.args()?;
    let (chat, thread, event) = (&args.chat_id, &args.thread_id, &args.event_id);
    events::change::delete(&call.app, &call.actor, chat, thread, event).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct SendPostback {
    chat_id: String,
    thread_id: String,
    event_id: String,
    postback: Postback,
}

#[derive(Deserialize)]
struct Postback {
    id: String,
    toggled: bool,
    #[serde(default)]
    button_type: Option<String>,
    #[serde(default)]
    button_value: Option<String>,
    #[serde(default)]
    ecommerce: Option<Value>,
}

/// `send_rich_message_postback`: presses a button.
pub(in crate::livechat) async fn postback(call: &Call) -> Answer {
    let args: SendPostback = call.args()?;
    let Postback { id, toggled, button_type, button_value, ecommerce } = args.postback;
    let press = Press { id, toggled, button_type, button_value, ecommerce };
    let (chat, thread, event) = (&args.chat_id, &args.thread_id, &args.event_id);
    events::postback::press(&call.app, &call.actor, chat, thread, event, &press).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct MarkAsSeen {
    chat_id: String,
    seen_up_to: Timestamp,
}

/// `mark_events_as_seen`: notes up to when somebody has read a chat.
pub(in crate::livechat) async fn mark_as_seen(call: &Call) -> Answer {
    let args: MarkAsSeen = call.args()?;
    events::seen::mark(&call.app, &call.actor, &args.chat_id, args.seen_up_to).await?;
    Ok(json!({}))
}
