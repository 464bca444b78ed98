//! `ask`: a question, and what becomes of the answer.
//!
//! The run waits at the step itself; what it must remember (how often it asked, which buttons it showed) is in its frame.
//! What else happens meanwhile is for its handlers (`on`), and for other behaviors.
//! A wrong answer is asked again with `retry`. After `attempts` answers the steps of `give_up` are taken; without them a
//! built-in sentence is said. When nobody answers within `timeout`, its steps are taken. Both end the run, as what follows
//! counts on the answer, unless `then: go_on` stands there.

mod asked;
mod input;
mod local;
mod read;

use std::time::Duration;

use serde_json::{Map, Value, json};

use self::asked::{Asked, Back};
use self::input::Input;
use self::local::Handler;
pub(super) use self::read::{KEYS, read, read_field, read_manner_of_form};
use super::form;
use super::say::{self, Words};
use crate::condition::Condition;
use crate::duration;
use crate::happened::Happened;
use crate::interpret::Took;
use crate::pattern::{Pattern, Text};
use crate::run::{Frame, StopReason, Wait};
use crate::stage::{Filled, Flow, Halt, Stage};
use crate::target::Target;
use crate::template::{VALUE_BYTES_MAX, rounded};
use crate::wanted::Wanted;
use crate::{Button, Effect, Say};

/// What a customer writes to leave a field out.
const LEFT_OUT: &str = "-";

/// The most characters of a question that go along with its answer.
const LABEL_CHARS_MAX: usize = 200;

/// What the bot says when it gives up and the text does not say what.
const GIVING_UP: &str = "Sorry, I did not understand that. Let us leave it for now.";

/// A question.
#[derive(Debug)]
pub(crate) struct Ask {
    words: Words,
    into: Option<Target>,
    input: Input,
    /// Whether the message says what is wanted: `validate` alone only checks.
    is_shown: bool,
    condition: Option<Condition>,
    manner: Manner,
    /// Whether it is a field of a form.
    is_field: bool,
    /// Whether it may be left out.
    is_optional: bool,
}

/// What is done until there is an answer; the fields of a form have it in common.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    retry: Option<Text>,
    attempts: u64,
    /// What it handles itself while it waits.
    handlers: Vec<Handler>,
    /// Whether texts and presses are its own, whatever else the bot could do with them.
    is_modal: bool,
    timeout: Option<Timeout>,
    give_up: Option<Otherwise>,
}

#[derive(Clone, Debug)]
struct Timeout {
    after: Text,
    /// The answer that is taken then.
    default: Option<Pattern>,
    otherwise: Otherwise,
}

/// What is done without an answer.
#[derive(Clone, Debug)]
struct Otherwise {
    steps: Option<String>,
    then: Then,
}

/// What comes behind the steps of a handler, of `timeout`, of `give_up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    AskAgain,
    Wait,
    GoOn,
    Stop,
}

impl Then {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AskAgain => "ask_again",
            Self::Wait => "wait",
            Self::GoOn => "go_on",
            Self::Stop => "stop",
        }
    }
}

impl Otherwise {
    fn flow(&self) -> Flow {
        match (&self.steps, self.then) {
            (Some(steps), _) => {
                Flow::Enter(Frame { steps: steps.clone(), next: 0, state: Map::new() })
            }
            (None, Then::Stop) => Flow::End,
            (None, Then::GoOn | Then::AskAgain | Then::Wait) => Flow::Next,
        }
    }
}

