//! The language that bots are written in, and its interpreter.
//!
//! Nothing here waits, sends, stores or reads a clock: a bot's text becomes a [`Bot`], and a run is a value that a
//! [`Turn`] replaces. What should be done comes out as [`Effect`]s; time and ids come in as [`Seeds`].
//!
//! In reading order: [`source`] (a bot's text), [`problem`] (what is wrong with a text, and where), [`vocabulary`] (which
//! events there are), [`bot`] (what loading gives), [`owner`] (whose it is, and what concerns them), [`facts`] (what a
//! behavior sees), [`effect`] (what it wants done), [`wanted`] (what kind of answer a question wants), [`work`] (what it has
//! done outside), [`run`] (one execution), [`trace`] (what it did), [`schedule`] (when a behavior is due by itself),
//! [`interpret`] (`start` and `resume`),
//! [`simulate`] (a chat that is only imagined). Beside that, webhooks write payloads by
//! the same templates ([`template::payload`]). Inside: `load` and `reader` go from
//! text to `program` by way of `yaml`, `pattern`, `condition` and `template`; `stage` is one turn, `steps` has a file for each step.

pub mod bot;
pub mod effect;
pub mod facts;
pub mod interpret;
pub mod owner;
pub mod problem;
pub mod run;
pub mod schedule;
pub mod simulate;
pub mod source;
pub mod template;
pub mod trace;
pub mod vocabulary;
pub mod wanted;
pub mod work;

mod condition;
mod duration;
mod happened;
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
pub use duration::parse as parse_duration;
pub use effect::{Button, Effect, HandOverTo, Notify, NotifyTo, Say};
pub use facts::{Facts, Seeds};
pub use happened::{Happened, may_answer, says_something};
pub use interpret::{Input, Took, Watch, hear, resume, resume_watched, start, start_watched};
pub use owner::Owner;
pub use parameter::{Parameter, ValueKind};
pub use problem::{Problem, Severity};
pub use run::{Frame, Run, RunState, StopReason, Turn, Wait};
pub use schedule::{Missed, Schedule};
pub use source::BotSource;
pub use trace::{Detail, StepTrace};
pub use vocabulary::{Heard, Vocabulary};
pub use wanted::{Bounds, Choice, Days, Wanted};
pub use work::{Order, Work, WorkFailed};
