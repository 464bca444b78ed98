//! Whose a bot is, and what of all that happens concerns them. Read by `load`, asked when a behavior starts.
//!
//! A group's bot hears what happens in chats of the group, an agent's what happens in chats that they have, are in or
//! watch; both hear what names them, and what is sent to the bot itself. Everybody else's hears all that it listens to.

use std::fmt;

use serde_json::Value;
use tidings_model::{AgentId, AuthorKind, BotName, GroupName};

use crate::facts::Facts;
use crate::reader::Reader;
use crate::vocabulary::Heard;
use crate::yaml::{Kind, Node, Position};

/// The kinds of owners that have a name.
const KINDS: [&str; 3] = ["group", "role", "agent"];

/// Whose a bot is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// The whole workspace's.
    #[default]
    App,
    /// A group's.
    Group(GroupName),
    /// That of all agents with a role. What they see is not less than the workspace, so it hears what an app's bot hears.
    Role(String),
    /// An agent's.
    Agent(AgentId),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App => f.write_str("app"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Agent(id) => write!(f, "agent {id}"),
        }
    }
}

impl Owner {
    /// The audiences of a type, in the catalogue's words, of which one must be there for its bots to hear it.
    const fn audiences(&self) -> &'static [&'static str] {
        match self {
            Self::App | Self::Role(_) => &["app"],
            Self::Group(_) => &["group"],
            Self::Agent(_) => &["agent", "watcher"],
        }
    }

    /// Whether an event concerns the owner of such a bot.
    pub(crate) fn hears(&self, bot: &BotName, facts: &Facts) -> bool {
        let data = |name: &str| facts.event.get(name).and_then(Value::as_str);
        let chat = |name: &str| facts.chat.get(name);
        let is_record = |record_type: &str, id: &str| {
            data("record_type") == Some(record_type) && data("id") == Some(id)
        };
        let names = |list: Option<&Value>, id: &str| {
            let list = list.and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(id)))
        };
        if data("bot") == Some(bot.as_str()) {
            return true;
        }
        match self {
            Self::App | Self::Role(_) => true,
            Self::Group(name) => {
                let name = name.as_str();
                chat("group").and_then(Value::as_str) == Some(name)
                    || data("group") == Some(name)
                    || is_record("group", name)
            }
            Self::Agent(id) => {
                let id = id.as_str();
                let author = |name: &str| facts.meta.get("author")?.get(name)?.as_str();
                let is_author = author("kind") == Some(AuthorKind::Agent.as_str());
                chat("assignee").and_then(Value::as_str) == Some(id)
                    || names(chat("agents"), id)
                    || names(chat("watchers"), id)
                    || data("agent") == Some(id)
                    || data("assignee") == Some(id)
                    || is_record("agent", id)
                    || (is_author && author("id") == Some(id))
            }
        }
    }
}

/// Reads `owner`: one of `group`, `role` and `agent`, with a name.
pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Owner> {
    if node.scalar().is_some_and(|scalar| scalar.text == "app") {
        return Some(Owner::App);
    }
    let fields = reader.fields(node, "`owner`", &KINDS)?;
    let Kind::Map(entries) = &node.kind else { return None };
    if entries.len() != 1 {
        reader.error(node.at, "wrong_kind", "`owner` is app, or one of group, role and agent");
        return None;
    }
    // What is none of them was told of.
    let kind = KINDS.into_iter().find(|kind| fields.get(kind).is_some())?;
    let name_node = fields.get(kind)?;
    let name = reader.plain(name_node, &format!("`owner.{kind}`"))?;
    let owner = match kind {
        "group" => name.parse().ok().map(Owner::Group),
        "agent" => name.parse().ok().map(Owner::Agent),
        _ => (!name.is_empty()).then(|| Owner::Role(name.clone())),
    };
    if owner.is_none() {
        reader.error(name_node.at, "wrong_value", format!("{name:?} is no name of a {kind}"));
    }
    owner
}

/// What bots of such an owner never hear is told where it is listened to.
pub(crate) fn check(reader: &mut Reader<'_>, owner: &Owner, heard: &Heard, at: Position) {
    if *owner == Owner::App {
        return;
    }
    let theirs = owner.audiences();
    let scope = heard.constraints.iter().find(|(name, _)| name == "scope");
    let scope = scope.and_then(|(_, wanted)| wanted.as_str());
    let can_hear = heard.heard_by.is_empty()
        || heard.heard_by.iter().any(|audience| theirs.contains(&audience.as_str()));
    if scope.is_some_and(|scope| !theirs.contains(&scope)) || !can_hear {
        let whose = scope.map_or_else(|| heard.heard_by.join(", "), str::to_owned);
        let message = format!(
            "{} under this name is heard by bots of: {whose}; this one is of {owner}",
            heard.event_type
        );
        reader.error(at, "wrong_owner", message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hears(owner: &Owner, facts: Value) -> bool {
        let field = |name: &str| facts.get(name).cloned().unwrap_or_default();
        let facts = Facts {
            event: field("event"),
            meta: field("meta"),
            chat: field("chat"),
            ..Facts::default()
        };
        owner.hears(&"pizzeria".parse().expect("a name"), &facts)
    }

    #[test]
    fn a_groups_bot_hears_what_is_of_the_group() {
        let drivers = Owner::Group("drivers".parse().expect("a name"));
        assert!(hears(&drivers, json!({"chat": {"group": "drivers"}})));
        assert!(hears(&drivers, json!({"event": {"group": "drivers"}})));
        assert!(hears(&drivers, json!({"event": {"record_type": "group", "id": "drivers"}})));
        assert!(hears(&drivers, json!({"event": {"bot": "pizzeria"}, "chat": {"group": "ovens"}})));
        assert!(!hears(&drivers, json!({"event": {"bot": "bakery"}})));
        assert!(!hears(&drivers, json!({"chat": {"group": "ovens"}})));
        assert!(!hears(&drivers, json!({"event": {"record_type": "task", "id": "drivers"}})));
        assert!(!hears(&drivers, json!({})));
    }

    #[test]
    fn an_agents_bot_hears_what_concerns_the_agent() {
        let bob = Owner::Agent("bob@example.com".parse().expect("an id"));
        assert!(hears(&bob, json!({"chat": {"assignee": "bob@example.com"}})));
        assert!(hears(&bob, json!({"chat": {"agents": ["eve@example.com", "bob@example.com"]}})));
        assert!(hears(&bob, json!({"chat": {"watchers": ["bob@example.com"]}})));
        assert!(hears(&bob, json!({"event": {"agent": "bob@example.com"}})));
        let by = |kind: &str| json!({"meta": {"author": {"kind": kind, "id": "bob@example.com"}}});
        assert!(hears(&bob, by("agent")));
        assert!(!hears(&bob, by("customer")));
        assert!(!hears(&bob, json!({"chat": {"assignee": "eve@example.com", "agents": []}})));
    }

    #[test]
    fn everybody_elses_hears_everything() {
        assert!(hears(&Owner::App, json!({})));
        assert!(hears(&Owner::Role("administrator".into()), json!({"chat": {"group": "ovens"}})));
    }
}
