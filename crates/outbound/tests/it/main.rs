//! The guarded client against real servers on this machine, one module per promise.

mod download;
mod failures;
mod guard;
mod limits;
mod server;
