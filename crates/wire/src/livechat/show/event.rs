//! Events of a thread, as chat clients know them: six types that people send, forms, and what the system tells.
//!
//! What came over other channels and has no type of its own there (a place, a contact, a sticker) is shown as the message
//! or file that is nearest to it, so that an agent's tool misses nothing.

use serde_json::{Map, Value, json};
use tidings_model::{AuthorKind, Event, EventName, PropertyPlace};

use super::{Lens, ShownEvent, form, properties, put, put_some, time};

/// The namespace of properties that only we read: what a provider sent, untouched.
const RAW: &str = "raw";

/// The type of an event as chat clients know it; `None` for what is no event of theirs.
pub fn kind_of(event: &Event) -> Option<&'static str> {
    Some(match event.event_type.as_str() {
        "chat.message" | "chat.location" | "chat.contact" | "chat.command" | "note.added" => {
            "message"
        }
        "chat.file" | "chat.sticker" => "file",
        "chat.form" => "form",
        "chat.form_filled" => "filled_form",
        "chat.rich_message" => "rich_message",
        "chat.custom" | "chat.unknown_message" => "custom",
        "chat.system_message" => "system_message",
        "chat.system" => "system",
        // A press over a channel says something in the customer's place; one of a chat client only switches a button.
        "chat.postback" if event.data.get("toggled").is_none() => "message",
        _ => return None,
    })
}

/// The name of an event: `<thread>_<order>`.
pub fn event_name(event: &Event) -> Option<EventName> {
    Some(EventName { thread: event.thread?.code(), order: event.order? })
}

/// Whether who looks may see an event, and it is one of theirs.
pub fn is_shown(lens: &Lens<'_>, event: &Event) -> bool {
    lens.sees(event.visibility) && kind_of(event).is_some() && event_name(event).is_some()
}

/// An event; `None` when it is not for who looks.
pub fn event(lens: &Lens<'_>, shown: ShownEvent<'_>) -> Option<Value> {
    let event = shown.event;
    let kind = kind_of(event)?;
    let name = event_name(event)?;
    if !lens.sees(event.visibility) {
        return None;
    }
    if shown.deleted && !lens.is_agent() {
        return None;
    }
    let mut map = Map::new();
    put(&mut map, "id", name.to_string().into());
    put(&mut map, "created_at", time(event.received_at));
    if lens.is_agent() {
        put(&mut map, "visibility", event.visibility.as_str().into());
    }
    put(&mut map, "type", kind.into());
    put_some(&mut map, "custom_id", event.custom_id.clone());
    if !matches!(event.author.kind, AuthorKind::System)
        && !matches!(kind, "system_message" | "system")
    {
        put(&mut map, "author_id", lens.id(&event.author.id).into());
    }
    put(&mut map, "_order", json!(name.order.0));
    let mut shown_properties = shown.properties.clone();
    shown_properties.0.remove(RAW);
    put(&mut map, "properties", properties(lens, PropertyPlace::Event, &shown_properties));
    if shown.deleted {
        put(&mut map, "deleted", true.into());
    }
    content(event, shown.data, lens, &mut map);
    if let (true, Lens::Agent) = (shown.deleted, lens) {
        map.retain(|key, _| KEPT_OF_DELETED.contains(&key.as_str()));
    }
    Some(Value::Object(map))
}

/// What is left of a deleted event for agents without an administrator's rights.
const KEPT_OF_DELETED: [&str; 8] =
    ["id", "created_at", "type", "visibility", "deleted", "author_id", "custom_id", "_order"];

