//! Greetings of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::customers::greetings::{self, Said};

use crate::livechat::call::{Answer, Call};

/// The vendor's usual page.
const LIMIT_DEFAULT: usize = 100;

#[derive(Deserialize)]
struct One {
    id: u64,
}

pub(super) async fn create(call: &Call) -> Answer {
    greetings::create(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn update(call: &Call) -> Answer {
    greetings::update(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn delete(call: &Call) -> Answer {
    let args: One = call.args()?;
    greetings::delete(&call.app, &call.actor, args.id).await
}

pub(super) async fn get(call: &Call) -> Answer {
    let args: One = call.args()?;
    greetings::get(&call.app, &call.actor, args.id).await
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    groups: Option<Vec<u32>>,
    #[serde(default)]
    page_id: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

pub(super) async fn list(call: &Call) -> Answer {
    let args: List = call.args()?;
    let limit = args.limit.unwrap_or(LIMIT_DEFAULT);
    let page = args.page_id.as_deref();
    greetings::list(&call.app, &call.actor, args.groups.as_deref(), page, limit).await
}
