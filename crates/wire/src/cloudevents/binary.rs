//! Binary mode: the body is the data, the attributes are headers. HTTP Protocol Binding for CloudEvents 1.0.2, 3.1.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tidings_model::Event;

use super::DATA_CONTENT_TYPE;
use super::attributes::attributes;

/// The longest value of a `ce-` header, in bytes: servers and proxies take 8 KiB of headers together, often.
pub const HEADER_BYTES_MAX: usize = 4 * 1024;

/// The attribute that names the attributes that are too long for a header, with a comma between them.
const LEFT_OUT: &str = "ce-leftout";

/// What is percent-encoded beside all that is not ASCII: binding, 3.1.3.2.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// An event in binary mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// `content-type` and the `ce-` headers; each name is there once, each value is visible ASCII.
    pub headers: Vec<(&'static str, String)>,
    /// The event's data, as JSON.
    pub body: Vec<u8>,
}

/// Writes an event in binary mode. `source` is mostly [`super::source_of`].
///
/// An attribute whose header would be longer than [`HEADER_BYTES_MAX`] (`properties` may be) is left out and named in
/// `ce-leftout`: a receiver that wants it asks for the event by its `seq`.
pub fn binary(event: &Event, source: &str) -> Binary {
    let mut headers = vec![("content-type", DATA_CONTENT_TYPE.to_owned())];
    let mut left_out = String::new();
    for (name, value) in attributes(event, source) {
        let value = utf8_percent_encode(&value.to_string(), ENCODED).to_string();
        if value.len() <= HEADER_BYTES_MAX {
            headers.push((name.header, value));
        } else {
            if !left_out.is_empty() {
                left_out.push(',');
            }
            left_out.push_str(name.attribute);
        }
    }
    if !left_out.is_empty() {
        headers.push((LEFT_OUT, left_out));
    }
    let body =
        serde_json::to_vec(&event.data).expect("JSON has text keys only, so writing cannot fail");
    Binary { headers, body }
}
