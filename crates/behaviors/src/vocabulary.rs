//! Which events there are: asked when a bot is loaded. `app` answers from the catalogue, which this crate does not know.

use serde_json::Value;
use tidings_model::{AuthorKind, TypeName};

/// Answers what the catalogue knows.
pub trait Vocabulary {
    /// What a type or an alias names, if it is known.
    fn resolve(&self, name: &str) -> Option<Heard>;
    /// The known name that is nearest to an unknown one.
    fn nearest(&self, name: &str) -> Option<String>;
}

/// What a name in `on:` stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// The type.
    pub event_type: TypeName,
    /// What an alias demands beside the type: `channel`, `author` or `data.<path>` must have this value.
    pub constraints: Vec<(String, Value)>,
    /// The kind's word: `after`, `before`, `interactive`, `computed`.
    pub kind: String,
    /// Whose bots hear it, in the catalogue's words; empty for everybody's.
    pub heard_by: Vec<String>,
    /// The JSON Schema of the type's `data`, so that a wrong field in a template is found before it runs.
    pub schema: Value,
    /// A sample of the type's `data`.
    pub sample: Value,
    /// The JSON Schema of the answer, where somebody waits for one.
    pub answer: Value,
}

impl Heard {
    /// Whether it is raised before something happens, so that a behavior may change or refuse that.
    pub(crate) fn is_before(&self) -> bool {
        self.kind == "before"
    }

    /// Whether whoever raises such an event waits for what a behavior answers.
    pub(crate) fn asks(&self) -> bool {
        matches!(self.kind.as_str(), "interactive" | "computed")
    }

    /// Whether an event of this type is the one that is meant: its channel, its author and its data are as the
    /// constraints demand. In a `data.<path>` a number is a place in a list, and `*` any element of it. What `scope`
    /// demands is of the listener, so it is taken as held; a name that is unknown here is never met.
    pub fn matches(&self, channel_kind: Option<&str>, author: AuthorKind, data: &Value) -> bool {
        self.constraints.iter().all(|(name, wanted)| match name.as_str() {
            "channel" => channel_kind.is_some() && wanted.as_str() == channel_kind,
            "author" => wanted.as_str() == Some(author.as_str()),
            "scope" => true,
            name => name.strip_prefix("data.").is_some_and(|path| leads_to(data, path, wanted)),
        })
    }
}

/// Walks down the path. Each part of the data is looked at once at most, and the path has a few names.
fn leads_to(value: &Value, path: &str, wanted: &Value) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let holds = |next: &Value| rest.map_or(next == wanted, |rest| leads_to(next, rest, wanted));
    match value {
        Value::Array(items) if name == "*" => items.iter().any(holds),
        Value::Array(items) => {
            name.parse::<usize>().ok().and_then(|place| items.get(place)).is_some_and(holds)
        }
        Value::Object(fields) => fields.get(name).is_some_and(holds),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alias_demands_what_it_says() {
        let heard = |constraints: &[(&str, Value)]| Heard {
            event_type: "chat.message".parse().expect("a type"),
            constraints: constraints
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            kind: "after".to_owned(),
            heard_by: Vec::new(),
            schema: Value::Null,
            sample: Value::Null,
            answer: Value::Null,
        };
        let data = json!({"files": [{"media": "voice"}]});
        let matches = |heard: Heard| heard.matches(Some("telegram"), AuthorKind::Customer, &data);
        assert!(matches(heard(&[])));
        assert!(matches(heard(&[("channel", json!("telegram")), ("author", json!("customer"))])));
        assert!(matches(heard(&[("data.files.0.media", json!("voice"))])));
        assert!(matches(heard(&[
            ("data.files.*.media", json!("voice")),
            ("scope", json!("group"))
        ])));
        assert!(!matches(heard(&[("data.files.*.media", json!("image"))])));
        assert!(!matches(heard(&[("data.files.1.media", json!("voice"))])));
        assert!(!matches(heard(&[("channel", json!("viber"))])));
        assert!(!matches(heard(&[("weather", json!("fine"))])));
        assert!(!heard(&[("channel", Value::Null)]).matches(None, AuthorKind::Customer, &data));
    }
}
