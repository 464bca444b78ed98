//! Where a customer's thread goes when it begins: to the channel's bot, to an agent, or into the queue.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_model::{Agent, AgentId, BotName, GroupNumber, WorkspaceId};

use crate::App;
use crate::desk::routing::rules::Rules;
use crate::desk::routing::{Choice, Decision, Turn, Wanted, choose, situation};
use crate::desk::{ErrorType, Failure};

/// Where a thread goes.
#[derive(Clone, Debug)]
pub enum Place {
    /// The channel's bot has it.
    Bot(BotName),
    /// An agent has it.
    Agent(Arc<Agent>),
    /// It waits.
    Queue,
}

/// Where a thread goes, and why.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where.
    pub to: Place,
    /// With which team.
    pub group: GroupNumber,
    /// Why, step by step, for people.
    pub why: Vec<String>,
    /// What is to be taken with the commit, where an agent has it.
    pub turn: Option<Turn>,
}

/// What is known of a thread that begins.
#[derive(Clone, Debug)]
pub struct Arriving<'a> {
    /// The bot of its channel.
    pub bot: Option<BotName>,
    /// The teams that see it.
    pub access: &'a BTreeSet<GroupNumber>,
    /// Whom the customer talked to last.
    pub prefer: Option<AgentId>,
    /// Whether it may wait though nobody is there.
    pub continuous: bool,
}

/// Decides where a thread goes. Hold the turn of [`App::routing`] until it is committed.
pub async fn place(
    app: &App,
    workspace: WorkspaceId,
    arriving: Arriving<'_>,
) -> Result<Placed, Failure> {
    let groups: Vec<GroupNumber> = if arriving.access.is_empty() {
        vec![GroupNumber::EVERYONE]
    } else {
        arriving.access.iter().copied().collect()
    };
    let first = groups.first().copied().unwrap_or_default();
    if let Some(bot) = arriving.bot {
        let why = vec![format!("the channel's bot {bot} has it")];
        return Ok(Placed { to: Place::Bot(bot), group: first, why, turn: None });
    }
    let rules = Rules::of(app, workspace);
    let mut why = Vec::new();
    let mut waits_for = None;
    for group in &groups {
        let candidates = situation(app, workspace, *group).await?;
        let wanted = Wanted {
            group: *group,
            prefer: arriving.prefer.clone().filter(|_| rules.prefer_recent_agent),
            not: BTreeSet::new(),
            may_wait: rules.queue_enabled || rules.manual,
        };
        let Decision { choice, why: steps, turn } = choose(&candidates, &wanted);
        why.extend(steps);
        match choice {
            Choice::Agent(_) if rules.manual => {
                why.push("agents take chats by hand: it waits".into());
                waits_for = waits_for.or(Some(*group));
            }
            Choice::Agent(id) => {
                let agent = app.directory(workspace).and_then(|all| all.agent(&id));
                if let Some(agent) = agent {
                    return Ok(Placed { to: Place::Agent(agent), group: *group, why, turn });
                }
            }
            Choice::Queue => waits_for = waits_for.or(Some(*group)),
            Choice::Nobody => {}
        }
    }
    match waits_for {
        Some(group) => Ok(Placed { to: Place::Queue, group, why, turn: None }),
        None if arriving.continuous => {
            why.push("it waits though nobody is there".into());
            Ok(Placed { to: Place::Queue, group: first, why, turn: None })
        }
        None if groups == [GroupNumber::EVERYONE] || groups.len() > 1 => {
            Err(Failure::from(ErrorType::GroupsOffline))
        }
        None => Err(Failure::from(ErrorType::GroupOffline)),
    }
}
