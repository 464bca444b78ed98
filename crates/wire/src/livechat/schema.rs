//! What the parameters of a method must look like, and the check of a payload against it.
//!
//! A method's parameters are a flat list of paths (`filters.group_ids`, `groups[].id`, `properties.<namespace>`); here
//! they are put together to a tree. The check passes over fields that the tree does not name: clients send more than
//! is documented. A `null` of a field that the tree does name counts as absent and is taken out.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidings_model::Timestamp;

use super::error::Failure;
use super::methods::Param;

/// The greatest whole number that every client's JSON can carry exactly: 2^53 - 1.
const WHOLE_NUMBER_MAX: i64 = 9_007_199_254_740_991;

/// What kind of value a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// Text.
    #[serde(rename = "string")]
    Text,
    /// `true` or `false`.
    #[serde(rename = "bool")]
    Bool,
    /// A whole number.
    #[serde(rename = "integer")]
    Integer,
    /// Text that is a time, as `2026-06-12T08:00:00.000000Z`.
    #[serde(rename = "datetime")]
    Time,
    /// An object.
    #[serde(rename = "object")]
    Object,
    /// A list of texts.
    #[serde(rename = "string[]")]
    Texts,
    /// A list of whole numbers.
    #[serde(rename = "integer[]")]
    Integers,
    /// A list of objects.
    #[serde(rename = "object[]")]
    Objects,
    /// A list of anything.
    #[serde(rename = "any[]")]
    List,
    /// Anything.
    #[serde(rename = "any")]
    Any,
    /// A part of a multipart form; never in the JSON.
    #[serde(rename = "file")]
    File,
}

impl Kind {
    /// The word in the table and in the reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Time => "datetime",
            Self::Object => "object",
            Self::Texts => "string[]",
            Self::Integers => "integer[]",
            Self::Objects => "object[]",
            Self::List => "any[]",
            Self::Any => "any",
            Self::File => "file",
        }
    }
}

/// Whether texts that hold a number or a truth count as one: in a query string there is nothing but text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A JSON body.
    Json,
    /// The query of a GET.
    Query,
}

/// One place in the tree of parameters.
#[derive(Debug)]
pub(super) struct Node {
    kind: Kind,
    required: bool,
    allowed: Vec<&'static str>,
    min: Option<i64>,
    max: Option<i64>,
    children: Vec<(&'static str, Self)>,
    any_key: Option<Box<Self>>,
    item: Option<Box<Self>>,
}

impl Node {
    fn implied() -> Self {
        Self {
            kind: Kind::Object,
            required: false,
            allowed: Vec::new(),
            min: None,
            max: None,
            children: Vec::new(),
            any_key: None,
            item: None,
        }
    }

    /// The tree of a method's parameters.
    pub(super) fn of(params: &[Param]) -> Self {
        let mut root = Self::implied();
        for param in params {
            let node = param.path.split('.').fold(&mut root, Self::step);
            node.kind = param.kind;
            node.required = param.required;
            node.allowed.clone_from(&param.allowed);
            node.min = param.min;
            node.max = param.max;
        }
        root
    }

    /// The place one segment further down, made when it is not there yet.
    fn step<'a>(&'a mut self, segment: &'static str) -> &'a mut Self {
        if segment.starts_with('<') {
            return self.any_key.get_or_insert_with(|| Box::new(Self::implied()));
        }
        let (name, in_list) = match segment.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (segment, false),
        };
        let at = match self.children.iter().position(|(known, _)| *known == name) {
            Some(at) => at,
            None => {
                self.children.push((name, Self::implied()));
                self.children.len() - 1
            }
        };
        let (_, child) = self.children.get_mut(at).expect("the place was just found or made");
        if !in_list {
            return child;
        }
        // A path may speak of a list's items where no other speaks of the list.
        child.kind = Kind::Objects;
        child.item.get_or_insert_with(|| Box::new(Self::implied()))
    }

    /// Checks a whole payload. Takes out `null`s, and makes `10.0` the whole number that it is.
    pub(super) fn check(
        &self,
        payload: &mut Map<String, Value>,
        source: Source,
    ) -> Result<(), Failure> {
        self.check_object(payload, "", source)
    }

