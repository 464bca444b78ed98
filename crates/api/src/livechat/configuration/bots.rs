//! Bots and their templates, of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::team::bots::{self, Said};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct One {
    id: String,
    #[serde(default)]
    fields: Vec<String>,
}

pub(super) async fn create(call: &Call) -> Answer {
    bots::create(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn update(call: &Call) -> Answer {
    bots::update(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn delete(call: &Call) -> Answer {
    let args: One = call.args()?;
    bots::delete(&call.app, &call.actor, &args.id).await
}

pub(super) async fn get(call: &Call) -> Answer {
    let args: One = call.args()?;
    bots::get(&call.app, &call.actor, &args.id, &args.fields).await
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    all: bool,
    #[serde(default)]
    fields: Vec<String>,
}

pub(super) async fn list(call: &Call) -> Answer {
    let args: List = call.args()?;
    bots::list(&call.app, &call.actor, args.all, &args.fields).await
}

pub(super) async fn reset_secret(call: &Call) -> Answer {
    let args: One = call.args()?;
    bots::reset_secret(&call.app, &call.actor, &args.id).await
}

pub(super) async fn create_template(call: &Call) -> Answer {
    bots::create_template(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn update_template(call: &Call) -> Answer {
    bots::update_template(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn delete_template(call: &Call) -> Answer {
    bots::delete_template(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn reset_template_secret(call: &Call) -> Answer {
    bots::reset_template_secret(&call.app, &call.actor, &call.args::<Said>()?).await
}

#[derive(Deserialize)]
struct OfOwner {
    owner_client_id: String,
}

pub(super) async fn list_templates(call: &Call) -> Answer {
    let args: OfOwner = call.args()?;
    bots::list_templates(&call.app, &call.actor, &args.owner_client_id).await
}

#[derive(Deserialize)]
struct Issue {
    bot_id: String,
    client_id: String,
    bot_secret: String,
    organization_id: String,
}

/// `issue_bot_token`: the bot's secret is what lets in, so no token is needed, and one that is there tells nothing.
pub(in crate::livechat) async fn issue_token(
    app: &tidings_app::App,
    payload: &serde_json::Value,
) -> Answer {
    let args: Issue = super::super::call::read_args(payload)?;
    let workspace = args.organization_id.parse().map_err(|_| {
        tidings_wire::livechat::Failure::from(tidings_wire::livechat::ErrorType::LicenseNotFound)
    })?;
    bots::issue_token(app, workspace, &args.bot_id, &args.client_id, &args.bot_secret).await
}