impl Ask {
    /// Asks; or comes back to the question when the steps of a handler are through.
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        if let Some(asked) = Asked::take(stage) {
            return self.come_back(stage, asked);
        }
        if stage.is_aside() {
            let message = "an aside does not ask: the question that waits would end";
            return Err(Halt::new(StopReason::EffectRefused, message));
        }
        let mut say = self.words.fill(stage)?;
        let wanted = self.input.fill(stage, &say.buttons)?;
        if wanted.has_nothing_to_choose() {
            stage.trace(json!({ "input": wanted.word(), "choices": [] }));
            return self.without_choices(stage);
        }
        let mut choices = buttons_of(&wanted);
        choices.retain(|choice| say.buttons.iter().all(|own| own.value != choice.value));
        say.buttons.splice(..0, choices);
        let label = say.text.chars().take(LABEL_CHARS_MAX).collect();
        say.text.push_str(&self.code_told(&wanted));
        if self.is_optional {
            say.text.push_str("\n(- leaves it out)");
        }
        let mut detail = say::shown(&say);
        let until = match &self.manner.timeout {
            Some(timeout) => Some(deadline(stage, &timeout.after)?),
            None => None,
        };
        if let (Value::Object(detail), Some(until)) = (&mut detail, until) {
            detail.insert("until".to_owned(), json!(until.to_string()));
        }
        stage.trace(detail);
        say.wanted = self.is_shown.then(|| wanted.clone());
        let buttons = say.buttons.clone();
        say::utter(stage, say)?;
        let wanted = Some(wanted);
        self.wait(stage, &Asked { answers: 0, label, buttons, wanted, until, back: None })
    }

    pub(super) const fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// The question as a field of a form: what it asks, and for what. `None` where it must be asked alone: it has a picture,
    /// answers that it only suggests, or an answer that is not written.
    pub(super) fn as_field(&self, stage: &mut Stage<'_>) -> Result<Option<(String, Wanted)>, Halt> {
        let say = self.words.fill(stage)?;
        let wanted = self.input.fill(stage, &say.buttons)?;
        let suggests = !say.buttons.is_empty() && wanted.choices().len() < say.buttons.len();
        let has_words = say.image.is_none() && !say.text.trim().is_empty();
        let fits = has_words && !suggests && !wanted.has_nothing_to_choose();
        let label = say.text + &self.code_told(&wanted);
        Ok((fits && wanted.is_of_forms()).then_some((label, wanted)))
    }

    /// Waits for the answer to a question that a form has asked.
    pub(super) fn wait_in_form(
        &self,
        stage: &mut Stage<'_>,
        (label, wanted): (&str, Wanted),
    ) -> Result<Flow, Halt> {
        let until = match &self.manner.timeout {
            Some(timeout) => Some(deadline(stage, &timeout.after)?),
            None => None,
        };
        let label = label.chars().take(LABEL_CHARS_MAX).collect();
        let buttons = buttons_of(&wanted);
        self.wait(
            stage,
            &Asked { answers: 0, label, buttons, wanted: Some(wanted), until, back: None },
        )
    }

    /// The answer that was filled into the form that asked; `None` where nothing was and something must be.
    pub(super) fn of_form(
        &self,
        stage: &mut Stage<'_>,
        (label, wanted): (&str, &Wanted),
        field: Option<&Value>,
    ) -> Result<Option<Result<Filled, String>>, Halt> {
        let label: String = label.chars().take(LABEL_CHARS_MAX).collect();
        let examined = match field.and_then(|field| wanted.of_field(field)) {
            None if self.is_optional => Ok(Value::Null),
            None => return Ok(None),
            Some(Ok(answer)) if json_bytes(&answer) > VALUE_BYTES_MAX => Err(TOO_LONG.to_owned()),
            Some(Ok(answer)) => {
                stage.keep_answer(answer.clone());
                self.meets_condition(stage, answer)?
            }
            Some(Err(sentence)) => Err(sentence),
        };
        let filled = |answer: Value| Filled { shown: wanted.field(&label, &answer), answer };
        Ok(Some(match (examined, &self.manner.retry) {
            (Ok(answer), _) => Ok(filled(answer)),
            (Err(_), Some(retry)) => Err(stage.render(retry)?),
            (Err(sentence), None) => Err(sentence),
        }))
    }

    /// Ends the question without its answer: it came with the form's.
    pub(super) fn close(stage: &mut Stage<'_>) -> Result<(), Halt> {
        let asked = Asked::take(stage);
        if asked.is_some_and(|asked| asked.until.is_some()) {
            stage.effect(Effect::CancelTimer)?;
        }
        Ok(())
    }

    /// Waits for an answer.
    fn wait(&self, stage: &mut Stage<'_>, asked: &Asked) -> Result<Flow, Halt> {
        asked.keep(stage);
        if let Some(due) = asked.until {
            stage.effect(Effect::SetTimer { due })?;
        }
        Ok(Flow::WaitHere(Wait::Answer { until: asked.until }))
    }

    /// The code that is to be repeated, where the text of the question cannot tell it.
    fn code_told(&self, wanted: &Wanted) -> String {
        match (&self.input, wanted) {
            (Input::Confirmation(None), Wanted::Confirmation { phrase }) => {
                format!("\nPlease write {phrase}.")
            }
            _ => String::new(),
        }
    }

    /// Goes on waiting when the steps of a handler are through. They may have taken longer than there was time.
    fn come_back(&self, stage: &mut Stage<'_>, mut asked: Asked) -> Result<Flow, Halt> {
        if asked.until.is_some_and(|until| until <= stage.seeds.now) {
            return self.without_answer(stage);
        }
        if asked.back.take() != Some(Back::Wait) {
            let text = match &self.manner.retry {
                Some(retry) if asked.answers > 0 => stage.render(retry)?,
                Some(_) | None => self.words.fill(stage)?.text,
            };
            let code = asked.wanted.as_ref().map(|wanted| self.code_told(wanted));
            let text = text + &code.unwrap_or_default();
            let wanted = asked.wanted.clone().filter(|_| self.is_shown);
            say::utter(stage, Say { text, buttons: asked.buttons.clone(), image: None, wanted })?;
        }
        self.wait(stage, &asked)
    }

    /// What the question makes of something that happened; `None` when it is not about it.
    pub(crate) fn happened(
        &self,
        stage: &mut Stage<'_>,
        happened: &Happened,
    ) -> Result<Option<Flow>, Halt> {
        let words = happened.words();
        for handler in self.manner.handlers.iter().filter(|handler| handler.is_about(happened)) {
            // In the steps of a handler, `answer` is what was said, or the data of what happened.
            let answer = match &words {
                Some((text, _)) => text.clone().into(),
                None => happened.data.clone(),
            };
            let fits = json_bytes(&answer) <= VALUE_BYTES_MAX;
            stage.keep_answer(if fits { rounded(answer) } else { Value::Null });
            let holds = match &handler.when {
                Some(when) => when.holds(stage)?.0,
                None => true,
            };
            if holds {
                let Some(asked) = Asked::take(stage) else { return Ok(None) };
                return self.handle(stage, handler, asked).map(Some);
            }
        }
        if !happened.may_answer {
            return Ok(None);
        }
        match words {
            Some((text, value)) => {
                let (asked, wanted) = self.open(stage)?;
                let is_choice = wanted.choices().iter().any(|choice| value == *choice.value);
                let is_own = is_choice || asked.pressed(&text, &value).is_some();
                let of_others = happened.is_press() && !self.manner.is_modal && !is_own;
                let flow = self.answer(stage, (asked, &wanted), &text, value)?;
                if of_others {
                    stage.took = Took::UnlessAnybody;
                }
                Ok(Some(flow))
            }
            None => self.sent(stage, happened.event_type.as_str(), &happened.data),
        }
    }

    /// Takes the steps of a handler.
    fn handle(
        &self,
        stage: &mut Stage<'_>,
        handler: &Handler,
        mut asked: Asked,
    ) -> Result<Flow, Halt> {
        stage.trace(handler.shown());
        let back = match handler.then {
            Then::AskAgain => Back::AskAgain,
            Then::Wait => Back::Wait,
            Then::GoOn | Then::Stop => {
                if asked.until.is_some() {
                    stage.effect(Effect::CancelTimer)?;
                }
                return Ok(Flow::Enter(handler.frame()));
            }
        };
        asked.back = Some(back);
        asked.keep(stage);
        Ok(Flow::EnterThenBack(handler.frame()))
    }

    /// Goes on with an answer.
    pub(crate) fn answered(
        &self,
        stage: &mut Stage<'_>,
        text: &str,
        value: Value,
    ) -> Result<Flow, Halt> {
        let (asked, wanted) = self.open(stage)?;
        self.answer(stage, (asked, &wanted), text, value)
    }

    fn answer(
        &self,
        stage: &mut Stage<'_>,
        (asked, wanted): (Asked, &Wanted),
        text: &str,
        value: Value,
    ) -> Result<Flow, Halt> {
        let given = match asked.pressed(text, &value) {
            Some(button) => Given::Button(button.value.clone()),
            None => Given::Free(trimmed(text, value)),
        };
        let examined = if self.is_optional && text.trim() == LEFT_OUT {
            stage.keep_answer(Value::Null);
            Ok(Value::Null)
        } else {
            self.examine(stage, wanted, given)?
        };
        self.take_answer(stage, (asked, wanted), text, examined)
    }

    /// Goes on with another event of the customer, when it is what the question wants: a file, a place, a contact.
    fn sent(
        &self,
        stage: &mut Stage<'_>,
        event_type: &str,
        data: &Value,
    ) -> Result<Option<Flow>, Halt> {
        // A form that was left open on the page says nothing about the questions after it.
        if form::is_of_bot(event_type, data) {
            return Ok(None);
        }
        let (asked, wanted) = self.open(stage)?;
        let Some(examined) = wanted.of_event(event_type, data) else { return Ok(None) };
        let examined = match examined {
            Ok(answer) if json_bytes(&answer) > VALUE_BYTES_MAX => Err(TOO_LONG.to_owned()),
            Ok(answer) => {
                stage.keep_answer(answer.clone());
                self.meets_condition(stage, answer)?
            }
            Err(sentence) => Err(sentence),
        };
        self.take_answer(stage, (asked, &wanted), event_type, examined).map(Some)
    }

    /// The open question, and what it wants.
    fn open(&self, stage: &mut Stage<'_>) -> Result<(Asked, Wanted), Halt> {
        let asked = Asked::take(stage).ok_or_else(|| {
            Halt::new(StopReason::Cancelled, "the run has forgotten what it asked")
        })?;
        let wanted = match &asked.wanted {
            Some(wanted) => wanted.clone(),
            None => self.input.fill(stage, &asked.buttons)?,
        };
        Ok((asked, wanted))
    }

    fn take_answer(
        &self,
        stage: &mut Stage<'_>,
        (mut asked, wanted): (Asked, &Wanted),
        text: &str,
        examined: Result<Value, String>,
    ) -> Result<Flow, Halt> {
        match examined {
            Ok(answer) => {
                stage.trace(json!({ "answer": answer, "valid": true }));
                if asked.until.is_some() {
                    stage.effect(Effect::CancelTimer)?;
                }
                let shown = wanted.field(&asked.label, &answer);
                if self.is_field {
                    stage.filled = Some(Filled { answer, shown });
                    return Ok(Flow::Next);
                }
                if let (Some(kind), true) = (wanted.form_kind(), self.is_shown) {
                    let data = json!({ "kind": kind, "fields": [shown] });
                    stage.effect(Effect::Filled { data })?;
                }
                if let Some(into) = &self.into {
                    stage.put(into, answer)?;
                }
                Ok(Flow::Next)
            }
            Err(sentence) => {
                asked.answers += 1;
                if !self.manner.is_modal {
                    stage.took = Took::UnlessAside;
                }
                stage.trace(json!({ "answer": text, "valid": false, "attempt": asked.answers }));
                if asked.answers >= self.manner.attempts {
                    return self.give_up(stage, &asked);
                }
                for handler in
                    self.manner.handlers.iter().filter(|handler| handler.is_for_no_match())
                {
                    let holds = match &handler.when {
                        Some(when) => when.holds(stage)?.0,
                        None => true,
                    };
                    if holds {
                        return self.handle(stage, handler, asked);
                    }
                }
                self.ask_again(stage, &asked, &sentence)
            }
        }
    }

    /// Goes on without an answer: the time is up.
    pub(crate) fn timed_out(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let _closed = Asked::take(stage);
        self.without_answer(stage)
    }

    fn without_answer(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let Some(timeout) = &self.manner.timeout else { return Ok(Flow::End) };
        let Some(default) = &timeout.default else {
            stage.trace(json!({ "timeout": true }));
            return Ok(timeout.otherwise.flow());
        };
        let answer = stage.value(default)?;
        stage.trace(json!({ "timeout": true, "answer": answer }));
        stage.keep_answer(answer.clone());
        if let Some(into) = &self.into {
            stage.put(into, answer)?;
        }
        Ok(timeout.otherwise.flow())
    }

    fn ask_again(
        &self,
        stage: &mut Stage<'_>,
        asked: &Asked,
        sentence: &str,
    ) -> Result<Flow, Halt> {
        let text = match &self.manner.retry {
            Some(retry) => stage.render(retry)?,
            None => sentence.to_owned(),
        };
        let wanted = asked.wanted.clone().filter(|_| self.is_shown);
        say::utter(stage, Say { text, buttons: asked.buttons.clone(), image: None, wanted })?;
        asked.keep(stage);
        // The timer that runs is the question's, not the answer's: it is not moved.
        Ok(Flow::WaitHere(Wait::Answer { until: asked.until }))
    }

    fn give_up(&self, stage: &mut Stage<'_>, asked: &Asked) -> Result<Flow, Halt> {
        if asked.until.is_some() {
            stage.effect(Effect::CancelTimer)?;
        }
        if let Some(give_up) = &self.manner.give_up {
            return Ok(give_up.flow());
        }
        say::utter(stage, Say { text: GIVING_UP.to_owned(), ..Say::default() })?;
        Err(Halt::new(
            StopReason::Asked,
            format!("no valid answer after {} attempts", self.manner.attempts),
        ))
    }

    /// A list that a template gave is empty: as if nobody had found an answer.
    fn without_choices(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        if let Some(give_up) = &self.manner.give_up {
            return Ok(give_up.flow());
        }
        say::utter(stage, Say { text: NO_CHOICES.to_owned(), ..Say::default() })?;
        Err(Halt::new(StopReason::Asked, "there is nothing to choose from"))
    }

    /// The answer as it is kept, or the sentence to say when there is no `retry`.
    fn examine(
        &self,
        stage: &mut Stage<'_>,
        wanted: &Wanted,
        given: Given,
    ) -> Result<Result<Value, String>, Halt> {
        let value = match given {
            Given::Button(value) => Value::String(value),
            Given::Free(value) => value,
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let examined = if text.len() > VALUE_BYTES_MAX {
            Err(TOO_LONG.to_owned())
        } else if text.trim().is_empty() {
            Err(Wanted::Text.sentence())
        } else if *wanted == Wanted::Text {
            Ok(value)
        } else {
            let is_button = matches!(self.input, Input::Buttons);
            wanted.of_text(&text).map_err(|other| if is_button { CHOOSE.to_owned() } else { other })
        };
        match &examined {
            Ok(answer) => stage.keep_answer(answer.clone()),
            Err(_) if text.len() <= VALUE_BYTES_MAX => stage.keep_answer(Value::String(text)),
            Err(_) => {}
        }
        match examined {
            Ok(answer) => self.meets_condition(stage, answer),
            Err(sentence) => Ok(Err(sentence)),
        }
    }

    fn meets_condition(
        &self,
        stage: &mut Stage<'_>,
        answer: Value,
    ) -> Result<Result<Value, String>, Halt> {
        match &self.condition {
            Some(condition) if !condition.holds(stage)?.0 => {
                Ok(Err("That does not fit. Please try again.".to_owned()))
            }
            Some(_) | None => Ok(Ok(answer)),
        }
    }
}

