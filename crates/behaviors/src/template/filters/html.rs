//! HTML, and texts that become it.

use minijinja::{Error, Value};

use super::table::{Entry, filter};
use super::work::{heavy, measured};
use super::{markdown, text_of};

pub(super) const ENTRIES: &[Entry] = &[
    filter("e", "As `escape`.", "{{ 'a & b' | e }}", "a &amp; b", |e, n| measured(e, n, escape)),
    filter(
        "escape",
        "A text as it stands in HTML, also within quotes.",
        "{{ '<b> & \"c\"' | escape }}",
        "&lt;b&gt; &amp; &quot;c&quot;",
        |e, n| measured(e, n, escape),
    ),
    filter(
        "html_to_text",
        "What a reader sees of HTML, with lines for its paragraphs and list items.",
        "{{ '<style>p{}</style><p>Hello <b>Bob</b></p><ul><li>one<li>two</ul>' | html_to_text }}",
        "Hello Bob\n\n- one\n- two",
        |e, n| heavy(e, n, html_to_text),
    ),
    filter(
        "markdown",
        "Markdown (CommonMark, and `~~struck~~`) as HTML. HTML in it stands as text; links lead to http, https, mailto and tel \
         or stay on their site, others are text.",
        "{{ '**Hello** <b> [x](javascript:y)' | markdown }}",
        "<p><strong>Hello</strong> &lt;b&gt; x</p>\n",
        |e, n| heavy(e, n, markdown::markdown),
    ),
    filter(
        "nl2br",
        "A `<br>` before every line break. The text is not escaped: `escape` comes first.",
        "{{ 'a\\nb' | nl2br }}",
        "a<br>\nb",
        |e, n| measured(e, n, nl2br),
    ),
    filter(
        "striptags",
        "HTML without its tags, in one line.",
        "{{ '<p>Hello <b>Bob</b>,</p> <p>1 &lt; 2</p>' | striptags }}",
        "Hello Bob, 1 < 2",
        |e, n| heavy(e, n, striptags),
    ),
    filter(
        "unescape",
        "The text that stands in HTML as this, with `&amp;` as `&`.",
        "{{ '&lt;b&gt; &amp; &uuml; &#8364;' | unescape }}",
        "<b> & ü €",
        |e, n| measured(e, n, unescape),
    ),
];

fn escape(value: &Value) -> Result<String, Error> {
    Ok(html_escape::encode_quoted_attribute(&text_of(value)?).into_owned())
}

fn unescape(value: &Value) -> Result<String, Error> {
    Ok(decoded(&text_of(value)?))
}

fn decoded(text: &str) -> String {
    html_escape::decode_html_entities(text).into_owned()
}

fn nl2br(value: &Value) -> Result<String, Error> {
    Ok(text_of(value)?.replace("\r\n", "\n").replace('\n', "<br>\n"))
}

fn striptags(value: &Value) -> Result<String, Error> {
    let html = text_of(value)?;
    let mut text = String::new();
    for piece in pieces(&html) {
        if let Piece::Text(piece) = piece {
            text.push_str(piece);
        }
    }
    Ok(decoded(&text).split_whitespace().collect::<Vec<_>>().join(" "))
}

fn html_to_text(value: &Value) -> Result<String, Error> {
    let html = text_of(value)?;
    let mut page = Page::default();
    for piece in pieces(&html) {
        match piece {
            Piece::Text(text) => page.write(&decoded(text)),
            Piece::Tag { name, closes } => match name.as_str() {
                "br" => page.end_lines(1, true),
                "div" | "tr" | "dt" | "dd" | "section" | "article" | "header" | "footer"
                | "form" => {
                    page.end_lines(1, false);
                }
                "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "table" | "pre"
                | "blockquote" | "hr" => page.end_lines(2, false),
                "li" if !closes => {
                    page.end_lines(1, false);
                    page.write("- ");
                }
                "td" | "th" => page.write(" "),
                _ => {}
            },
        }
    }
    Ok(page.text.trim().to_owned())
}

/// A text that is set line by line.
#[derive(Default)]
struct Page {
    text: String,
    /// How many line breaks come before what is written next.
    breaks: usize,
    /// Whether white space does.
    space: bool,
}

