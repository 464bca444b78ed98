//! What people do in chats and what they may see of them: agents, bots that speak our API, and customers.
//!
//! The Chat API stands on this. Each action is one decision and one commit, as everywhere; what it tells others is an event
//! of the log, and [`push`] makes of events what open connections hear. What is not worth keeping (typing, a sneak peek)
//! is a [`push::Push`] without an event.
//!
//! In reading order: [`actor`] (who acts, and what they see), [`find`], [`change`] (one decision, one commit),
//! [`history`] (a thread's events with what became of them), [`look`] (chats as somebody sees them), [`routing`] (which agent a chat goes to), then a
//! file for each thing that can be done; [`push`] and [`hub`] tell of it.

pub mod access;
pub mod actor;
pub mod archives;
pub mod auto_access;
pub mod bans;
pub mod change;
pub mod closing;
pub mod customer_grants;
pub mod customer_token;
pub mod customers;
pub mod events;
pub mod find;
pub mod greetings;
pub mod history;
pub mod hours;
pub mod hub;
pub mod identity;
pub mod joining;
pub mod license;
pub mod list;
pub mod login;
pub mod look;
mod members;
pub mod opening;
pub mod page;
pub mod placing;
pub mod properties;
pub mod push;
pub mod routing;
pub mod summary;
pub mod tags;
pub mod team;
pub mod threads;
pub mod tokens;
pub mod transfer;
pub mod uploads;
pub mod url_info;
pub mod webhooks;
pub mod widget;

pub use actor::{Actor, Who};
pub use tidings_wire::livechat::{ErrorType, Failure};
