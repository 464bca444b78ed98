//! Mappings, and values within values.

use std::collections::BTreeSet;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Error, Value, filters};

use super::table::{Entry, filter};
use super::work::{heavy, measured, picking};
use super::{fields_of, items_of, paths, text_of};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "combine(values)",
        "A mapping of a list of keys and a list of values.",
        "{{ ['a', 'b'] | combine([1, 2]) }}",
        r#"{"a":1,"b":2}"#,
        |e, n| measured(e, n, combine),
    ),
    filter(
        "dictsort(by='key', reverse=false, case_sensitive=false)",
        "The pairs of key and value in the order of the keys, or `by='value'`; all by name.",
        "{{ {'b': 1, 'a': 2} | dictsort }}",
        r#"[["a",2],["b",1]]"#,
        |e, n| heavy(e, n, filters::dictsort),
    ),
    filter(
        "get(path, default)",
        "What is at a path.",
        "{{ session | get('cart.0.pizza') }} {{ session | get('cart.7.pizza', 'none') }}",
        "Funghi none",
        |e, n| picking(e, n, paths::get),
    )
    .seeing(r#"{"cart": [{"pizza": "Funghi"}]}"#),
    filter(
        "items",
        "The pairs of key and value.",
        "{% for key, value in {'a': 1} | items %}{{ key }}={{ value }}{% endfor %}",
        "a=1",
        |e, n| picking(e, n, filters::items),
    ),
    filter(
        "keys",
        "The keys, as a list.",
        "{{ {'a': 1, 'b': 2} | keys }}",
        r#"["a","b"]"#,
        |e, n| {
            picking(e, n, keys);
        },
    ),
    filter(
        "merge(others...)",
        "Mappings as one, where a later one wins; lists one after the other.",
        "{{ {'a': 1, 'b': 2} | merge({'b': 3}) }} {{ [1] | merge([2, 3]) }}",
        r#"{"a":1,"b":3} [1,2,3]"#,
        |e, n| measured(e, n, merge),
    ),
    filter(
        "only(keys...)",
        "The mapping with these keys alone.",
        "{{ {'a': 1, 'b': 2} | only('a', 'c') }}",
        r#"{"a":1}"#,
        |e, n| picking(e, n, only),
    ),
    filter(
        "put(path, value, delimiter='.')",
        "The mapping with a value at a path; what is missing on the way is made.",
        "{{ {} | put('a.b', 1) | put('a.list.[]', 'x') }}",
        r#"{"a":{"b":1,"list":["x"]}}"#,
        |e, n| measured(e, n, paths::put),
    ),
    filter(
        "take_out(path, delimiter='.')",
        "The mapping without what is at a path.",
        "{{ {'a': {'b': 1, 'c': 2}} | take_out('a.b') }}",
        r#"{"a":{"c":2}}"#,
        |e, n| measured(e, n, paths::take_out),
    ),
    filter(
        "values",
        "The values, as a list.",
        "{{ {'a': 1, 'b': 2} | values }}",
        "[1,2]",
        |e, n| {
            picking(e, n, values);
        },
    ),
    filter(
        "without(keys...)",
        "The mapping without these keys.",
        "{{ {'a': 1, 'b': 2} | without('a') }}",
        r#"{"b":2}"#,
        |e, n| picking(e, n, without),
    ),
];

fn combine(value: &Value, values: &Value) -> Result<Value, Error> {
    let keys = items_of(value, "combine")?;
    let values = items_of(values, "combine")?;
    let mut pairs = Vec::new();
    for (key, value) in keys.into_iter().zip(values) {
        pairs.push((text_of(&key)?, value));
    }
    Ok(Value::from_pairs(pairs))
}

fn keys(value: &Value) -> Result<Vec<Value>, Error> {
    Ok(fields_of(value, "keys")?.into_iter().map(|(key, _)| key).collect())
}

fn values(value: &Value) -> Result<Vec<Value>, Error> {
    // A list has its values already.
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return items_of(value, "values");
    }
    Ok(fields_of(value, "values")?.into_iter().map(|(_, member)| member).collect())
}

fn merge(value: &Value, others: Rest<Value>) -> Result<Value, Error> {
    let parts = || std::iter::once(value).chain(others.iter());
    if parts().any(|part| part.kind() == ValueKind::Map) {
        let mut fields = Vec::new();
        for part in parts() {
            fields.extend(fields_of(part, "merge")?);
        }
        return Ok(Value::from_pairs(fields));
    }
    let mut items = Vec::new();
    for part in parts() {
        items.extend(items_of(part, "merge")?);
    }
    Ok(Value::from(items))
}

fn only(value: &Value, keys: Rest<Value>) -> Result<Value, Error> {
    let keys = named(&keys)?;
    let fields = fields_of(value, "only")?;
    Ok(Value::from_pairs(fields.into_iter().filter(|(key, _)| keys.contains(key))))
}

fn without(value: &Value, keys: Rest<Value>) -> Result<Value, Error> {
    let keys = named(&keys)?;
    let fields = fields_of(value, "without")?;
    Ok(Value::from_pairs(fields.into_iter().filter(|(key, _)| !keys.contains(key))))
}

/// The keys that are named, one by one or in a list.
fn named(keys: &[Value]) -> Result<BTreeSet<Value>, Error> {
    let mut named = BTreeSet::new();
    for key in keys {
        if matches!(key.kind(), ValueKind::Seq | ValueKind::Iterable) {
            named.extend(items_of(key, "only")?);
        } else {
            named.insert(key.clone());
        }
    }
    Ok(named)
}
