//! Types of a workspace: read with every fault told, compared by what others relied on, drafted from a sample.

#![expect(
    clippy::indexing_slicing,
    reason = "a missing field fails the test, which is what it is for"
)]

mod changes;
mod drafts;
mod files;
mod reading;

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use tidings_catalogue::own::{self, Wrong};
use tidings_catalogue::{Catalogue, EventType};

use crate::builtin;

/// An order of a pizzeria, with all that a type may have.
fn order_placed() -> Value {
    json!({
        "name": "order.placed",
        "title": "Order placed",
        "description": "A customer ordered at the till.",
        "group": "Orders",
        "kind": "after",
        "version": 1,
        "status": "stable",
        "raised_by": "The till sends it.",
        "heard_by": ["app", "group"],
        "channels": ["telegram"],
        "aliases": ["shop:order", { "name": "ORDERADD", "where": { "data.size": "L" } }],
        "schema": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": { "enum": ["S", "L"] },
                "price": { "type": "number", "minimum": 0 },
                "items": { "type": "array", "items": { "$ref": "#/$defs/item" } },
            },
            "$defs": { "item": { "type": "object", "properties": { "name": { "type": "string" } } } },
        },
        "sample": { "size": "L", "price": 12.5, "items": [{ "name": "pizza" }] },
    })
}

/// The same with one place changed; `None` takes it away.
fn with(pointer: &str, value: Option<Value>) -> Value {
    let mut given = order_placed();
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    let parent = given.pointer_mut(parent).expect("the parent is there");
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(field.to_owned(), value)),
        (parent, _) => drop(parent.as_object_mut().and_then(|fields| fields.shift_remove(field))),
    }
    given
}

/// The vocabulary of the binary, read once: some of these tests read thousands of types.
static OURS: LazyLock<Catalogue> = LazyLock::new(builtin);

fn read(given: &Value) -> Result<EventType, Vec<Wrong>> {
    own::read(&OURS, given)
}

fn good(given: &Value) -> EventType {
    read(given).expect("a good type")
}

#[test]
fn a_workspaces_types_lie_over_ours() {
    let base = Arc::new(builtin());
    let (all, left_out) = Catalogue::with(&base, [Arc::new(good(&order_placed()))]);
    assert!(left_out.is_empty());
    assert_eq!(all.types().count(), base.types().count() + 1);
    assert_eq!(all.types().last().map(|last| last.name.as_str()), Some("order.placed"));
    let resolved = all.resolve("ORDERADD").expect("an alias");
    assert_eq!(
        (resolved.event_type.name.as_str(), resolved.constraints().len()),
        ("order.placed", 1)
    );
    assert!(all.get_str("chat.message").is_some() && base.get_str("order.placed").is_none());
    assert_eq!(all.nearest("order.placd"), Some("order.placed"));
}

#[test]
fn a_type_whose_name_a_newer_release_has_is_left_out() {
    let base = Arc::new(builtin());
    let (newer, _) = Catalogue::with(&base, [Arc::new(good(&order_placed()))]);
    let again = Arc::new(good(&order_placed()));
    let (all, left_out) = Catalogue::with(&Arc::new(newer), [again]);
    assert_eq!(all.types().count(), base.types().count() + 1);
    let names: Vec<&str> = left_out.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["order.placed"]);
}
