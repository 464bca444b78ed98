//! YAML as it is written: steps with their comments, mappings, lists, texts. Called when a bot's file is finished.
//!
//! Every text comes out as the text that went in, whatever is in it: bare where nothing could mistake it, in quotes, or
//! line by line.

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Yaml {
    /// A text.
    Text(String),
    /// A number, a truth, `null`.
    Bare(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    Steps(Vec<Step>),
}

/// One step of a behavior, with what is told above it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Step {
    pub(crate) comments: Vec<String>,
    pub(crate) fields: Vec<(String, Yaml)>,
}

/// The longest comment, in characters: more is cut.
const COMMENT_CHARS_MAX: usize = 300;

impl Yaml {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn null() -> Self {
        Self::Bare("null".to_owned())
    }

    /// A value of JSON as it stands.
    pub(crate) fn of_json(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::String(text) => Self::Text(crate::write::text::plain(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Bare(value.to_string()),
            Value::Array(items) => Self::List(items.iter().map(Self::of_json).collect()),
            Value::Object(fields) => Self::Map(
                fields.iter().map(|(key, value)| (key.clone(), Self::of_json(value))).collect(),
            ),
        }
    }
}

impl Step {
    /// A step of one word.
    pub(crate) fn new(word: &str, value: Yaml) -> Self {
        Self { comments: Vec::new(), fields: vec![(word.to_owned(), value)] }
    }

    pub(crate) fn with(mut self, key: &str, value: Yaml) -> Self {
        self.fields.push((key.to_owned(), value));
        self
    }

    pub(crate) fn told(mut self, comment: impl Into<String>) -> Self {
        self.comments.push(comment.into());
        self
    }

    /// The first key: which step it is.
    pub(crate) fn word(&self) -> &str {
        self.fields.first().map_or("", |(word, _)| word.as_str())
    }
}

/// Puts a value into a place: with the `set` before, where that can be.
pub(crate) fn push_set(steps: &mut Vec<Step>, place: &str, value: Yaml) {
    if let Some(last) = steps.last_mut()
        && let [(word, Yaml::Map(values))] = last.fields.as_mut_slice()
        && word == "set"
        && values.iter().all(|(known, _)| known != place)
    {
        values.push((place.to_owned(), value));
        return;
    }
    steps.push(Step::new("set", Yaml::Map(vec![(place.to_owned(), value)])));
}

/// A comment, one line.
pub(crate) fn comment(out: &mut String, indent: usize, text: &str) {
    let flat: String =
        text.chars().map(|c| if c.is_control() || is_odd(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = flat.split_whitespace().collect();
    let line = words.join(" ");
    let short: String = line.chars().take(COMMENT_CHARS_MAX).collect();
    let end = if short.len() < line.len() { " ..." } else { "" };
    out.push_str(&format!("{:indent$}# {short}{end}\n", ""));
}

/// A mapping's fields, each on a line.
pub(crate) fn fields(out: &mut String, indent: usize, fields: &[(String, Yaml)]) {
    for (key, value) in fields {
        out.push_str(&format!("{:indent$}{}:", "", key_of(key)));
        behind(out, indent, value);
    }
}

/// Steps, each with a dash.
pub(crate) fn steps(out: &mut String, indent: usize, steps: &[Step]) {
    for step in steps {
        for line in &step.comments {
            comment(out, indent, line);
        }
        dashed(out, indent, &step.fields);
    }
}

fn dashed(out: &mut String, indent: usize, entries: &[(String, Yaml)]) {
    for (index, (key, value)) in entries.iter().enumerate() {
        let dash = if index == 0 { "- " } else { "  " };
        out.push_str(&format!("{:indent$}{dash}{}:", "", key_of(key)));
        behind(out, indent + 2, value);
    }
}

/// What stands behind a colon, and the end of the line.
fn behind(out: &mut String, indent: usize, value: &Yaml) {
    match value {
        Yaml::Text(text) => {
            out.push(' ');
            scalar(out, indent + 2, text);
        }
        Yaml::Bare(word) => out.push_str(&format!(" {word}\n")),
        Yaml::List(items) if items.is_empty() => out.push_str(" []\n"),
        Yaml::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Yaml::List(items) => {
            out.push('\n');
            list(out, indent + 2, items);
        }
        Yaml::Map(entries) => {
            out.push('\n');
            fields(out, indent + 2, entries);
        }
        Yaml::Steps(inner) => {
            out.push('\n');
            steps(out, indent + 2, inner);
        }
    }
}

fn list(out: &mut String, indent: usize, items: &[Yaml]) {
    for item in items {
        match item {
            Yaml::Map(entries) if !entries.is_empty() => dashed(out, indent, entries),
            other @ (Yaml::Text(_)
            | Yaml::Bare(_)
            | Yaml::List(_)
            | Yaml::Map(_)
            | Yaml::Steps(_)) => {
                out.push_str(&format!("{:indent$}-", ""));
                behind(out, indent, other);
            }
        }
    }
}

fn key_of(key: &str) -> String {
    // Keys are texts, whatever they look like.
    let is_plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if is_plain { key.to_owned() } else { double_quoted(key) }
}

/// Words that are no texts where they stand bare.
fn means_else(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    ["", "~", "null", "true", "false"].contains(&word.as_str()) || text.parse::<f64>().is_ok()
}

/// Characters that no bare or quoted line should hold.
fn is_odd(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn scalar(out: &mut String, indent: usize, text: &str) {
    let has_odd = text.chars().any(|c| is_odd(c) || c.is_control() && c != '\n');
    if text.contains('\n') && !has_odd && in_lines(out, indent, text) {
        return;
    }
    let written = if has_odd || text.contains('\n') {
        double_quoted(text)
    } else if is_bare(text) {
        text.to_owned()
    } else if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else if !text.contains('\'') {
        format!("'{text}'")
    } else {
        double_quoted(text)
    };
    out.push_str(&written);
    out.push('\n');
}

fn is_bare(text: &str) -> bool {
    let first = text.chars().next();
    first.is_some_and(|c| c.is_alphanumeric() || "_(/".contains(c))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains("{{")
        && !text.contains("{%")
        && !means_else(text)
}

/// `|`, where that gives the same text.
fn in_lines(out: &mut String, indent: usize, text: &str) -> bool {
    let (sign, body) = match text.strip_suffix('\n') {
        None => ("|-", text),
        Some(body) if !body.ends_with('\n') => ("|", body),
        Some(_) => return false,
    };
    if body.starts_with([' ', '\n']) || body.is_empty() {
        return false;
    }
    out.push_str(sign);
    out.push('\n');
    for line in body.split('\n') {
        if line.is_empty() {
            out.push('\n');
        } else {
            out.push_str(&format!("{:indent$}{line}\n", ""));
        }
    }
    true
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || is_odd(c) => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(c)))
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
