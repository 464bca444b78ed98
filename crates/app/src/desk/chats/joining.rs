//! Who takes part in a chat: `add_user_to_chat`, `remove_user_from_chat`, `follow_chat`, `unfollow_chat`.
//!
//! Each may come twice: who is in a chat already is not added again, and who is not in it cannot be removed.

use serde_json::json;
use tidings_model::{Agent, CustomerId, Holder, Member, Participant, Role, Visibility};
use tidings_store::{DocKey, Kind};

use super::members::{
    MANUAL, comes, goes, hand_to, needs_active, needs_presence, system_message, workers,
};
use crate::App;
use crate::desk::actor::is_open_to;
use crate::desk::change::{Deciding, in_chat};
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure};
use crate::directory::Directory;

/// Who is added to a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// An agent, or a program that is one.
    Agent(String),
    /// The customer of a chat that has none.
    Customer(String),
}

/// Adds somebody to an active chat. The first agent of a chat gets the control lease; who is added for agents' eyes only
/// looks on.
pub async fn add(
    app: &App,
    actor: &Actor,
    chat: &str,
    added: &Added,
    visibility: Visibility,
    ignore_presence: bool,
) -> Result<(), Failure> {
    let customer = match added {
        Added::Agent(_) => None,
        Added::Customer(id) => Some(known_customer(app, actor, id).await?),
    };
    in_chat(app, actor, chat, |deciding| {
        needs_active(deciding)?;
        needs_presence(deciding, ignore_presence)?;
        match (added, customer) {
            (Added::Customer(_), Some(customer)) => add_customer(deciding, customer),
            (Added::Agent(id) | Added::Customer(id), _) => add_agent(deciding, id, visibility),
        }
    })
    .await
    .map(drop)
}

async fn known_customer(app: &App, actor: &Actor, id: &str) -> Result<CustomerId, Failure> {
    let missing = || Failure::new(ErrorType::NotFound, "there is no such customer");
    let id: CustomerId = id.parse().map_err(|_| missing())?;
    let key = DocKey::new(Kind::Customer, id);
    let found = app.store().document(actor.workspace, &key).await.map_err(unreadable)?;
    found.map(|_| id).ok_or_else(missing)
}

fn add_customer(deciding: &mut Deciding<'_>, customer: CustomerId) -> Result<(), Failure> {
    let chat = &mut deciding.chat.after().chat.value;
    if chat.customer.is_some_and(|known| known != customer) {
        return Err(Failure::new(ErrorType::LimitReached, "the chat has a customer already"));
    }
    chat.customer = Some(customer);
    let member = Member::new(Participant::Customer { id: customer });
    if comes(&mut deciding.chat, member, MANUAL) {
        let initiator = deciding.actor.name();
        let vars = [("initiator", initiator.as_str()), ("customer", "Customer")];
        let text = format!("{initiator} added the customer to the chat");
        system_message(&mut deciding.chat, "customer_added", text, &vars).visibility =
            Visibility::Agents;
    }
    Ok(())
}

fn add_agent(deciding: &mut Deciding<'_>, id: &str, visibility: Visibility) -> Result<(), Failure> {
    let agent = known_agent(deciding.directory, id)?;
    if !may_see(deciding.directory, &agent, deciding) {
        return Err(Failure::new(
            ErrorType::MissingAccess,
            format!("{} has no access to this chat", agent.id),
        ));
    }
    let is_first = workers(&mut deciding.chat).is_empty();
    let who = Participant::Agent { id: agent.id.clone() };
    let member = Member { visibility, ..Member::new(who) };
    if !comes(&mut deciding.chat, member, MANUAL) {
        return Ok(());
    }
    if is_first && visibility == Visibility::All {
        hand_to(&mut deciding.chat, &agent, "the first agent of the chat");
        return Ok(());
    }
    if is_first && deciding.scene.chat.value.present_agents().next().is_none() {
        return Ok(());
    }
    let (initiator, name) = (deciding.actor.name(), agent.name.as_str());
    let myself = deciding.actor.id() == agent.id.as_str();
    let message = if myself {
        let text = format!("{name} joined the chat");
        system_message(&mut deciding.chat, "agent_joined", text, &[("agent", name)])
    } else {
        let vars = [("initiator", initiator.as_str()), ("agent", name)];
        let text = format!("{initiator} added {name} to the chat");
        system_message(&mut deciding.chat, "agent_added", text, &vars)
    };
    message.visibility = Visibility::Agents;
    Ok(())
}

