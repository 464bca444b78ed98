//! Whole templates: as the text of a Tidings template, or as one expression.

use super::{Kind, Piece, Writer, filters_of};
use crate::twig::{Expression, Node, Untranslatable};

/// The most words that Tidings reads in one piece of code, and the deepest that `for` may nest; `unroll` writes others as
/// steps.
const FOR_DEPTH_MAX: usize = 4;

/// Whether a template sets values, which templates of Tidings cannot.
pub(crate) fn sets(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Set { .. } | Node::SetBlock { .. } => true,
        Node::If { branches, otherwise } => {
            branches.iter().any(|(_, body)| sets(body)) || sets(otherwise)
        }
        Node::For { body, otherwise, .. } => sets(body) || sets(otherwise),
        Node::Apply { body, .. } => sets(body) || as_value(body).is_none(),
        Node::Text(_) | Node::Output(_) => false,
    })
}

/// The template as a text.
pub(crate) fn text(writer: &mut Writer<'_>, nodes: &[Node]) -> Result<String, Untranslatable> {
    text_within(writer, nodes, 0)
}

fn text_within(
    writer: &mut Writer<'_>,
    nodes: &[Node],
    depth: usize,
) -> Result<String, Untranslatable> {
    let mut text = String::new();
    for node in nodes {
        match node {
            Node::Text(part) => text.push_str(&plain(part)),
            Node::Output(value) => push_output(&mut text, &writer.value(value)?),
            Node::If { branches, otherwise } => {
                for (index, (condition, body)) in branches.iter().enumerate() {
                    let word = if index == 0 { "if" } else { "elif" };
                    let condition = writer.value(condition)?;
                    text.push_str(&format!("{{% {word} {} %}}", condition.as_str()));
                    text.push_str(&text_within(writer, body, depth)?);
                }
                if !otherwise.is_empty() {
                    text.push_str("{% else %}");
                    text.push_str(&text_within(writer, otherwise, depth)?);
                }
                text.push_str("{% endif %}");
            }
            Node::For { key, item, items, only_if, body, otherwise } => {
                if depth + 1 > FOR_DEPTH_MAX {
                    return Err(Untranslatable::new(format!(
                        "`for` nests deeper than {FOR_DEPTH_MAX}"
                    )));
                }
                let items = writer.value(items)?;
                let locals = writer.locals.len();
                let header = match key {
                    // The pairs of a list are its places and items.
                    Some(key) => {
                        let (key, item) = (local(writer, key), local(writer, item));
                        format!("{key}, {item} in {}", pairs(&items))
                    }
                    None => {
                        let item = local(writer, item);
                        format!("{item} in {}", walked(&items).as_str())
                    }
                };
                writer.locals.push(("loop".to_owned(), Piece::path("loop", Kind::Unknown)));
                let only_if = match only_if {
                    Some(condition) => format!(" if {}", writer.value(condition)?.as_str()),
                    None => String::new(),
                };
                text.push_str(&format!("{{% for {header}{only_if} %}}"));
                text.push_str(&text_within(writer, body, depth + 1)?);
                writer.locals.truncate(locals);
                if !otherwise.is_empty() {
                    text.push_str("{% else %}");
                    text.push_str(&text_within(writer, otherwise, depth)?);
                }
                text.push_str("{% endfor %}");
            }
            Node::Apply { filters, body } => {
                let value = as_value(body).ok_or_else(|| {
                    Untranslatable::new("`apply` around a loop has no counterpart")
                })?;
                push_output(&mut text, &writer.value(&filters_of(value, filters))?);
            }
            Node::Set { .. } | Node::SetBlock { .. } => {
                return Err(Untranslatable::new("`set` within what must be one value"));
            }
        }
    }
    Ok(text)
}

