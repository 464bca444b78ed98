//! From a template's text to its tree: the tags. Called by whoever has a template of Cerb.

use super::Untranslatable;
use super::expressions::Reader;
use super::lexer::{Piece, Word, pieces};
use super::tree::{Expression, Node};

/// How deep tags may nest.
const TAGS_DEPTH_MAX: usize = 24;

/// The longest template, in bytes: Tidings reads no longer ones.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 64_000;

/// Reads a template.
pub(crate) fn parse(source: &str) -> Result<Vec<Node>, Untranslatable> {
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(Untranslatable::new(format!(
            "a template has {} bytes, and at most {TEMPLATE_BYTES_MAX} are read",
            source.len()
        )));
    }
    let pieces = pieces(source)?;
    let mut parser = Parser { pieces: &pieces, at: 0, depth: 0 };
    let (nodes, end) = parser.until(&[])?;
    match end {
        Some(end) => Err(Untranslatable::new(format!("`{{% {end} %}}` ends nothing"))),
        None => Ok(nodes),
    }
}

struct Parser<'p> {
    pieces: &'p [Piece],
    at: usize,
    depth: usize,
}

impl<'p> Parser<'p> {
    /// Reads up to one of these tags, which it leaves in place; gives which one it is.
    fn until(&mut self, ends: &[&str]) -> Result<(Vec<Node>, Option<String>), Untranslatable> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.get(self.at) {
            match piece {
                Piece::Text(text) => nodes.push(Node::Text(text.clone())),
                Piece::Output(words) => nodes.push(Node::Output(whole(words)?)),
                Piece::Tag(words) => {
                    let Some(Word::Name(tag)) = words.first() else {
                        return Err(Untranslatable::new("a tag has no name"));
                    };
                    if ends.contains(&tag.as_str()) || is_end(tag) {
                        return Ok((nodes, Some(tag.clone())));
                    }
                    self.at += 1;
                    self.tag(tag, words.get(1..).unwrap_or_default(), &mut nodes)?;
                    continue;
                }
            }
            self.at += 1;
        }
        Ok((nodes, None))
    }

    /// The body of a tag, up to its end, which is read as well.
    fn body(&mut self, end: &str) -> Result<Vec<Node>, Untranslatable> {
        self.depth += 1;
        if self.depth > TAGS_DEPTH_MAX {
            return Err(Untranslatable::new(format!("tags nest deeper than {TAGS_DEPTH_MAX}")));
        }
        let (nodes, found) = self.until(&[end])?;
        self.depth -= 1;
        if found.as_deref() != Some(end) {
            return Err(Untranslatable::new(format!("there is no `{{% {end} %}}`")));
        }
        self.at += 1;
        Ok(nodes)
    }

    fn tag(
        &mut self,
        tag: &str,
        words: &'p [Word],
        nodes: &mut Vec<Node>,
    ) -> Result<(), Untranslatable> {
        match tag {
            "if" => nodes.push(self.conditional(words)?),
            "for" => nodes.push(self.repeated(words)?),
            "set" => self.set(words, nodes)?,
            "spaceless" => {
                let body = self.body("endspaceless")?;
                nodes.push(Node::Apply {
                    filters: vec![("spaceless".to_owned(), Vec::new())],
                    body,
                });
            }
            "apply" | "filter" => {
                let filters = filters(words)?;
                let body = self.body(&format!("end{tag}"))?;
                nodes.push(Node::Apply { filters, body });
            }
            // What these change, escaping and what is allowed, Tidings has not.
            "autoescape" | "sandbox" => nodes.extend(self.body(&format!("end{tag}"))?),
            // What is only reckoned has no effect.
            "do" => {}
            "with" => self.with(words, nodes)?,
            other => {
                return Err(Untranslatable::new(format!("the tag `{other}` has no counterpart")));
            }
        }
        Ok(())
    }

    fn conditional(&mut self, words: &[Word]) -> Result<Node, Untranslatable> {
        let mut branches = Vec::new();
        let mut condition = whole(words)?;
        self.depth += 1;
        if self.depth > TAGS_DEPTH_MAX {
            return Err(Untranslatable::new(format!("tags nest deeper than {TAGS_DEPTH_MAX}")));
        }
        let mut otherwise = Vec::new();
        loop {
            let (body, end) = self.until(&["elseif", "else", "endif"])?;
            branches.push((condition, body));
            let Some(Piece::Tag(words)) = self.pieces.get(self.at) else {
                return Err(Untranslatable::new("there is no `{% endif %}`"));
            };
            self.at += 1;
            match end.as_deref() {
                Some("elseif") => condition = whole(words.get(1..).unwrap_or_default())?,
                Some("else") => {
                    let (body, end) = self.until(&["endif"])?;
                    if end.as_deref() != Some("endif") {
                        return Err(Untranslatable::new("there is no `{% endif %}`"));
                    }
                    self.at += 1;
                    otherwise = body;
                    break;
                }
                Some("endif") => break,
                Some(_) | None => return Err(Untranslatable::new("there is no `{% endif %}`")),
            }
        }
        self.depth -= 1;
        Ok(Node::If { branches, otherwise })
    }

    fn repeated(&mut self, words: &[Word]) -> Result<Node, Untranslatable> {
        let mut reader = Reader::new(words);
        let first = reader.name()?;
        let (key, item) =
            if reader.sign(",") { (Some(first), reader.name()?) } else { (None, first) };
        if !reader.word("in") {
            return Err(Untranslatable::new("`for` has no `in`"));
        }
        let items = reader.expression()?;
        let only_if = if reader.word("if") { Some(reader.expression()?) } else { None };
        done(&reader)?;
        self.depth += 1;
        if self.depth > TAGS_DEPTH_MAX {
            return Err(Untranslatable::new(format!("tags nest deeper than {TAGS_DEPTH_MAX}")));
        }
        let (body, end) = self.until(&["else", "endfor"])?;
        self.at += 1;
        self.depth -= 1;
        let otherwise = match end.as_deref() {
            Some("else") => self.body("endfor")?,
            Some("endfor") => Vec::new(),
            Some(_) | None => return Err(Untranslatable::new("there is no `{% endfor %}`")),
        };
        Ok(Node::For { key, item, items, only_if, body, otherwise })
    }

    fn set(&mut self, words: &[Word], nodes: &mut Vec<Node>) -> Result<(), Untranslatable> {
        let mut reader = Reader::new(words);
        let mut names = vec![reader.name()?];
        while reader.sign(",") {
            names.push(reader.name()?);
        }
        if !reader.sign("=") {
            let body = self.body("endset")?;
            let name = names.into_iter().next().unwrap_or_default();
            nodes.push(Node::SetBlock { name, body });
            return Ok(());
        }
        let mut names = names.into_iter();
        while let Some(name) = names.next() {
            let value = reader.expression()?;
            nodes.push(Node::Set { name, value });
            if names.len() > 0 && !reader.sign(",") {
                return Err(Untranslatable::new("`set` has fewer values than names"));
            }
        }
        done(&reader)
    }

    /// `{% with {a: b} %}`: what it names is set; that it ends with the block, nothing counts on.
    fn with(&mut self, words: &[Word], nodes: &mut Vec<Node>) -> Result<(), Untranslatable> {
        if let Some(Word::Sign("{")) = words.first() {
            let mut reader = Reader::new(words);
            let Expression::Map(entries) = reader.expression()? else {
                return Err(Untranslatable::new("`with` takes a mapping"));
            };
            for (key, value) in entries {
                let Expression::Text(name) = key else {
                    return Err(Untranslatable::new("`with` takes a mapping of names"));
                };
                nodes.push(Node::Set { name, value });
            }
        } else if !words.is_empty() {
            return Err(Untranslatable::new("`with` takes a mapping"));
        }
        nodes.extend(self.body("endwith")?);
        Ok(())
    }
}

/// A tag that can only end something.
fn is_end(tag: &str) -> bool {
    tag.starts_with("end") || tag == "else" || tag == "elseif"
}

fn filters(words: &[Word]) -> Result<Vec<(String, Vec<super::Argument>)>, Untranslatable> {
    let mut reader = Reader::new(words);
    let mut filters = Vec::new();
    loop {
        let name = reader.name()?;
        let arguments = if matches!(reader.peek(), Some(Word::Sign("("))) {
            reader.arguments()?
        } else {
            Vec::new()
        };
        filters.push((name, arguments));
        if !reader.sign("|") {
            done(&reader)?;
            return Ok(filters);
        }
    }
}

fn whole(words: &[Word]) -> Result<Expression, Untranslatable> {
    let mut reader = Reader::new(words);
    let value = reader.expression()?;
    done(&reader)?;
    Ok(value)
}

fn done(reader: &Reader<'_>) -> Result<(), Untranslatable> {
    if reader.is_done() {
        Ok(())
    } else {
        Err(Untranslatable::new("there is more code than a value"))
    }
}
