//! Canned responses of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::canned_responses::{self, Said, Wanted};

use crate::livechat::call::{Answer, Call};

pub(super) async fn create(call: &Call) -> Answer {
    canned_responses::create(&call.app, &call.actor, &call.args::<Said>()?).await
}

pub(super) async fn update(call: &Call) -> Answer {
    canned_responses::update(&call.app, &call.actor, &call.args::<Said>()?).await
}

#[derive(Deserialize)]
struct One {
    id: u64,
}

pub(super) async fn delete(call: &Call) -> Answer {
    let args: One = call.args()?;
    canned_responses::delete(&call.app, &call.actor, args.id).await
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    page_id: Option<String>,
}

pub(super) async fn list(call: &Call) -> Answer {
    let page: Page = call.args()?;
    let wanted: Wanted = call.args()?;
    canned_responses::list(&call.app, &call.actor, wanted, page.page_id.as_deref()).await
}
