//! Looks through a schema that somebody gave, before it is compiled. Called by `read`.
//!
//! What is asked of it: every keyword is one that we know, references stay inside and lead somewhere, and with all parts
//! put in their places the schema is of bounded size and depth. So no part contains itself, and a value is looked at no
//! more often than there are nodes in the schema.

use serde_json::{Map, Value};

use super::wrong::{WrongCode, Wrongs, step};
use crate::schema::{LIST, NAMED, ONE, PLAIN, REFERENCE};

/// The largest schema, in bytes of JSON. Our own largest has ten thousand.
pub(super) const SCHEMA_BYTES_MAX: usize = 64 * 1_024;

/// How deep schemas may lie in each other, as they are written.
const DEPTH_MAX: usize = 20;

/// How deep they may lie in each other with all parts in their places: each level takes stack when a value is checked.
const PLACED_DEPTH_MAX: usize = 40;

/// How many schemas there may be with all parts in their places: what one value costs at most.
const PLACED_MAX: usize = 5_000;

/// How many patterns a schema may have: a compiled one may have a megabyte.
const PATTERNS_MAX: usize = 50;

/// The dialect, for who says it.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The places of patterns that look at more than what they stand at: those cannot be matched in linear time.
const LOOKS: [&str; 4] = ["(?=", "(?!", "(?<=", "(?<!"];

/// The schema without what it says of itself (`$schema`, `$id`), or `None` where it cannot be used.
pub(super) fn checked(schema: Value, wrongs: &mut Wrongs) -> Option<Value> {
    let Value::Object(mut keywords) = schema else {
        wrongs.add("/schema", WrongCode::WrongKindOfValue, "must be a JSON Schema, an object");
        return None;
    };
    if keywords.shift_remove("$schema").is_some_and(|dialect| dialect != DIALECT) {
        wrongs.add("/schema/$schema", WrongCode::InvalidSchema, format!("must be {DIALECT}"));
    }
    // A schema that was fetched from us may come back; its name is ours to give.
    keywords.shift_remove("$id");
    if keywords.get("type") != Some(&Value::from("object")) {
        let message = "must be object: the data of an event has fields with names";
        wrongs.add("/schema/type", WrongCode::InvalidSchema, message);
    }
    let defs = match keywords.shift_remove("$defs") {
        None => Map::new(),
        Some(Value::Object(defs)) => defs,
        Some(_) => {
            wrongs.add("/schema/$defs", WrongCode::WrongKindOfValue, "must be an object");
            return None;
        }
    };
    let schema = Value::Object(keywords);
    let mut look = Look { defs: &defs, patterns: 0, wrongs };
    look.through(&schema, "/schema", 0);
    for (name, part) in &defs {
        let pointer = step("/schema/$defs", name);
        if !is_word(name) {
            let message = "a part's name has letters, digits and underscores";
            look.wrongs.add(pointer.as_str(), WrongCode::InvalidName, message);
        }
        look.through(part, &pointer, 1);
    }
    if look.patterns > PATTERNS_MAX {
        let message = format!("has more than {PATTERNS_MAX} patterns");
        look.wrongs.add("/schema", WrongCode::TooMany, message);
    }
    if !wrongs.is_empty() {
        return None;
    }
    if let Err((code, message)) = Placing::new(&defs).place(&schema, 0) {
        wrongs.add("/schema", code, message);
        return None;
    }
    // A part that nothing refers to is looked at as well: the next change may refer to it.
    for name in defs.keys() {
        if let Err((code, message)) = Placing::new(&defs).place_part(&reference_to(name), 0) {
            wrongs.add(step("/schema/$defs", name), code, message);
            return None;
        }
    }
    let Value::Object(mut keywords) = schema else { return None };
    if !defs.is_empty() {
        keywords.insert("$defs".into(), defs.into());
    }
    Some(keywords.into())
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

struct Look<'a> {
    defs: &'a Map<String, Value>,
    patterns: usize,
    wrongs: &'a mut Wrongs,
}

