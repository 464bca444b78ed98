//! Tests of Twig and of Cerb: what stands behind `is`.

use super::values::{Written, fixed};
use super::{Kind, Piece, Writer, quoted};
use crate::records;
use crate::twig::{Argument, Expression, Untranslatable};

pub(super) fn test(
    writer: &mut Writer<'_>,
    value: &Expression,
    name: &str,
    arguments: &[Argument],
    negated: bool,
) -> Written {
    let piece = writer.value(value)?;
    let not = if negated { "not " } else { "" };
    let first = arguments.first().map(|argument| &argument.value);
    Ok(match name {
        "empty" | "defined" | "even" | "odd" | "iterable" | "numeric" => {
            piece.tested(format_args!("{not}{name}"))
        }
        "null" | "none" => {
            let is_nothing =
                format!("{} is undefined or {} is none", piece.operand(), piece.operand());
            let holds = Piece::loose(is_nothing, Kind::Truth);
            if negated { holds.not() } else { holds }
        }
        "same as" | "sameas" => {
            let other = first.map(|other| writer.value(other)).transpose()?;
            let other = other.ok_or_else(|| Untranslatable::new("`same as` needs a value"))?;
            let sign = if negated { "!=" } else { "==" };
            Piece::loose(format!("{} {sign} {}", piece.operand(), other.operand()), Kind::Truth)
        }
        "divisible by" | "divisibleby" | "pattern" | "prefixed" | "suffixed" => {
            let arguments = writer.written(arguments)?.join(", ");
            let word = match name {
                "pattern" => "like",
                "prefixed" => "startingwith",
                "suffixed" => "endingwith",
                _ => "divisibleby",
            };
            let piece =
                if word == "divisibleby" { super::operators::number(piece, true) } else { piece };
            piece.tested(format_args!("{not}{word}({arguments})"))
        }
        "record type" => {
            let mut types = Vec::new();
            for argument in arguments {
                let name = fixed(Some(&argument.value)).ok_or_else(|| {
                    Untranslatable::new("`record type` with a type that is not fixed")
                })?;
                types.push(quoted(&records::type_name(name)));
            }
            Piece::loose(format!("{} {not}in [{}]", piece.operand(), types.join(", ")), Kind::Truth)
        }
        other => return Err(Untranslatable::new(format!("the test `{other}` has no counterpart"))),
    })
}