fn content(event: &Event, data: &Value, lens: &Lens<'_>, map: &mut Map<String, Value>) {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let mut copy = |from: &str, to: &str| {
        if let Some(value) = data.get(from).filter(|value| !value.is_null()) {
            put(map, to, value.clone());
        }
    };
    match event.event_type.as_str() {
        "chat.message" => {
            copy("text", "text");
            copy("postback", "postback");
            // Ours: whether its button was pressed before.
            if let Some(Value::Object(postback)) = map.get_mut("postback") {
                postback.shift_remove("pressed");
            }
        }
        "note.added" | "chat.command" => copy("text", "text"),
        "chat.postback" => {
            let said = text("text").or_else(|| text("value")).unwrap_or_default();
            put(map, "text", said.into());
        }
        "chat.location" => put(map, "text", place(data).into()),
        "chat.contact" => put(map, "text", contact(data).into()),
        "chat.file" => file(data, map),
        "chat.sticker" => {
            put(map, "name", text("emoji").unwrap_or("sticker").into());
            put(map, "content_type", "image/webp".into());
            put(map, "url", text("url").unwrap_or_default().into());
        }
        "chat.form" | "chat.form_filled" => {
            for name in ["form_id", "form_type"] {
                copy(name, name);
            }
            put_some(map, "fields", form::fields(data));
            if !map.contains_key("form_id") {
                put(map, "form_id", text("kind").unwrap_or("form").into());
            }
        }
        "chat.rich_message" => rich(data, lens, map),
        "chat.custom" => copy("content", "content"),
        "chat.unknown_message" => put(map, "content", data.clone()),
        "chat.system_message" => {
            for name in ["system_message_type", "text", "text_vars"] {
                copy(name, name);
            }
        }
        "chat.system" => {
            for name in ["source", "subtype", "version", "details"] {
                copy(name, name);
            }
        }
        _ => {}
    }
}

fn place(data: &Value) -> String {
    let number = |name: &str| data.get(name).and_then(Value::as_f64).unwrap_or_default();
    let (latitude, longitude) = (number("latitude"), number("longitude"));
    let words = ["title", "address"].map(|name| data.get(name).and_then(Value::as_str));
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let link = format!(
        "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"
    );
    if words.is_empty() {
        format!("{latitude}, {longitude} {link}")
    } else {
        format!("{} ({latitude}, {longitude}) {link}", words.join(", "))
    }
}

fn contact(data: &Value) -> String {
    let words = ["first_name", "last_name", "phone_number", "vcard"]
        .map(|name| data.get(name).and_then(Value::as_str));
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A file; of an album, the first one with the others beside it.
fn file(data: &Value, map: &mut Map<String, Value>) {
    const FIELDS: [&str; 9] = [
        "name",
        "url",
        "content_type",
        "size",
        "width",
        "height",
        "thumbnail_url",
        "thumbnail2x_url",
        "alternative_text",
    ];
    let described = |file: &Value| -> Map<String, Value> {
        let found = FIELDS.into_iter().filter_map(|name| Some((name.to_owned(), file.get(name)?)));
        found.map(|(name, value)| (name, value.clone())).collect()
    };
    let mut files = data.get("files").and_then(Value::as_array).into_iter().flatten();
    let Some(first) = files.next() else { return };
    let mut first = described(first);
    first.entry("name").or_insert_with(|| "file".into());
    first.entry("content_type").or_insert_with(|| "application/octet-stream".into());
    map.extend(first);
    let others: Vec<Value> = files.map(|file| Value::Object(described(file))).collect();
    if !others.is_empty() {
        put(map, "more_files", others.into());
    }
    put_some(map, "text", data.get("caption").and_then(Value::as_str));
}

fn rich(data: &Value, lens: &Lens<'_>, map: &mut Map<String, Value>) {
    let template = match data.get("template").and_then(Value::as_str) {
        // A list is shown as cards, one below the other.
        Some("list") | None => "cards",
        Some(template) => template,
    };
    put(map, "template_id", template.into());
    let mut elements: Vec<Value> =
        data.get("elements").and_then(Value::as_array).cloned().unwrap_or_default();
    if let (Some(text), Some(Value::Object(first))) =
        (data.get("text").and_then(Value::as_str), elements.first_mut())
    {
        first.entry("title").or_insert_with(|| text.into());
    }
    for button in elements.iter_mut().filter_map(|element| element.get_mut("buttons")) {
        for button in button.as_array_mut().into_iter().flatten() {
            let Value::Object(button) = button else { continue };
            let users = button.entry("user_ids").or_insert_with(|| json!([]));
            for user in users.as_array_mut().into_iter().flatten() {
                if let Some(id) = user.as_str() {
                    *user = lens.id(id).into();
                }
            }
        }
    }
    put(map, "elements", elements.into());
}
