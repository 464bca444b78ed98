//! Who acts, and what they may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{
    Agent, Author, AuthorKind, Chat, CustomerId, Draft, EventId, GroupNumber, Participant,
    PropertyPlace, Role, Thread, WorkspaceId,
};
use tidings_store::Batch;
use tidings_wire::livechat::show::{self, Lens};

use super::credentials::agent_token::PERSONAL_CLIENT_ID;
use super::hub::RequestMark;
use super::properties::{Registry, Right, Rights, User};
use super::team::{SOURCE_CLIENT, SOURCE_NAMESPACE};
use super::{ErrorType, Failure};
use crate::App;
use crate::admin::told::told;

/// Somebody who calls, for the time of one call.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Who.
    pub who: Who,
    /// The program that calls in their name: the owner of properties and webhooks.
    pub client_id: String,
    /// What their token allows, as `chats--all:rw`.
    pub scopes: Arc<BTreeSet<String>>,
    /// The teams that they are in, by number.
    pub groups: BTreeSet<GroupNumber>,
    /// The request of an open connection that this call is, so that its pushes can name it.
    pub request: Option<RequestMark>,
}

/// Who acts.
#[derive(Clone, Debug)]
pub enum Who {
    /// An agent; also a bot that speaks our API.
    Agent(Arc<Agent>),
    /// A customer.
    Customer(CustomerId),
}

impl Actor {
    /// Their id as it stands in `author_id` and `user_ids`.
    pub fn id(&self) -> String {
        match &self.who {
            Who::Agent(agent) => agent.id.to_string(),
            Who::Customer(id) => id.to_string(),
        }
    }

    /// The name that others read.
    pub fn name(&self) -> String {
        match &self.who {
            Who::Agent(agent) => agent.name.clone(),
            Who::Customer(_) => "Customer".into(),
        }
    }

    /// The same as author of events.
    pub fn author(&self) -> Author {
        match &self.who {
            Who::Agent(agent) if agent.bot.is_some() => {
                Author { kind: AuthorKind::Bot, id: agent.id.to_string() }
            }
            Who::Agent(agent) => Author::agent(&agent.id),
            Who::Customer(id) => Author::customer(*id),
        }
    }

    /// The same as somebody in a chat.
    pub fn participant(&self) -> Participant {
        match &self.who {
            Who::Agent(agent) => Participant::Agent { id: agent.id.clone() },
            Who::Customer(id) => Participant::Customer { id: *id },
        }
    }

    /// The agent, where it is one.
    pub fn agent(&self) -> Option<&Arc<Agent>> {
        match &self.who {
            Who::Agent(agent) => Some(agent),
            Who::Customer(_) => None,
        }
    }

    /// The agent, or a refusal.
    pub fn needs_agent(&self) -> Result<&Arc<Agent>, Failure> {
        self.agent()
            .ok_or_else(|| Failure::new(ErrorType::Authorization, "only agents may do this"))
    }

    /// The customer, or a refusal.
    pub fn needs_customer(&self) -> Result<CustomerId, Failure> {
        match &self.who {
            Who::Customer(id) => Ok(*id),
            Who::Agent(_) => {
                Err(Failure::new(ErrorType::Authorization, "only customers may do this"))
            }
        }
    }

    /// Whether the token has one of these scopes; `rw` includes `ro`, `all` includes `access`, which includes `my`.
    pub fn has_scope(&self, any_of: &[&str]) -> bool {
        any_of.is_empty() || any_of.iter().any(|wanted| self.has_one(wanted))
    }

    fn has_one(&self, wanted: &str) -> bool {
        self.scopes.iter().any(|held| includes(held, wanted))
    }

    /// Whether they have an administrator's rights or more.
    pub fn is_administrator(&self) -> bool {
        self.agent().is_some_and(|agent| agent.role >= Role::Administrator)
    }

    /// Whether they see the chats of all teams.
    pub fn sees_all_chats(&self) -> bool {
        self.is_administrator() && self.has_scope(&["chats--all:ro"])
    }

    /// Whether they may see a chat: it is theirs, of their teams, or they follow it.
    pub fn sees(&self, chat: &Chat) -> bool {
        match &self.who {
            Who::Customer(id) => chat.customer == Some(*id),
            Who::Agent(agent) => {
                self.sees_all_chats()
                    || is_open_to(&chat.access, &self.groups)
                    || chat.is_present(&self.participant())
                    || chat.followers.contains(&agent.id)
            }
        }
    }

    /// Whether they may see what was said in a thread. The last one is seen as its chat is, and so is all by its customer;
    /// one that is over stays with the teams that had it, and with who took part.
    pub fn sees_thread(&self, chat: &Chat, thread: &Thread) -> bool {
        match &self.who {
            Who::Agent(agent) if thread.id != chat.thread.id => {
                self.sees_all_chats() || keeps_sight(agent, &self.groups, chat, thread)
            }
            Who::Agent(_) | Who::Customer(_) => self.sees(chat),
        }
    }

