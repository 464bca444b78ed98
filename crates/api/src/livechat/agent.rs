//! The Agent Chat API: a file for each noun.

mod archives;
mod chats;
mod customers;
mod routing;
mod sessions;
mod signals;

use serde_json::json;
use tidings_wire::livechat::Side;

use super::both;
use super::both::properties::Wish;
use super::both::{events, files, lists, properties};
use super::call::{Answer, Call, unanswered};

/// Answers a call. `action` is today's name of the method.
pub(super) async fn answer(call: Call, action: &str) -> Answer {
    match action {
        "add_user_to_chat" => chats::add_user(&call).await,
        "deactivate_chat" => chats::deactivate(&call).await,
        "follow_chat" => chats::follow(&call).await,
        "logout" => sessions::logout(&call).await,
        "get_chat" => both::chats::get(&call).await,
        "set_routing_status" => routing::set_status(&call).await,
        "list_routing_statuses" => routing::list_statuses(&call),
        "send_event" => events::send(&call).await,
        "upload_file" => files::upload(&call),
        "send_file" => files::send(&call).await,
        "edit_event" => events::edit(&call).await,
        "delete_event" => events::delete(&call).await,
        "send_rich_message_postback" => events::postback(&call).await,
        "mark_events_as_seen" => events::mark_as_seen(&call).await,
        "update_chat_properties" => properties::of_chat(&call, Wish::Set).await,
        "delete_chat_properties" => properties::of_chat(&call, Wish::Delete).await,
        "update_thread_properties" => properties::of_thread(&call, Wish::Set).await,
        "delete_thread_properties" => properties::of_thread(&call, Wish::Delete).await,
        "update_event_properties" => properties::of_event(&call, Wish::Set).await,
        "delete_event_properties" => properties::of_event(&call, Wish::Delete).await,
        "send_event_preview" => signals::preview(&call).await,
        "send_typing_indicator" => signals::typing(&call).await,
        "send_thinking_indicator" => signals::thinking(&call).await,
        "multicast" => signals::multicast(&call),
        "tag_thread" => signals::tag(&call).await,
        "untag_thread" => signals::untag(&call).await,
        "ping" => Ok(json!({})),
        "list_agents_for_transfer" => chats::transfer_targets(&call).await,
        "get_thread_transcript" => chats::transcript(&call).await,
        "grant_chat_access" => chats::grant_access(&call).await,
        "request_thread_summary" => chats::request_summary(&call).await,
        "revoke_chat_access" => chats::revoke_access(&call).await,
        "set_access" => chats::set_access(&call).await,
        "list_archives" => archives::list(&call).await,
        "list_chats" => lists::chats(&call).await,
        "list_threads" => lists::threads(&call).await,
        "remove_user_from_chat" => chats::remove_user(&call).await,
        "resume_chat" => both::chats::resume(&call).await,
        "start_chat" => both::chats::start(&call).await,
        "transfer_chat" => chats::transfer(&call).await,
        "unfollow_chat" => chats::unfollow(&call).await,
        "get_customer" => customers::get(&call).await,
        "update_customer" => customers::update(&call).await,
        "ban_customer" => customers::ban(&call).await,
        "create_customer" => customers::create(&call).await,
        "list_customers" => customers::list(&call).await,
        "follow_customer" => customers::follow(&call, true).await,
        "unfollow_customer" => customers::follow(&call, false).await,
        "get_license_info" => customers::license(&call),
        "change_push_notifications" => customers::device(&call).await,
        _ => Err(unanswered(Side::Agent, action)),
    }
}
