//! Who would answer a customer, before they ask.

use std::sync::Arc;

use serde_json::Value;
use tidings_model::{Agent, BotName, ChannelId, GroupNumber, Participant, Priority, WorkspaceId};
use tidings_wire::livechat::show::{self, Lens};

use super::rules::Rules;
use super::{Candidate, Choice, Wanted, choose, situation, status_for_customers};
use crate::App;
use crate::desk::{ErrorType, Failure};

/// Who would answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answerer {
    /// An agent; also a bot that speaks our API.
    Agent(Arc<Agent>),
    /// A bot written in YAML: it holds the chats of the channel.
    Bot(BotName),
}

/// Who would answer, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Who.
    pub answerer: Answerer,
    /// Whether the customer would wait in the queue first.
    pub queue: bool,
}

impl Answerer {
    /// Who it is, by what an event tells.
    pub fn of(app: &App, workspace: WorkspaceId, who: &Participant) -> Option<Self> {
        match who {
            Participant::Agent { id } => Some(Self::Agent(app.directory(workspace)?.agent(id)?)),
            Participant::Bot { id } => Some(Self::Bot(id.clone())),
            Participant::Customer { .. } => None,
        }
    }

    /// The same for an event.
    pub fn participant(&self) -> Participant {
        match self {
            Self::Agent(agent) => Participant::Agent { id: agent.id.clone() },
            Self::Bot(id) => Participant::Bot { id: id.clone() },
        }
    }

    /// Who it is, as a customer sees them before a chat: `id`, `name`, `avatar`, `job_title`, `is_bot`.
    pub fn face(&self, lens: &Lens<'_>) -> Value {
        match self {
            Self::Agent(agent) => show::face_of_agent(lens, agent),
            Self::Bot(bot) => show::face_of_bot(lens, bot),
        }
    }
}

/// Who would get a customer's chat now: the channel's bot, or whom the routing would choose.
pub async fn now(
    app: &App,
    workspace: WorkspaceId,
    channel: Option<ChannelId>,
    group: GroupNumber,
) -> Result<Prediction, Failure> {
    let directory =
        app.directory(workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    if group != GroupNumber::EVERYONE && directory.group(group).is_none() {
        return Err(Failure::new(ErrorType::GroupNotFound, "there is no such group"));
    }
    if let Some(bot) = channel.and_then(|channel| app.bot_of_channel(workspace, channel)) {
        return Ok(Prediction { answerer: Answerer::Bot(bot), queue: false });
    }
    let candidates = situation(app, workspace, group).await?;
    if status_for_customers(&candidates) == "offline" {
        return Err(Failure::from(if group == GroupNumber::EVERYONE {
            ErrorType::GroupsOffline
        } else {
            ErrorType::GroupOffline
        }));
    }
    let rules = Rules::of(app, workspace);
    let may_wait = rules.queue_enabled || rules.manual;
    let decision = choose(&candidates, &Wanted { group, may_wait, ..Wanted::default() });
    // Who waits is told of the one who would come first: the least loaded of those who are there.
    let unavailable = || Failure::from(ErrorType::GroupUnavailable);
    let (id, queue) = match decision.choice {
        Choice::Agent(id) => (id, false),
        Choice::Queue => {
            let there = candidates.iter().filter(|candidate| candidate.unavailable.is_none());
            (first(there).ok_or_else(unavailable)?.id.clone(), true)
        }
        Choice::Nobody => return Err(unavailable()),
    };
    let agent = directory.agent(&id).ok_or_else(unavailable)?;
    Ok(Prediction { answerer: Answerer::Agent(agent), queue })
}

/// Who speaks for a team: who would answer now, or, while nobody is there, who has the first turn. `None` where a team has
/// nobody.
pub async fn voice(
    app: &App,
    workspace: WorkspaceId,
    channel: Option<ChannelId>,
    group: GroupNumber,
) -> Result<Option<Answerer>, Failure> {
    match now(app, workspace, channel, group).await {
        Ok(prediction) => return Ok(Some(prediction.answerer)),
        Err(failure) if is_nobody_there(failure.error_type) => {}
        Err(failure) => return Err(failure),
    }
    let candidates = situation(app, workspace, group).await?;
    let agents = candidates.iter().filter(|candidate| candidate.priority != Priority::Supervisor);
    let who = first(agents).map(|candidate| candidate.id.clone());
    Ok(who.and_then(|id| app.directory(workspace)?.agent(&id)).map(Answerer::Agent))
}

/// Whether a prediction failed because nobody could answer now.
fn is_nobody_there(error: ErrorType) -> bool {
    matches!(
        error,
        ErrorType::GroupOffline | ErrorType::GroupsOffline | ErrorType::GroupUnavailable
    )
}

fn first<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Option<&'a Candidate> {
    candidates.min_by_key(|candidate| (candidate.priority, candidate.chats, &candidate.id))
}
