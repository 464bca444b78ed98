//! Puts words together to an expression, by recursive descent. Called by `Expression::parse`.

use super::field::Field;
use super::word::{Word, WordKind, error, words};
use super::{
    Comparison, EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_PARTS_MAX, ExpressionError,
    LIST_VALUES_MAX, Literal, Node, Place, Question, Test,
};
use crate::catalogue::most_like;

/// What a question may be written with.
const QUESTIONS: &str = "== != < <= > >= in contains starts_with ends_with";

/// The words that are no fields.
const KEYWORDS: [&str; 9] =
    ["and", "or", "not", "in", "contains", "starts_with", "ends_with", "true", "false"];

type Parsed<T> = Result<T, ExpressionError>;

pub(super) fn parse(text: &str) -> Parsed<Node> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes");
        return Err(error(1, message, None));
    }
    let end = text.trim_end().chars().count() + 1;
    let mut reader = Reader { words: words(text)?, next: 0, end, depth: 0, parts: 0 };
    let top = reader.any_of()?;
    match reader.words.get(reader.next) {
        None => Ok(top),
        Some(word) => {
            let message = format!("{} is left over", word.kind.shown());
            Err(error(word.at, message, Some("join two conditions by and, or".to_owned())))
        }
    }
}

struct Reader {
    words: Vec<Word>,
    next: usize,
    /// Behind the last character.
    end: usize,
    depth: usize,
    parts: usize,
}

