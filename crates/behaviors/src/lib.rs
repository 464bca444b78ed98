//! The language that bots are written in, and its interpreter.
//!
//! Nothing here waits, sends, stores or reads a clock: a bot's text becomes a [`Bot`], and a run is a value that a
//! [`Turn`] replaces. What should be done comes out as [`Effect`]s; time and ids come in as [`Seeds`].
//!
//! In reading order: [`source`] (a bot's text), [`problem`] (what is wrong with a text, and where), [`vocabulary`] (which
//! events there are), [`bot`] (what loading gives), [`facts`] (what a behavior sees), [`effect`] (what it wants done),
//! [`run`] (one execution, with its trace), [`interpret`] (`start` and `resume`). Beside that, webhooks write payloads by
//! the same templates ([`template::payload`]). Inside: `load` and `reader` go from
//! text to `program` by way of `yaml`, `pattern`, `condition` and `template`; `stage` is one turn, `steps` has a file for each step.

pub mod bot;
pub mod effect;
pub mod facts;
pub mod interpret;
pub mod problem;
pub mod run;
pub mod source;
pub mod template;
pub mod vocabulary;

mod condition;
mod duration;
mod load;
mod nearest;
mod parameter;
mod pattern;
mod program;
mod reader;
mod stage;
mod steps;
mod target;
mod yaml;

pub use bot::{Behavior, Bot, Intent, Status};
pub use effect::{Button, Effect, HandOverTo, Say};
pub use facts::{Facts, Seeds};
pub use interpret::{Input, resume, start};
pub use parameter::{Parameter, ValueKind};
pub use problem::{Problem, Severity};
pub use run::{Frame, Run, RunState, StepTrace, StopReason, Turn, Wait};
pub use source::BotSource;
pub use vocabulary::{Heard, Vocabulary};
