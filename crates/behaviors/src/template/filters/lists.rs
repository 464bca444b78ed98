//! Lists.

use std::collections::BTreeSet;

use minijinja::value::{Rest, Serde, ValueOrKwargs};
use minijinja::{Error, State, Value, filters};

use super::table::{Entry, filter};
use super::work::{heavy, measured, picking};
use super::{Growing, RANGE_MAX, failed, is_missing, items_of, text_of, too_big};
use crate::template::measure::{VALUE_BYTES_MAX, VALUE_DEPTH_MAX, fits_within};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "batch(size, fill)",
        "A list of lists of that size; the last one is filled up, if there is something to fill it with.",
        "{{ [1, 2, 3] | batch(2) }} {{ [1, 2, 3] | batch(2, 0) }}",
        "[[1,2],[3]] [[1,2],[3,0]]",
        |e, n| measured(e, n, batch),
    ),
    filter(
        "column(name)",
        "An attribute of each item, as a list; null where an item has none.",
        "{{ session.cart | column('price') }}",
        "[11,8]",
        |e, n| picking(e, n, column),
    )
    .seeing(CART),
    filter(
        "count_values",
        "How often each value is in a list, as a mapping.",
        "{{ ['a', 'b', 'a'] | count_values }}",
        r#"{"a":2,"b":1}"#,
        |e, n| measured(e, n, count_values),
    ),
    filter(
        "difference(others...)",
        "The items that are in none of the other lists.",
        "{{ [1, 2, 3, 4] | difference([2], [4, 5]) }}",
        "[1,3]",
        |e, n| measured(e, n, difference),
    ),
    filter(
        "groupby(attribute, default)",
        "The items by an attribute, in its order: each group is a pair, of `grouper` and `list`. The default is given by name.",
        "{% for size, lines in session.cart | groupby('size') %}{{ size }}: {{ lines | length }} {% endfor %}",
        "L: 1 S: 1 ",
        |e, n| heavy(e, n, filters::groupby),
    )
    .seeing(CART),
    filter(
        "intersect(others...)",
        "The items that are in all of the other lists, too.",
        "{{ [1, 2, 3] | intersect([3, 2], [2, 4]) }}",
        "[2]",
        |e, n| measured(e, n, intersect),
    ),
    filter(
        "join(between='')",
        "The items as one text, with something between them.",
        "{{ ['a', 'b', 'c'] | join(', ') }}",
        "a, b, c",
        |e, n| picking(e, n, join),
    ),
    filter(
        "map(filter, arguments...)",
        "Each item after a filter, or an attribute of each: `map(attribute='a.b', default=0)`.",
        "{{ ['a', 'b'] | map('upper') }} {{ session.cart | map(attribute='pizza') }}",
        r#"["A","B"] ["Funghi","Diavola"]"#,
        |e, n| picking(e, n, map),
    )
    .seeing(CART),
    filter(
        "max(attribute)",
        "The greatest item, or the one with the greatest attribute (by name).",
        "{{ [3, 1, 2] | max }} {{ (session.cart | max(attribute='price')).pizza }}",
        "3 Funghi",
        |e, n| picking(e, n, filters::max),
    )
    .seeing(CART),
    filter(
        "min(attribute)",
        "The least item, or the one with the least attribute (by name).",
        "{{ [3, 1, 2] | min }} {{ (session.cart | min(attribute='price')).pizza }}",
        "1 Diavola",
        |e, n| picking(e, n, filters::min),
    )
    .seeing(CART),
    filter(
        "reject(test, arguments...)",
        "The items for which a test does not hold; without a test those that are empty, 0 or false.",
        "{{ [1, 2, 3] | reject('odd') }}",
        "[2]",
        |e, n| picking(e, n, filters::reject),
    ),
    filter(
        "rejectattr(attribute, test, arguments...)",
        "The items whose attribute does not pass a test.",
        "{{ session.cart | rejectattr('price', 'gt', 10) | column('pizza') }}",
        r#"["Diavola"]"#,
        |e, n| picking(e, n, filters::rejectattr),
    )
    .seeing(CART),
    filter(
        "select(test, arguments...)",
        "The items for which a test holds; without a test those that are not empty, 0 or false.",
        "{{ [1, 2, 3] | select('odd') }} {{ ['a', '', 'b'] | select }}",
        r#"[1,3] ["a","b"]"#,
        |e, n| picking(e, n, filters::select),
    ),
    filter(
        "selectattr(attribute, test, arguments...)",
        "The items whose attribute passes a test.",
        "{{ session.cart | selectattr('pizza', 'startingwith', 'F') | column('price') }}",
        "[11]",
        |e, n| picking(e, n, filters::selectattr),
    )
    .seeing(CART),
    filter(
        "slice(count, fill)",
        "So many lists of about the same length; `part` gives a part of a list.",
        "{{ [1, 2, 3, 4, 5] | slice(2) }}",
        "[[1,2,3],[4,5]]",
        |e, n| measured(e, n, slice),
    ),
    filter(
        "sort(reverse=false, case_sensitive=false, attribute)",
        "In order, or in that of an attribute, or of several (`'price,pizza'`); all by name.",
        "{{ ['b', 'C', 'a'] | sort }} {{ session.cart | sort(attribute='price') | column('price') }} \
         {{ [1, 3, 2] | sort(reverse=true) }}",
        r#"["a","b","C"] [8,11] [3,2,1]"#,
        |e, n| heavy(e, n, filters::sort),
    )
    .seeing(CART),
    filter(
        "unique(attribute, case_sensitive=false)",
        "Each item once, or each value of an attribute; both by name.",
        "{{ ['a', 'b', 'A', 'a'] | unique }}",
        r#"["a","b"]"#,
        |e, n| heavy(e, n, filters::unique),
    ),
    filter(
        "zip(others...)",
        "The first items together, the second ones, and so on to the end of the shortest list.",
        "{{ ['a', 'b'] | zip([1, 2]) }}",
        r#"[["a",1],["b",2]]"#,
        |e, n| measured(e, n, filters::zip),
    ),
];

