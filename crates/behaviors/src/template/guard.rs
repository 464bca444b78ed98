//! Makes a template harmless before it is compiled. Called by `template` only.
//!
//! MiniJinja's fuel bounds the time of a template, not its memory: `'x' * 100000000` is one instruction. So every
//! operator that can make something bigger gets a check of its operands written behind them (`a * b` becomes
//! `a|__number * b|__number`), what a `for` walks through is measured, and statements that keep what they make (`set`,
//! `macro`, blocks) are refused, as are those that reach for other templates. What is inserted holds no line break, so
//! that the lines of error messages stay right.

use crate::nearest::nearest;

use super::filters::{Kind, names};
use super::words::{Code, CodeKind, Unreadable, Word, WordKind, codes, expression};

/// The filter behind operands of `*`: a number, or the template fails.
pub(super) const NUMBER_ONLY: &str = "__number";
/// The filter behind operands of `+` and `~`: nothing big.
pub(super) const PART_ONLY: &str = "__part";
/// The filter behind what a `for` walks through: nothing big, and nothing deep.
pub(super) const ITEMS_ONLY: &str = "__items";

/// How many operators of `+` and `~` a template may have: with the limit of an operand this bounds what it can build.
pub(crate) const OPERATORS_MAX: usize = 200;

/// How many words one run of code (`{{ }}`, `{% %}`, a condition) may have. MiniJinja compiles by recursion, also along
/// `a and b and c`: this keeps it well within the two megabytes of stack that a worker thread has.
pub(crate) const WORDS_MAX: usize = 400;

/// How deep brackets may nest in one run of code, and how many signs and `not` may stand before one value.
pub(crate) const BRACKETS_MAX: usize = 24;

/// How deep `if` and `for` may nest, and how many `elif` a template may have: each is a recursion as well.
pub(crate) const STATEMENTS_DEPTH_MAX: usize = 16;
pub(crate) const ELIF_MAX: usize = 50;

/// How deep `for` may nest in one template.
pub(crate) const FOR_DEPTH_MAX: usize = 4;

/// A template that may be compiled, and the names that it mentions.
#[derive(Debug)]
pub(super) struct Guarded {
    /// The text to compile.
    pub(super) source: String,
    /// The names at the root of a path, with where they stand.
    pub(super) mentions: Vec<Mention>,
}

/// A name that a template mentions: `event.text` has the root `event` and the field `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// The first name of the path.
    pub(crate) root: String,
    /// The second, where there is one.
    pub(crate) field: Option<String>,
    /// Where it stands, in bytes from the start of the text as written.
    pub(crate) offset: usize,
}

/// Guards a text with code in it.
pub(super) fn text(source: &str) -> Result<Guarded, Unreadable> {
    guard(source, &codes(source)?)
}

/// Guards a bare expression.
pub(super) fn condition(source: &str) -> Result<Guarded, Unreadable> {
    let code = expression(source)?;
    if code.words.is_empty() {
        return Err(Unreadable::new(0, "an expression is missing"));
    }
    guard(source, &[code])
}

