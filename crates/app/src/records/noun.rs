//! The nouns that are no records, and can be looked for like them: chats, customers, agents, groups, bots. What behaviors see
//! of them is named field by field: no secret of an account, and nothing that another bot keeps.

use serde_json::{Map, Value};
use tidings_model::{Agent, Chat, Customer, Group, WorkspaceId};
use tidings_store::{DocKey, Document, Kind, ReadError, Scan};

use crate::App;
use crate::admin::bots::LiveBot;
use crate::admin::groups;
use crate::pipeline::scene::seen;
use crate::pipeline::view::{chat_fields, customer_fields};
use crate::pipeline::written::to_value;

/// What can be looked for beside records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noun {
    Chat,
    Customer,
    Agent,
    Group,
    Bot,
}

impl Noun {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "chat" => Some(Self::Chat),
            "customer" => Some(Self::Customer),
            "agent" => Some(Self::Agent),
            "group" => Some(Self::Group),
            "bot" => Some(Self::Bot),
            _ => None,
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Chat => Kind::Chat,
            Self::Customer => Kind::Customer,
            Self::Agent => Kind::Agent,
            Self::Group => Kind::Group,
            Self::Bot => Kind::Bot,
        }
    }

    /// Where to look, when `wanted` tells the text that a field must be: in the fewest, the newest first.
    pub(super) fn scan<'a>(self, wanted: impl Fn(&str) -> Option<&'a str>) -> Scan {
        let by = |name, field: &str| {
            wanted(field).map(|value| Scan::EqualNewest { name, value: value.to_owned() })
        };
        let scan = match self {
            Self::Chat => by("customer", "customer").or_else(|| by("status", "status")),
            Self::Customer | Self::Agent | Self::Group | Self::Bot => None,
        };
        scan.unwrap_or(Scan::Newest)
    }

    /// What a behavior sees of one.
    pub(super) fn shown(self, document: Document) -> Result<Map<String, Value>, ReadError> {
        Ok(match self {
            Self::Chat => chat_fields(&seen::<Chat>(document)?.value),
            Self::Customer => customer_fields(&seen::<Customer>(document)?.value),
            Self::Agent => agent_fields(&seen::<Agent>(document)?.value),
            Self::Group => group_fields(&seen::<Group>(document)?.value),
            Self::Bot => bot_fields(&seen::<LiveBot>(document)?.value),
        })
    }

    /// The one of this id, as a behavior sees it.
    pub(super) async fn one(
        self,
        app: &App,
        workspace: WorkspaceId,
        id: &str,
    ) -> Result<Option<Map<String, Value>>, ReadError> {
        if self == Self::Group {
            // The Chat API calls them by their numbers.
            let is_it = |group: &&Group| group.key.as_str() == id || group.number.to_string() == id;
            return Ok(groups::stored(app, workspace)
                .await?
                .values()
                .find(is_it)
                .map(group_fields));
        }
        let document = app.store.document(workspace, &DocKey::new(self.kind(), id)).await?;
        document.map(|document| self.shown(document)).transpose()
    }
}

/// Groups, with the one that is always there. They are few.
pub(super) async fn all_groups(
    app: &App,
    workspace: WorkspaceId,
) -> Result<Vec<Map<String, Value>>, ReadError> {
    Ok(groups::stored(app, workspace).await?.values().map(group_fields).collect())
}

fn agent_fields(agent: &Agent) -> Map<String, Value> {
    Map::from_iter([
        ("id".to_owned(), to_value(&agent.id)),
        ("name".to_owned(), to_value(&agent.name)),
        ("status".to_owned(), to_value(&agent.status)),
        ("role".to_owned(), to_value(&agent.role)),
        ("groups".to_owned(), to_value(&agent.groups)),
        ("job_title".to_owned(), to_value(&agent.job_title)),
        ("suspended".to_owned(), agent.suspended.into()),
    ])
}

fn group_fields(group: &Group) -> Map<String, Value> {
    Map::from_iter([
        ("id".to_owned(), to_value(&group.key)),
        ("number".to_owned(), to_value(&group.number)),
        ("name".to_owned(), to_value(&group.name)),
        ("language".to_owned(), to_value(&group.language)),
        ("agents".to_owned(), group.priorities.keys().map(to_value).collect()),
    ])
}

fn bot_fields(bot: &LiveBot) -> Map<String, Value> {
    Map::from_iter([
        ("id".to_owned(), to_value(&bot.bot)),
        ("version".to_owned(), bot.number.into()),
        ("since".to_owned(), to_value(&bot.since)),
    ])
}
