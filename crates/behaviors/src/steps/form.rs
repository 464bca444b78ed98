//! `form`: several questions that belong together.
//!
//! Where the channel shows forms, all are asked at once, by `chat.form`; the customer's `chat.form_filled` answers them.
//! Everywhere else the fields are asked one by one, which is the nearest thing, and so is what a filled form left open. Who
//! writes instead of filling in answers the first field that is open. Each field is a question as `ask` asks it; what stands
//! beside `fields` (`on`, `timeout`, ...) holds for each. Where the run is, and what was answered so far, is in its frame,
//! so a form goes on after a restart. When the fields were answered one by one, `chat.form_filled` tells of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ask::{self, Ask};
use super::say;
use super::{Action, Written};
use crate::happened::Happened;
use crate::pattern::Text;
use crate::reader::Reader;
use crate::run::StopReason;
use crate::stage::{Filled, Flow, Halt, Stage};
use crate::target::Target;
use crate::wanted::Wanted;
use crate::yaml::Kind;
use crate::{Effect, Say};

/// The keys beside the word.
pub(super) const KEYS: [&str; 8] =
    ["fields", "into", "on", "modal", "retry", "attempts", "timeout", "give_up"];

/// The most fields of a form.
pub(crate) const FIELDS_MAX: usize = 50;

/// The longest form that is shown at once, in bytes of its JSON: the run keeps it while it waits.
const SHOWN_BYTES_MAX: usize = 32 * 1024;

/// The key under which the frame keeps how far the form is.
const FORM: &str = "form";

/// What a behavior's form begins its id with, so that it is known as a bot's.
const ID_OF_BOT: &str = "bot:";

/// A form.
#[derive(Debug)]
pub(crate) struct Form {
    /// What stands above it.
    title: Text,
    fields: Vec<Field>,
    into: Option<Target>,
}

#[derive(Debug)]
struct Field {
    name: String,
    ask: Ask,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let (own, title) = match &written.value.kind {
        Kind::Map(_) => {
            let mut known = vec!["title"];
            known.extend(KEYS);
            let own = reader.fields(written.value, "`form`", &known)?;
            (own, reader.required(written.at, "`form`", own, "title")?)
        }
        Kind::Scalar(_) | Kind::List(_) => (written.beside, written.value),
    };
    let title = reader.text(title, "a form's title");
    let into = match own.get("into") {
        Some(node) => {
            Some(reader.plain(node, "`into`").and_then(|text| reader.target(&text, node.at))?)
        }
        None => None,
    };
    let fields = reader.required(written.at, "`form`", own, "fields")?;
    let Kind::Map(entries) = &fields.kind else {
        let message = format!("`fields` is a mapping of names to questions, not {}", fields.what());
        reader.error(fields.at, "wrong_kind", message);
        return None;
    };
    if entries.is_empty() || entries.len() > FIELDS_MAX {
        let message = format!("a form has 1 to {FIELDS_MAX} fields");
        reader.error(fields.at, "wrong_count", message);
        return None;
    }
    let manner = ask::read_manner_of_form(reader, own, written);
    let mut read = Vec::with_capacity(entries.len());
    for entry in entries {
        let ask = ask::read_field(reader, (&entry.value, entry.at), manner.as_ref());
        read.push(ask.map(|ask| Field { name: entry.key.clone(), ask }));
    }
    let fields: Option<Vec<Field>> = read.into_iter().collect();
    Some(Action::Form(Box::new(Form { title: title?, fields: fields?, into })))
}

/// How far a form is.
struct Progress {
    /// The field that is asked.
    at: usize,
    values: Map<String, Value>,
    filled: Vec<Value>,
    /// What was shown at once.
    shown: Option<Shown>,
}

/// A form as the customer sees it.
#[derive(Clone, Serialize, Deserialize)]
struct Shown {
    id: String,
    /// What each field asks, and for what.
    fields: Vec<(String, Wanted)>,
}

impl Progress {
    fn keep(self, stage: &mut Stage<'_>) {
        let mut state = json!({ "at": self.at, "values": self.values, "filled": self.filled });
        if let (Some(shown), Value::Object(state)) = (&self.shown, &mut state) {
            state.insert("shown".to_owned(), serde_json::to_value(shown).unwrap_or_default());
        }
        if let Some(frame) = stage.run.frames.last_mut() {
            frame.state.insert(FORM.to_owned(), state);
        }
    }

    fn of(stage: &Stage<'_>) -> Option<Self> {
        let kept = stage.run.frames.last()?.state.get(FORM)?;
        let at = kept.get("at").and_then(Value::as_u64).unwrap_or_default();
        let shown = kept.get("shown").cloned().map(serde_json::from_value);
        Some(Self {
            at: usize::try_from(at).unwrap_or(usize::MAX),
            values: kept.get("values").and_then(Value::as_object).cloned().unwrap_or_default(),
            filled: kept.get("filled").and_then(Value::as_array).cloned().unwrap_or_default(),
            shown: shown.and_then(Result::ok),
        })
    }

