//! What happens in a chat while a run waits for an answer there: whether it can be one, and what the customer said by it.

use serde_json::Value;
use tidings_model::{AuthorKind, BotName, Event, TypeName};

/// The events by which customers say something.
const SAYING: [&str; 3] = ["chat.message", "chat.postback", "chat.command"];

/// What else may be what a question wants.
const SENDING: [&str; 5] =
    ["chat.file", "chat.file_too_big", "chat.location", "chat.contact", "chat.form_filled"];

/// Something that happens in a chat while a run waits for an answer there.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// The type of the event.
    pub event_type: TypeName,
    /// Who did it.
    pub author: AuthorKind,
    /// The word for the kind of channel.
    pub channel_kind: Option<String>,
    /// Its data.
    pub data: Value,
    /// Whether it can be the answer; what can't is for the question's handlers alone.
    pub may_answer: bool,
}

impl Happened {
    /// An event, as the question of a bot hears it; a bot does not hear its own words.
    pub fn of(event: &Event, channel_kind: Option<&str>, asking: &BotName) -> Option<Self> {
        let is_own = event.author.kind == AuthorKind::Bot && event.author.id == asking.as_str();
        (!is_own || !event.event_type.is_speech()).then(|| Self {
            event_type: event.event_type.clone(),
            author: event.author.kind,
            channel_kind: channel_kind.map(str::to_owned),
            data: event.data.clone(),
            may_answer: may_answer(event),
        })
    }

    /// What the customer said by it: the text of a message, the value of a button. A message that a button wrote has both.
    pub(crate) fn words(&self) -> Option<(String, Value)> {
        let is_said =
            self.author == AuthorKind::Customer && SAYING.contains(&self.event_type.as_str());
        let text = |field: &str| self.data.get(field).and_then(Value::as_str).map(str::to_owned);
        is_said.then(|| {
            let text = text("text").or_else(|| text("value")).unwrap_or_default();
            let pressed = self.data.pointer("/postback/value");
            let value = self.data.get("value").or(pressed).cloned();
            (text.clone(), value.unwrap_or_else(|| text.into()))
        })
    }

    /// Whether a button was pressed.
    pub(crate) fn is_press(&self) -> bool {
        self.event_type.as_str() == "chat.postback" || self.data.get("postback").is_some()
    }
}

/// Whether this event can be the answer that a run waits for. A filled form that a behavior led to is one that a bot asked
/// for, and tells of answers that were taken; a file of a form is told, and the form that comes with it is the answer.
pub fn may_answer(event: &Event) -> bool {
    let name = event.event_type.as_str();
    let is_of_form = event.data.get("source").and_then(Value::as_str) == Some("form");
    let is_told = match name {
        "chat.form_filled" => event.cause.is_some(),
        "chat.file" => is_of_form,
        _ => false,
    };
    event.author.kind == AuthorKind::Customer
        && (SAYING.contains(&name) || SENDING.contains(&name))
        && says_something(event)
        && !is_told
}

/// Whether something is said by an event, as far as its data tells. A button of a chat client is switched on and off, and
/// is said when it goes on and stands for a message; a message that its button wrote after it was pressed says nothing new.
pub fn says_something(event: &Event) -> bool {
    let text = |name: &str| event.data.get(name).and_then(Value::as_str);
    let flag = |pointer: &str| event.data.pointer(pointer).and_then(Value::as_bool);
    match event.event_type.as_str() {
        "chat.postback" => match flag("/toggled") {
            None => true,
            Some(toggled) => toggled && matches!(text("button_type"), None | Some("message")),
        },
        "chat.message" => flag("/postback/pressed") != Some(true),
        _ => true,
    }
}
