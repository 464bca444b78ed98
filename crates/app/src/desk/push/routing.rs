//! What agents hear of each other's routing status.

use std::sync::Arc;

use serde_json::json;
use tidings_model::Event;

use super::{Agents, Push};

/// The pushes of an event of routing.
pub(super) fn pushes(event: &Arc<Event>) -> Vec<Push> {
    if event.event_type.as_str() != "routing.status_changed" {
        return Vec::new();
    }
    let payload = json!({
        "agent_id": event.data.get("agent"), "status": event.data.get("status"),
    });
    vec![Push {
        to_agents: Some(("routing_status_set", payload)),
        agents: Agents::All,
        ..Push::default()
    }]
}
