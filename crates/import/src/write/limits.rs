//! The limits that Tidings' templates have, looked at here, so that what is too big is marked and not refused later.
//!
//! They are those of `tidings-behaviors`; this crate may not use it, and a test holds the two together.

use crate::twig::Untranslatable;

/// How many words one run of code may have.
const WORDS_MAX: usize = 390;
/// How deep brackets may nest in one.
const BRACKETS_MAX: usize = 23;
/// How many operators `+` and `~` a template may have.
const OPERATORS_MAX: usize = 195;
/// The longest template, in bytes; and the longest text without code.
const TEMPLATE_BYTES_MAX: usize = 63_000;
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Whether a part of a template is as short as all of it must be.
pub(crate) fn fits(part: &str) -> Result<(), Untranslatable> {
    let bytes = part.len();
    let message =
        || format!("a value has {bytes} bytes, and at most {TEMPLATE_BYTES_MAX} are said");
    (bytes <= TEMPLATE_BYTES_MAX).then_some(()).ok_or_else(|| Untranslatable::new(message()))
}

/// Whether a text, a template or a bare expression is within the limits.
pub(crate) fn check(text: &str) -> Result<(), Untranslatable> {
    let has_code = crate::twig::has_code(text);
    let bytes_max = if has_code { TEMPLATE_BYTES_MAX } else { TEXT_BYTES_MAX };
    if text.len() > bytes_max {
        let bytes = text.len();
        return Err(Untranslatable::new(format!(
            "a text has {bytes} bytes, and at most {bytes_max} are said"
        )));
    }
    if !has_code && !text.contains([' ', '|', '(']) {
        return Ok(());
    }
    let (mut words, mut depth, mut deepest, mut operators) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut most_words = 0;
    let mut rest = text;
    let mut in_code = !has_code;
    while let Some(c) = rest.chars().next() {
        if has_code && !in_code {
            let Some(start) = ["{{", "{%"].iter().filter_map(|open| rest.find(open)).min() else {
                break;
            };
            rest = rest.get(start + 2..).unwrap_or_default();
            (in_code, words, depth) = (true, 0, 0);
            continue;
        }
        if has_code && depth == 0 && (rest.starts_with("}}") || rest.starts_with("%}")) {
            in_code = false;
            rest = rest.get(2..).unwrap_or_default();
            continue;
        }
        let length = match c {
            '\'' => text_length(rest),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            other => other.len_utf8(),
        };
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '+' | '~' => operators += 1,
            _ => {}
        }
        words += usize::from(!c.is_whitespace());
        most_words = most_words.max(words);
        deepest = deepest.max(depth);
        rest = rest.get(length..).unwrap_or_default();
    }
    if most_words > WORDS_MAX || deepest > BRACKETS_MAX || operators > OPERATORS_MAX {
        return Err(Untranslatable::new("a piece of code is longer or deeper than Tidings reads"));
    }
    Ok(())
}

/// The length of a text in single quotes, with them.
fn text_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return index + 1,
            _ => {}
        }
    }
    text.len()
}
