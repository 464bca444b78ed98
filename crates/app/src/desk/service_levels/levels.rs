//! The service levels of a workspace, as they are kept at hand: in their order, with their hours read.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tidings_model::{Chat, ServiceLevel};

use super::business_time::BusinessTime;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Until a thread's first reply, from the customer's first words.
    FirstReply,
    /// Until each reply after that, from the first words that were not answered.
    NextReply,
    /// Until a thread is closed, from its start.
    Resolution,
    /// For how long a customer whose turn it is has not written.
    CustomerIdle,
    /// For how long an agent whose turn it is has not written.
    AgentIdle,
}

impl Target {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FirstReply => "first_reply",
            Self::NextReply => "next_reply",
            Self::Resolution => "resolution",
            Self::CustomerIdle => "customer_idle",
            Self::AgentIdle => "agent_idle",
        }
    }

    /// Whether it is a promise, which can be missed; the others tell of a silence.
    const fn is_promise(self) -> bool {
        match self {
            Self::FirstReply | Self::NextReply | Self::Resolution => true,
            Self::CustomerIdle | Self::AgentIdle => false,
        }
    }
}

/// After what something begins to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A thread began.
    Begun,
    /// The customer wrote.
    CustomerWrote,
    /// Somebody wrote to the customer.
    Answered,
    /// An agent has the chat from now on.
    Given,
}

impl Cause {
    /// What begins to be counted.
    const fn targets(self) -> &'static [Target] {
        match self {
            Self::Begun => &[Target::Resolution, Target::CustomerIdle],
            Self::CustomerWrote => &[Target::FirstReply, Target::NextReply, Target::AgentIdle],
            Self::Answered => &[Target::CustomerIdle],
            Self::Given => &[Target::AgentIdle],
        }
    }
}

/// A service level with its hours.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    /// What it says.
    pub(crate) says: ServiceLevel,
    time: BusinessTime,
}

impl Level {
    /// How long a target may take.
    pub(crate) fn limit(&self, target: Target) -> Option<SignedDuration> {
        let seconds = match target {
            Target::FirstReply => self.says.first_reply_s,
            Target::NextReply => self.says.next_reply_s,
            Target::Resolution => self.says.resolution_s,
            Target::CustomerIdle => self.says.customer_idle_s,
            Target::AgentIdle => self.says.agent_idle_s,
        };
        seconds.map(|seconds| SignedDuration::from_secs(seconds.into()))
    }

    /// After how long it is told that a target will be missed soon; one that is shorter than that is not told of.
    pub(crate) fn warning(&self, target: Target) -> Option<SignedDuration> {
        let before = self.says.due_soon_s.filter(|_| target.is_promise())?;
        let after = self.limit(target)?.checked_sub(SignedDuration::from_secs(before.into()))?;
        (after > SignedDuration::ZERO).then_some(after)
    }

    /// The time that counts for a target. A customer has no opening hours.
    pub(crate) const fn time(&self, target: Target) -> &BusinessTime {
        match target {
            Target::CustomerIdle => &BusinessTime::Always,
            Target::FirstReply | Target::NextReply | Target::Resolution | Target::AgentIdle => {
                &self.time
            }
        }
    }

    fn applies_to(&self, chat: &Chat) -> bool {
        let wanted = &self.says.applies_to;
        let of_group = chat.group.as_ref().is_some_and(|group| wanted.groups.contains(group));
        (wanted.groups.is_empty() || of_group)
            && (wanted.channels.is_empty() || wanted.channels.contains(&chat.channel))
            && (wanted.labels.is_empty() || !wanted.labels.is_disjoint(&chat.labels))
    }
}

/// All service levels of a workspace that count, the first one first.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    all: Vec<Level>,
}

impl Levels {
    /// Those of a workspace.
    pub(crate) fn of(says: impl Iterator<Item = ServiceLevel>) -> Self {
        let mut all: Vec<Level> = says
            .filter(|says| says.enabled)
            .filter_map(|says| match BusinessTime::of(says.hours.as_ref()) {
                Ok(time) => Some(Level { says, time }),
                Err(wrong) => {
                    tracing::warn!(
                        service_level.id = %says.id,
                        "the hours of a service level cannot be read any more: {} {}",
                        wrong.pointer, wrong.problem
                    );
                    None
                }
            })
            .collect();
        all.sort_by_key(|level| {
            (std::cmp::Reverse(level.says.priority), level.says.created_at, level.says.id)
        });
        Self { all }
    }

    /// Whether nothing is promised.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The one that is looked at first.
    #[cfg(test)]
    pub(crate) fn first(&self) -> Option<&Level> {
        self.all.first()
    }

    /// The one that counts in a chat.
    pub(crate) fn of_chat(&self, chat: &Chat) -> Option<&Level> {
        self.all.iter().find(|level| level.applies_to(chat))
    }

    /// How soon something can be due that begins to be counted now, in whatever chat: business time is never faster than
    /// the clock, and any level may come to apply.
    pub(crate) fn soonest(&self, cause: Cause) -> Option<SignedDuration> {
        let each = self.all.iter().flat_map(|level| {
            let targets = cause.targets().iter();
            targets.filter_map(|target| level.warning(*target).or_else(|| level.limit(*target)))
        });
        each.min()
    }
}
