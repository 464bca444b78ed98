//! What a behavior answers to an event that asks, on its way to whoever waits for it.
//!
//! The first answer takes a claim in the commit of its run, so a second one (of another behavior, of a person, of the
//! deadline's default) is late: its run is committed without it.

use serde::Deserialize;
use serde_json::Value;
use tidings_catalogue::Catalogue;
use tidings_model::{BotName, Clock, Event, EventId};
use tidings_store::{Batch, CommitError};

use super::question;
use super::telegram::{NoReason, PrecheckoutAnswer, precheckout};

/// Why an answer is not one.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Nobody asked.
    #[error("answer: nobody waits for an answer to {event_type}")]
    NobodyAsks {
        /// To what.
        event_type: String,
    },
    /// It is not as the catalogue says.
    #[error("answer: this is no answer to {event_type}: {violation}")]
    Wrong {
        /// To what.
        event_type: String,
        /// What is wrong with it first.
        violation: String,
    },
    /// Whom it is for would not take it.
    #[error("answer: {0}")]
    Untaken(#[from] NoReason),
}

/// Checks an answer, and puts it into a batch.
pub(super) fn put(
    catalogue: &Catalogue,
    (question, event_type): (EventId, &str),
    value: &Value,
    by: (&BotName, &Event),
    clock: &dyn Clock,
    batch: &mut Batch,
) -> Result<(), NoAnswer> {
    let nobody = || NoAnswer::NobodyAsks { event_type: event_type.to_owned() };
    let known = catalogue.get_str(event_type);
    let answer = known.and_then(|known| known.answer.as_ref()).ok_or_else(nobody)?;
    answer.validate(value).map_err(|violations| {
        let violation = violations.first().map(ToString::to_string).unwrap_or_default();
        NoAnswer::Wrong { event_type: event_type.to_owned(), violation }
    })?;
    match event_type {
        precheckout::PRECHECKOUT => {
            let answer = PrecheckoutAnswer::deserialize(value).map_err(|_| NoReason)?;
            precheckout::put_answer(batch, question, &answer, clock.now());
            Ok(())
        }
        _ if known.is_some_and(|known| question::is_question(catalogue, &known.name)) => {
            question::put_answer((question, event_type), value, by, clock, batch);
            Ok(())
        }
        _ => Err(nobody()),
    }
}

/// Whether a claim is that of an answer.
pub(super) fn is_answer(claim: &str) -> bool {
    precheckout::is_answer(claim) || question::is_answer(claim)
}

/// Whether a commit was refused because its answer came too late.
pub(super) fn is_late(error: &CommitError) -> bool {
    matches!(error, CommitError::Claimed { name, .. } if is_answer(name))
}
