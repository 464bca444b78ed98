//! One execution of a behavior, with its trace. A run that waits is a document: it names the version of the bot that it
//! began with, holds its place in the steps, and survives a restart.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_model::{BotName, ChatId, EventId, RunId, Timestamp};

use crate::Effect;
use crate::trace::StepTrace;
use crate::work::Order;

/// One execution of a behavior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The bot.
    pub bot: BotName,
    /// The version of the bot's text: the SHA-256 of it, in hex.
    pub bot_version: String,
    /// The behavior's name.
    pub behavior: String,
    /// The event that started it.
    pub event: EventId,
    /// Its number in the log, where it is in it: what is about to happen is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_seq: Option<u64>,
    /// The chat it runs in.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// How it stands.
    pub state: RunState,
    /// Where it is in the steps, innermost last; empty when it ended.
    #[serde(default)]
    pub frames: Vec<Frame>,
    /// Its own variables.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// What it saw when it started, kept while it waits: the `event` and `meta` of its facts.
    #[serde(default)]
    pub started_with: Map<String, Value>,
    /// Steps taken so far, against the limit.
    pub steps_taken: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// What it did, step by step; the last [`TRACE_STEPS_MAX`](crate::trace::TRACE_STEPS_MAX).
    #[serde(default)]
    pub trace: Vec<StepTrace>,
}

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// It waits.
    Waiting {
        /// For what.
        wait: Wait,
    },
    /// It came to its end.
    Done,
    /// It was stopped.
    Stopped {
        /// Why.
        reason: StopReason,
        /// The same for people, with the place.
        message: String,
    },
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Wait {
    /// The customer's answer in the chat.
    Answer {
        /// When it gives up, if it does.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// What comes of an order.
    Work {
        /// Which.
        order: Order,
    },
    /// A time.
    Time {
        /// Which.
        until: Timestamp,
    },
}

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A `stop` step said so.
    Asked,
    /// Too many steps.
    StepLimit,
    /// A loop turned too often.
    LoopLimit,
    /// A template used up its fuel, or wrote too much.
    TemplateLimit,
    /// Calls nested too deep.
    CallDepth,
    /// A template or condition failed.
    TemplateFailed,
    /// A behavior was called with a value, or gives one back, that is not of the kind that it names.
    WrongValue,
    /// What was done outside failed, and nothing was said for that case.
    WorkFailed,
    /// Somebody else may speak to the customer now.
    NotInControl,
    /// The chain of causes is too deep, or the chat too busy.
    LoopGuard,
    /// An effect was refused, as an event that its type's schema does not allow.
    EffectRefused,
    /// The chat was closed, or the run was replaced by another.
    Cancelled,
}

impl RunState {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Done => "done",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// Why it was stopped, if it was.
    pub const fn stop_reason(&self) -> Option<StopReason> {
        match self {
            Self::Stopped { reason, .. } => Some(*reason),
            Self::Waiting { .. } | Self::Done => None,
        }
    }
}

impl StopReason {
    /// The word for it, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::StepLimit => "step_limit",
            Self::LoopLimit => "loop_limit",
            Self::TemplateLimit => "template_limit",
            Self::CallDepth => "call_depth",
            Self::TemplateFailed => "template_failed",
            Self::WrongValue => "wrong_value",
            Self::WorkFailed => "work_failed",
            Self::NotInControl => "not_in_control",
            Self::LoopGuard => "loop_guard",
            Self::EffectRefused => "effect_refused",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the behavior could not do what it says; else somebody ended it, or it said itself that it ends.
    pub const fn is_failure(self) -> bool {
        match self {
            Self::StepLimit
            | Self::LoopLimit
            | Self::TemplateLimit
            | Self::CallDepth
            | Self::TemplateFailed
            | Self::WrongValue
            | Self::WorkFailed
            | Self::LoopGuard
            | Self::EffectRefused => true,
            Self::Asked | Self::NotInControl | Self::Cancelled => false,
        }
    }
}

/// A place in the steps: which list, which step of it, and how often a loop has turned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// The path of the step list within the bot, as `behaviors/0/do/3/choose/0/do`.
    pub steps: String,
    /// The next step of it.
    pub next: usize,
    /// What a loop keeps, where the frame is one.
    #[serde(default)]
    pub state: Map<String, Value>,
}

/// What a start or a resumption of a run gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// The run as it is now.
    pub run: Run,
    /// What it wants done, in order.
    pub effects: Vec<Effect>,
    /// The session data, if it changed.
    pub session: Option<Map<String, Value>>,
    /// The client data, if it changed.
    pub client: Option<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_written_by_their_words() {
        for reason in [
            StopReason::Asked,
            StopReason::StepLimit,
            StopReason::LoopLimit,
            StopReason::TemplateLimit,
            StopReason::CallDepth,
            StopReason::TemplateFailed,
            StopReason::WrongValue,
            StopReason::WorkFailed,
            StopReason::NotInControl,
            StopReason::LoopGuard,
            StopReason::EffectRefused,
            StopReason::Cancelled,
        ] {
            let written = serde_json::to_value(reason).expect("a reason");
            assert_eq!(written, reason.as_str());
        }
    }
}
