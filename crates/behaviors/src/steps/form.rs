//! `form`: several questions that belong together.
//!
//! No channel shows a whole form yet, so its fields are asked one by one, which is the nearest thing. Each is a question as
//! `ask` asks it; what stands beside `fields` (`on`, `timeout`, ...) holds for each. Where the run is, and what was answered
//! so far, is in its frame, so a form goes on after a restart. When all is answered, `chat.form_filled` tells of it.

use serde_json::{Map, Value, json};

use super::ask::{self, Ask};
use super::say;
use super::{Action, Written};
use crate::happened::Happened;
use crate::pattern::Text;
use crate::reader::Reader;
use crate::run::StopReason;
use crate::stage::{Flow, Halt, Stage};
use crate::target::Target;
use crate::yaml::Kind;
use crate::{Effect, Say};

/// The keys beside the word.
pub(super) const KEYS: [&str; 8] =
    ["fields", "into", "on", "modal", "retry", "attempts", "timeout", "give_up"];

/// The most fields of a form.
pub(crate) const FIELDS_MAX: usize = 50;

/// The key under which the frame keeps how far the form is.
const FORM: &str = "form";

/// A form.
#[derive(Debug)]
pub(crate) struct Form {
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
    at: usize,
    values: Map<String, Value>,
    filled: Vec<Value>,
}

impl Progress {
    fn keep(self, stage: &mut Stage<'_>) {
        let state = json!({ "at": self.at, "values": self.values, "filled": self.filled });
        if let Some(frame) = stage.run.frames.last_mut() {
            frame.state.insert(FORM.to_owned(), state);
        }
    }

    fn of(stage: &Stage<'_>) -> Option<Self> {
        let kept = stage.run.frames.last()?.state.get(FORM)?;
        let at = kept.get("at").and_then(Value::as_u64).unwrap_or_default();
        Some(Self {
            at: usize::try_from(at).unwrap_or(usize::MAX),
            values: kept.get("values").and_then(Value::as_object).cloned().unwrap_or_default(),
            filled: kept.get("filled").and_then(Value::as_array).cloned().unwrap_or_default(),
        })
    }

    /// The form is over.
    fn forget(stage: &mut Stage<'_>) {
        if let Some(frame) = stage.run.frames.last_mut() {
            frame.state.shift_remove(FORM);
        }
    }
}

impl Form {
    /// Begins; or comes back to the field whose handler took other steps.
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        if Progress::of(stage).is_none() {
            let text = stage.render(&self.title)?;
            stage.trace(json!({ "text": text, "fields": self.fields.len() }));
            say::utter(stage, Say { text, ..Say::default() })?;
            Progress { at: 0, values: Map::new(), filled: Vec::new() }.keep(stage);
        }
        let flow = self.field(stage)?.ask.take(stage)?;
        Ok(passed(stage, flow))
    }

    /// What the field that is asked makes of something that happened.
    pub(crate) fn happened(
        &self,
        stage: &mut Stage<'_>,
        happened: &Happened,
    ) -> Result<Option<Flow>, Halt> {
        match self.field(stage)?.ask.happened(stage, happened)? {
            Some(flow) => self.go_on(stage, flow).map(Some),
            None => Ok(None),
        }
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

    /// A field that was answered is followed by the next one.
    fn go_on(&self, stage: &mut Stage<'_>, flow: Flow) -> Result<Flow, Halt> {
        let (Flow::Next, Some(filled)) = (&flow, stage.filled.take()) else {
            return Ok(passed(stage, flow));
        };
        let Some(mut progress) = Progress::of(stage) else { return Ok(flow) };
        let Some(field) = self.fields.get(progress.at) else { return Ok(flow) };
        progress.values.insert(field.name.clone(), filled.answer);
        let mut shown = filled.shown;
        if let Value::Object(shown) = &mut shown {
            shown.insert("id".to_owned(), field.name.clone().into());
        }
        progress.filled.push(shown);
        progress.at += 1;
        if progress.at < self.fields.len() {
            progress.keep(stage);
            let flow = self.field(stage)?.ask.take(stage)?;
            return Ok(passed(stage, flow));
        }
        Progress::forget(stage);
        let form = stage.run.behavior.clone();
        let data = json!({ "kind": "form", "form_id": form, "fields": progress.filled });
        stage.effect(Effect::Filled { data })?;
        let values = Value::Object(progress.values);
        stage.keep_answer(values.clone());
        if let Some(into) = &self.into {
            stage.put(into, values)?;
        }
        Ok(Flow::Next)
    }
}

/// Leaves the form, unless it waits on.
fn passed(stage: &mut Stage<'_>, flow: Flow) -> Flow {
    if !matches!(flow, Flow::WaitHere(_) | Flow::EnterThenBack(_)) {
        Progress::forget(stage);
    }
    flow
}
