//! `stop`: ends the run here, in a called behavior as well.

use super::{Action, Written};
use crate::pattern::Text;
use crate::reader::Reader;
use crate::run::StopReason;
use crate::stage::{Flow, Halt, Stage};
use crate::yaml::Kind;

/// The reason where none is written.
const REASON: &str = "stopped by the bot";

/// An end.
#[derive(Debug)]
pub(crate) struct Stop {
    reason: Text,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let node = match &written.value.kind {
        Kind::Map(_) => reader.fields(written.value, "`stop`", &["reason"])?.get("reason"),
        Kind::Scalar(_) | Kind::List(_) => Some(written.value),
    };
    let reason = match node.filter(|node| !node.is_null()) {
        Some(node) => reader.text(node, "the reason")?,
        None => Text::Fixed(REASON.to_owned()),
    };
    Some(Action::Stop(Stop { reason }))
}

impl Stop {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        Err(Halt::new(StopReason::Asked, stage.render(&self.reason)?))
    }
}
