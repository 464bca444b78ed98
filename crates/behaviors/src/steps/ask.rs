//! `ask`: a question, and what becomes of the answer.
//!
//! The run waits at the step itself; what it must remember (how often it asked, which buttons it showed) is in its frame.
//! A wrong answer is asked again with `retry`. After `attempts` answers the steps of `give_up` are taken; without them a
//! built-in sentence is said. When nobody answers within `timeout`, its steps are taken. Both end the run, as what follows
//! counts on the answer, unless `then: go_on` stands there.

mod kinds;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::say::{self, Words};
use super::{Action, Written};
use crate::condition::{self, Condition};
use crate::duration;
use crate::nearest::nearest;
use crate::pattern::Text;
use crate::program::Role;
use crate::reader::{Fields, Reader};
use crate::run::{Frame, StopReason, Wait};
use crate::stage::{Flow, Halt, Stage};
use crate::target::Target;
use crate::template::{VALUE_BYTES_MAX, rounded};
use crate::yaml::{Kind, Node};
use crate::{Button, Effect, Say};

/// The keys beside the word, which are those within a mapping, too.
pub(super) const KEYS: [&str; 8] =
    ["buttons", "image", "into", "validate", "retry", "attempts", "timeout", "give_up"];

/// How many answers are taken where `attempts` does not say.
pub(crate) const ATTEMPTS: u64 = 3;

/// The most that `attempts` may say: who was asked ten times has gone.
pub(crate) const ATTEMPTS_MAX: u64 = 10;

/// The key under which the frame keeps what the question must remember.
const ASKED: &str = "asked";

/// What the bot says when it gives up and the text does not say what.
const GIVING_UP: &str = "Sorry, I did not understand that. Let us leave it for now.";

/// A question.
#[derive(Debug)]
pub(crate) struct Ask {
    words: Words,
    into: Option<Target>,
    check: Check,
    retry: Option<Text>,
    attempts: u64,
    timeout: Option<Timeout>,
    give_up: Option<Otherwise>,
}

/// What an answer must be.
#[derive(Debug)]
enum Check {
    /// Any text.
    Text,
    /// A number; it is kept as one.
    Number,
    /// Something like a mail address.
    Email,
    /// A telephone number; it is kept as digits with a plus.
    Phone,
    /// A day; it is kept as `2026-11-21`.
    Date,
    /// One of the buttons.
    Buttons,
    /// What holds of `answer`.
    Condition(Condition),
}

/// The words for the checks that have one.
const CHECKS: [&str; 6] = ["text", "number", "email", "phone", "date", "buttons"];

#[derive(Debug)]
struct Timeout {
    after: Text,
    otherwise: Otherwise,
}

/// What is done without an answer.
#[derive(Debug)]
struct Otherwise {
    steps: Option<String>,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stop,
    GoOn,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
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
    let words = say::read_words(reader, Some(text), [fields, written.beside]);
    let into = match key("into") {
        Some(node) => {
            Some(reader.plain(node, "`into`").and_then(|text| reader.target(&text, node.at))?)
        }
        None => None,
    };
    let check = key("validate")
        .map_or(Some(Check::Text), |node| read_check(reader, node, key("buttons").is_some()));
    let retry = key("retry").map(|node| reader.text(node, "`retry`"));
    let attempts = key("attempts").map_or(Some(ATTEMPTS), |node| read_attempts(reader, node));
    let timeout = key("timeout").map(|node| read_timeout(reader, node, written.path));
    let give_up = key("give_up").map(|node| read_give_up(reader, node, written.path));
    Some(Action::Ask(Box::new(Ask {
        words: words?,
        into,
        check: check?,
        retry: retry.map_or(Some(None), |retry| retry.map(Some))?,
        attempts: attempts?,
        timeout: timeout.map_or(Some(None), |timeout| timeout.map(Some))?,
        give_up: give_up.map_or(Some(None), |give_up| give_up.map(Some))?,
    })))
}