/// What is said where one of the buttons is wanted.
const CHOOSE: &str = "Please choose one of the buttons.";

/// What is said about an answer that a run cannot keep.
const TOO_LONG: &str = "That is too long for me. Could you say it in fewer words?";

/// What the bot says when it asks to choose from nothing and the text does not say what.
const NO_CHOICES: &str = "Sorry, there is nothing to choose from right now.";

fn json_bytes(value: &Value) -> usize {
    value.to_string().len()
}

/// The buttons of a question to whose answers there are few.
fn buttons_of(wanted: &Wanted) -> Vec<Button> {
    let button = |text: &str, value: &str| Button {
        text: text.to_owned(),
        value: value.to_owned(),
        url: None,
    };
    match wanted {
        Wanted::Choice { choices }
        | Wanted::Images { choices }
        | Wanted::Appointment { choices, .. } => {
            choices.iter().map(|choice| button(&choice.text, &choice.value)).collect()
        }
        Wanted::Rating { max } => {
            (1..=*max).map(|number| button(&number.to_string(), &number.to_string())).collect()
        }
        Wanted::Text
        | Wanted::Number(_)
        | Wanted::Email
        | Wanted::Phone
        | Wanted::Date(_)
        | Wanted::Calendar(_)
        | Wanted::Checkboxes { .. }
        | Wanted::Slider(_)
        | Wanted::File { .. }
        | Wanted::Location
        | Wanted::Contact
        | Wanted::Confirmation { .. } => Vec::new(),
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
