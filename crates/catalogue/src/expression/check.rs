//! Holds an expression against the schemas of the types that are wanted, when it is saved.
//!
//! A schema here is open by its specification, but what it names is what its type has: a field that no wanted type names
//! is a slip of the pen, and would make an endpoint that is silent for ever.

use serde_json::{Map, Value};
use tidings_model::{AuthorKind, Visibility};

use super::field::{Field, Own};
use super::parse::did_you_mean;
use super::word::error;
use super::{Comparison, ExpressionError, Literal, Node, Question, Test};
use crate::catalogue::{Catalogue, most_like};
use crate::constraint::{DataPath, Step};
use crate::filter::TypeFilter;
use crate::schema::REFERENCE;

/// How deep references and parts of schemas are followed.
const SCHEMA_DEPTH_MAX: usize = 32;

/// How many parts of one schema are looked at.
const SCHEMA_PARTS_MAX: usize = 2_000;

pub(super) fn check(
    node: &Node,
    catalogue: &Catalogue,
    wanted: &TypeFilter,
) -> Result<(), ExpressionError> {
    match node {
        Node::And(nodes) | Node::Or(nodes) => {
            nodes.iter().try_for_each(|node| check(node, catalogue, wanted))
        }
        Node::Not(inner) => check(inner, catalogue, wanted),
        Node::Test(test) => check_test(test, catalogue, wanted),
    }
}

fn check_test(
    test: &Test,
    catalogue: &Catalogue,
    wanted: &TypeFilter,
) -> Result<(), ExpressionError> {
    let kinds = match &test.field.field {
        Field::Own(own) => {
            check_word(test, *own, catalogue)?;
            own.kinds()
        }
        Field::Data(path) => {
            let schemas: Vec<&Value> = catalogue
                .types()
                .filter(|each| wanted.includes(&each.name))
                .map(crate::EventType::schema)
                .collect();
            kinds_of(path, &schemas).ok_or_else(|| unknown_field(test, path, &schemas))?
        }
        Field::Properties(_) => Kinds::ANY,
    };
    check_kinds(test, kinds)
}

/// A word that the field can never be.
fn check_word(test: &Test, own: Own, catalogue: &Catalogue) -> Result<(), ExpressionError> {
    let known: Vec<&str> = match own {
        Own::AuthorKind => AuthorKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        Own::Visibility => vec![Visibility::All.as_str(), Visibility::Agents.as_str()],
        Own::Type => catalogue.types().map(|each| each.name.as_str()).collect(),
        Own::Id
        | Own::Version
        | Own::Time
        | Own::ReceivedAt
        | Own::ChannelId
        | Own::ChannelKind
        | Own::Chat
        | Own::Thread
        | Own::AuthorId
        | Own::GroupKey
        | Own::GroupNumber
        | Own::CustomId
        | Own::Depth => return Ok(()),
    };
    let literals = match &test.question {
        Question::Compare(Comparison::Equal, literal) => std::slice::from_ref(literal),
        Question::In(literals) => literals,
        Question::Exists
        | Question::IsTrue
        | Question::Compare(_, _)
        | Question::Contains(_)
        | Question::StartsWith(_)
        | Question::EndsWith(_) => return Ok(()),
    };
    for literal in literals {
        if let Literal::Text(word) = literal
            && !known.contains(&word.as_str())
        {
            let hint = most_like(word, known.iter().copied()).map(did_you_mean);
            let message = format!("{} is never {word:?}", own.as_str());
            return Err(error(test.field.at, message, hint));
        }
    }
    Ok(())
}

