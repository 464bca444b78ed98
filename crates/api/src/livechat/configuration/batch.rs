//! Several calls in one: each is answered by itself, in its place.
//!
//! They are made one after the other. The vendor makes them side by side; no answer differs by that, and changes of one
//! team would only stand in each other's way.

use serde_json::{Value, json};
use tidings_wire::livechat::{ErrorType, Failure};

use crate::livechat::call::{Answer, Call};

/// The most calls in one.
const REQUESTS_MAX: usize = 100;

/// The call that a batch is made of.
pub(super) fn one_of(action: &str) -> Option<&'static str> {
    match action {
        "batch_create_agents" => Some("create_agent"),
        "batch_update_agents" => Some("update_agent"),
        "batch_delete_agents" => Some("delete_agent"),
        "batch_suspend_agents" => Some("suspend_agent"),
        "batch_unsuspend_agents" => Some("unsuspend_agent"),
        "batch_approve_agents" => Some("approve_agent"),
        "batch_create_bots" => Some("create_bot"),
        "batch_update_bots" => Some("update_bot"),
        "batch_delete_bots" => Some("delete_bot"),
        _ => None,
    }
}

pub(super) async fn answer(call: &Call, action: &'static str) -> Answer {
    let requests = call.payload.get("requests").and_then(Value::as_array);
    let requests = requests.ok_or_else(|| Failure::field("requests", "must be a list"))?;
    if requests.len() > REQUESTS_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("at most {REQUESTS_MAX} requests go in one call"),
        ));
    }
    let mut responses = Vec::with_capacity(requests.len());
    for request in requests {
        let one = call.with_payload(request.clone());
        let answer = Box::pin(super::one(&one, action)).await;
        responses.push(answer.unwrap_or_else(|failure| json!({ "error": failure.to_json() })));
    }
    Ok(json!({ "responses": responses }))
}
