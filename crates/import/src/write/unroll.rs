//! Templates that set values, which become steps: Tidings sets values in steps only.
//!
//! `{% set %}` becomes `set`, an `{% if %}` around one `choose`, a `{% for %}` around one `repeat`. What is left is a
//! template that only writes. The names that a template sets are its own, so they get places that nothing else uses.

use super::text::{pairs, sets, walked};
use super::{Kind, Piece, Writer, filters_of, values};
use crate::twig::{Expression, Node, Untranslatable};
use crate::yaml::{Step, Yaml, push_set};

/// The most steps that one template becomes.
const STEPS_MAX: usize = 300;

/// What a template becomes: steps before, and what is left of it.
pub(crate) fn unroll(
    writer: &mut Writer<'_>,
    nodes: Vec<Node>,
    steps: &mut Vec<Step>,
) -> Result<Vec<Node>, Untranslatable> {
    if !sets(&nodes) {
        return Ok(nodes);
    }
    let mut left: Vec<Node> = Vec::new();
    for node in nodes {
        if !sets(std::slice::from_ref(&node)) {
            left.push(node);
            continue;
        }
        if steps.len() > STEPS_MAX {
            return Err(Untranslatable::new(format!(
                "a template becomes more than {STEPS_MAX} steps"
            )));
        }
        // What is written so far must not see what is set from here on.
        if left.iter().any(|node| !matches!(node, Node::Text(_))) {
            let written = std::mem::take(&mut left);
            left.push(keep(writer, &written, steps)?);
        }
        match node {
            Node::Set { name, value } => {
                let piece = writer.value(&value)?;
                put(writer, &name, value_of(&value, &piece)?, piece.kind, steps);
            }
            Node::SetBlock { name, body } => {
                let body = unroll(writer, body, steps)?;
                let text = super::text::text(writer, &body)?;
                put(writer, &name, Yaml::Text(fitting(text)?), Kind::Text, steps);
            }
            Node::Apply { filters, body } => {
                let body = unroll(writer, body, steps)?;
                let Node::Output(value) = keep(writer, &body, steps)? else { continue };
                left.push(Node::Output(filters_of(value, &filters)));
            }
            Node::If { branches, otherwise } => {
                choose(writer, branches, otherwise, &mut left, steps)?
            }
            Node::For { key, item, items, only_if, body, otherwise } => {
                if !otherwise.is_empty() {
                    return Err(Untranslatable::new("`set` within a `for` with `else`"));
                }
                let turns = Turns { key, item, items, only_if, body };
                repeat(writer, turns, &mut left, steps)?;
            }
            Node::Text(_) | Node::Output(_) => {}
        }
    }
    Ok(left)
}

/// Checks that a template is one that Tidings reads.
pub(crate) fn fitting(text: String) -> Result<String, Untranslatable> {
    super::limits::check(&text)?;
    Ok(text)
}

/// The value of an expression as a step gives it.
pub(crate) fn value_of(expression: &Expression, piece: &Piece) -> Result<Yaml, Untranslatable> {
    if let Some(text) = values::fixed(Some(expression))
        && !crate::twig::has_code(text)
        && matches!(expression, Expression::Text(_))
    {
        return Ok(Yaml::text(text));
    }
    fitting(format!("{{{{ {} }}}}", piece.as_str())).map(Yaml::Text)
}

/// Puts a value into the place of a name of the template.
fn put(writer: &mut Writer<'_>, name: &str, value: Yaml, kind: Kind, steps: &mut Vec<Step>) {
    let place = writer.names.local(name);
    push_set(steps, &place, value);
    writer.locals.push((name.to_owned(), Piece::path(place, kind)));
}

/// Keeps what a part writes, under a name of its own.
fn keep(
    writer: &mut Writer<'_>,
    nodes: &[Node],
    steps: &mut Vec<Step>,
) -> Result<Node, Untranslatable> {
    let text = fitting(super::text::text(writer, nodes)?)?;
    Ok(Node::Output(kept(writer, Yaml::Text(text), steps)))
}

fn kept(writer: &mut Writer<'_>, value: Yaml, steps: &mut Vec<Step>) -> Expression {
    let place = writer.names.fresh();
    push_set(steps, &place, value);
    let name = format!("\u{a7}{place}");
    writer.locals.push((name.clone(), Piece::path(place, Kind::Text)));
    Expression::Name(name)
}

/// What names may be set somewhere within is not there before, and unknown behind.
fn announce(writer: &mut Writer<'_>, bodies: &[&[Node]], steps: &mut Vec<Step>) {
    let mut names = Vec::new();
    for body in bodies {
        set_names(body, &mut names);
    }
    for name in names {
        let known = writer.locals.iter().rev().find(|(known, _)| *known == name).cloned();
        match known {
            Some((_, piece)) => {
                writer.locals.push((name, Piece::path(piece.alone(), Kind::Unknown)))
            }
            None => put(writer, &name, Yaml::null(), Kind::Unknown, steps),
        }
    }
}