fn check_kinds(test: &Test, kinds: Kinds) -> Result<(), ExpressionError> {
    let field = &test.field.field;
    let fault = |message: String, hint: Option<&str>| {
        Err(error(test.field.at, message, hint.map(str::to_owned)))
    };
    let can = |literal: &Literal| kinds.has(literal.kinds());
    match &test.question {
        Question::Exists => Ok(()),
        Question::IsTrue if kinds.has(Kinds::BOOL) => Ok(()),
        Question::IsTrue => fault(
            format!("{field} is {}, not true or false", kinds.shown()),
            Some("compare it, or ask exists(...)"),
        ),
        Question::Compare(Comparison::Equal, literal) if can(literal) => Ok(()),
        Question::Compare(_, Literal::Bool(_)) => {
            fault(format!("{field} is {}: true and false have no order", kinds.shown()), None)
        }
        Question::Compare(_, Literal::Text(_)) if kinds.only(Kinds::TIME) => fault(
            format!("{field} is a time, and compared with a text"),
            Some("write time(\"2026-11-21T10:00:00Z\")"),
        ),
        Question::Compare(_, literal) if can(literal) => Ok(()),
        Question::Compare(_, literal) => fault(mismatch(field, kinds, literal), None),
        Question::In(literals) => match literals.iter().find(|literal| !can(literal)) {
            Some(literal) => fault(mismatch(field, kinds, literal), None),
            None => Ok(()),
        },
        Question::Contains(literal) => {
            let in_text = kinds.has(Kinds::TEXT) && matches!(literal, Literal::Text(_));
            if in_text || kinds.has(Kinds::LIST) {
                return Ok(());
            }
            fault(
                format!("{field} is {}, and can contain nothing of this kind", kinds.shown()),
                None,
            )
        }
        Question::StartsWith(_) | Question::EndsWith(_) if kinds.has(Kinds::TEXT) => Ok(()),
        Question::StartsWith(_) | Question::EndsWith(_) => {
            fault(format!("{field} is {}, not a text", kinds.shown()), None)
        }
    }
}

fn mismatch(field: &Field, kinds: Kinds, literal: &Literal) -> String {
    format!("{field} is {}, and compared with {}", kinds.shown(), literal.kinds().shown())
}

/// No wanted type has the field: which name of the path is wrong, and which there are.
fn unknown_field(test: &Test, path: &DataPath, schemas: &[&Value]) -> ExpressionError {
    let steps = path.steps();
    let mut hint = None;
    for length in (0..steps.len()).rev() {
        let (before, Some(Step::Name(wrong, _))) = (steps.get(..length), steps.get(length)) else {
            continue;
        };
        let before = before.unwrap_or_default();
        let mut found = Vec::new();
        for schema in schemas {
            reach(schema, schema, before, SCHEMA_DEPTH_MAX, &mut found);
        }
        let names: Vec<&str> = found
            .iter()
            .filter_map(|part| part.get("properties")?.as_object())
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        if !names.is_empty() {
            hint = most_like(wrong, names.into_iter()).map(|near| {
                let before: String = before.iter().map(|step| format!("{step}.")).collect();
                let after: String =
                    steps.iter().skip(length + 1).map(|step| format!(".{step}")).collect();
                did_you_mean(&format!("data.{before}{near}{after}"))
            });
            break;
        }
    }
    let message = format!("no wanted type has a field {:?}", test.field.field.to_string());
    error(test.field.at, message, hint)
}

/// What a field can be in one of the types; `None` where none has it.
fn kinds_of(path: &DataPath, schemas: &[&Value]) -> Option<Kinds> {
    let mut found = Vec::new();
    for schema in schemas {
        reach(schema, schema, path.steps(), SCHEMA_DEPTH_MAX, &mut found);
    }
    found.into_iter().map(Kinds::of).reduce(Kinds::or)
}

/// Anything.
static OPEN: Value = Value::Bool(true);

/// Gathers the parts of a schema to which a path leads.
fn reach<'s>(
    root: &'s Value,
    part: &'s Value,
    steps: &[Step],
    depth_left: usize,
    found: &mut Vec<&'s Value>,
) {
    let Some(depth_left) = depth_left.checked_sub(1) else { return };
    if found.len() >= SCHEMA_PARTS_MAX {
        return;
    }
    let Value::Object(keywords) = part else {
        if part == &OPEN {
            found.push(part);
        }
        return;
    };
    for also in alternatives(root, keywords) {
        reach(root, also, steps, depth_left, found);
    }
    let Some((step, rest)) = steps.split_first() else {
        found.push(part);
        return;
    };
    match step {
        Step::Name(name, place) => {
            if let Some(next) = keywords.get("properties").and_then(|named| named.get(name)) {
                reach(root, next, rest, depth_left, found);
            } else if let Some(next) = open_field(keywords) {
                reach(root, next, rest, depth_left, found);
            }
            if place.is_some()
                && let Some(next) = keywords.get("items")
            {
                reach(root, next, rest, depth_left, found);
            }
        }
        Step::Any => {
            let fixed = keywords.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
            for next in keywords.get("items").into_iter().chain(fixed) {
                reach(root, next, rest, depth_left, found);
            }
        }
    }
}

