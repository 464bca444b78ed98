//! The tests behind `is`.

use minijinja::value::{Rest, ValueKind};
use minijinja::{Error, State, Value, tests};

use super::table::{Entry, test};
use super::work::{heavy_test, measured_test};
use super::{failed, numeric, regexes, text_of, wildcards};

pub(super) const ENTRIES: &[Entry] = &[
    test("boolean", "True or false.", "{{ true is boolean }}", "true", |e, n| {
        e.add_test(n, tests::is_boolean);
    }),
    test("defined", "It is there.", "{{ session.name is defined }}", "false", |e, n| {
        e.add_test(n, tests::is_defined);
    }),
    test(
        "divisibleby(number)",
        "It is divisible without a rest.",
        "{{ 12 is divisibleby(4) }}",
        "true",
        |e, n| e.add_test(n, is_divisible_by),
    ),
    test(
        "empty",
        "Not there, null, false, or a text, a list or a mapping with nothing in it; 0 is a number.",
        "{{ '' is empty }} {{ [0] is empty }}",
        "true false",
        |e, n| e.add_test(n, is_empty),
    ),
    test(
        "endingwith(endings...)",
        "A text that ends with one of these.",
        "{{ 'photo.png' is endingwith('.jpg', '.png') }}",
        "true",
        |e, n| measured_test(e, n, is_ending_with),
    ),
    test("eq(other)", "Equal.", "{{ [1, 2, 1] | select('eq', 1) }}", "[1,1]", |e, n| {
        measured_test(e, n, tests::is_eq);
    }),
    test("even", "An even number.", "{{ 2 is even }}", "true", |e, n| {
        e.add_test(n, tests::is_even);
    }),
    test("false", "The value false itself.", "{{ 0 is false }}", "false", |e, n| {
        e.add_test(n, tests::is_false);
    }),
    test("float", "A number with a fraction.", "{{ 1.0 is float }}", "true", |e, n| {
        e.add_test(n, tests::is_float);
    }),
    test("ge(other)", "Greater or equal.", "{{ [1, 2, 3] | select('ge', 2) }}", "[2,3]", |e, n| {
        measured_test(e, n, tests::is_ge);
    }),
    test("gt(other)", "Greater.", "{{ [1, 2, 3] | select('gt', 2) }}", "[3]", |e, n| {
        measured_test(e, n, tests::is_gt);
    }),
    test(
        "in(list)",
        "An item of a list, a key of a mapping, a part of a text.",
        "{{ ['a', 'b', 'c'] | select('in', ['a', 'c']) }}",
        r#"["a","c"]"#,
        |e, n| measured_test(e, n, tests::is_in),
    ),
    test("integer", "A whole number.", "{{ 1 is integer }}", "true", |e, n| {
        e.add_test(n, tests::is_integer);
    }),
    test(
        "iterable",
        "Something with items: a list, a mapping.",
        "{{ [] is iterable }} {{ 1 is iterable }}",
        "true false",
        |e, n| e.add_test(n, is_iterable),
    ),
    test("le(other)", "Less or equal.", "{{ [1, 2, 3] | select('le', 2) }}", "[1,2]", |e, n| {
        measured_test(e, n, tests::is_le);
    }),
    test(
        "like(patterns...)",
        "A text like one of these in all its length, where `*` is anything and `?` one character; case does not matter.",
        "{{ 'Invoice.PDF' is like('*.doc', '*.pdf') }}",
        "true",
        |e, n| heavy_test(e, n, is_like),
    ),
    test("lower", "A text in small letters.", "{{ 'abc' is lower }}", "true", |e, n| {
        measured_test(e, n, tests::is_lower);
    }),
    test("lt(other)", "Less.", "{{ [1, 2, 3] | select('lt', 2) }}", "[1]", |e, n| {
        measured_test(e, n, tests::is_lt);
    }),
    test("mapping", "A mapping.", "{{ {'a': 1} is mapping }}", "true", |e, n| {
        e.add_test(n, tests::is_mapping);
    }),
    test(
        "matching(pattern)",
        "A text in which the regular expression is found; `^` and `$` are its ends.",
        "{{ 'B-4711' is matching('^[A-Z]-\\\\d{4}$') }}",
        "true",
        |e, n| heavy_test(e, n, is_matching),
    ),
    test("ne(other)", "Not equal.", "{{ [1, 2, 1] | select('ne', 1) }}", "[2]", |e, n| {
        measured_test(e, n, tests::is_ne);
    }),
    test("none", "Null.", "{{ none is none }}", "true", |e, n| e.add_test(n, tests::is_none)),
    test(
        "number",
        "A number, or a truth, as they count as 1 and 0.",
        "{{ 1.5 is number }} {{ '1.5' is number }}",
        "true false",
        |e, n| e.add_test(n, tests::is_number),
    ),
    test(
        "numeric",
        "A number, or a text that reads as one.",
        "{{ '1.5' is numeric }} {{ '1.5 kg' is numeric }}",
        "true false",
        |e, n| e.add_test(n, is_numeric),
    ),
    test("odd", "An odd number.", "{{ 3 is odd }}", "true", |e, n| e.add_test(n, tests::is_odd)),
    test("sequence", "A list.", "{{ [1] is sequence }}", "true", |e, n| {
        e.add_test(n, tests::is_sequence);
    }),
    test(
        "startingwith(beginnings...)",
        "A text that begins with one of these.",
        "{{ '+49 30 123' is startingwith('0', '+49') }}",
        "true",
        |e, n| measured_test(e, n, is_starting_with),
    ),
    test("string", "A text.", "{{ 'a' is string }}", "true", |e, n| {
        e.add_test(n, tests::is_string);
    }),
    test("true", "The value true itself.", "{{ 1 is true }}", "false", |e, n| {
        e.add_test(n, tests::is_true);
    }),
    test("undefined", "It is not there.", "{{ session.name is undefined }}", "true", |e, n| {
        e.add_test(n, tests::is_undefined);
    }),
    test("upper", "A text in large letters.", "{{ 'ABC' is upper }}", "true", |e, n| {
        measured_test(e, n, tests::is_upper);
    }),
];

