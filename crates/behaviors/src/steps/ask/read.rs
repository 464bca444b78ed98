//! Reads a question of a bot's text: the step `ask`, and the fields of a form.

use serde_json::Value;

use super::input::{self, CHECKS, Input};
use super::local;
use super::{Ask, Manner, Otherwise, Then, Timeout};
use crate::condition::{self, Condition};
use crate::duration;
use crate::nearest::nearest;
use crate::pattern::Text;
use crate::program::Role;
use crate::reader::{Fields, Reader};
use crate::steps::say::{self, Words};
use crate::steps::{Action, Written};
use crate::yaml::{Kind, Node, Position};

/// The keys beside the word, which are those within a mapping, too.
pub(in crate::steps) const KEYS: [&str; 11] = [
    "buttons", "image", "into", "input", "validate", "retry", "attempts", "on", "modal", "timeout",
    "give_up",
];

/// The keys of a field of a form.
const FIELD_KEYS: [&str; 8] =
    ["text", "buttons", "image", "input", "validate", "retry", "attempts", "required"];

/// How many answers are taken where `attempts` does not say.
pub(crate) const ATTEMPTS: u64 = 3;

/// The most that `attempts` may say: who was asked ten times has gone.
pub(crate) const ATTEMPTS_MAX: u64 = 10;

pub(in crate::steps) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let (fields, text) = match &written.value.kind {
        Kind::Map(_) => {
            let mut known = vec!["text"];
            known.extend(KEYS);
            let fields = reader.fields(written.value, "`ask`", &known)?;
            (fields, reader.required(written.at, "`ask`", fields, "text")?)
        }
        Kind::Scalar(_) | Kind::List(_) => (Fields::NONE, written.value),
    };
    let key = |name: &str| fields.get(name).or_else(|| written.beside.get(name));
    refuse_aside(reader, written.at);
    let question = read_question(reader, key, (text, [fields, written.beside]));
    let manner = read_manner(reader, key, written.path);
    let into = match key("into") {
        Some(node) => {
            Some(reader.plain(node, "`into`").and_then(|text| reader.target(&text, node.at))?)
        }
        None => None,
    };
    Some(Action::Ask(Box::new(Ask { into, ..asked(question?, manner?) })))
}

/// Reads a field of a form, whose manner holds for each field that says nothing else.
pub(in crate::steps) fn read_field(
    reader: &mut Reader<'_>,
    (field, at): (&Node, Position),
    manner: Option<&Manner>,
) -> Option<Ask> {
    let (fields, text) = match &field.kind {
        Kind::Map(_) => {
            let fields = reader.fields(field, "a field", &FIELD_KEYS)?;
            (fields, reader.required(at, "a field", fields, "text")?)
        }
        Kind::Scalar(_) | Kind::List(_) => (Fields::NONE, field),
    };
    let retry = fields.get("retry").map(|node| reader.text(node, "`retry`"));
    let attempts = fields.get("attempts").map(|node| read_attempts(reader, node));
    let is_required = fields.get("required").map(|node| read_truth(reader, node, "`required`"));
    let question = read_question(reader, |name| fields.get(name), (text, [fields, Fields::NONE]))?;
    let mut manner = manner?.clone();
    if let Some(retry) = retry {
        manner.retry = Some(retry?);
    }
    if let Some(attempts) = attempts {
        manner.attempts = attempts?;
    }
    let is_optional = !is_required.unwrap_or(Some(true))?;
    Some(Ask { is_field: true, is_optional, ..asked(question, manner) })
}

/// Reads what stands beside the fields of a form and holds for each of them. It is read once: the steps in it are the
/// form's, however many fields there are.
pub(in crate::steps) fn read_manner_of_form(
    reader: &mut Reader<'_>,
    own: Fields<'_>,
    written: Written<'_>,
) -> Option<Manner> {
    refuse_aside(reader, written.at);
    let manner = read_manner(reader, |name| own.get(name), written.path)?;
    if let (Some(Timeout { default: Some(_), .. }), Some(node)) =
        (&manner.timeout, own.get("timeout"))
    {
        let message = "a form has no `default`: each field is another question";
        reader.error(node.at, "default_of_form", message);
        return None;
    }
    Some(manner)
}

/// An aside cannot ask.
fn refuse_aside(reader: &mut Reader<'_>, at: Position) {
    if reader.is_aside {
        let message = "an aside does not ask: the question that waits would end";
        reader.error(at, "asks_aside", message);
    }
}

/// What is asked.
struct Question {
    words: Words,
    check: Check,
}

fn read_question<'n>(
    reader: &mut Reader<'_>,
    key: impl Fn(&str) -> Option<&'n Node>,
    (text, places): (&Node, [Fields<'_>; 2]),
) -> Option<Question> {
    let words = say::read_words(reader, Some(text), places);
    let check = read_check(reader, (key("input"), key("validate")), key("buttons").is_some());
    Some(Question { words: words?, check: check? })
}

fn asked(question: Question, manner: Manner) -> Ask {
    let Question { words, check: Check { input, is_shown, condition } } = question;
    Ask {
        words,
        into: None,
        input,
        is_shown,
        condition,
        manner,
        is_field: false,
        is_optional: false,
    }
}

fn read_manner<'n>(
    reader: &mut Reader<'_>,
    key: impl Fn(&str) -> Option<&'n Node>,
    path: &str,
) -> Option<Manner> {
    let retry = key("retry").map(|node| reader.text(node, "`retry`"));
    let attempts = key("attempts").map_or(Some(ATTEMPTS), |node| read_attempts(reader, node));
    let handlers = key("on").map(|node| local::read(reader, node, path));
    let is_modal = key("modal").map_or(Some(false), |node| read_truth(reader, node, "`modal`"));
    let timeout = key("timeout").map(|node| read_timeout(reader, node, path));
    let give_up = key("give_up").map(|node| read_give_up(reader, node, path));
    Some(Manner {
        retry: retry.map_or(Some(None), |retry| retry.map(Some))?,
        attempts: attempts?,
        handlers: handlers.unwrap_or_else(|| Some(Vec::new()))?,
        is_modal: is_modal?,
        timeout: timeout.map_or(Some(None), |timeout| timeout.map(Some))?,
        give_up: give_up.map_or(Some(None), |give_up| give_up.map(Some))?,
    })
}

