//! The store on SQLite, tested from outside.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: they panic to fail"
)]

mod archive;
mod conformance;
mod crash;
mod damage;
mod full;
mod migrations;
mod opening;
mod place;
mod transfer;
