//! Codes that programs write texts in: base64, hashes, addresses.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use minijinja::value::{Serde, ValueKind};
use minijinja::{Error, Value};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json};

use super::table::{Entry, filter};
use super::work::measured;
use super::{Growing, failed, fields_of, hashes, is_missing, items_of, percent_encoded, text_of};

pub(super) const ENTRIES: &[Entry] = &[
    filter("base64", "In base64.", "{{ 'Grüße?' | base64 }}", "R3LDvMOfZT8=", |e, n| {
        measured(e, n, base64);
    }),
    filter(
        "base64url",
        "In base64 as addresses have it: `-` and `_`, and nothing at the end.",
        "{{ 'Grüße?' | base64url }}",
        "R3LDvMOfZT8",
        |e, n| measured(e, n, base64url),
    ),
    filter(
        "hmac(key, algorithm='sha256', output='hex')",
        "The code that shows who knows a key, by `md5`, `sha1`, `sha256`, `sha384` or `sha512`; in `hex`, `base64` or \
         `base64url`.",
        "{{ 'hello' | hmac('key') }} {{ 'hello' | hmac('key', 'sha1', 'base64') }}",
        "9307b3b915efb5171ff14d8cb55fbcc798c6c0ef1456d66ded1a6aa723a58b7b s0zqxFFv8joUPmHXnQ+npPvl8mY=",
        |e, n| measured(e, n, hashes::hmac),
    ),
    filter(
        "md5(output='hex')",
        "The hash MD5, which protects nothing.",
        "{{ 'hello' | md5 }}",
        "5d41402abc4b2a76b9719d911017c592",
        |e, n| measured(e, n, hashes::md5),
    ),
    filter(
        "sha1(output='hex')",
        "The hash SHA-1, which protects nothing.",
        "{{ 'hello' | sha1 }}",
        "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
        |e, n| measured(e, n, hashes::sha1),
    ),
    filter(
        "sha256(output='hex')",
        "The hash SHA-256.",
        "{{ 'hello' | sha256('base64') }}",
        "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        |e, n| measured(e, n, hashes::sha256),
    ),
    filter(
        "sha512(output='hex')",
        "The hash SHA-512.",
        "{{ 'hello' | sha512('base64url') | truncate(20) }}",
        "m3HSJL1i83hdltRq0-o…",
        |e, n| measured(e, n, hashes::sha512),
    ),
    filter(
        "unbase64(default)",
        "The text that is written in base64, in either alphabet; another value if it is none, where one is given.",
        "{{ 'R3LDvMOfZT8' | unbase64 }} {{ '%' | unbase64('broken') }}",
        "Grüße? broken",
        |e, n| measured(e, n, unbase64),
    ),
    filter(
        "urldecode",
        "The text that was written for an address.",
        "{{ 'a%20b%26c+d' | urldecode }}",
        "a b&c d",
        |e, n| measured(e, n, urldecode),
    ),
    filter(
        "urlencode",
        "A text as a part of an address, a mapping as a query, where a list is a key that comes again.",
        "{{ 'a b&c' | urlencode }} {{ {'q': 'x y', 'n': [1, 2]} | urlencode }}",
        "a%20b%26c q=x%20y&n=1&n=2",
        |e, n| measured(e, n, urlencode),
    ),
];

/// Reads base64 with its end or without.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

fn base64(value: &Value) -> Result<String, Error> {
    Ok(base64::prelude::BASE64_STANDARD.encode(text_of(value)?))
}

fn base64url(value: &Value) -> Result<String, Error> {
    Ok(base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(text_of(value)?))
}

fn unbase64(value: &Value, default: Option<Value>) -> Result<Value, Error> {
    let mut text = text_of(value)?;
    text.retain(|c| !c.is_whitespace());
    let alphabet = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    let decoded = GeneralPurpose::new(&alphabet, LENIENT).decode(&text).ok();
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Ok(Value::from(text)),
        None => default.ok_or_else(|| failed("`unbase64` needs a text that was written in base64")),
    }
}

pub(in crate::template) fn urlencode(value: &Value) -> Result<String, Error> {
    if value.kind() != ValueKind::Map {
        return percent_encoded(&text_of(value)?);
    }
    let mut query = Growing::new("urlencode");
    for (key, member) in fields_of(value, "urlencode")? {
        let several = matches!(member.kind(), ValueKind::Seq | ValueKind::Iterable);
        let items = if several { items_of(&member, "urlencode")? } else { vec![member] };
        for item in items.iter().filter(|item| !is_missing(item)) {
            if !query.text.is_empty() {
                query.push("&")?;
            }
            query.push(&percent_encoded(&text_of(&key)?)?)?;
            query.push("=")?;
            query.push(&percent_encoded(&text_of(item)?)?)?;
        }
    }
    Ok(query.text)
}

fn urldecode(value: &Value) -> Result<String, Error> {
    Ok(percent_decoded(&text_of(value)?.replace('+', " ")))
}

/// What was percent-encoded; what is no text in it is marked as lost.
pub(super) fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A query as a mapping; a key that comes again has a list.
pub(super) fn query(query: &str) -> Value {
    let mut fields: Map<String, Json> = Map::new();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let value = Json::from(value.into_owned());
        match fields.get_mut(&*key) {
            Some(Json::Array(values)) => values.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
            None => drop(fields.insert(key.into_owned(), value)),
        }
    }
    Value::from(Serde(fields))
}