/// What an answer must be.
struct Check {
    input: Input,
    is_shown: bool,
    condition: Option<Condition>,
}

fn read_check(
    reader: &mut Reader<'_>,
    (input, validate): (Option<&Node>, Option<&Node>),
    has_buttons: bool,
) -> Option<Check> {
    let checked = validate.map(|node| read_validate(reader, node, has_buttons));
    let input = input.map(|node| (node, input::read(reader, node, has_buttons)));
    match (input, checked) {
        (None, None) => Some(Check { input: Input::Text, is_shown: false, condition: None }),
        (None, Some(checked)) => Some(match checked? {
            Validate::Kind(input) => {
                Check { is_shown: matches!(input, Input::Buttons), input, condition: None }
            }
            Validate::Condition(condition) => {
                Check { input: Input::Text, is_shown: false, condition: Some(condition) }
            }
        }),
        (Some((node, input)), checked) => {
            let condition = match checked {
                None => None,
                Some(checked) => match checked? {
                    Validate::Condition(condition) => Some(condition),
                    Validate::Kind(_) => {
                        let message = "`input` says already what kind of answer is wanted; `validate` beside it is a condition";
                        reader.error(node.at, "two_kinds", message);
                        return None;
                    }
                },
            };
            Some(Check { input: input?, is_shown: true, condition })
        }
    }
}

enum Validate {
    Kind(Input),
    Condition(Condition),
}

fn read_validate(reader: &mut Reader<'_>, node: &Node, has_buttons: bool) -> Option<Validate> {
    let word = node.scalar().map(|scalar| scalar.text.trim().to_owned()).unwrap_or_default();
    if CHECKS.contains(&word.as_str()) {
        let input = input::of_word(reader, &word, (node, Fields::NONE), has_buttons);
        return input.map(Validate::Kind);
    }
    let is_one_word =
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_one_word && word != "answer" {
        let message = format!(
            "there is no check {word:?}; write {}, or a condition on `answer`",
            CHECKS.join(", ")
        );
        reader.unknown(node.at, "unknown_check", message, nearest(&word, CHECKS));
        return None;
    }
    condition::read(reader, node, "`validate`").map(Validate::Condition)
}

fn read_truth(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<bool> {
    let value = node.scalar().map(crate::yaml::Scalar::value);
    let truth = value.as_ref().and_then(Value::as_bool);
    if truth.is_none() {
        let message = format!("{what} is true or false, not {}", node.what());
        reader.error(node.at, "wrong_kind", message);
    }
    truth
}

fn read_attempts(reader: &mut Reader<'_>, node: &Node) -> Option<u64> {
    let attempts = node.scalar().and_then(|scalar| scalar.value().as_u64());
    if let Some(attempts) = attempts.filter(|attempts| (1..=ATTEMPTS_MAX).contains(attempts)) {
        return Some(attempts);
    }
    reader.error(node.at, "wrong_kind", format!("`attempts` is a number from 1 to {ATTEMPTS_MAX}"));
    None
}

fn read_timeout(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Timeout> {
    let fields = reader.fields(node, "`timeout`", &["after", "default", "do", "then"])?;
    let after_node = reader.required(node.at, "`timeout`", fields, "after")?;
    let after = reader.text(after_node, "`after`")?;
    if let Text::Fixed(fixed) = &after
        && let Err(message) = duration::parse(fixed)
    {
        reader.error(after_node.at, "wrong_duration", message);
        return None;
    }
    let default = match fields.get("default") {
        Some(node) => Some(reader.pattern(node)?),
        None => None,
    };
    let unless_said = if default.is_some() { Then::GoOn } else { Then::Stop };
    let otherwise = read_otherwise(reader, fields, format!("{path}/timeout/do"), unless_said)?;
    if default.is_some() && otherwise.then == Then::Stop {
        let message = "a `default` is an answer to go on with, so `then: stop` makes no sense";
        reader.error(node.at, "default_and_stop", message);
        return None;
    }
    Some(Timeout { after, default, otherwise })
}

fn read_give_up(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Otherwise> {
    let fields = reader.fields(node, "`give_up`", &["do", "then"])?;
    reader.required(node.at, "`give_up`", fields, "do")?;
    read_otherwise(reader, fields, format!("{path}/give_up/do"), Then::Stop)
}

fn read_otherwise(
    reader: &mut Reader<'_>,
    fields: Fields<'_>,
    path: String,
    unless_said: Then,
) -> Option<Otherwise> {
    let then = match fields.get("then") {
        None => unless_said,
        Some(node) => match reader.plain(node, "`then`")?.as_str() {
            "stop" => Then::Stop,
            "go_on" => Then::GoOn,
            other => {
                let message = format!("`then` is stop or go_on, not {other:?}");
                reader.unknown(node.at, "unknown_word", message, nearest(other, ["stop", "go_on"]));
                return None;
            }
        },
    };
    let role = if then == Then::Stop { Role::LastWords } else { Role::Branch };
    let steps = match fields.get("do") {
        Some(node) => Some(reader.list(node, path, role)?),
        None => None,
    };
    Some(Otherwise { steps, then })
}
