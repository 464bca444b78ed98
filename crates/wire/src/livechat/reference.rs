//! The reference of all methods as Markdown, made of the table, so that it cannot say anything else.

use std::fmt::Write as _;

use serde_json::Value;

use super::error::ErrorType;
use super::methods::{COMMON_ERRORS, Method, Param, methods, shapes};
use super::push::pushes;
use super::version::{Side, Version};

/// One page about every method: how it is called, what it takes, answers, fails with and causes.
pub fn reference() -> String {
    let mut page = String::new();
    write_page(&mut page).expect("writing to a String cannot fail");
    page
}

fn write_page(page: &mut String) -> std::fmt::Result {
    writeln!(page, "# Chat API: methods\n")?;
    writeln!(page, "Names and shapes are those of version 3.6.")?;
    writeln!(
        page,
        "Versions 3.0 to 3.7 are spoken; older names are given where there are some.\n"
    )?;
    errors(page)?;
    shapes_of_answers(page)?;
    for side in Side::ALL {
        writeln!(page, "## {}\n", side.title())?;
        for method in methods().iter().filter(|method| method.side == side) {
            write_method(page, method)?;
        }
        write_pushes(page, side)?;
    }
    Ok(())
}

/// What stands in several answers.
fn shapes_of_answers(page: &mut String) -> std::fmt::Result {
    writeln!(page, "## Shapes\n")?;
    writeln!(page, "They stand in answers by their names; a `?` marks what may be absent.\n")?;
    for (name, of) in shapes() {
        writeln!(page, "- `{name}`: `{}`", shape(of))?;
    }
    writeln!(page)
}

/// A shape as people read it: `{chat_id: string, event_ids?: [string]}`.
fn shape(of: &Value) -> String {
    match of {
        Value::String(word) => word.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field = |(name, of): (&String, &Value)| format!("{name}: {}", shape(of));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => of.to_string(),
    }
}

fn errors(page: &mut String) -> std::fmt::Result {
    writeln!(page, "## Errors\n")?;
    writeln!(page, "| type | HTTP | says |\n| --- | --- | --- |")?;
    for kind in ErrorType::ALL {
        writeln!(page, "| `{kind}` | {} | {} |", kind.http_status(), kind.default_message())?;
    }
    let common = COMMON_ERRORS.map(|kind| format!("`{kind}`")).join(", ");
    writeln!(page, "\nEvery method can fail with {common}.\n")
}

fn write_method(page: &mut String, method: &Method) -> std::fmt::Result {
    writeln!(page, "### `{}` ({})\n", method.action, method.side)?;
    let transports = match (method.web, method.http_get, method.rtm) {
        (true, true, _) => "Web (GET)",
        (true, false, true) => "Web, RTM",
        (true, false, false) => "Web",
        (false, _, _) => "RTM",
    };
    let versions = match method.until {
        Some(until) => format!("{} to {until}", method.since),
        None => format!("{} and later", method.since),
    };
    writeln!(page, "{transports}. Versions {versions}.")?;
    for older in &method.older_names {
        writeln!(page, "Called `{}` until {}.", older.name, older.until)?;
    }
    if let Some(single) = method.batch_of {
        writeln!(page, "Each of `requests` is a request of `{single}`.")?;
    }
    if !method.scopes.is_empty() {
        writeln!(page, "Scopes, any of: {}.", code(&method.scopes))?;
    }
    if !method.params.is_empty() {
        writeln!(page, "\n| parameter | type | required | more |\n| --- | --- | --- | --- |")?;
        for param in &method.params {
            let required = if param.required { "yes" } else { "" };
            writeln!(
                page,
                "| `{}` | {} | {required} | {} |",
                param.path,
                param.kind.as_str(),
                more(param)
            )?;
        }
    }
    writeln!(page, "\nAnswer: `{}`.", shape(&method.answer))?;
    if !method.errors.is_empty() {
        let errors: Vec<String> =
            method.errors.iter().map(|kind| format!("`{kind}` ({})", kind.http_status())).collect();
        writeln!(page, "Errors: {}.", errors.join(", "))?;
    }
    for (to, names) in [
        ("Pushes to agents", &method.pushes_to_agents),
        ("Pushes to the customer", &method.pushes_to_customer),
        ("Webhooks", &method.webhooks),
    ] {
        if !names.is_empty() {
            writeln!(page, "{to}: {}.", code(names))?;
        }
    }
    writeln!(page)
}

fn more(param: &Param) -> String {
    let mut words = Vec::new();
    if !param.allowed.is_empty() {
        words.push(param.allowed.join(" / "));
    }
    match (param.min, param.max) {
        (Some(min), Some(max)) => words.push(format!("{min} to {max}")),
        (Some(min), None) => words.push(format!("at least {min}")),
        (None, Some(max)) => words.push(format!("at most {max}")),
        (None, None) => {}
    }
    match &param.default {
        Some(Value::String(text)) => words.push(format!("default `{text}`")),
        Some(value) => words.push(format!("default `{value}`")),
        None => {}
    }
    words.join("; ")
}

fn write_pushes(page: &mut String, side: Side) -> std::fmt::Result {
    let names: Vec<&str> = pushes(side, Version::V3_6).collect();
    if names.is_empty() {
        return Ok(());
    }
    writeln!(page, "### Pushes ({side})\n")?;
    writeln!(page, "{}.\n", code(&names))
}

fn code(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_and_every_error_has_its_place() {
        let page = reference();
        for method in methods() {
            assert!(page.contains(&format!("### `{}` ({})\n", method.action, method.side)));
        }
        for kind in ErrorType::ALL {
            assert!(page.contains(&format!("| `{kind}` | {} |", kind.http_status())));
        }
    }

    #[test]
    fn a_method_reads_like_this() {
        let page = reference();
        let from = page.find("### `tag_thread`").expect("the method is there");
        let rest = page.get(from..).unwrap_or_default();
        let until = rest.find("### `untag_thread`").unwrap_or(rest.len());
        insta::assert_snapshot!(rest.get(..until).unwrap_or_default(), @r"
        ### `tag_thread` (agent)

        Web, RTM. Versions 3.0 and later.
        Called `tag_chat_thread` until 3.1.
        Scopes, any of: `chats--all:rw`, `chats--access:rw`.

        | parameter | type | required | more |
        | --- | --- | --- | --- |
        | `chat_id` | string | yes |  |
        | `thread_id` | string | yes |  |
        | `tag` | string | yes |  |

        Answer: `{}`.
        Errors: `not_found` (404), `validation` (400).
        Pushes to agents: `thread_tagged`.
        Webhooks: `thread_tagged`.
        ");
    }
}
