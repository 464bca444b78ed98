//! One try to send, as it goes.

use std::time::Instant;

use tidings_channels::telegram::Reply;
use tidings_model::{Attempt, Delivery};

use crate::App;
use crate::pipeline::telegram::call::describe;
use crate::pipeline::tries::Outcome;

/// The method of a failure in which none was called.
pub(super) const NO_METHOD: &str = "none";

/// How a try went.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    /// For the record.
    pub(super) attempt: Attempt,
    /// What it means.
    pub(super) outcome: Outcome,
    /// How many parts are taken now.
    pub(super) parts_taken: u32,
    /// What the provider calls it, where it says so.
    pub(super) provider_id: Option<String>,
    /// What kind of failure it was, for the follow-up.
    pub(super) failed_call: Option<FailedCall>,
}

/// A call that a provider refused.
#[derive(Clone, Debug, Default)]
pub(super) struct FailedCall {
    /// The provider's method.
    pub(super) method: String,
    /// Its code for the failure.
    pub(super) code: Option<i64>,
    /// Its words.
    pub(super) message: String,
    /// The pause it asked for, in seconds.
    pub(super) retry_after_s: Option<u64>,
    /// The customer cannot be reached any more, and the log does not say so yet.
    pub(super) customer_left: bool,
}

/// One try, as it goes.
pub(super) struct Sending {
    began: Instant,
    pub(super) attempt: Attempt,
    parts_taken: u32,
    provider_id: Option<String>,
    pub(super) failed_call: Option<FailedCall>,
}

impl Sending {
    pub(super) fn begin(app: &App, delivery: &Delivery) -> Self {
        Self {
            began: Instant::now(),
            attempt: Attempt::at(app.now()),
            parts_taken: delivery.parts_taken,
            provider_id: None,
            failed_call: None,
        }
    }

    /// The last message stands for all: a second try, which sends only what is left, knows no other.
    pub(super) fn part_taken(&mut self, reply: &Reply) {
        self.parts_taken += 1;
        if let Reply::Ok { message_id: Some(message_id) } = reply {
            self.provider_id = Some(message_id.clone());
        }
    }

    /// An answer that is not the one we want.
    pub(super) fn fail(&mut self, method: &str, reply: &Reply) {
        let message = describe(reply);
        self.attempt.answer = Some(message.clone());
        let (code, retry_after_s) = match reply {
            Reply::RateLimited { retry_after_s } => (Some(429), Some(*retry_after_s)),
            Reply::Refused { error_code, .. } => (Some(*error_code), None),
            Reply::Unreadable { status } => (Some(i64::from(*status)), None),
            Reply::Ok { .. } | Reply::Migrated { .. } => (None, None),
        };
        self.failed_call = Some(FailedCall {
            method: method.into(),
            code,
            message,
            retry_after_s,
            ..FailedCall::default()
        });
    }

    pub(super) fn refused(&mut self, method: &str, why: &str) -> Outcome {
        self.again(method, why.into());
        Outcome::Refused
    }

    pub(super) fn again(&mut self, method: &str, why: String) -> Outcome {
        self.attempt.error = Some(why.clone());
        self.failed_call =
            Some(FailedCall { method: method.into(), message: why, ..FailedCall::default() });
        Outcome::Again
    }

    pub(super) fn tried(mut self, outcome: Outcome) -> Tried {
        self.attempt.duration_ms =
            u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Tried {
            attempt: self.attempt,
            outcome,
            parts_taken: self.parts_taken,
            provider_id: self.provider_id,
            failed_call: self.failed_call,
        }
    }
}
