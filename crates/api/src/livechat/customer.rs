//! The Customer Chat API: a file for each noun.

mod chats;
pub(super) mod customers;
mod routing;
mod shared;

use serde_json::json;
use tidings_app::desk::customers::greet::Deed;
use tidings_wire::livechat::Side;

use super::both;
use super::both::properties::Wish;
use super::both::{events, files, lists, properties};
use super::call::{Answer, Call, unanswered};

/// Answers a call. `action` is today's name of the method.
pub(super) async fn answer(call: Call, action: &str) -> Answer {
    match action {
        "list_group_statuses" => routing::group_statuses(&call).await,
        "get_predicted_agent" => routing::predicted_agent(&call).await,
        "request_welcome_message" => routing::welcome_message(&call).await,
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
        "send_sneak_peek" => shared::sneak_peek(&call).await,
        "list_license_properties" => shared::of_license(&call),
        "list_group_properties" => shared::of_group(&call),
        "ping" => Ok(json!({})),
        "deactivate_chat" => chats::deactivate(&call).await,
        "get_chat" => both::chats::get(&call).await,
        "list_chats" => lists::chats(&call).await,
        "list_threads" => lists::threads(&call).await,
        "resume_chat" => both::chats::resume(&call).await,
        "start_chat" => both::chats::start(&call).await,
        "get_customer" => customers::get(&call).await,
        "update_customer" => customers::update(&call).await,
        "set_customer_session_fields" => customers::set_session_fields(&call).await,
        "activate_customer_page" => customers::page_active(&call, true).await,
        "deactivate_customer_page" => customers::page_active(&call, false).await,
        "check_goals" => customers::check_goals(&call).await,
        "update_customer_page" => customers::page(&call).await,
        "get_form" => customers::form(&call),
        "get_url_info" => customers::url_info(&call).await,
        "accept_greeting" => customers::greeting(&call, Deed::Accept).await,
        "cancel_greeting" => customers::greeting(&call, Deed::Cancel).await,
        "send_greeting_button_clicked" => customers::greeting_button(&call).await,
        "request_email_verification" => customers::verify_email(&call).await,
        _ => Err(unanswered(Side::Customer, action)),
    }
}
