//! Asks an expression of an event, in Kleene's three values. `None` is unknown.

use std::cmp::Ordering;

use serde_json::{Number, Value};
use tidings_model::Timestamp;

use super::field::{Facts, Seen};
use super::{Comparison, Literal, Node, Question, Test};

pub(super) fn evaluate(node: &Node, facts: &Facts<'_>) -> Option<bool> {
    match node {
        Node::And(nodes) => settled(nodes, facts, false),
        Node::Or(nodes) => settled(nodes, facts, true),
        Node::Not(inner) => evaluate(inner, facts).map(|known| !known),
        Node::Test(test) => ask(test, facts),
    }
}

/// One that has the settling value settles all; else one that is unknown leaves all unknown.
fn settled(nodes: &[Node], facts: &Facts<'_>, settling: bool) -> Option<bool> {
    let mut outcome = Some(!settling);
    for node in nodes {
        match evaluate(node, facts) {
            Some(known) if known == settling => return Some(settling),
            Some(_) => {}
            None => outcome = None,
        }
    }
    outcome
}

/// One value that fits is enough; with none, one that is unknown leaves it unknown, as does having no value at all.
fn ask(test: &Test, facts: &Facts<'_>) -> Option<bool> {
    let mut fits = false;
    let mut refused = false;
    let mut unknown = false;
    let whole = facts.show(&test.field.field, &mut |seen| {
        match answer(&test.question, seen) {
            Some(true) => fits = true,
            Some(false) => refused = true,
            None => unknown = true,
        }
        fits
    });
    if fits {
        return Some(true);
    }
    if test.question == Question::Exists {
        return whole.then_some(false);
    }
    (refused && !unknown && whole).then_some(false)
}

fn answer(question: &Question, seen: Seen<'_>) -> Option<bool> {
    match question {
        Question::Exists => Some(!matches!(seen, Seen::Json(Value::Null))),
        Question::IsTrue => match seen {
            Seen::Json(value) => value.as_bool(),
            Seen::Text(_) | Seen::Id(_) | Seen::Number(_) | Seen::Time(_) => None,
        },
        Question::Compare(comparison, literal) => {
            let equal_only = *comparison == Comparison::Equal;
            compare(seen, literal, equal_only).map(|ordering| holds(*comparison, ordering))
        }
        Question::In(literals) => {
            let mut comparable = None;
            for literal in literals {
                match compare(seen, literal, true) {
                    Some(Ordering::Equal) => return Some(true),
                    Some(_) => comparable = Some(false),
                    None => {}
                }
            }
            comparable
        }
        Question::Contains(literal) => match (seen, literal) {
            (Seen::Json(Value::Array(items)), literal) => Some(
                items
                    .iter()
                    .any(|item| compare(Seen::Json(item), literal, true) == Some(Ordering::Equal)),
            ),
            (seen, Literal::Text(part)) => with_text(seen, |text| text.contains(part.as_str())),
            (_, Literal::Number(_) | Literal::Bool(_) | Literal::Time(_)) => None,
        },
        Question::StartsWith(start) => with_text(seen, |text| text.starts_with(start.as_str())),
        Question::EndsWith(end) => with_text(seen, |text| text.ends_with(end.as_str())),
    }
}

fn holds(comparison: Comparison, ordering: Ordering) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    }
}

/// How a value stands to a literal; unknown where they are of different types. Truth values are equal or not, and have
/// no order.
fn compare(seen: Seen<'_>, literal: &Literal, equal_only: bool) -> Option<Ordering> {
    match literal {
        Literal::Number(wanted) => match seen {
            Seen::Json(Value::Number(number)) => compare_numbers(number, wanted),
            Seen::Number(number) => compare_numbers(&Number::from(number), wanted),
            Seen::Json(_) | Seen::Text(_) | Seen::Id(_) | Seen::Time(_) => None,
        },
        Literal::Text(wanted) => with_text(seen, |text| text.cmp(wanted)),
        Literal::Bool(wanted) => match seen {
            Seen::Json(Value::Bool(flag)) if equal_only => Some(flag.cmp(wanted)),
            Seen::Json(_) | Seen::Text(_) | Seen::Id(_) | Seen::Number(_) | Seen::Time(_) => None,
        },
        Literal::Time(wanted) => match seen {
            Seen::Time(time) => Some(time.cmp(wanted)),
            Seen::Json(_) | Seen::Text(_) | Seen::Id(_) | Seen::Number(_) => {
                let time = with_text(seen, |text| text.parse::<Timestamp>().ok())??;
                Some(time.cmp(wanted))
            }
        },
    }
}

/// Whole numbers exactly, others as floats.
fn compare_numbers(number: &Number, wanted: &Number) -> Option<Ordering> {
    match (number.as_i128(), wanted.as_i128()) {
        (Some(number), Some(wanted)) => Some(number.cmp(&wanted)),
        (_, _) => number.as_f64()?.partial_cmp(&wanted.as_f64()?),
    }
}

fn with_text<T>(seen: Seen<'_>, look: impl FnOnce(&str) -> T) -> Option<T> {
    match seen {
        Seen::Json(Value::String(text)) => Some(look(text)),
        Seen::Text(text) => Some(look(text)),
        Seen::Id(bytes) => std::str::from_utf8(&bytes).ok().map(look),
        Seen::Json(_) | Seen::Number(_) | Seen::Time(_) => None,
    }
}
