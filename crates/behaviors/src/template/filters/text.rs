//! Texts: letters, lines and parts.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value, filters};

use super::table::{Entry, filter};
use super::work::{heavy, measured};
use super::{Growing, failed, fields_of, items_of, printf, slugs, text_of};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "alphanum(extra='')",
        "Keeps letters, digits and the characters of `extra`.",
        "{{ 'Nr. 12-b!' | alphanum('-') }}",
        "Nr12-b",
        |e, n| measured(e, n, alphanum),
    ),
    filter(
        "capitalize",
        "The first letter large, all others small.",
        "{{ 'hello WORLD' | capitalize }}",
        "Hello world",
        |e, n| measured(e, n, filters::capitalize),
    ),
    filter(
        "format(values...)",
        "Writes values into the places of a text: `%s` a text, `%d` a whole number, `%.2f` with decimals, `%e`, `%x` and `%X`, \
         `%o`, `%b`, `%c`, `%%`; `%05d` and `%-8s` are at least that wide, `%2$s` is the second value.",
        "{{ '%s costs %.2f, no. %03d' | format('Funghi', 11.5, 7) }}",
        "Funghi costs 11.50, no. 007",
        |e, n| measured(e, n, printf::format),
    ),
    filter(
        "indent(width=4, first=false, blank=false)",
        "Puts so many spaces, or a text, before every line; before the first and before empty ones if that is true.",
        "{{ 'a\\nb' | indent(2) }} {{ 'a\\nb' | indent('* ', true) }}",
        "a\n  b * a\n* b",
        |e, n| measured(e, n, indent),
    ),
    filter(
        "lines",
        "The lines of a text, as a list.",
        "{{ 'a\\nb' | lines }}",
        r#"["a","b"]"#,
        |e, n| measured(e, n, lines),
    ),
    filter("lower", "In small letters.", "{{ 'Hello' | lower }}", "hello", |e, n| {
        measured(e, n, filters::lower);
    }),
    filter(
        "part(start, length)",
        "A part of a text or a list, from a position that begins at 0; a negative one counts from the end, a negative length \
         leaves so many out at the end.",
        "{{ 'abcdef' | part(1, 3) }} {{ 'abcdef' | part(-2) }} {{ [1, 2, 3, 4] | part(1, -1) }}",
        "bcd ef [2,3]",
        |e, n| measured(e, n, part),
    ),
    filter(
        "position(part, from=0)",
        "Where a part begins in a text, counted from 0; -1 if it is not in it.",
        "{{ 'abcabc' | position('c') }} {{ 'abcabc' | position('c', 3) }} {{ 'abc' | position('x') }}",
        "2 5 -1",
        |e, n| measured(e, n, position),
    ),
    filter(
        "quote(mark='> ')",
        "Puts a mark before every line, as mails quote each other.",
        "{{ 'Hello\\nBob' | quote }}",
        "> Hello\n> Bob",
        |e, n| measured(e, n, quote),
    ),
    filter(
        "repeat(times, between='')",
        "A text so many times.",
        "{{ 'ab' | repeat(3, '-') }}",
        "ab-ab-ab",
        |e, n| measured(e, n, repeat),
    ),
    filter(
        "replace(from, to)",
        "Puts one text in place of another, or for each key of a mapping its value, the longest key first.",
        "{{ 'one two' | replace('one', '1') }} {{ 'Hi NAME' | replace({'NAME': 'Alice', 'Hi': 'Hello'}) }}",
        "1 two Hello Alice",
        |e, n| heavy(e, n, replace),
    ),
    filter(
        "slug",
        "A text as a part of an address: small letters and digits, `-` between words.",
        "{{ 'Crème brûlée, 2 × heiß!' | slug }}",
        "creme-brulee-2-heiss",
        |e, n| heavy(e, n, slugs::slug),
    ),
    filter(
        "split(separator, times)",
        "The parts between separators, as a list; split so many times at most. Without a separator at white space, with an \
         empty one into characters.",
        "{{ 'a, b, c' | split(', ') }} {{ 'a,b,c' | split(',', 1) }} {{ ' a  b ' | split }}",
        r#"["a","b","c"] ["a","b,c"] ["a","b"]"#,
        |e, n| measured(e, n, split),
    ),
    filter(
        "strip_lines(beginnings...)",
        "Leaves out lines that begin with one of these.",
        "{{ 'Yes.\\n> Really?\\n-- \\nBob' | strip_lines('>', '--') }}",
        "Yes.\nBob",
        |e, n| measured(e, n, strip_lines),
    ),
    filter(
        "title",
        "Every word with a large first letter.",
        "{{ 'alice in wonderland' | title }}",
        "Alice In Wonderland",
        |e, n| measured(e, n, filters::title),
    ),
    filter(
        "trim(characters, side='both')",
        "Without white space, or these characters, at both ends, or at the side that is called `left` or `right`.",
        "{{ '  a ' | trim }} {{ '--a--' | trim('-') }} {{ '--a--' | trim('-', 'left') }}",
        "a a a--",
        |e, n| measured(e, n, trim),
    ),
    filter(
        "truncate(length, end='…')",
        "At most so many characters, with an end that tells that there was more.",
        "{{ 'abcdefgh' | truncate(5) }} {{ 'abcdefgh' | truncate(5, '') }}",
        "abcd… abcde",
        |e, n| measured(e, n, truncate),
    ),
    filter("upper", "In large letters.", "{{ 'Hello' | upper }}", "HELLO", |e, n| {
        measured(e, n, filters::upper);
    }),
    filter(
        "words",
        "The words of a text, as a list: letters, digits, and apostrophes within.",
        "{{ \"Don't panic, it's 2 o'clock!\" | words }}",
        r#"["Don't","panic","it's","2","o'clock"]"#,
        |e, n| measured(e, n, words),
    ),
];

