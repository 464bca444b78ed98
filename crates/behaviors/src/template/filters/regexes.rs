//! Regular expressions, without backtracking: a search takes the product of pattern and text at most.
//!
//! Both are bounded, and what a search may take is charged by what it is given, so that it does not matter whether the
//! pattern was compiled before.

use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use minijinja::{Error, State, Value};
use regex::{Captures, Regex, RegexBuilder};

use super::table::{Entry, filter};
use super::work::{charge, heavy};
use super::{Growing, failed, text_of, too_big};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "regex_find(pattern, group=0)",
        "The first match of a pattern, or a group of it by number or name; nothing if there is none.",
        "{{ 'Order 4711, please' | regex_find('\\\\d+') }} {{ 'size: L' | regex_find('(\\\\w+): (?<value>\\\\w+)', 'value') }}",
        "4711 L",
        |e, n| heavy(e, n, find),
    ),
    filter(
        "regex_find_all(pattern, group=0)",
        "All matches of a pattern, or a group of each, as a list.",
        "{{ 'a1 b22' | regex_find_all('[a-z](\\\\d+)', 1) }}",
        r#"["1","22"]"#,
        |e, n| heavy(e, n, find_all),
    ),
    filter(
        "regex_replace(pattern, to)",
        "Puts a text in place of every match; `$1` and `${name}` in it are groups of the match, `$$` is a dollar.",
        "{{ '2026-11-21' | regex_replace('(\\\\d+)-(\\\\d+)-(\\\\d+)', '$3.$2.$1') }}",
        "21.11.2026",
        |e, n| heavy(e, n, replace),
    ),
    filter(
        "regex_split(pattern)",
        "The parts between matches, as a list.",
        "{{ 'a, b;c' | regex_split('[,;]\\\\s*') }}",
        r#"["a","b","c"]"#,
        |e, n| heavy(e, n, split),
    ),
];

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1_000;

/// How deep a pattern may nest.
const PATTERN_DEPTH_MAX: u32 = 50;

/// How big a compiled pattern may be, in bytes: `\w{10}` takes a third of it, as Unicode has many letters.
const COMPILED_BYTES_MAX: usize = 512 * 1024;

/// How much a search may remember of the states that it met, in bytes.
const STATES_BYTES_MAX: usize = 512 * 1024;

/// How many compiled patterns are kept: those of some dozens of bots.
const KEPT_MAX: usize = 100;

/// The most matches of one text.
const MATCHES_MAX: usize = 2_000;

/// What a pattern costs in fuel when a run sees it first, and may have to compile it.
const FUEL_OF_PATTERN: u64 = 1_000;

/// How many bytes a search may go through for one more of fuel.
const SEARCHED_BYTES_PER_FUEL: usize = 1_024;

/// The patterns that a run of a template has used.
#[derive(Default)]
struct Seen(HashSet<String>);

/// Compiled patterns, with when each was used last.
#[derive(Default)]
struct Kept {
    patterns: HashMap<String, (Regex, u64)>,
    uses: u64,
}

/// Of all bots, as their number is not bounded and what is kept must be.
static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// A compiled pattern. Charges for it once in a run, compiled or not.
pub(super) fn compiled(state: &mut State<'_, '_>, pattern: &str) -> Result<Regex, Error> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(failed(format!("a pattern has at most {PATTERN_BYTES_MAX} bytes")));
    }
    let seen = state.get_or_insert_extension_with(Seen::default);
    if seen.0.insert(pattern.to_owned()) {
        charge(state, FUEL_OF_PATTERN)?;
    }
    if let Some(regex) = with_kept(|kept| kept.find(pattern)) {
        return Ok(regex);
    }
    let built = RegexBuilder::new(pattern)
        .nest_limit(PATTERN_DEPTH_MAX)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(STATES_BYTES_MAX)
        .build();
    let regex = built.map_err(|error| failed(format!("not a pattern: {}", in_a_line(&error))))?;
    with_kept(|kept| kept.keep(pattern, &regex));
    Ok(regex)
}

