//! Agents who watch a customer on their way over a site (3.3 to 3.5).

use serde_json::json;

use super::said::read_id;
use super::{By, Chats, decide};
use crate::App;
use crate::desk::{Actor, ErrorType, Failure};

/// The most agents who watch one customer: as many as a large team has.
const FOLLOWERS_MAX: usize = 1_000;

/// An agent watches a customer, or does so no more. Doing it again changes nothing.
pub async fn set(app: &App, actor: &Actor, id: &str, follows: bool) -> Result<(), Failure> {
    let agent = actor.needs_agent()?.id.clone();
    let id = read_id(id)?;
    decide(app, &By::actor(actor), id, Chats::None, |change| {
        change.needs_known()?;
        let followers = &mut change.customer.followers;
        let changes =
            if follows { followers.insert(agent.clone()) } else { followers.remove(&agent) };
        if followers.len() > FOLLOWERS_MAX {
            return Err(Failure::new(
                ErrorType::LimitReached,
                format!("at most {FOLLOWERS_MAX} agents watch a customer"),
            ));
        }
        if changes {
            let data = json!({ "customer": id, "agent": agent, "following": follows });
            change.raise("customer.followed", data);
        }
        Ok(())
    })
    .await
    .map(drop)
}