/// The longest pattern of `like`, in bytes: it is looked at for every character.
const LIKE_BYTES_MAX: usize = 200;

/// MiniJinja's own of 3.0.5 divides by any number, and panics at 0.
fn is_divisible_by(value: &Value, by: &Value) -> bool {
    let whole = |value: &Value| i128::try_from(value.clone()).ok();
    match (whole(value), whole(by)) {
        (Some(value), Some(by)) => value.checked_rem(by) == Some(0),
        (Some(_) | None, Some(_) | None) => match (numeric(value), numeric(by)) {
            (Some(value), Some(by)) => value % by == 0.0,
            (Some(_) | None, Some(_) | None) => false,
        },
    }
}

fn is_empty(value: &Value) -> bool {
    // A number is true or not as well, and never empty.
    !value.is_number() && !value.is_true()
}

fn is_iterable(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable)
}

fn is_numeric(value: &Value) -> bool {
    numeric(value).is_some()
}

fn is_ending_with(value: &Value, endings: Rest<Value>) -> Result<bool, Error> {
    let text = text_of(value)?;
    any_of(&endings, |ending| Ok(text.ends_with(ending)))
}

fn is_starting_with(value: &Value, beginnings: Rest<Value>) -> Result<bool, Error> {
    let text = text_of(value)?;
    any_of(&beginnings, |beginning| Ok(text.starts_with(beginning)))
}

fn is_like(value: &Value, patterns: Rest<Value>) -> Result<bool, Error> {
    let text = text_of(value)?;
    any_of(&patterns, |pattern| {
        if pattern.len() > LIKE_BYTES_MAX {
            return Err(failed(format!("a pattern of `like` has at most {LIKE_BYTES_MAX} bytes")));
        }
        Ok(wildcards::matches(pattern, &text))
    })
}

/// Whether one of these does it; a list among them stands for its items.
fn any_of(
    texts: &[Value],
    mut does: impl FnMut(&str) -> Result<bool, Error>,
) -> Result<bool, Error> {
    for given in texts {
        let several = matches!(given.kind(), ValueKind::Seq | ValueKind::Iterable);
        let items = if several { given.try_iter()?.collect() } else { vec![given.clone()] };
        for item in items {
            if does(&text_of(&item)?)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn is_matching(state: &mut State<'_, '_>, value: &Value, pattern: &str) -> Result<bool, Error> {
    let text = text_of(value)?;
    Ok(regexes::compiled(state, pattern)?.is_match(&text))
}
