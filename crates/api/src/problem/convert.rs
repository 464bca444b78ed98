//! What `app` and the store say went wrong, as problems. Each match names every case: a new error asks for its answer here.
//!
//! What is our fault is logged here, once, as a whole chain; the answer does not tell of it.

use tidings_app::admin::AdminError;
use tidings_app::admin::event_types::TypeError;
use tidings_app::pipeline::accept::AcceptError;
use tidings_app::pipeline::deliver::job::asked::Refused as JobRefused;
use tidings_app::pipeline::reader::StepFailed;
use tidings_app::pipeline::reader::chain;
use tidings_app::pipeline::receive::ReceiveError;
use tidings_app::pipeline::telegram::AnswerError;
use tidings_catalogue::Violation;
use tidings_catalogue::own::Change;
use tidings_model::Holder;
use tidings_store::{CommitError, ReadError};

use super::{Code, Problem};

/// How long a caller should wait when the store's queue is full, in seconds: the queue is a fraction of a second long.
const OVERLOADED_RETRY_S: u64 = 1;

/// How long a caller should wait when we stop, in seconds: a restart takes about as long.
const CLOSED_RETRY_S: u64 = 5;

/// How long a caller should wait when the disk is full, in seconds: somebody has to make room.
const DISK_FULL_RETRY_S: u64 = 60;

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Overloaded => {
                Self::new(Code::Overloaded, "more waits to be written than the queue takes")
                    .after(OVERLOADED_RETRY_S)
            }
            CommitError::DiskFull => {
                Self::new(Code::StorageFull, "the disk is full; nothing of the request was kept")
                    .after(DISK_FULL_RETRY_S)
            }
            CommitError::Closed => closed(),
            CommitError::Conflict { .. }
            | CommitError::Claimed { .. }
            | CommitError::TimerGone { .. } => {
                Self::new(Code::ChangedMeanwhile, "it was changed by somebody else meanwhile")
            }
            CommitError::Fenced { .. }
            | CommitError::EventExists { .. }
            | CommitError::Malformed { .. }
            | CommitError::Engine { .. } => internal(&error),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged { .. } => {
                tracing::error!("{}", chain(&error));
                Self::new(Code::StorageDamaged, "what is stored at this place is damaged")
            }
            ReadError::Closed => closed(),
            ReadError::Engine { .. } => internal(&error),
        }
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::UnknownType { name, nearest } => {
                let name: String =
                    name.chars().take(tidings_model::event::TYPE_NAME_BYTES_MAX).collect();
                let message = match nearest {
                    Some(nearest) => format!(
                        "the catalogue has no event type {name:?}; did you mean {nearest:?}?"
                    ),
                    None => format!(
                        "the catalogue has no event type {name:?}; POST /api/v1/event-types/drafts makes one from a sample"
                    ),
                };
                Self::new(Code::UnknownEventType, message.clone()).at("/type", message)
            }
            AcceptError::Refused { reason } => Self::new(Code::RefusedByBehavior, reason),
            AcceptError::NotAFact { event_type, kind } => {
                let message = format!(
                    "{event_type} is of the kind {kind}; only types of the kind after can be sent"
                );
                Self::new(Code::NotAFact, message.clone()).at("/type", message)
            }
            AcceptError::Invalid { event_type, violations } => {
                invalid_data(&event_type.to_string(), "/data", violations)
            }
            AcceptError::BadKey { .. } => Self::new(Code::InvalidKey, error.to_string()),
            AcceptError::UnknownChat { .. } => {
                Self::new(Code::UnknownChat, "there is no such chat")
                    .at("/chat", "there is no such chat")
            }
            AcceptError::NotInControl(refused) => {
                let holder = match refused.holder {
                    Holder::Bot { id } => format!("the bot {id} holds"),
                    Holder::Agent { id } => format!("the agent {id} holds"),
                    Holder::Queue { .. } => "the queue holds".into(),
                    Holder::Nobody => "nobody holds".into(),
                };
                Self::new(Code::NotInControl, format!("{holder} the control lease of this chat"))
            }
            AcceptError::KeyReused => Self::new(Code::IdempotencyKeyReused, error.to_string()),
            AcceptError::Read(error) => error.into(),
            AcceptError::Commit(error) => error.into(),
        }
    }
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Read(error) => error.into(),
            ReceiveError::Commit(error) => error.into(),
            ReceiveError::Invalid { event_type, violations } => {
                invalid_data(&event_type.to_string(), "", violations)
            }
        }
    }
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::UnknownEvent { .. } => Self::not_found("event"),
            AnswerError::NotAQuestion { .. } => Self::new(Code::NotAQuestion, error.to_string()),
            AnswerError::Answered => Self::new(Code::AlreadyAnswered, error.to_string()),
            AnswerError::Read(error) => error.into(),
            AnswerError::Commit(error) => error.into(),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound { what, id } => {
                Self::new(Code::NotFound, format!("there is no {what} {id}"))
            }
            AdminError::Invalid { field, problem } => {
                let pointer = if field.starts_with('/') { field } else { format!("/{field}") };
                Self::new(Code::InvalidField, format!("{pointer} {problem}")).at(pointer, problem)
            }
            AdminError::ChatClosed => Self::new(Code::ChatClosed, error.to_string()),
            AdminError::Conflict => Self::new(Code::ChangedMeanwhile, error.to_string()),
            AdminError::Read(error) => error.into(),
            AdminError::Commit(error) => error.into(),
        }
    }
}