impl Look<'_> {
    fn through(&mut self, schema: &Value, pointer: &str, depth: usize) {
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(_) => return,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let message = "here must be a schema: an object, true or false";
                self.wrongs.add(pointer, WrongCode::InvalidSchema, message);
                return;
            }
        };
        if depth >= DEPTH_MAX {
            let message = format!("schemas lie more than {DEPTH_MAX} deep in each other");
            self.wrongs.add(pointer, WrongCode::SchemaTooDeep, message);
            return;
        }
        for (keyword, value) in keywords {
            let pointer = step(pointer, keyword);
            match keyword.as_str() {
                word if ONE.contains(&word) => self.through(value, &pointer, depth + 1),
                word if LIST.contains(&word) => self.list(value, &pointer, depth + 1),
                word if NAMED.contains(&word) => {
                    self.named(word, value, &pointer, depth + 1);
                }
                "$ref" => self.reference(value, &pointer),
                "pattern" => {
                    self.pattern(value.as_str().unwrap_or_default(), &pointer);
                }
                word if PLAIN.contains(&word) => {}
                word => {
                    let message = format!("{word:?} is not a keyword that a schema may use here");
                    self.wrongs.add(pointer, WrongCode::UnknownKeyword, message);
                }
            }
        }
    }

    fn list(&mut self, value: &Value, pointer: &str, depth: usize) {
        let Value::Array(schemas) = value else {
            self.wrongs.add(pointer, WrongCode::InvalidSchema, "must be a list of schemas");
            return;
        };
        for (place, each) in schemas.iter().enumerate() {
            self.through(each, &format!("{pointer}/{place}"), depth);
        }
    }

    fn named(&mut self, word: &str, value: &Value, pointer: &str, depth: usize) {
        let Value::Object(schemas) = value else {
            self.wrongs.add(pointer, WrongCode::InvalidSchema, "must be schemas by name");
            return;
        };
        for (name, each) in schemas {
            let pointer = step(pointer, name);
            if word == "patternProperties" {
                self.pattern(name, &pointer);
            }
            self.through(each, &pointer, depth);
        }
    }

    fn reference(&mut self, value: &Value, pointer: &str) {
        let Some(name) = value.as_str().and_then(|text| text.strip_prefix(REFERENCE)) else {
            let message = "must refer to a part of this schema, as #/$defs/name";
            self.wrongs.add(pointer, WrongCode::RemoteReference, message);
            return;
        };
        if !self.defs.contains_key(name) {
            let message = format!("there is no part {name:?} under $defs");
            self.wrongs.add(pointer, WrongCode::UnknownReference, message);
        }
    }

    fn pattern(&mut self, pattern: &str, pointer: &str) {
        self.patterns += 1;
        if looks_elsewhere(pattern) {
            let message = "must not look around or back: patterns are matched in linear time";
            self.wrongs.add(pointer, WrongCode::InvalidPattern, message);
        }
    }
}

/// Whether a pattern looks around, or refers back to a group.
fn looks_elsewhere(pattern: &str) -> bool {
    let mut after_backslash = false;
    let mut refers_back = false;
    for character in pattern.chars() {
        if after_backslash {
            refers_back |= matches!(character, '1'..='9' | 'k');
            after_backslash = false;
        } else {
            after_backslash = character == '\\';
        }
    }
    refers_back || LOOKS.iter().any(|look| pattern.contains(look))
}

/// Counts a schema with all parts in their places.
struct Placing<'a> {
    defs: &'a Map<String, Value>,
    /// The parts that are being placed.
    path: Vec<String>,
    placed: usize,
}

fn reference_to(name: &str) -> Value {
    format!("{REFERENCE}{name}").into()
}

impl<'a> Placing<'a> {
    fn new(defs: &'a Map<String, Value>) -> Self {
        Self { defs, path: Vec::new(), placed: 0 }
    }

    fn place(&mut self, schema: &Value, depth: usize) -> Result<(), (WrongCode, String)> {
        let Value::Object(keywords) = schema else { return Ok(()) };
        self.placed += 1;
        if self.placed > PLACED_MAX {
            let message =
                format!("has more than {PLACED_MAX} schemas when all its parts are put in place");
            return Err((WrongCode::TooMany, message));
        }
        if depth > PLACED_DEPTH_MAX {
            let message = format!(
                "schemas lie more than {PLACED_DEPTH_MAX} deep in each other when all parts are put in place"
            );
            return Err((WrongCode::SchemaTooDeep, message));
        }
        for (keyword, value) in keywords {
            let word = keyword.as_str();
            if word == "$ref" {
                self.place_part(value, depth + 1)?;
            } else if ONE.contains(&word) {
                self.place(value, depth + 1)?;
            } else if LIST.contains(&word) {
                let mut all = value.as_array().into_iter().flatten();
                all.try_for_each(|each| self.place(each, depth + 1))?;
            } else if NAMED.contains(&word) {
                let mut all = value.as_object().into_iter().flat_map(Map::values);
                all.try_for_each(|each| self.place(each, depth + 1))?;
            }
        }
        Ok(())
    }

    fn place_part(&mut self, reference: &Value, depth: usize) -> Result<(), (WrongCode, String)> {
        let name = reference.as_str().and_then(|text| text.strip_prefix(REFERENCE));
        let Some((name, part)) = name.and_then(|name| Some((name, self.defs.get(name)?))) else {
            return Ok(());
        };
        if self.path.iter().any(|open| open == name) {
            let message = format!("the part {name:?} contains itself");
            return Err((WrongCode::SchemaRecursive, message));
        }
        self.path.push(name.to_owned());
        self.place(part, depth)?;
        self.path.pop();
        Ok(())
    }
}