fn read_check(reader: &mut Reader<'_>, node: &Node, has_buttons: bool) -> Option<Check> {
    let word = node.scalar().map(|scalar| scalar.text.trim().to_owned()).unwrap_or_default();
    match word.as_str() {
        "text" => return Some(Check::Text),
        "number" => return Some(Check::Number),
        "email" => return Some(Check::Email),
        "phone" => return Some(Check::Phone),
        "date" => return Some(Check::Date),
        "buttons" if has_buttons => return Some(Check::Buttons),
        "buttons" => {
            reader.error(node.at, "missing_key", "`validate: buttons` needs `buttons`");
            return None;
        }
        _ => {}
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
    condition::read(reader, node, "`validate`").map(Check::Condition)
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
    let fields = reader.fields(node, "`timeout`", &["after", "do", "then"])?;
    let after_node = reader.required(node.at, "`timeout`", fields, "after")?;
    let after = reader.text(after_node, "`after`")?;
    if let Text::Fixed(fixed) = &after
        && let Err(message) = duration::parse(fixed)
    {
        reader.error(after_node.at, "wrong_duration", message);
        return None;
    }
    Some(Timeout {
        after,
        otherwise: read_otherwise(reader, fields, format!("{path}/timeout/do"))?,
    })
}

fn read_give_up(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Otherwise> {
    let fields = reader.fields(node, "`give_up`", &["do", "then"])?;
    reader.required(node.at, "`give_up`", fields, "do")?;
    read_otherwise(reader, fields, format!("{path}/give_up/do"))
}

fn read_otherwise(reader: &mut Reader<'_>, fields: Fields<'_>, path: String) -> Option<Otherwise> {
    let then = match fields.get("then") {
        None => Then::Stop,
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
    let role = match then {
        Then::Stop => Role::LastWords,
        Then::GoOn => Role::Branch,
    };
    let steps = match fields.get("do") {
        Some(node) => Some(reader.list(node, path, role)?),
        None => None,
    };
    Some(Otherwise { steps, then })
}

impl Otherwise {
    fn flow(&self) -> Flow {
        match (&self.steps, self.then) {
            (Some(steps), _) => {
                Flow::Enter(Frame { steps: steps.clone(), next: 0, state: Map::new() })
            }
            (None, Then::GoOn) => Flow::Next,
            (None, Then::Stop) => Flow::End,
        }
    }
}

/// What the frame keeps while the question is open.
struct Asked {
    answers: u64,
    buttons: Vec<Button>,
    until: Option<jiff::Timestamp>,
}

impl Asked {
    fn keep(&self, stage: &mut Stage<'_>) {
        let buttons: Vec<Value> = self
            .buttons
            .iter()
            .map(|button| json!({ "text": button.text, "value": button.value, "url": button.url }))
            .collect();
        let until = self.until.map(|until| until.to_string());
        let state = json!({ "answers": self.answers, "buttons": buttons, "until": until });
        if let Some(frame) = stage.run.frames.last_mut() {
            frame.state.insert(ASKED.to_owned(), state);
        }
    }

    /// Takes it from the frame: the question is closed, unless it is kept again.
    fn take(stage: &mut Stage<'_>) -> Self {
        let kept = stage
            .run
            .frames
            .last_mut()
            .and_then(|frame| frame.state.shift_remove(ASKED))
            .unwrap_or_default();
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let buttons =
            kept.get("buttons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self {
            answers: kept.get("answers").and_then(Value::as_u64).unwrap_or_default(),
            buttons: buttons
                .iter()
                .map(|button| Button {
                    text: text(button, "text").unwrap_or_default(),
                    value: text(button, "value").unwrap_or_default(),
                    url: text(button, "url"),
                })
                .collect(),
            until: text(&kept, "until").and_then(|until| until.parse().ok()),
        }
    }

    /// The button that an answer means.
    fn pressed(&self, text: &str, value: &Value) -> Option<&Button> {
        let same = |a: &str, b: &str| {
            !a.trim().is_empty() && a.trim().to_lowercase() == b.trim().to_lowercase()
        };
        let pressed = value.as_str().unwrap_or_default();
        let answers = |button: &&Button| button.url.is_none();
        // The value of a press is exact; a text may be that of one button and the value of another.
        let by_value =
            self.buttons.iter().filter(answers).find(|button| same(&button.value, pressed));
        by_value.or_else(|| {
            self.buttons
                .iter()
                .filter(answers)
                .find(|button| same(&button.text, text) || same(&button.value, text))
        })
    }
}

impl Ask {
    /// Asks.
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let say = self.words.fill(stage)?;
        let mut detail = say::shown(&say);
        let until = match &self.timeout {
            Some(timeout) => Some(deadline(stage, &timeout.after)?),
            None => None,
        };
        if let (Value::Object(detail), Some(until)) = (&mut detail, until) {
            detail.insert("until".to_owned(), json!(until.to_string()));
        }
        stage.trace(detail);
        Asked { answers: 0, buttons: say.buttons.clone(), until }.keep(stage);
        say::utter(stage, say)?;
        if let Some(due) = until {
            stage.effect(Effect::SetTimer { due })?;
        }
        Ok(Flow::WaitHere(Wait::Answer { until }))
    }

    /// Goes on with an answer.
    pub(crate) fn answered(
        &self,
        stage: &mut Stage<'_>,
        text: &str,
        value: Value,
    ) -> Result<Flow, Halt> {
        let mut asked = Asked::take(stage);
        let given = match asked.pressed(text, &value) {
            Some(button) => Given::Button(button.value.clone()),
            None => Given::Free(trimmed(text, value)),
        };
        match self.examine(stage, given)? {
            Ok(answer) => {
                stage.trace(json!({ "answer": answer, "valid": true }));
                if asked.until.is_some() {
                    stage.effect(Effect::CancelTimer)?;
                }
                if let Some(into) = &self.into {
                    stage.put(into, answer)?;
                }
                Ok(Flow::Next)
            }
            Err(sentence) => {
                asked.answers += 1;
                stage.trace(json!({ "answer": text, "valid": false, "attempt": asked.answers }));
                if asked.answers < self.attempts {
                    self.ask_again(stage, &asked, sentence)
                } else {
                    self.give_up(stage, &asked)
                }
            }
        }
    }

    /// Goes on without an answer: the time is up.
    pub(crate) fn timed_out(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let _closed = Asked::take(stage);
        stage.trace(json!({ "timeout": true }));
        Ok(self.timeout.as_ref().map_or(Flow::End, |timeout| timeout.otherwise.flow()))
    }

    fn ask_again(
        &self,
        stage: &mut Stage<'_>,
        asked: &Asked,
        sentence: &str,
    ) -> Result<Flow, Halt> {
        let text = match &self.retry {
            Some(retry) => stage.render(retry)?,
            None => sentence.to_owned(),
        };
        say::utter(stage, Say { text, buttons: asked.buttons.clone(), image: None })?;
        asked.keep(stage);
        // The timer that runs is the question's, not the answer's: it is not moved.
        Ok(Flow::WaitHere(Wait::Answer { until: asked.until }))
    }

    fn give_up(&self, stage: &mut Stage<'_>, asked: &Asked) -> Result<Flow, Halt> {
        if asked.until.is_some() {
            stage.effect(Effect::CancelTimer)?;
        }
        if let Some(give_up) = &self.give_up {
            return Ok(give_up.flow());
        }
        say::utter(stage, Say { text: GIVING_UP.to_owned(), ..Say::default() })?;
        Err(Halt::new(
            StopReason::Asked,
            format!("no valid answer after {} attempts", self.attempts),
        ))
    }

    /// The answer as it is kept, or the sentence to say when there is no `retry`.
    fn examine(
        &self,
        stage: &mut Stage<'_>,
        given: Given,
    ) -> Result<Result<Value, &'static str>, Halt> {
        let pressed = matches!(given, Given::Button(_));
        let value = match given {
            Given::Button(value) => Value::String(value),
            Given::Free(value) => value,
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let examined = match &self.check {
            _ if text.len() > VALUE_BYTES_MAX => {
                Err("That is too long for me. Could you say it in fewer words?")
            }
            _ if text.trim().is_empty() => Err("Please answer with a text."),
            Check::Text | Check::Condition(_) => Ok(value),
            Check::Number => kinds::number(&text).ok_or("Please answer with a number."),
            Check::Email => kinds::email(&text).ok_or("Please answer with a mail address."),
            Check::Phone => kinds::phone(&text).ok_or("Please answer with a telephone number."),
            Check::Date => kinds::date(&text).ok_or("Please answer with a date, as 2026-11-21."),
            Check::Buttons if pressed => Ok(value),
            Check::Buttons => Err("Please choose one of the buttons."),
        };
        match &examined {
            Ok(answer) => stage.keep_answer(answer.clone()),
            Err(_) if text.len() <= VALUE_BYTES_MAX => stage.keep_answer(Value::String(text)),
            Err(_) => {}
        }
        if let (Check::Condition(condition), Ok(_)) = (&self.check, &examined)
            && !condition.holds(stage)?.0
        {
            return Ok(Err("That does not fit. Please try again."));
        }
        Ok(examined)
    }
}

enum Given {
    Button(String),
    Free(Value),
}

/// A free answer: the value that a press of an unknown button brought, or the text.
fn trimmed(text: &str, value: Value) -> Value {
    match value {
        Value::String(value) => Value::String(value.trim().to_owned()),
        Value::Null => Value::String(text.trim().to_owned()),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            rounded(other)
        }
    }
}

fn deadline(stage: &mut Stage<'_>, after: &Text) -> Result<jiff::Timestamp, Halt> {
    let text = stage.render(after)?;
    let failed = |message| Halt::new(StopReason::TemplateFailed, message);
    let length = Duration::try_from(duration::parse(&text).map_err(failed)?)
        .map_err(|error| failed(error.to_string()))?;
    stage.seeds.now.checked_add(length).map_err(|error| failed(error.to_string()))
}
