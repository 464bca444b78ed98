//! What behaviors have done outside: one run, one order, what came of it. Called by [`super::react`] when a run's timer
//! rings that waits for work; the run goes on with what this gives.
//!
//! A crash in between does the order a second time: the pair of the run and its `steps_taken` names it. A record's change
//! claims that name, a call sends it as its idempotency key, a mail has it as its id; the rest changes nothing.

mod call;
mod http;
mod letter;
mod record;
mod script;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidings_behaviors::{Order, Run, Work, WorkFailed};
use tidings_model::Event;

use super::reader::StepFailed;
use super::understand;
use crate::App;
use crate::directory::Directory;

/// The longest that comes of an order, in bytes of JSON: what a behavior can keep in a value.
const RESULT_BYTES_MAX: usize = 60 * 1024;

/// What came of an order: a value, or why there is none.
pub(super) type Outcome = Result<Value, WorkFailed>;

/// An order that was done.
#[derive(Clone)]
pub(super) struct Performed {
    /// What came of it.
    pub(super) outcome: Outcome,
    /// What it said meanwhile, for the trace.
    pub(super) log: Vec<String>,
}

/// An order to be done.
pub(super) struct Job<'a> {
    pub(super) app: &'a App,
    pub(super) directory: &'a Directory,
    pub(super) run: &'a Run,
    /// The event that the run began with.
    pub(super) cause: &'a Event,
}

impl Job<'_> {
    /// What tells this order from all others.
    fn name(&self) -> String {
        format!("work:{}:{}", self.run.id, self.run.steps_taken)
    }

    /// Does an order. `None` says that it is under way, and that the run's timer rings when it is done.
    pub(super) async fn perform(&self, order: &Order) -> Result<Option<Performed>, StepFailed> {
        let mut log = Vec::new();
        let outcome = match order.work {
            Work::Http => http::call(self, &order.with).await?,
            Work::Mail => letter::send(self, &order.with).await,
            Work::Create => record::create(self, &order.with).await?,
            Work::Update => record::update(self, &order.with).await?,
            Work::Delete => record::delete(self, &order.with).await?,
            Work::Find => record::find(self, &order.with).await?,
            Work::Script => {
                let (outcome, said) = script::run(self, &order.with).await;
                log = said;
                outcome
            }
            Work::Call => match call::call(self, &order.with).await? {
                Some(outcome) => outcome,
                None => return Ok(None),
            },
            Work::Classify => match keys::<Text>(&order.with) {
                Ok(Text { text }) => understand::classify(self.directory, &self.run.bot, &text),
                Err(failed) => Err(failed),
            },
        };
        let word = if outcome.is_ok() { "done" } else { "failed" };
        metrics::counter!("tidings_behavior_orders_total", "work" => order.work.as_str(), "outcome" => word)
            .increment(1);
        Ok(Some(Performed { outcome: outcome.and_then(fits), log }))
    }
}

/// The keys of `classify`.
#[derive(serde::Deserialize)]
struct Text {
    text: String,
}

/// What a behavior can keep.
fn fits(value: Value) -> Outcome {
    let bytes = serde_json::to_vec(&value).map_or(usize::MAX, |bytes| bytes.len());
    if bytes <= RESULT_BYTES_MAX {
        return Ok(value);
    }
    let message = format!("what came has {bytes} bytes, at most {RESULT_BYTES_MAX} can be kept");
    Err(WorkFailed::new("result_too_long", message))
}

/// The keys of a step, as what they must be.
fn keys<T: DeserializeOwned>(with: &Value) -> Result<T, WorkFailed> {
    T::deserialize(with).map_err(|error| WorkFailed::new("wrong_value", error.to_string()))
}
