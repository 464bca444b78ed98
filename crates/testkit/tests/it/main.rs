//! Stories with the real app, on disk, a clock to turn, and simulated outside services that speak HTTP. Alice writes, Bob
//! answers, Carol subscribes.
//!
//! Each story of the pipeline ends with [`tidings_testkit::world::World::finish`]: nothing is left to do, every event is
//! as the catalogue says, numbers have no gaps.

#![expect(
    clippy::indexing_slicing,
    reason = "a missing field fails the test, which is what it is for"
)]

mod accept;
mod asking;
mod attempts;
mod brokers;
mod closing;
mod configuration;
mod control;
mod conversation;
mod coverage;
mod customers;
mod data_limits;
mod deliveries;
mod endpoint_metrics;
mod event_types;
mod failing;
mod files;
mod forms;
mod jobs;
mod leaks;
mod leases;
mod lifecycle;
mod loops;
mod mail;
mod methods;
mod newer;
mod nodes;
mod outside;
mod publishing;
mod retention;
mod routing;
mod rtm;
mod runs;
mod said;
mod service_levels;
mod several_bots;
mod telegram;
mod twice;
mod webhook_forms;
mod webhooks;
