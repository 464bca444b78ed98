//! What a client may send as an event.
//!
//! Checked in the shape of 3.6, after [`request`](super::request()) made it so; the version decides what it may hold.
//! Fields that the server sets (`id`, `created_at`, `user_ids` and so on) are passed over: clients send events back as
//! they got them.

use serde_json::{Map, Value, json};
use tidings_model::Timestamp;

use super::error::Failure;
use super::rules;
use super::schema::{Source, whole_number};
use super::version::{Side, Version};

/// The longest text of a message, in bytes of UTF-8: the published 16 KB.
pub const TEXT_BYTES_MAX: usize = 16_384;

/// The longest `custom_id`, in bytes: none is published; an id that is longer is not an id.
pub const CUSTOM_ID_BYTES_MAX: usize = 1_024;

/// The most elements of a rich message: the published figure.
pub const ELEMENTS_MAX: usize = 10;

/// The most buttons of an element: the published figure.
pub const BUTTONS_MAX: usize = 13;

/// The most buttons of an element before 3.3: the published figure.
pub const BUTTONS_MAX_BEFORE_3_3: usize = 11;

/// The most fields of a form: none is published; a form with more is a mistake.
pub const FORM_FIELDS_MAX: usize = 100;

/// How large an event may be. [`EventLimits::default`] is what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// The longest text of a message, in bytes of UTF-8.
    pub text_bytes_max: usize,
    /// The longest `custom_id`, in bytes.
    pub custom_id_bytes_max: usize,
    /// The most elements of a rich message.
    pub elements_max: usize,
    /// The most buttons of an element; before 3.3 never more than [`BUTTONS_MAX_BEFORE_3_3`].
    pub buttons_max: usize,
    /// The most fields of a form.
    pub form_fields_max: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            text_bytes_max: TEXT_BYTES_MAX,
            custom_id_bytes_max: CUSTOM_ID_BYTES_MAX,
            elements_max: ELEMENTS_MAX,
            buttons_max: BUTTONS_MAX,
            form_fields_max: FORM_FIELDS_MAX,
        }
    }
}

/// Checks the event of `send_event` or `send_event_preview`, found at `event` of the payload.
pub fn event(
    side: Side,
    version: Version,
    event: &Value,
    limits: &EventLimits,
) -> Result<(), Failure> {
    event_at("event", side, version, event, limits)
}

/// Checks an event that is elsewhere in a payload, as at `chat.thread.events[0]`.
pub fn event_at(
    path: &str,
    side: Side,
    version: Version,
    event: &Value,
    limits: &EventLimits,
) -> Result<(), Failure> {
    let object = event.as_object().ok_or_else(|| Failure::field(path, "must be an object"))?;
    let at = Place { object, path };
    at.common(limits)?;
    let check = Check { side, version, limits };
    match at.text("type")? {
        "message" => check.message(at),
        "file" => {
            let url = at.text("url")?;
            if url.is_empty() {
                return Err(at.wrong("url", "must not be empty"));
            }
            at.optional_text("alternative_text").map(drop)
        }
        "form" if version >= Version::V3_3 => check.form(at),
        "filled_form" => check.filled_form(at),
        "rich_message" => check.rich_message(at),
        "custom" => at.optional_object("content").map(drop),
        "system_message" => {
            at.text("system_message_type")?;
            check.text_limit(at, "text", at.optional_text("text")?.unwrap_or_default())?;
            let vars = at.optional_object("text_vars")?;
            match vars.and_then(|vars| vars.object.iter().find(|(_, value)| !value.is_string())) {
                Some((name, _)) => Err(at.wrong(&format!("text_vars.{name}"), "must be text")),
                None => Ok(()),
            }
        }
        "system" => Err(at.wrong("type", "cannot be system: only the server sends these")),
        _ if version >= Version::V3_3 => Err(at.wrong(
            "type",
            "must be one of message, file, form, filled_form, rich_message, custom, system_message",
        )),
        _ => Err(at.wrong(
            "type",
            "must be one of message, file, filled_form, rich_message, custom, system_message",
        )),
    }
}

/// The kinds of fields that a form may have.
const FIELD_TYPES: [&str; 11] = [
    "checkbox",
    "email",
    "group_chooser",
    "header",
    "name",
    "question",
    "radio",
    "rating",
    "select",
    "subject",
    "textarea",
];

/// The kinds of fields that may be filled in. The last one is ours: what was put into it are addresses that `upload_file`
/// gave, as the `id` of its answers.
const FILLED_FIELD_TYPES: [&str; 12] = [
    "checkbox",
    "email",
    "group_chooser",
    "header",
    "name",
    "question",
    "radio",
    "rating",
    "select",
    "subject",
    "textarea",
    "file",
];

/// The templates of a rich message.
const TEMPLATES: [&str; 3] = ["cards", "quick_replies", "sticker"];

