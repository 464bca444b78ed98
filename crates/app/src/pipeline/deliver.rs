//! Delivering events to endpoints; only facts go out.
//!
//! ```text
//! log ─► feed ─► inbox ─► reader ─► work ─► step ─► post ─► receiver
//!        one for        one for    lanes    one    signed
//!        all of a       each       in       try    request
//!        place          endpoint   order             │
//!                          ▲                         │
//!                          └─── health, record ◄─────┘
//! ```
//!
//! - [`feed`] looks at the log once for all endpoints of a place; who does not keep up reads by itself.
//! - [`reader`] is one endpoint's: it has its own place in the log ([`progress`]), its own lanes ([`work`]), and its own
//!   measure of how much its receiver bears ([`health`]). Nobody waits for somebody else's receiver.
//! - [`record`] is what can be looked up afterwards.
//! - [`skipped`] tells of what was given up.
//! - [`job`] sends again what somebody asks for, through a [`gate`] that the reader opens, but for what the reader comes to
//!   by itself ([`owed`]).
//!
//! All of an endpoint's work is in one share, so one node does it.

pub mod as_sent;
mod attempt;
mod auth;
pub(crate) mod bodies;
mod body;
pub(crate) mod by_hand;
mod consent;
pub(crate) mod crowd;
pub(crate) mod feed;
mod gate;
pub(crate) mod gauges;
mod health;
mod inbox;
pub mod job;
pub mod log;
pub(crate) mod look;
mod owed;
mod pace;
mod post;
pub(crate) mod prepared;
pub mod preview;
pub(crate) mod progress;
mod publish;
pub(crate) mod pulse;
mod reader;
pub(crate) mod record;
mod skipped;
pub mod standing;
mod step;
mod switch;
mod together;
pub(crate) mod wish;
mod work;
mod wotnot;

pub(crate) use self::by_hand::redeliver;
pub(crate) use self::consent::origin;
pub use self::reader::{IN_FLIGHT_ASKED_MAX, IN_FLIGHT_MAX};

/// The name of the cursors, and of this reader in metrics.
pub const NAME: &str = "deliver";

/// How many deliveries may be under way, in all, to receivers whose last try was not taken: each of them has one at a
/// time, so that a thousand dead ones leave room for the living.
pub(crate) const UNPROVEN_MAX: usize = 1_024;
