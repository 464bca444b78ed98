//! The store on PostgreSQL, tested from outside.

#![expect(clippy::expect_used, reason = "these are tests: they panic to fail")]

mod conformance;
mod place;
mod transfer;
