//! Templates of packages, which have their delimiters doubled (`{{{x}}}`) so that they stay apart from those of bots.
//!
//! Prompts get their default, ids of what the package makes keep the name that the package gives them, and what stays
//! open becomes a placeholder of that name, which the head of the file tells.

use serde_json::{Map, Value};

use crate::document::text_of;
use crate::report::Mark;

/// Fills in the templates of a package; gives the keys of what stays open.
pub(crate) fn fill_in(
    file: &str,
    value: &mut Value,
    notes: &mut Vec<Mark>,
    head: &mut Vec<String>,
) -> Vec<String> {
    let configure = value
        .get("package")
        .and_then(|package| package.get("configure"))
        .cloned()
        .unwrap_or_default();
    let mut known = Map::new();
    for (index, prompt) in
        configure.get("prompts").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let Some(key) = text_of(prompt.get("key")) else { continue };
        let params = prompt.get("params");
        let default = params
            .and_then(|params| text_of(params.get("default")))
            .filter(|text| !text.is_empty());
        let label = text_of(prompt.get("label")).unwrap_or_else(|| key.clone());
        let told = match &default {
            Some(default) => {
                format!("the package's prompt {label:?} ({key}) is its default {default:?}")
            }
            None => {
                format!("the package's prompt {label:?} ({key}) has no default: set `vars.{key}`")
            }
        };
        head.push(told.clone());
        let path = format!("package.configure.prompts[{index}]");
        notes.push(Mark { file: file.to_owned(), path, what: key.clone(), why: told });
        known.insert(key, default.map_or(Value::Null, Value::String));
    }
    for (index, made) in
        configure.get("placeholders").and_then(Value::as_array).into_iter().flatten().enumerate()
    {
        let Some(key) = text_of(made.get("key")) else { continue };
        let kind = text_of(made.get("type")).unwrap_or_default();
        let told = format!(
            "the package's placeholder {key} ({kind}) is made at import in Cerb: set `vars.{key}`"
        );
        head.push(told.clone());
        let path = format!("package.configure.placeholders[{index}]");
        notes.push(Mark { file: file.to_owned(), path, what: key.clone(), why: told });
        known.insert(key, Value::Null);
    }
    let open =
        known.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    let Value::Object(top) = value else { return open };
    for (key, part) in top.iter_mut() {
        if key != "package" {
            fill(part, &known);
        }
    }
    open
}

fn fill(value: &mut Value, known: &Map<String, Value>) {
    match value {
        Value::String(text) => {
            if has_templates(text) {
                *text = filled(text, known);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, known)),
        Value::Object(fields) => {
            if fields.keys().any(|key| has_templates(key)) {
                let old = std::mem::take(fields);
                fields.extend(old.into_iter().map(|(key, value)| (filled(&key, known), value)));
            }
            fields.values_mut().for_each(|field| fill(field, known));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn has_templates(text: &str) -> bool {
    ["{{{", "{{%", "{{#"].iter().any(|open| text.contains(open))
}

fn filled(text: &str, known: &Map<String, Value>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, open, close)) = next(rest) {
        filled.push_str(rest.get(..start).unwrap_or_default());
        let inner = rest.get(start + open.len()..).unwrap_or_default();
        let Some(end) = inner.find(close) else {
            filled.push_str(rest.get(start..).unwrap_or_default());
            return filled;
        };
        if open == "{{{" {
            let code = inner.get(..end).unwrap_or_default();
            match value(code.trim(), known) {
                Some(value) => filled.push_str(&value),
                // It is no template of a package: `{{{a: 1}|json_encode}}` is one of a bot.
                None => {
                    filled.push_str("{{{");
                    rest = inner;
                    continue;
                }
            }
        }
        // Conditions and comments of packages are left out: what they choose between stays.
        rest = inner.get(end + close.len()..).unwrap_or_default();
    }
    filled.push_str(rest);
    filled
}

fn next(text: &str) -> Option<(usize, &'static str, &'static str)> {
    [("{{{", "}}}"), ("{{%", "%}}"), ("{{#", "#}}")]
        .into_iter()
        .filter_map(|(open, close)| text.find(open).map(|start| (start, open, close)))
        .min_by_key(|(start, ..)| *start)
}

/// What stands for a piece of code: a name with filters.
fn value(code: &str, known: &Map<String, Value>) -> Option<String> {
    let mut parts = code.split('|').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c));
    if !is_name {
        return None;
    }
    let found = match name.strip_prefix("uid.") {
        Some(uid) => uid.to_owned(),
        None => match known.get(name) {
            Some(Value::String(default)) => default.clone(),
            Some(_) => format!("{{{{{name}}}}}"),
            None if name.starts_with("default.") => name.replace('.', "_"),
            None => format!("{{{{{}}}}}", name.replace('.', "_")),
        },
    };
    Some(parts.fold(found, |value, filter| match filter.split('(').next() {
        Some("json_encode") => Value::String(value).to_string(),
        _ => value,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_package_asks_for_is_filled_in() {
        let mut known = Map::new();
        known.insert("prompt_name".to_owned(), Value::String("Clippy".to_owned()));
        known.insert("prompt_open".to_owned(), Value::Null);
        let cases = [
            "Hi, I am {{{prompt_name}}}!",
            "{{{ prompt_name | json_encode }}}",
            "{{{uid.behavior_talk}}}",
            "{{{prompt_open}}} and {{worker_first_name}}",
            "{{{a: 1}|json_encode}}",
            "{{# nothing #}}x{{% if prompt_name %}}y{{% endif %}}",
            "{{{broken",
        ];
        let told = cases.map(|case| filled(case, &known));
        insta::assert_snapshot!(told.join("\n"), @r#"
        Hi, I am Clippy!
        "Clippy"
        behavior_talk
        {{prompt_open}} and {{worker_first_name}}
        {{{a: 1}|json_encode}}
        xy
        {{{broken
        "#);
    }
}
