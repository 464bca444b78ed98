//! The guarded client against real servers on this machine, one module per promise.

mod download;
mod failures;
mod guard;
mod hostile;
mod limits;
mod phases;
mod proxy;
mod server;
mod spellings;
mod tls;