    /// What they see of what they may see. `veil` comes from [`opaque`].
    pub fn lens<'a>(&self, veil: &'a (dyn show::Veil + Sync)) -> Lens<'a> {
        match &self.who {
            Who::Agent(_) if self.is_administrator() => Lens::Administrator,
            Who::Agent(_) => Lens::Agent,
            Who::Customer(me) => Lens::Customer { me: *me, veil },
        }
    }

    /// In whose name they use properties.
    pub fn rights(&self) -> Rights<'_> {
        let user = match &self.who {
            Who::Agent(_) => User::Agent,
            Who::Customer(_) => User::Customer,
        };
        let client = self.client_id.as_str();
        Rights { user, client: (client != PERSONAL_CLIENT_ID).then_some(client) }
    }

    /// An event about the workspace by them, which names the program that calls: `source_type` of webhooks asks for it.
    pub fn tells(&self, app: &App, event_type: &str, data: Value) -> Draft {
        let mut draft = told(app, self.workspace, Some(&self.author()), event_type, data);
        let source = json!({ SOURCE_CLIENT: self.client_id });
        draft.properties.insert(SOURCE_NAMESPACE.into(), source);
        draft
    }

    /// Notes that the events of a batch answer this request, so that their pushes name it.
    pub fn mark(&self, app: &App, batch: &Batch) {
        let Some(mark) = &self.request else { return };
        let Some(hub) = app.hub(self.workspace) else { return };
        let ids: Vec<EventId> = batch.events.iter().map(|event| event.id).collect();
        hub.mark(ids, mark);
    }
}

/// Whether a chat with this access is open to an agent of these teams. No access named means everyone.
pub fn is_open_to(access: &BTreeSet<GroupNumber>, groups: &BTreeSet<GroupNumber>) -> bool {
    access.is_empty()
        || access.contains(&GroupNumber::EVERYONE)
        || access.iter().any(|group| groups.contains(group))
}

/// Whether an agent of these teams may see a thread that is over.
pub fn keeps_sight(
    agent: &Agent,
    groups: &BTreeSet<GroupNumber>,
    chat: &Chat,
    thread: &Thread,
) -> bool {
    is_open_to(chat.access_of(thread), groups)
        || thread.user_ids.iter().any(|id| id == agent.id.as_str())
}

/// What stands between customers and a workspace: agents and bots have a name that is the same each time and tells
/// nothing, and a property is shown where its definition says so.
pub fn opaque(app: &App, workspace: WorkspaceId) -> CustomersVeil<'_> {
    let registry = app.directory(workspace).map(|directory| directory.registry());
    CustomersVeil { app, workspace, registry: registry.unwrap_or_default() }
}

/// See [`opaque`].
pub struct CustomersVeil<'a> {
    app: &'a App,
    workspace: WorkspaceId,
    registry: Arc<Registry>,
}

impl show::Veil for CustomersVeil<'_> {
    fn name(&self, id: &str) -> String {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let signature = self.app.sealer.tag(&format!("agent:{}:{id}", self.workspace));
        let digit = |nibble: u8| char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0'));
        signature.iter().take(16).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    fn shows_property(&self, place: PropertyPlace, namespace: &str, name: &str) -> bool {
        self.registry
            .find(namespace, name)
            .is_some_and(|definition| definition.allows(place, User::Customer, Right::Read))
    }
}

/// Whether a scope that is held includes one that is wanted.
fn includes(held: &str, wanted: &str) -> bool {
    if held == wanted {
        return true;
    }
    let (Some((held_what, held_mode)), Some((what, mode))) =
        (held.rsplit_once(':'), wanted.rsplit_once(':'))
    else {
        return false;
    };
    let mode_fits =
        held_mode == mode || (held_mode == "rw" && matches!(mode, "ro" | "r" | "w" | "rc"));
    let reach = |text: &str| match text.rsplit_once("--") {
        Some((noun, "my")) => (noun.to_owned(), 1),
        Some((noun, "own")) => (noun.to_owned(), 1),
        Some((noun, "access")) => (noun.to_owned(), 2),
        Some((noun, "all")) => (noun.to_owned(), 3),
        Some(_) | None => (text.to_owned(), 0),
    };
    let (held_noun, held_reach) = reach(held_what);
    let (noun, wanted_reach) = reach(what);
    mode_fits && held_noun == noun && held_reach >= wanted_reach
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_scope_includes_a_narrower_one() {
        assert!(includes("chats--all:rw", "chats--access:ro"));
        assert!(includes("chats--access:rw", "chats--my:rw"));
        assert!(!includes("chats--my:rw", "chats--all:ro"));
        assert!(!includes("chats--all:ro", "chats--all:rw"));
        assert!(!includes("customers:ro", "chats--all:ro"));
        assert!(includes("tags--all:rw", "tags--all:ro"));
    }

    #[test]
    fn a_chat_without_access_is_everyones() {
        let mine = BTreeSet::from([GroupNumber(3)]);
        assert!(is_open_to(&BTreeSet::new(), &mine));
        assert!(is_open_to(&BTreeSet::from([GroupNumber(0)]), &BTreeSet::new()));
        assert!(is_open_to(&BTreeSet::from([GroupNumber(3), GroupNumber(4)]), &mine));
        assert!(!is_open_to(&BTreeSet::from([GroupNumber(4)]), &mine));
    }
}
