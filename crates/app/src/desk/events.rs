//! What is said in chats, and what becomes of it: sent, edited, taken back, pressed, seen.
//!
//! [`compose`](mod@compose) turns an event of the Chat API into one of ours, [`send`](mod@send) puts it into a chat,
//! [`change`] edits and deletes, [`postback`] presses buttons, [`seen`] notes who read, [`signals`] tells what is not kept.

pub mod change;
pub mod compose;
mod own_files;
pub mod postback;
pub mod seen;
pub mod send;
pub mod signals;
pub(in crate::desk) mod target;
pub mod uploads;

pub use compose::{Composed, compose};
pub use send::{IfClosed, Sent, custom_claim, send};
