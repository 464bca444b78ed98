//! `assign`: makes an agent the owner of the chat, or nobody; `move`: gives the chat to another group. Neither moves the
//! control lease: who may speak stays as it is.

use serde_json::json;
use tidings_model::{AgentId, GroupName};

use super::{Action, Written};
use crate::Effect;
use crate::pattern::Text;
use crate::reader::Reader;
use crate::run::StopReason;
use crate::stage::{Flow, Halt, Stage};

/// The word for no owner.
const NOBODY: &str = "nobody";

/// A new owner.
#[derive(Debug)]
pub(crate) struct Assign(Text);

/// A new group.
#[derive(Debug)]
pub(crate) struct Move(Text);

pub(super) fn read_assign(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    reader.text(written.value, "`assign`").map(|text| Action::Assign(Assign(text)))
}

pub(super) fn read_move(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    reader.text(written.value, "`move`").map(|text| Action::Move(Move(text)))
}

impl Assign {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let text = stage.render(&self.0)?;
        let agent = match text.trim() {
            NOBODY => None,
            text => Some(text.parse::<AgentId>().map_err(|error| {
                Halt::new(StopReason::EffectRefused, format!("assign: {error}"))
            })?),
        };
        stage.trace(json!({ "agent": agent }));
        stage.effect(Effect::Assign { agent })?;
        Ok(Flow::Next)
    }
}

impl Move {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let text = stage.render(&self.0)?;
        let group = text
            .trim()
            .parse::<GroupName>()
            .map_err(|error| Halt::new(StopReason::EffectRefused, format!("move: {error}")))?;
        stage.trace(json!({ "group": group }));
        stage.effect(Effect::Move { group })?;
        Ok(Flow::Next)
    }
}
