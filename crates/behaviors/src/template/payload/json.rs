//! Writes values into a JSON payload by where they stand: a whole value outside of quotes, text inside of them.
//!
//! Only the output knows what stands before a value, as that may hang on an `if`. So values are written with marks
//! around them, which no JSON text has, and the output takes the marks out.

use std::io;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Output, State, Value};

use crate::template::Capped;
use crate::template::filters;

/// A text follows, escaped, without its quotes.
const TEXT: char = '\u{1}';
/// JSON follows.
const JSON: char = '\u{2}';
/// There is no value: `null`, or no text.
const NOTHING: char = '\u{3}';
/// The value is over.
const END: char = '\u{4}';

/// What no template of a JSON payload may have: JSON forbids these as well.
pub(super) const MARKS: [char; 4] = [TEXT, JSON, NOTHING, END];

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.set_formatter(print);
    environment.add_filter("json", |value: &Value, indent: Option<Value>| {
        filters::json_filter(value, indent).map(Value::from_safe_string)
    });
}

fn print(output: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if matches!(value.kind(), ValueKind::Undefined | ValueKind::None) {
        return Ok(write!(output, "{NOTHING}{END}")?);
    }
    match value.as_str() {
        Some(json) if value.is_safe() => write!(output, "{JSON}{json}{END}")?,
        Some(text) => {
            let quoted = serde_json::Value::from(text).to_string();
            let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            write!(output, "{TEXT}{}{END}", inner.unwrap_or_default())?;
        }
        None => write!(output, "{JSON}{}{END}", filters::json(value, None)?)?,
    }
    Ok(())
}

/// What is being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Now {
    /// The template's own text.
    Literal,
    /// A text, which has its quotes or needs none.
    Text,
    /// JSON, outside of quotes.
    Json,
    /// JSON, inside of quotes.
    Quoted,
}

/// Takes what a template writes, and keeps JSON of it.
pub(super) struct JsonOutput {
    kept: Capped,
    now: Now,
    /// Whether the template's own text has an open quote.
    in_quotes: bool,
    /// Whether a backslash in quotes came last.
    escaped: bool,
}

impl JsonOutput {
    pub(super) fn new(kept: Capped) -> Self {
        Self { kept, now: Now::Literal, in_quotes: false, escaped: false }
    }

    pub(super) fn into_inner(self) -> Capped {
        self.kept
    }

    fn literal(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'"' {
            self.in_quotes = !self.in_quotes;
        } else {
            self.escaped = self.in_quotes && byte == b'\\';
        }
    }

    fn take(&mut self, byte: u8) -> io::Result<()> {
        match char::from(byte) {
            TEXT => {
                self.now = Now::Text;
                self.quote()
            }
            JSON => {
                self.now = if self.in_quotes { Now::Quoted } else { Now::Json };
                Ok(())
            }
            NOTHING if self.in_quotes => Ok(()),
            NOTHING => self.kept.take(b"null"),
            END => {
                let was = std::mem::replace(&mut self.now, Now::Literal);
                if was == Now::Text { self.quote() } else { Ok(()) }
            }
            sign => match self.now {
                Now::Literal => {
                    self.literal(byte);
                    self.kept.take(&[byte])
                }
                Now::Quoted if matches!(sign, '"' | '\\') => self.kept.take(&[b'\\', byte]),
                Now::Text | Now::Json | Now::Quoted => self.kept.take(&[byte]),
            },
        }
    }

    /// A text brings its quotes where there are none.
    fn quote(&mut self) -> io::Result<()> {
        if self.in_quotes { Ok(()) } else { self.kept.take(b"\"") }
    }
}

impl io::Write for JsonOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            self.take(*byte)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
