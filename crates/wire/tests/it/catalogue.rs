//! The catalogue's files, read as data: this crate may not use the crate that loads them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

/// An event type, as its file tells.
pub(crate) struct EventType {
    /// A realistic `data`.
    pub(crate) sample: Value,
    /// What WotNot calls it.
    pub(crate) wotnot_names: Vec<String>,
    schema: jsonschema::Validator,
}

/// All types by name.
pub(crate) fn event_types() -> BTreeMap<String, EventType> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue");
    let files = fs::read_dir(folder).expect("the catalogue is in the repository");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.flat_map(|path| types_of(&fs::read_to_string(path).expect("a text"))).collect()
}

fn types_of(text: &str) -> Vec<(String, EventType)> {
    let file: Value = toml::from_str(text).expect("TOML");
    let defs = file.get("defs").cloned().unwrap_or_else(|| json!({}));
    let types = file.get("type").and_then(Value::as_array).expect("types");
    types.iter().map(|entry| one(entry, &defs)).collect()
}

fn one(entry: &Value, defs: &Value) -> (String, EventType) {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).expect("a text");
    let mut schema = entry.get("schema").and_then(Value::as_object).expect("a schema").clone();
    schema.insert("$defs".into(), defs.clone());
    let schema = jsonschema::options().should_validate_formats(true).build(&schema.into());
    let aliases = entry.get("aliases").and_then(Value::as_array).into_iter().flatten();
    let of_wotnot =
        aliases.filter(|alias| alias.get("system").and_then(Value::as_str) == Some("wotnot"));
    let names = of_wotnot.filter_map(|alias| alias.get("name").and_then(Value::as_str));
    let known = EventType {
        sample: serde_json::from_str(text("sample")).expect("JSON"),
        wotnot_names: names.map(str::to_owned).collect(),
        schema: schema.expect("a schema"),
    };
    (text("name").to_owned(), known)
}

impl EventType {
    /// Fails where the data is not as the catalogue wants it.
    #[track_caller]
    pub(crate) fn check(&self, data: &Value) {
        let faults: Vec<String> =
            self.schema.iter_errors(data).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?} in {data}");
    }
}
