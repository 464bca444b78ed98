//! `note`: a note that only agents see.

use serde_json::json;

use super::{Action, Written};
use crate::Effect;
use crate::pattern::Text;
use crate::reader::Reader;
use crate::stage::{Flow, Halt, Stage};

/// A note.
#[derive(Debug)]
pub(crate) struct Note {
    text: Text,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    reader.text(written.value, "`note`").map(|text| Action::Note(Note { text }))
}

impl Note {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let text = stage.render(&self.text)?;
        stage.trace(json!({ "text": text }));
        if !text.trim().is_empty() {
            stage.effect(Effect::Note { text })?;
        }
        Ok(Flow::Next)
    }
}
