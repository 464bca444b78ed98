//! The Telegram Bot API, as of version 10.1.
//!
//! All of it is pure: [`inbound::read_update`] makes an arrival of an update, [`outbound::calls`] makes calls of an event,
//! [`reply::read_reply`] says how a call went. `app` holds the connection: it takes the webhook or polls, copies files,
//! keeps the [`rates`] and tries again. See the README beside this file for what becomes what.

pub mod settings;

pub mod address;
pub mod album;
pub mod answers;
pub mod inbound;
pub mod methods;
pub mod outbound;
pub mod postback;
pub mod rates;
pub mod reply;
mod wire;

#[cfg(test)]
mod tests;

pub use address::Address;
pub use inbound::{UnreadableUpdate, read_update};
pub use outbound::{Unsendable, answer_callback_query, answer_precheckout, calls};
pub use postback::PostbackReference;
pub use reply::{NextStep, Reply, read_reply};
pub use settings::{InvalidSettings, Mode, PrecheckoutDefault, Settings};
