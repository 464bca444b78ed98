//! The team: agents, bots that speak our API, and groups, as the Configuration API changes them.
//!
//! A change reads all of the team, decides on the copy, and commits what differs with the versions that it saw, together
//! with the events that tell of it. Teams have some hundred people at most, and change a few times a day.
//!
//! Safe to run twice: what is so already is not written again.

pub mod agents;
pub mod bots;
pub mod devices;
pub mod groups;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::{Value, json};
use tidings_model::{Agent, AgentId, AgentStatus, Group, GroupNumber, Priority, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocKey, Kind};

use super::change::unwritable;
use super::find::unreadable;
use super::hub::Cut;
use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::admin::told::different;
use crate::directory::{all_seen, everyone};
use crate::pipeline::scene::Seen;

/// How often a change is decided anew because the team was changed meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// The team, to be changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Team {
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) groups: BTreeMap<GroupNumber, Group>,
}

impl Team {
    /// An agent or a bot.
    pub(crate) fn agent_mut(&mut self, id: &str) -> Result<&mut Agent, Failure> {
        let missing = || Failure::new(ErrorType::NotFound, "there is no such agent");
        let id: AgentId = id.parse().map_err(|_| missing())?;
        self.agents.get_mut(&id).ok_or_else(missing)
    }

    /// Puts an agent into these groups with these turns, and out of all others.
    pub(crate) fn place(
        &mut self,
        id: &AgentId,
        groups: &BTreeMap<GroupNumber, Priority>,
    ) -> Result<(), Failure> {
        if let Some(number) = groups.keys().find(|number| !self.groups.contains_key(number)) {
            return Err(no_group(*number));
        }
        let mut keys = std::collections::BTreeSet::new();
        for group in self.groups.values_mut() {
            match groups.get(&group.number) {
                Some(priority) => {
                    keys.insert(group.key.clone());
                    group.priorities.insert(id.clone(), *priority);
                }
                None => {
                    group.priorities.remove(id);
                }
            }
        }
        if let Some(agent) = self.agents.get_mut(id) {
            agent.groups = keys;
        }
        Ok(())
    }

    /// Puts exactly these agents into a group.
    pub(crate) fn fill(
        &mut self,
        number: GroupNumber,
        priorities: &BTreeMap<AgentId, Priority>,
    ) -> Result<(), Failure> {
        if let Some(id) = priorities.keys().find(|id| !self.agents.contains_key(id)) {
            return Err(Failure::field("agent_priorities", format!("there is no agent {id}")));
        }
        let group = self.groups.get_mut(&number).ok_or_else(|| no_group(number))?;
        group.priorities.clone_from(priorities);
        for agent in self.agents.values_mut() {
            if priorities.contains_key(&agent.id) {
                agent.groups.insert(group.key.clone());
            } else {
                agent.groups.remove(&group.key);
            }
        }
        Ok(())
    }

    /// The groups of an agent, each with the turn.
    pub(crate) fn groups_of(&self, agent: &Agent) -> Vec<(GroupNumber, Priority)> {
        groups_of(self.groups.values(), agent)
    }
}

fn groups_of<'a>(
    groups: impl Iterator<Item = &'a Group>,
    agent: &Agent,
) -> Vec<(GroupNumber, Priority)> {
    groups
        .filter_map(|group| match group.priorities.get(&agent.id) {
            Some(priority) => Some((group.number, *priority)),
            None => agent.groups.contains(&group.key).then_some((group.number, Priority::Normal)),
        })
        .collect()
}

fn no_group(number: GroupNumber) -> Failure {
    Failure::new(ErrorType::GroupNotFound, format!("there is no group {number}"))
}

/// Reads the team.
pub(crate) async fn read(app: &App, workspace: WorkspaceId) -> Result<Seen<Team>, Failure> {
    let (team, _) = read_with_documents(app, workspace).await?;
    Ok(Seen::absent(team))
}

/// The documents of the team, apart from what they said.
type Documents = BTreeMap<DocKey, Seen<()>>;

