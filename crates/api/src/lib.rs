//! HTTP: thin handlers over `app`, and the OpenAPI that describes them.
//!
//! `server` and `testkit` build an [`ApiState`] and serve what [`router`] gives. A handler reads its request, asks `app`
//! or the store once, and writes the answer; it decides nothing else. Every answer that is not a success is a
//! [`Problem`] with a stable code.
//!
//! In reading order: [`state`] (what handlers share, and the limits), [`problem`], `auth` (who is asking, and whether
//! they may), `body` and `params` (what they ask), `answer`, `guard` (around every request), `stream` (what goes on as
//! the log grows); then a file for each noun, `web` (the chat page's visitors), `files`, `pages`, `health`, [`openapi`].

mod accounts;
mod address;
mod agents;
mod answer;
mod auth;
mod body;
mod bots;
mod channels;
mod chats;
mod customers;
mod deliveries;
mod endpoints;
mod envelope;
mod event_types;
mod events;
mod files;
mod guard;
mod health;
mod hooks;
mod jobs;
mod livechat;
mod nodes;
pub mod openapi;
pub mod pages;
mod params;
pub mod problem;
mod provider;
mod queries;
mod rate;
mod records;
mod routes;
mod runs;
mod service_levels;
mod simulations;
pub mod state;
mod stream;
mod tokens;
mod web;
mod workspace;

pub use address::{NoNetwork, TrustedProxy};
pub use openapi::{openapi, openapi_json};
pub use problem::{Code, Problem, errors_reference};
pub use routes::router;
pub use state::{ApiState, Limits, Phase, Rate, Readiness};
