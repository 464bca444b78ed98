//! `subscribe_customers` and `unsubscribe_customers`: agents who want to hear of the customers on a site.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::customers::there;
use tidings_app::desk::hub::{Listener, Subscription};
use tidings_app::desk::{Actor, ErrorType, Failure};
use tidings_model::GroupNumber;

use super::Door;

/// Of how many customers one subscription hears one by one: more than anybody looks at. Of more, the total is told.
const TRACKED_MAX: usize = 1_000;

/// How many subscriptions one connection may have; a tool has one for each list that it shows.
const SUBSCRIPTIONS_MAX: usize = 20;

#[derive(Deserialize)]
struct Subscribe {
    #[serde(default)]
    group_ids: BTreeSet<GroupNumber>,
    #[serde(default)]
    limit: Option<usize>,
}

/// Begins to hear: the answer tells who is there now.
pub(super) async fn begin(
    door: &Door,
    listener: &Listener,
    actor: &Actor,
    payload: &Value,
) -> Result<Value, Failure> {
    actor.needs_agent()?;
    let args: Subscribe = serde_path_to_error::deserialize(payload).map_err(|error| {
        Failure::field(&error.path().to_string(), format!("is not as expected: {}", error.inner()))
    })?;
    if listener.subscriptions_count() >= SUBSCRIPTIONS_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("a connection has at most {SUBSCRIPTIONS_MAX} subscriptions; end one first"),
        ));
    }
    let limit = args.limit.unwrap_or(TRACKED_MAX).min(TRACKED_MAX);
    if limit == 0 {
        return Err(Failure::field("limit", "must be at least 1"));
    }
    let app = &door.api.app;
    let id = app.next_id().to_string();
    // It hears before it reads, so that nobody comes unheard in between.
    listener.subscribe(Subscription {
        id: id.clone(),
        groups: args.group_ids.clone(),
        limit,
        tracked: HashSet::new(),
        told: None,
    });
    let customers = there::list(app, actor, &args.group_ids, limit).await?;
    let ids = customers.iter().filter_map(|customer| customer.get("id")?.as_str()?.parse().ok());
    listener.tracks(&id, ids);
    Ok(json!({ "subscription_id": id, "customers": customers }))
}

/// Hears no more.
pub(super) fn end(listener: &Listener, payload: &Value) -> Result<Value, Failure> {
    let id = payload.get("subscription_id").and_then(Value::as_str).unwrap_or_default();
    if listener.unsubscribe(id) {
        return Ok(json!({}));
    }
    Err(Failure::new(ErrorType::NotFound, "this connection has no such subscription"))
}
