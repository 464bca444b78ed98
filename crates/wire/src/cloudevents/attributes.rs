//! The attributes of an event, in their order: the same in every mode.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tidings_model::Event;

use super::SPEC_VERSION;

/// The longest name of an attribute, in bytes: CloudEvents 1.0.2, "Naming Conventions".
#[cfg(test)]
pub(super) const NAME_BYTES_MAX: usize = 20;

/// The name of an attribute, and of its header in binary mode.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) attribute: &'static str,
    pub(super) header: &'static str,
}

macro_rules! name {
    ($attribute:literal) => {
        Name { attribute: $attribute, header: concat!("ce-", $attribute) }
    };
}

/// The text of an attribute. What an event holds as something else is written where it goes, and not before: an event has
/// a dozen of these, and most go out once.
pub(super) enum Text<'a> {
    Plain(&'a str),
    Written(&'a dyn Display),
    Made(String),
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Written(value) => value.fmt(f),
            Self::Made(text) => f.write_str(text),
        }
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(text) => serializer.serialize_str(text),
            Self::Written(value) => serializer.collect_str(value),
            Self::Made(text) => serializer.serialize_str(text),
        }
    }
}

/// All attributes but `datacontenttype`, each with its text; what is not there is left out. The texts are strings, URIs or
/// times; numbers are decimal text.
pub(super) fn attributes<'a>(
    event: &'a Event,
    source: &'a str,
) -> impl Iterator<Item = (Name, Text<'a>)> {
    let text = |text: &'a str| Some(Text::Plain(text));
    let author = Some(&*event.author.id).filter(|id| !id.is_empty());
    [
        (name!("specversion"), text(SPEC_VERSION)),
        (name!("id"), written(Some(&event.id))),
        (name!("source"), text(source)),
        (name!("type"), text(event.event_type.as_str())),
        (name!("subject"), written(event.chat.as_ref())),
        (name!("time"), written(Some(&event.time))),
        (name!("seq"), written(Some(&event.seq))),
        (name!("order"), written(event.order.as_ref().map(|order| &order.0))),
        (name!("workspace"), written(Some(&event.workspace))),
        (name!("channel"), written(event.channel.as_ref())),
        (name!("thread"), written(event.thread.as_ref())),
        (name!("authorkind"), text(event.author.kind.as_str())),
        (name!("authorid"), author.map(Text::Plain)),
        (name!("visibility"), text(event.visibility.as_str())),
        (name!("customid"), event.custom_id.as_deref().map(Text::Plain)),
        (name!("cause"), written(event.cause.as_ref())),
        (name!("root"), written(Some(&event.root))),
        (name!("depth"), written(Some(&event.depth))),
        (name!("receivedat"), written(Some(&event.received_at))),
        (name!("dataversion"), written(Some(&event.version))),
        (name!("properties"), object(&event.properties)),
        (name!("otherfields"), object(&event.unknown)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

fn written<T: Display>(value: Option<&T>) -> Option<Text<'_>> {
    value.map(|value| Text::Written(value))
}

/// An object as JSON text, since an attribute cannot hold one; an empty one is left out.
fn object<'a>(object: &Map<String, Value>) -> Option<Text<'a>> {
    let written = || {
        serde_json::to_string(object)
            .expect("a JSON object has text keys only, so writing cannot fail")
    };
    (!object.is_empty()).then(written).map(Text::Made)
}
