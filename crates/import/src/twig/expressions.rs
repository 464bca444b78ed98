//! Values of Twig: its operators with their precedence, as its own parser has them. Called by `parser`.

use super::lexer::{Word, Woven};
use super::tree::{Argument, Expression};
use super::{Untranslatable, tree};

/// How deep values may nest: more is made to hurt.
const DEPTH_MAX: usize = 48;

/// The binary operators, with how tightly they bind.
const BINARY: [(&str, u16); 27] = [
    ("or", 10),
    ("xor", 12),
    ("and", 15),
    ("b-or", 16),
    ("b-xor", 17),
    ("b-and", 18),
    ("==", 20),
    ("!=", 20),
    ("<=>", 20),
    ("<", 20),
    (">", 20),
    (">=", 20),
    ("<=", 20),
    ("not in", 20),
    ("in", 20),
    ("matches", 20),
    ("starts with", 20),
    ("ends with", 20),
    ("..", 25),
    ("+", 30),
    ("-", 30),
    ("~", 40),
    ("*", 60),
    ("/", 60),
    ("//", 60),
    ("%", 60),
    ("**", 200),
];

/// How many operators, names and filters one piece of code may have: each stands within the next one, and no template of
/// ours has as many.
const LINKS_MAX: usize = 300;

/// How tightly `??` binds, `is`, `not`, and a sign.
const COALESCE: u16 = 300;
const IS: u16 = 100;
const NOT: u16 = 50;
const SIGN: u16 = 500;

/// Tests of two words.
const LONG_TESTS: [&str; 3] = ["same as", "divisible by", "record type"];

/// Reads values from words.
pub(super) struct Reader<'w> {
    words: &'w [Word],
    at: usize,
    depth: usize,
    /// How many operators, names and filters hang on values.
    links: usize,
}

type Read<T> = Result<T, Untranslatable>;

impl<'w> Reader<'w> {
    pub(super) fn new(words: &'w [Word]) -> Self {
        Self { words, at: 0, depth: 0, links: 0 }
    }