impl Page {
    fn write(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = true;
                continue;
            }
            if self.breaks > 0 {
                self.text.extend(std::iter::repeat_n('\n', self.breaks));
            } else if self.space && !self.text.is_empty() {
                self.text.push(' ');
            }
            (self.breaks, self.space) = (0, false);
            self.text.push(c);
        }
    }

    /// Ends the line, so that so many line breaks come; a `<br>` adds one.
    fn end_lines(&mut self, breaks: usize, adds: bool) {
        if !self.text.is_empty() {
            self.breaks =
                if adds { (self.breaks + breaks).min(3) } else { self.breaks.max(breaks) };
        }
        self.space = false;
    }
}

/// A piece of HTML.
enum Piece<'h> {
    /// What a reader sees, with its entities.
    Text(&'h str),
    /// A tag: its name in small letters.
    Tag { name: String, closes: bool },
}

/// The pieces of HTML, without comments and what is not for readers.
fn pieces(html: &str) -> Vec<Piece<'_>> {
    let lower = html.to_ascii_lowercase();
    let find = |from: usize, what: &str| {
        lower.get(from..).and_then(|rest| rest.find(what)).map(|found| from + found)
    };
    let mut pieces = Vec::new();
    let (mut at, mut text_from) = (0, 0);
    while let Some(start) = find(at, "<") {
        let name = tag_name(lower.get(start + 1..).unwrap_or_default());
        let Some(name) = name else {
            at = start + 1;
            continue;
        };
        let end = if name == "!--" {
            find(start + 4, "-->").map(|end| end + 2)
        } else {
            find(start, ">")
        };
        // What never ends is no tag, nor is anything behind it.
        let Some(end) = end else { break };
        pieces.extend(html.get(text_from..start).map(Piece::Text));
        at = end + 1;
        if ["script", "style", "title", "template"].contains(&name) {
            let closed = find(at, &format!("</{name}")).unwrap_or(html.len());
            at = find(closed, ">").map_or(html.len(), |end| end + 1);
        } else {
            let (name, closes) = match name.strip_prefix('/') {
                Some(name) => (name, true),
                None => (name, false),
            };
            pieces.push(Piece::Tag { name: name.to_owned(), closes });
        }
        text_from = at;
    }
    pieces.extend(html.get(text_from..).map(Piece::Text));
    pieces
}

/// The name that a tag begins with, `/` of an end with it; nothing if it is none, as in `1 < 2`.
fn tag_name(rest: &str) -> Option<&str> {
    if rest.starts_with("!--") {
        return rest.get(..3);
    }
    let slash = usize::from(rest.starts_with('/'));
    let length = rest.bytes().skip(slash).take_while(u8::is_ascii_alphanumeric).count();
    let begins = rest.as_bytes().get(slash).is_some_and(|byte| byte.is_ascii_alphabetic());
    let declares = rest.starts_with(['!', '?']);
    if declares { Some("!") } else { begins.then(|| rest.get(..slash + length)).flatten() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_lines() {
        let cases = [
            "<!doctype html><html><head><title>No</title></head><body><h1>Menu</h1><p>One<br>two<br><br>three</p></body>",
            "<div>a<div>b</div></div>c<!-- <p>no</p> -->d",
            "<script>if (a < b) { x() }</script>1 < 2 &amp; 3 > 2<script>open",
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            "a <b>bold</b>, <i>it</i>alic <unclosed",
            "x<p></p><p></p>y&nbsp;z",
            "<style>p { color: red }</STYLE >seen",
        ];
        let told = cases.map(|html| {
            let html = Value::from(html);
            let text = html_to_text(&html).expect("a text");
            format!("{:?} {:?}", text, striptags(&html).expect("a text"))
        });
        insta::assert_snapshot!(told.join("\n"), @r#"
        "Menu\n\nOne\ntwo\n\nthree" "MenuOnetwothree"
        "a\nb\ncd" "abcd"
        "1 < 2 & 3 > 2" "1 < 2 & 3 > 2"
        "a b\nc" "abc"
        "a bold, italic <unclosed" "a bold, italic <unclosed"
        "x\n\ny z" "xy z"
        "seen" "seen"
        "#);
    }
}
