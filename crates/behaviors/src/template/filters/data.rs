//! Data as text, and text as data.

use minijinja::value::Serde;
use minijinja::{Error, Value};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use super::codes::{percent_decoded, query};
use super::table::{Entry, filter};
use super::work::measured;
use super::{csv, emails, failed, is_missing, text_of};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "csv(delimiter=',')",
        "Rows as text: lists, or mappings, whose keys come first.",
        "{{ [['a', 'b, c'], [1, 2]] | csv }} {{ session.cart | csv(';') }}",
        "a,\"b, c\"\n1,2 pizza;price\nFunghi;11",
        |e, n| measured(e, n, csv::csv),
    )
    .seeing(r#"{"cart": [{"pizza": "Funghi", "price": 11}]}"#),
    filter(
        "json(indent)",
        "A value as JSON; with an indent, as `true` or a number of spaces, in many lines.",
        "{{ {'a': [1, none]} | json }} {{ [1] | json(2) }}",
        "{\"a\":[1,null]} [\n  1\n]",
        |e, n| measured(e, n, json),
    ),
    filter(
        "parse_csv(delimiter=',', header=false)",
        "The rows of a text as lists; with a header as mappings, whose keys are in the first row.",
        "{{ 'a,b\\n1,\"2, 3\"' | parse_csv }} {{ 'a;b\\n1;2' | parse_csv(';', true) }}",
        r#"[["a","b"],["1","2, 3"]] [{"a":"1","b":"2"}]"#,
        |e, n| measured(e, n, csv::parse_csv),
    ),
    filter(
        "parse_emails",
        "The mail addresses of a text, as a list of `name` and `address`; what is none is left out.",
        "{{ 'Alice <alice@example.com>, bob@example.com' | parse_emails }}",
        r#"[{"name":"Alice","address":"alice@example.com"},{"name":"","address":"bob@example.com"}]"#,
        |e, n| measured(e, n, emails::parse_emails),
    ),
    filter(
        "parse_json(default)",
        "The value that a text in JSON is; another one if it is no JSON, where one is given.",
        "{{ ('{\"a\": [1, 2]}' | parse_json).a | last }} {{ 'x' | parse_json('broken') }}",
        "2 broken",
        |e, n| measured(e, n, parse_json),
    ),
    filter(
        "parse_url",
        "The parts of an address: `scheme`, `user`, `password`, `host`, `port`, `path`, `query`, `fragment`, and `params`, the \
         query as a mapping. Empty if it is no address.",
        "{{ ('https://example.com:8080/a?b=c%20d#e' | parse_url) | only('host', 'port', 'path', 'params') }}",
        r#"{"host":"example.com","port":8080,"path":"/a","params":{"b":"c d"}}"#,
        |e, n| measured(e, n, parse_url),
    ),
];

/// How wide JSON is indented at most.
const INDENT_MAX: usize = 8;

pub(in crate::template) fn json(value: &Value, indent: Option<Value>) -> Result<String, Error> {
    super::json(value, indent_of(indent.as_ref())?)
}

/// `true`, or a number of spaces.
fn indent_of(indent: Option<&Value>) -> Result<Option<usize>, Error> {
    let Some(indent) = indent.filter(|indent| !is_missing(indent)) else { return Ok(None) };
    if let Ok(wanted) = bool::try_from(indent.clone()) {
        return Ok(wanted.then_some(2));
    }
    let width = indent.as_usize().filter(|width| *width <= INDENT_MAX);
    let width = width.ok_or_else(|| failed(format!("`json` is indented by 0 to {INDENT_MAX}")))?;
    Ok((width > 0).then_some(width))
}

/// A value in JSON, in one line or indented.
pub(super) fn written(value: &serde_json::Value, indent: Option<usize>) -> Result<String, Error> {
    let Some(width) = indent else { return Ok(value.to_string()) };
    let spaces = " ".repeat(width);
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(spaces.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

pub(super) fn parse_json(value: &Value, default: Option<Value>) -> Result<Value, Error> {
    // What came as JSON is data already.
    if !is_missing(value) && value.as_str().is_none() {
        return Ok(value.clone());
    }
    match serde_json::from_str::<serde_json::Value>(&text_of(value)?) {
        Ok(json) => Ok(Value::from(Serde(json))),
        Err(error) => default.ok_or_else(|| failed(format!("`parse_json` needs JSON: {error}"))),
    }
}

fn parse_url(value: &Value) -> Result<Value, Error> {
    let text = text_of(value)?;
    let Ok(url) = url::Url::parse(text.trim()) else { return Ok(Value::UNDEFINED) };
    let user = Some(url.username()).filter(|user| !user.is_empty());
    let text = |text: Option<&str>| text.map_or_else(|| Value::from(()), Value::from);
    Ok(Value::from_pairs([
        ("scheme", Value::from(url.scheme())),
        ("user", text(user.map(percent_decoded).as_deref())),
        ("password", text(url.password().map(percent_decoded).as_deref())),
        ("host", text(url.host_str())),
        ("port", url.port_or_known_default().map_or_else(|| Value::from(()), Value::from)),
        ("path", Value::from(url.path())),
        ("query", text(url.query())),
        ("fragment", text(url.fragment().map(percent_decoded).as_deref())),
        ("params", query(url.query().unwrap_or_default())),
    ]))
}
