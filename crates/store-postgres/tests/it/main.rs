//! The store on PostgreSQL, tested from outside.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests: they panic to fail"
)]

mod conformance;
mod damage;
mod deaf;
mod failover;
mod nodes;
mod opening;
mod pgbouncer;
mod place;
mod tls;
mod transfer;