/// The template that only agents may use.
const AGENTS_TEMPLATE: &str = "ecommerce";

/// The kinds of buttons; the last is what the Customer SDK has beside the published ones.
const BUTTON_TYPES: [&str; 5] = ["webview", "message", "url", "phone", "cancel"];

struct Check<'a> {
    side: Side,
    version: Version,
    limits: &'a EventLimits,
}

impl Check<'_> {
    fn text_limit(&self, at: Place<'_>, name: &str, text: &str) -> Result<(), Failure> {
        let max = self.limits.text_bytes_max;
        if text.len() > max {
            let size = text.len();
            let data = json!({ "field": at.join(name), "limit": max, "size": size });
            return Err(at
                .wrong(name, &format!("must be at most {max} bytes of UTF-8, not {size}"))
                .with_data(data));
        }
        Ok(())
    }

    fn message(&self, at: Place<'_>) -> Result<(), Failure> {
        let text = at.text("text")?;
        if text.is_empty() {
            return Err(at.wrong("text", "must not be empty"));
        }
        self.text_limit(at, "text", text)?;
        let path = at.join("postback");
        let Some(postback) = at.optional_object("postback")? else { return Ok(()) };
        let postback = Place { path: &path, ..postback };
        for name in ["id", "thread_id", "event_id"] {
            postback.text(name)?;
        }
        type_and_value(postback)?;
        let path = postback.join("ecommerce");
        let Some(ecommerce) = postback.optional_object("ecommerce")? else { return Ok(()) };
        let ecommerce = Place { path: &path, ..ecommerce };
        ecommerce.text("product_id")?;
        ecommerce.optional_text("option_id")?;
        match ecommerce.get("quantity") {
            Some(quantity) if whole_number(quantity, Source::Json).is_none() => {
                Err(ecommerce.wrong("quantity", "must be a whole number"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn form(&self, at: Place<'_>) -> Result<(), Failure> {
        at.text("form_id")?;
        at.each("fields", self.limits.form_fields_max, |field| {
            let kind = field.one_of("type", &FIELD_TYPES)?;
            field.text("label")?;
            if kind != "header" {
                field.text("id")?;
            }
            if field.get("required").is_some_and(|required| !required.is_boolean()) {
                return Err(field.wrong("required", "must be true or false"));
            }
            if field.get("options").is_some() {
                field.each("options", self.limits.form_fields_max, |option| {
                    option.text("label").map(drop)
                })?;
            }
            Ok(())
        })
    }

    fn filled_form(&self, at: Place<'_>) -> Result<(), Failure> {
        at.text("form_id")?;
        at.each("fields", self.limits.form_fields_max, |field| {
            let kind = field.one_of("type", &FILLED_FIELD_TYPES)?;
            field.text("label")?;
            // A field that was left empty has no answer.
            match kind {
                "header" | "rating" => Ok(()),
                "checkbox" | "file" if field.get("answers").is_some() => {
                    field.each("answers", self.limits.form_fields_max, |answer| {
                        if kind == "file" {
                            answer.text("id")?;
                        }
                        answer.text("label").map(drop)
                    })
                }
                "checkbox" | "file" => Ok(()),
                "radio" | "select" => choice(field).map(drop),
                "group_chooser" => {
                    let Some(answer) = choice(field)? else { return Ok(()) };
                    let path = field.join("answer");
                    let answer = Place { path: &path, object: answer };
                    match answer.get("group_id").or_else(|| answer.get("id")) {
                        Some(Value::Number(_) | Value::String(_)) => Ok(()),
                        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_))
                        | None => Err(answer.wrong("group_id", "must be a whole number")),
                    }
                }
                _ => field.optional_text("answer").map(drop),
            }
        })
    }

    fn rich_message(&self, at: Place<'_>) -> Result<(), Failure> {
        let template = at.text("template_id")?;
        let may_sell = self.version >= Version::V3_6 && self.side != Side::Customer;
        if !(TEMPLATES.contains(&template) || may_sell && template == AGENTS_TEMPLATE) {
            let and = if may_sell { ", ecommerce" } else { "" };
            return Err(
                at.wrong("template_id", &format!("must be one of {}{and}", TEMPLATES.join(", ")))
            );
        }
        if at.get("elements").is_none() {
            return Ok(());
        }
        at.each("elements", self.limits.elements_max, |element| {
            element.optional_text("title")?;
            element.optional_text("subtitle")?;
            let path = element.join("image");
            if let Some(image) = element.optional_object("image")? {
                let image = Place { path: &path, ..image };
                for name in ["url", "name", "content_type", "alternative_text"] {
                    image.optional_text(name)?;
                }
            }
            if element.optional_object("ecommerce")?.is_some() && !may_sell {
                return Err(element.wrong("ecommerce", "can be sent by agents only, since 3.6"));
            }
            if element.get("buttons").is_none() {
                return Ok(());
            }
            element.each("buttons", self.buttons_max(), button)
        })
    }

    fn buttons_max(&self) -> usize {
        if self.version < Version::V3_3 {
            self.limits.buttons_max.min(BUTTONS_MAX_BEFORE_3_3)
        } else {
            self.limits.buttons_max
        }
    }
}

fn button(button: Place<'_>) -> Result<(), Failure> {
    button.text("text")?;
    button.text("postback_id")?;
    type_and_value(button)?;
    if button.get("type").is_some() {
        button.one_of("type", &BUTTON_TYPES)?;
    }
    if button.get("webview_height").is_some() {
        button.one_of("webview_height", &["compact", "tall", "full"])?;
    }
    if button.get("target").is_some() {
        button.one_of("target", &["new", "current"])?;
    }
    button.optional_text("role").map(drop)
}

/// `type` and `value` come together or not at all.
fn type_and_value(at: Place<'_>) -> Result<(), Failure> {
    match (at.optional_text("type")?, at.optional_text("value")?) {
        (Some(_), None) => Err(at.wrong("value", "is required when there is a `type`")),
        (None, Some(_)) => Err(at.wrong("type", "is required when there is a `value`")),
        (Some(_), Some(_)) | (None, None) => Ok(()),
    }
}

/// The answer of a field where one was to be chosen.
fn choice(field: Place<'_>) -> Result<Option<&Map<String, Value>>, Failure> {
    let Some(answer) = field.optional_object("answer")? else { return Ok(None) };
    match answer.object.get("label") {
        Some(Value::String(_)) => Ok(Some(answer.object)),
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_),
        )
        | None => Err(field.wrong("answer.label", "must be text")),
    }
}

