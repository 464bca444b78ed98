//! Expressions of Twig, written for Tidings.

use super::{Kind, Names, Piece, filters, functions, operators, tests};
use crate::twig::{Argument, Expression, Untranslatable};

/// Writes expressions.
pub(crate) struct Writer<'n> {
    pub(crate) names: &'n mut dyn Names,
    /// Names that the template itself gives (by `for` and `set`), innermost last, and what they are called now.
    pub(crate) locals: Vec<(String, Piece)>,
}

pub(crate) type Written = Result<Piece, Untranslatable>;

impl<'n> Writer<'n> {
    pub(crate) fn new(names: &'n mut dyn Names) -> Self {
        Self { names, locals: Vec::new() }
    }

    /// A value, which may not be longer than a template: some operators write what they compare twice.
    pub(crate) fn value(&mut self, expression: &Expression) -> Written {
        let piece = self.piece(expression)?;
        super::limits::fits(piece.as_str())?;
        Ok(piece)
    }

    fn piece(&mut self, expression: &Expression) -> Written {
        Ok(match expression {
            Expression::Name(name) => self.name(name),
            Expression::Text(text) => Piece::literal(text),
            Expression::Number(number) => {
                let trimmed = number.trim_start_matches('0');
                let digits = if trimmed.is_empty() || trimmed.starts_with('.') {
                    format!("0{trimmed}")
                } else {
                    trimmed.to_owned()
                };
                Piece::chain(digits, Kind::Number)
            }
            Expression::Truth(truth) => Piece::chain(truth.to_string(), Kind::Truth),
            Expression::Nothing => Piece::chain("none", Kind::Unknown),
            Expression::List(items) => {
                let items = self.all(items)?;
                Piece::chain(format!("[{}]", items.join(", ")), Kind::List)
            }
            Expression::Map(entries) => {
                let mut written = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = match fixed(Some(key)) {
                        Some(text) => super::quoted(text),
                        None => self.value(key)?.alone(),
                    };
                    written.push(format!("{key}: {}", self.value(value)?.operand()));
                }
                Piece::chain(format!("{{{}}}", written.join(", ")), Kind::Map)
            }
            Expression::Attribute(of, name) => match self.told_member(of, name) {
                Some(piece) => piece,
                None => self.value(of)?.member(name),
            },
            Expression::Item(of, key) => {
                if let Expression::Text(name) = &**key {
                    return Ok(self.value(of)?.member(name));
                }
                let key = self.value(key)?;
                self.value(of)?.item(&key)
            }
            Expression::Slice(of, from, length) => {
                let of = self.value(of)?;
                let from = match from {
                    Some(from) => self.value(from)?.alone(),
                    None => "0".to_owned(),
                };
                let part = match length {
                    Some(length) => format!("part({from}, {})", self.value(length)?.as_str()),
                    None => format!("part({from})"),
                };
                of.filtered(part, of.kind)
            }
            Expression::Call(name, arguments) => functions::call(self, name, arguments)?,
            Expression::Filter(of, name, arguments) => filters::filter(self, of, name, arguments)?,
            Expression::Test { value, name, arguments, negated } => {
                tests::test(self, value, name, arguments, *negated)?
            }
            Expression::Not(of) => self.value(of)?.not(),
            Expression::Minus(of) => {
                let of = self.value(of)?;
                if of.kind == Kind::Number {
                    return Ok(Piece::chain(format!("-{}", bracketed(&of)), Kind::Number));
                }
                let of = operators::number(of, false);
                // A whole number is written without a fraction, as in PHP.
                Piece::chain(format!("[-{}] | stats('sum')", bracketed(&of)), Kind::Number)
            }
            Expression::Binary(sign, left, right) => operators::binary(self, sign, left, right)?,
            Expression::Choice(condition, holds, otherwise) => {
                self.choice(condition, holds, otherwise)?
            }
            Expression::Arrow => {
                return Err(Untranslatable::new("arrow functions have no counterpart"));
            }
        })
    }

    fn choice(
        &mut self,
        condition: &Expression,
        holds: &Expression,
        otherwise: &Expression,
    ) -> Written {
        let (first, last) = (self.value(condition)?, self.value(otherwise)?);
        if condition == holds {
            let kind = if first.kind == last.kind { first.kind } else { Kind::Unknown };
            return Ok(Piece::loose(format!("{} or {}", first.operand(), last.operand()), kind));
        }
        let holds = self.value(holds)?;
        let kind = if holds.kind == last.kind { holds.kind } else { Kind::Unknown };
        let text = format!("{} if {} else {}", holds.operand(), first.operand(), last.operand());
        Ok(Piece::loose(text, kind))
    }

    fn name(&mut self, name: &str) -> Piece {
        if let Some((_, local)) = self.locals.iter().rev().find(|(known, _)| known == name) {
            return local.clone();
        }
        self.names.placeholder(name)
    }

    /// A member that has a counterpart of its own, of a placeholder that has none.
    fn told_member(&mut self, of: &Expression, member: &str) -> Option<Piece> {
        let Expression::Name(name) = of else { return None };
        let is_local = self.locals.iter().any(|(known, _)| known == name);
        if is_local { None } else { self.names.member(name, member) }
    }

    pub(crate) fn all(
        &mut self,
        expressions: &[Expression],
    ) -> Result<Vec<String>, Untranslatable> {
        expressions
            .iter()
            .map(|expression| self.value(expression).map(|piece| piece.operand()))
            .collect()
    }

    /// The arguments in their places.
    pub(crate) fn in_places<'a>(
        &self,
        of: &str,
        arguments: &'a [Argument],
        names: &[&str],
    ) -> Result<Vec<Option<&'a Expression>>, Untranslatable> {
        let mut places: Vec<Option<&Expression>> = vec![None; names.len()];
        for (index, argument) in arguments.iter().enumerate() {
            let place = match &argument.name {
                Some(name) => {
                    let plain = name.replace('_', "").to_lowercase();
                    names.iter().position(|known| known.replace('_', "") == plain)
                }
                None => Some(index),
            };
            match place.and_then(|place| places.get_mut(place)) {
                Some(place) => *place = Some(&argument.value),
                None => {
                    return Err(Untranslatable::new(format!("an argument of `{of}` is unknown")));
                }
            }
        }
        Ok(places)
    }

    /// The arguments as they are written, one after the other.
    pub(crate) fn written(
        &mut self,
        arguments: &[Argument],
    ) -> Result<Vec<String>, Untranslatable> {
        arguments.iter().map(|argument| self.value(&argument.value).map(Piece::alone)).collect()
    }
}

/// With brackets around it, unless it is a bare number: a filter would take the sign with it.
fn bracketed(piece: &Piece) -> String {
    let written = piece.as_str();
    let is_bare = written.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
    if is_bare { written.to_owned() } else { format!("({written})") }
}

/// The text of a fixed expression.
pub(crate) fn fixed(expression: Option<&Expression>) -> Option<&str> {
    match expression {
        Some(Expression::Text(text) | Expression::Number(text)) => Some(text),
        Some(_) | None => None,
    }
}
