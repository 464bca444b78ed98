//! A database of places for tests, in the format of `MaxMind`: what <https://maxmind.github.io/MaxMind-DB/> asks of the smallest
//! one, with one network of 256 addresses in it.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

/// What stands in front of the metadata.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// How many bits of an address lead through the tree.
const PREFIX: u32 = 24;

/// What stands between the tree and the data.
const SEPARATOR: [u8; 16] = [0; 16];

/// A database that knows where the 256 addresses around one are.
pub fn database(around: Ipv4Addr, place: &Value) -> Vec<u8> {
    let mut file = Vec::new();
    let nothing = PREFIX;
    let found = PREFIX + u32::try_from(SEPARATOR.len()).expect("sixteen");
    for bit in 0..PREFIX {
        let next = if bit + 1 == PREFIX { found } else { bit + 1 };
        let is_one = around.to_bits() >> (31 - bit) & 1 == 1;
        let (left, right) = if is_one { (nothing, next) } else { (next, nothing) };
        for record in [left, right] {
            let [_, bytes @ ..] = record.to_be_bytes();
            file.extend_from_slice(&bytes);
        }
    }
    file.extend_from_slice(&SEPARATOR);
    write(&mut file, place);
    file.extend_from_slice(MARKER);
    control(&mut file, MAP, 9);
    for (name, kind, number) in [
        ("binary_format_major_version", UINT16, 2),
        ("binary_format_minor_version", UINT16, 0),
        ("build_epoch", UINT64, 0),
        ("ip_version", UINT16, 4),
        ("node_count", UINT32, PREFIX),
        ("record_size", UINT16, 24),
    ] {
        write(&mut file, &name.into());
        // Bytes that are left out in front are zeros.
        let [.., high, low] = number.to_be_bytes();
        control(&mut file, kind, 2);
        file.extend_from_slice(&[high, low]);
    }
    for (name, value) in [
        ("database_type", json!("GeoLite2-City")),
        ("description", json!({ "en": "for tests" })),
        ("languages", json!(["en"])),
    ] {
        write(&mut file, &name.into());
        write(&mut file, &value);
    }
    file
}

/// Kinds of values.
const TEXT: u8 = 2;
const DOUBLE: u8 = 3;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

fn write(file: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(map) => {
            control(file, MAP, map.len());
            for (name, value) in map {
                write(file, &json!(name));
                write(file, value);
            }
        }
        Value::Array(list) => {
            control(file, ARRAY, list.len());
            list.iter().for_each(|value| write(file, value));
        }
        Value::String(text) => {
            control(file, TEXT, text.len());
            file.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => {
            control(file, DOUBLE, 8);
            let number = number.as_f64().expect("a number");
            file.extend_from_slice(&number.to_be_bytes());
        }
        Value::Null | Value::Bool(_) => unreachable!("places have neither"),
    }
}

/// The kind and the length of a value; from kind 8 on the kind has a byte of its own.
fn control(file: &mut Vec<u8>, kind: u8, length: usize) {
    let length = u8::try_from(length).ok().filter(|length| *length < 29).expect("a short value");
    if kind < 8 {
        file.push(kind << 5 | length);
    } else {
        file.extend_from_slice(&[length, kind - 7]);
    }
}
