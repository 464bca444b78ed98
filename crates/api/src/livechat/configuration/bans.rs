//! Customers who are refused, of the Configuration API.

use serde::Deserialize;
use tidings_app::desk::customers::ban;

use crate::livechat::call::{Answer, Call};

pub(super) async fn list(call: &Call) -> Answer {
    call.actor.needs_agent()?;
    ban::list(&call.app, &call.actor).await
}

#[derive(Deserialize)]
struct Unban {
    #[serde(default)]
    ip: Option<String>,
    #[serde(default)]
    customer_id: Option<String>,
}

pub(super) async fn unban(call: &Call) -> Answer {
    let args: Unban = call.args()?;
    let (ip, customer) = (args.ip.as_deref(), args.customer_id.as_deref());
    ban::unban(&call.app, &call.actor, ip, customer).await
}
