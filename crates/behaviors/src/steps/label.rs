//! `label`: puts labels on the chat and takes others off.

use serde_json::json;

use super::{Action, Written};
use crate::Effect;
use crate::pattern::Text;
use crate::reader::Reader;
use crate::stage::{Flow, Halt, Stage};
use crate::yaml::Kind;

/// Labels.
#[derive(Debug)]
pub(crate) struct Label {
    add: Vec<Text>,
    remove: Vec<Text>,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let problems = reader.problems.len();
    let (add, remove) = if matches!(written.value.kind, Kind::Map(_)) {
        let fields = reader.fields(written.value, "`label`", &["add", "remove"])?;
        let add = fields.get("add").map(|node| reader.texts(node, "a label")).unwrap_or_default();
        let remove =
            fields.get("remove").map(|node| reader.texts(node, "a label")).unwrap_or_default();
        (add, remove)
    } else {
        (reader.texts(written.value, "a label"), Vec::new())
    };
    if add.is_empty() && remove.is_empty() && reader.problems.len() == problems {
        reader.error(written.at, "missing_key", "`label` needs a label");
    }
    (reader.problems.len() == problems).then_some(Action::Label(Label { add, remove }))
}

impl Label {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let add = filled(stage, &self.add)?;
        let remove = filled(stage, &self.remove)?;
        stage.trace(json!({ "add": add, "remove": remove }));
        if !add.is_empty() || !remove.is_empty() {
            stage.change_labels(&add, &remove);
            stage.effect(Effect::Label { add, remove })?;
        }
        Ok(Flow::Next)
    }
}

/// The labels; one that comes out empty is none.
fn filled(stage: &mut Stage<'_>, texts: &[Text]) -> Result<Vec<String>, Halt> {
    let mut labels = Vec::with_capacity(texts.len());
    for text in texts {
        let label = stage.render(text)?.trim().to_owned();
        if !label.is_empty() && !labels.contains(&label) {
            labels.push(label);
        }
    }
    Ok(labels)
}
