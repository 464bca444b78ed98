//! What one try tells whoever looks at it later: where it went, how long each part took, why it was not taken.

use std::time::Duration;

use tidings_model::{Attempt, AttemptPhases};
use tidings_outbound::{Answer, Phases, SendError};

use crate::pipeline::reader::chain;

/// The code of a try of which nothing went out.
pub(super) const NOT_SENT: &str = "not_sent";

/// The code of a try that was answered, and not with 2xx.
const NOT_TAKEN: &str = "not_taken";

/// The code of one that was sent elsewhere: nobody follows there.
const REDIRECTED: &str = "redirected";

/// Notes how it was answered.
pub(super) fn note_answer(attempt: &mut Attempt, answer: &Answer) {
    attempt.status = Some(answer.status.as_u16());
    attempt.answer = Some(answer.text_head()).filter(|text| !text.is_empty());
    attempt.phases = phases(answer.phases);
    attempt.ip = answer.address.map(|address| address.ip());
    let code = match answer.status {
        status if status.is_success() => None,
        status if status.is_redirection() => Some(REDIRECTED),
        _ => Some(NOT_TAKEN),
    };
    attempt.code = code.map(str::to_owned);
}

/// Notes why there was no answer.
pub(super) fn note_error(attempt: &mut Attempt, error: &SendError) {
    attempt.code = Some(error.code().to_owned());
    attempt.error = Some(chain(error));
    attempt.phases = phases(error.phases());
    if let SendError::Failed(failed) = error {
        attempt.failed_in = Some(failed.phase().name().to_owned());
        attempt.ip = failed.address().map(|address| address.ip());
    }
}

fn phases(took: Phases) -> AttemptPhases {
    let us = |part: Option<Duration>| {
        part.map(|part| u32::try_from(part.as_micros()).unwrap_or(u32::MAX))
    };
    AttemptPhases {
        dns: us(took.dns),
        connect: us(took.connect),
        tls: us(took.tls),
        first_byte: us(took.first_byte),
        total: us(took.total),
    }
}
