//! Agents of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::team::agents::{self, Filters, Said};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct One {
    id: String,
    #[serde(default)]
    fields: Vec<String>,
}

pub(super) async fn create(call: &Call) -> Answer {
    agents::create(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn update(call: &Call) -> Answer {
    agents::update(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn get(call: &Call) -> Answer {
    let args: One = call.args()?;
    agents::get(&call.app, &call.actor, &args.id, &args.fields).await
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    filters: Filters,
    #[serde(default)]
    fields: Vec<String>,
}

pub(super) async fn list(call: &Call) -> Answer {
    let args: List = call.args()?;
    agents::list(&call.app, &call.actor, &args.filters, &args.fields).await
}

pub(super) async fn delete(call: &Call) -> Answer {
    let args: One = call.args()?;
    agents::delete(&call.app, &call.actor, &args.id).await
}

pub(super) async fn suspend(call: &Call, suspended: bool) -> Answer {
    let args: One = call.args()?;
    agents::suspend(&call.app, &call.actor, &args.id, suspended).await
}

pub(super) async fn request_unsuspension(call: &Call) -> Answer {
    agents::request_unsuspension(&call.app, &call.actor).await
}

pub(super) async fn approve(call: &Call) -> Answer {
    let args: One = call.args()?;
    agents::approve(&call.app, &call.actor, &args.id).await
}

#[derive(Deserialize)]
struct OfAgent {
    agent_id: String,
}

pub(super) async fn reactivate_email(call: &Call) -> Answer {
    let args: OfAgent = call.args()?;
    agents::reactivate_email(&call.app, &call.actor, &args.agent_id).await
}
