//! JavaScript of bots, run where it can do no harm. Level 1: it uses no other crate of ours.
//!
//! Called by whatever runs a `script` step: [`Sandbox::run`] takes code, its input, the time and a seed, and gives a value
//! or says why there is none. The code runs in QuickJS in a child process, because nothing inside a process stops all
//! code: `new Array(1e9) + ""` never asks whether it may go on. What the child promises:
//!
//! - **No more than computing.** Before it reads code it gives up opening, connecting and starting anything (`walls`).
//! - **An end.** It is killed when the time is over, whatever it does.
//! - **The same again.** One fresh engine for each request; clock and chance come with the request. The same request gives
//!   the same outcome, so a simulator may repeat it, and a step that runs twice does the same twice.
//!
//! Nothing is written anywhere, so a request may be repeated at will.
//!
//! In reading order: [`request`] (what is asked and answered), [`sandbox`] (the front door), `process` (one child as the
//! parent sees it), `pipe` (what goes between them), `child` (the child's main), `engine` (QuickJS), `walls`.

mod child;
mod engine;
mod pipe;
mod process;
pub mod request;
pub mod sandbox;
mod walls;

pub use child::child;
pub use request::{Failed, Fault, Log, Outcome, Request};
pub use sandbox::{Sandbox, Settings};