fn with_kept<T>(act: impl FnOnce(&mut Kept) -> T) -> T {
    // Who panicked with it left nothing half done: each change is one insertion or removal.
    act(&mut KEPT.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Kept {
    fn find(&mut self, pattern: &str) -> Option<Regex> {
        self.uses += 1;
        let (regex, used) = self.patterns.get_mut(pattern)?;
        *used = self.uses;
        Some(regex.clone())
    }

    fn keep(&mut self, pattern: &str, regex: &Regex) {
        if self.patterns.len() >= KEPT_MAX {
            let oldest = self.patterns.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(pattern, _)| pattern.clone()) {
                self.patterns.remove(&oldest);
            }
        }
        self.patterns.insert(pattern.to_owned(), (regex.clone(), self.uses));
    }
}

/// The message of a wrong pattern: its last line says what is wrong, those before draw it.
fn in_a_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// What of a match is wanted.
enum Part {
    Number(usize),
    Name(String),
}

impl Part {
    fn of(group: Option<Value>, regex: &Regex) -> Result<Self, Error> {
        let part = match group {
            None => Self::Number(0),
            Some(group) => match (group.as_usize(), group.as_str()) {
                (Some(number), _) => Self::Number(number),
                (None, Some(name)) => Self::Name(name.to_owned()),
                (None, None) => return Err(failed("a group is a number or a name")),
            },
        };
        let known = match &part {
            Self::Number(number) => *number < regex.captures_len(),
            Self::Name(name) => regex.capture_names().flatten().any(|known| known == name),
        };
        if known { Ok(part) } else { Err(failed("the pattern has no such group")) }
    }

    fn pick(&self, captures: &Captures<'_>) -> Option<Value> {
        let found = match self {
            Self::Number(number) => captures.get(*number),
            Self::Name(name) => captures.name(name),
        };
        found.map(|found| Value::from(found.as_str()))
    }
}

fn find(
    state: &mut State<'_, '_>,
    value: &Value,
    pattern: &str,
    group: Option<Value>,
) -> Result<Value, Error> {
    let text = text_of(value)?;
    let regex = compiled(state, pattern)?;
    let part = Part::of(group, &regex)?;
    Ok(regex.captures(&text).and_then(|captures| part.pick(&captures)).unwrap_or_default())
}

fn find_all(
    state: &mut State<'_, '_>,
    value: &Value,
    pattern: &str,
    group: Option<Value>,
) -> Result<Vec<Value>, Error> {
    let text = text_of(value)?;
    let regex = compiled(state, pattern)?;
    let part = Part::of(group, &regex)?;
    let mut found = Vec::new();
    each_match(state, &regex, &text, |captures| {
        found.push(part.pick(captures).unwrap_or_else(|| Value::from("")));
        Ok(())
    })?;
    Ok(found)
}

fn replace(
    state: &mut State<'_, '_>,
    value: &Value,
    pattern: &str,
    to: &Value,
) -> Result<String, Error> {
    let (text, to) = (text_of(value)?, text_of(to)?);
    let regex = compiled(state, pattern)?;
    let groups = to.matches('$').count();
    let mut replaced = Growing::new("regex_replace");
    let mut copied = 0;
    each_match(state, &regex, &text, |captures| {
        let Some(whole) = captures.get(0) else { return Ok(()) };
        replaced.push(text.get(copied..whole.start()).unwrap_or_default())?;
        copied = whole.end();
        // A group is a part of the match, so that this is the most that is written; it is seen before it is written.
        let bytes = groups.saturating_mul(whole.len()).saturating_add(to.len());
        replaced.fits(bytes)?;
        captures.expand(&to, &mut replaced.text);
        Ok(())
    })?;
    replaced.push(text.get(copied..).unwrap_or_default())?;
    Ok(replaced.text)
}

fn split(state: &mut State<'_, '_>, value: &Value, pattern: &str) -> Result<Vec<Value>, Error> {
    let text = text_of(value)?;
    let regex = compiled(state, pattern)?;
    let mut parts = Vec::new();
    let mut copied = 0;
    each_match(state, &regex, &text, |captures| {
        if let Some(whole) = captures.get(0) {
            parts.push(Value::from(text.get(copied..whole.start()).unwrap_or_default()));
            copied = whole.end();
        }
        Ok(())
    })?;
    parts.push(Value::from(text.get(copied..).unwrap_or_default()));
    Ok(parts)
}

/// Goes through the matches. Each search may look at all that is left, so all of it is charged, thinly.
fn each_match(
    state: &mut State<'_, '_>,
    regex: &Regex,
    text: &str,
    mut take: impl FnMut(&Captures<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    for (index, captures) in regex.captures_iter(text).enumerate() {
        if index >= MATCHES_MAX {
            return Err(too_big("the list of matches"));
        }
        let end = captures.get(0).map_or(text.len(), |whole| whole.end());
        let left = text.len().saturating_sub(end);
        charge(state, u64::try_from(1 + left / SEARCHED_BYTES_PER_FUEL).unwrap_or(u64::MAX))?;
        take(&captures)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes() {
        let mut kept = Kept::default();
        let regex = Regex::new("a").expect("a pattern");
        for number in 0..KEPT_MAX + 5 {
            assert!(kept.find("0").is_some() || number == 0);
            kept.keep(&number.to_string(), &regex);
        }
        assert_eq!(kept.patterns.len(), KEPT_MAX);
        assert!(kept.find("0").is_some(), "it was used all the time");
        assert!(kept.find("1").is_none(), "it was not");
    }
}