fn alphanum(value: &Value, extra: Option<&str>) -> Result<String, Error> {
    let extra = few(extra.unwrap_or_default())?;
    let kept = |c: &char| c.is_alphanumeric() || extra.contains(c);
    Ok(text_of(value)?.chars().filter(kept).collect())
}

/// The characters of a text that is looked through for each of another one.
fn few(text: &str) -> Result<Vec<char>, Error> {
    const CHARACTERS_MAX: usize = 100;
    let characters: Vec<char> = text.chars().take(CHARACTERS_MAX + 1).collect();
    if characters.len() > CHARACTERS_MAX {
        return Err(failed(format!("more than {CHARACTERS_MAX} characters to look for")));
    }
    Ok(characters)
}

fn indent(
    value: &Value,
    width: Option<Value>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    const WIDTH_MAX: usize = 100;
    let width = match width {
        Some(width) => width,
        None => options.get::<Option<Value>>("width")?.unwrap_or_else(|| Value::from(4)),
    };
    let first = first.or(options.get("first")?).unwrap_or_default();
    let blank = blank.or(options.get("blank")?).unwrap_or_default();
    options.assert_all_used()?;
    let mark = match (width.as_str(), width.as_usize()) {
        (Some(mark), _) => mark.to_owned(),
        (None, Some(width)) if width <= WIDTH_MAX => " ".repeat(width),
        (None, _) => return Err(failed(format!("`indent` is 0 to {WIDTH_MAX} spaces wide"))),
    };
    let text = text_of(value)?;
    let mut indented = Growing::new("indent");
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            indented.push("\n")?;
        }
        if (index > 0 || first) && (blank || !line.is_empty()) {
            indented.push(&mark)?;
        }
        indented.push(line)?;
    }
    Ok(indented.text)
}

fn lines(value: &Value) -> Result<Vec<Value>, Error> {
    Ok(text_of(value)?.lines().map(Value::from).collect())
}

fn part(value: &Value, start: i64, length: Option<i64>) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let items = items_of(value, "part")?;
        let (from, count) = window(items.len(), start, length);
        return Ok(items.into_iter().skip(from).take(count).collect());
    }
    let text = text_of(value)?;
    let (from, count) = window(text.chars().count(), start, length);
    Ok(text.chars().skip(from).take(count).collect::<String>().into())
}

/// How many to leave out, and how many to take of the rest.
fn window(size: usize, start: i64, length: Option<i64>) -> (usize, usize) {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let place = |at: i64| if at < 0 { size.saturating_add(at).max(0) } else { at.min(size) };
    let from = place(start);
    let to = match length {
        None => size,
        Some(length) if length < 0 => place(length),
        Some(length) => from.saturating_add(length).min(size),
    };
    let count = to.saturating_sub(from).max(0);
    (usize::try_from(from).unwrap_or_default(), usize::try_from(count).unwrap_or_default())
}

fn position(value: &Value, part: &Value, from: Option<usize>) -> Result<i64, Error> {
    let (text, part) = (text_of(value)?, text_of(part)?);
    let from = from.unwrap_or_default();
    let begin = match text.char_indices().nth(from) {
        Some((begin, _)) => begin,
        None => text.len(),
    };
    let found = text.get(begin..).and_then(|rest| rest.find(&part));
    let before = found.and_then(|found| text.get(..begin + found));
    Ok(before.and_then(|before| i64::try_from(before.chars().count()).ok()).unwrap_or(-1))
}

fn quote(value: &Value, mark: Option<&str>) -> Result<String, Error> {
    let mut quoted = Growing::new("quote");
    for (index, line) in text_of(value)?.lines().enumerate() {
        if index > 0 {
            quoted.push("\n")?;
        }
        quoted.push(mark.unwrap_or("> "))?;
        quoted.push(line)?;
    }
    Ok(quoted.text)
}

