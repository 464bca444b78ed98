//! A request as a command for a shell: any POSIX shell, and curl.

use super::{AsSent, HIDDEN, SentHeader};

/// The longest body that is an argument of the command: Linux takes arguments of up to 128 KiB, and quoting adds to it.
const ARGUMENT_BYTES_MAX: usize = 64 * 1024;

/// Where the key of a webhook of the Chat API stands in its body.
const KEY_FIELD: &str = "\"secret_key\":\"";

/// The command. The shell itself stops it where a secret was not given.
pub(super) fn curl(request: &AsSent) -> String {
    let AsSent { method, url, headers, body, .. } = request;
    let body = quoted_body(body, request.hides_key);
    let is_long = body.len() > ARGUMENT_BYTES_MAX;
    let mut parts = vec![format!("curl --include --request {method} {}", quoted(url))];
    parts.extend(headers.iter().map(|header| format!("--header {}", quoted_header(header))));
    // `--data-raw` takes a body that begins with @ as it is. A long one comes by a pipe, which has no limit.
    parts.push(if is_long { "--data-binary @-".into() } else { format!("--data-raw {body}") });
    let command = parts.join(" \\\n  ");
    if is_long { format!("printf %s {body} | {command}\n") } else { format!("{command}\n") }
}

fn quoted_header(SentHeader { name, value }: &SentHeader) -> String {
    match value {
        // Without a value curl would leave it out; so it sends one that is empty.
        Some(value) if value.is_empty() => quoted(&format!("{name};")),
        Some(value) => quoted(&format!("{name}: {value}")),
        None => format!("\"{name}: {}\"", asked_for(&variable(name))),
    }
}

fn quoted_body(body: &str, hides_key: bool) -> String {
    let hidden = format!("{KEY_FIELD}{HIDDEN}\"");
    // The key stands before all that others wrote, so the first place is its own.
    match body.split_once(&hidden).filter(|_| hides_key) {
        Some((before, after)) => format!(
            "{}\"{}\"{}",
            quoted(&format!("{before}{KEY_FIELD}")),
            asked_for("SECRET_KEY"),
            quoted(&format!("\"{after}")),
        ),
        None => quoted(body),
    }
}

/// A variable without which the shell does not run the command.
fn asked_for(variable: &str) -> String {
    format!("${{{variable}:?is a secret of the endpoint, set it first}}")
}

/// The variable of a header: `X_API_KEY` for `x-api-key`.
fn variable(name: &str) -> String {
    let letter =
        |each: char| if each.is_ascii_alphanumeric() { each.to_ascii_uppercase() } else { '_' };
    let variable: String = name.chars().map(letter).collect();
    if variable.starts_with(|first: char| first.is_ascii_digit()) {
        return format!("_{variable}");
    }
    variable
}

/// A text that the shell takes as it is.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use tidings_model::Timestamp;

    use super::*;

    fn request(body: &str, hides_key: bool) -> AsSent {
        let header = |name: &str, value: Option<&str>| SentHeader {
            name: name.into(),
            value: value.map(str::to_owned),
        };
        AsSent {
            method: "POST".into(),
            url: "http://carol.example/it's?a=b&c".into(),
            headers: vec![
                header("content-type", Some("application/json")),
                header("1-x.key", None),
                header("x-empty", Some("")),
            ],
            body: body.into(),
            signed_at: Timestamp::UNIX_EPOCH,
            hides_key,
        }
    }

    #[test]
    fn a_shell_takes_it_as_it_is() {
        assert_eq!(
            curl(&request("{\"text\":\"it's $HOME\"}", false)),
            r#"curl --include --request POST 'http://carol.example/it'\''s?a=b&c' \
  --header 'content-type: application/json' \
  --header "1-x.key: ${_1_X_KEY:?is a secret of the endpoint, set it first}" \
  --header 'x-empty;' \
  --data-raw '{"text":"it'\''s $HOME"}'
"#
        );
    }

    #[test]
    fn a_key_in_the_body_is_asked_for_and_nothing_else_is_taken_for_it() {
        let body = r#"{"secret_key":"***","payload":{"secret_key":"***"}}"#;
        let asked = r#"'{"secret_key":"'"${SECRET_KEY:?is a secret of the endpoint, set it first}"'","payload":{"secret_key":"***"}}'"#;
        assert_eq!(quoted_body(body, true), asked);
        assert_eq!(quoted_body(body, false), format!("'{body}'"));
    }

    #[test]
    fn a_long_body_comes_by_a_pipe() {
        let long = curl(&request(&"a".repeat(ARGUMENT_BYTES_MAX), false));
        assert!(long.starts_with("printf %s 'aaa") && long.ends_with("--data-binary @-\n"));
    }
}