fn set_names(nodes: &[Node], names: &mut Vec<String>) {
    for node in nodes {
        match node {
            Node::Set { name, .. } | Node::SetBlock { name, .. } => {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            Node::If { branches, otherwise } => {
                branches.iter().for_each(|(_, body)| set_names(body, names));
                set_names(otherwise, names);
            }
            Node::For { body, otherwise, .. } => {
                set_names(body, names);
                set_names(otherwise, names);
            }
            Node::Apply { body, .. } => set_names(body, names),
            Node::Text(_) | Node::Output(_) => {}
        }
    }
}

/// One branch's steps, with what it writes behind what was written before it.
fn branch(
    writer: &mut Writer<'_>,
    body: Vec<Node>,
    part: &str,
    before: &str,
) -> Result<(Vec<Step>, bool), Untranslatable> {
    let mut steps = Vec::new();
    let left = unroll(writer, body, &mut steps)?;
    let text = fitting(super::text::text(writer, &left)?)?;
    let writes = !text.trim().is_empty();
    if writes {
        push_set(&mut steps, part, Yaml::Text(format!("{before}{text}")));
    }
    if steps.is_empty() {
        push_set(
            &mut steps,
            part,
            if before.is_empty() { Yaml::text("") } else { Yaml::text(before) },
        );
    }
    Ok((steps, writes))
}

fn choose(
    writer: &mut Writer<'_>,
    branches: Vec<(Expression, Vec<Node>)>,
    otherwise: Vec<Node>,
    left: &mut Vec<Node>,
    steps: &mut Vec<Step>,
) -> Result<(), Untranslatable> {
    let bodies: Vec<&[Node]> =
        branches.iter().map(|(_, body)| body.as_slice()).chain([otherwise.as_slice()]).collect();
    announce(writer, &bodies, steps);
    let locals = writer.locals.len();
    let part = writer.names.fresh();
    let mut writes = false;
    let mut chosen = Vec::new();
    for (condition, body) in branches {
        let when = fitting(writer.value(&condition)?.alone())?;
        let (inner, wrote) = branch(writer, body, &part, "")?;
        writer.locals.truncate(locals);
        writes |= wrote;
        chosen.push(Yaml::Map(vec![
            ("when".to_owned(), Yaml::Text(when)),
            ("do".to_owned(), Yaml::Steps(inner)),
        ]));
    }
    let mut step = Step::new("choose", Yaml::List(chosen));
    if !otherwise.is_empty() {
        let (inner, wrote) = branch(writer, otherwise, &part, "")?;
        writer.locals.truncate(locals);
        writes |= wrote;
        step = step.with("else", Yaml::Steps(inner));
    }
    if writes {
        push_set(steps, &part, Yaml::text(""));
        left.push(Node::Output(named(writer, part)));
    }
    steps.push(step);
    Ok(())
}

fn named(writer: &mut Writer<'_>, place: String) -> Expression {
    let name = format!("\u{a7}{place}");
    writer.locals.push((name.clone(), Piece::path(place, Kind::Text)));
    Expression::Name(name)
}

struct Turns {
    key: Option<String>,
    item: String,
    items: Expression,
    only_if: Option<Expression>,
    body: Vec<Node>,
}

fn repeat(
    writer: &mut Writer<'_>,
    turns: Turns,
    left: &mut Vec<Node>,
    steps: &mut Vec<Step>,
) -> Result<(), Untranslatable> {
    let items = writer.value(&turns.items)?;
    announce(writer, &[&turns.body], steps);
    let locals = writer.locals.len();
    let item = writer.names.loop_name(&turns.item);
    let list = match &turns.key {
        Some(key) => {
            let pair = Piece::path(item.clone(), Kind::List);
            writer.locals.push((key.clone(), pair.member("0")));
            writer.locals.push((turns.item.clone(), pair.member("1")));
            pairs(&items)
        }
        None => {
            writer.locals.push((turns.item.clone(), Piece::path(item.clone(), Kind::Unknown)));
            walked(&items).alone()
        }
    };
    let part = writer.names.fresh();
    let (mut inner, writes) = branch(writer, turns.body, &part, &format!("{{{{ {part} }}}}"))?;
    if let Some(condition) = turns.only_if {
        let when = fitting(writer.value(&condition)?.alone())?;
        let one = Yaml::Map(vec![
            ("when".to_owned(), Yaml::Text(when)),
            ("do".to_owned(), Yaml::Steps(inner)),
        ]);
        inner = vec![Step::new("choose", Yaml::List(vec![one]))];
    }
    writer.locals.truncate(locals);
    if writes {
        push_set(steps, &part, Yaml::text(""));
        left.push(Node::Output(named(writer, part)));
    }
    let repeat = vec![
        ("for".to_owned(), Yaml::Text(item)),
        ("in".to_owned(), Yaml::Text(fitting(list)?)),
        ("do".to_owned(), Yaml::Steps(inner)),
    ];
    steps.push(Step::new("repeat", Yaml::Map(repeat)));
    Ok(())
}
