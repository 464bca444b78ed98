//! Bots of other systems, translated into bots of Tidings.
//!
//! Nothing here reads a file or a clock: bytes come in, texts and a report go out, and the same bytes give the same texts.
//! Called by the command `tidings import`.
//!
//! In reading order: [`translate`] (the front door), `document` (Cerb's files in one shape), `package` (their templates),
//! `events` and `records` (what Cerb's placeholders are in Tidings), `scope` (the names of one behavior), `behavior` (a
//! behavior as a file), `tree` (its nodes as steps), `conditions`, `actions`; `twig` reads Cerb's templates, `write` writes
//! ours, `field` stands between the two; [`report`] tells what became of it, [`refusal`] why a file is not taken.

pub mod refusal;
pub mod report;
pub mod translate;

mod actions;
mod behavior;
mod conditions;
mod document;
mod events;
mod field;
mod package;
mod records;
mod scope;
mod tree;
mod twig;
mod write;
mod yaml;

pub use refusal::Refusal;
pub use report::{Count, Mark, Report};
pub use translate::{BotFile, CerbFile, Imported, cerb};
