//! Webhooks of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::webhooks::{self, Said};
use tidings_wire::livechat::{Failure, Version};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct OfOwner {
    #[serde(default)]
    id: String,
    #[serde(default)]
    owner_client_id: Option<String>,
}

pub(super) async fn register(call: &Call) -> Answer {
    webhooks::register(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) fn list(call: &Call) -> Answer {
    let args: OfOwner = call.args()?;
    webhooks::list(&call.app, &call.actor, args.owner_client_id.as_deref())
}

pub(super) async fn unregister(call: &Call) -> Answer {
    let args: OfOwner = call.args()?;
    webhooks::unregister(&call.app, &call.actor, &args.id, args.owner_client_id.as_deref()).await
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    version: Option<String>,
}

pub(super) fn names(call: &Call) -> Answer {
    let args: Names = call.args()?;
    let version = match args.version {
        Some(text) => text.parse::<Version>().map_err(|error| {
            Failure::field("version", format!("must be one of the API's: {error}"))
        })?,
        None => call.version,
    };
    Ok(webhooks::names(version))
}

pub(super) async fn switch(call: &Call, on: bool) -> Answer {
    let args: OfOwner = call.args()?;
    webhooks::switch(&call.app, &call.actor, args.owner_client_id.as_deref(), on).await
}

pub(super) async fn state(call: &Call) -> Answer {
    let args: OfOwner = call.args()?;
    webhooks::state(&call.app, &call.actor, args.owner_client_id.as_deref()).await
}
