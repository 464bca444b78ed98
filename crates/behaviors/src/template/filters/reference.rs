//! The page of the reference: `docs/reference/templates.md` is what this gives.

use std::fmt::Write as _;

use super::table::{Entry, GROUPS, Kind};

const TOP: &str = "# Templates: filters, functions, tests

This page is made of the table that templates run by (`cargo run -p tidings-behaviors --example templates`), and every example is a test.
Texts of bots and payloads of webhooks are templates, conditions are the same language; [write a bot](../how-to/write-a-bot.md) says what a template sees.

`{{ value | filter }}`, `{{ function() }}` and `{{ value is test }}` stand where a value may stand, so filters follow one another: `{{ name | trim | title }}`.
Arguments stand in their places, and what is behind a `=` is what an argument is that is left out; some have names instead, and then it says so.
In what an example gives, `\\n` is a line break.

A filter takes and makes values of up to 64 KB, 32 deep; what is bigger is an error, and the run stops.
There are the operators of Jinja, `[from:to]` for a part of a list or a text, `if` and `for`.
";

/// The page of the reference about templates, in Markdown.
pub fn reference_page() -> String {
    let mut page = TOP.to_owned();
    for group in &GROUPS {
        page.push_str(&format!("\n## {}\n\n", group.title));
        if !group.about.is_empty() {
            page.push_str(&format!("{}\n\n", group.about));
        }
        for entry in group.entries {
            write_entry(&mut page, entry);
        }
    }
    page
}

fn write_entry(page: &mut String, entry: &Entry) {
    let call = match entry.kind {
        Kind::Filter | Kind::Function => entry.call.to_owned(),
        Kind::Test => format!("is {}", entry.call),
    };
    let example = code(entry.example);
    let gives = if entry.gives.is_empty() { "nothing".to_owned() } else { code(entry.gives) };
    let seeing = if entry.session.is_empty() {
        String::new()
    } else {
        format!(" with `session` as {}", code(entry.session))
    };
    // A `String` takes whatever is written into it.
    let _written =
        write!(page, "- **`{call}`**: {}\n  {example}{seeing} gives {gives}\n", entry.about);
}

/// A text as code, which stays in its line; a backtick in it needs two around it.
fn code(text: &str) -> String {
    let line = text.replace('\n', "\\n");
    if line.contains('`') { format!("`` {line} ``") } else { format!("`{line}`") }
}
