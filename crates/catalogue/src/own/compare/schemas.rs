//! What differs between two schemas, keyword by keyword, with whom each difference breaks. Called by `compare` for the data
//! of a type, and by itself for each schema within.

use serde_json::{Map, Value};

use super::{CHANGES_MAX, Change, ChangeCode};
use crate::own::wrong::step;

/// Limits from below: raising one refuses more.
const LEAST: [&str; 6] =
    ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"];

/// Limits from above: lowering one refuses more.
const MOST: [&str; 6] =
    ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"];

/// What was found so far.
pub(super) struct Changes {
    pub(super) found: Vec<Change>,
}

impl Changes {
    pub(super) fn add(
        &mut self,
        pointer: String,
        code: ChangeCode,
        (breaks_readers, breaks_senders): (bool, bool),
        message: String,
    ) {
        if self.found.len() < CHANGES_MAX {
            self.found.push(Change { pointer, code, breaks_readers, breaks_senders, message });
        } else if let Some(last) = self.found.last_mut() {
            // Past the limit nothing is told but that somebody breaks.
            last.breaks_readers |= breaks_readers;
            last.breaks_senders |= breaks_senders;
        }
    }

    fn rule(&mut self, pointer: String, breaks: (bool, bool), word: &str) {
        self.add(pointer, ChangeCode::RuleChanged, breaks, format!("{word:?} differs"));
    }

    pub(super) fn schema(&mut self, pointer: &str, old: &Value, new: &Value) {
        if old == new {
            return;
        }
        let none = Map::new();
        let (old, new) = match (old, new) {
            (Value::Object(old), Value::Object(new)) => (old, new),
            // `true` allows anything, as a schema without keywords does.
            (Value::Bool(true), Value::Object(new)) => (&none, new),
            (Value::Object(old), Value::Bool(true)) => (old, &none),
            _ => {
                let message = "what is allowed at all differs".to_owned();
                self.add(pointer.into(), ChangeCode::RuleChanged, (true, true), message);
                return;
            }
        };
        self.types(pointer, old, new);
        self.choices(pointer, old, new);
        self.fields(pointer, old, new);
        let mut words: Vec<&str> = old.keys().chain(new.keys()).map(String::as_str).collect();
        words.sort_unstable();
        words.dedup();
        for word in words {
            let (before, after) = (old.get(word), new.get(word));
            if before != after {
                self.keyword(step(pointer, word), word, before, after);
            }
        }
    }

    fn keyword(&mut self, pointer: String, word: &str, old: Option<&Value>, new: Option<&Value>) {
        match word {
            // Looked at beside.
            "type" | "enum" | "properties" | "required" => {}
            word if LEAST.contains(&word) => self.limit(pointer, word, old, new, true),
            word if MOST.contains(&word) => self.limit(pointer, word, old, new, false),
            "pattern" | "format" => {
                let what =
                    |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
                let message = format!("{word} was {}, and is {}", what(old), what(new));
                let breaks = (old.is_some(), new.is_some());
                self.add(pointer, ChangeCode::FormChanged, breaks, message);
            }
            "items" | "contains" | "propertyNames" => match (old, new) {
                (Some(old), Some(new)) if word != "contains" => self.schema(&pointer, old, new),
                (old, new) => self.rule(pointer, (old.is_some(), new.is_some()), word),
            },
            // Whoever is told that there may be more passes over it; whoever sends more is refused when there may not.
            "additionalProperties" => match (old, new) {
                (old, Some(Value::Bool(false))) if is_open(old) => {
                    self.rule(pointer, (false, true), word);
                }
                (Some(Value::Bool(false)), new) if is_open(new) => {
                    self.rule(pointer, (false, false), word);
                }
                (old, new) if is_open(old) && is_open(new) => {}
                (Some(old), Some(new)) => self.schema(&pointer, old, new),
                (old, new) => self.rule(pointer, (old.is_some(), new.is_some()), word),
            },
            "uniqueItems" => {
                let is_said = |value: Option<&Value>| value == Some(&Value::Bool(true));
                self.rule(pointer, (is_said(old), is_said(new)), word);
            }
            "anyOf" => self.alternatives(pointer, old, new),
            "allOf" | "prefixItems" => self.one_by_one(pointer, word, old, new),
            // `oneOf`, `not`, `if` and the rest: whether less or more is allowed cannot be told.
            word => self.rule(pointer, (true, true), word),
        }
    }

