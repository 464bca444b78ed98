//! `say`: a text, buttons, an image. `ask` says its question with it, too.

use serde_json::{Value, json};

use super::{Action, Written};
use crate::pattern::{Pattern, Text};
use crate::reader::{Fields, Reader};
use crate::run::StopReason;
use crate::stage::{Flow, Halt, Stage};
use crate::yaml::{Kind, Node};
use crate::{Button, Effect, Say};

/// The most buttons below one message: no channel shows more in a useful way.
pub(crate) const BUTTONS_MAX: usize = 50;

/// Something to say.
#[derive(Debug)]
pub(crate) struct Words {
    text: Option<Text>,
    buttons: Buttons,
    image: Option<Text>,
}

/// Buttons, each written out, or a list that an expression gives.
#[derive(Debug)]
enum Buttons {
    Written(Vec<ButtonWords>),
    Computed(Pattern),
}

#[derive(Debug)]
struct ButtonWords {
    text: Text,
    value: Option<Text>,
    url: Option<Text>,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let fields = match &written.value.kind {
        Kind::Map(_) => reader.fields(written.value, "`say`", &["text", "buttons", "image"])?,
        Kind::Scalar(_) | Kind::List(_) => Fields::NONE,
    };
    let text = match &written.value.kind {
        Kind::Map(_) => fields.get("text"),
        Kind::Scalar(_) | Kind::List(_) => Some(written.value),
    };
    let words = read_words(reader, text, [fields, written.beside])?;
    if words.text.is_none() && words.image.is_none() {
        reader.error(written.at, "missing_key", "`say` needs a text or an image");
        return None;
    }
    Some(Action::Say(words))
}

/// Reads words whose buttons and image stand in one of these mappings.
pub(super) fn read_words(
    reader: &mut Reader<'_>,
    text: Option<&Node>,
    places: [Fields<'_>; 2],
) -> Option<Words> {
    let key = |name: &str| places.iter().find_map(|fields| fields.get(name));
    let buttons = key("buttons").map(|node| read_buttons(reader, node));
    let image = key("image").map(|node| reader.text(node, "`image`"));
    let text = text.map(|node| reader.text(node, "what is said"));
    Some(Words {
        text: text.map_or(Some(None), |text| text.map(Some))?,
        buttons: buttons.map_or(Some(Buttons::Written(Vec::new())), |buttons| buttons)?,
        image: image.map_or(Some(None), |image| image.map(Some))?,
    })
}

fn read_buttons(reader: &mut Reader<'_>, node: &Node) -> Option<Buttons> {
    let Kind::List(items) = &node.kind else {
        let computed = reader.pattern(node)?;
        if matches!(computed, Pattern::Expression(_)) {
            return Some(Buttons::Computed(computed));
        }
        reader.error(
            node.at,
            "wrong_kind",
            "`buttons` is a list, or one {{ expression }} that gives a list",
        );
        return None;
    };
    if items.len() > BUTTONS_MAX {
        reader.error(
            node.at,
            "too_many_buttons",
            format!("there are at most {BUTTONS_MAX} buttons"),
        );
        return None;
    }
    let read: Vec<ButtonWords> =
        items.iter().filter_map(|item| read_button(reader, item)).collect();
    (read.len() == items.len()).then_some(Buttons::Written(read))
}

fn read_button(reader: &mut Reader<'_>, node: &Node) -> Option<ButtonWords> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(ButtonWords { text: reader.text(node, "a button")?, value: None, url: None });
    }
    let fields = reader.fields(node, "a button", &["text", "value", "url"])?;
    let text = reader.required(node.at, "a button", fields, "text")?;
    let text = reader.text(text, "a button's text")?;
    let value = fields.get("value").and_then(|node| reader.text(node, "a button's value"));
    let url = fields.get("url").and_then(|node| reader.text(node, "a button's address"));
    Some(ButtonWords { text, value, url })
}

impl Words {
    /// Takes the step.
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let say = self.fill(stage)?;
        stage.trace(shown(&say));
        utter(stage, say)?;
        Ok(Flow::Next)
    }

    /// What is said, with its templates filled in.
    pub(super) fn fill(&self, stage: &mut Stage<'_>) -> Result<Say, Halt> {
        let text = match &self.text {
            Some(text) => stage.render(text)?,
            None => String::new(),
        };
        let image = match &self.image {
            Some(image) => Some(stage.render(image)?).filter(|address| !address.trim().is_empty()),
            None => None,
        };
        Ok(Say { text, buttons: self.buttons.fill(stage)?, image, wanted: None })
    }
}

impl Buttons {
    fn fill(&self, stage: &mut Stage<'_>) -> Result<Vec<Button>, Halt> {
        match self {
            Self::Written(written) => written.iter().map(|button| button.fill(stage)).collect(),
            Self::Computed(pattern) => {
                let value = stage.value(pattern)?;
                let items = match value {
                    Value::Array(items) => items,
                    Value::Null => Vec::new(),
                    other @ (Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Object(_)) => vec![other],
                };
                if items.len() > BUTTONS_MAX {
                    let message = format!(
                        "there are at most {BUTTONS_MAX} buttons, and these are {}",
                        items.len()
                    );
                    return Err(Halt::new(StopReason::TemplateLimit, message));
                }
                Ok(items.iter().map(computed).collect())
            }
        }
    }
}

impl ButtonWords {
    fn fill(&self, stage: &mut Stage<'_>) -> Result<Button, Halt> {
        let text = stage.render(&self.text)?;
        let value = match &self.value {
            Some(value) => stage.render(value)?,
            None => text.clone(),
        };
        let url = match &self.url {
            Some(url) => Some(stage.render(url)?),
            None => None,
        };
        Ok(Button { text, value, url })
    }
}

/// A button of a computed list: a text, or a mapping with `text`, `value`, `url`.
fn computed(item: &Value) -> Button {
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = written(item.get("text").unwrap_or(item));
    let value = item.get("value").map_or_else(|| text.clone(), written);
    Button { text, value, url: item.get("url").map(written) }
}

/// Says it, if there is anything to say: a template may come out empty.
pub(super) fn utter(stage: &mut Stage<'_>, say: Say) -> Result<(), Halt> {
    if say.text.trim().is_empty() && say.image.is_none() && say.buttons.is_empty() {
        return Ok(());
    }
    stage.effect(Effect::Say(say))
}

/// What is said, for a trace.
pub(super) fn shown(say: &Say) -> Value {
    let mut detail = json!({ "text": say.text });
    if let Value::Object(detail) = &mut detail {
        if !say.buttons.is_empty() {
            let buttons: Vec<&str> =
                say.buttons.iter().map(|button| button.text.as_str()).collect();
            detail.insert("buttons".to_owned(), json!(buttons));
        }
        if let Some(image) = &say.image {
            detail.insert("image".to_owned(), json!(image));
        }
    }
    detail
}
