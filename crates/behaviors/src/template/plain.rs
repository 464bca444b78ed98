//! Conditions that need no template: paths, fixed values, comparisons, `in`, `is defined`, `and`, `or`, `not`.
//!
//! Most conditions are no more than that, and an event may meet many. They are decided on the values as a run keeps them,
//! without a template's machine and without its values being made first. What they say is what MiniJinja says, which a
//! property test holds them to; what is rare (a number beside a truth, lists that are compared) is left to it.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::measure::rounded;
use super::words::{self, Word, WordKind};
use crate::trace::Saw;

/// How deep brackets and `not` may nest; deeper ones are left to MiniJinja, which has limits of its own.
const DEPTH_MAX: usize = 24;

/// Whole numbers up to here are told apart as floats.
const EXACT_MAX: u64 = 1 << 53;

/// Mappings with no more fields are looked through.
const FEW: usize = 8;

/// Words that are no names of values.
const KEYWORDS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// A condition that needs no template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain {
    /// A value by its name, and names within.
    Path(Root, Vec<String>),
    /// A value as it stands.
    Fixed(Value),
    Compare(Box<Self>, Comparison, Box<Self>),
    In(Box<Self>, Box<Self>),
    Defined(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
}

/// The name of a value, known before it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Event,
    Meta,
    Answer,
    Customer,
    Chat,
    Session,
    Client,
    Vars,
    /// What a loop calls its item, and what is no name here.
    Other(Box<str>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Named<'a> {
    /// Nothing is there.
    Missing,
    /// A value.
    Value(&'a Value),
    /// Values with names of their own.
    Fields(&'a Map<String, Value>),
}

/// What a part of a condition is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Worth<'a> {
    /// It is not there.
    Missing,
    /// A truth that was found.
    Truth(bool),
    /// A value.
    Value(&'a Value),
}

impl Plain {
    /// The condition, if it is one.
    pub(super) fn parse(source: &str) -> Option<Self> {
        let code = words::expression(source).ok()?;
        let mut parser = Parser { words: &code.words, at: 0 };
        let plain = parser.or(DEPTH_MAX)?;
        (parser.at == code.words.len()).then_some(plain)
    }

    /// What it is worth, with values by their names; nothing where that is left to MiniJinja, as with a name that is not
    /// known here.
    pub(crate) fn worth<'a>(
        &'a self,
        named: &impl Fn(&Root) -> Option<Named<'a>>,
    ) -> Option<Worth<'a>> {
        Some(match self {
            Self::Fixed(_) | Self::Path(..) => self.operand(named)?,
            Self::Compare(left, comparison, right) => {
                let (left, right) = (left.operand(named)?, right.operand(named)?);
                Worth::Truth(comparison.holds(left, right)?)
            }
            Self::In(item, list) => {
                Worth::Truth(is_in(item.operand(named)?, list.operand(named)?)?)
            }
            Self::Defined(part) => Worth::Truth(part.worth(named)? != Worth::Missing),
            Self::And(left, right) => match left.worth(named)? {
                left if left.is_true() => right.worth(named)?,
                left => left,
            },
            Self::Or(left, right) => match left.worth(named)? {
                left if left.is_true() => left,
                _ => right.worth(named)?,
            },
            Self::Not(part) => Worth::Truth(!part.worth(named)?.is_true()),
        })
    }

    /// The same, without a call for what most operands are.
    #[inline]
    fn operand<'a>(&'a self, named: &impl Fn(&Root) -> Option<Named<'a>>) -> Option<Worth<'a>> {
        let (root, names) = match self {
            Self::Fixed(value) => return Some(Worth::Value(value)),
            Self::Path(root, names) => (root, names),
            Self::Compare(..) | Self::In(..) | Self::Defined(_) => return self.worth(named),
            Self::And(..) | Self::Or(..) | Self::Not(_) => return self.worth(named),
        };
        let (mut value, within) = match (named(root)?, names.split_first()) {
            (Named::Missing, _) => (None, &[][..]),
            (Named::Value(value), _) => (Some(value), &names[..]),
            (Named::Fields(fields), Some((first, rest))) => (field(fields, first), rest),
            (Named::Fields(_), None) => return None,
        };
        for name in within {
            value = value.and_then(|value| field(value.as_object()?, name));
        }
        Some(value.map_or(Worth::Missing, Worth::Value))
    }
}

