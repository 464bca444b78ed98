//! What customers read of properties of the workspace and of teams, and what they are about to say.

use serde::Deserialize;
use serde_json::json;
use tidings_app::desk::events::signals;
use tidings_app::desk::properties::shared::{self, Filter};
use tidings_model::GroupNumber;

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    id: u32,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

impl List {
    fn filter(&self) -> Filter<'_> {
        Filter {
            namespace: self.namespace.as_deref(),
            name: self.name.as_deref(),
            name_prefix: None,
        }
    }
}

/// `list_license_properties`.
pub(super) fn of_license(call: &Call) -> Answer {
    let args: List = call.args()?;
    shared::of_license(&call.app, &call.actor, args.filter())
}

/// `list_group_properties`.
pub(super) fn of_group(call: &Call) -> Answer {
    let args: List = call.args()?;
    shared::of_group(&call.app, &call.actor, GroupNumber(args.id), args.filter())
}

#[derive(Deserialize)]
struct SneakPeek {
    chat_id: String,
    sneak_peek_text: String,
}

/// `send_sneak_peek`.
pub(super) async fn sneak_peek(call: &Call) -> Answer {
    let SneakPeek { chat_id, sneak_peek_text } = call.args()?;
    signals::sneak_peek(&call.app, &call.actor, &chat_id, &sneak_peek_text).await?;
    Ok(json!({}))
}
