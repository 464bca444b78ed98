//! Outside chat services: their bytes in and out, one folder each.
//!
//! A channel translates and decides nothing else: bytes become [`Arrival`]s, an event becomes [`Call`]s. Who waits for the
//! network, copies files and keeps the rates is `app`. Every channel folder has the same files: `mod.rs`, `settings.rs`,
//! `wire.rs`, `inbound.rs`, `outbound.rs`, `fixtures/`, `tests.rs`, `README.md`.

pub mod arrival;
pub mod call;
pub mod telegram;

pub use arrival::{Arrival, RemoteFile, Sender};
pub use call::{Call, Priority};
