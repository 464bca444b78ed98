//! `give_back`: takes the chat back to this bot, from the queue or from nobody.

use serde_json::json;

use super::{Action, Written};
use crate::Effect;
use crate::reader::Reader;
use crate::stage::{Flow, Halt, Stage};

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let yes = written.value.scalar().is_some_and(|scalar| scalar.value() == true);
    if !yes && !written.value.is_null() {
        reader.error(written.value.at, "wrong_kind", "`give_back` needs nothing behind it");
        return None;
    }
    Some(Action::GiveBack)
}

pub(super) fn take(stage: &mut Stage<'_>) -> Result<Flow, Halt> {
    stage.trace(json!({}));
    stage.effect(Effect::GiveBack)?;
    Ok(Flow::Next)
}
