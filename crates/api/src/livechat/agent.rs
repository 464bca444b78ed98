//! The Agent Chat API: a file for each noun.

mod archives;
mod chats;
mod customers;
mod routing;
mod sessions;
mod signals;

use super::both;
use super::call::{Answer, Call};

/// Answers a call. `action` is today's name of the method; what customers do alike is in [`both`].
pub(super) async fn answer(call: &Call, action: &str) -> Answer {
    match action {
        "add_user_to_chat" => chats::add_user(call).await,
        "deactivate_chat" => chats::deactivate(call).await,
        "follow_chat" => chats::follow(call).await,
        "logout" => sessions::logout(call).await,
        "set_routing_status" => routing::set_status(call).await,
        "list_routing_statuses" => routing::list_statuses(call),
        "send_event_preview" => signals::preview(call).await,
        "send_typing_indicator" => signals::typing(call).await,
        "send_thinking_indicator" => signals::thinking(call).await,
        "multicast" => signals::multicast(call),
        "tag_thread" => signals::tag(call).await,
        "untag_thread" => signals::untag(call).await,
        "list_agents_for_transfer" => chats::transfer_targets(call).await,
        "get_thread_transcript" => chats::transcript(call).await,
        "grant_chat_access" => chats::grant_access(call).await,
        "request_thread_summary" => chats::request_summary(call).await,
        "revoke_chat_access" => chats::revoke_access(call).await,
        "set_access" => chats::set_access(call).await,
        "list_archives" => archives::list(call).await,
        "remove_user_from_chat" => chats::remove_user(call).await,
        "transfer_chat" => chats::transfer(call).await,
        "unfollow_chat" => chats::unfollow(call).await,
        "get_customer" => customers::get(call).await,
        "update_customer" => customers::update(call).await,
        "ban_customer" => customers::ban(call).await,
        "create_customer" => customers::create(call).await,
        "list_customers" => customers::list(call).await,
        "follow_customer" => customers::follow(call, true).await,
        "unfollow_customer" => customers::follow(call, false).await,
        "get_license_info" => customers::license(call),
        "change_push_notifications" => customers::device(call).await,
        _ => both::answer(call, action).await,
    }
}
