//! What a run did, step by step. Written by `stage`, kept in the run's document, shown to people.
//!
//! A choice may ask a hundred conditions, and few traces are ever looked at. So the detail of a choice shares the text of
//! its conditions with the bot and keeps what they saw; it becomes JSON when the run is stored or somebody looks.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use tidings_model::Timestamp;

/// How many steps a trace keeps.
pub const TRACE_STEPS_MAX: usize = 200;

/// The longest text and the biggest value that a trace keeps, in bytes as JSON; a longer one is cut.
const DETAIL_BYTES_MAX: usize = 2_000;

/// One step of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepTrace {
    /// When.
    pub at: Timestamp,
    /// The place: file and line of the step.
    pub place: String,
    /// The step's word: `say`, `choose`, ...
    pub step: String,
    /// What came of it: the text said, the branch taken, the value that the condition saw.
    pub detail: Detail,
    /// How long it took, in microseconds: since the step before it in the turn, or since its work was ordered. Absent where
    /// nobody read a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_us: Option<u64>,
}

/// What came of a step, as JSON.
#[derive(Clone, Debug)]
pub struct Detail(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Json(Value),
    Choice(Choice),
}

/// Which branch was taken, of these conditions, and what those saw that were asked.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) branch: Value,
    pub(crate) conditions: Arc<[Value]>,
    pub(crate) saw: Vec<Saw>,
}

/// What a condition saw: mostly a truth, which needs no room of its own.
#[derive(Clone, Debug)]
pub(crate) enum Saw {
    Truth(bool),
    Value(Box<Value>),
}

impl Detail {
    /// As JSON.
    pub fn json(&self) -> Cow<'_, Value> {
        match &self.0 {
            Kept::Json(value) => Cow::Borrowed(value),
            Kept::Choice(choice) => {
                Cow::Owned(serde_json::to_value(choice).expect("its keys are text"))
            }
        }
    }

    /// Notes something more, where it is a mapping.
    pub fn note(&mut self, name: &str, value: Value) {
        let mut json = self.json().into_owned();
        if let Value::Object(fields) = &mut json {
            fields.insert(name.to_owned(), value);
        }
        self.0 = Kept::Json(json);
    }
}

impl From<Value> for Detail {
    fn from(detail: Value) -> Self {
        Self(Kept::Json(shortened(detail)))
    }
}

impl From<Choice> for Detail {
    fn from(choice: Choice) -> Self {
        Self(Kept::Choice(choice))
    }
}

impl From<Value> for Saw {
    fn from(value: Value) -> Self {
        value.as_bool().map_or_else(|| Self::Value(Box::new(value)), Self::Truth)
    }
}

impl From<Saw> for Value {
    fn from(saw: Saw) -> Self {
        match saw {
            Saw::Truth(truth) => Self::Bool(truth),
            Saw::Value(value) => *value,
        }
    }
}

impl PartialEq for Detail {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json().fmt(f)
    }
}

impl Serialize for Detail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Kept::Json(value) => value.serialize(serializer),
            Kept::Choice(choice) => choice.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self(Kept::Json(value)))
    }
}

impl Serialize for Saw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

/// As [`shortened`] would have it.
impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let conditions = Asked(self);
        let bytes = bytes(&conditions);
        let mut fields = serializer.serialize_map(Some(2))?;
        fields.serialize_entry("branch", &self.branch)?;
        if bytes + bytes_beside(&self.branch) > DETAIL_BYTES_MAX {
            fields.serialize_entry("conditions", &json!({ "bytes": bytes }))?;
        } else {
            fields.serialize_entry("conditions", &conditions)?;
        }
        fields.end()
    }
}

/// How many bytes the detail of a choice has beside its conditions.
fn bytes_beside(branch: &Value) -> usize {
    bytes(&json!({ "branch": branch, "conditions": "" })) - bytes("")
}

/// The conditions that were asked, each with what it saw.
struct Asked<'a>(&'a Choice);

impl Serialize for Asked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Condition<'a> {
            when: &'a Value,
            value: &'a Saw,
        }
        let asked = self.0.conditions.iter().zip(&self.0.saw);
        serializer.collect_seq(asked.map(|(when, value)| Condition { when, value }))
    }
}

/// A detail that a trace can keep.
fn shortened(detail: Value) -> Value {
    let short = |text: &str| {
        let mut kept: String = text.chars().take(DETAIL_BYTES_MAX / 4).collect();
        kept.push('…');
        kept
    };
    let all = bytes(&detail);
    if all <= DETAIL_BYTES_MAX {
        return detail;
    }
    let Value::Object(map) = detail else { return json!({ "bytes": all }) };
    let shorter: Map<String, Value> = map
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) if text.len() > DETAIL_BYTES_MAX / 2 => {
                (key, Value::String(short(&text)))
            }
            other @ (Value::Array(_) | Value::Object(_)) => {
                let bytes = bytes(&other);
                if bytes > DETAIL_BYTES_MAX / 2 {
                    (key, json!({ "bytes": bytes }))
                } else {
                    (key, other)
                }
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                (key, other)
            }
        })
        .collect();
    Value::Object(shorter)
}

/// How many bytes something has as JSON.
fn bytes<T: Serialize + ?Sized>(said: &T) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, said).expect("its keys are text, and counting cannot fail");
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_written_as_if_it_had_been_json() {
        for (count, branch) in
            [(1, json!(0)), (3, Value::Null), (20, json!("else")), (34, json!(33)), (90, json!(89))]
        {
            let conditions: Vec<Value> =
                (0..100).map(|number| json!(format!("event.total == {number}"))).collect();
            let saw: Vec<Value> = (0..count)
                .map(|number| [json!(true), json!("Größe"), json!([1])][number % 3].clone())
                .collect();
            let asked: Value = (conditions.iter().zip(&saw))
                .map(|(when, value)| json!({ "when": when, "value": value }))
                .collect();
            let written = Detail::from(json!({ "branch": branch, "conditions": asked }));
            let saw = saw.into_iter().map(Saw::from).collect();
            let choice = Detail::from(Choice { branch, conditions: conditions.into(), saw });
            assert_eq!(choice.to_string(), written.to_string());
            assert_eq!(serde_json::to_string(&choice).expect("JSON"), written.to_string());
            assert_eq!(choice, written);
        }
    }
}