/// What examples have in their session.
const CART: &str = r#"{"cart": [{"pizza": "Funghi", "size": "L", "price": 11}, {"pizza": "Diavola", "size": "S", "price": 8}]}"#;

/// A number of lists, or of items in them.
fn count_of(number: i64, filter: &str) -> Result<usize, Error> {
    if number > RANGE_MAX {
        return Err(too_big(&format!("a number of `{filter}`")));
    }
    let count = usize::try_from(number).ok().filter(|count| *count > 0);
    count.ok_or_else(|| failed(format!("`{filter}` needs a number above 0")))
}

fn batch(value: &Value, size: i64, fill: Option<Value>) -> Result<Value, Error> {
    let size = count_of(size, "batch")?;
    let items = items_of(value, "batch")?;
    let mut batches: Vec<Vec<Value>> = items.chunks(size).map(<[Value]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (fill, batches.last_mut()) {
        last.resize(size, fill);
    }
    Ok(batches.into_iter().map(Value::from).collect())
}

fn slice(value: &Value, count: i64, fill: Option<Value>) -> Result<Value, Error> {
    let count = count_of(count, "slice")?;
    let items = items_of(value, "slice")?;
    let (each, longer) = (items.len() / count, items.len() % count);
    let mut rest = items.into_iter();
    let mut slices = Vec::new();
    for index in 0..count {
        let mut slice: Vec<Value> =
            rest.by_ref().take(each + usize::from(index < longer)).collect();
        if index >= longer {
            slice.extend(fill.clone());
        }
        slices.push(Value::from(slice));
    }
    Ok(Value::from(slices))
}

fn column(value: &Value, name: &str) -> Result<Vec<Value>, Error> {
    let items = items_of(value, "column")?;
    let member = |item: &Value| item.get_attr(name).ok().filter(|member| !member.is_undefined());
    Ok(items.iter().map(|item| member(item).unwrap_or_else(|| Value::from(()))).collect())
}

fn count_values(value: &Value) -> Result<Value, Error> {
    let mut counts = serde_json::Map::new();
    for item in items_of(value, "count_values")? {
        let count = counts.entry(text_of(&item)?).or_insert_with(|| 0.into());
        *count = (count.as_u64().unwrap_or_default() + 1).into();
    }
    Ok(Value::from(Serde(counts)))
}

fn difference(value: &Value, others: Rest<Value>) -> Result<Vec<Value>, Error> {
    let mut without = BTreeSet::new();
    for other in others.iter() {
        without.extend(items_of(other, "difference")?);
    }
    let items = items_of(value, "difference")?;
    Ok(items.into_iter().filter(|item| !without.contains(item)).collect())
}

fn intersect(value: &Value, others: Rest<Value>) -> Result<Vec<Value>, Error> {
    let mut items = items_of(value, "intersect")?;
    for other in others.iter() {
        let with: BTreeSet<Value> = items_of(other, "intersect")?.into_iter().collect();
        items.retain(|item| with.contains(item));
    }
    Ok(items)
}

fn join(value: &Value, between: Option<&str>) -> Result<String, Error> {
    let mut joined = Growing::new("join");
    if is_missing(value) {
        return Ok(joined.text);
    }
    for (index, item) in value.try_iter()?.checked().enumerate() {
        if index > 0 {
            joined.push(between.unwrap_or_default())?;
        }
        joined.push(&text_of(&item?)?)?;
    }
    Ok(joined.text)
}

/// MiniJinja's, item by item, as a filter may make much of each.
fn map(
    state: &mut State<'_, '_>,
    value: &Value,
    arguments: Rest<ValueOrKwargs>,
) -> Result<Vec<Value>, Error> {
    let mut mapped = Vec::new();
    if is_missing(value) {
        return Ok(mapped);
    }
    let mut bytes_left = VALUE_BYTES_MAX;
    for item in value.try_iter()?.checked() {
        let arguments = Rest(arguments.iter().cloned().collect());
        for result in filters::map(state, Value::from(vec![item?]), arguments)? {
            if !fits_within(&result, &mut bytes_left, VALUE_DEPTH_MAX) {
                return Err(too_big("what `map` makes"));
            }
            mapped.push(result);
        }
    }
    Ok(mapped)
}
