//! What can be done with any value.

use minijinja::{Error, Value, filters};

use super::table::{Entry, filter};
use super::text_of;
use super::work::{measured, picking};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "bool",
        "Whether the value is true: not empty, not 0.",
        "{{ 'x' | bool }} {{ 0 | bool }}",
        "true false",
        |e, n| e.add_filter(n, filters::bool),
    ),
    filter(
        "default(other='', also_if_empty=false)",
        "The value, or another one if there is none, or it is null. With `true` also if it is empty, 0 or false.",
        "{{ session.name | default('friend') }} {{ none | default('friend') }} {{ '' | default('nothing', true) }}",
        "friend friend nothing",
        |e, n| e.add_filter(n, default),
    ),
    filter(
        "first",
        "The first item of a list, the first character of a text.",
        "{{ ['a', 'b'] | first }}",
        "a",
        |e, n| e.add_filter(n, filters::first),
    ),
    filter(
        "float(other)",
        "The number that a text reads as, with a fraction; another value if it reads as none.",
        "{{ '2.5' | float + 1 }} {{ 'x' | float(0.5) }}",
        "3.5 0.5",
        |e, n| e.add_filter(n, filters::float),
    ),
    filter(
        "int(other)",
        "The whole number that a text reads as, without a fraction; another value if it reads as none.",
        "{{ '12' | int + 1 }} {{ 'x' | int(0) }}",
        "13 0",
        |e, n| e.add_filter(n, filters::int),
    ),
    filter(
        "last",
        "The last item of a list, the last character of a text.",
        "{{ ['a', 'b'] | last }}",
        "b",
        |e, n| e.add_filter(n, filters::last),
    ),
    filter(
        "length",
        "How many characters a text has, or items a list, or keys a mapping.",
        "{{ 'Alice' | length }} {{ ['a', 'b'] | length }}",
        "5 2",
        |e, n| e.add_filter(n, filters::length),
    ),
    filter(
        "list",
        "A list of the items, the keys of a mapping, the characters of a text.",
        "{{ 'abc' | list }}",
        r#"["a","b","c"]"#,
        |e, n| picking(e, n, filters::list),
    ),
    filter(
        "reverse",
        "A list or a text from its end to its beginning.",
        "{{ [1, 2, 3] | reverse }} {{ 'abc' | reverse }}",
        "[3,2,1] cba",
        |e, n| measured(e, n, filters::reverse),
    ),
    filter(
        "string",
        "The value as a text, as it would be printed.",
        "{{ [1, 'a'] | string | length }}",
        "7",
        |e, n| measured(e, n, string),
    ),
];

/// A field that is there and null, as the name of a customer who has not told it, is none to who writes a text.
fn default(value: Value, other: Option<Value>, also_if_empty: Option<bool>) -> Value {
    let is_missing = value.is_undefined() || value.is_none();
    if is_missing || (also_if_empty.unwrap_or_default() && !value.is_true()) {
        return other.unwrap_or_else(|| Value::from(""));
    }
    value
}

fn string(value: &Value) -> Result<String, Error> {
    text_of(value)
}