    /// The form is over.
    fn forget(stage: &mut Stage<'_>) {
        if let Some(frame) = stage.run.frames.last_mut() {
            frame.state.shift_remove(FORM);
        }
    }

    /// Takes the answer to a field, also one that takes the place of an earlier one.
    fn take(&mut self, name: &str, filled: Filled) {
        self.values.insert(name.to_owned(), filled.answer);
        let mut shown = filled.shown;
        if let Value::Object(shown) = &mut shown {
            shown.insert("id".to_owned(), name.into());
        }
        self.filled.retain(|earlier| earlier.get("id").is_none_or(|id| id != name));
        self.filled.push(shown);
    }
}

impl Form {
    /// Begins; or comes back to the field whose handler took other steps.
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        if Progress::of(stage).is_none() {
            let text = stage.render(&self.title)?;
            let count = self.fields.len();
            if let Some((shown, data)) = self.at_once(stage, &text)? {
                stage.trace(json!({ "text": text, "fields": count, "form_id": shown.id }));
                stage.effect(Effect::Form { data })?;
                return self.wait(stage, shown);
            }
            stage.trace(json!({ "text": text, "fields": count }));
            say::utter(stage, Say { text, ..Say::default() })?;
            let (values, filled) = (Map::new(), Vec::new());
            Progress { at: 0, values, filled, shown: None }.keep(stage);
        }
        let flow = self.field(stage)?.ask.take(stage)?;
        Ok(passed(stage, flow))
    }

    /// The form as it is shown at once, with the data of its `chat.form`. `None` where its fields are asked one by one: the
    /// channel shows no forms, a field is none of a form or tells of the answer before it, or all of it is too long.
    fn at_once(&self, stage: &mut Stage<'_>, title: &str) -> Result<Option<(Shown, Value)>, Halt> {
        if !stage.shows().forms {
            return Ok(None);
        }
        stage.tells_answer = false;
        let (mut fields, mut written) = (Vec::new(), Vec::new());
        for Field { name, ask } in &self.fields {
            let Some((label, wanted)) = ask.as_field(stage)? else { return Ok(None) };
            written.push(wanted.asking(name, &label, !ask.is_optional()));
            fields.push((label, wanted));
        }
        let id = format!("{ID_OF_BOT}{}:{:016x}", stage.run.behavior, stage.seeds.random);
        let data = json!({ "kind": "form", "form_id": id, "title": title, "fields": written });
        let fits = data.to_string().len() <= SHOWN_BYTES_MAX;
        Ok((fits && !stage.tells_answer).then_some((Shown { id, fields }, data)))
    }

    /// Waits for the form that is shown, or for the answer to its first field.
    fn wait(&self, stage: &mut Stage<'_>, shown: Shown) -> Result<Flow, Halt> {
        let first = shown.fields.first().cloned();
        let (values, filled) = (Map::new(), Vec::new());
        Progress { at: 0, values, filled, shown: Some(shown) }.keep(stage);
        match (self.fields.first(), first) {
            (Some(field), Some((label, wanted))) => field.ask.wait_in_form(stage, (&label, wanted)),
            (Some(_) | None, Some(_) | None) => Ok(Flow::Next),
        }
    }

    /// What the form, or the field that is asked, makes of something that happened.
    pub(crate) fn happened(
        &self,
        stage: &mut Stage<'_>,
        happened: &Happened,
    ) -> Result<Option<Flow>, Halt> {
        if let Some(progress) = Progress::of(stage)
            && let Some(shown) = progress.shown.clone()
            && let Some(fields) = filled_into(&shown, happened)
        {
            return self.fill(stage, progress, (&shown, fields)).map(Some);
        }
        match self.field(stage)?.ask.happened(stage, happened)? {
            Some(flow) => self.go_on(stage, flow).map(Some),
            None => Ok(None),
        }
    }

    /// Takes what was filled in; what is missing or wrong is asked.
    fn fill(
        &self,
        stage: &mut Stage<'_>,
        mut progress: Progress,
        (shown, fields): (&Shown, &[Value]),
    ) -> Result<Flow, Halt> {
        Ask::close(stage)?;
        let is_all = progress.values.is_empty();
        let mut wrong = Vec::new();
        for (Field { name, ask }, (label, wanted)) in self.fields.iter().zip(&shown.fields) {
            let field = fields.iter().find(|field| field.get("id").is_some_and(|id| id == name));
            match ask.of_form(stage, (label, wanted), field)? {
                Some(Ok(filled)) => progress.take(name, filled),
                Some(Err(sentence)) => wrong.push((name, format!("{label} – {sentence}"))),
                None => {}
            }
        }
        let open = self.open(&progress);
        let names: Vec<&String> = wrong.iter().map(|(name, _)| *name).collect();
        stage.trace(json!({ "filled": progress.values, "wrong": names }));
        wrong.retain(|(name, _)| !progress.values.contains_key(*name));
        let lines: Vec<String> = wrong.into_iter().map(|(_, line)| line).collect();
        say::utter(stage, Say { text: lines.join("\n"), ..Say::default() })?;
        self.ask_or_end(stage, progress, (open, !is_all))
    }

    /// Goes on with an answer.
    pub(crate) fn answered(
        &self,
        stage: &mut Stage<'_>,
        text: &str,
        value: Value,
    ) -> Result<Flow, Halt> {
        let flow = self.field(stage)?.ask.answered(stage, text, value)?;
        self.go_on(stage, flow)
    }

    /// Goes on without an answer: the time of a field is up.
    pub(crate) fn timed_out(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let flow = self.field(stage)?.ask.timed_out(stage)?;
        Ok(passed(stage, flow))
    }

    fn field(&self, stage: &Stage<'_>) -> Result<&Field, Halt> {
        let at = Progress::of(stage).map(|progress| progress.at).unwrap_or_default();
        self.fields.get(at).ok_or_else(|| {
            Halt::new(StopReason::Cancelled, "the run stands at a field that the form has not")
        })
    }

    /// The first field that has no answer.
    fn open(&self, progress: &Progress) -> Option<usize> {
        self.fields.iter().position(|field| !progress.values.contains_key(&field.name))
    }

    /// A field that was answered is followed by the next one.
    fn go_on(&self, stage: &mut Stage<'_>, flow: Flow) -> Result<Flow, Halt> {
        let (Flow::Next, Some(filled)) = (&flow, stage.filled.take()) else {
            return Ok(passed(stage, flow));
        };
        let Some(mut progress) = Progress::of(stage) else { return Ok(flow) };
        let Some(field) = self.fields.get(progress.at) else { return Ok(flow) };
        progress.take(&field.name, filled);
        let open = self.open(&progress);
        self.ask_or_end(stage, progress, (open, true))
    }

    /// Asks for the field that is open; without one the form is over, and told of unless the customer's own event does.
    fn ask_or_end(
        &self,
        stage: &mut Stage<'_>,
        mut progress: Progress,
        (open, is_told): (Option<usize>, bool),
    ) -> Result<Flow, Halt> {
        if let Some(open) = open {
            progress.at = open;
            progress.keep(stage);
            let flow = self.field(stage)?.ask.take(stage)?;
            return Ok(passed(stage, flow));
        }
        Progress::forget(stage);
        if is_told {
            let place = |filled: &Value| {
                let id = filled.get("id").and_then(Value::as_str);
                self.fields.iter().position(|field| Some(field.name.as_str()) == id)
            };
            progress.filled.sort_by_key(place);
            let form = stage.run.behavior.clone();
            let data = json!({ "kind": "form", "form_id": form, "fields": progress.filled });
            stage.effect(Effect::Filled { data })?;
        }
        let values = Value::Object(self.in_order(progress.values));
        stage.keep_answer(values.clone());
        if let Some(into) = &self.into {
            stage.put(into, values)?;
        }
        Ok(Flow::Next)
    }

    /// The answers as the form has its fields.
    fn in_order(&self, mut values: Map<String, Value>) -> Map<String, Value> {
        let names = self.fields.iter().map(|field| &field.name);
        names.filter_map(|name| Some((name.clone(), values.shift_remove(name)?))).collect()
    }
}

/// What was filled into a form that is shown; who sends no id means the one that waits.
fn filled_into<'h>(shown: &Shown, happened: &'h Happened) -> Option<&'h [Value]> {
    let is_filled = happened.may_answer && happened.event_type.as_str() == FILLED;
    let id = happened.data.get("form_id").and_then(Value::as_str);
    let fields = happened.data.get("fields").and_then(Value::as_array)?;
    (is_filled && id.is_none_or(|id| id == shown.id)).then_some(fields)
}

/// The type of what the customer fills in.
const FILLED: &str = "chat.form_filled";

/// Whether an event is a filled form that a behavior showed: no question but that form's takes it.
pub(super) fn is_of_bot(event_type: &str, data: &Value) -> bool {
    let id = data.get("form_id").and_then(Value::as_str);
    event_type == FILLED && id.is_some_and(|id| id.starts_with(ID_OF_BOT))
}

/// Leaves the form, unless it waits on.
fn passed(stage: &mut Stage<'_>, flow: Flow) -> Flow {
    if !matches!(flow, Flow::WaitHere(_) | Flow::EnterThenBack(_)) {
        Progress::forget(stage);
    }
    flow
}
