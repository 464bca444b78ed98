//! What open connections hear: an event of the log becomes pushes, each with who hears it.
//!
//! One file here for each area; a push is written once for agents and once for the customer, in version 3.6, and turned
//! into other versions where it is sent.

mod chats;
mod configuration;
mod customers;
mod events;
mod routing;
mod settings;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_model::{AgentId, CustomerId, Event};
use tidings_store::ReadError;

use super::find;
use super::{Actor, Failure};
use crate::App;

/// What open connections hear of an event. Documents are read as they are now, so a push may tell of more than its event
/// did; whoever applies all pushes in order comes to the same end.
pub async fn of_event(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    if configuration::concerns(event)
        && let Some(directory) = app.directory(event.workspace)
    {
        // What is kept at hand may be older than the event.
        directory.refresh(app).await?;
    }
    let mut pushes = Vec::new();
    pushes.extend(chats::pushes(app, event).await?);
    if !chats::is_first(app, event) {
        pushes.extend(events::pushes(app, event).await?);
    }
    pushes.extend(routing::pushes(event));
    pushes.extend(configuration::pushes(app, event));
    pushes.extend(customers::pushes(app, event).await?);
    pushes.extend(settings::pushes(event));
    Ok(pushes)
}

/// Whether an event tells of what the directory lists.
pub(super) fn concerns_directory(event: &Event) -> bool {
    configuration::concerns(event) || event.event_type.as_str() == "routing.status_changed"
}

/// Lets the connection of a request hear again what its first request brought; others heard it then.
pub async fn repeat(app: &App, actor: &Actor, event: &Arc<Event>) -> Result<(), Failure> {
    let (Some(mark), Some(hub)) = (&actor.request, app.hub(actor.workspace)) else {
        return Ok(());
    };
    for push in events::pushes(app, event).await.map_err(find::unreadable)? {
        hub.repeat(push, mark.clone());
    }
    Ok(())
}

/// Something that connections hear.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Push {
    /// What agents hear: the action and its payload.
    pub to_agents: Option<(&'static str, Value)>,
    /// Which agents.
    pub agents: Agents,
    /// What the customer hears.
    pub to_customer: Option<(&'static str, Value)>,
    /// Which customers.
    pub customers: Customers,
}

/// Which agents hear a push.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agents {
    /// None.
    #[default]
    Nobody,
    /// All of the workspace.
    All,
    /// Those who see a chat: its members, those with access, its followers. With those named, who were in it until now.
    OfChat {
        /// The chat.
        chat: tidings_model::ChatId,
        /// And these.
        also: Vec<AgentId>,
    },
    /// Those who keep sight of a thread that is over: these, and who sees the chats of all teams.
    OfPastThread(Vec<AgentId>),
    /// These.
    These(Vec<AgentId>),
    /// Those who asked to hear of customers who are there, as far as this one concerns them.
    Watching(CustomerId),
}

/// Which customers hear a push.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Customers {
    /// None.
    #[default]
    Nobody,
    /// All who are connected.
    All,
    /// This one.
    One(CustomerId),
}
