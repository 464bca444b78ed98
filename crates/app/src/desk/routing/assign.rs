//! Giving a chat to an agent: who had it goes, who gets it comes, and everybody is told why. Pure.

use std::collections::BTreeSet;

use serde_json::json;
use tidings_model::{Agent, AgentId, BotName, Holder, Member, Participant, Visibility};

use super::Decision;
use crate::pipeline::chat_change::ChatChange;

/// Why a chat changes hands, in the words of the pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody asked for it.
    Manual,
    /// The agent was silent.
    Inactive,
    /// The router gave it.
    Assigned,
    /// The router took it away.
    Unassigned,
    /// Anything else.
    Other,
}

impl Reason {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Inactive => "inactive",
            Self::Assigned => "assigned",
            Self::Unassigned => "unassigned",
            Self::Other => "other",
        }
    }
}

/// Gives the chat to an agent. Agents who had it go, unless they only look on.
pub fn give(change: &mut ChatChange<'_>, to: &Agent, reason: Reason, decision: &Decision) {
    let before = take_from_all(change, Some(&to.id), reason);
    let who = Participant::Agent { id: to.id.clone() };
    let came = change.after().chat.value.enter(Member::new(who.clone()));
    if came {
        let user = json!({ "kind": "agent", "id": to.id });
        change.raise(
            "chat.user_added",
            json!({ "user": user, "visibility": "all", "reason": reason.as_str() }),
        );
    }
    let group_ids: Vec<u32> = groups_of(change);
    change.raise(
        "chat.transferred",
        json!({
            "reason": reason.as_str(),
            "to": { "group_ids": group_ids, "agent_ids": [to.id] },
            "from": { "group_ids": group_ids, "agent_ids": before },
            "why": decision.why,
        }),
    );
    let words = decision.why.last().cloned().unwrap_or_default();
    if to.bot.is_some() {
        if let Ok(id) = to.id.as_str().parse::<BotName>() {
            let group = change_group(change);
            change.assign(None, group);
            change.move_control(Holder::Bot { id }, words);
        }
    } else {
        change.give_to_agent(to.id.clone(), words);
    }
}

/// Puts the chat into the queue of its team. Agents who had it go, unless they only look on.
pub fn queue(change: &mut ChatChange<'_>, reason: Reason, decision: &Decision) {
    let before = take_from_all(change, None, reason);
    let group_ids: Vec<u32> = groups_of(change);
    change.raise(
        "chat.transferred",
        json!({
            "reason": reason.as_str(),
            "to": { "group_ids": group_ids, "agent_ids": [] },
            "from": { "group_ids": group_ids, "agent_ids": before },
            "why": decision.why,
        }),
    );
    let group = change_group(change);
    change.queue(group, decision.why.last().cloned().unwrap_or_default());
}

/// Those who work on the chat go out of it; returns who they were.
fn take_from_all(
    change: &mut ChatChange<'_>,
    but: Option<&AgentId>,
    reason: Reason,
) -> BTreeSet<AgentId> {
    let workers: Vec<AgentId> = change
        .after()
        .chat
        .value
        .present_agents()
        .filter(|member| member.visibility == Visibility::All)
        .filter_map(|member| match &member.who {
            Participant::Agent { id } if Some(id) != but => Some(id.clone()),
            Participant::Agent { .. } | Participant::Bot { .. } | Participant::Customer { .. } => {
                None
            }
        })
        .collect();
    for id in &workers {
        change.after().chat.value.leave(&Participant::Agent { id: id.clone() });
        let user = json!({ "kind": "agent", "id": id });
        change.raise(
            "chat.user_removed",
            json!({ "user": user, "visibility": "all", "reason": reason.as_str() }),
        );
    }
    workers.into_iter().collect()
}

fn groups_of(change: &mut ChatChange<'_>) -> Vec<u32> {
    let access = &change.after().chat.value.access;
    if access.is_empty() { vec![0] } else { access.iter().map(|group| group.0).collect() }
}

fn change_group(change: &mut ChatChange<'_>) -> Option<tidings_model::GroupName> {
    change.after().chat.value.group.clone()
}