/// A field. To hash a name takes longer than to look at a few.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if fields.len() > FEW {
        return fields.get(name);
    }
    fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

impl Root {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "event" => Self::Event,
            "meta" => Self::Meta,
            "answer" => Self::Answer,
            "customer" => Self::Customer,
            "chat" => Self::Chat,
            "session" => Self::Session,
            "client" => Self::Client,
            "vars" => Self::Vars,
            name => Self::Other(name.into()),
        }
    }
}

impl Worth<'_> {
    /// Whether it is something: not false, not zero, not empty.
    pub(crate) fn is_true(self) -> bool {
        match self {
            Self::Missing => false,
            Self::Truth(truth) => truth,
            Self::Value(value) => match value {
                Value::Null => false,
                Value::Bool(truth) => *truth,
                Value::Number(number) => number.as_f64() != Some(0.0),
                Value::String(text) => !text.is_empty(),
                Value::Array(items) => !items.is_empty(),
                Value::Object(fields) => !fields.is_empty(),
            },
        }
    }

    /// The value, for the trace; a list or a mapping may be big, which MiniJinja's way sees to.
    pub(crate) fn shown(self) -> Option<Saw> {
        match self {
            Self::Missing => Some(Value::Null.into()),
            Self::Truth(truth) => Some(Saw::Truth(truth)),
            Self::Value(Value::Array(_) | Value::Object(_)) => None,
            Self::Value(value) => Some(rounded(value.clone()).into()),
        }
    }

    fn truth(self) -> Option<bool> {
        match self {
            Self::Truth(truth) => Some(truth),
            Self::Value(value) => value.as_bool(),
            Self::Missing => None,
        }
    }
}

impl Comparison {
    fn holds(self, left: Worth<'_>, right: Worth<'_>) -> Option<bool> {
        Some(match self {
            Self::Equal => equal(left, right)?,
            Self::Unequal => !equal(left, right)?,
            Self::Less => order(left, right)?.is_lt(),
            Self::LessOrEqual => order(left, right)?.is_le(),
            Self::Greater => order(left, right)?.is_gt(),
            Self::GreaterOrEqual => order(left, right)?.is_ge(),
        })
    }
}

fn equal(left: Worth<'_>, right: Worth<'_>) -> Option<bool> {
    if let (Some(left), Some(right)) = (left.truth(), right.truth()) {
        return Some(left == right);
    }
    match (left, right) {
        (Worth::Missing, Worth::Missing) => Some(true),
        (Worth::Value(left), Worth::Value(right)) => equal_values(left, right),
        (Worth::Missing, Worth::Value(other)) | (Worth::Value(other), Worth::Missing) => {
            other.is_string().then_some(false)
        }
        (Worth::Truth(_), _) | (_, Worth::Truth(_)) => None,
    }
}

/// Of what is compared often; the rest is left to MiniJinja.
fn equal_values(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left == right),
        (Value::Number(left), Value::Number(right)) => Some(order_of_numbers(left, right)?.is_eq()),
        (Value::Null, Value::Null) => Some(true),
        (Value::String(_), Value::Null | Value::Number(_))
        | (Value::Null | Value::Number(_), Value::String(_)) => Some(false),
        _ => None,
    }
}

fn order(left: Worth<'_>, right: Worth<'_>) -> Option<Ordering> {
    match (left, right) {
        (Worth::Value(Value::Number(left)), Worth::Value(Value::Number(right))) => {
            order_of_numbers(left, right)
        }
        (Worth::Value(Value::String(left)), Worth::Value(Value::String(right))) => {
            Some(left.cmp(right))
        }
        _ => None,
    }
}

fn order_of_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Some(left.cmp(&right));
    }
    let exact = |number: &Number| {
        let is_exact = number.is_f64()
            || number.as_i64().is_some_and(|whole| whole.unsigned_abs() <= EXACT_MAX);
        number.as_f64().filter(|_| is_exact)
    };
    exact(left)?.partial_cmp(&exact(right)?)
}

