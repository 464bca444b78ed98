//! Types in TOML files.

use serde_json::json;
use tidings_catalogue::own::read_file;

use super::good;

const FILE: &str = r##"
[defs.size]
enum = ["S", "L"]

[defs.unused]
type = "string"

[[type]]
name = "order.placed"
title = "Order placed"
sample = { size = "L" }
schema = { type = "object", properties = { size = { "$ref" = "#/$defs/size" } } }

[[type]]
name = "order.paid"
title = "Order paid"
sample = '''{"amount": 7}'''
aliases = ["shop:paid"]
[type.schema]
type = "object"
required = ["amount"]
properties.amount = { type = "integer" }
"##;

#[test]
fn a_file_holds_types_that_share_parts() {
    let types = read_file(FILE).expect("a right file");
    let [placed, paid] = types.as_slice() else { panic!("two types: {types:?}") };
    let placed = good(placed);
    assert!(placed.validate(&json!({ "size": "M" })).is_err());
    assert_eq!(placed.schema()["$defs"], json!({ "size": { "enum": ["S", "L"] } }));
    assert_eq!(*good(paid).sample(), json!({ "amount": 7 }));
}

#[test]
fn a_wrong_file_is_told() {
    for (text, wanted) in [
        ("x = ", "is not TOML"),
        ("title = 'Orders'", "no [[type]]"),
        ("defs = 7\n[[type]]", "/defs: must be a table"),
        ("colour = 7\n[[type]]", "/colour: there is no such key"),
        ("[[type]]\nsample = '{'", "the sample is not JSON"),
        ("type = [7]", "must be a list of tables"),
    ] {
        let wrong = read_file(text).expect_err(text).to_string();
        assert!(wrong.contains(wanted), "{text}: {wrong}");
    }
}
