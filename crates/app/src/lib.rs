//! What the server does: the pipeline, and its administration.
//!
//! In reading order: [`app`] (what everything shares), [`settings`], [`directory`] (what the pipeline keeps at hand about
//! a workspace), [`known`] (what is not found in it, looked for again), `hints` (what nodes tell each other), `kept` (what was read lately: `scenes` of busy chats, `passes` of who is let in),
//! [`nodes`] (how several nodes divide the work), [`pipeline`] (the path of an event), [`desk`]
//! (what people do in chats, and see of them), [`admin`] (what administrators change), [`records`] (typed things beside conversations), [`simulations`] (what a bot would do), [`seal`] (secrets at rest).

pub mod admin;
pub mod app;
mod codes;
pub mod desk;
pub mod directory;
mod hints;
mod kept;
pub mod known;
pub mod nodes;
mod passes;
pub mod pipeline;
mod places;
pub mod records;
mod scenes;
pub mod seal;
pub mod settings;
pub mod simulations;
mod together;
pub mod visitor;

pub use app::{App, Parts};
pub use places::Places;
pub use settings::Settings;