impl Reader {
    fn any_of(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.all_of()?];
        while self.take_name("or") {
            nodes.push(self.all_of()?);
        }
        Ok(joined(nodes, Node::Or))
    }

    fn all_of(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.one()?];
        while self.take_name("and") {
            nodes.push(self.one()?);
        }
        Ok(joined(nodes, Node::And))
    }

    fn one(&mut self) -> Parsed<Node> {
        self.parts += 1;
        if self.parts > EXPRESSION_PARTS_MAX {
            let message = format!("an expression has at most {EXPRESSION_PARTS_MAX} conditions");
            return Err(error(self.at(), message, None));
        }
        if self.take_name("not") {
            let inner = self.deeper(Self::one)?;
            return Ok(Node::Not(Box::new(inner)));
        }
        if self.take_sign("(") {
            let inner = self.deeper(Self::any_of)?;
            self.close(")")?;
            return Ok(inner);
        }
        self.test()
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX {
            let message = format!("brackets and not nest deeper than {EXPRESSION_DEPTH_MAX}");
            return Err(error(self.at(), message, None));
        }
        let node = read(self)?;
        self.depth -= 1;
        Ok(node)
    }

    fn test(&mut self) -> Parsed<Node> {
        if self.take_name("exists") {
            let bracket = self.take_sign("(");
            let field = self.field()?;
            if bracket {
                self.close(")")?;
            }
            return Ok(Node::Test(Test { field, question: Question::Exists }));
        }
        let field = self.field()?;
        let negated = self.take_name("not");
        let (question, opposite) = self.question(negated)?;
        let test = Node::Test(Test { field, question });
        Ok(if opposite { Node::Not(Box::new(test)) } else { test })
    }

    /// What is asked, and whether the opposite is meant.
    fn question(&mut self, negated: bool) -> Parsed<(Question, bool)> {
        let at = self.at();
        if self.take_name("in") {
            return Ok((Question::In(self.list()?), negated));
        }
        if self.take_name("contains") {
            return Ok((Question::Contains(self.literal()?), negated));
        }
        if self.take_name("starts_with") {
            return Ok((Question::StartsWith(self.text("starts_with")?), negated));
        }
        if self.take_name("ends_with") {
            return Ok((Question::EndsWith(self.text("ends_with")?), negated));
        }
        if negated {
            let hint = "as `not in`, `not contains`, or `not (a == 1)`".to_owned();
            return Err(error(at, "`not` stands before a condition", Some(hint)));
        }
        let comparison = match self.words.get(self.next).map(|word| &word.kind) {
            Some(WordKind::Sign("==" | "!=")) => Comparison::Equal,
            Some(WordKind::Sign("<")) => Comparison::Less,
            Some(WordKind::Sign("<=")) => Comparison::LessOrEqual,
            Some(WordKind::Sign(">")) => Comparison::Greater,
            Some(WordKind::Sign(">=")) => Comparison::GreaterOrEqual,
            Some(WordKind::Name(name)) if !KEYWORDS.contains(&name.as_str()) => {
                let hint = most_like(name, QUESTIONS.split(' ')).map(did_you_mean);
                let message = format!("{name:?} is no question: there are {QUESTIONS}");
                return Err(error(at, message, hint));
            }
            Some(_) | None => return Ok((Question::IsTrue, false)),
        };
        let opposite = self.take_sign("!=");
        if !opposite {
            self.next += 1;
        }
        Ok((Question::Compare(comparison, self.literal()?), opposite))
    }

    fn field(&mut self) -> Parsed<Place> {
        let at = self.at();
        match self.words.get(self.next).map(|word| word.kind.clone()) {
            Some(WordKind::Name(name)) if !KEYWORDS.contains(&name.as_str()) => {
                self.next += 1;
                Field::parse(&name, at).map(|field| Place { field, at })
            }
            Some(WordKind::Text(_) | WordKind::Number(_)) => {
                let hint = "as `data.rating <= 2`".to_owned();
                Err(error(at, "a condition begins with a field", Some(hint)))
            }
            Some(other) => {
                Err(error(at, format!("a field is missing before {}", other.shown()), None))
            }
            None => Err(error(at, "a condition is missing", Some("as `data.rating <= 2`".into()))),
        }
    }

    fn list(&mut self) -> Parsed<Vec<Literal>> {
        if !self.take_sign("[") {
            let hint = Some("as `in [\"a\", \"b\"]`".to_owned());
            return Err(error(self.at(), "`in` needs a list", hint));
        }
        let mut values = vec![self.literal()?];
        while self.take_sign(",") {
            if values.len() == LIST_VALUES_MAX {
                let message = format!("a list has at most {LIST_VALUES_MAX} values");
                return Err(error(self.at(), message, None));
            }
            values.push(self.literal()?);
        }
        self.close("]")?;
        Ok(values)
    }

    fn text(&mut self, before: &str) -> Parsed<String> {
        let at = self.at();
        match self.literal()? {
            Literal::Text(text) => Ok(text),
            Literal::Number(_) | Literal::Bool(_) | Literal::Time(_) => {
                Err(error(at, format!("`{before}` needs a text"), Some("in quotes".to_owned())))
            }
        }
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let at = self.at();
        let word = self.words.get(self.next).map(|word| word.kind.clone());
        self.next += 1;
        match word {
            Some(WordKind::Number(number)) => Ok(Literal::Number(number)),
            Some(WordKind::Text(text)) => Ok(Literal::Text(text)),
            Some(WordKind::Name(name)) => match name.as_str() {
                "true" => Ok(Literal::Bool(true)),
                "false" => Ok(Literal::Bool(false)),
                "time" if self.take_sign("(") => self.time(),
                "null" => {
                    let hint = Some("write exists(field), or not exists(field)".to_owned());
                    Err(error(at, "nothing equals null", hint))
                }
                _ => {
                    let message = format!("{name:?} is no value");
                    Err(error(at, message, Some(format!("a text stands in quotes: {name:?}"))))
                }
            },
            Some(WordKind::Sign(sign)) => {
                Err(error(at, format!("a value is missing before {sign:?}"), None))
            }
            None => Err(error(at, "a value is missing", None)),
        }
    }

    fn time(&mut self) -> Parsed<Literal> {
        let at = self.at();
        let text = self.text("time")?;
        let time = text.parse().map_err(|_| {
            let hint = Some("as time(\"2026-11-21T10:00:00Z\")".to_owned());
            error(at, "this is not a time of RFC 3339", hint)
        })?;
        self.close(")")?;
        Ok(Literal::Time(time))
    }

    fn close(&mut self, sign: &'static str) -> Parsed<()> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(error(self.at(), format!("{sign:?} is missing"), None))
    }

    fn take_name(&mut self, wanted: &str) -> bool {
        let is = |word: &Word| matches!(&word.kind, WordKind::Name(name) if name == wanted);
        let taken = self.words.get(self.next).is_some_and(is);
        self.next += usize::from(taken);
        taken
    }

    fn take_sign(&mut self, wanted: &str) -> bool {
        let is = |word: &Word| matches!(word.kind, WordKind::Sign(sign) if sign == wanted);
        let taken = self.words.get(self.next).is_some_and(is);
        self.next += usize::from(taken);
        taken
    }

    /// Where the next word is.
    fn at(&self) -> usize {
        self.words.get(self.next).map_or(self.end, |word| word.at)
    }
}

fn joined(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            join(nodes)
        }
        None => join(nodes),
    }
}

pub(super) fn did_you_mean(name: &str) -> String {
    format!("did you mean {name:?}?")
}