/// What a loop walks through: a mapping's values, not its keys.
pub(super) fn walked(items: &Piece) -> Piece {
    match items.kind {
        Kind::List => items.clone(),
        Kind::Unknown | Kind::Text | Kind::Number | Kind::Truth | Kind::Map | Kind::Time => {
            items.filtered("values", Kind::List)
        }
    }
}

/// What a loop over keys and values walks through.
pub(super) fn pairs(items: &Piece) -> String {
    match items.kind {
        Kind::Map => format!("{} | items", items.operand()),
        Kind::List => format!("range({0} | length) | zip({0})", items.operand()),
        Kind::Unknown | Kind::Text | Kind::Number | Kind::Truth | Kind::Time => {
            let items = items.operand();
            format!(
                "({items} | items if {items} is mapping else range({items} | default([], true) | length) | zip({items} | default([], true)))"
            )
        }
    }
}

/// A name that a loop gives: one that means something else in Tidings gets another one.
pub(super) fn local(writer: &mut Writer<'_>, name: &str) -> String {
    let called = local_name(name);
    writer.locals.push((name.to_owned(), Piece::path(called.clone(), Kind::Unknown)));
    called
}

fn local_name(name: &str) -> String {
    const TAKEN: [&str; 22] = [
        "event",
        "meta",
        "chat",
        "customer",
        "session",
        "client",
        "vars",
        "answer",
        "now",
        "loop",
        "range",
        "date",
        "max",
        "min",
        "random",
        "random_string",
        "parse_json",
        "in",
        "is",
        "not",
        "and",
        "or",
    ];
    let clean: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if TAKEN.contains(&clean.as_str()) { format!("{clean}_") } else { clean }
}

fn push_output(text: &mut String, piece: &Piece) {
    // `{{{` would be read otherwise.
    text.push_str(&format!("{{{{ {} }}}}", piece.as_str()));
}

/// Text that looks like code stays text.
pub(crate) fn plain(text: &str) -> String {
    if !crate::twig::has_code(text) {
        return text.to_owned();
    }
    text.replace("{{", "\u{1}")
        .replace("{%", "\u{2}")
        .replace("{#", "\u{3}")
        .replace('\u{1}', "{{ '{{' }}")
        .replace('\u{2}', "{{ '{%' }}")
        .replace('\u{3}', "{{ '{#' }}")
}

/// The template as one expression, where it is one.
pub(crate) fn as_value(nodes: &[Node]) -> Option<Expression> {
    let mut parts = Vec::new();
    for node in nodes {
        parts.push(match node {
            Node::Text(text) => Expression::Text(text.clone()),
            Node::Output(value) => value.clone(),
            Node::If { branches, otherwise } => {
                let mut whole = as_value(otherwise)?;
                for (condition, body) in branches.iter().rev() {
                    whole = Expression::Choice(
                        Box::new(condition.clone()),
                        Box::new(as_value(body)?),
                        Box::new(whole),
                    );
                }
                whole
            }
            Node::Apply { filters, body } => filters_of(as_value(body)?, filters),
            Node::For { .. } | Node::Set { .. } | Node::SetBlock { .. } => return None,
        });
    }
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Some(Expression::Text(String::new())) };
    Some(parts.fold(first, |whole, part| Expression::Binary("~", Box::new(whole), Box::new(part))))
}

/// Without white space at both ends, which Cerb does not look at where it compares.
pub(crate) fn trimmed(nodes: &[Node]) -> Vec<Node> {
    let mut nodes = nodes.to_vec();
    while let Some(Node::Text(text)) = nodes.first() {
        let rest = text.trim_start().to_owned();
        if rest.is_empty() {
            nodes.remove(0);
            continue;
        }
        nodes.splice(0..1, [Node::Text(rest)]);
        break;
    }
    while let Some(Node::Text(text)) = nodes.last() {
        let rest = text.trim_end().to_owned();
        nodes.pop();
        if !rest.is_empty() {
            nodes.push(Node::Text(rest));
            break;
        }
    }
    nodes
}
