//! The workspace itself, of the Configuration API: channels, company, plan.

use serde_json::{Map, Value, json};
use tidings_app::desk::{license, look};

use crate::livechat::call::{Answer, Call};

/// `get_organization_id`, of the license that the token is of.
pub(super) fn organization_id(call: &Call) -> Answer {
    Ok(json!({ "organization_id": call.actor.workspace }))
}

/// `get_license_id`, of the organization that the token is of.
pub(super) fn license_id(call: &Call) -> Answer {
    Ok(json!({ "license_id": look::license_id(call.actor.workspace) }))
}

pub(super) async fn channels(call: &Call) -> Answer {
    license::channels(&call.app, &call.actor).await
}

pub(super) fn plan_limits() -> Answer {
    Ok(license::plan_limits())
}

pub(super) fn product_source() -> Answer {
    Ok(license::product_source())
}

pub(super) async fn update_company(call: &Call) -> Answer {
    let details: Map<String, Value> = call.args()?;
    license::update_company(&call.app, &call.actor, &details).await
}

pub(super) async fn company(call: &Call) -> Answer {
    license::company(&call.app, &call.actor).await
}