impl From<TypeError> for Problem {
    fn from(error: TypeError) -> Self {
        match error {
            TypeError::Wrong(wrong) => {
                let first = wrong.first().map(ToString::to_string).unwrap_or_default();
                let problem = Self::new(Code::InvalidEventType, first);
                wrong.into_iter().fold(problem, |problem, each| {
                    problem.at_with(each.pointer, each.code.as_str(), each.message)
                })
            }
            TypeError::Version(fault) => {
                let detail = format!("{} {}", fault.pointer, fault.message);
                let problem = Self::new(Code::EventTypeVersion, detail).at_with(
                    fault.pointer,
                    fault.code.as_str(),
                    fault.message,
                );
                let breaking = fault.changes.into_iter().filter(Change::is_breaking);
                breaking.fold(problem, |problem, change| {
                    problem.at_with(change.pointer, change.code.as_str(), change.message)
                })
            }
            TypeError::NotFound { .. } => Self::not_found("event type of the workspace's own"),
            TypeError::Exists { .. } => Self::new(Code::EventTypeExists, error.to_string()),
            TypeError::Builtin { .. } => Self::new(Code::EventTypeBuiltin, error.to_string()),
            TypeError::Used { .. } => Self::new(Code::EventTypeUsed, error.to_string()),
            TypeError::TooMany => Self::new(Code::EventTypesFull, error.to_string()),
            TypeError::Admin(error) => error.into(),
        }
    }
}

impl From<JobRefused> for Problem {
    fn from(refused: JobRefused) -> Self {
        match refused {
            JobRefused::NotFound { what } => Self::not_found(what),
            JobRefused::Invalid { field, problem } => {
                Self::new(Code::InvalidField, format!("{field} {problem}")).at(field, problem)
            }
            JobRefused::Off => Self::new(Code::EndpointOff, refused.to_string()),
            JobRefused::Busy { .. } | JobRefused::Full => {
                Self::new(Code::JobsRunning, refused.to_string())
            }
            JobRefused::Ended => Self::new(Code::JobEnded, refused.to_string()),
            JobRefused::Read(error) => error.into(),
            JobRefused::Commit(error) => error.into(),
        }
    }
}

/// A step of the pipeline that somebody asked for by hand.
pub(crate) fn from_step(error: StepFailed) -> Problem {
    match error {
        StepFailed::Read(error) => error.into(),
        StepFailed::Commit(error) => error.into(),
    }
}

/// The chat of an address: where it is not, the address is wrong, not a field.
pub(crate) fn chat_missing(error: AcceptError) -> Problem {
    match error {
        AcceptError::UnknownChat { .. } => Problem::not_found("chat"),
        AcceptError::UnknownType { .. }
        | AcceptError::NotAFact { .. }
        | AcceptError::Invalid { .. }
        | AcceptError::BadKey { .. }
        | AcceptError::NotInControl(_)
        | AcceptError::Refused { .. }
        | AcceptError::KeyReused
        | AcceptError::Read(_)
        | AcceptError::Commit(_) => error.into(),
    }
}

fn invalid_data(event_type: &str, under: &str, violations: Vec<Violation>) -> Problem {
    let problem = Problem::new(
        Code::InvalidData,
        format!("the data does not fit the schema of {event_type}"),
    );
    violations
        .into_iter()
        .fold(problem, |problem, each| problem.at(format!("{under}{}", each.pointer), each.message))
}

fn closed() -> Problem {
    Problem::new(Code::ShuttingDown, "the server takes no more").after(CLOSED_RETRY_S)
}

fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!("{}", chain(error));
    Problem::new(Code::Internal, "the server could not do this now")
}