    fn check_object(
        &self,
        object: &mut Map<String, Value>,
        field: &str,
        source: Source,
    ) -> Result<(), Failure> {
        for (name, child) in &self.children {
            if child.kind == Kind::File {
                continue;
            }
            let path = join(field, name);
            if object.get(*name).is_some_and(Value::is_null) {
                object.shift_remove(*name);
            }
            match object.get_mut(*name) {
                Some(value) => child.check_value(value, &path, source)?,
                None if child.required => return Err(Failure::field(&path, "is required")),
                None => {}
            }
        }
        if let Some(any_key) = &self.any_key {
            object.retain(|_, value| !value.is_null());
            for (name, value) in object.iter_mut() {
                if !self.children.iter().any(|(known, _)| known == name) {
                    any_key.check_name(name, field)?;
                    any_key.check_value(value, &join(field, name), source)?;
                }
            }
        }
        Ok(())
    }

    /// Of an object that stands under any name, the table lists the names.
    fn check_name(&self, name: &str, field: &str) -> Result<(), Failure> {
        if self.kind == Kind::Object && !self.allowed.is_empty() && !self.allowed.contains(&name) {
            return Err(Failure::field(
                &join(field, name),
                format_args!("is none of {}", self.allowed.join(", ")),
            ));
        }
        Ok(())
    }

    fn check_value(&self, value: &mut Value, field: &str, source: Source) -> Result<(), Failure> {
        match self.kind {
            Kind::Any | Kind::File => Ok(()),
            Kind::Text => self.check_text(value, field),
            Kind::Bool => check_bool(value, field, source),
            Kind::Integer => self.check_integer(value, field, source),
            Kind::Time => check_time(value, field),
            Kind::Object => match value {
                Value::Object(object) => self.check_object(object, field, source),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_) => Err(Failure::field(field, "must be an object")),
            },
            Kind::Texts | Kind::Integers | Kind::Objects | Kind::List => {
                self.check_list(value, field, source)
            }
        }
    }

    fn check_text(&self, value: &Value, field: &str) -> Result<(), Failure> {
        let text = value.as_str().ok_or_else(|| Failure::field(field, "must be text"))?;
        if !self.allowed.is_empty() && !self.allowed.contains(&text) {
            return Err(Failure::field(
                field,
                format_args!("must be one of {}", self.allowed.join(", ")),
            ));
        }
        if let Some(max) = self.max
            && text.chars().count() > usize::try_from(max).unwrap_or(usize::MAX)
        {
            return Err(Failure::field(
                field,
                format_args!("must be text of at most {max} characters"),
            ));
        }
        Ok(())
    }

    fn check_integer(&self, value: &mut Value, field: &str, source: Source) -> Result<(), Failure> {
        let number = whole_number(value, source)
            .filter(|number| self.min.is_none_or(|min| *number >= min))
            .filter(|number| self.max.is_none_or(|max| *number <= max));
        let Some(number) = number else {
            let expected = match (self.min, self.max) {
                (Some(min), Some(max)) => format!("must be a whole number from {min} to {max}"),
                (Some(min), None) => format!("must be a whole number of at least {min}"),
                (None, Some(max)) => format!("must be a whole number of at most {max}"),
                (None, None) => "must be a whole number".to_owned(),
            };
            return Err(Failure::field(field, expected));
        };
        *value = number.into();
        Ok(())
    }

    fn check_list(&self, value: &mut Value, field: &str, source: Source) -> Result<(), Failure> {
        let expected = match self.kind {
            Kind::Texts => "must be a list of texts",
            Kind::Integers => "must be a list of whole numbers",
            Kind::Objects => "must be a list of objects",
            Kind::Text
            | Kind::Bool
            | Kind::Integer
            | Kind::Time
            | Kind::Object
            | Kind::List
            | Kind::Any
            | Kind::File => "must be a list",
        };
        let Value::Array(items) = value else {
            return Err(Failure::field(field, expected));
        };
        if let Some(max) = self.max
            && items.len() > usize::try_from(max).unwrap_or(usize::MAX)
        {
            return Err(Failure::field(
                field,
                format_args!("must be a list of at most {max} items, not {}", items.len()),
            ));
        }
        for (at, item) in items.iter_mut().enumerate() {
            match self.kind {
                Kind::Texts => {
                    let text = item.as_str().ok_or_else(|| Failure::field(field, expected))?;
                    if !self.allowed.is_empty() && !self.allowed.contains(&text) {
                        return Err(Failure::field(
                            field,
                            format_args!("must be a list of {}", self.allowed.join(", ")),
                        ));
                    }
                }
                Kind::Integers => {
                    let number = whole_number(item, source)
                        .ok_or_else(|| Failure::field(field, expected))?;
                    *item = number.into();
                }
                Kind::Objects => {
                    let Value::Object(object) = item else {
                        return Err(Failure::field(field, expected));
                    };
                    if let Some(node) = &self.item {
                        node.check_object(object, &format!("{field}[{at}]"), source)?;
                    }
                }
                Kind::Text
                | Kind::Bool
                | Kind::Integer
                | Kind::Time
                | Kind::Object
                | Kind::List
                | Kind::Any
                | Kind::File => {}
            }
        }
        Ok(())
    }
}

