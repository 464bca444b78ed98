//! Groups of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::team::groups::{self, Said};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct One {
    id: u32,
    #[serde(default)]
    fields: Vec<String>,
}

pub(super) async fn create(call: &Call) -> Answer {
    groups::create(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn update(call: &Call) -> Answer {
    groups::update(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn delete(call: &Call) -> Answer {
    let args: One = call.args()?;
    groups::delete(&call.app, &call.actor, args.id).await
}

pub(super) async fn get(call: &Call) -> Answer {
    let args: One = call.args()?;
    groups::get(&call.app, &call.actor, args.id, &args.fields).await
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    fields: Vec<String>,
}

pub(super) async fn list(call: &Call) -> Answer {
    let args: List = call.args()?;
    groups::list(&call.app, &call.actor, &args.fields).await
}
