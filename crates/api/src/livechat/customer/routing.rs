//! Who would answer a customer, before they ask.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::actor::opaque;
use tidings_app::desk::routing::{predict, status};
use tidings_app::desk::{Failure, widget};
use tidings_model::GroupNumber;

use crate::livechat::call::{Answer, Call};

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListGroupStatuses {
    all: bool,
    group_ids: Option<Vec<GroupNumber>>,
}

/// `list_group_statuses`: of all teams, or of those named; unknown ones are left out.
pub(super) async fn group_statuses(call: &Call) -> Answer {
    let args: ListGroupStatuses = call.args()?;
    if !args.all && args.group_ids.is_none() {
        return Err(Failure::field("group_ids", "must be given, or `all` set to true"));
    }
    let statuses = status::of_groups(&call.app, call.actor.workspace).await?;
    let wanted = |group: &GroupNumber| {
        args.all || args.group_ids.as_ref().is_some_and(|groups| groups.contains(group))
    };
    let shown: BTreeMap<String, &str> = statuses
        .into_iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, status)| (group.to_string(), status))
        .collect();
    Ok(json!({ "groups_status": shown }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Predict {
    group_id: Option<GroupNumber>,
}

/// `get_predicted_agent`: who would get the customer's chat now.
pub(super) async fn predicted_agent(call: &Call) -> Answer {
    let args: Predict = call.args()?;
    let (agent, queue) = predict(call, args.group_id.unwrap_or_default()).await?;
    Ok(json!({ "agent": agent, "queue": queue }))
}

async fn predict(call: &Call, group: GroupNumber) -> Result<(Value, bool), Failure> {
    let (app, workspace) = (&call.app, call.actor.workspace);
    let prediction = predict::now(app, workspace, call.channel, group).await?;
    let veil = opaque(app, workspace);
    let mut shown = prediction.answerer.face(&call.actor.lens(&veil));
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("type".into(), "agent".into());
    }
    Ok((shown, prediction.queue))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RequestWelcome {
    id: Option<String>,
    group_id: Option<GroupNumber>,
}

/// The first words where neither the team nor the workspace has its own.
const WELCOME: &str = "Hello. How may I help you?";

/// `request_welcome_message`: who would answer, and their first words as a push, before a chat begins.
pub(super) async fn welcome_message(call: &Call) -> Answer {
    use tidings_app::desk::push::{Customers, Push};
    let args: RequestWelcome = call.args()?;
    let customer = call.actor.needs_customer()?;
    let group = args.group_id.unwrap_or_default();
    let (agent, queue) = predict(call, group).await?;
    let id = args.id.unwrap_or_else(|| call.app.next_id().to_string());
    let directory = call.app.directory(call.actor.workspace);
    let text = directory.and_then(|known| widget::welcome_phrase(&known, group));
    let text = text.unwrap_or_else(|| WELCOME.into());
    if let Some(hub) = call.app.hub(call.actor.workspace) {
        let event = json!({
            "created_at": tidings_wire::livechat::show::time(call.app.now()),
            "type": "message", "text": text, "author_id": agent.get("id"),
        });
        let push = Push {
            to_customer: Some(("incoming_welcome_message", json!({ "id": id, "event": event }))),
            customers: Customers::One(customer),
            ..Push::default()
        };
        hub.signal(push, call.actor.request.clone());
    }
    Ok(json!({ "id": id, "predicted_agent": agent, "queue": queue }))
}
