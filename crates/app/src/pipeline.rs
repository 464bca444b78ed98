//! The path of an event.
//!
//! [`accept`] (an event from the API) and [`receive`] (from a channel) decide and commit; then the sender is answered.
//! What follows are readers of the log, each with a cursor of its own: [`react`] (behaviors), [`route`] (chats to agents), [`deliver`]
//! (webhooks), [`send`] (to channels, as [`telegram`]); [`live`] is read by whoever watches. [`timers`] wakes what is due. What a reader does ends in
//! another commit; it never flows back up.

pub mod accept;
mod answer;
pub mod cancel;
pub mod chat_change;
pub mod cursors;
pub mod deliver;
pub mod enact;
pub mod files;
pub mod forget;
pub(crate) mod fresh;
pub(crate) mod hands;
pub mod index;
pub mod live;
pub mod mail;
pub(crate) mod office;
pub(crate) mod poll;
pub mod react;
pub mod reader;
pub mod receive;
pub mod redeliver;
pub mod route;
pub mod scene;
pub mod send;
pub mod start;
pub mod telegram;
pub mod timers;
pub mod tries;
pub mod unknown;
pub mod view;
pub mod visit;
pub mod written;

pub use start::{Running, start};
