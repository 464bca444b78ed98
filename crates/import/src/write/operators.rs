//! Operators of Twig, which compares and reckons as PHP does: a text that is a number counts as one.
//!
//! Where one side is known to be a number, the other is read as one; where both are unknown, they are compared as they
//! are. What is empty equals the empty text.

use super::{Kind, Piece, Writer, patterns, quoted};
use crate::twig::{Expression, Untranslatable};
use crate::write::values::Written;

pub(super) fn binary(
    writer: &mut Writer<'_>,
    sign: &str,
    left: &Expression,
    right: &Expression,
) -> Written {
    if sign == "matches" {
        let Expression::Text(pattern) = right else {
            return Err(Untranslatable::new("`matches` with a pattern that is not fixed"));
        };
        let pattern = patterns::translated(pattern)?;
        return Ok(writer.value(left)?.tested(format_args!("matching({})", quoted(&pattern))));
    }
    if matches!(sign, "==" | "!=") {
        return equal(writer, sign == "!=", left, right);
    }
    let (a, b) = (writer.value(left)?, writer.value(right)?);
    let joined = |sign: &str, a: &Piece, b: &Piece, kind| {
        Piece::loose(format!("{} {sign} {}", a.operand(), b.operand()), kind)
    };
    Ok(match sign {
        "and" | "or" => joined(sign, &a, &b, Kind::Truth),
        "xor" => joined(
            "!=",
            &a.filtered("bool", Kind::Truth),
            &b.filtered("bool", Kind::Truth),
            Kind::Truth,
        ),
        "~" => joined("~", &a, &b, Kind::Text),
        "in" | "not in" => joined(sign, &a, &b, Kind::Truth),
        "starts with" => a.tested(format_args!("startingwith({})", b.as_str())),
        "ends with" => a.tested(format_args!("endingwith({})", b.as_str())),
        "<" | ">" | "<=" | ">=" => {
            let (a, b) = alike(a, b);
            joined(sign, &a, &b, Kind::Truth)
        }
        "+" | "-" | "*" | "/" | "//" | "%" | "**" => {
            let whole = is_whole(left) || is_whole(right);
            let whole = whole && matches!(sign, "+" | "-" | "%" | "//");
            let is_exact = whole || a.kind == Kind::Number && b.kind == Kind::Number;
            let reckoned = joined(sign, &number(a, whole), &number(b, whole), Kind::Number);
            if is_exact && sign != "/" {
                return Ok(reckoned);
            }
            // A whole number is written without a fraction, as in PHP.
            Piece::chain(format!("[{}] | stats('sum')", reckoned.as_str()), Kind::Number)
        }
        ".." => super::functions::range(&number(a, true), &number(b, true), right),
        "??" => {
            let text = format!(
                "{} if {} is undefined or {} is none else {}",
                b.operand(),
                a.operand(),
                a.operand(),
                a.operand()
            );
            Piece::loose(text, if a.kind == b.kind { a.kind } else { Kind::Unknown })
        }
        other => {
            return Err(Untranslatable::new(format!("the operator `{other}` has no counterpart")));
        }
    })
}

fn is_whole(expression: &Expression) -> bool {
    matches!(expression, Expression::Number(number) if !number.contains('.'))
}

/// The value as a number, as far as it is not known to be one.
pub(super) fn number(piece: Piece, whole: bool) -> Piece {
    match piece.kind {
        Kind::Number => piece,
        Kind::Time => piece.filtered("timestamp", Kind::Number),
        Kind::Unknown | Kind::Text | Kind::Truth | Kind::List | Kind::Map if whole => {
            piece.filtered("int(0)", Kind::Number)
        }
        Kind::Unknown | Kind::Text | Kind::Truth | Kind::List | Kind::Map => {
            piece.filtered("float(0)", Kind::Number)
        }
    }
}

/// Both as numbers, or both as points in time, where one of them is.
fn alike(a: Piece, b: Piece) -> (Piece, Piece) {
    if a.kind == Kind::Time || b.kind == Kind::Time {
        let time = |piece: Piece| match piece.kind {
            Kind::Number => piece,
            Kind::Unknown | Kind::Text | Kind::Truth | Kind::List | Kind::Map | Kind::Time => {
                piece.filtered("timestamp", Kind::Number)
            }
        };
        return (time(a), time(b));
    }
    if a.kind == Kind::Number || b.kind == Kind::Number {
        return (number(a, false), number(b, false));
    }
    (a, b)
}

fn equal(writer: &mut Writer<'_>, differs: bool, left: &Expression, right: &Expression) -> Written {
    let (value, fixed) = match (left, right) {
        (_, Expression::Text(_) | Expression::Truth(_) | Expression::Nothing) => {
            (left, Some(right))
        }
        (Expression::Text(_) | Expression::Truth(_) | Expression::Nothing, _) => {
            (right, Some(left))
        }
        (_, _) => (left, None),
    };
    let holds = match fixed {
        Some(Expression::Nothing) => {
            let value = writer.value(value)?;
            Piece::loose(
                format!("{} is undefined or {} is none", value.operand(), value.operand()),
                Kind::Truth,
            )
        }
        Some(Expression::Truth(wanted)) => {
            let value = writer.value(value)?;
            if *wanted { value.filtered("bool", Kind::Truth) } else { value.not() }
        }
        Some(Expression::Text(text)) => return equal_text(writer, differs, value, text),
        _ => {
            let (a, b) = alike(writer.value(left)?, writer.value(right)?);
            return Ok(Piece::compared(&a.operand(), differs, &b.operand()));
        }
    };
    Ok(if differs { holds.not() } else { holds })
}

fn equal_text(writer: &mut Writer<'_>, differs: bool, value: &Expression, text: &str) -> Written {
    let value = writer.value(value)?;
    let is_number = text.parse::<f64>().is_ok() && text.ends_with(|c: char| c.is_ascii_digit());
    if text.is_empty() {
        return Ok(value.tested(if differs { "not empty" } else { "empty" }));
    }
    if is_number && value.kind == Kind::Number {
        return Ok(Piece::compared(&value.operand(), differs, text));
    }
    let value = if is_number && value.kind != Kind::Text {
        value.filtered("string", Kind::Text)
    } else {
        value
    };
    Ok(Piece::compared(&value.operand(), differs, &quoted(text)))
}