fn guard(source: &str, codes: &[Code<'_>]) -> Result<Guarded, Unreadable> {
    let mut insertions: Vec<(usize, String)> = Vec::new();
    let mut mentions = Vec::new();
    let mut operators = 0;
    let mut nesting = Nesting::default();
    for code in codes {
        check_depth(&code.words)?;
        if code.kind == CodeKind::Statement {
            statement(&code.words, &mut insertions, &mut nesting)?;
        }
        check_filters(&code.words)?;
        operators += guard_operators(&code.words, &mut insertions)?;
        mention(&code.words, &mut mentions);
    }
    if operators > OPERATORS_MAX {
        return Err(Unreadable::new(
            0,
            format!("a template has at most {OPERATORS_MAX} operators + and ~"),
        ));
    }
    // Stable: of two insertions at one place the one found first stays first.
    insertions.sort_by_key(|(offset, _)| *offset);
    let mut guarded = String::with_capacity(source.len() + insertions.len() * 12);
    let mut copied = 0;
    for (offset, inserted) in insertions {
        guarded.push_str(source.get(copied..offset).unwrap_or_default());
        guarded.push_str(&inserted);
        copied = offset;
    }
    guarded.push_str(source.get(copied..).unwrap_or_default());
    Ok(Guarded { source: guarded, mentions })
}

/// How the statements of a template nest.
#[derive(Default)]
struct Nesting {
    statements: usize,
    loops: usize,
    elifs: usize,
}

/// Brackets, signs and words in a row are bounded.
fn check_depth(words: &[Word<'_>]) -> Result<(), Unreadable> {
    let mut brackets = 0_usize;
    let mut signs = 0_usize;
    for word in words {
        if word.is("(") || word.is("[") || word.is("{") {
            brackets += 1;
        } else if word.is(")") || word.is("]") || word.is("}") {
            brackets = brackets.saturating_sub(1);
        }
        signs = if word.is("-") || word.is_name("not") { signs + 1 } else { 0 };
        if brackets > BRACKETS_MAX || signs > BRACKETS_MAX {
            return Err(Unreadable::new(
                word.start,
                "this nests too deep: use a `set` step for a part of it",
            ));
        }
    }
    match words.get(WORDS_MAX) {
        Some(word) => {
            let message = format!(
                "more than {WORDS_MAX} words in one piece: use a `set` step for a part of it"
            );
            Err(Unreadable::new(word.start, message))
        }
        None => Ok(()),
    }
}

fn statement(
    words: &[Word<'_>],
    insertions: &mut Vec<(usize, String)>,
    nesting: &mut Nesting,
) -> Result<(), Unreadable> {
    let Some(first) = words.first() else { return Err(Unreadable::new(0, "`{% %}` is empty")) };
    match first.text {
        "else" | "break" | "continue" => Ok(()),
        "if" => {
            nesting.statements += 1;
            check_nesting(first, nesting)
        }
        "elif" => {
            nesting.elifs += 1;
            check_nesting(first, nesting)
        }
        "endif" => {
            nesting.statements = nesting.statements.saturating_sub(1);
            Ok(())
        }
        "for" => {
            nesting.statements += 1;
            nesting.loops += 1;
            check_nesting(first, nesting)?;
            guard_for(first, words, insertions)
        }
        "endfor" => {
            nesting.statements = nesting.statements.saturating_sub(1);
            nesting.loops = nesting.loops.saturating_sub(1);
            Ok(())
        }
        "set" => Err(Unreadable::new(
            first.start,
            "`{% set %}` is not available in a template: use a `set` step",
        )),
        other => Err(Unreadable::new(
            first.start,
            format!("`{{% {other} %}}` is not available in a template"),
        )),
    }
}

fn check_nesting(word: &Word<'_>, nesting: &Nesting) -> Result<(), Unreadable> {
    if nesting.loops > FOR_DEPTH_MAX {
        return Err(Unreadable::new(
            word.start,
            format!("`for` nests deeper than {FOR_DEPTH_MAX}"),
        ));
    }
    if nesting.statements > STATEMENTS_DEPTH_MAX || nesting.elifs > ELIF_MAX {
        return Err(Unreadable::new(word.start, "`if` nests too deep: use a `choose` step"));
    }
    Ok(())
}

/// `for x in a if b` becomes `for x in (a)|__items if b`.
fn guard_for(
    first: &Word<'_>,
    words: &[Word<'_>],
    insertions: &mut Vec<(usize, String)>,
) -> Result<(), Unreadable> {
    let incomplete = || Unreadable::new(first.start, "write `{% for name in list %}`");
    let position = words.iter().position(|word| word.is_name("in")).ok_or_else(incomplete)?;
    let mut depth = 0_usize;
    let mut walked: Option<(&Word<'_>, &Word<'_>)> = None;
    for (index, word) in words.iter().enumerate().skip(position + 1) {
        if word.is("(") || word.is("[") || word.is("{") {
            depth += 1;
        } else if word.is(")") || word.is("]") || word.is("}") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && word.is_name("recursive") && !is_field(words, index) {
            return Err(Unreadable::new(word.start, "`recursive` is not available in a template"));
        } else if depth == 0 && word.is_name("if") && !is_field(words, index) {
            break;
        }
        walked = Some((walked.map_or(word, |(from, _)| from), word));
    }
    let is_last = words.last().is_some_and(|word| word.is_name("recursive"));
    if is_last && !is_field(words, words.len() - 1) {
        return Err(Unreadable::new(first.start, "`recursive` is not available in a template"));
    }
    let (from, to) = walked.ok_or_else(incomplete)?;
    insertions.push((from.start, "(".to_owned()));
    insertions.push((to.end(), format!(")|{ITEMS_ONLY}")));
    Ok(())
}

/// Puts the check of an operand behind both operands of `*`, `+` and `~`; gives how many of the last two there were.
fn guard_operators(
    words: &[Word<'_>],
    insertions: &mut Vec<(usize, String)>,
) -> Result<usize, Unreadable> {
    let mut additions = 0;
    for (index, word) in words.iter().enumerate() {
        if word.kind != WordKind::Sign {
            continue;
        }
        let check = match word.text {
            "*" => NUMBER_ONLY,
            "+" | "~" => PART_ONLY,
            "**" if !follows_operand(words, index) => {
                return Err(Unreadable::new(word.start, "`**` needs a number before it"));
            }
            _ => continue,
        };
        if !follows_operand(words, index) {
            return Err(Unreadable::new(
                word.start,
                format!("`{}` needs a value before it", word.text),
            ));
        }
        if check == PART_ONLY {
            additions += 1;
        }
        let before = words.get(index.wrapping_sub(1)).map_or(word.start, Word::end);
        let after = operand_end(words, index + 1).ok_or_else(|| {
            Unreadable::new(word.start, format!("`{}` needs a value after it", word.text))
        })?;
        insertions.push((before, format!("|{check}")));
        insertions.push((after, format!("|{check}")));
    }
    Ok(additions)
}

/// Whether an operand ends right before this word, so that it is an operator between two.
fn follows_operand(words: &[Word<'_>], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).and_then(|before| words.get(before)) else {
        return false;
    };
    match before.kind {
        WordKind::Number | WordKind::Text => true,
        WordKind::Name => {
            is_field(words, index - 1)
                || !["and", "or", "not", "in", "is", "if", "else", "elif", "for"]
                    .contains(&before.text)
        }
        WordKind::Sign => before.is(")") || before.is("]") || before.is("}"),
    }
}

/// Whether a word is the name of a field: then it is no keyword, whatever it is.
fn is_field(words: &[Word<'_>], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| words.get(before));
    before.is_some_and(|word| word.is("."))
}

/// Where the operand that begins at a word ends: its signs, its first value, and all that hangs on it.
fn operand_end(words: &[Word<'_>], start: usize) -> Option<usize> {
    let mut index = start;
    while words.get(index).is_some_and(|word| word.is("-")) {
        index += 1;
    }
    let first = words.get(index)?;
    let mut end = match first.kind {
        WordKind::Name | WordKind::Number | WordKind::Text => {
            index += 1;
            first.end()
        }
        WordKind::Sign => skip_group(words, &mut index)?,
    };
    loop {
        match words.get(index) {
            Some(word) if word.is(".") || word.is("|") => {
                end = words.get(index + 1)?.end();
                index += 2;
            }
            Some(word) if word.is("(") || word.is("[") => end = skip_group(words, &mut index)?,
            Some(_) | None => return Some(end),
        }
    }
}

/// Steps over `(...)`, `[...]` or `{...}`; gives where it ends.
fn skip_group(words: &[Word<'_>], index: &mut usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        let word = words.get(*index)?;
        if word.is("(") || word.is("[") || word.is("{") {
            depth += 1;
        } else if word.is(")") || word.is("]") || word.is("}") {
            depth = depth.checked_sub(1)?;
        }
        if depth == 0 && !(word.is(")") || word.is("]") || word.is("}")) {
            return None;
        }
        *index += 1;
        if depth == 0 {
            return Some(word.end());
        }
    }
}

/// Filters and tests are known now, not when the template runs.
fn check_filters(words: &[Word<'_>]) -> Result<(), Unreadable> {
    for (index, word) in words.iter().enumerate() {
        let is_test = word.is_name("is");
        if !is_test && !word.is("|") {
            continue;
        }
        let negated = is_test && words.get(index + 1).is_some_and(|next| next.is_name("not"));
        let Some(name) = words.get(index + 1 + usize::from(negated)) else { continue };
        let (kind, known) =
            if is_test { ("test", names(Kind::Test)) } else { ("filter", names(Kind::Filter)) };
        if name.kind == WordKind::Name && !known.clone().any(|known| known == name.text) {
            let hint = nearest(name.text, known).map(|near| format!(", did you mean {near:?}?"));
            let message = format!("there is no {kind} {:?}{}", name.text, hint.unwrap_or_default());
            return Err(Unreadable::new(name.start, message));
        }
    }
    Ok(())
}

fn mention(words: &[Word<'_>], mentions: &mut Vec<Mention>) {
    for (index, word) in words.iter().enumerate() {
        if word.kind != WordKind::Name || is_field(words, index) {
            continue;
        }
        let field = match (words.get(index + 1), words.get(index + 2)) {
            (Some(dot), Some(field)) if dot.is(".") && field.kind == WordKind::Name => {
                Some(field.text.to_owned())
            }
            (Some(_) | None, Some(_) | None) => None,
        };
        mentions.push(Mention { root: word.text.to_owned(), field, offset: word.start });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(source: &str) -> String {
        match text(source) {
            Ok(guarded) => guarded.source,
            Err(error) => format!("{}: {}", error.offset, error.message),
        }
    }

    #[test]
    fn what_can_grow_is_checked_and_the_rest_stays() {
        let cases = [
            "plain { text } {x",
            "{{ 'x' * 100 }}",
            "{{ a.b[0]|upper * -c.d(1)|int + 2 }}",
            "{{- a ~ ' ' ~ (b if c else d) -}}",
            "{% for x in a.b if x > 1 %}{{ x }}{% endfor %}",
            "{{ '}}' ~ \"\\\"\" }}{# 'x' * 3 #}",
            "{% set a = 1 %}",
            "{% include 'x' %}",
            "{{ f(*a) }}",
            "{{ 0x10 }}",
            "{{ a ",
            "{% for x in a recursive %}",
            "{{ a.in ~ b.if * 2 }}{% for x in a.if.b if x %}{{ x }}{% endfor %}",
            "{% for x in a.recursive %}{{ x }}{% endfor %}",
        ];
        insta::assert_snapshot!(cases.map(guarded).join("\n"), @r#"
        plain { text } {x
        {{ 'x'|__number * 100|__number }}
        {{ a.b[0]|upper|__number * -c.d(1)|int|__number|__part + 2|__part }}
        {{- a|__part ~ ' '|__part|__part ~ (b if c else d)|__part -}}
        {% for x in (a.b)|__items if x > 1 %}{{ x }}{% endfor %}
        {{ '}}'|__part ~ "\""|__part }}{# 'x' * 3 #}
        3: `{% set %}` is not available in a template: use a `set` step
        3: `{% include %}` is not available in a template
        5: `*` needs a value before it
        3: this is not a number
        0: `{{` has no end `}}`
        14: `recursive` is not available in a template
        {{ a.in|__part ~ b.if|__part|__number * 2|__number }}{% for x in (a.if.b)|__items if x %}{{ x }}{% endfor %}
        {% for x in (a.recursive)|__items %}{{ x }}{% endfor %}
        "#);
    }
}
