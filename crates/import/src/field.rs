//! Fields of Cerb that hold templates, as texts, expressions and values of Tidings. Called by conditions and actions.
//!
//! What a template must do before it can write, as setting values, goes into the steps that are given.

use serde_json::{Map, Value};

use crate::scope::Scope;
use crate::twig::{self, Expression, Node, Untranslatable};
use crate::write::text::{as_value, text, trimmed};
use crate::write::unroll::{fitting, unroll, value_of};
use crate::write::{Kind, Piece, Writer};
use crate::yaml::{Step, Yaml, push_set};

type Locals = Vec<(String, Piece)>;

/// A template that only writes, with the names that it had set.
struct Prepared {
    nodes: Vec<Node>,
    locals: Locals,
}

fn prepared(
    scope: &mut Scope<'_>,
    source: &str,
    steps: &mut Vec<Step>,
) -> Result<Prepared, Untranslatable> {
    let nodes = twig::parse(source)?;
    let mut writer = Writer::new(scope);
    let nodes = unroll(&mut writer, nodes, steps)?;
    let locals = std::mem::take(&mut writer.locals);
    Ok(Prepared { nodes, locals })
}

/// A text.
pub(crate) fn as_text(
    scope: &mut Scope<'_>,
    source: &str,
    steps: &mut Vec<Step>,
) -> Result<Yaml, Untranslatable> {
    if !twig::has_code(source) {
        return fitting(source.replace("\r\n", "\n")).map(Yaml::Text);
    }
    let Prepared { nodes, locals } = prepared(scope, source, steps)?;
    let mut writer = Writer::new(scope);
    writer.locals = locals;
    fitting(text(&mut writer, &nodes)?).map(Yaml::Text)
}

/// A value: what is exactly one `{{ }}` keeps its kind, white space around it does not count.
pub(crate) fn as_kept(
    scope: &mut Scope<'_>,
    source: &str,
    steps: &mut Vec<Step>,
) -> Result<Yaml, Untranslatable> {
    if !twig::has_code(source) {
        return as_text(scope, source, steps);
    }
    let Prepared { nodes, locals } = prepared(scope, source, steps)?;
    let mut writer = Writer::new(scope);
    writer.locals = locals;
    let inner = trimmed(&nodes);
    if let [Node::Output(value)] = inner.as_slice() {
        let piece = writer.value(value)?;
        return value_of(value, &piece);
    }
    fitting(text(&mut writer, &nodes)?).map(Yaml::Text)
}

/// An expression for what a template writes, without white space at its ends.
pub(crate) fn as_expression(
    scope: &mut Scope<'_>,
    source: &str,
    steps: &mut Vec<Step>,
) -> Result<Piece, Untranslatable> {
    if !twig::has_code(source) {
        return Ok(Piece::literal(source.trim()));
    }
    let Prepared { nodes, locals } = prepared(scope, source, steps)?;
    let nodes = trimmed(&nodes);
    let mut writer = Writer::new(scope);
    writer.locals = locals;
    if let Some(value) = as_value(&nodes) {
        let piece = writer.value(&value)?;
        if fitting(piece.as_str().to_owned()).is_ok() {
            return Ok(piece);
        }
    }
    let text = fitting(text(&mut writer, &nodes)?)?;
    let place = writer.names.fresh();
    push_set(steps, &place, Yaml::Text(text));
    Ok(Piece::path(place, Kind::Text).filtered("trim", Kind::Text))
}

/// A value that a template writes as JSON. Where its shape can be seen it is written as a value; else it is read when the
/// step is taken.
pub(crate) fn as_json(
    scope: &mut Scope<'_>,
    source: &str,
    steps: &mut Vec<Step>,
) -> Result<Yaml, Untranslatable> {
    if let Ok(value) = serde_json::from_str::<Value>(source)
        && !twig::has_code(&source.replace("}}", ""))
    {
        return Ok(Yaml::of_json(&value));
    }
    let Prepared { nodes, locals } = prepared(scope, source, steps)?;
    let nodes = trimmed(&nodes);
    let mut writer = Writer::new(scope);
    writer.locals = locals;
    if let [Node::Output(value)] = nodes.as_slice() {
        return sole(&mut writer, value);
    }
    if let Some(value) = shaped(&mut writer, &nodes)? {
        return Ok(value);
    }
    let text = fitting(text(&mut writer, &nodes)?)?;
    let place = writer.names.fresh();
    push_set(steps, &place, Yaml::Text(text));
    Ok(Yaml::Text(format!("{{{{ {place} | parse_json('') }}}}")))
}

/// A value that is all of a text of JSON: what was made JSON is taken as it is, and a text is read.
fn sole(writer: &mut Writer<'_>, value: &Expression) -> Result<Yaml, Untranslatable> {
    if let Expression::Filter(inner, name, _) = value
        && matches!(name.as_str(), "json_encode" | "json_pretty")
    {
        let piece = writer.value(inner)?;
        return fitting(format!("{{{{ {} }}}}", piece.as_str())).map(Yaml::Text);
    }
    let piece = writer.value(value)?;
    let written = match piece.kind {
        Kind::List | Kind::Map => piece.alone(),
        Kind::Unknown | Kind::Text | Kind::Number | Kind::Truth | Kind::Time => {
            format!("{0} | parse_json('') if {0} is string else {0}", piece.operand())
        }
    };
    fitting(format!("{{{{ {written} }}}}")).map(Yaml::Text)
}

/// Where a piece of code stood in a text of JSON.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