    pub(super) fn peek(&self) -> Option<&'w Word> {
        self.words.get(self.at)
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.words.len()
    }

    fn next(&mut self) -> Option<&'w Word> {
        let word = self.words.get(self.at);
        self.at += 1;
        word
    }

    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Word::Sign(known)) if *known == sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn word(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Word::Name(known)) if known == name);
        self.at += usize::from(found);
        found
    }

    pub(super) fn name(&mut self) -> Read<String> {
        match self.next() {
            Some(Word::Name(name)) => Ok(name.clone()),
            other => Err(unexpected(other, "a name")),
        }
    }

    fn expect(&mut self, sign: &str) -> Read<()> {
        if self.sign(sign) {
            return Ok(());
        }
        Err(unexpected(self.peek(), &format!("`{sign}`")))
    }

    /// A value with all its operators.
    pub(super) fn expression(&mut self) -> Read<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Untranslatable::new(format!("a value nests deeper than {DEPTH_MAX}")));
        }
        let read = self.choice();
        self.depth -= 1;
        read
    }

    /// Counts what makes a value of a value.
    fn link(&mut self) -> Read<()> {
        self.links += 1;
        let message = || format!("a piece of code has more than {LINKS_MAX} operators and filters");
        (self.links <= LINKS_MAX).then_some(()).ok_or_else(|| Untranslatable::new(message()))
    }

    fn choice(&mut self) -> Read<Expression> {
        if self.is_arrow() {
            return self.arrow();
        }
        let mut condition = self.binary(0)?;
        loop {
            if self.sign("?:") {
                self.link()?;
                let otherwise = self.expression()?;
                condition = Expression::Choice(
                    Box::new(condition.clone()),
                    Box::new(condition),
                    Box::new(otherwise),
                );
            } else if self.sign("?") {
                self.link()?;
                let holds = self.expression()?;
                let otherwise = if self.sign(":") {
                    self.expression()?
                } else {
                    Expression::Text(String::new())
                };
                condition =
                    Expression::Choice(Box::new(condition), Box::new(holds), Box::new(otherwise));
            } else {
                return Ok(condition);
            }
        }
    }

    fn is_arrow(&self) -> bool {
        let arrow = |at: usize| matches!(self.words.get(at), Some(Word::Sign("=>")));
        match self.peek() {
            Some(Word::Name(_)) => arrow(self.at + 1),
            Some(Word::Sign("(")) => {
                let rest = self.words.iter().skip(self.at);
                let close = rest.take_while(|word| !matches!(word, Word::Sign(")"))).count();
                arrow(self.at + close + 1)
            }
            Some(_) | None => false,
        }
    }

    fn arrow(&mut self) -> Read<Expression> {
        while !self.sign("=>") {
            if self.next().is_none() {
                return Err(Untranslatable::new("an arrow function has no body"));
            }
        }
        self.expression()?;
        Ok(Expression::Arrow)
    }

    /// The binary operator that stands here: its name, how tightly it binds, and of how many words it is.
    fn operator(&self) -> Option<(&'static str, u16, usize)> {
        let of = |name: &str| BINARY.into_iter().find(|(known, _)| *known == name);
        let second = |wanted: &str| matches!(self.words.get(self.at + 1), Some(Word::Name(name)) if name == wanted);
        match self.peek()? {
            Word::Sign("??") => Some(("??", COALESCE, 1)),
            Word::Sign(sign) => of(sign).map(|(name, binds)| (name, binds, 1)),
            Word::Name(name) if name == "not" && second("in") => Some(("not in", 20, 2)),
            Word::Name(name) if name == "is" => Some(("is", IS, 1)),
            Word::Name(name) if (name == "starts" || name == "ends") && second("with") => {
                of(&format!("{name} with")).map(|(name, binds)| (name, binds, 2))
            }
            Word::Name(name) if name == "b" => None,
            Word::Name(name) => of(name).map(|(name, binds)| (name, binds, 1)),
            Word::Number(_) | Word::Text(_) | Word::Woven(_) => None,
        }
    }

    fn binary(&mut self, least: u16) -> Read<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Untranslatable::new(format!("a value nests deeper than {DEPTH_MAX}")));
        }
        let mut left = self.unary()?;
        while let Some((name, binds, words)) = self.operator() {
            if binds < least {
                break;
            }
            self.link()?;
            self.at += words;
            if name == "is" {
                left = self.test(left)?;
                continue;
            }
            let right_first = matches!(name, "**" | "??");
            let right = self.binary(if right_first { binds } else { binds + 1 })?;
            left = Expression::Binary(name, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn test(&mut self, value: Expression) -> Read<Expression> {
        let negated = self.word("not");
        let mut name = self.name()?;
        if let Some(Word::Name(second)) = self.peek() {
            let long = format!("{name} {second}");
            if LONG_TESTS.contains(&long.as_str()) {
                self.at += 1;
                name = long;
            }
        }
        let arguments = if matches!(self.peek(), Some(Word::Sign("("))) {
            self.arguments()?
        } else {
            Vec::new()
        };
        Ok(Expression::Test { value: Box::new(value), name, arguments, negated })
    }

    fn unary(&mut self) -> Read<Expression> {
        if self.word("not") {
            return Ok(Expression::Not(Box::new(self.binary(NOT)?)));
        }
        if self.sign("-") {
            return Ok(Expression::Minus(Box::new(self.binary(SIGN)?)));
        }
        if self.sign("+") {
            return self.binary(SIGN);
        }
        let first = self.primary()?;
        self.behind(first)
    }

    fn primary(&mut self) -> Read<Expression> {
        match self.next() {
            Some(Word::Name(name)) => match name.as_str() {
                "true" | "TRUE" | "True" => Ok(Expression::Truth(true)),
                "false" | "FALSE" | "False" => Ok(Expression::Truth(false)),
                "null" | "NULL" | "none" | "None" => Ok(Expression::Nothing),
                _ if matches!(self.peek(), Some(Word::Sign("("))) => {
                    Ok(Expression::Call(name.clone(), self.arguments()?))
                }
                _ => Ok(Expression::Name(name.clone())),
            },
            Some(Word::Number(number)) => Ok(Expression::Number(number.clone())),
            Some(Word::Text(text)) => Ok(Expression::Text(text.clone())),
            Some(Word::Woven(pieces)) => woven(pieces),
            Some(Word::Sign("(")) => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Word::Sign("[")) => self.list(),
            Some(Word::Sign("{")) => self.map(),
            other => Err(unexpected(other, "a value")),
        }
    }

    fn list(&mut self) -> Read<Expression> {
        let mut items = Vec::new();
        while !self.sign("]") {
            items.push(self.expression()?);
            if !self.sign(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Expression::List(items))
    }

    fn map(&mut self) -> Read<Expression> {
        let mut entries = Vec::new();
        while !self.sign("}") {
            let key = match self.next() {
                Some(Word::Name(name) | Word::Text(name) | Word::Number(name)) => {
                    Expression::Text(name.clone())
                }
                Some(Word::Sign("(")) => {
                    let key = self.expression()?;
                    self.expect(")")?;
                    key
                }
                other => return Err(unexpected(other, "a key")),
            };
            // `{a}` is short for `{a: a}`.
            let value = match (&key, self.sign(":")) {
                (_, true) => self.expression()?,
                (Expression::Text(name), false) => Expression::Name(name.clone()),
                (_, false) => return Err(unexpected(self.peek(), "`:`")),
            };
            entries.push((key, value));
            if !self.sign(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expression::Map(entries))
    }

    /// What hangs on a value: `.a`, `[b]`, `|c`.
    fn behind(&mut self, first: Expression) -> Read<Expression> {
        let mut value = first;
        loop {
            if self.sign(".") {
                let name = match self.next() {
                    Some(Word::Name(name) | Word::Number(name)) => name.clone(),
                    other => return Err(unexpected(other, "a name")),
                };
                if matches!(self.peek(), Some(Word::Sign("("))) {
                    return Err(Untranslatable::new(format!("`.{name}()` calls into an object")));
                }
                // `a.0.1` is read as the number 0.1.
                for part in name.split('.') {
                    self.link()?;
                    value = Expression::Attribute(Box::new(value), part.to_owned());
                }
            } else if self.sign("[") {
                self.link()?;
                value = self.item(value)?;
            } else if self.sign("|") {
                self.link()?;
                let name = self.name()?;
                let arguments = if matches!(self.peek(), Some(Word::Sign("("))) {
                    self.arguments()?
                } else {
                    Vec::new()
                };
                value = Expression::Filter(Box::new(value), name, arguments);
            } else {
                return Ok(value);
            }
        }
    }

    fn item(&mut self, value: Expression) -> Read<Expression> {
        let from = if matches!(self.peek(), Some(Word::Sign(":"))) {
            None
        } else {
            Some(Box::new(self.expression()?))
        };
        if self.sign(":") {
            let length = if matches!(self.peek(), Some(Word::Sign("]"))) {
                None
            } else {
                Some(Box::new(self.expression()?))
            };
            self.expect("]")?;
            return Ok(Expression::Slice(Box::new(value), from, length));
        }
        self.expect("]")?;
        let from = from.ok_or_else(|| Untranslatable::new("`[]` is empty"))?;
        Ok(Expression::Item(Box::new(value), from))
    }

    pub(super) fn arguments(&mut self) -> Read<Vec<Argument>> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.sign(")") {
            let name = match (self.peek(), self.words.get(self.at + 1)) {
                (Some(Word::Name(name)), Some(Word::Sign("=" | ":"))) => {
                    self.at += 2;
                    Some(name.clone())
                }
                _ => None,
            };
            let value = self.expression()?;
            arguments.push(tree::Argument { name, value });
            if !self.sign(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(arguments)
    }
}

fn woven(pieces: &[Woven]) -> Read<Expression> {
    let mut whole: Option<Expression> = None;
    for piece in pieces {
        let part = match piece {
            Woven::Text(text) if text.is_empty() => continue,
            Woven::Text(text) => Expression::Text(text.clone()),
            Woven::Code(words) => Reader::new(words).expression()?,
        };
        whole = Some(match whole {
            Some(before) => Expression::Binary("~", Box::new(before), Box::new(part)),
            None => part,
        });
    }
    Ok(whole.unwrap_or(Expression::Text(String::new())))
}

fn unexpected(word: Option<&Word>, wanted: &str) -> Untranslatable {
    let found = match word {
        None => "the end".to_owned(),
        Some(Word::Name(text) | Word::Number(text)) => format!("`{text}`"),
        Some(Word::Sign(text)) => format!("`{text}`"),
        Some(Word::Text(_) | Word::Woven(_)) => "a text".to_owned(),
    };
    Untranslatable::new(format!("there is {found} where {wanted} should be"))
}
