//! Writes an expression as it would be written by hand: what is written reads back as the same expression.

use std::fmt::{self, Write};

use super::{Comparison, Expression, Literal, Node, Question, Test};

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_node(f, &self.top, Binds::Or)
    }
}

/// How much binds what stands around: what binds less than that needs brackets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binds {
    Or,
    And,
    Not,
}

fn write_node(f: &mut fmt::Formatter<'_>, node: &Node, around: Binds) -> fmt::Result {
    let (nodes, word, own) = match node {
        Node::Or(nodes) => (nodes, " or ", Binds::Or),
        Node::And(nodes) => (nodes, " and ", Binds::And),
        Node::Not(inner) => return write_not(f, inner),
        Node::Test(test) => return write_test(f, test, false),
    };
    // Of two in a row that bind the same, the inner one was in brackets.
    let brackets = around > own;
    let inner = if own == Binds::Or { Binds::And } else { Binds::Not };
    if brackets {
        f.write_char('(')?;
    }
    for (place, node) in nodes.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        write_node(f, node, inner)?;
    }
    if brackets {
        f.write_char(')')?;
    }
    Ok(())
}

fn write_not(f: &mut fmt::Formatter<'_>, inner: &Node) -> fmt::Result {
    if let Node::Test(test) = inner {
        match &test.question {
            Question::Compare(Comparison::Equal, _)
            | Question::In(_)
            | Question::Contains(_)
            | Question::StartsWith(_)
            | Question::EndsWith(_) => return write_test(f, test, true),
            Question::Exists | Question::IsTrue | Question::Compare(_, _) => {}
        }
    }
    f.write_str("not ")?;
    write_node(f, inner, Binds::Not)
}

/// `opposite` only for those that have a way to write it.
fn write_test(f: &mut fmt::Formatter<'_>, test: &Test, opposite: bool) -> fmt::Result {
    let field = &test.field.field;
    let not = if opposite { "not " } else { "" };
    match &test.question {
        Question::Exists => write!(f, "exists({field})"),
        Question::IsTrue => write!(f, "{field}"),
        Question::Compare(comparison, literal) => {
            let sign = match comparison {
                Comparison::Equal if opposite => "!=",
                Comparison::Equal => "==",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            write!(f, "{field} {sign} ")?;
            write_literal(f, literal)
        }
        Question::In(literals) => {
            write!(f, "{field} {not}in [")?;
            for (place, literal) in literals.iter().enumerate() {
                if place > 0 {
                    f.write_str(", ")?;
                }
                write_literal(f, literal)?;
            }
            f.write_char(']')
        }
        Question::Contains(literal) => {
            write!(f, "{field} {not}contains ")?;
            write_literal(f, literal)
        }
        Question::StartsWith(text) => {
            write!(f, "{field} {not}starts_with ")?;
            write_text(f, text)
        }
        Question::EndsWith(text) => {
            write!(f, "{field} {not}ends_with ")?;
            write_text(f, text)
        }
    }
}

fn write_literal(f: &mut fmt::Formatter<'_>, literal: &Literal) -> fmt::Result {
    match literal {
        Literal::Number(number) => write!(f, "{number}"),
        Literal::Text(text) => write_text(f, text),
        Literal::Bool(flag) => write!(f, "{flag}"),
        Literal::Time(time) => write!(f, "time(\"{time}\")"),
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}
