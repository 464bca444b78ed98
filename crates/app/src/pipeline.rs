//! The path of an event.
//!
//! [`accept`] (an event from the API) and [`receive`] (from a channel) decide and commit; then the sender is answered.
//! What follows are readers of the log, each with a cursor of its own: [`react`] (behaviors), [`route`] (chats to agents), [`deliver`]
//! (webhooks), [`send`] (to channels, as [`telegram`]); [`live`] is read by whoever watches. [`timers`] wakes what is due, also by [`schedule`]. What a reader does ends in
//! another commit; it never flows back up. [`before`] asks behaviors of what is about to happen. [`question`] is for who raises an event and waits for what behaviors answer.

pub mod accept;
mod answer;
pub mod before;
pub mod cancel;
pub mod chat_change;
pub mod cursors;
pub mod deliver;
pub mod enact;
pub mod failing;
pub mod files;
pub mod forget;
pub(crate) mod fresh;
pub(crate) mod hands;
pub mod hook;
pub mod index;
pub mod live;
pub mod mail;
pub(crate) mod office;
pub(crate) mod poll;
pub mod question;
pub mod react;
pub mod reader;
pub mod receive;
pub mod redeliver;
pub mod route;
pub mod scene;
pub mod schedule;
pub mod send;
mod speech;
pub mod start;
pub mod telegram;
pub mod timers;
pub mod tries;
mod understand;
pub mod unknown;
pub mod view;
pub mod visit;
mod work;
pub mod written;

pub use start::{Running, start};
