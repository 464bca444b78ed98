//! What the server does: the pipeline, and its administration.
//!
//! In reading order: [`app`] (what everything shares), [`settings`], [`directory`] (what the pipeline keeps at hand about
//! a workspace), `scenes` (busy chats), [`pipeline`] (the path of an event), [`admin`] (what administrators change), [`seal`] (secrets at rest).

pub mod admin;
pub mod app;
pub mod directory;
pub mod pipeline;
mod scenes;
pub mod seal;
pub mod settings;
pub mod visitor;

pub use app::{App, Parts};
pub use settings::Settings;
