//! A customer is refused for some days: their open connections end, no new one begins, and their chat is told.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::CustomerId;
use tidings_store::{Batch, CountOf, Delete, DocKey, Kind, Put};

use super::bans::{Ban, key_of_address, key_of_customer};
use super::said::read_id;
use super::{By, Chats, decide, not_written};
use crate::App;
use crate::admin::told::told;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure};
use crate::directory::all_of;
use crate::pipeline::written::to_body;

/// The most bans of a workspace: a list of them is one answer.
pub const BANS_MAX: u64 = 10_000;

/// The longest ban, in days: ten years, which is for good.
pub const DAYS_MAX: u32 = 3_650;

/// `ban_customer`.
pub async fn ban(app: &App, actor: &Actor, id: &str, days: u32) -> Result<Value, Failure> {
    let agent = std::sync::Arc::clone(actor.needs_agent()?);
    if days > DAYS_MAX {
        return Err(Failure::field("ban.days", format!("must be at most {DAYS_MAX}")));
    }
    let id = read_id(id)?;
    let count = app.store().count(actor.workspace, Kind::Ban, CountOf::All).await;
    if count.map_err(unreadable)? >= BANS_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("a workspace has at most {BANS_MAX} bans"),
        ));
    }
    let now = app.now();
    let duration = days.to_string();
    let vars = [("agent", agent.name.as_str()), ("duration", duration.as_str())];
    let text = format!("{} banned the customer for {days} days", agent.name);
    let decided = decide(app, &By::actor(actor), id, Chats::Active, |change| {
        change.needs_known()?;
        let visit = change.customer.visit.as_ref();
        let ip = visit.and_then(|visit| visit.ip.clone()).filter(|ip| is_ones_own(ip));
        let ban = Ban {
            ip: ip.clone(),
            customer: Some(id),
            agent: agent.id.clone(),
            thread: change.active_thread(),
            created_at: now,
            expires_at: now + Duration::from_secs(u64::from(days) * 24 * 60 * 60),
        };
        let keys = std::iter::once(key_of_customer(id)).chain(ip.as_deref().map(key_of_address));
        let puts =
            keys.map(|key| Put { key, expected: None, body: to_body(&ban), index: Vec::new() });
        change.batch.puts.extend(puts);
        change.raise("customer.banned", json!({ "customer": id, "days": days, "agent": agent.id }));
        change.tell_chats("customer_banned", &text, &vars);
        Ok(ip)
    })
    .await?;
    if let Some(hub) = app.hub(actor.workspace) {
        let ip = decided.value.and_then(|ip| ip.parse().ok());
        hub.disconnect_banned(id, ip);
    }
    Ok(json!({}))
}

/// Whether an address stands for somebody: behind a proxy all come from one of this machine or network, and a ban of that
/// would refuse everybody.
fn is_ones_own(ip: &str) -> bool {
    match ip.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified())
        }
        Ok(IpAddr::V6(ip)) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
        Err(_) => false,
    }
}

/// `list_customer_bans`: those that hold now, newest first.
pub async fn list(app: &App, actor: &Actor) -> Result<Value, Failure> {
    let mut bans: Vec<Ban> =
        all_of(app.store.as_ref(), actor.workspace, Kind::Ban).await.map_err(unreadable)?;
    bans.retain(|ban| ban.expires_at > app.now());
    bans.sort_by_key(|ban| (std::cmp::Reverse(ban.created_at), ban.customer));
    // A ban with an address has two documents.
    bans.dedup();
    Ok(bans
        .into_iter()
        .map(|ban| {
            let mut shown = json!({
                "ip": ban.ip.unwrap_or_default(),
                "agent_id": ban.agent,
                "created_at": ban.created_at,
                "expires_at": ban.expires_at,
            });
            if let Some(shown) = shown.as_object_mut() {
                shown.extend(ban.customer.map(|id| ("customer_id".to_owned(), json!(id))));
                shown.extend(ban.thread.map(|id| ("thread_id".to_owned(), json!(id))));
            }
            shown
        })
        .collect())
}

/// `unban_customer`: by the customer, or by an address.
pub async fn unban(
    app: &App,
    actor: &Actor,
    ip: Option<&str>,
    customer: Option<&str>,
) -> Result<Value, Failure> {
    if ip.is_none() && customer.is_none() {
        return Err(Failure::new(ErrorType::Validation, "ip or customer_id must be given"));
    }
    let id: Option<CustomerId> = customer
        .map(|id| id.parse().map_err(|_| Failure::field("customer_id", "is not an id")))
        .transpose()?;
    let bans: Vec<Ban> =
        all_of(app.store.as_ref(), actor.workspace, Kind::Ban).await.map_err(unreadable)?;
    let meant = bans.into_iter().filter(|ban| {
        (id.is_some() && ban.customer == id) || (ip.is_some() && ban.ip.as_deref() == ip)
    });
    let mut keys: Vec<DocKey> = Vec::new();
    let mut batch = Batch::new(actor.workspace);
    let author = actor.author();
    for ban in meant {
        let of_customer = ban.customer.map(key_of_customer);
        let of_address = ban.ip.as_deref().map(key_of_address);
        for key in of_customer.into_iter().chain(of_address) {
            if keys.contains(&key) {
                continue;
            }
            if let (Kind::Ban, Some(customer)) = (key.kind, ban.customer)
                && key == key_of_customer(customer)
            {
                let data = json!({ "customer": customer });
                let workspace = actor.workspace;
                batch.events.push(told(app, workspace, Some(&author), "customer.unbanned", data));
            }
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(Failure::new(ErrorType::NotFound, "there is no such ban"));
    }
    batch.deletes = keys.into_iter().map(|key| Delete { key, expected: None }).collect();
    app.commit(batch).await.map_err(|error| not_written(&error))?;
    Ok(json!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_address_is_nobodys() {
        assert!(is_ones_own("203.0.113.7") && is_ones_own("2001:db8::1"));
        for shared in ["127.0.0.1", "10.1.2.3", "192.168.0.1", "::1", "fd00::1", ""] {
            assert!(!is_ones_own(shared), "{shared}");
        }
    }
}
