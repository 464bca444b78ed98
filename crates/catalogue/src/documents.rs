//! The vocabulary as documents for machines: AsyncAPI, the webhooks of OpenAPI, and a JSON Schema for each type.
//!
//! All of them are made of a catalogue alone, so the same catalogue gives the same bytes. Called by `api`, which serves
//! them, and by the example `asyncapi`, whose output is committed. Only facts go out, so only types of the kind *after*
//! are told of as messages.

mod asyncapi;
mod bodies;
mod example;
mod parts;
mod schema;
mod webhooks;

pub use asyncapi::{asyncapi, asyncapi_json};
pub use bodies::{cloud_event, envelope};
pub use schema::{answer_schema, data_schema};
pub use webhooks::{Webhooks, webhooks};

use crate::catalogue::Catalogue;
use crate::event_type::{EventType, Kind};

/// The types whose events go out.
fn told(catalogue: &Catalogue) -> impl Iterator<Item = &EventType> {
    catalogue.types().filter(|each| each.kind == Kind::After)
}
