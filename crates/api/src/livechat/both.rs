//! What agents and customers do alike: the same methods in both APIs.

pub(super) mod chats;
pub(super) mod events;
pub(super) mod files;
pub(super) mod lists;
pub(super) mod opening;
pub(super) mod properties;

use properties::Wish;
use serde_json::json;

use super::call::{Answer, Call, unanswered};

/// Answers a call that is the same for both.
pub(super) async fn answer(call: &Call, action: &str) -> Answer {
    match action {
        "get_chat" => chats::get(call).await,
        "send_event" => events::send(call).await,
        "upload_file" => files::upload(call),
        "send_file" => files::send(call).await,
        "edit_event" => events::edit(call).await,
        "delete_event" => events::delete(call).await,
        "send_rich_message_postback" => events::postback(call).await,
        "mark_events_as_seen" => events::mark_as_seen(call).await,
        "update_chat_properties" => properties::of_chat(call, Wish::Set).await,
        "delete_chat_properties" => properties::of_chat(call, Wish::Delete).await,
        "update_thread_properties" => properties::of_thread(call, Wish::Set).await,
        "delete_thread_properties" => properties::of_thread(call, Wish::Delete).await,
        "update_event_properties" => properties::of_event(call, Wish::Set).await,
        "delete_event_properties" => properties::of_event(call, Wish::Delete).await,
        "ping" => Ok(json!({})),
        "list_chats" => lists::chats(call).await,
        "list_threads" => lists::threads(call).await,
        "resume_chat" => chats::resume(call).await,
        "start_chat" => chats::start(call).await,
        _ => Err(unanswered(call.side, action)),
    }
}
