//! What people do in chats and what they may see of them: agents, bots that speak our API, and customers.
//!
//! The Chat API stands on this. Each action is one decision and one commit, as everywhere; what it tells others is an event
//! of the log, and [`push`] makes of events what open connections hear. What is not worth keeping (typing, a sneak peek)
//! is a [`push::Push`] without an event.
//!
//! In reading order: [`actor`] (who acts, and what they see), [`credentials`] (how they show who they are), [`find`],
//! [`change`] (one decision, one commit). Then what people do: with [`chats`], with [`events`] in them, with
//! [`properties`] and [`tags`], with [`customers`], with the [`team`] and the workspace; [`routing`] says which agent a
//! chat goes to, [`service_levels`] when somebody waits too long, [`snooze`] when a chat that was put aside comes back. What they see of it: [`look`] when they ask, [`push`] and [`hub`] as it happens, [`webhooks`] elsewhere.

pub mod actor;
pub mod auto_access;
pub mod canned_responses;
pub mod change;
pub mod chats;
pub mod credentials;
pub mod customers;
pub mod events;
pub mod find;
pub mod hub;
pub mod license;
pub mod look;
pub mod properties;
pub mod push;
pub mod routing;
pub mod service_levels;
pub mod snooze;
pub mod tags;
pub mod team;
pub mod url_info;
pub mod webhooks;
pub mod widget;

pub use actor::{Actor, Who};
pub use tidings_wire::livechat::{ErrorType, Failure};
