//! The Chat API: LiveChat's Agent Chat, Customer Chat and Configuration API over HTTP and WebSocket.
//!
//! A call comes in by a door ([`web`], [`rtm`]), is signed in ([`sign_in`]), turned into today's names and checked against
//! the table of methods (`tidings_wire::livechat`), and handed to the file of its noun ([`agent`], [`customer`],
//! [`configuration`]). Answers go back the same way.

mod accounts;
mod agent;
mod both;
mod call;
mod configuration;
mod cors;
mod customer;
mod organization;
mod rtm;
mod sign_in;
mod site;
mod upload;
mod web;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::state::Api;

pub(crate) use upload::is_upload;

/// The routes of the Chat API.
pub(crate) fn routes(api: &Api) -> Router<Api> {
    web::routes(api)
        .merge(rtm::routes())
        .merge(accounts::routes())
        .layer(from_fn_with_state(api.clone(), cors::around))
}