fn check_bool(value: &mut Value, field: &str, source: Source) -> Result<(), Failure> {
    if source == Source::Query {
        match value.as_str() {
            Some("true" | "1") => *value = true.into(),
            Some("false" | "0") => *value = false.into(),
            Some(_) | None => {}
        }
    }
    if value.is_boolean() { Ok(()) } else { Err(Failure::field(field, "must be true or false")) }
}

fn check_time(value: &Value, field: &str) -> Result<(), Failure> {
    let is_time = value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok());
    if is_time {
        Ok(())
    } else {
        Err(Failure::field(field, "must be a time such as 2026-06-12T08:00:00.000000Z"))
    }
}

/// The whole number that a value is: also one that a client wrote as `10.0`, and in a query as text.
pub(super) fn whole_number(value: &Value, source: Source) -> Option<i64> {
    let number = match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole,
            None => {
                let float = number.as_f64()?;
                #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact")]
                let max = WHOLE_NUMBER_MAX as f64;
                if float.fract() != 0.0 || float.abs() > max {
                    return None;
                }
                #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
                let whole = float as i64;
                whole
            }
        },
        Value::String(text) if source == Source::Query => text.parse().ok()?,
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            return None;
        }
    };
    (-WHOLE_NUMBER_MAX..=WHOLE_NUMBER_MAX).contains(&number).then_some(number)
}

