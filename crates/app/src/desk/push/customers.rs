//! What agents hear of customers, and customers of themselves. That somebody left is told by the hub, at once and without
//! an event; the event of the log comes when they do not come back.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_model::{AgentId, Customer, CustomerId, Event, Participant, WorkspaceId};
use tidings_store::{DocKey, Kind, ReadError};
use tidings_wire::livechat::show::{self, Lens};

use super::{Agents, Customers, Push};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::customers::greetings::Greeting;
use crate::desk::routing::predict::Answerer;
use crate::pipeline::scene::{Seen, seen};

/// The pushes of an event about a customer.
pub(super) async fn pushes(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let name = event.event_type.as_str();
    if matches!(name, "chat.started" | "chat.reopened") {
        return counted(app, event).await;
    }
    if !name.starts_with("customer.") {
        return Ok(Vec::new());
    }
    let Some(id) = customer_of(event) else { return Ok(Vec::new()) };
    let Some(customer) = read(app, event.workspace, id).await? else { return Ok(Vec::new()) };
    let data = &event.data;
    let mut pushes = Vec::new();
    match name {
        "customer.created" => pushes.push(Push {
            // To themself they were there before they were written down.
            to_customer: Some(("customer_updated", own(app, event.workspace, &customer))),
            customers: Customers::One(id),
            ..to_agents(id, "incoming_customer", shown(&customer))
        }),
        "customer.visit_started" => {
            // Who is new, or was there without a page, was told of.
            if data.get("comes") != Some(&Value::Bool(false)) {
                pushes.push(to_agents(id, "incoming_customer", shown(&customer)));
            }
            pushes.push(statistics(&customer));
        }
        "customer.updated" => {
            let changed = changed(data);
            let push = to_agents(id, "customer_updated", only(shown(&customer), &changed));
            let own = own(app, event.workspace, &customer);
            pushes.push(Push {
                to_customer: Some(("customer_updated", only(own, &changed))),
                customers: Customers::One(id),
                ..push
            });
            if changed.iter().any(|name| name == "group_ids") {
                let groups: Vec<_> = customer.group.into_iter().collect();
                let followed = !customer.followers.is_empty();
                let payload = json!({
                    "id": id, "transferred_to": { "group_ids": groups }, "followed": followed,
                });
                pushes.push(to_agents(id, "customer_transferred", payload));
            }
        }
        "customer.page_viewed" => {
            let opened_at = show::time(event.received_at);
            let payload = json!({
                "customer_id": id, "visit_id": data.get("visit"), "opened_at": opened_at,
                "url": data.get("url"), "title": data.get("title"),
            });
            pushes.push(to_agents(id, "customer_page_updated", payload));
            pushes.push(statistics(&customer));
        }
        "customer.banned" => {
            let payload = json!({ "customer_id": id, "ban": { "days": data.get("days") } });
            pushes.push(to_agents(id, "customer_banned", payload));
        }
        "customer.followed" => pushes.extend(followed(event, &customer)),
        "customer.greeting_shown" => {
            pushes.extend(greeting(app, event, id).await?);
            pushes.push(statistics(&customer));
        }
        "customer.greeting_accepted" => {
            pushes.push(to_customer(id, "greeting_accepted", data));
            pushes.push(statistics(&customer));
        }
        "customer.greeting_canceled" => {
            pushes.push(to_customer(id, "greeting_canceled", data));
        }
        _ => {}
    }
    Ok(pushes)
}

fn customer_of(event: &Event) -> Option<CustomerId> {
    event.data.get("customer")?.as_str()?.parse().ok()
}

async fn read(
    app: &App,
    workspace: WorkspaceId,
    id: CustomerId,
) -> Result<Option<Customer>, ReadError> {
    let found = app.store().document(workspace, &DocKey::new(Kind::Customer, id)).await?;
    let found: Option<Seen<Customer>> = found.map(seen).transpose()?;
    Ok(found.map(|seen| seen.value))
}

/// A chat or a thread began: the customer has more of them.
async fn counted(app: &App, event: &Event) -> Result<Vec<Push>, ReadError> {
    let Some(chat) = event.chat else { return Ok(Vec::new()) };
    let scene = app.recent_scene(event.workspace, chat).await?;
    let Some(id) = scene.and_then(|scene| scene.chat.value.customer) else {
        return Ok(Vec::new());
    };
    let customer = read(app, event.workspace, id).await?;
    Ok(customer.iter().map(statistics).collect())
}