fn shaped(writer: &mut Writer<'_>, nodes: &[Node]) -> Result<Option<Yaml>, Untranslatable> {
    let mut json = String::new();
    let mut codes: Vec<Expression> = Vec::new();
    let (mut in_text, mut escaped) = (false, false);
    for node in nodes {
        if let Node::Text(text) = node {
            if text.contains([OPEN, CLOSE]) {
                return Ok(None);
            }
            for c in text.chars() {
                match c {
                    _ if escaped => escaped = false,
                    '\\' if in_text => escaped = true,
                    '"' => in_text = !in_text,
                    // Cerb's texts of JSON may hold line breaks, which JSON itself may not.
                    '\n' if in_text => {
                        json.push_str("\\n");
                        continue;
                    }
                    '\t' if in_text => {
                        json.push_str("\\t");
                        continue;
                    }
                    _ => {}
                }
                json.push(c);
            }
            continue;
        }
        let Some(value) = as_value(std::slice::from_ref(node)) else { return Ok(None) };
        let quote = if in_text { "" } else { "\"" };
        json.push_str(&format!("{quote}{OPEN}{}{CLOSE}{quote}", codes.len()));
        // What was made JSON to stand here stands here as it is.
        codes.push(if in_text { value } else { unwrapped(value) });
    }
    match serde_json::from_str::<Value>(&json) {
        Ok(value) => filled(writer, &value, &codes),
        Err(_) => Ok(None),
    }
}

/// The value that a template makes JSON of.
fn unwrapped(value: Expression) -> Expression {
    if let Expression::Filter(inner, name, _) = &value
        && matches!(name.as_str(), "json_encode" | "json_pretty")
    {
        return (**inner).clone();
    }
    value
}

fn filled(
    writer: &mut Writer<'_>,
    value: &Value,
    codes: &[Expression],
) -> Result<Option<Yaml>, Untranslatable> {
    Ok(match value {
        Value::String(text) if !text.contains(OPEN) => {
            Some(Yaml::Text(crate::write::text::plain(text)))
        }
        Value::String(text) => woven(writer, text, codes)?,
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(Yaml::Bare(value.to_string())),
        Value::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                let Some(item) = filled(writer, item, codes)? else { return Ok(None) };
                list.push(item);
            }
            Some(Yaml::List(list))
        }
        Value::Object(fields) => fields_of(writer, fields, codes)?.map(Yaml::Map),
    })
}

type Fields = Vec<(String, Yaml)>;

fn fields_of(
    writer: &mut Writer<'_>,
    fields: &Map<String, Value>,
    codes: &[Expression],
) -> Result<Option<Fields>, Untranslatable> {
    let mut map = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        if key.contains(OPEN) {
            return Ok(None);
        }
        let Some(value) = filled(writer, value, codes)? else { return Ok(None) };
        map.push((key.clone(), value));
    }
    Ok(Some(map))
}

fn woven(
    writer: &mut Writer<'_>,
    text: &str,
    codes: &[Expression],
) -> Result<Option<Yaml>, Untranslatable> {
    let mut template = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(OPEN) {
        let Some((index, after)) = behind.split_once(CLOSE) else { return Ok(None) };
        let Some(code) = index.parse::<usize>().ok().and_then(|index| codes.get(index)) else {
            return Ok(None);
        };
        let piece = writer.value(code)?;
        template.push_str(&crate::write::text::plain(before));
        template.push_str(&format!("{{{{ {} }}}}", piece.as_str()));
        rest = after;
    }
    template.push_str(&crate::write::text::plain(rest));
    fitting(template).map(Yaml::Text).map(Some)
}

/// The lines of a text, each as a text: where code goes over several lines there are none.
pub(crate) fn lines(
    scope: &mut Scope<'_>,
    source: &str,
    steps: &mut Vec<Step>,
) -> Result<Option<Vec<Yaml>>, Untranslatable> {
    let mut lines = Vec::new();
    for line in source.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match twig::parse(line) {
            Ok(nodes)
                if !crate::write::text::sets(&nodes)
                    && !nodes.iter().any(|node| matches!(node, Node::For { .. })) =>
            {
                lines.push(as_text(scope, line, steps)?);
            }
            Ok(_) | Err(_) => return Ok(None),
        }
    }
    Ok(Some(lines))
}

/// The `{% set %}` tags of a text, and the text without them: what follows line by line or word by word may use them.
pub(crate) fn sets_apart(source: &str) -> (String, String) {
    let (mut sets, mut rest) = (String::new(), String::new());
    let mut left = source;
    while let Some(at) = left.find("{%") {
        let (before, tag) = left.split_at(at);
        let end = tag.find("%}").map_or(tag.len(), |end| end + 2);
        let (tag, after) = tag.split_at(end);
        rest.push_str(before);
        let word = tag.trim_start_matches(['{', '%', '-', ' ']);
        let is_inline = word.starts_with("set ") && word.contains('=');
        if is_inline { &mut sets } else { &mut rest }.push_str(tag);
        left = after;
    }
    rest.push_str(left);
    (sets, rest)
}

/// A part of a text, with the tags that it may need.
pub(crate) fn with_sets(sets: &str, part: &str) -> String {
    if twig::has_code(part) { format!("{sets}{part}") } else { part.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::sets_apart;

    #[test]
    fn sets_are_told_apart() {
        let (sets, rest) = sets_apart(
            "{% set a = 1 %}\nX: {{a}}\n{%- set b = {'c': 2} -%}Y{% if a %}Z{% endif %}",
        );
        assert_eq!(sets, "{% set a = 1 %}{%- set b = {'c': 2} -%}");
        assert_eq!(rest, "\nX: {{a}}\nY{% if a %}Z{% endif %}");
        assert_eq!(sets_apart("{% set a"), (String::new(), "{% set a".to_owned()));
    }
}
