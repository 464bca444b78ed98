//! An event as chat clients send it becomes one of ours. It was checked before, see `tidings_wire::livechat::event`.

use serde_json::{Map, Value, json};
use tidings_model::{ChatId, EventId, Properties, PropertyPlace, TypeName, Visibility};
use tidings_store::Batch;

use super::own_files;
use super::uploads::{self, Unused};
use crate::App;
use crate::desk::{Actor, ErrorType, Failure};

/// The longest `custom_id`, in bytes: as long as the wire lets through.
pub use tidings_wire::livechat::event::CUSTOM_ID_BYTES_MAX;

/// An event of a client, in our words.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    /// Its type.
    pub event_type: TypeName,
    /// Its data, as the catalogue says.
    pub data: Value,
    /// Who may see it.
    pub visibility: Visibility,
    /// The sender's own id for it.
    pub custom_id: Option<String>,
    /// Its properties.
    pub properties: Properties,
    /// The uploads that it is the first to use: see [`Composed::keep_uploads`].
    pub uploads: Vec<Unused>,
    /// The files of a filled form, which an event of their own tells of.
    pub files: Vec<Value>,
}

impl Composed {
    /// Whether its author speaks by it to the customer, so that they need the lease.
    pub fn is_speech(&self) -> bool {
        self.visibility == Visibility::All && self.event_type.as_str() != "chat.system_message"
    }

    /// Says in the event's commit that its uploads are used, so that they stay.
    pub fn keep_uploads(&self, batch: &mut Batch, event: EventId, chat: ChatId) {
        for upload in &self.uploads {
            uploads::keep(batch, upload, event, chat);
        }
    }

    /// The properties as an event's envelope holds them.
    pub fn envelope_properties(&self) -> Map<String, Value> {
        match serde_json::to_value(&self.properties) {
            Ok(Value::Object(map)) => map,
            Ok(_) | Err(_) => Map::new(),
        }
    }
}

/// Turns a client's event into one of ours. `field` is where it is in the request, for what is wrong with it.
pub async fn compose(
    app: &App,
    actor: &Actor,
    event: &Value,
    field: &str,
) -> Result<Composed, Failure> {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let kind = text("type").unwrap_or_default();
    let (mut uploads, mut files) = (Vec::new(), Vec::new());
    let (event_type, data) = match kind {
        "message" => ("chat.message", message(event)),
        "file" => {
            let (data, unused) = own_files::data(app, actor.workspace, event, field).await?;
            uploads.extend(unused);
            ("chat.file", data)
        }
        "form" => ("chat.form", form(event)),
        "filled_form" => {
            let mut data = form(event);
            let given = own_files::of_form(app, actor.workspace, &mut data, field).await?;
            (files, uploads) = given;
            ("chat.form_filled", data)
        }
        "rich_message" => ("chat.rich_message", rich_message(event)),
        "custom" => ("chat.custom", copied(event, &["content"])),
        "system_message" => {
            ("chat.system_message", copied(event, &["system_message_type", "text", "text_vars"]))
        }
        _ => {
            return Err(Failure::field(&format!("{field}.type"), "is not one that can be sent"));
        }
    };
    let event_type: TypeName = event_type.parse().expect("the names are written here, and good");
    let properties: Properties = match event.get("properties").filter(|value| !value.is_null()) {
        None => Properties::default(),
        Some(given) => serde_json::from_value(given.clone()).map_err(|_| {
            Failure::field(&format!("{field}.properties"), "must be values by namespace and name")
        })?,
    };
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    directory.registry().check_set(
        actor.rights(),
        PropertyPlace::Event,
        &properties,
        &format!("{field}.properties"),
    )?;
    let composed = Composed {
        visibility: match (text("visibility"), kind) {
            (Some("agents"), _) | (None, "system_message") => Visibility::Agents,
            (Some(_) | None, _) => Visibility::All,
        },
        event_type,
        data,
        custom_id: text("custom_id").filter(|id| !id.is_empty()).map(str::to_owned),
        properties,
        uploads,
        files,
    };
    fits_the_catalogue(app, &composed, field)?;
    Ok(composed)
}

/// The log takes only what the catalogue describes, whoever writes it.
fn fits_the_catalogue(app: &App, composed: &Composed, field: &str) -> Result<(), Failure> {
    let Some(event_type) = app.catalogue.get(&composed.event_type) else { return Ok(()) };
    event_type.validate(&composed.data).map_err(|violations| {
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        Failure::field(
            field,
            format!("is not as {} wants it: {}", event_type.name, told.join("; ")),
        )
    })
}

/// A message. Whether its button was pressed before is ours to say, see [`super::send`](mod@super::send).
fn message(event: &Value) -> Value {
    let mut data = copied(event, &["text", "postback"]);
    if let Some(Value::Object(postback)) = data.get_mut("postback") {
        postback.shift_remove(PRESSED);
    }
    data
}

/// The mark of a message that its button wrote after it was pressed.
pub(super) const PRESSED: &str = "pressed";

fn copied(event: &Value, names: &[&str]) -> Value {
    let found = names.iter().filter_map(|&name| {
        let value = event.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    Value::Object(found.collect())
}

fn form(event: &Value) -> Value {
    let mut data = copied(event, &["form_id", "form_type", "fields"]);
    if let Value::Object(data) = &mut data {
        data.insert("kind".into(), "form".into());
    }
    data
}

/// Who has a button switched on is ours to say: what a client claims of it is left out.
fn rich_message(event: &Value) -> Value {
    let mut elements = match event.get("elements") {
        Some(Value::Array(elements)) => elements.clone(),
        Some(_) | None => Vec::new(),
    };
    for button in elements
        .iter_mut()
        .filter_map(|element| element.get_mut("buttons")?.as_array_mut())
        .flatten()
    {
        if let Value::Object(button) = button {
            button.shift_remove("user_ids");
            button.retain(|_, value| !value.is_null());
        }
    }
    for element in &mut elements {
        if let Value::Object(element) = element {
            element.retain(|_, value| !value.is_null());
        }
    }
    json!({ "template": event.get("template_id"), "elements": elements })
}
