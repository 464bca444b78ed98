//! Webhooks of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::webhooks::{self, Said};

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

pub(super) fn names() -> Answer {
    Ok(webhooks::names())
}

pub(super) async fn switch(call: &Call, on: bool) -> Answer {
    let args: OfOwner = call.args()?;
    webhooks::switch(&call.app, &call.actor, args.owner_client_id.as_deref(), on).await
}

pub(super) async fn state(call: &Call) -> Answer {
    let args: OfOwner = call.args()?;
    webhooks::state(&call.app, &call.actor, args.owner_client_id.as_deref()).await
}
