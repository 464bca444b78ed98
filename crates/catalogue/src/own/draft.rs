//! A type from a sample: what an event looks like says what events of its type look like, until somebody says more.
//!
//! Every field of the sample is required; where a list holds several objects, a field is required that all of them have.
//! A text gets a format where every value at its place has it. The sample always fits the draft.

use serde_json::{Map, Value, json};

use super::read::read;
use super::wrong::{Wrong, WrongCode};
use crate::catalogue::Catalogue;
use crate::event_type::EventType;
use crate::shape::Shape;

/// The formats that are looked for, in this order.
const FORMATS: [&str; 4] = ["date-time", "email", "uuid", "uri"];

/// A draft of a type whose data looks like this.
pub fn draft_from_sample(
    catalogue: &Catalogue,
    name: &str,
    sample: &Value,
) -> Result<EventType, Vec<Wrong>> {
    if !sample.is_object() {
        return Err(vec![Wrong {
            pointer: "/sample".into(),
            code: WrongCode::WrongKindOfValue,
            message: "must be an object: the data of an event has fields with names".into(),
        }]);
    }
    let schema = Formats::known().schema_of(&[sample]);
    let draft = json!({
        "name": name,
        "title": title_of(name),
        "status": "draft",
        "schema": schema,
        "sample": sample,
    });
    read(catalogue, &draft)
}

/// Words for people from a name: `order.was_placed` is "Order was placed".
fn title_of(name: &str) -> String {
    let words = name.replace(['.', '_'], " ");
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => "Draft".to_owned(),
    }
}

/// The formats that are looked for, each as the schema that tells who has it: what is found here is found when an event
/// comes.
struct Formats(Vec<(&'static str, Shape)>);

impl Formats {
    fn known() -> Self {
        let shapes = FORMATS.into_iter().filter_map(|format| {
            let schema = json!({ "type": "string", "format": format });
            Some((format, Shape::new(schema, Value::Null).ok()?))
        });
        Self(shapes.collect())
    }

    /// What all of these values have in common.
    fn schema_of(&self, values: &[&Value]) -> Value {
        let mut words = Vec::new();
        for value in values {
            let word = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            if !words.contains(&word) {
                words.push(word);
            }
        }
        if words.contains(&"number") {
            words.retain(|word| *word != "integer");
        }
        let mut schema = Map::new();
        match words.as_slice() {
            // Nothing but null says nothing of what else may stand there.
            [] | ["null"] => return Value::Object(schema),
            [word] => schema.insert("type".into(), (*word).into()),
            words => schema.insert("type".into(), words.into()),
        };
        self.describe_objects(values, &mut schema);
        self.describe_lists(values, &mut schema);
        let texts: Vec<&&Value> = values.iter().filter(|value| value.is_string()).collect();
        let fits = |shape: &Shape| texts.iter().all(|text| shape.validate(text).is_ok());
        let format = self.0.iter().find(|(name, shape)| has_form(name, &texts) && fits(shape));
        if let Some((format, _)) = format.filter(|_| !texts.is_empty()) {
            schema.insert("format".into(), (*format).into());
        }
        Value::Object(schema)
    }

    fn describe_objects(&self, values: &[&Value], schema: &mut Map<String, Value>) {
        let objects: Vec<&Map<String, Value>> =
            values.iter().filter_map(|value| value.as_object()).collect();
        let mut properties: Map<String, Value> = Map::new();
        let mut required = Vec::new();
        for name in objects.iter().flat_map(|object| object.keys()) {
            if properties.contains_key(name) {
                continue;
            }
            let at_name: Vec<&Value> =
                objects.iter().filter_map(|object| object.get(name)).collect();
            if at_name.len() == objects.len() {
                required.push(name.clone());
            }
            properties.insert(name.clone(), self.schema_of(&at_name));
        }
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        if !properties.is_empty() {
            schema.insert("properties".into(), properties.into());
        }
    }

    fn describe_lists(&self, values: &[&Value], schema: &mut Map<String, Value>) {
        let lists = values.iter().filter_map(|value| value.as_array());
        let entries: Vec<&Value> = lists.flatten().collect();
        if !entries.is_empty() {
            schema.insert("items".into(), self.schema_of(&entries));
        }
    }
}

/// Any two words with a colon between are a URI, so one is only taken for it that has an authority.
fn has_form(format: &str, texts: &[&&Value]) -> bool {
    format != "uri"
        || texts.iter().all(|text| text.as_str().is_some_and(|text| text.contains("://")))
}