/// An object and where it is, for the messages.
#[derive(Clone, Copy)]
struct Place<'a> {
    object: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Place<'a> {
    fn join(self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn wrong(self, name: &str, expected: &str) -> Failure {
        Failure::field(&self.join(name), expected)
    }

    /// A `null` counts as absent.
    fn get(self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn optional_text(self, name: &str) -> Result<Option<&'a str>, Failure> {
        match self.get(name) {
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.wrong(name, "must be text")),
            None => Ok(None),
        }
    }

    fn text(self, name: &str) -> Result<&'a str, Failure> {
        self.optional_text(name)?.ok_or_else(|| self.wrong(name, "is required"))
    }

    /// The path of the place is left as it is: the caller makes the longer one where it is needed.
    fn optional_object(self, name: &str) -> Result<Option<Self>, Failure> {
        match self.get(name) {
            Some(Value::Object(object)) => Ok(Some(Self { object, path: self.path })),
            Some(
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_),
            ) => Err(self.wrong(name, "must be an object")),
            None => Ok(None),
        }
    }

    fn one_of(self, name: &str, allowed: &[&str]) -> Result<&'a str, Failure> {
        let text = self.text(name)?;
        if allowed.contains(&text) {
            Ok(text)
        } else {
            Err(self.wrong(name, &format!("must be one of {}", allowed.join(", "))))
        }
    }

    fn each(
        self,
        name: &str,
        max: usize,
        check: impl Fn(Place<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let items = match self.get(name) {
            Some(Value::Array(items)) => items,
            Some(
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_),
            ) => {
                return Err(self.wrong(name, "must be a list of objects"));
            }
            None => return Err(self.wrong(name, "is required")),
        };
        if items.len() > max {
            return Err(self.wrong(
                name,
                &format!("must be a list of at most {max} items, not {}", items.len()),
            ));
        }
        for (number, item) in items.iter().enumerate() {
            let path = format!("{}[{number}]", self.join(name));
            let object =
                item.as_object().ok_or_else(|| Failure::field(&path, "must be an object"))?;
            check(Place { object, path: &path })?;
        }
        Ok(())
    }

    /// What every event may have.
    fn common(self, limits: &EventLimits) -> Result<(), Failure> {
        let max = limits.custom_id_bytes_max;
        if self.optional_text("custom_id")?.is_some_and(|id| id.len() > max) {
            return Err(self.wrong("custom_id", &format!("must be at most {max} bytes")));
        }
        for name in ["visibility", "recipients"] {
            if self.get(name).is_some() {
                self.one_of(name, &["all", "agents"])?;
            }
        }
        self.optional_text("author_id")?;
        if let Some(created_at) = self.optional_text("created_at")?
            && created_at.parse::<Timestamp>().is_err()
        {
            return Err(
                self.wrong("created_at", "must be a time such as 2026-06-12T08:00:00.000000Z")
            );
        }
        rules::property_values(self.get("properties"), &self.join("properties"))
    }
}

#[cfg(test)]
mod tests;