/// An agent who may work.
pub(in crate::desk) fn known_agent(
    directory: &Directory,
    id: &str,
) -> Result<std::sync::Arc<Agent>, Failure> {
    let agent = id.parse().ok().and_then(|id| directory.agent(&id));
    agent
        .filter(|agent| !agent.suspended && !agent.awaiting_approval)
        .ok_or_else(|| Failure::new(ErrorType::NotFound, format!("there is no agent {id}")))
}

fn may_see(directory: &Directory, agent: &Agent, deciding: &Deciding<'_>) -> bool {
    let access = &deciding.scene.chat.value.access;
    agent.role >= Role::Administrator || is_open_to(access, &directory.groups_of(agent))
}

/// Takes an agent out of an active chat. When it was the one who held the lease, the next agent in the chat gets it;
/// when nobody is left, the chat waits for one.
pub async fn remove(
    app: &App,
    actor: &Actor,
    chat: &str,
    id: &str,
    ignore_presence: bool,
) -> Result<(), Failure> {
    in_chat(app, actor, chat, |deciding| {
        needs_active(deciding)?;
        needs_presence(deciding, ignore_presence)?;
        remove_agent(deciding, id)
    })
    .await
    .map(drop)
}

fn remove_agent(deciding: &mut Deciding<'_>, id: &str) -> Result<(), Failure> {
    let absent = || Failure::new(ErrorType::NotFound, format!("{id} is not in the chat"));
    let members = &deciding.scene.chat.value.members;
    let of_this_id = members.iter().find(|member| {
        member.present
            && member.who.id() == id
            && !matches!(member.who, Participant::Customer { .. })
    });
    let member = of_this_id.ok_or_else(absent)?.clone();
    goes(&mut deciding.chat, &member.who, MANUAL);
    let name = name_of(deciding.directory, &member.who);
    let initiator = deciding.actor.name();
    let message = if deciding.actor.id() == id {
        let text = format!("{name} left the chat");
        system_message(&mut deciding.chat, "agent_left", text, &[("agent", &name)])
    } else {
        let vars = [("initiator", initiator.as_str()), ("agent", name.as_str())];
        let text = format!("{initiator} removed {name} from the chat");
        system_message(&mut deciding.chat, "agent_removed", text, &vars)
    };
    message.visibility = Visibility::Agents;
    if !holds(&deciding.scene.control.value.holder, id) {
        return Ok(());
    }
    let next = workers(&mut deciding.chat).into_iter().find_map(|id| deciding.directory.agent(&id));
    match next {
        Some(next) => hand_to(&mut deciding.chat, &next, "the agent before them went"),
        None => {
            let group = deciding.scene.chat.value.group.clone();
            deciding.chat.queue(group, "its last agent went".into());
        }
    }
    Ok(())
}

/// Whether somebody of this id holds the lease.
fn holds(holder: &Holder, id: &str) -> bool {
    match holder {
        Holder::Agent { id: held } => held.as_str() == id,
        Holder::Bot { id: held } => held.as_str() == id,
        Holder::Queue { .. } | Holder::Nobody => false,
    }
}

/// The name of an agent or a bot.
pub(in crate::desk) fn name_of(directory: &Directory, who: &Participant) -> String {
    match who {
        Participant::Agent { id } => directory.agent_name(id).unwrap_or_else(|| id.to_string()),
        Participant::Customer { .. } | Participant::Bot { .. } => who.id(),
    }
}

/// An agent watches a chat. Who is in it, or watches it already, changes nothing.
pub async fn follow(app: &App, actor: &Actor, chat: &str) -> Result<(), Failure> {
    let agent = actor.needs_agent()?;
    in_chat(app, actor, chat, |deciding| {
        if deciding.scene.chat.value.is_present(&actor.participant()) {
            return Ok(());
        }
        if deciding.chat.after().chat.value.followers.insert(agent.id.clone()) {
            let data = json!({ "agent": agent.id, "following": true });
            deciding.chat.raise("chat.followed", data).visibility = Visibility::Agents;
        }
        Ok(())
    })
    .await
    .map(drop)
}

/// An agent watches a chat no more. Who is in it cannot but watch it.
pub async fn unfollow(app: &App, actor: &Actor, chat: &str) -> Result<(), Failure> {
    let agent = actor.needs_agent()?;
    in_chat(app, actor, chat, |deciding| {
        if deciding.scene.chat.value.is_present(&actor.participant()) {
            return Err(Failure::new(
                ErrorType::Validation,
                "who is in a chat cannot unfollow it; leave it instead",
            ));
        }
        if deciding.chat.after().chat.value.followers.remove(&agent.id) {
            let data = json!({ "agent": agent.id, "following": false });
            deciding.chat.raise("chat.followed", data).visibility = Visibility::Agents;
        }
        Ok(())
    })
    .await
    .map(drop)
}
