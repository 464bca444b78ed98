//! What may be wrong with a history: a fault, and the column of the report that counts it.

use std::fmt;

use super::history::Acknowledgement;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An acknowledged event is not in the log.
    Lost { key: String, answer: Acknowledgement },
    /// One key is in the log more than once.
    Doubled { key: String, times: usize },
    /// The log has another number or id than the answer had.
    Renumbered { key: String, answer: Acknowledgement, logged: u64 },
    /// The same key was answered in two ways.
    AnsweredDifferently { key: String },
    /// The numbers of the log have a gap, or go back.
    Gap { after: u64, next: u64 },
    /// The order within a thread has a gap, or goes back.
    OrderBreak { thread: String, expected: u64, found: Option<u64> },
    /// A customer's message has no reply.
    ReplyMissing { key: String },
    /// A customer's message has more than one reply.
    ReplyDoubled { key: String, times: usize },
    /// A reply stands before its message.
    ReplyEarly { key: String },
    /// The replies of a chat are not in the order of its messages.
    RepliesOutOfOrder { chat: String, key: String },
    /// An event that was owed to the receiver never came.
    DeliveryMissing { seq: u64 },
    /// The receiver got an event of a chat after a later one of the same chat.
    DeliveryOutOfOrder { chat: String, seq: u64 },
    /// The receiver got what the log does not have.
    DeliveryUnknown { webhook_id: String },
    /// The receiver got one event with two bodies.
    DeliveryChanged { webhook_id: String },
    /// The receiver got something whose signature is wrong.
    DeliveryUnsigned { webhook_id: String },
    /// More was delivered again than can have been under way or unwritten.
    DeliveredAgain { times: usize, most: usize },
    /// What came, or should have come, in a request with others.
    InBatches(Box<Self>),
    /// A request had no events, or more than were asked for.
    BatchOfWrongSize { webhook_id: String, events: usize },
    /// The same events came under two names, others under one, or one event under another name than its own.
    BatchMisnamed { webhook_id: String },
    /// A message never came to somebody with an open connection who may hear it.
    Unheard { listener: String, seq: u64 },
    /// Somebody heard of one event twice.
    HeardTwice { listener: String, seq: u64 },
    /// Somebody heard of an event after a later one.
    HeardOutOfOrder { listener: String, seq: u64 },
    /// Somebody heard something else than the log has.
    HeardWrong { listener: String, seq: u64 },
    /// Another node shows another log than the first one.
    ShownDifferently { node: usize, seq: u64 },
    /// Somebody who came back was told that something is missing, though they missed little.
    ToldOfGap { listener: String, after: u64, upto: u64 },
}

/// The columns of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Lost,
    Doubled,
    OrderBreaks,
    RepliesMissing,
    DeliveriesMissing,
    DeliveriesWrong,
    PushesMissing,
    PushesWrong,
}

impl Column {
    pub(crate) const ALL: [Self; 8] = [
        Self::Lost,
        Self::Doubled,
        Self::OrderBreaks,
        Self::RepliesMissing,
        Self::DeliveriesMissing,
        Self::DeliveriesWrong,
        Self::PushesMissing,
        Self::PushesWrong,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::OrderBreaks => "order breaks",
            Self::RepliesMissing => "replies missing",
            Self::DeliveriesMissing => "deliveries missing",
            Self::DeliveriesWrong => "deliveries wrong",
            Self::PushesMissing => "pushes missing",
            Self::PushesWrong => "pushes wrong",
        }
    }
}

impl Fault {
    pub(crate) fn column(&self) -> Column {
        match self {
            Self::Lost { .. } => Column::Lost,
            Self::Doubled { .. } | Self::AnsweredDifferently { .. } | Self::ReplyDoubled { .. } => {
                Column::Doubled
            }
            Self::Renumbered { .. }
            | Self::Gap { .. }
            | Self::OrderBreak { .. }
            | Self::ShownDifferently { .. }
            | Self::ReplyEarly { .. }
            | Self::RepliesOutOfOrder { .. }
            | Self::DeliveryOutOfOrder { .. } => Column::OrderBreaks,
            Self::ReplyMissing { .. } => Column::RepliesMissing,
            Self::DeliveryMissing { .. } => Column::DeliveriesMissing,
            Self::DeliveryUnknown { .. }
            | Self::DeliveryChanged { .. }
            | Self::DeliveryUnsigned { .. }
            | Self::DeliveredAgain { .. }
            | Self::BatchOfWrongSize { .. }
            | Self::BatchMisnamed { .. } => Column::DeliveriesWrong,
            Self::InBatches(fault) => fault.column(),
            Self::Unheard { .. } => Column::PushesMissing,
            Self::HeardTwice { .. }
            | Self::HeardOutOfOrder { .. }
            | Self::HeardWrong { .. }
            | Self::ToldOfGap { .. } => Column::PushesWrong,
        }
    }

