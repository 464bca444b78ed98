//! Handing a chat over: `transfer_chat`, `list_agents_for_transfer`.
//!
//! Who gets it is decided by [`crate::desk::routing`], and why stands in `chat.transferred`. A second transfer to the
//! same agent is a transfer of its own: it finds them in the chat already, and moves nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{
    Agent, AgentId, AgentStatus, Chat, ChatStatus, GroupName, GroupNumber, Member, Participant,
    Role, Visibility, WorkspaceId,
};

use super::access;
use super::joining::known_agent;
use super::members::{
    MANUAL, comes, goes, hand_to, needs_active, needs_presence, system_message, workers,
};
use crate::App;
use crate::desk::actor::is_open_to;
use crate::desk::change::{CONFLICT_TRIES_MAX, Deciding, in_chat_by_turn, turns_move_too_fast};
use crate::desk::find;
use crate::desk::routing::{Candidate, Choice, Decision, Turn, Wanted, choose, situation};
use crate::desk::{Actor, ErrorType, Failure};
use crate::directory::Directory;
use crate::pipeline::scene::Scene;

/// To whom a chat is transferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To one of these agents.
    Agents(Vec<String>),
    /// To a team: the first of these that has somebody.
    Groups(Vec<GroupNumber>),
    /// To somebody else of the team that it is with.
    SameGroup,
}

/// How it is transferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Also to who is not there or has no room: a team's queue, an agent who is away.
    pub ignore_availability: bool,
    /// Also by an agent who is not in the chat.
    pub ignore_presence: bool,
}

/// Where a chat goes.
struct Destination {
    /// The team that sees it from now on; `None` leaves that as it is.
    access: Option<GroupNumber>,
    /// Who gets it; `None` means the queue.
    agent: Option<Arc<Agent>>,
    /// Why.
    why: Vec<String>,
    /// What is to be taken with the commit, where an agent gets it.
    turn: Option<Turn>,
}

/// Transfers an active chat.
pub async fn transfer(
    app: &App,
    actor: &Actor,
    chat: &str,
    target: &Target,
    manner: Manner,
) -> Result<(), Failure> {
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let scene = find::chat(app, actor, chat).await?;
    refuse_early(actor, &scene, manner)?;
    let routing = app.routing(actor.workspace);
    for _ in 0..CONFLICT_TRIES_MAX {
        let turn = routing.turn().await;
        let to = destination(app, &directory, &scene, target, manner).await?;
        let moved = in_chat_by_turn(app, actor, chat, |deciding| {
            needs_active(deciding)?;
            needs_presence(deciding, manner.ignore_presence)?;
            hand_over(deciding, &to);
            if let Some(turn) = &to.turn {
                turn.take(&mut deciding.batch);
            }
            Ok(())
        })
        .await;
        drop(turn);
        if moved?.is_none() {
            continue;
        }
        if let (Some(agent), false) = (&to.agent, matches!(target, Target::Agents(_))) {
            routing.gave(&agent.id, app.now());
        }
        return Ok(());
    }
    Err(turns_move_too_fast())
}

/// Where it goes.
async fn destination(
    app: &App,
    directory: &Directory,
    scene: &Scene,
    target: &Target,
    manner: Manner,
) -> Result<Destination, Failure> {
    match target {
        Target::Agents(ids) => {
            to_agents(app, directory, &scene.chat.value, ids, manner.ignore_availability).await
        }
        Target::Groups(groups) => {
            for group in groups {
                if *group != GroupNumber::EVERYONE && directory.group(*group).is_none() {
                    return Err(Failure::new(
                        ErrorType::NotFound,
                        format!("there is no group {group}"),
                    ));
                }
            }
            let groups: Vec<_> = groups.iter().map(|group| (*group, Some(*group))).collect();
            to_groups(app, directory, scene, &groups, manner.ignore_availability).await
        }
        Target::SameGroup => {
            let access = &scene.chat.value.access;
            let mut groups: Vec<_> = access.iter().map(|group| (*group, None)).collect();
            if groups.is_empty() {
                groups.push((GroupNumber::EVERYONE, None));
            }
            to_groups(app, directory, scene, &groups, manner.ignore_availability).await
        }
    }
}

