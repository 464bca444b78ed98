//! Customers who are there: whom agents are told of as they come and go, and all of them for who asks.
//!
//! Who comes is told of once. Where the coming raises an event (somebody new, a new visit), that event tells it, also to
//! who comes back and asks what they missed; otherwise nothing is written, and [`came`] tells who listens now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{Customer, CustomerId, GroupNumber, WorkspaceId};
use tidings_store::{DocKey, Kind, ReadError};
use tidings_wire::livechat::show::{self, Lens};

use crate::App;
use crate::desk::find::unreadable;
use crate::desk::hub::Hub;
use crate::desk::push::{Agents, Push};
use crate::desk::{Actor, Failure};
use crate::pipeline::scene::{Seen, seen};

/// How many customers an agent is told of at once.
pub const TOLD_MAX: usize = 100;

/// How many documents one look takes.
const PAGE: usize = 100;

/// The customers who are there: of some teams, or all.
pub async fn list(
    app: &App,
    actor: &Actor,
    groups: &BTreeSet<GroupNumber>,
    limit: usize,
) -> Result<Vec<Value>, Failure> {
    let mut shown = Vec::new();
    each(app, actor.workspace, |customer| {
        let group = customer.group.unwrap_or(GroupNumber::EVERYONE);
        if groups.is_empty() || groups.contains(&group) {
            shown.push(online(&customer));
        }
        shown.len() < limit
    })
    .await
    .map_err(unreadable)?;
    Ok(shown)
}

/// How many are there, of each team.
pub(crate) async fn count(
    app: &App,
    workspace: WorkspaceId,
) -> Result<BTreeMap<GroupNumber, u64>, ReadError> {
    let mut counts = BTreeMap::new();
    each(app, workspace, |customer| {
        *counts.entry(customer.group.unwrap_or(GroupNumber::EVERYONE)).or_insert(0) += 1;
        true
    })
    .await?;
    Ok(counts)
}

/// Looks at all who are there and of whom something is known, while `goes_on` says so.
async fn each(
    app: &App,
    workspace: WorkspaceId,
    mut goes_on: impl FnMut(Customer) -> bool + Send,
) -> Result<(), ReadError> {
    let Some(hub) = app.hub(workspace) else { return Ok(()) };
    let there: Vec<CustomerId> = hub.presence().customers.into_iter().collect();
    for some in there.chunks(PAGE) {
        let keys: Vec<DocKey> = some.iter().map(|id| DocKey::new(Kind::Customer, id)).collect();
        let found = app.store().documents_by_key(workspace, &keys).await?;
        for document in found.into_iter().flatten() {
            let customer: Seen<Customer> = seen(document)?;
            if !goes_on(customer.value) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn online(customer: &Customer) -> Value {
    let mut shown = show::customer(&Lens::Agent, customer, None, None);
    if let Value::Object(shown) = &mut shown {
        shown.insert("online".into(), true.into());
    }
    shown
}

/// Tells agents who watch here that a customer came, where no event does. Agents at other nodes are told there, once it is
/// known that the customer is connected here: an event of the coming may have told them before, which changes nothing.
pub async fn came(app: &App, workspace: WorkspaceId, customer: CustomerId) {
    let Some((hub, found)) = watched(app, workspace, customer).await else { return };
    hub.signal_here(about(customer, ("incoming_customer", online(&found))), None);
}

/// Tells agents who watch here that a customer went from all nodes; the event of the log comes when they do not come back.
pub(crate) async fn went(app: &App, workspace: WorkspaceId, customer: CustomerId) {
    let left_at = show::time(app.now());
    let Some((hub, _)) = watched(app, workspace, customer).await else { return };
    let told = ("customer_left", json!({ "id": customer.to_string(), "left_at": left_at }));
    hub.signal_absence(customer, about(customer, told));
}

fn about(customer: CustomerId, told: (&'static str, Value)) -> Push {
    Push { to_agents: Some(told), agents: Agents::Watching(customer), ..Push::default() }
}

/// A customer of whom agents may hear: somebody is there to listen, and something is known of them.
async fn watched(
    app: &App,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> Option<(Arc<Hub>, Customer)> {
    let hub = app.hub(workspace).filter(|hub| hub.has_agents())?;
    match super::find(app, workspace, customer).await {
        Ok(found) => Some((hub, found?.value)),
        Err(failure) => {
            tracing::warn!("agents are not told of a customer: {failure}");
            None
        }
    }
}