fn repeat(value: &Value, times: usize, between: Option<&str>) -> Result<String, Error> {
    let text = text_of(value)?;
    let between = between.unwrap_or_default();
    let mut repeated = Growing::new("repeat");
    if text.is_empty() && between.is_empty() {
        return Ok(repeated.text);
    }
    for index in 0..times {
        if index > 0 {
            repeated.push(between)?;
        }
        repeated.push(&text)?;
    }
    Ok(repeated.text)
}

fn replace(value: &Value, from: &Value, to: Option<&Value>) -> Result<String, Error> {
    let text = text_of(value)?;
    let mut replaced = Growing::new("replace");
    if from.kind() == ValueKind::Map {
        return replace_each(&text, from, replaced);
    }
    let Some(to) = to else { return Err(failed("`replace` needs two texts, or a mapping")) };
    let (from, to) = (text_of(from)?, text_of(to)?);
    for (index, piece) in text.split(&from).enumerate() {
        if index > 0 {
            replaced.push(&to)?;
        }
        replaced.push(piece)?;
    }
    Ok(replaced.text)
}

/// Puts the value of each key in its place; what was put in is not looked at again.
fn replace_each(text: &str, pairs: &Value, mut replaced: Growing) -> Result<String, Error> {
    // Every key is tried at every character.
    const PAIRS_MAX: usize = 100;
    let mut texts = Vec::new();
    for (key, value) in fields_of(pairs, "replace")? {
        texts.push((text_of(&key)?, text_of(&value)?));
    }
    texts.retain(|(key, _)| !key.is_empty());
    if texts.len() > PAIRS_MAX {
        return Err(failed(format!("`replace` takes {PAIRS_MAX} pairs at most")));
    }
    texts.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some((key, value)) = texts.iter().find(|(key, _)| rest.starts_with(key.as_str())) {
            replaced.push(value)?;
            rest = rest.get(key.len()..).unwrap_or_default();
        } else {
            let (one, others) = rest.split_at(next.len_utf8());
            replaced.push(one)?;
            rest = others;
        }
    }
    Ok(replaced.text)
}

fn split(
    value: &Value,
    separator: Option<&str>,
    times: Option<usize>,
) -> Result<Vec<Value>, Error> {
    let text = text_of(value)?;
    let parts_max = times.map_or(usize::MAX, |times| times.saturating_add(1));
    Ok(match separator {
        None => {
            let mut parts: Vec<Value> = Vec::new();
            let mut rest = text.trim_start();
            while !rest.is_empty() {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                if parts.len() + 1 >= parts_max {
                    parts.push(rest.into());
                    break;
                }
                let (word, others) = rest.split_at(end);
                parts.push(word.into());
                rest = others.trim_start();
            }
            parts
        }
        Some("") => text.chars().map(Value::from).collect(),
        Some(separator) => text.splitn(parts_max, separator).map(Value::from).collect(),
    })
}

fn strip_lines(value: &Value, beginnings: minijinja::value::Rest<String>) -> Result<String, Error> {
    let text = text_of(value)?;
    let goes = |line: &&str| {
        beginnings.iter().any(|beginning| !beginning.is_empty() && line.starts_with(beginning))
    };
    Ok(text.lines().filter(|line| !goes(line)).collect::<Vec<_>>().join("\n"))
}

fn trim(value: &Value, characters: Option<&str>, side: Option<&str>) -> Result<String, Error> {
    let text = text_of(value)?;
    let characters = characters.map(few).transpose()?;
    let goes = |c: char| match &characters {
        Some(characters) => characters.contains(&c),
        None => c.is_whitespace(),
    };
    Ok(match side.unwrap_or("both") {
        "both" => text.trim_matches(goes).to_owned(),
        "left" => text.trim_start_matches(goes).to_owned(),
        "right" => text.trim_end_matches(goes).to_owned(),
        other => {
            return Err(failed(format!(
                "`trim` knows the sides both, left and right, not {other:?}"
            )));
        }
    })
}

/// Cuts a text to a length in characters, with an ellipsis for what is gone.
fn truncate(value: &Value, length: usize, end: Option<&str>) -> Result<String, Error> {
    let text = text_of(value)?;
    if text.chars().count() <= length {
        return Ok(text);
    }
    let end = end.unwrap_or("…");
    let kept = length.saturating_sub(end.chars().count());
    Ok(text.chars().take(kept).chain(end.chars()).collect())
}

fn words(value: &Value) -> Result<Vec<Value>, Error> {
    let text = text_of(value)?;
    let apart = |c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’');
    let words = text.split(apart).map(|word| word.trim_matches(['\'', '’']));
    Ok(words.filter(|word| !word.is_empty()).map(Value::from).collect())
}
