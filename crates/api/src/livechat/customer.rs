//! The Customer Chat API: a file for each noun.

mod chats;
pub(super) mod customers;
mod routing;
mod shared;

use tidings_app::desk::customers::greet::Deed;

use super::both;
use super::call::{Answer, Call};

/// Answers a call. `action` is today's name of the method; what agents do alike is in [`both`].
pub(super) async fn answer(call: &Call, action: &str) -> Answer {
    match action {
        "list_group_statuses" => routing::group_statuses(call).await,
        "get_predicted_agent" => routing::predicted_agent(call).await,
        "request_welcome_message" => routing::welcome_message(call).await,
        "send_sneak_peek" => shared::sneak_peek(call).await,
        "list_license_properties" => shared::of_license(call),
        "list_group_properties" => shared::of_group(call),
        "deactivate_chat" => chats::deactivate(call).await,
        "get_customer" => customers::get(call).await,
        "update_customer" => customers::update(call).await,
        "set_customer_session_fields" => customers::set_session_fields(call).await,
        "activate_customer_page" => customers::page_active(call, true).await,
        "deactivate_customer_page" => customers::page_active(call, false).await,
        "check_goals" => customers::check_goals(call).await,
        "update_customer_page" => customers::page(call).await,
        "get_form" => customers::form(call),
        "get_url_info" => customers::url_info(call).await,
        "accept_greeting" => customers::greeting(call, Deed::Accept).await,
        "cancel_greeting" => customers::greeting(call, Deed::Cancel).await,
        "send_greeting_button_clicked" => customers::greeting_button(call).await,
        "request_email_verification" => customers::verify_email(call).await,
        _ => both::answer(call, action).await,
    }
}
