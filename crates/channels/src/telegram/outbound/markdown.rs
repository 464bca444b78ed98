//! Markdown, as people and bots write it, to the HTML that Telegram takes.
//!
//! Telegram's own `MarkdownV2` refuses a whole message for one dot that is not escaped, and no bot's author thinks of
//! that. This conversion cannot fail: what is not a complete mark stays as it was written, and what comes out is well
//! nested. It knows bold, italic, strikethrough, code, fenced code, links and headings.

/// How deep marks may stand in each other.
const DEPTH_MAX: usize = 6;

/// Converts a text.
pub(super) fn to_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 64);
    let mut rest = text;
    // Fenced code first: nothing in it is a mark.
    while let Some((before, after)) = rest.split_once("```") {
        let Some((code, behind)) = after.split_once("```") else { break };
        lines(before, &mut html);
        let code = match code.split_once('\n') {
            Some((language, code)) if language.chars().all(|c| c.is_ascii_alphanumeric()) => code,
            Some(_) | None => code,
        };
        html.push_str("<pre>");
        escape(code.trim_end_matches('\n'), &mut html);
        html.push_str("</pre>");
        rest = behind;
    }
    lines(rest, &mut html);
    html
}

/// Escapes a text that is not Markdown.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    escape(text, &mut html);
    html
}

fn lines(text: &str, html: &mut String) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            html.push('\n');
        }
        let heading = line.trim_start_matches('#');
        let level = line.len() - heading.len();
        match heading.strip_prefix(' ') {
            Some(heading) if (1..=6).contains(&level) => {
                html.push_str("<b>");
                inline(heading.trim(), html, DEPTH_MAX);
                html.push_str("</b>");
            }
            Some(_) | None => inline(line, html, 0),
        }
    }
}

/// The marks, longer ones first.
const MARKS: [(&str, &str); 6] =
    [("**", "b"), ("__", "b"), ("~~", "s"), ("`", "code"), ("*", "i"), ("_", "i")];

fn inline(text: &str, html: &mut String, depth: usize) {
    let mut rest = text;
    let mut previous = ' ';
    while let Some(c) = rest.chars().next() {
        if let Some(escaped) = rest.strip_prefix('\\').and_then(|rest| rest.chars().next())
            && escaped.is_ascii_punctuation()
        {
            push(escaped, html);
            rest = rest.get(1 + escaped.len_utf8()..).unwrap_or_default();
            previous = escaped;
            continue;
        }
        if let Some(after) = mark(rest, previous, html, depth).or_else(|| link(rest, html, depth)) {
            rest = after;
            previous = ' ';
            continue;
        }
        push(c, html);
        previous = c;
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
}

/// A mark opens before a letter and closes after one, on one line; an underscore within a word is a letter.
fn mark<'a>(text: &'a str, previous: char, html: &mut String, depth: usize) -> Option<&'a str> {
    let (sign, tag) = MARKS.into_iter().find(|(sign, _)| text.starts_with(sign))?;
    if depth >= DEPTH_MAX || (sign.starts_with('_') && previous.is_alphanumeric()) {
        return None;
    }
    let (inner, after) = text.strip_prefix(sign)?.split_once(sign)?;
    let spaced = inner.is_empty()
        || inner.starts_with(char::is_whitespace)
        || inner.ends_with(char::is_whitespace);
    let within_word = sign.starts_with('_') && after.starts_with(char::is_alphanumeric);
    if spaced || within_word {
        return None;
    }
    html.push_str(&format!("<{tag}>"));
    if tag == "code" {
        escape(inner, html);
    } else {
        inline(inner, html, depth + 1);
    }
    html.push_str(&format!("</{tag}>"));
    Some(after)
}

/// `[what it shows](where it leads)`, to the places that a chat program opens.
fn link<'a>(text: &'a str, html: &mut String, depth: usize) -> Option<&'a str> {
    let (shown, after) = text.strip_prefix('[')?.split_once("](")?;
    let (target, after) = after.split_once(')')?;
    let opens =
        ["https://", "http://", "tg://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
    if depth >= DEPTH_MAX
        || !opens
        || shown.is_empty()
        || shown.contains('[')
        || target.contains(char::is_whitespace)
    {
        return None;
    }
    html.push_str("<a href=\"");
    escape(target, html);
    html.push_str("\">");
    // A link in a link is none.
    inline(shown, html, DEPTH_MAX);
    html.push_str("</a>");
    Some(after)
}

fn escape(text: &str, html: &mut String) {
    text.chars().for_each(|c| push(c, html));
}

fn push(c: char, html: &mut String) {
    match c {
        '&' => html.push_str("&amp;"),
        '<' => html.push_str("&lt;"),
        '>' => html.push_str("&gt;"),
        '"' => html.push_str("&quot;"),
        other => html.push(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_become_tags() {
        let said = |markdown: &str, html: &str| assert_eq!(to_html(markdown), html);
        said("**Good** choice, _Alice_!", "<b>Good</b> choice, <i>Alice</i>!");
        said("a `x < y` b", "a <code>x &lt; y</code> b");
        said("```rust\nlet a = 1;\n```", "<pre>let a = 1;</pre>");
        said("# Menu\n- one", "<b>Menu</b>\n- one");
        said(
            "[the menu](https://example.org/?a=1&b=2)",
            "<a href=\"https://example.org/?a=1&amp;b=2\">the menu</a>",
        );
        said("**bold with *italic* in it**", "<b>bold with <i>italic</i> in it</b>");
    }

    #[test]
    fn what_is_no_mark_stays() {
        for text in
            ["2 * 3 * 4", "snake_case_name", "half **open", "[x](javascript:alert)", "a ``` b"]
        {
            assert_eq!(to_html(text), escaped(text));
        }
        assert_eq!(to_html("\\*not bold\\*"), "*not bold*");
    }

    proptest! {
        #[test]
        fn what_comes_out_is_well_nested(text in "[a*_~`\\[\\]()#\\\\ \n<&x:/]{0,60}") {
            let html = to_html(&text);
            let mut open = Vec::new();
            for tag in html.split('<').skip(1) {
                let (tag, _) = tag.split_once('>').expect("a tag ends");
                match tag.strip_prefix('/') {
                    Some(name) => prop_assert_eq!(open.pop(), Some(name.to_owned())),
                    None => open.push(tag.split(' ').next().unwrap_or_default().to_owned()),
                }
            }
            prop_assert!(open.is_empty());
        }
    }
}
