//! The Configuration API: a file for each noun.

mod access;
mod agents;
mod bans;
mod batch;
pub(super) mod bots;
mod canned_responses;
mod greetings;
mod groups;
mod license;
mod properties;
mod tags;
mod webhooks;

use tidings_wire::livechat::Side;

use super::both::properties::Wish;
use super::call::{Answer, Call, unanswered};

/// Answers a call. `action` is today's name of the method.
pub(super) async fn answer(call: &Call, action: &str) -> Answer {
    match batch::one_of(action) {
        Some(one) => batch::answer(call, one).await,
        None => one(call, action).await,
    }
}

/// Answers a call that is no batch.
async fn one(call: &Call, action: &str) -> Answer {
    match action {
        "register_property" => properties::register(call).await,
        "unregister_property" => properties::unregister(call).await,
        "publish_property" => properties::publish(call).await,
        "list_properties" => properties::list(call),
        "update_license_properties" => properties::change_license(call, Wish::Set).await,
        "delete_license_properties" => properties::change_license(call, Wish::Delete).await,
        "list_license_properties" => properties::of_license(call),
        "update_group_properties" => properties::change_group(call, Wish::Set).await,
        "delete_group_properties" => properties::change_group(call, Wish::Delete).await,
        "list_groups_properties" => properties::of_groups(call),
        "create_tag" => tags::create(call).await,
        "update_tag" => tags::update(call).await,
        "delete_tag" => tags::delete(call).await,
        "list_tags" => tags::list(call).await,
        "create_agent" => agents::create(call).await,
        "get_agent" => agents::get(call).await,
        "list_agents" => agents::list(call).await,
        "update_agent" => agents::update(call).await,
        "delete_agent" => agents::delete(call).await,
        "suspend_agent" => agents::suspend(call, true).await,
        "unsuspend_agent" => agents::suspend(call, false).await,
        "request_agent_unsuspension" => agents::request_unsuspension(call).await,
        "approve_agent" => agents::approve(call).await,
        "reactivate_email" => agents::reactivate_email(call).await,
        "create_bot" => bots::create(call).await,
        "get_bot" => bots::get(call).await,
        "list_bots" => bots::list(call).await,
        "update_bot" => bots::update(call).await,
        "delete_bot" => bots::delete(call).await,
        "reset_bot_secret" => bots::reset_secret(call).await,
        "issue_bot_token" => bots::issue_token(&call.app, &call.payload).await,
        "create_bot_template" => bots::create_template(call).await,
        "list_bot_templates" => bots::list_templates(call).await,
        "update_bot_template" => bots::update_template(call).await,
        "delete_bot_template" => bots::delete_template(call).await,
        "reset_bot_template_secret" => bots::reset_template_secret(call).await,
        "create_group" => groups::create(call).await,
        "get_group" => groups::get(call).await,
        "list_groups" => groups::list(call).await,
        "update_group" => groups::update(call).await,
        "delete_group" => groups::delete(call).await,
        "add_auto_access" => access::add(call).await,
        "list_auto_accesses" => access::list(call).await,
        "update_auto_access" => access::update(call).await,
        "delete_auto_access" => access::delete(call).await,
        "register_webhook" => webhooks::register(call).await,
        "list_webhooks" => webhooks::list(call),
        "unregister_webhook" => webhooks::unregister(call).await,
        "list_webhook_names" => webhooks::names(call),
        "enable_license_webhooks" => webhooks::switch(call, true).await,
        "disable_license_webhooks" => webhooks::switch(call, false).await,
        "get_license_webhooks_state" => webhooks::state(call).await,
        "create_greeting" => greetings::create(call).await,
        "get_greeting" => greetings::get(call).await,
        "list_greetings" => greetings::list(call).await,
        "update_greeting" => greetings::update(call).await,
        "delete_greeting" => greetings::delete(call).await,
        "create_canned_response" => canned_responses::create(call).await,
        "list_canned_responses" => canned_responses::list(call).await,
        "update_canned_response" => canned_responses::update(call).await,
        "delete_canned_response" => canned_responses::delete(call).await,
        "list_customer_bans" => bans::list(call).await,
        "unban_customer" => bans::unban(call).await,
        "get_organization_id" => license::organization_id(call),
        "get_license_id" => license::license_id(call),
        "list_channels" => license::channels(call).await,
        "check_product_limits_for_plan" => license::plan_limits(),
        "get_product_source" => license::product_source(),
        "update_company_details" => license::update_company(call).await,
        "get_company_details" => license::company(call).await,
        _ => Err(unanswered(Side::Configuration, action)),
    }
}