/// What the chat itself refuses is told before who is there to take it.
fn refuse_early(actor: &Actor, scene: &Scene, manner: Manner) -> Result<(), Failure> {
    if scene.chat.value.status == ChatStatus::Closed {
        return Err(ErrorType::ChatInactive.into());
    }
    if !manner.ignore_presence && !scene.chat.value.is_present(&actor.participant()) {
        return Err(Failure::new(
            ErrorType::Authorization,
            "the requester is not in the chat; join it, or set `ignore_requester_presence`",
        ));
    }
    Ok(())
}

/// To one of these agents: who sees the chat, and of those that are there, who has the fewest chats.
async fn to_agents(
    app: &App,
    directory: &Directory,
    chat: &Chat,
    ids: &[String],
    ignore_availability: bool,
) -> Result<Destination, Failure> {
    let mut named: Vec<Arc<Agent>> = Vec::new();
    for id in ids {
        let agent = known_agent(directory, id)?;
        if agent.role < Role::Administrator
            && !is_open_to(&chat.access, &directory.groups_of(&agent))
        {
            return Err(Failure::new(
                ErrorType::MissingAccess,
                format!("{id} has no access to this chat"),
            ));
        }
        named.push(agent);
    }
    let all = situation(app, directory.workspace(), GroupNumber::EVERYONE).await?;
    let chats_of =
        |id: &AgentId| all.iter().find(|one| one.id == *id).map_or(u64::MAX, |one| one.chats);
    let mut there: Vec<Arc<Agent>> = named
        .iter()
        .filter(|agent| ignore_availability || agent.status != AgentStatus::Offline)
        .cloned()
        .collect();
    there.sort_by_key(|agent| (agent.status == AgentStatus::Offline, chats_of(&agent.id)));
    let Some(agent) = there.into_iter().next() else {
        return Err(Failure::new(
            ErrorType::AgentOffline,
            "none of these agents is there; set `ignore_agents_availability` to transfer it anyway",
        ));
    };
    let why = vec![format!("{}: named by who transferred it", agent.id)];
    let turn = all.into_iter().find(|one| one.id == agent.id).and_then(|one| one.turn);
    Ok(Destination { access: None, agent: Some(agent), why, turn })
}

/// To the first of these teams that has somebody who takes it; when none has, and that does not matter, into the queue
/// of the first. With each team stands what becomes of the chat's access.
async fn to_groups(
    app: &App,
    directory: &Directory,
    scene: &Scene,
    groups: &[(GroupNumber, Option<GroupNumber>)],
    ignore_availability: bool,
) -> Result<Destination, Failure> {
    let here = scene.chat.value.present_agents();
    let not: BTreeSet<AgentId> = here
        .filter_map(|member| match &member.who {
            Participant::Agent { id } => Some(id.clone()),
            Participant::Customer { .. } | Participant::Bot { .. } => None,
        })
        .collect();
    let mut why = Vec::new();
    for (group, access) in groups {
        let candidates = situation(app, directory.workspace(), *group).await?;
        let wanted =
            Wanted { group: *group, prefer: None, not: not.clone(), may_wait: ignore_availability };
        let Decision { choice, why: steps, turn } = choose(&candidates, &wanted);
        why.extend(steps);
        if let Choice::Agent(id) = choice
            && let Some(agent) = directory.agent(&id)
        {
            return Ok(Destination { access: *access, agent: Some(agent), why, turn });
        }
    }
    if !ignore_availability {
        return Err(Failure::new(
            ErrorType::AgentOffline,
            "nobody there takes the chat now; set `ignore_agents_availability` to put it into the queue",
        )
        .with_data(json!({ "why": why })));
    }
    let access = groups.first().and_then(|(_, access)| *access);
    Ok(Destination { access, agent: None, why, turn: None })
}

