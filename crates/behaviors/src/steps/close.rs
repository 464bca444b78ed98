//! `close`: closes the chat. The steps behind it are still taken, so that a note may follow.

use serde_json::json;

use super::{Action, Written};
use crate::Effect;
use crate::pattern::Text;
use crate::reader::Reader;
use crate::stage::{Flow, Halt, Stage};
use crate::yaml::Kind;

/// The reason where none is written.
const REASON: &str = "closed by the bot";

/// The end of a chat.
#[derive(Debug)]
pub(crate) struct Close {
    reason: Text,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let node = match &written.value.kind {
        Kind::Map(_) => reader.fields(written.value, "`close`", &["reason"])?.get("reason"),
        Kind::Scalar(_) | Kind::List(_) => Some(written.value),
    };
    let reason = match node.filter(|node| !node.is_null()) {
        Some(node) => reader.text(node, "the reason")?,
        None => Text::Fixed(REASON.to_owned()),
    };
    Some(Action::Close(Close { reason }))
}

impl Close {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let reason = stage.render(&self.reason)?;
        stage.trace(json!({ "reason": reason }));
        stage.effect(Effect::Close { reason })?;
        Ok(Flow::Next)
    }
}