fn join(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(params: Value) -> Node {
        let text: &'static str = Box::leak(params.to_string().into_boxed_str());
        let params: Vec<Param> = serde_json::from_str(text).expect("parameters");
        Node::of(&params)
    }

    fn check(params: Value, payload: Value) -> Result<Value, String> {
        let Value::Object(mut object) = payload else { panic!("an object") };
        tree(params)
            .check(&mut object, Source::Json)
            .map(|()| Value::Object(object))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn every_kind_says_what_it_wants() {
        let cases = [
            (json!({ "path": "a", "kind": "string" }), json!(1), "`a` must be text"),
            (json!({ "path": "a", "kind": "bool" }), json!("true"), "`a` must be true or false"),
            (json!({ "path": "a", "kind": "integer" }), json!("1"), "`a` must be a whole number"),
            (json!({ "path": "a", "kind": "integer" }), json!(1.5), "`a` must be a whole number"),
            (
                json!({ "path": "a", "kind": "integer", "min": 1, "max": 100 }),
                json!(101),
                "`a` must be a whole number from 1 to 100",
            ),
            (
                json!({ "path": "a", "kind": "integer", "min": 1 }),
                json!(0),
                "`a` must be a whole number of at least 1",
            ),
            (
                json!({ "path": "a", "kind": "integer", "max": 20 }),
                json!(21),
                "`a` must be a whole number of at most 20",
            ),
            (json!({ "path": "a", "kind": "object" }), json!([]), "`a` must be an object"),
            (json!({ "path": "a", "kind": "string[]" }), json!([1]), "`a` must be a list of texts"),
            (
                json!({ "path": "a", "kind": "integer[]" }),
                json!(["1"]),
                "`a` must be a list of whole numbers",
            ),
            (
                json!({ "path": "a", "kind": "object[]" }),
                json!([1]),
                "`a` must be a list of objects",
            ),
            (json!({ "path": "a", "kind": "any[]" }), json!({}), "`a` must be a list"),
            (
                json!({ "path": "a", "kind": "any[]", "max": 1 }),
                json!([1, 2]),
                "`a` must be a list of at most 1 items, not 2",
            ),
            (
                json!({ "path": "a", "kind": "string", "enum": ["asc", "desc"] }),
                json!("up"),
                "`a` must be one of asc, desc",
            ),
            (
                json!({ "path": "a", "kind": "string[]", "enum": ["asc", "desc"] }),
                json!(["asc", "up"]),
                "`a` must be a list of asc, desc",
            ),
            (
                json!({ "path": "a", "kind": "string", "max": 2 }),
                json!("äöü"),
                "`a` must be text of at most 2 characters",
            ),
            (
                json!({ "path": "a", "kind": "datetime" }),
                json!("yesterday"),
                "`a` must be a time such as 2026-06-12T08:00:00.000000Z",
            ),
        ];
        for (param, value, message) in cases {
            assert_eq!(check(json!([param]), json!({ "a": value })), Err(message.to_owned()));
        }
    }

    #[test]
    fn required_means_once_the_parent_is_there() {
        let params = json!([
            { "path": "target", "kind": "object" },
            { "path": "target.type", "kind": "string", "required": true },
            { "path": "groups", "kind": "object[]" },
            { "path": "groups[].id", "kind": "integer", "required": true },
        ]);
        assert_eq!(check(params.clone(), json!({})), Ok(json!({})));
        assert_eq!(check(params.clone(), json!({ "target": null })), Ok(json!({})));
        assert_eq!(
            check(params.clone(), json!({ "target": { "type": null } })),
            Err("`target.type` is required".to_owned())
        );
        assert_eq!(
            check(params, json!({ "groups": [{ "id": 1 }, {}] })),
            Err("`groups[1].id` is required".to_owned())
        );
    }

    #[test]
    fn what_the_table_does_not_name_is_passed_over() {
        let params = json!([{ "path": "chat_id", "kind": "string", "required": true }]);
        let payload = json!({ "chat_id": "A", "author_id": null, "more": { "x": [1] } });
        assert_eq!(check(params, payload.clone()), Ok(payload));
    }

    #[test]
    fn a_name_in_angle_brackets_stands_for_every_name() {
        let params = json!([{ "path": "by.<agent_id>", "kind": "string", "enum": ["first"] }]);
        assert_eq!(
            check(params.clone(), json!({ "by": { "bob": "first", "carol": null } })),
            Ok(json!({ "by": { "bob": "first" } }))
        );
        assert_eq!(
            check(params, json!({ "by": { "bob": "second" } })),
            Err("`by.bob` must be one of first".to_owned())
        );
    }

    #[test]
    fn the_names_of_objects_may_be_listed() {
        let params = json!([{ "path": "access.<location>", "kind": "object", "enum": ["chat"] }]);
        assert!(check(params.clone(), json!({ "access": { "chat": {} } })).is_ok());
        assert_eq!(
            check(params, json!({ "access": { "chta": {} } })),
            Err("`access.chta` is none of chat".to_owned())
        );
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_point_and_in_a_query_as_text() {
        let params = json!([{ "path": "a", "kind": "integer" }, { "path": "b", "kind": "bool" }]);
        assert_eq!(check(params.clone(), json!({ "a": 10.0 })), Ok(json!({ "a": 10 })));
        assert!(check(params.clone(), json!({ "a": 1e300 })).is_err());

        let Value::Object(mut query) = json!({ "a": "7", "b": "true" }) else { panic!("object") };
        tree(params).check(&mut query, Source::Query).expect("good");
        assert_eq!(Value::Object(query), json!({ "a": 7, "b": true }));
    }
}