/// The parts that say more of the same value.
fn alternatives<'s>(
    root: &'s Value,
    keywords: &'s Map<String, Value>,
) -> impl Iterator<Item = &'s Value> {
    let referred = keywords
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix(REFERENCE))
        .and_then(|name| root.get("$defs")?.get(name));
    let listed = ["allOf", "anyOf", "oneOf"]
        .into_iter()
        .filter_map(|word| keywords.get(word)?.as_array())
        .flatten();
    let conditional = ["then", "else"].into_iter().filter_map(|word| keywords.get(word));
    referred.into_iter().chain(listed).chain(conditional)
}

/// What a field is that an object does not name: something where it has other fields by a schema, or names none at all.
fn open_field(keywords: &Map<String, Value>) -> Option<&Value> {
    if let Some(others) = keywords.get("additionalProperties") {
        return Some(others).filter(|others| **others != Value::Bool(false));
    }
    let named = keywords.contains_key("properties");
    let object = keywords.get("type").is_some_and(|kind| names(kind, "object"));
    (object && !named).then_some(&OPEN)
}

/// Whether the value of `type` names a type.
fn names(kind: &Value, wanted: &str) -> bool {
    match kind {
        Value::String(name) => name == wanted,
        Value::Array(names) => names.iter().any(|name| name == wanted),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// What a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    const NUMBER: Self = Self(1);
    const TEXT: Self = Self(2);
    const BOOL: Self = Self(4);
    const LIST: Self = Self(8);
    const OBJECT: Self = Self(16);
    const TIME: Self = Self(32);
    const ANY: Self = Self(63);

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }

    /// Whether it is this, if a text at all.
    fn only(self, kind: Self) -> bool {
        self.has(kind) && self.0 & !(kind.0 | Self::TEXT.0) == 0
    }

    fn shown(self) -> &'static str {
        const NAMES: [(Kinds, &str); 6] = [
            (Kinds::TIME, "a time"),
            (Kinds::NUMBER, "a number"),
            (Kinds::TEXT, "a text"),
            (Kinds::BOOL, "true or false"),
            (Kinds::LIST, "a list"),
            (Kinds::OBJECT, "an object"),
        ];
        NAMES.iter().find(|(kind, _)| self.has(*kind)).map_or("nothing", |(_, name)| name)
    }

    /// Of one part of a schema alone; its alternatives were found beside it.
    fn of(part: &Value) -> Self {
        let Value::Object(keywords) = part else { return Self::ANY };
        if let Some(choices) = keywords.get("enum").and_then(Value::as_array) {
            return choices.iter().map(Self::of_value).fold(Self(0), Self::or);
        }
        if let Some(value) = keywords.get("const") {
            return Self::of_value(value);
        }
        let Some(kind) = keywords.get("type") else {
            let elsewhere = ["$ref", "allOf", "anyOf", "oneOf"];
            let told = elsewhere.iter().any(|word| keywords.contains_key(*word));
            return if told { Self(0) } else { Self::ANY };
        };
        let is_time = keywords.get("format").is_some_and(|format| format == "date-time");
        let text = if is_time { Self::TEXT.or(Self::TIME) } else { Self::TEXT };
        [
            ("number", Self::NUMBER),
            ("integer", Self::NUMBER),
            ("string", text),
            ("boolean", Self::BOOL),
            ("array", Self::LIST),
            ("object", Self::OBJECT),
        ]
        .into_iter()
        .filter(|(name, _)| names(kind, name))
        .fold(Self(0), |kinds, (_, kind)| kinds.or(kind))
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self(0),
            Value::Bool(_) => Self::BOOL,
            Value::Number(_) => Self::NUMBER,
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        }
    }
}

impl Literal {
    fn kinds(&self) -> Kinds {
        match self {
            Self::Number(_) => Kinds::NUMBER,
            Self::Text(_) => Kinds::TEXT,
            Self::Bool(_) => Kinds::BOOL,
            Self::Time(_) => Kinds::TIME,
        }
    }
}

impl Own {
    fn kinds(self) -> Kinds {
        match self {
            Self::Time | Self::ReceivedAt => Kinds::TIME,
            Self::Version | Self::Depth | Self::GroupNumber => Kinds::NUMBER,
            Self::Type
            | Self::Id
            | Self::ChannelId
            | Self::ChannelKind
            | Self::Chat
            | Self::Thread
            | Self::AuthorKind
            | Self::AuthorId
            | Self::GroupKey
            | Self::Visibility
            | Self::CustomId => Kinds::TEXT,
        }
    }
}