fn is_in(item: Worth<'_>, list: Worth<'_>) -> Option<bool> {
    let list = match list {
        Worth::Missing => return Some(false),
        Worth::Truth(_) => return None,
        Worth::Value(list) => list,
    };
    match (list, item) {
        (Value::String(text), Worth::Value(Value::String(part))) => Some(text.contains(&**part)),
        (Value::Object(fields), Worth::Value(Value::String(name))) => {
            Some(fields.contains_key(name))
        }
        (Value::Array(items), item) => {
            for one in items {
                if equal(Worth::Value(one), item)? {
                    return Some(true);
                }
            }
            Some(false)
        }
        _ => None,
    }
}

/// Reads words; whatever it does not know makes the whole no plain condition.
struct Parser<'w, 's> {
    words: &'w [Word<'s>],
    at: usize,
}

impl<'s> Parser<'_, 's> {
    fn or(&mut self, depth: usize) -> Option<Plain> {
        let mut left = self.and(depth)?;
        while self.takes_name("or") {
            left = Plain::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Some(left)
    }

    fn and(&mut self, depth: usize) -> Option<Plain> {
        let mut left = self.not(depth)?;
        while self.takes_name("and") {
            left = Plain::And(Box::new(left), Box::new(self.not(depth)?));
        }
        Some(left)
    }

    fn not(&mut self, depth: usize) -> Option<Plain> {
        if self.takes_name("not") {
            return Some(Plain::Not(Box::new(self.not(depth.checked_sub(1)?)?)));
        }
        self.comparison(depth)
    }

    fn comparison(&mut self, depth: usize) -> Option<Plain> {
        let left = self.operand(depth)?;
        if let Some(comparison) = self.sign().and_then(comparison_of) {
            self.at += 1;
            let right = self.operand(depth)?;
            return self.ends_here(Plain::Compare(Box::new(left), comparison, Box::new(right)));
        }
        let is_negated = self.takes_name("not");
        if self.takes_name("in") {
            let list = self.operand(depth)?;
            let plain = Plain::In(Box::new(left), Box::new(list));
            return self.ends_here(if is_negated { Plain::Not(Box::new(plain)) } else { plain });
        }
        (!is_negated).then_some(left)
    }

    /// A second comparison would belong to the first: `1 < a < 3`.
    fn ends_here(&self, plain: Plain) -> Option<Plain> {
        let goes_on = self.sign().and_then(comparison_of).is_some()
            || self
                .words
                .get(self.at)
                .is_some_and(|word| word.is_name("in") || word.is_name("not"));
        (!goes_on).then_some(plain)
    }

    /// A value, with a test behind it.
    fn operand(&mut self, depth: usize) -> Option<Plain> {
        let value = self.value(depth)?;
        if !self.takes_name("is") {
            return Some(value);
        }
        let is_negated = self.takes_name("not");
        let word = self.words.get(self.at)?;
        self.at += 1;
        let is_defined = match word.text {
            "defined" => !is_negated,
            "undefined" => is_negated,
            _ => return None,
        };
        // What follows a test may be its argument, or another test.
        let ends = self
            .words
            .get(self.at)
            .is_none_or(|next| next.is(")") || next.is_name("and") || next.is_name("or"));
        let defined = Plain::Defined(Box::new(value));
        let plain = if is_defined { defined } else { Plain::Not(Box::new(defined)) };
        ends.then_some(plain)
    }

    fn value(&mut self, depth: usize) -> Option<Plain> {
        let word = *self.words.get(self.at)?;
        self.at += 1;
        let value = match word.kind {
            WordKind::Sign if word.text == "(" => {
                let inner = self.or(depth.checked_sub(1)?)?;
                let closed = self.words.get(self.at).is_some_and(|word| word.is(")"));
                self.at += 1;
                closed.then_some(inner)?
            }
            WordKind::Sign if word.text == "-" => {
                let number =
                    self.words.get(self.at).filter(|next| next.kind == WordKind::Number)?;
                self.at += 1;
                Plain::Fixed(number_of(number.text, -1)?)
            }
            WordKind::Sign => return None,
            WordKind::Number => Plain::Fixed(number_of(word.text, 1)?),
            WordKind::Text => Plain::Fixed(text_of(word.text)?.into()),
            WordKind::Name => match word.text {
                "true" | "True" => Plain::Fixed(Value::Bool(true)),
                "false" | "False" => Plain::Fixed(Value::Bool(false)),
                "none" | "None" => Plain::Fixed(Value::Null),
                name if KEYWORDS.contains(&name) => return None,
                name => Plain::Path(Root::of(name), self.names()?),
            },
        };
        // A filter, a call, a subscript, or a sum.
        let goes_on = self.sign().is_some_and(|sign| comparison_of(sign).is_none() && sign != ")");
        (!goes_on).then_some(value)
    }

    /// The names behind a path's first.
    fn names(&mut self) -> Option<Vec<String>> {
        let mut names = Vec::new();
        while self.sign() == Some(".") {
            self.at += 1;
            let name = self.words.get(self.at).filter(|word| word.kind == WordKind::Name)?;
            names.push(name.text.to_owned());
            self.at += 1;
        }
        Some(names)
    }

    fn sign(&self) -> Option<&'s str> {
        self.words.get(self.at).filter(|word| word.kind == WordKind::Sign).map(|word| word.text)
    }

    fn takes_name(&mut self, name: &str) -> bool {
        let takes = self.words.get(self.at).is_some_and(|word| word.is_name(name));
        self.at += usize::from(takes);
        takes
    }
}

