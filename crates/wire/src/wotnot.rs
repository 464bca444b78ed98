//! An event as the body that WotNot posts to a webhook, so that receivers written for WotNot work with Tidings.
//!
//! WotNot has nine types of events, and 21 sub-types of `message`. One event of ours becomes one **record**, or a few:
//! an album has one for each file, a card with a picture and buttons has one for each of both. What the event does not
//! tell comes in as a [`Scene`]; what the scene does not tell is derived, see [`keys`].
//!
//! | our type | WotNot's |
//! | --- | --- |
//! | `chat.started` | `conversation_create` |
//! | `chat.message`, `chat.command` | `message`: `text`, or `slider`, `calendar`, `file_upload` where a bot asks for that; a text for agents only is a `note` |
//! | `chat.file` | `message`: `image`, `audio`, `video`, `document`; `file_upload.response` where a form asked for it |
//! | `chat.rich_message` | `message`: `button`, `carousel`, `list` |
//! | `chat.form` | `message`: `form`, `file_upload`, `calendar`, `slider`, `appointment_booking` |
//! | `chat.form_filled` | `message`: `form.response`, `calendly.response`, `slider.response`, `appointment_booking.response` |
//! | `chat.postback` | `message`: `button.response` |
//! | `chat.custom` | `message`: `javascript`, `javascript.response`, by its `kind` |
//! | `chat.closed`, `chat.reopened` | `status`: `Close`, `Open` |
//! | `chat.assigned` | `assignee_change` |
//! | `chat.variables_changed` | `variables` |
//! | `chat.labels_changed` | `conversation_labels`: `created`, `deleted` |
//! | `note.added` | `note` |
//! | `chat.sla_breached` | `sla_breached` |
//! | `message.status_changed` | `message_status` |
//!
//! The shapes are those of WotNot's page about events, as `tests/data/wotnot-events.schema.json` describes them. That page
//! has samples only: `Open` and `created` are in its sentences, not in its samples, and so are our reading of them.
//!
//! Where data is missing or of another kind than the catalogue says, the nearest thing that WotNot has goes out: buttons
//! without a button are a `text`, a slider's answer that is no number is a `form.response`. Only where nothing happened in
//! WotNot's sense there is no record; each module says when.
//!
//! In reading order: [`scene`], [`keys`] (numbers and keys of our ids), `about` (the frame of every record), `who`,
//! `created`, `change` (what is no message), `message`.

pub mod keys;
pub mod scene;

mod about;
mod change;
mod created;
mod link;
mod message;
mod variable;
mod when;
mod who;

use serde_json::{Value, json};
use tidings_model::{Event, Visibility};

use crate::batch::{Batch, BatchLimits};
use about::About;
pub use scene::{Account, ChannelCodes, Conversation, KnownAs, Person, Scene, Visit, Visitor};

/// The media type of a body.
pub const CONTENT_TYPE: &str = "application/json";

/// The types of events that WotNot has.
pub const TYPES: [&str; 9] = [
    "conversation_create",
    "message",
    "status",
    "assignee_change",
    "variables",
    "conversation_labels",
    "note",
    "sla_breached",
    "message_status",
];

/// The sub-types of `message` that WotNot has: fourteen that are sent, then seven that answer.
pub const SUB_TYPES: [&str; 21] = [
    "text",
    "image",
    "audio",
    "video",
    "document",
    "form",
    "file_upload",
    "calendar",
    "list",
    "javascript",
    "button",
    "carousel",
    "slider",
    "appointment_booking",
    "form.response",
    "file_upload.response",
    "calendly.response",
    "javascript.response",
    "button.response",
    "slider.response",
    "appointment_booking.response",
];

/// The types whose documented body is the record itself.
const DOCUMENTED_BARE: [&str; 2] = ["sla_breached", "message_status"];

/// Our types that have a form there: (ours, WotNot's).
const FORMS: [(&str, &str); 17] = [
    ("chat.started", "conversation_create"),
    ("chat.message", "message"),
    ("chat.command", "message"),
    ("chat.file", "message"),
    ("chat.rich_message", "message"),
    ("chat.form", "message"),
    ("chat.form_filled", "message"),
    ("chat.postback", "message"),
    ("chat.custom", "message"),
    ("chat.closed", "status"),
    ("chat.reopened", "status"),
    ("chat.assigned", "assignee_change"),
    ("chat.variables_changed", "variables"),
    ("chat.labels_changed", "conversation_labels"),
    ("note.added", "note"),
    ("chat.sla_breached", "sla_breached"),
    ("message.status_changed", "message_status"),
];

