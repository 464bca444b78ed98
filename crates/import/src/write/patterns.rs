//! Regular expressions: PHP's, with delimiters and flags, as Rust's `regex` reads them.

use crate::twig::Untranslatable;

/// The longest pattern that Tidings takes, in bytes.
const PATTERN_BYTES_MAX: usize = 1_000;

/// A pattern between delimiters, with its flags.
pub(crate) fn translated(source: &str) -> Result<String, Untranslatable> {
    let source = source.trim();
    let open = source.chars().next().ok_or_else(|| Untranslatable::new("a pattern is empty"))?;
    if open.is_alphanumeric() || open == '\\' {
        return Err(Untranslatable::new("a pattern has no delimiters"));
    }
    let close = match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        other => other,
    };
    let inner = source.get(open.len_utf8()..).unwrap_or_default();
    let (body, flags) =
        inner.rsplit_once(close).ok_or_else(|| Untranslatable::new("a pattern has no end"))?;
    let kept: String = flags.chars().filter(|flag| "imsx".contains(*flag)).collect();
    let body = body_of(body)?;
    let pattern = if kept.is_empty() { body } else { format!("(?{kept}){body}") };
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(Untranslatable::new(format!(
            "a pattern has more than {PATTERN_BYTES_MAX} bytes"
        )));
    }
    Ok(pattern)
}

fn body_of(body: &str) -> Result<String, Untranslatable> {
    for (sign, what) in [
        ("(?=", "looking ahead"),
        ("(?!", "looking ahead"),
        ("(?<=", "looking back"),
        ("(?<!", "looking back"),
        ("(?>", "an atomic group"),
        ("(?R", "recursion"),
        ("(?|", "a group that resets its numbers"),
        ("(?(", "a condition"),
        ("\\K", "`\\K`"),
        ("\\G", "`\\G`"),
    ] {
        if body.contains(sign) {
            return Err(Untranslatable::new(format!("a pattern with {what} has no counterpart")));
        }
    }
    let mut pattern = String::with_capacity(body.len());
    let mut in_class = false;
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' => {
                let Some(escaped) = rest.chars().next() else {
                    return Err(Untranslatable::new("a pattern ends with a backslash"));
                };
                rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                if "pPx".contains(escaped)
                    && let Some((name, _)) = rest.split_once('}')
                    && name.starts_with('{')
                {
                    pattern.push('\\');
                    pattern.push(escaped);
                    pattern.push_str(rest.get(..=name.len()).unwrap_or_default());
                    rest = rest.get(name.len() + 1..).unwrap_or_default();
                    continue;
                }
                match escaped {
                    '1'..='9' => {
                        return Err(Untranslatable::new(
                            "a pattern that refers back has no counterpart",
                        ));
                    }
                    'h' => pattern.push_str(if in_class { " \\t" } else { "[ \\t]" }),
                    'R' => pattern.push_str("(?:\\r\\n|\\n|\\r)"),
                    'Z' => pattern.push_str("\\z"),
                    'e' => pattern.push_str("\\x1b"),
                    // Signs that mean something only behind a backslash, and letters of classes, are the same in both.
                    other
                        if other.is_ascii_alphanumeric()
                            || other.is_ascii_punctuation() && !"<>".contains(other) =>
                    {
                        pattern.push('\\');
                        pattern.push(other);
                    }
                    other => pattern.push(other),
                }
            }
            '[' if !in_class => {
                in_class = true;
                pattern.push('[');
                if let Some(after) = rest.strip_prefix('^') {
                    pattern.push('^');
                    rest = after;
                }
                if let Some(after) = rest.strip_prefix(']') {
                    pattern.push_str("\\]");
                    rest = after;
                }
            }
            '[' if rest.starts_with(':') => {
                let end = rest.find(":]").map_or(0, |end| end + 2);
                pattern.push('[');
                pattern.push_str(rest.get(..end).unwrap_or_default());
                rest = rest.get(end..).unwrap_or_default();
            }
            '[' => pattern.push_str("\\["),
            ']' if in_class => {
                in_class = false;
                pattern.push(']');
            }
            '{' if !in_class => match counted(rest) {
                Some(count) => {
                    pattern.push('{');
                    pattern.push_str(count);
                    rest = rest.get(count.len()..).unwrap_or_default();
                }
                None => pattern.push_str("\\{"),
            },
            '}' if !in_class => pattern.push_str("\\}"),
            '&' | '~' if in_class => {
                pattern.push('\\');
                pattern.push(c);
            }
            other => pattern.push(other),
        }
    }
    if in_class {
        return Err(Untranslatable::new("a class of a pattern has no end"));
    }
    Ok(pattern)
}

/// `3}`, `3,}` or `3,5}`, where it follows.
fn counted(rest: &str) -> Option<&str> {
    let (count, _) = rest.split_once('}')?;
    let good = count.starts_with(|c: char| c.is_ascii_digit())
        && count.bytes().all(|c| c.is_ascii_digit() || c == b',');
    rest.get(..=count.len()).filter(|_| good)
}

/// A pattern of Cerb's `like`: `*` is anything. Gives a regular expression that takes the whole text in any case.
pub(crate) fn wildcard(pattern: &str) -> String {
    let mut regex = "(?is)^".to_owned();
    for c in pattern.chars() {
        match c {
            '*' => regex.push_str(".*"),
            c if c.is_ascii_punctuation() && !"<>_-".contains(c) => {
                regex.push('\\');
                regex.push(c);
            }
            other => regex.push(other),
        }
    }
    regex.push('$');
    regex
}
