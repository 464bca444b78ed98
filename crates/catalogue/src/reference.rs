//! The reference page of the vocabulary, `docs/reference/event-types.md`. It is made of the catalogue alone, so the same
//! catalogue gives the same page; a test compares it with the one in the repository.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::event_type::{EventType, Kind};
use crate::schema::REFERENCE;

const OPENING: &str = "# Event types

This page is made from `catalogue/*.toml`: change it there, then run
`cargo run -p tidings-catalogue --example reference > docs/reference/event-types.md`.

Every event has a type.
A name of another system is an alias: it works wherever a type does, and means the events of the type for which its conditions hold.
In a condition, `*` stands for any element of a list.

| kind | meaning |
| --- | --- |
| after | a fact, in the log |
| before | about to happen; a behavior may change or refuse it |
| interactive | somebody waits for the answer |
| computed | a question with a value for answer |
";

/// The page, as Markdown.
pub fn reference_page(catalogue: &Catalogue) -> String {
    let mut page = String::from(OPENING);
    overview(&mut page, catalogue);
    let mut area = None;
    for event_type in catalogue.types() {
        if area != Some(&event_type.area) {
            area = Some(&event_type.area);
            section(&mut page, &format!("## {}", event_type.area));
        }
        entry(&mut page, event_type);
    }
    page
}

fn overview(page: &mut String, catalogue: &Catalogue) {
    section(page, "## All types");
    line(page, "| type | kind | meaning |");
    line(page, "| --- | --- | --- |");
    for each in catalogue.types() {
        let anchor = each.name.as_str().replace('.', "");
        line(
            page,
            &format!(
                "| [`{}`](#{anchor}) | {} | {} |",
                each.name,
                each.kind.as_str(),
                cell(&each.title)
            ),
        );
    }
}

fn entry(page: &mut String, event_type: &EventType) {
    section(page, &format!("### `{}`", event_type.name));
    line(page, &format!("**{}.**", event_type.title));
    for sentence in event_type.description.split_inclusive(". ") {
        line(page, sentence.trim_end());
    }
    let heard_by =
        event_type.heard_by.iter().map(|each| each.as_str()).collect::<Vec<_>>().join(", ");
    let channels = if event_type.channels.is_empty() {
        "any, or none".into()
    } else {
        event_type.channels.join(", ")
    };
    line(page, "");
    line(page, &format!("- Kind: {}", event_type.kind.as_str()));
    line(page, &format!("- Version: {}", event_type.version));
    line(page, &format!("- Group: {}", event_type.group));
    line(page, &format!("- Arises: {}", event_type.raised_by));
    line(page, &format!("- Heard by: {heard_by}"));
    line(page, &format!("- Channels: {channels}"));
    if let Some(plugin) = &event_type.plugin {
        line(page, &format!("- Plugin: {plugin}"));
    }
    fields(page, event_type.schema());
    json(page, event_type.sample());

    if let Some(answer) = &event_type.answer {
        line(page, "");
        line(
            page,
            &format!("The answer is waited for {} ms; without one it is:", answer.within_ms),
        );
        json(page, &answer.default);
        fields(page, answer.schema());
        json(page, answer.sample());
    } else {
        debug_assert_eq!(event_type.kind, Kind::After, "every other kind has an answer");
    }
    aliases(page, event_type);
}

fn fields(page: &mut String, schema: &Value) {
    let Some(properties) =
        schema.get("properties").and_then(Value::as_object).filter(|each| !each.is_empty())
    else {
        return;
    };
    line(page, "");
    line(page, "| field | value | meaning |");
    line(page, "| --- | --- | --- |");
    rows(page, schema, properties, "");
}

/// One row for each field. The fields of what a list holds follow it, one level deep: deeper ones are in the schema.
fn rows(page: &mut String, schema: &Value, properties: &Map<String, Value>, prefix: &str) {
    let required = |name: &str| {
        let names = schema.get("required").and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|each| each == name))
    };
    for (name, property) in properties {
        let optional = if required(name) { "" } else { ", optional" };
        let meaning = property.get("description").and_then(Value::as_str).unwrap_or_default();
        line(
            page,
            &format!(
                "| `{prefix}{name}` | {}{optional} | {} |",
                cell(&value_of(property)),
                cell(meaning)
            ),
        );
        let inner = property
            .get("items")
            .and_then(|items| items.get("properties").map(|inner| (items, inner)));
        if let (true, Some((items, Value::Object(inner)))) = (prefix.is_empty(), inner) {
            rows(page, items, inner, &format!("{name}.*."));
        }
    }
}

/// What kind of value a schema allows, in words.
fn value_of(schema: &Value) -> String {
    if let Some(reference) = reference_of(schema) {
        return reference.to_owned();
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return choices
            .iter()
            .map(|choice| format!("`{}`", text_of(choice)))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        return choices.iter().map(value_of).collect::<Vec<_>>().join(" or ");
    }
    let words = match schema.get("type") {
        Some(Value::String(word)) => vec![word.as_str()],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".into(),
    };
    let format = schema.get("format").and_then(Value::as_str);
    let words = words.into_iter().map(|word| match (word, format) {
        ("string", Some("uuid")) => "id".into(),
        ("string", Some("date-time")) => "time".into(),
        ("string", Some("uri-reference")) => "address".into(),
        ("string", _) => "text".into(),
        ("array", _) => {
            format!("list of {}", schema.get("items").map_or("anything".into(), value_of))
        }
        ("integer", _) => "whole number".into(),
        ("boolean", _) => "true or false".into(),
        (word, _) => word.to_owned(),
    });
    words.collect::<Vec<String>>().join(" or ")
}

fn reference_of(schema: &Value) -> Option<&str> {
    let first = schema.get("allOf").and_then(Value::as_array).and_then(|all| all.first());
    let reference = first.unwrap_or(schema).get("$ref")?.as_str()?;
    reference.strip_prefix(REFERENCE)
}

fn aliases(page: &mut String, event_type: &EventType) {
    if event_type.aliases.is_empty() {
        return;
    }
    line(page, "");
    line(page, "| alias | system | where |");
    line(page, "| --- | --- | --- |");
    for alias in &event_type.aliases {
        let conditions = alias.constraints.iter().map(|constraint| {
            let (key, value) = constraint.to_pair();
            format!("`{key}` = `{}`", text_of(&value))
        });
        let mut conditions = conditions.collect::<Vec<_>>();
        conditions.extend(alias.plugin.iter().map(|plugin| format!("plugin {plugin}")));
        conditions.extend(alias.deprecated.then(|| "given up there".to_owned()));
        let conditions = conditions.join(", ");
        line(
            page,
            &format!("| `{}` | {} | {} |", alias.name, alias.system.as_str(), cell(&conditions)),
        );
    }
}

fn json(page: &mut String, value: &Value) {
    let text = serde_json::to_string_pretty(value)
        .expect("a JSON value has text keys only, so writing cannot fail");
    line(page, &format!("\n```json\n{text}\n```"));
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn section(page: &mut String, heading: &str) {
    line(page, &format!("\n{heading}\n"));
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("writing to memory cannot fail");
}