async fn read_with_documents(
    app: &App,
    workspace: WorkspaceId,
) -> Result<(Team, Documents), Failure> {
    let store = app.store.as_ref();
    let agents: Vec<Seen<Agent>> =
        all_seen(store, workspace, Kind::Agent).await.map_err(unreadable)?;
    let groups: Vec<Seen<Group>> =
        all_seen(store, workspace, Kind::Group).await.map_err(unreadable)?;
    let mut team = Team::default();
    let mut documents = Documents::new();
    for (value, document) in agents.into_iter().map(Seen::apart) {
        documents.insert(DocKey::new(Kind::Agent, &value.id), document);
        team.agents.insert(value.id.clone(), value);
    }
    team.groups.insert(GroupNumber::EVERYONE, everyone());
    for (value, document) in groups.into_iter().map(Seen::apart) {
        documents.insert(DocKey::new(Kind::Group, value.number), document);
        team.groups.insert(value.number, value);
    }
    Ok((team, documents))
}

/// Decides about the team and commits. `decide` is asked again when the team moved meanwhile; it does nothing else than
/// decide.
pub(crate) async fn change<T: Send>(
    app: &App,
    actor: &Actor,
    decide: impl Fn(&mut Team) -> Result<T, Failure> + Send + Sync,
) -> Result<T, Failure> {
    let workspace = actor.workspace;
    for _ in 0..CONFLICT_TRIES_MAX {
        let (before, documents) = read_with_documents(app, workspace).await?;
        let mut after = before.clone();
        let value = decide(&mut after)?;
        let mut batch = Batch::new(workspace);
        let difference = Difference { app, actor, documents: &documents };
        let left = difference.write(&before, &after, &mut batch);
        if batch.is_empty() {
            return Ok(value);
        }
        actor.mark(app, &batch);
        match app.commit(batch).await {
            Ok(_) => {
                if let Some(directory) = app.directory(workspace) {
                    directory.refresh(app).await.map_err(unreadable)?;
                }
                if let Some(hub) = app.hub(workspace) {
                    for (agent, cut) in left {
                        hub.disconnect_agent(&agent, cut, app.now());
                    }
                }
                return Ok(value);
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(unwritable(app, actor, error).await),
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the team changes too fast; try again"))
}

/// What differs between two states of a team, as it is written and told.
struct Difference<'a> {
    app: &'a App,
    actor: &'a Actor,
    documents: &'a Documents,
}

impl Difference<'_> {
    /// Gives the agents whose connections end, and why.
    fn write(&self, before: &Team, after: &Team, batch: &mut Batch) -> Vec<(AgentId, Cut)> {
        let mut left = Vec::new();
        for agent in before.agents.values().filter(|agent| !after.agents.contains_key(&agent.id)) {
            self.delete(batch, DocKey::new(Kind::Agent, &agent.id));
            self.went_offline(batch, agent);
            self.tell(
                batch,
                "agent.deleted",
                json!({ "agent": agent.id, "bot": agent.bot.is_some() }),
            );
            left.push((agent.id.clone(), Cut::LoggedOutRemotely));
        }
        for group in before.groups.values() {
            match after.groups.get(&group.number) {
                None => {
                    self.delete(batch, DocKey::new(Kind::Group, group.number));
                    self.tell(batch, "group.deleted", json!({ "group": group.number }));
                }
                Some(now) if now != group => {
                    self.put(batch, DocKey::new(Kind::Group, group.number), now, now.key.as_str());
                    let changed = different(group, now);
                    self.tell(
                        batch,
                        "group.updated",
                        json!({ "group": group.number, "changed": changed }),
                    );
                }
                Some(_) => {}
            }
        }
        for group in after.groups.values() {
            if !before.groups.contains_key(&group.number) {
                self.put(batch, DocKey::new(Kind::Group, group.number), group, group.key.as_str());
                self.tell(
                    batch,
                    "group.created",
                    json!({ "group": group.number, "key": group.key, "name": group.name }),
                );
            }
        }
        for agent in after.agents.values() {
            let known = before.agents.get(&agent.id);
            if known == Some(agent) && before.groups_of(agent) == after.groups_of(agent) {
                continue;
            }
            if known != Some(agent) {
                let account = agent.account.to_string();
                self.put(batch, DocKey::new(Kind::Agent, &agent.id), agent, &account);
            }
            match known {
                None => self.tell(
                    batch,
                    "agent.created",
                    json!({ "agent": agent.id, "name": agent.name, "bot": agent.bot.is_some() }),
                ),
                Some(known) => left.extend(self.tell_of_change(batch, known, agent, before, after)),
            }
        }
        left
    }

    fn tell_of_change(
        &self,
        batch: &mut Batch,
        before: &Agent,
        after: &Agent,
        team_before: &Team,
        team_after: &Team,
    ) -> Option<(AgentId, Cut)> {
        let id = &after.id;
        let bot = after.bot.is_some();
        let named = |batch: &mut Batch, event_type: &str| {
            self.tell(batch, event_type, json!({ "agent": id }));
        };
        let mut cut = None;
        if !before.suspended && after.suspended {
            self.went_offline(batch, before);
            named(batch, "agent.suspended");
            cut = Some(Cut::LoggedOutRemotely);
        }
        if before.suspended && !after.suspended {
            named(batch, "agent.unsuspended");
        }
        if before.awaiting_approval && !after.awaiting_approval {
            named(batch, "agent.approved");
        }
        if before.role != after.role {
            cut = cut.or(Some(Cut::RoleChanged));
        }
        let told_otherwise = ["suspended", "awaiting_approval", "status", "connected"];
        let mut changed = different(before, after);
        changed.retain(|name| !told_otherwise.contains(&name.as_str()));
        let moved = team_before.groups_of(before) != team_after.groups_of(after);
        if moved && !changed.iter().any(|name| name == "groups") {
            changed.push("groups".into());
        }
        if !changed.is_empty() {
            self.tell(
                batch,
                "agent.updated",
                json!({ "agent": id, "bot": bot, "changed": changed }),
            );
        }
        cut.map(|cut| (id.clone(), cut))
    }

    /// Who is taken out of work is offline for the routing, which then looks after their chats.
    fn went_offline(&self, batch: &mut Batch, before: &Agent) {
        if before.status != AgentStatus::Offline {
            let word = super::routing::status::word;
            let data = json!({
                "agent": before.id, "status": word(AgentStatus::Offline),
                "before": word(before.status), "reason": "remotely_signed_out",
            });
            self.tell(batch, "routing.status_changed", data);
        }
    }

    fn put(
        &self,
        batch: &mut Batch,
        key: DocKey,
        value: &impl serde::Serialize,
        entry: &(impl Display + ?Sized),
    ) {
        let found = self.documents.get(&key).cloned().unwrap_or_else(|| Seen::absent(()));
        let name = if key.kind == Kind::Agent { "account" } else { "key" };
        batch.puts.push(found.map(|()| value).put(key, vec![(name, entry.to_string())]));
    }

    fn delete(&self, batch: &mut Batch, key: DocKey) {
        let expected = self.documents.get(&key).map(|found| found.version);
        batch.deletes.push(Delete { key, expected });
    }

    fn tell(&self, batch: &mut Batch, event_type: &str, data: Value) {
        batch.events.push(self.actor.tells(self.app, event_type, data));
    }
}

/// Where an event of the configuration says which program caused it: what `source_type` of webhooks asks for.
pub(crate) const SOURCE_NAMESPACE: &str = "source";
/// The name in it.
pub(crate) const SOURCE_CLIENT: &str = "client_id";

/// The word for a turn.
pub(crate) const fn word_of(priority: Priority) -> &'static str {
    match priority {
        Priority::First => "first",
        Priority::Normal => "normal",
        Priority::Last => "last",
        Priority::Supervisor => "supervisor",
    }
}
