//! Groups: made, shown, changed, removed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_model::{AgentId, AgentStatus, Group, GroupNumber, Priority};

use super::{Team, change, no_group, read, word_of};
use crate::App;
use crate::admin::groups::{LANGUAGE_DEFAULT, key_of, next_number};
use crate::desk::{Actor, ErrorType, Failure};

/// The most groups of a workspace; a list of them is one answer.
const GROUPS_MAX: usize = 1_000;

/// What is said of a group. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    id: u32,
    name: Option<String>,
    language_code: Option<String>,
    agent_priorities: Option<BTreeMap<AgentId, Priority>>,
}

/// `create_group`.
pub async fn create(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let number = change(app, actor, |team| {
        if team.groups.len() >= GROUPS_MAX {
            return Err(Failure::new(
                ErrorType::LimitReached,
                format!("a workspace has at most {GROUPS_MAX} groups"),
            ));
        }
        let number = next_number(&team.groups);
        let name = said.name.clone().unwrap_or_default();
        let group = Group {
            number,
            key: key_of(&name, &team.groups),
            name: String::new(),
            language: LANGUAGE_DEFAULT.into(),
            priorities: BTreeMap::new(),
            properties: Default::default(),
        };
        team.groups.insert(number, group);
        apply(team, number, said)?;
        Ok(number)
    })
    .await?;
    Ok(json!({ "id": number }))
}

/// `update_group`.
pub async fn update(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    change(app, actor, |team| apply(team, GroupNumber(said.id), said)).await?;
    Ok(json!({}))
}

fn apply(team: &mut Team, number: GroupNumber, said: &Said) -> Result<(), Failure> {
    let group = team.groups.get_mut(&number).ok_or_else(|| no_group(number))?;
    if let Some(name) = &said.name {
        if name.trim().is_empty() {
            return Err(Failure::field("name", "must not be empty"));
        }
        // Its key stays: behaviors and settings name the group by it.
        group.name.clone_from(name);
    }
    if let Some(language) = &said.language_code {
        group.language.clone_from(language);
    }
    if let Some(priorities) = &said.agent_priorities {
        team.fill(number, priorities)?;
    }
    Ok(())
}

/// `delete_group`.
pub async fn delete(app: &App, actor: &Actor, number: u32) -> Result<Value, Failure> {
    let number = GroupNumber(number);
    change(app, actor, |team| {
        if number == GroupNumber::EVERYONE {
            return Err(Failure::new(
                ErrorType::Validation,
                "the group 0 is always there and cannot be removed",
            ));
        }
        team.fill(number, &BTreeMap::new())?;
        team.groups.remove(&number);
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

/// `get_group`.
pub async fn get(
    app: &App,
    actor: &Actor,
    number: u32,
    fields: &[String],
) -> Result<Value, Failure> {
    let team = read(app, actor.workspace).await?.value;
    let number = GroupNumber(number);
    let group = team.groups.get(&number).ok_or_else(|| no_group(number))?;
    Ok(show(group, &team, Some(fields)))
}

/// `list_groups`.
pub async fn list(app: &App, actor: &Actor, fields: &[String]) -> Result<Value, Failure> {
    let team = read(app, actor.workspace).await?.value;
    Ok(team.groups.values().map(|group| show(group, &team, Some(fields))).collect())
}

/// A group as the Configuration API shows it; `None` shows what its pushes tell.
pub(crate) fn show(group: &Group, team: &Team, fields: Option<&[String]>) -> Value {
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(group.number)),
        ("name".to_owned(), json!(group.name)),
        ("language_code".to_owned(), json!(group.language)),
    ]);
    let asked = |name: &str| fields.is_some_and(|fields| fields.iter().any(|field| field == name));
    let members: Vec<(&AgentId, Priority)> = team
        .agents
        .values()
        .filter_map(|agent| {
            let of = team.groups_of(agent);
            let (_, priority) = of.into_iter().find(|(number, _)| *number == group.number)?;
            Some((&agent.id, priority))
        })
        .collect();
    if fields.is_none() || asked("agent_priorities") {
        let priorities: Map<String, Value> = members
            .iter()
            .map(|(id, priority)| (id.to_string(), json!(word_of(*priority))))
            .collect();
        map.insert("agent_priorities".into(), Value::Object(priorities));
    }
    if fields.is_some() {
        let is = |status: AgentStatus| {
            let of = members.iter().filter_map(|(id, _)| team.agents.get(*id));
            of.into_iter().any(|agent| agent.status == status)
        };
        let status = match (is(AgentStatus::Accepting), is(AgentStatus::Away)) {
            (true, _) => "accepting_chats",
            (false, true) => "not_accepting_chats",
            (false, false) => "offline",
        };
        map.insert("routing_status".into(), json!(status));
    }
    Value::Object(map)
}