fn hand_over(deciding: &mut Deciding<'_>, to: &Destination) {
    let change = &mut deciding.chat;
    let before = workers(change);
    let groups_before = group_ids(&deciding.scene.chat.value.access);
    let groups = to.access.map_or_else(|| groups_before.clone(), |group| vec![group.0]);
    let agents: Vec<AgentId> = to.agent.iter().map(|agent| agent.id.clone()).collect();
    change.raise(
        "chat.transferred",
        json!({
            "reason": MANUAL,
            "requester": deciding.actor.id(),
            "from": { "group_ids": groups_before, "agent_ids": before },
            "to": { "group_ids": groups, "agent_ids": agents },
            "why": to.why,
        }),
    );
    if let Some(group) = to.access {
        access::set(change, &BTreeSet::from([group]));
    }
    for id in before.iter().filter(|id| !agents.contains(id)) {
        goes(change, &Participant::Agent { id: id.clone() }, MANUAL);
    }
    let group = match to.access {
        Some(group) => key_of(deciding.directory, group),
        None => change.after().chat.value.group.clone(),
    };
    match &to.agent {
        Some(agent) => {
            let who = Participant::Agent { id: agent.id.clone() };
            comes(change, Member::new(who), MANUAL);
            let assignee = change.after().chat.value.assignee.clone();
            if to.access.is_some() && change.after().chat.value.group != group {
                change.assign(assignee, group);
            }
            hand_to(change, agent, "the chat was transferred to them");
        }
        None => {
            if to.access.is_some() && group.is_none() {
                // Everyone's queue: no team owns it any more.
                change.assign(None, None);
            }
            change.queue(group, "the chat was transferred to the team".into());
        }
    }
    let initiator = deciding.actor.name();
    let targets = match &to.agent {
        Some(agent) => agent.name.clone(),
        None => team_names(deciding.directory, &groups),
    };
    let text = format!("{initiator} transferred the chat to {targets}");
    let vars = [("initiator", initiator.as_str()), ("targets", targets.as_str())];
    system_message(change, "chat_transferred", text, &vars).visibility = Visibility::Agents;
}

/// The teams that see a chat, as numbers; 0 is everyone.
pub(in crate::desk) fn group_ids(access: &BTreeSet<GroupNumber>) -> Vec<u32> {
    if access.is_empty() { vec![0] } else { access.iter().map(|group| group.0).collect() }
}

/// The name that behaviors and settings know a team by; everyone has none.
pub(in crate::desk) fn key_of(directory: &Directory, group: GroupNumber) -> Option<GroupName> {
    directory.group(group).map(|group| group.key.clone())
}

fn team_names(directory: &Directory, groups: &[u32]) -> String {
    let name = |number: &u32| match directory.group(GroupNumber(*number)) {
        Some(group) => group.name.clone(),
        None => "everyone".into(),
    };
    groups.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Agents whom a chat may be transferred to, each with the chats that they have now, fewest first: those who see it, are
/// there, and are not in it.
pub async fn targets(app: &App, actor: &Actor, chat: &str) -> Result<Vec<Value>, Failure> {
    let scene = find::chat(app, actor, chat).await?;
    let chat = &scene.chat.value;
    let all = everybody(app, actor.workspace).await?;
    let mut targets: Vec<(u64, AgentId)> = all
        .into_iter()
        .filter(|(agent, groups, _)| {
            let sees = agent.role >= Role::Administrator || is_open_to(&chat.access, groups);
            sees && !chat.is_present(&Participant::Agent { id: agent.id.clone() })
        })
        .map(|(agent, _, candidate)| (candidate.chats, agent.id.clone()))
        .collect();
    targets.sort();
    // The documentation has both names for the load.
    let shown = |(chats, id): (u64, AgentId)| json!({ "agent_id": id, "total_active_chats": chats, "active_chats": chats });
    Ok(targets.into_iter().map(shown).collect())
}

type Somebody = (Arc<Agent>, BTreeSet<GroupNumber>, Candidate);

/// All agents who are there, with their teams and their load.
async fn everybody(app: &App, workspace: WorkspaceId) -> Result<Vec<Somebody>, Failure> {
    let Some(directory) = app.directory(workspace) else { return Ok(Vec::new()) };
    let candidates = situation(app, workspace, GroupNumber::EVERYONE).await?;
    let there = |agent: &Arc<Agent>| {
        agent.status != AgentStatus::Offline && !agent.suspended && !agent.awaiting_approval
    };
    Ok(candidates
        .into_iter()
        .filter_map(|candidate| Some((directory.agent(&candidate.id)?, candidate)))
        .filter(|(agent, _)| there(agent))
        .map(|(agent, candidate)| {
            let groups = directory.groups_of(&agent);
            (agent, groups, candidate)
        })
        .collect())
}
