//! The attributes of an event, in their order: the same in every mode.

use std::borrow::Cow;

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

/// All attributes but `datacontenttype`, each with its text; what is not there is left out. The texts are strings, URIs or
/// times; numbers are decimal text.
pub(super) fn attributes<'a>(
    event: &'a Event,
    source: &'a str,
) -> impl Iterator<Item = (Name, Cow<'a, str>)> {
    let text = |text: &'a str| Some(Cow::Borrowed(text));
    let author = Some(&*event.author.id).filter(|id| !id.is_empty());
    [
        (name!("specversion"), text(SPEC_VERSION)),
        (name!("id"), written(Some(event.id))),
        (name!("source"), text(source)),
        (name!("type"), text(event.event_type.as_str())),
        (name!("subject"), written(event.chat)),
        (name!("time"), written(Some(event.time))),
        (name!("seq"), written(Some(event.seq))),
        (name!("order"), written(event.order.map(|order| order.0))),
        (name!("workspace"), written(Some(event.workspace))),
        (name!("channel"), written(event.channel)),
        (name!("thread"), written(event.thread)),
        (name!("authorkind"), text(event.author.kind.as_str())),
        (name!("authorid"), author.map(Cow::Borrowed)),
        (name!("visibility"), text(event.visibility.as_str())),
        (name!("customid"), event.custom_id.as_deref().map(Cow::Borrowed)),
        (name!("cause"), written(event.cause)),
        (name!("root"), written(Some(event.root))),
        (name!("depth"), written(Some(event.depth))),
        (name!("receivedat"), written(Some(event.received_at))),
        (name!("dataversion"), written(Some(event.version))),
        (name!("properties"), object(&event.properties)),
        (name!("otherfields"), object(&event.unknown)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

fn written<'a>(value: Option<impl ToString>) -> Option<Cow<'a, str>> {
    value.map(|value| Cow::Owned(value.to_string()))
}

/// An object as JSON text, since an attribute cannot hold one; an empty one is left out.
fn object<'a>(object: &Map<String, Value>) -> Option<Cow<'a, str>> {
    let written = || {
        serde_json::to_string(object)
            .expect("a JSON object has text keys only, so writing cannot fail")
    };
    (!object.is_empty()).then(written).map(Cow::Owned)
}
