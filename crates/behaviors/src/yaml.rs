//! YAML text as nodes that know their line and column. Called by `load` only.
//!
//! It is built from the parser's events, not from a finished tree, so that a hostile text is refused before it costs
//! anything: its size, its depth and the number of its nodes are bounded, anchors and aliases (which can multiply a small
//! text without end) are refused where they stand. Pure: the same text gives the same nodes.

use std::collections::HashSet;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_json::{Number, Value};

use crate::template::round;

/// The longest file, in bytes. A bot of a thousand behaviors is about a fifth of it.
pub(crate) const FILE_BYTES_MAX: usize = 1_000_000;

/// How deep lists and mappings may nest: ten times `choose` in `repeat` in `choose` is about 60.
pub(crate) const DEPTH_MAX: usize = 64;

/// How many nodes a file may have: a file of the longest size has fewer, unless it is made to hurt.
pub(crate) const NODES_MAX: usize = 200_000;

/// A place in a file; both numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: usize,
    /// The column, in characters.
    pub(crate) column: usize,
}

impl Position {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    fn of(marker: &Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

/// A part of a YAML text.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it begins.
    pub(crate) at: Position,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// One value.
    Scalar(Scalar),
    /// `- a`, `[a]`.
    List(Vec<Node>),
    /// `a: b`, `{a: b}`.
    Map(Vec<Entry>),
}

/// One `key: value`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key; keys are texts.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) at: Position,
    /// The value.
    pub(crate) value: Node,
}

/// One value as it was written, and how.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// The text, without quotes and indentation.
    pub(crate) text: String,
    /// How it was written.
    pub(crate) style: Style,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Bare: the only one that may mean a number, a truth or nothing.
    Plain,
    /// In quotes.
    Quoted,
    /// `|`: its lines are the file's lines.
    Literal,
    /// `>`.
    Folded,
}

