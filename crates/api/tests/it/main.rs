//! The API over real HTTP: a real server, a real store, a real client.

#![expect(
    clippy::indexing_slicing,
    reason = "a missing field fails the test, which is what it is for"
)]

mod agents;
mod auth;
mod bad_input;
mod customer_tokens;
mod documents;
mod events;
mod operators;
mod provider;
mod site;
mod streams;
mod web;
