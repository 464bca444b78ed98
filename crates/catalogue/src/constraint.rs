//! What an alias demands beside the type: a channel, an author, a listener, a value in the data.

use std::fmt;

use serde_json::{Map, Value};
use tidings_model::AuthorKind;

use crate::event_type::Audience;

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// The event came over a channel of this kind.
    Channel(String),
    /// An author of this kind did it.
    Author(AuthorKind),
    /// The behavior that listens belongs to this owner. The event cannot tell: who asks an event takes it as held, and
    /// who starts a behavior asks [`crate::Alias::scope`].
    Scope(Audience),
    /// The data has this value at this path.
    Data {
        /// Where.
        path: DataPath,
        /// What.
        value: Value,
    },
}

impl Constraint {
    /// Whether it holds for an event.
    pub fn holds(&self, channel_kind: Option<&str>, author: AuthorKind, data: &Value) -> bool {
        match self {
            Self::Channel(kind) => channel_kind == Some(kind),
            Self::Author(kind) => author == *kind,
            Self::Scope(_) => true,
            Self::Data { path, value } => path.leads_to(data, value),
        }
    }

    /// Its key and value, as they are written in a file: `data.kind` and `"form"`.
    pub fn to_pair(&self) -> (String, Value) {
        match self {
            Self::Channel(kind) => ("channel".into(), kind.as_str().into()),
            Self::Author(kind) => ("author".into(), kind.as_str().into()),
            Self::Scope(audience) => ("scope".into(), audience.as_str().into()),
            Self::Data { path, value } => (format!("data.{path}"), value.clone()),
        }
    }
}

/// A way into the data: names joined by dots. A number is a place in a list, from 0; `*` is any element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPath(Vec<Step>);

/// How deep a path may go. Ours go three deep; it bounds the search.
pub const PATH_STEPS_MAX: usize = 8;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A field of an object, or a place in a list where the name is a number.
    Name(String, Option<usize>),
    /// Any element of a list.
    Any,
}

impl DataPath {
    /// Reads a path, as `files.*.media`; `None` where it has an empty step or too many.
    pub fn parse(text: &str) -> Option<Self> {
        let steps: Vec<Step> = text
            .split('.')
            .map(|step| match step {
                "*" => Step::Any,
                name => Step::Name(name.to_owned(), name.parse().ok()),
            })
            .collect();
        let empty = |step: &Step| matches!(step, Step::Name(name, _) if name.is_empty());
        if steps.len() > PATH_STEPS_MAX || steps.iter().any(empty) {
            None
        } else {
            Some(Self(steps))
        }
    }

    /// Whether the path leads to this value: for `*`, whether it does for one of the elements.
    pub fn leads_to(&self, data: &Value, value: &Value) -> bool {
        leads_to(&self.0, data, value)
    }

    /// Shows each value that it leads to, until `ask` gives `true`: it has seen enough. `false`: there are more values
    /// than steps were left.
    pub(crate) fn show<'v>(
        &self,
        data: &'v Value,
        steps_left: &mut usize,
        ask: &mut dyn FnMut(&'v Value) -> bool,
    ) -> bool {
        show(&self.0, data, steps_left, ask) != Shown::TooMany
    }

    /// As [`Self::show`], from the fields of an object.
    pub(crate) fn show_in<'v>(
        &self,
        fields: &'v Map<String, Value>,
        steps_left: &mut usize,
        ask: &mut dyn FnMut(&'v Value) -> bool,
    ) -> bool {
        let Some((Step::Name(name, _), rest)) = self.0.split_first() else { return true };
        let Some(value) = fields.get(name) else { return true };
        show(rest, value, steps_left, ask) != Shown::TooMany
    }

    /// Its steps.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The field that it begins with.
    pub(crate) fn first(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name, _)) => name,
            Some(Step::Any) | None => "*",
        }
    }
}

/// Walks down. Each part of the data is looked at once at most, so the size of the data bounds it.
fn leads_to(steps: &[Step], data: &Value, value: &Value) -> bool {
    let Some((step, rest)) = steps.split_first() else { return data == value };
    match step {
        Step::Any => data
            .as_array()
            .is_some_and(|items| items.iter().any(|item| leads_to(rest, item, value))),
        Step::Name(name, place) => {
            let next = match data {
                Value::Object(fields) => fields.get(name),
                Value::Array(items) => place.and_then(|place| items.get(place)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            next.is_some_and(|next| leads_to(rest, next, value))
        }
    }
}

/// How showing went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    All,
    Enough,
    TooMany,
}

fn show<'v>(
    steps: &[Step],
    data: &'v Value,
    steps_left: &mut usize,
    ask: &mut dyn FnMut(&'v Value) -> bool,
) -> Shown {
    let Some(left) = steps_left.checked_sub(1) else { return Shown::TooMany };
    *steps_left = left;
    let Some((step, rest)) = steps.split_first() else {
        return if ask(data) { Shown::Enough } else { Shown::All };
    };
    match (step, data) {
        (Step::Any, Value::Array(items)) => {
            for item in items {
                let shown = show(rest, item, steps_left, ask);
                if shown != Shown::All {
                    return shown;
                }
            }
            Shown::All
        }
        (Step::Name(name, _), Value::Object(fields)) => {
            fields.get(name).map_or(Shown::All, |value| show(rest, value, steps_left, ask))
        }
        (Step::Name(_, Some(place)), Value::Array(items)) => {
            items.get(*place).map_or(Shown::All, |value| show(rest, value, steps_left, ask))
        }
        (Step::Any | Step::Name(_, _), _) => Shown::All,
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name(name, _) => name,
            Self::Any => "*",
        })
    }
}

impl fmt::Display for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_star_stands_for_any_element() {
        let album =
            json!({"files": [{"media": "video"}, {"media": "image"}], "matrix": [[1], [2, 3]]});
        let leads = |path: &str, value: Value| {
            DataPath::parse(path).expect("a path").leads_to(&album, &value)
        };

        assert!(leads("files.*.media", json!("image")));
        assert!(leads("files.1.media", json!("image")));
        assert!(!leads("files.0.media", json!("image")));
        assert!(!leads("files.*.media", json!("audio")));
        assert!(leads("matrix.*.*", json!(3)));
        assert!(!leads("files.9.media", json!("image")));
        assert!(!leads("*", json!("image")));
        assert!(!leads("nothing.*", Value::Null), "what is not there has no value");
    }

    #[test]
    fn a_path_without_a_step_is_none() {
        for wrong in ["", ".", "a..b", "a.", ".a", "a.b.c.d.e.f.g.h.i"] {
            assert_eq!(DataPath::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(DataPath::parse("files.*.media").expect("a path").to_string(), "files.*.media");
    }
}