impl Node {
    /// The scalar that this is.
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Whether nothing was written, or `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.value().is_null())
    }

    /// The word for what this is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) => match scalar.value() {
                Value::Null => "nothing",
                Value::Bool(_) => "a truth",
                Value::Number(_) => "a number",
                Value::String(_) | Value::Array(_) | Value::Object(_) => "a text",
            },
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The place in the file of a place in this scalar's text, as far as the way of writing it tells.
    pub(crate) fn position_of(&self, line_in_text: usize, column_in_text: usize) -> Position {
        let Some(scalar) = self.scalar() else { return self.at };
        let one_line = !scalar.text.contains('\n');
        match scalar.style {
            Style::Plain if one_line => {
                Position { line: self.at.line, column: self.at.column + column_in_text - 1 }
            }
            Style::Quoted if one_line => {
                Position { line: self.at.line, column: self.at.column + column_in_text }
            }
            Style::Literal => Position {
                line: self.at.line + line_in_text - 1,
                column: self.at.column + column_in_text - 1,
            },
            Style::Plain | Style::Quoted | Style::Folded => self.at,
        }
    }
}

impl Scalar {
    /// What the text means: YAML 1.2's core schema, in decimal only (`0x1F` and `0o17` stay texts).
    pub(crate) fn value(&self) -> Value {
        if self.style != Style::Plain {
            return Value::String(self.text.clone());
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            text => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        }
    }
}

/// Reads a number. A leading zero or plus keeps a text: these are mostly telephone numbers and codes.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let starts_with_digit = digits.starts_with(|c: char| c.is_ascii_digit());
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if !starts_with_digit || leading_zero || !text.is_ascii() {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let float_like =
        text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    if !float_like {
        return None;
    }
    text.parse::<f64>().ok().map(round).and_then(Number::from_f64)
}

/// Why a text is refused as a whole.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) at: Position,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// Reads a text of one YAML document; an empty one gives `None`.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Refusal> {
    if text.len() > FILE_BYTES_MAX {
        let message =
            format!("the file has {} bytes, and at most {FILE_BYTES_MAX} are read", text.len());
        return Err(Refusal { at: Position::START, code: "file_too_long", message });
    }
    let mut tree = Tree::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(step) = parser.next_event() {
        let (event, span) = step.map_err(|error| Refusal {
            at: Position::of(error.marker()),
            code: "not_yaml",
            message: format!("this is not YAML: {}", error.info()),
        })?;
        tree.take(event, span)?;
    }
    Ok(tree.root)
}

/// The tree as it grows. What is open is kept in a list, so that depth costs no stack.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    nodes: usize,
    documents: usize,
}

struct Open {
    at: Position,
    growing: Growing,
}

enum Growing {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, keys: HashSet<String>, key: Option<(String, Position)> },
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Refusal> {
        let at = Position::of(&span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(refusal(
                        at,
                        "many_documents",
                        "a file holds one document; put the second into a file",
                    ));
                }
                Ok(())
            }
            Event::Alias(_) => Err(no_aliases(at)),
            Event::Scalar(text, style, anchor, tag) => {
                refuse_marks(anchor, tag.is_some(), at)?;
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                self.add(Node { kind: Kind::Scalar(Scalar { text: text.into_owned(), style }), at })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_marks(anchor, tag.is_some(), at)?;
                self.begin(at, Growing::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                refuse_marks(anchor, tag.is_some(), at)?;
                self.begin(
                    at,
                    Growing::Map { entries: Vec::new(), keys: HashSet::new(), key: None },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { at, growing: Growing::List(items) }) => {
                    self.add(Node { kind: Kind::List(items), at })
                }
                Some(Open { at, growing: Growing::Map { entries, .. } }) => {
                    self.add(Node { kind: Kind::Map(entries), at })
                }
                None => Ok(()),
            },
        }
    }

    fn begin(&mut self, at: Position, growing: Growing) -> Result<(), Refusal> {
        let is_key =
            matches!(self.open.last(), Some(Open { growing: Growing::Map { key: None, .. }, .. }));
        if is_key {
            return Err(refusal(at, "key_not_text", "a key is a text, not a list or a mapping"));
        }
        if self.open.len() >= DEPTH_MAX {
            let message = format!("lists and mappings nest deeper than {DEPTH_MAX}");
            return Err(Refusal { at, code: "too_deep", message });
        }
        self.open.push(Open { at, growing });
        Ok(())
    }

    fn add(&mut self, node: Node) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the file has more than {NODES_MAX} values");
            return Err(Refusal { at: node.at, code: "file_too_long", message });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.growing {
            Growing::List(items) => items.push(node),
            Growing::Map { entries, keys, key } => match key.take() {
                Some((name, at)) => entries.push(Entry { key: name, at, value: node }),
                None => {
                    let Kind::Scalar(scalar) = node.kind else {
                        return Err(refusal(
                            node.at,
                            "key_not_text",
                            "a key is a text, not a list or a mapping",
                        ));
                    };
                    if !keys.insert(scalar.text.clone()) {
                        let message = format!("the key {:?} stands here twice", scalar.text);
                        return Err(Refusal { at: node.at, code: "duplicate_key", message });
                    }
                    *key = Some((scalar.text, node.at));
                }
            },
        }
        Ok(())
    }
}

fn refuse_marks(anchor: usize, tagged: bool, at: Position) -> Result<(), Refusal> {
    if anchor != 0 {
        return Err(no_aliases(at));
    }
    if tagged {
        return Err(refusal(
            at,
            "no_tags",
            "tags as !!str are not read; put a text into quotes instead",
        ));
    }
    Ok(())
}

fn no_aliases(at: Position) -> Refusal {
    refusal(
        at,
        "no_aliases",
        "anchors and aliases (& and *) are not read; use `call`, or put the text into quotes",
    )
}

fn refusal(at: Position, code: &'static str, message: &str) -> Refusal {
    Refusal { at, code, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(node: &Node, out: &mut Vec<String>) {
        match &node.kind {
            Kind::Scalar(scalar) => {
                out.push(format!(
                    "{}:{} {:?} {}",
                    node.at.line,
                    node.at.column,
                    scalar.style,
                    scalar.value()
                ));
            }
            Kind::List(items) => items.iter().for_each(|item| places(item, out)),
            Kind::Map(entries) => entries.iter().for_each(|entry| {
                out.push(format!("{}:{} {}:", entry.at.line, entry.at.column, entry.key));
                places(&entry.value, out);
            }),
        }
    }

    #[test]
    fn every_node_knows_its_place_and_its_style() {
        let node = parse("a: [1, 'two', 007]\nb: |\n  line one\n  line two\nc:\n")
            .expect("YAML")
            .expect("a node");
        let mut out = Vec::new();
        places(&node, &mut out);
        insta::assert_snapshot!(out.join("\n"), @r#"
        1:1 a:
        1:5 Plain 1
        1:8 Quoted "two"
        1:15 Plain "007"
        2:1 b:
        3:3 Literal "line one\nline two\n"
        5:1 c:
        5:2 Plain null
        "#);
    }

    #[test]
    fn what_could_hurt_is_refused() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        let long = "x".repeat(FILE_BYTES_MAX + 1);
        let bomb = "a: &a [x, x]\nb: [*a, *a]\n";
        let codes = [
            deep.as_str(),
            &long,
            bomb,
            "a: 1\na: 2\n",
            "? [a]\n: b\n",
            "a: 1\n---\nb: 2\n",
            "a: !!str 1\n",
            "a: [",
        ]
        .map(|text| parse(text).expect_err("refused").code);
        assert_eq!(
            codes,
            [
                "too_deep",
                "file_too_long",
                "no_aliases",
                "duplicate_key",
                "key_not_text",
                "many_documents",
                "no_tags",
                "not_yaml"
            ]
        );
    }
}