fn comparison_of(sign: &str) -> Option<Comparison> {
    Some(match sign {
        "==" => Comparison::Equal,
        "!=" => Comparison::Unequal,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn number_of(text: &str, sign: i32) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some((whole * i64::from(sign)).into());
    }
    // A whole number that is too long for that is MiniJinja's.
    let is_decimal = text.contains(['.', 'e', 'E']);
    let float = text.parse::<f64>().ok().filter(|_| is_decimal)?;
    Number::from_f64(float * f64::from(sign)).map(Value::Number)
}

/// The text in quotes; one with an escape is MiniJinja's.
fn text_of(quoted: &str) -> Option<&str> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    (!inner.contains('\\')).then_some(inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::stage::FUEL_PER_TURN_MAX;
    use crate::template::{Templates, to_json};

    fn named<'a>(values: &'a Value) -> impl Fn(&Root) -> Option<Named<'a>> {
        |root| {
            let name = match root {
                Root::Event => "event",
                Root::Session => "session",
                Root::Chat => "chat",
                Root::Client => "client",
                Root::Other(name) => name,
                root @ (Root::Meta | Root::Answer | Root::Customer | Root::Vars) => {
                    panic!("{root:?} is not asked for here")
                }
            };
            Some(match values.get(name) {
                None => Named::Missing,
                Some(Value::Object(fields)) if *root == Root::Session => Named::Fields(fields),
                Some(value) => Named::Value(value),
            })
        }
    }

    /// What MiniJinja says: the value as JSON and whether it is something; nothing where it refuses.
    fn said(source: &str, values: &Value) -> Option<(Value, bool)> {
        let mut templates = Templates::new();
        let (expression, _) = templates.expression(source).ok()?;
        let names = minijinja::Value::from(minijinja::value::Serde(values));
        let mut fuel = FUEL_PER_TURN_MAX;
        let value = templates.evaluate(&expression, names, &mut fuel).ok()?;
        Some((to_json(&value).ok()?, value.is_true()))
    }

    fn shown(worth: Worth<'_>) -> (Value, bool) {
        let value = match worth {
            Worth::Missing => Value::Null,
            Worth::Truth(truth) => truth.into(),
            Worth::Value(value) => rounded(value.clone()),
        };
        (value, worth.is_true())
    }

    #[test]
    fn most_conditions_are_plain() {
        let values = json!({
            "event": {"text": "pizza", "total": 1450, "deep": {"size": null}, "list": ["S", 2, null]},
            "session": {},
            "client": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8, "i": 9},
            "chat": {"labels": ["vip"], "status": "open"},
        });
        for source in [
            "event.text == 'pizza'",
            "event.text != \"pasta\" and not session.paid",
            "event.total >= 1450 and event.total < 2000.5",
            "(event.text == 'a' or event.text == 'pizza') and chat.status == 'open'",
            "'vip' in chat.labels",
            "'x' not in chat.labels",
            "'izz' in event.text",
            "'text' in event",
            "session.size is defined or event.deep.size is not undefined",
            "event.deep.size == none",
            "session.size",
            "session.a.b.c == session.d",
            "not not event.text",
            "event.total > -5 and true",
            "2 in event.list",
            "'S' in session.list",
            "event.text or session.x",
            "session.x and event.text",
            "client.i == 9 and not client.j",
        ] {
            let plain = Plain::parse(source).unwrap_or_else(|| panic!("{source} is plain"));
            let worth =
                plain.worth(&named(&values)).unwrap_or_else(|| panic!("{source} is decided"));
            assert_eq!(Some(shown(worth)), said(source, &values), "{source}");
        }
    }

    #[test]
    fn the_rest_is_left_to_minijinja() {
        for source in [
            "event.text | upper == 'PIZZA'",
            "event.list[0] == 'S'",
            "event.total + 1 == 2",
            "1 < event.total < 3",
            "event.text is startingwith 'p'",
            "event.text is defined == true",
            "'a' if event.text else 'b'",
            "range(3)",
            "[1, 2]",
            "{'a': 1}",
            "'it\\'s' == event.text",
            "99999999999999999999 == 1",
            "event.text ~ 'x'",
            "- event.total",
            "event.0 == 1",
            "",
        ] {
            assert_eq!(Plain::parse(source), None, "{source}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3_i64..4).prop_map(Value::from),
            prop_oneof![Just(0.0), Just(-0.0), Just(1.0), Just(2.5), Just(1e300)]
                .prop_map(Value::from),
            prop_oneof![Just(i64::MAX), Just(i64::MIN), Just((1 << 53) + 1), Just(1 << 53)]
                .prop_map(Value::from),
            Just(Value::from(u64::MAX)),
            "[ab1]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map("[ab]", inner, 0..3).prop_map(|fields| fields
                    .into_iter()
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
            ]
        })
    }

    fn any_source() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            prop_oneof![Just("x"), Just("y"), Just("x.a"), Just("y.b.a"), Just("z"), Just("z.a")]
                .prop_map(str::to_owned),
            prop_oneof![
                Just("true"),
                Just("none"),
                Just("False"),
                Just("0"),
                Just("1"),
                Just("-2"),
                Just("2.5"),
                Just("1e300"),
                Just("-0.0"),
                Just("''"),
                Just("'a'"),
                Just("'1'"),
                Just("9007199254740993"),
                Just("9007199254740992.0"),
                Just("-9223372036854775808"),
            ]
            .prop_map(str::to_owned),
        ];
        leaf.prop_recursive(4, 24, 2, |inner| {
            let operator = prop_oneof![
                Just("=="),
                Just("!="),
                Just("<"),
                Just("<="),
                Just(">"),
                Just(">="),
                Just("in"),
                Just("not in"),
                Just("and"),
                Just("or"),
            ];
            prop_oneof![
                (inner.clone(), operator.clone(), inner.clone())
                    .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
                (inner.clone(), operator, inner.clone())
                    .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
                inner.clone().prop_map(|inner| format!("not {inner}")),
                inner.clone().prop_map(|inner| format!("not ({inner})")),
                inner.clone().prop_map(|inner| format!("({inner}) is defined")),
                inner.prop_map(|inner| format!("{inner} is not undefined")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_decided_here_is_what_minijinja_says(
            source in any_source(),
            x in any_value(),
            y in any_value(),
        ) {
            let values = json!({ "x": x, "y": y });
            if let Some(plain) = Plain::parse(&source)
                && let Some(worth) = plain.worth(&named(&values))
            {
                prop_assert_eq!(Some(shown(worth)), said(&source, &values), "{}", source);
            }
        }
    }
}