/// What stands around a record in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Framing {
    /// As WotNot's page shows it: the record itself for `sla_breached` and `message_status`, the envelope for the others.
    #[default]
    AsDocumented,
    /// `{"events": [record, ...]}` for all.
    Envelope,
    /// The record itself for all. Where an event has several records, the first: there is no place for more.
    Bare,
}

/// Whether fields that WotNot does not have are put in.
///
/// | field | where | holds |
/// | --- | --- | --- |
/// | `message_id` | `event.payload` of a `message` | what a `message_status` about it names |
/// | `event_id` | the record | our event's id; the same in all records of one event |
/// | `occurred_at` | the record | when it happened, RFC 3339 |
/// | `seq` | the record | the event's number in the workspace |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Extensions {
    /// The records are WotNot's to the field.
    #[default]
    Off,
    /// The four fields are there as well.
    On,
}

/// WotNot's type for a type of ours; `None` where it has none, so that nothing of it is ever sent.
///
/// A type that has one may still have events without a record: a custom event of a kind that WotNot does not know.
pub fn type_of(event_type: &str) -> Option<&'static str> {
    FORMS.iter().find(|(ours, _)| *ours == event_type).map(|(_, theirs)| *theirs)
}

/// Whether events of a type of ours can be told to a receiver of WotNot's events.
pub fn has_form(event_type: &str) -> bool {
    type_of(event_type).is_some()
}

/// Our types that have a form, in the order of WotNot's page.
pub fn event_types() -> impl Iterator<Item = &'static str> {
    FORMS.iter().map(|(ours, _)| *ours)
}

/// The record of an event, the first where it has several; `None` for what WotNot has no name for.
pub fn record(event: &Event, scene: &Scene, extensions: Extensions) -> Option<Value> {
    records(event, scene, extensions).into_iter().next()
}

/// All records of an event, in the order in which WotNot would tell them; none for what it has no name for.
pub fn records(event: &Event, scene: &Scene, extensions: Extensions) -> Vec<Value> {
    let about = About { event, scene };
    let Some(sort) = sort_of(event) else { return Vec::new() };
    // All but the status of a message is about a conversation.
    if event.chat.is_none() && sort != Sort::Change("message_status") {
        return Vec::new();
    }
    match sort {
        Sort::Message => {
            let by = who::actor(&about, &event.author);
            let records = message::messages(&about)
                .into_iter()
                .map(|message| json!({ "message_by": by, "message": message }))
                .map(|payload| about.record("message", payload, extensions));
            records.collect()
        }
        Sort::Change(name) => change::payloads(&about, name)
            .into_iter()
            .map(|payload| about.record(name, payload, extensions))
            .collect(),
    }
}

/// Several records as one body; a receiver of WotNot's events takes any number of them.
pub fn envelope(records: &[Value]) -> Value {
    json!({ "events": records })
}

/// The body of a delivery; `None` for what WotNot has no name for. The same event and scene give the same bytes.
pub fn body(
    event: &Event,
    scene: &Scene,
    framing: Framing,
    extensions: Extensions,
) -> Option<Vec<u8>> {
    let records = records(event, scene, extensions);
    let first = records.first()?;
    let is_bare = match framing {
        Framing::AsDocumented => {
            let name = first.pointer("/event/type").and_then(Value::as_str);
            name.is_some_and(|name| DOCUMENTED_BARE.contains(&name))
        }
        Framing::Envelope => false,
        Framing::Bare => true,
    };
    let body = if is_bare { first.to_string() } else { envelope(&records).to_string() };
    Some(body.into_bytes())
}

/// An empty envelope that takes what [`for_batch`] wrote of several events.
pub fn batch(limits: BatchLimits) -> Batch {
    Batch::new("{\"events\":[", "]}", limits)
}

/// The records of an event for [`batch`], which never parts them; `None` for what WotNot has no name for.
pub fn for_batch(event: &Event, scene: &Scene, extensions: Extensions) -> Option<Vec<u8>> {
    let records = records(event, scene, extensions);
    let written: Vec<String> = records.iter().map(Value::to_string).collect();
    (!written.is_empty()).then(|| written.join(",").into_bytes())
}

/// What an event is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Something between the customer and who answers.
    Message,
    /// One of the other eight types.
    Change(&'static str),
}

/// What an event is there, by its type and who sees it. A text that the customer does not see is no message between the two, but a note.
fn sort_of(event: &Event) -> Option<Sort> {
    let event_type = event.event_type.as_str();
    match (type_of(event_type)?, event.visibility) {
        ("message", Visibility::All) => Some(Sort::Message),
        ("message", Visibility::Agents) if event_type == "chat.message" => {
            Some(Sort::Change("note"))
        }
        ("message", Visibility::Agents) => None,
        (name, Visibility::All | Visibility::Agents) => Some(Sort::Change(name)),
    }
}