/// An agent began to watch a customer, or does so no more.
fn followed(event: &Event, customer: &Customer) -> Option<Push> {
    let agent: AgentId = event.data.get("agent")?.as_str()?.parse().ok()?;
    let follows = event.data.get("following") == Some(&Value::Bool(true));
    let (action, payload) = if follows {
        let mut payload = shown(customer);
        if let Some(payload) = payload.as_object_mut() {
            payload.insert("followed".into(), true.into());
        }
        ("incoming_customer", payload)
    } else {
        ("customer_unfollowed", json!({ "id": customer.id }))
    };
    Some(Push {
        to_agents: Some((action, payload)),
        agents: Agents::These(vec![agent]),
        ..Push::default()
    })
}

fn shown(customer: &Customer) -> Value {
    show::customer(&Lens::Agent, customer, None, None)
}

/// A customer as they see themselves.
fn own(app: &App, workspace: WorkspaceId, customer: &Customer) -> Value {
    let veil = opaque(app, workspace);
    show::customer(&Lens::Customer { me: customer.id, veil: &veil }, customer, None, None)
}

/// Agents hear of the customers whom they asked to hear of.
fn to_agents(id: CustomerId, action: &'static str, payload: Value) -> Push {
    let agents = Agents::Watching(id);
    Push { to_agents: Some((action, payload)), agents, ..Push::default() }
}

fn to_customer(id: CustomerId, action: &'static str, data: &Value) -> Push {
    let payload = json!({ "unique_id": data.get("unique_id") });
    Push { to_customer: Some((action, payload)), customers: Customers::One(id), ..Push::default() }
}

fn statistics(customer: &Customer) -> Push {
    let statistics = show::statistics(&customer.statistics);
    to_agents(
        customer.id,
        "customer_statistics_updated",
        json!({ "customer_id": customer.id, "statistics": statistics }),
    )
}

/// What is different, in the names that clients know.
fn changed(data: &Value) -> Vec<String> {
    let names = data.get("changed").and_then(Value::as_array).into_iter().flatten();
    let mut changed: Vec<String> = Vec::new();
    for name in names.filter_map(Value::as_str) {
        match name {
            "group" => changed.push("group_ids".into()),
            "details" => changed.extend(["address".into(), "omnichannel".into()]),
            other => changed.push(other.into()),
        }
    }
    changed
}

/// The id, the type, and of the other fields those that are different.
fn only(shown: Value, changed: &[String]) -> Value {
    let Value::Object(shown) = shown else { return shown };
    let is_told = |name: &String| name == "id" || name == "type" || changed.contains(name);
    let told: Map<String, Value> = shown.into_iter().filter(|(name, _)| is_told(name)).collect();
    Value::Object(told)
}

async fn greeting(app: &App, event: &Event, id: CustomerId) -> Result<Option<Push>, ReadError> {
    let Some(number) = event.data.get("greeting").and_then(Value::as_u64) else { return Ok(None) };
    let key = DocKey::new(Kind::Greeting, format!("{number:020}"));
    let Some(found) = app.store().document(event.workspace, &key).await? else { return Ok(None) };
    let greeting: Greeting = seen(found)?.value;
    let from = event.data.get("from").and_then(|from| Participant::deserialize(from).ok());
    let voice = from.and_then(|from| Answerer::of(app, event.workspace, &from));
    let veil = opaque(app, event.workspace);
    let lens = Lens::Customer { me: id, veil: &veil };
    let Some(agent) = voice.map(|voice| voice.face(&lens)) else { return Ok(None) };
    let rich = greeting.rich_message.clone().unwrap_or_else(|| json!({}));
    let mut shown = json!({
        "type": "rich_message",
        "created_at": show::time(event.received_at),
        "properties": { "lc2": { "greeting_id": number, "greeting_unique_id": event.data.get("unique_id") } },
    });
    if let (Some(shown), Some(rich)) = (shown.as_object_mut(), rich.as_object()) {
        shown.extend(rich.clone());
    }
    let payload = json!({
        "id": number,
        "unique_id": event.data.get("unique_id"),
        "displayed_first_time": true,
        "subtype": "greeting",
        "is_exit_intent": false,
        "event": shown,
        "agent": agent,
    });
    Ok(Some(Push {
        to_customer: Some(("incoming_greeting", payload)),
        customers: Customers::One(id),
        ..Push::default()
    }))
}
