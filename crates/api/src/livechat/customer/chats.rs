//! A customer's chats, as they close them.

use serde::Deserialize;
use tidings_app::desk::chats::closing;

use crate::livechat::both::opening::done;
use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct OfChat {
    id: String,
}

/// `deactivate_chat`.
pub(super) async fn deactivate(call: &Call) -> Answer {
    let args: OfChat = call.args()?;
    closing::deactivate(&call.app, &call.actor, &args.id, true).await.map(done)
}
