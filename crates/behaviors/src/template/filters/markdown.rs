//! `markdown`: a text that people wrote, as HTML that may be shown.

use std::fmt;

use minijinja::{Error, Value};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use super::{Growing, failed, text_of};

/// Where links may lead.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

pub(super) fn markdown(value: &Value) -> Result<String, Error> {
    let text = text_of(value)?;
    // No tables: their short rows are filled up, so that little text makes many cells.
    let parser = Parser::new_ext(&text, Options::ENABLE_STRIKETHROUGH);
    let mut page = Limited { text: Growing::new("markdown"), full: None };
    let mut kept = Vec::new();
    let events = parser.filter_map(|event| harmless(event, &mut kept));
    let outcome = html::write_html_fmt(&mut page, events);
    if let Some(error) = page.full {
        return Err(error);
    }
    outcome.map_err(|_| failed("`markdown` cannot write this"))?;
    Ok(page.text.text)
}

/// An event as it may be written. `kept` says of each link around it whether it is written.
fn harmless<'t>(event: Event<'t>, kept: &mut Vec<bool>) -> Option<Event<'t>> {
    if let Event::Html(text) | Event::InlineHtml(text) = event {
        return Some(Event::Text(text));
    }
    if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = &event {
        let keeps = leads_nowhere_else(dest_url);
        kept.push(keeps);
        return keeps.then_some(event);
    }
    if let Event::End(TagEnd::Link | TagEnd::Image) = event {
        return kept.pop().unwrap_or_default().then_some(event);
    }
    Some(event)
}

/// Whether an address has one of the schemes, or none.
fn leads_nowhere_else(address: &str) -> bool {
    let head = address.split(['/', '?', '#']).next().unwrap_or_default();
    match head.split_once(':') {
        Some((scheme, _)) => SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)),
        None => true,
    }
}

/// Takes so much and no more.
struct Limited {
    text: Growing,
    full: Option<Error>,
}

impl fmt::Write for Limited {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.text.push(piece).map_err(|error| {
            self.full = Some(error);
            fmt::Error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_cannot_run() {
        let cases = [
            "# Menu\n\n1. *Funghi*\n2. ~~Diavola~~",
            "<script>alert(1)</script>\n\n<b>bold</b> & `<i>`",
            "[a](https://example.com/?q=\"x\") [b](/menu) [c](menu#top) <https://example.com>",
            "[a](javascript:alert(1)) [b](JaVaScRiPt:x) [c](data:text/html,x) [d](java&#10;script:x) [e](&#1;javascript:x)",
            "![a](javascript:x) ![b *c*](https://example.com/x.png) [![d](vbscript:x)](https://example.com)",
            "[![d](https://example.com/x.png)](vbscript:x)",
            "<javascript:alert(1)> <a@example.com>",
            "[a]\n\n[a]: javascript:x '\"'",
        ];
        let told = cases.map(|text| markdown(&Value::from(text)).expect("HTML"));
        insta::assert_snapshot!(told.join("--\n"), @r#"
        <h1>Menu</h1>
        <ol>
        <li><em>Funghi</em></li>
        <li><del>Diavola</del></li>
        </ol>
        --
        &lt;script&gt;alert(1)&lt;/script&gt;
        <p>&lt;b&gt;bold&lt;/b&gt; &amp; <code>&lt;i&gt;</code></p>
        --
        <p><a href="https://example.com/?q=%22x%22">a</a> <a href="/menu">b</a> <a href="menu#top">c</a> <a href="https://example.com">https://example.com</a></p>
        --
        <p>a b c d e</p>
        --
        <p>a <img src="https://example.com/x.png" alt="b c" /> <a href="https://example.com">d</a></p>
        --
        <p><img src="https://example.com/x.png" alt="d" /></p>
        --
        <p>javascript:alert(1) <a href="mailto:a@example.com">a@example.com</a></p>
        --
        <p>a</p>
        "#);
    }
}