    /// Whether waiting may still mend it.
    pub(crate) fn may_pass(&self) -> bool {
        if let Self::InBatches(fault) = self {
            return fault.may_pass();
        }
        matches!(
            self,
            Self::ReplyMissing { .. } | Self::DeliveryMissing { .. } | Self::Unheard { .. }
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { key, answer } => {
                write!(f, "{key}, acknowledged as {answer}, is not in the log")
            }
            Self::Doubled { key, times } => write!(f, "{key} is in the log {times} times"),
            Self::Renumbered { key, answer, logged } => {
                write!(f, "{key} was acknowledged as {answer} and is another in the log, {logged}")
            }
            Self::AnsweredDifferently { key } => {
                write!(f, "{key} was sent twice and answered in two ways")
            }
            Self::Gap { after, next } => write!(f, "the log goes from {after} to {next}"),
            Self::OrderBreak { thread, expected, found: Some(found) } => {
                write!(
                    f,
                    "thread {thread} should go on with order {expected}, and goes on with {found}"
                )
            }
            Self::OrderBreak { thread, expected, found: None } => {
                write!(
                    f,
                    "thread {thread} should go on with order {expected}, and goes on without one"
                )
            }
            Self::ReplyMissing { key } => write!(f, "{key} has no reply"),
            Self::ReplyDoubled { key, times } => write!(f, "{key} has {times} replies"),
            Self::ReplyEarly { key } => write!(f, "{key} comes after its reply"),
            Self::RepliesOutOfOrder { chat, key } => {
                write!(f, "the reply to {key} in chat {chat} comes out of order")
            }
            Self::DeliveryMissing { seq } => write!(f, "event {seq} never reached the receiver"),
            Self::DeliveryOutOfOrder { chat, seq } => {
                write!(f, "event {seq} of chat {chat} reached the receiver after a later one")
            }
            Self::DeliveryUnknown { webhook_id } => {
                write!(f, "the receiver got {webhook_id}, which the log does not have")
            }
            Self::DeliveryChanged { webhook_id } => {
                write!(f, "the receiver got {webhook_id} with two bodies")
            }
            Self::DeliveryUnsigned { webhook_id } => {
                write!(f, "the receiver got {webhook_id} with a wrong signature")
            }
            Self::DeliveredAgain { times, most } => {
                write!(
                    f,
                    "{times} were delivered again, and at most {most} can have been under way"
                )
            }
            Self::InBatches(fault) => write!(f, "in batches: {fault}"),
            Self::BatchOfWrongSize { webhook_id, events } => {
                write!(f, "the receiver of batches got {webhook_id} with {events} events")
            }
            Self::BatchMisnamed { webhook_id } => {
                write!(
                    f,
                    "the receiver of batches got {webhook_id}, which is not named by its events"
                )
            }
            Self::Unheard { listener, seq } => write!(f, "{listener} never heard of event {seq}"),
            Self::HeardTwice { listener, seq } => write!(f, "{listener} heard of {seq} twice"),
            Self::HeardOutOfOrder { listener, seq } => {
                write!(f, "{listener} heard of event {seq} after a later one")
            }
            Self::HeardWrong { listener, seq } => {
                write!(f, "{listener} heard something as event {seq} that the log does not have")
            }
            Self::ShownDifferently { node, seq } => {
                write!(f, "node {node} shows another log than the first one from {seq} on")
            }
            Self::ToldOfGap { listener, after, upto } => {
                write!(
                    f,
                    "{listener} was told that something is missing between {after} and {upto}"
                )
            }
        }
    }
}