    fn types(&mut self, pointer: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let (before, after) = (old.get("type"), new.get("type"));
        if before == after {
            return;
        }
        // No word is no promise, and no demand.
        let is_among = |word: &str, words: &[String]| {
            words.iter().any(|each| each == word)
                || (word == "integer" && words.iter().any(|each| each == "number"))
        };
        let (old, new) = (type_words(before), type_words(after));
        let readers = match (&old, &new) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(old), Some(new)) => !new.iter().all(|word| is_among(word, old)),
        };
        let senders = match (&old, &new) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(old), Some(new)) => !old.iter().all(|word| is_among(word, new)),
        };
        let said = |words: &Option<Vec<String>>| {
            words.as_ref().map_or("anything".to_owned(), |words| words.join(" or "))
        };
        let message = format!("it was {}, and is {}", said(&old), said(&new));
        let pointer = step(pointer, "type");
        self.add(pointer, ChangeCode::TypeChanged, (readers, senders), message);
    }

    fn choices(&mut self, pointer: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let of =
            |keywords: &Map<String, Value>| keywords.get("enum").and_then(Value::as_array).cloned();
        let (before, after) = (of(old), of(new));
        if before == after {
            return;
        }
        let missing = |from: &Option<Vec<Value>>, of: &Option<Vec<Value>>| match (of, from) {
            // Anything was a choice, or is one.
            (None, Some(_)) => true,
            (_, None) => false,
            (Some(of), Some(from)) => of.iter().any(|choice| !from.contains(choice)),
        };
        let readers = missing(&before, &after);
        let senders = missing(&after, &before);
        let said = |choices: &Option<Vec<Value>>| {
            let said = |choices: &Vec<Value>| Value::Array(choices.clone()).to_string();
            choices.as_ref().map_or("free".to_owned(), said)
        };
        let message = format!("the choice was {}, and is {}", said(&before), said(&after));
        let pointer = step(pointer, "enum");
        self.add(pointer, ChangeCode::ChoicesChanged, (readers, senders), message);
    }

    fn fields(&mut self, pointer: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let none = Map::new();
        let of = |keywords: &'_ Map<String, Value>| {
            keywords.get("properties").and_then(Value::as_object).cloned().unwrap_or(none.clone())
        };
        let (before, after) = (of(old), of(new));
        let (needed_before, needed_after) = (required(old), required(new));
        let properties = step(pointer, "properties");
        for (name, old) in &before {
            let pointer = step(&properties, name);
            match after.get(name) {
                Some(new) => self.schema(&pointer, old, new),
                None => {
                    let message = format!("{name:?} is promised no more");
                    let is_refused = new.get("additionalProperties") == Some(&Value::Bool(false));
                    self.add(pointer, ChangeCode::FieldRemoved, (true, is_refused), message);
                }
            }
        }
        for (name, _) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
            let message = format!("{name:?} is new");
            let pointer = step(&properties, name);
            self.add(pointer, ChangeCode::FieldAdded, (false, false), message);
        }
        for name in needed_after.iter().filter(|name| !needed_before.contains(name)) {
            let message = format!("{name:?} must be there now");
            let pointer = step(pointer, "required");
            self.add(pointer, ChangeCode::FieldRequired, (false, true), message);
        }
        for name in needed_before.iter().filter(|name| !needed_after.contains(name)) {
            let message = format!("{name:?} may be missing now");
            let pointer = step(pointer, "required");
            self.add(pointer, ChangeCode::FieldOptional, (true, false), message);
        }
    }

    fn limit(
        &mut self,
        pointer: String,
        word: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        is_least: bool,
    ) {
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        let is_higher = match (number(old), number(new)) {
            (Some(old), Some(new)) if old == new => return,
            (Some(old), Some(new)) => new > old,
            // No limit lies beyond every limit.
            (Some(_), None) => !is_least,
            (None, _) => is_least,
        };
        let refuses_more = is_higher == is_least;
        let said = |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
        let message = format!("{word} was {}, and is {}", said(old), said(new));
        let breaks = (!refuses_more, refuses_more);
        self.add(pointer, ChangeCode::LimitChanged, breaks, message);
    }

    /// Another alternative may surprise a reader; one less refuses a sender.
    fn alternatives(&mut self, pointer: String, old: Option<&Value>, new: Option<&Value>) {
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        let breaks = match (list(old), list(new)) {
            (Some(old), Some(new)) => (
                new.iter().any(|each| !old.contains(each)),
                old.iter().any(|each| !new.contains(each)),
            ),
            (old, new) => (old.is_some(), new.is_some()),
        };
        self.rule(pointer, breaks, "anyOf");
    }

    /// Lists of which every schema holds, or one for each place.
    fn one_by_one(
        &mut self,
        pointer: String,
        word: &str,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        match (list(old), list(new)) {
            (Some(old), Some(new)) if old.len() == new.len() => {
                for (place, (old, new)) in old.iter().zip(&new).enumerate() {
                    self.schema(&format!("{pointer}/{place}"), old, new);
                }
            }
            _ => self.rule(pointer, (true, true), word),
        }
    }
}

fn is_open(additional: Option<&Value>) -> bool {
    matches!(additional, None | Some(Value::Bool(true)))
}

fn type_words(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(word) => Some(vec![word.clone()]),
        Value::Array(words) => {
            Some(words.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn required(keywords: &Map<String, Value>) -> Vec<String> {
    let names = keywords.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}
