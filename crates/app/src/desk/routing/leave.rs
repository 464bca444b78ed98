//! An agent went away: their chats go to others of the team, wait in its queue, or, where nobody may wait, are closed.

use std::collections::BTreeSet;

use serde_json::json;
use tidings_model::{
    Agent, AgentId, Author, Chat, ChatId, ChatStatus, Holder, Participant, Visibility, WorkspaceId,
};
use tidings_store::{Batch, CommitError, DocumentQuery, Kind, ReadError, Scan};

use super::assign::{Reason, give, queue};
use super::queue::team_of;
use super::rules::Rules;
use super::{Choice, Decision, Wanted, choose, situation};
use crate::App;
use crate::desk::change::CONFLICT_TRIES_MAX;
use crate::directory::Directory;
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::scene::{Scene, seen};

/// How many chats of one agent are looked at: more than they may have.
const CHATS_MAX: usize = 1_000;

/// How an agent went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// They signed out.
    SignedOut,
    /// Somebody signed them out.
    RemotelySignedOut,
    /// Their last connection ended.
    Disconnected,
    /// They were deleted or suspended.
    Deleted,
    /// They were silent for so many minutes.
    Inactive(u64),
}

impl Gone {
    /// As it stands in the system messages' names.
    const fn word(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::RemotelySignedOut => "remotely_signed_out",
            Self::Disconnected => "disconnected",
            Self::Deleted => "deleted",
            Self::Inactive(_) => "inactive",
        }
    }
}

/// Takes all chats of an agent away. Running it again finds none left.
pub async fn all_of(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
    gone: Gone,
) -> Result<(), ReadError> {
    let scan = Scan::Equal { name: "assignee", value: agent.to_string() };
    let query = DocumentQuery { kind: Kind::Chat, scan, after: None, limit: CHATS_MAX };
    let page = app.store().documents(workspace, query).await?;
    for document in page.documents {
        let chat: Chat = seen(document)?.value;
        one(app, workspace, chat.id, agent, gone).await?;
    }
    Ok(())
}

/// Takes one chat away from an agent.
pub async fn one(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
    agent: &AgentId,
    gone: Gone,
) -> Result<(), ReadError> {
    let Some(directory) = app.directory(workspace) else { return Ok(()) };
    let routing = app.routing(workspace);
    let _turn = routing.turn().await;
    for _ in 0..CONFLICT_TRIES_MAX {
        let Some(scene) = app.scene(workspace, chat).await? else {
            return Ok(());
        };
        if !is_left_alone(&scene, agent) {
            return Ok(());
        }
        let rules = Rules::of(app, workspace);
        let group = team_of(&directory, &scene.chat.value);
        let Ok(candidates) = situation(app, workspace, group).await else { return Ok(()) };
        let wanted = Wanted {
            group,
            not: BTreeSet::from([agent.clone()]),
            may_wait: rules.queue_enabled,
            prefer: None,
        };
        let decision = choose(&candidates, &wanted);
        let mut batch = Batch::new(workspace);
        let mut change =
            ChatChange::begin(workspace, &scene, Author::system(), None, app.clock.as_ref());
        decide(&mut change, &directory, agent, gone, &decision, &rules);
        change.finish(&mut batch);
        if let Some(turn) = &decision.turn {
            turn.take(&mut batch);
        }
        match app.commit(batch).await {
            Ok(_) => {
                if let Choice::Agent(id) = &decision.choice {
                    routing.gave(id, app.now());
                }
                return Ok(());
            }
            Err(CommitError::Conflict { .. }) => app.forget_scene(workspace, chat),
            Err(error) => {
                tracing::warn!("a chat of an agent who went could not be moved: {error}");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Whether the chat is open, the agent works on it, and no other agent does.
fn is_left_alone(scene: &Scene, agent: &AgentId) -> bool {
    let chat = &scene.chat.value;
    let mut works = false;
    for member in chat.present_agents().filter(|member| member.visibility == Visibility::All) {
        match &member.who {
            Participant::Agent { id } if id == agent => works = true,
            Participant::Agent { .. } => return false,
            Participant::Bot { .. } | Participant::Customer { .. } => {}
        }
    }
    let held_by_bot = matches!(scene.control.value.holder, Holder::Bot { .. });
    chat.status == ChatStatus::Open && works && !held_by_bot
}

fn decide(
    change: &mut ChatChange<'_>,
    directory: &Directory,
    agent: &AgentId,
    gone: Gone,
    decision: &Decision,
    rules: &Rules,
) {
    let removed = name_of(directory, agent);
    let word = gone.word();
    match &decision.choice {
        Choice::Agent(id) => {
            let Some(to) = directory.agent(id) else { return };
            let mut vars = json!({ "agent_added": to.name, "agent_removed": removed });
            let text = match gone {
                Gone::Inactive(minutes) => {
                    put_duration(&mut vars, minutes);
                    format!(
                        "The chat went from {removed} to {}, since {removed} was silent for {minutes} minutes",
                        to.name
                    )
                }
                Gone::SignedOut | Gone::RemotelySignedOut => {
                    format!(
                        "The chat went from {removed} to {}, since {removed} signed out",
                        to.name
                    )
                }
                Gone::Disconnected => format!(
                    "The chat went from {removed} to {}, since the connection of {removed} was lost",
                    to.name
                ),
                Gone::Deleted => format!("The chat went from {removed} to {}", to.name),
            };
            let reason =
                if matches!(gone, Gone::Inactive(_)) { Reason::Inactive } else { Reason::Assigned };
            give(change, &to, reason, decision);
            tell(change, &format!("routing.assigned_{word}"), &text, &vars);
        }
        // Who is silent and has nobody to follow keeps the chat: better slow than nobody.
        Choice::Queue | Choice::Nobody if matches!(gone, Gone::Inactive(_)) => {}
        Choice::Queue => {
            queue(change, Reason::Unassigned, decision);
            tell(
                change,
                &format!("routing.unassigned_{word}"),
                &format!("{removed} is not there any more; the chat waits for another agent"),
                &json!({ "agent": removed }),
            );
        }
        Choice::Nobody if rules.queue_enabled => {
            queue(change, Reason::Unassigned, decision);
            tell(
                change,
                &format!("routing.unassigned_{word}"),
                &format!("{removed} is not there any more; the chat waits until somebody is"),
                &json!({ "agent": removed }),
            );
        }
        Choice::Nobody => {
            tell(
                change,
                &format!("routing.archived_{word}"),
                &format!("The chat was closed, since {removed} is not there any more"),
                &json!({ "agent": removed }),
            );
            change.close("nobody is there");
        }
    }
}

/// Says it in the chat, for agents and customer.
pub(super) fn tell(change: &mut ChatChange<'_>, kind: &str, text: &str, vars: &serde_json::Value) {
    change.raise(
        "chat.system_message",
        json!({ "system_message_type": kind, "text": text, "text_vars": vars }),
    );
}

fn put_duration(vars: &mut serde_json::Value, minutes: u64) {
    if let Some(vars) = vars.as_object_mut() {
        vars.insert("duration".into(), minutes.to_string().into());
    }
}

fn name_of(directory: &Directory, agent: &AgentId) -> String {
    directory
        .agent(agent)
        .map_or_else(|| agent.to_string(), |agent: std::sync::Arc<Agent>| agent.name.clone())
}
