//! What properties there are, and what happens to them: [`change`] on chats, threads and events, [`shared`] on teams and
//! the workspace.
//!
//! A property has a definition: what it holds, where it may stand, and who reads and writes it there. LiveChat's own are
//! data, `properties/predefined.json`; programs register theirs ([`registry`]). Nothing undefined is ever stored.

pub mod change;
pub mod definition;
pub mod registry;
pub mod shared;

pub use change::{Change, Place, change};
pub use definition::{Definition, Range, RegisteredProperty, Registry, Right, Rights, User};
