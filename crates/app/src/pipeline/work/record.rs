//! The work of `create`, `update`, `delete` and `find`: records; `find` looks for chats, customers, agents and groups, too.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_behaviors::WorkFailed;
use tidings_model::{Author, RecordId, RecordType};

use super::{Job, Outcome, keys};
use crate::pipeline::reader::StepFailed;
use crate::records::find::{FOUND, FOUND_MAX, RecordQuery, count_any, find_any, shown};
use crate::records::{self, Hand, Once, RecordError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    record: RecordType,
    #[serde(default)]
    set: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    record: RecordType,
    id: String,
    #[serde(default)]
    set: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    record: RecordType,
    #[serde(default, rename = "where")]
    wanted: Map<String, Value>,
    #[serde(default)]
    sort: Vec<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    count: bool,
}

pub(super) async fn create(job: &Job<'_>, with: &Value) -> Result<Outcome, StepFailed> {
    let Made { record, set } = match keys(with) {
        Ok(made) => made,
        Err(failed) => return Ok(Err(failed)),
    };
    let hand = hand(job);
    let made = records::create(job.app, job.cause.workspace, &hand, record, set).await;
    outcome(made.map(|record| shown(record).into()))
}

pub(super) async fn update(job: &Job<'_>, with: &Value) -> Result<Outcome, StepFailed> {
    let Changed { record, id, set } = match keys(with) {
        Ok(changed) => changed,
        Err(failed) => return Ok(Err(failed)),
    };
    let Ok(id) = id.parse::<RecordId>() else { return Ok(Err(no_id())) };
    let hand = hand(job);
    let changed = records::update(job.app, job.cause.workspace, &hand, (&record, id), &set).await;
    outcome(changed.map(|record| shown(record).into()))
}

pub(super) async fn delete(job: &Job<'_>, with: &Value) -> Result<Outcome, StepFailed> {
    let Changed { record, id, .. } = match keys(with) {
        Ok(gone) => gone,
        Err(failed) => return Ok(Err(failed)),
    };
    let Ok(id) = id.parse::<RecordId>() else { return Ok(Err(no_id())) };
    let hand = hand(job);
    let gone = records::delete(job.app, job.cause.workspace, &hand, (&record, id)).await;
    outcome(gone.map(|()| json!({ "id": id })))
}

pub(super) async fn find(job: &Job<'_>, with: &Value) -> Result<Outcome, StepFailed> {
    let Wanted { record, wanted, sort, limit, count } = match keys(with) {
        Ok(wanted) => wanted,
        Err(failed) => return Ok(Err(failed)),
    };
    let limit = limit.unwrap_or(FOUND).min(FOUND_MAX);
    let query = RecordQuery { record_type: record, wanted, sort, limit };
    if count {
        let counted = count_any(job.app, job.cause.workspace, &query).await;
        return outcome(counted.map(Value::from));
    }
    let found = find_any(job.app, job.cause.workspace, &query).await;
    outcome(found.map(|found| found.into_iter().map(Value::Object).collect()))
}

fn hand<'a>(job: &'a Job<'_>) -> Hand<'a> {
    Hand {
        author: Author::bot(&job.run.bot),
        cause: Some(job.cause),
        once: Some(Once::of_step(job.name())),
    }
}

fn no_id() -> WorkFailed {
    WorkFailed::new("wrong_value", "id: not a record's id")
}

/// What is wrong with an order fails it; what is wrong with the store is tried again.
fn outcome(result: Result<Value, RecordError>) -> Result<Outcome, StepFailed> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error @ RecordError::Unknown { .. }) => {
            Ok(Err(WorkFailed::new("unknown_record", error.to_string())))
        }
        Err(error @ (RecordError::Invalid { .. } | RecordError::KeyReused)) => {
            Ok(Err(WorkFailed::new("wrong_value", error.to_string())))
        }
        Err(RecordError::Read(error)) => Err(error.into()),
        Err(RecordError::Commit(error)) => Err(error.into()),
    }
}
