//! What a value must look like: a JSON Schema with a sample, compiled once, when it is read.
//!
//! Used on the hot path of every event that is accepted: a value that fits costs no allocation. A schema reaches nothing
//! outside itself, and its patterns are matched in linear time, so that a value from a stranger cannot stall us.

use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// How many violations one value is told of. A reader mends the first ones; a value of a million faults costs no more.
pub const VIOLATIONS_MAX: usize = 20;

/// How long the message of one violation may be, in characters: a schema's long list of choices is cut.
pub const VIOLATION_CHARS_MAX: usize = 300;

/// The largest compiled pattern, in bytes: far above what a real one needs, far below what would hurt.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A JSON Schema with a sample.
pub struct Shape {
    schema: Value,
    sample: Value,
    validator: Validator,
}

/// One place where a value does not fit. It holds nothing of the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole value.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.pointer, self.message)
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape")
            .field("schema", &self.schema)
            .field("sample", &self.sample)
            .finish_non_exhaustive()
    }
}

impl Shape {
    /// Compiles a schema. What is wrong with it comes back with its place.
    pub(crate) fn new(schema: Value, sample: Value) -> Result<Self, Violation> {
        let validator = compile(&schema)?;
        Ok(Self { schema, sample, validator })
    }

    /// The JSON Schema, 2020-12. It stands alone: what it refers to is in its `$defs`.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// A realistic value.
    pub fn sample(&self) -> &Value {
        &self.sample
    }

    /// Whether a value fits; what is wrong with it otherwise, at most [`VIOLATIONS_MAX`] violations.
    pub fn validate(&self, value: &Value) -> Result<(), Vec<Violation>> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let violations =
            self.validator.iter_errors(value).take(VIOLATIONS_MAX).map(|error| Violation {
                pointer: error.instance_path().as_str().to_owned(),
                message: error
                    .masked_with("the value")
                    .to_string()
                    .chars()
                    .take(VIOLATION_CHARS_MAX)
                    .collect(),
            });
        Err(violations.collect())
    }
}

fn compile(schema: &Value) -> Result<Validator, Violation> {
    jsonschema::draft202012::options()
        .offline()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX))
        .build(schema)
        .map_err(|error| Violation {
            pointer: error.instance_path().as_str().to_owned(),
            message: error.to_string().chars().take(VIOLATION_CHARS_MAX).collect(),
        })
}
