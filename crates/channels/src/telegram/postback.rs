//! Buttons whose value does not fit. Telegram gives a button 64 bytes; a longer value, or one that goes with a
//! `postback_id`, stays in the event, and the button carries a reference: `#EVENT.ELEMENT.BUTTON`.
//!
//! Who presses sends the reference back; accept reads it with [`PostbackReference::read`], loads the event **in the chat
//! of the press** (a changed client may send any text), and takes the value from it with [`PostbackReference::find`].

use serde_json::Value;
use tidings_model::EventId;
use uuid::Uuid;

/// The longest value of a button, in bytes (Bot API, `InlineKeyboardButton`: "1-64 bytes").
pub const CALLBACK_DATA_BYTES_MAX: usize = 64;

/// Which button of which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostbackReference {
    /// The `chat.rich_message`.
    pub event: EventId,
    /// The number of the element in it.
    pub element: usize,
    /// The number of the button in that.
    pub button: usize,
}

/// What a referenced button says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Its value.
    pub value: String,
    /// What it shows.
    pub text: String,
    /// Its id.
    pub postback_id: Option<String>,
}

impl PostbackReference {
    /// The reference as a button's value; at most 54 bytes for what fits one message.
    pub fn write(self) -> String {
        format!("#{}.{}.{}", self.event.uuid().simple(), self.element, self.button)
    }

    /// Reads the value of a pressed button; `None` when it is a value of its own.
    pub fn read(value: &str) -> Option<Self> {
        let mut parts = value.strip_prefix('#')?.split('.');
        let (event, element, button) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || event.len() != 32 {
            return None;
        }
        let event = EventId::new(Uuid::try_parse(event).ok()?);
        Some(Self { event, element: element.parse().ok()?, button: button.parse().ok()? })
    }

    /// The button in the data of the event; `None` when it has no such button.
    pub fn find(self, data: &Value) -> Option<Pressed> {
        let button = data.get("elements")?.get(self.element)?.get("buttons")?.get(self.button)?;
        let field = |name: &str| button.get(name).and_then(Value::as_str).map(str::to_owned);
        let text = field("text").unwrap_or_default();
        Some(Pressed {
            value: field("value").unwrap_or_else(|| text.clone()),
            text,
            postback_id: field("postback_id"),
        })
    }
}
