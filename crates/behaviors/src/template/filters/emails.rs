//! `parse_emails`: the addresses that people write into one line.

use minijinja::{Error, Value};

use super::text_of;

pub(super) fn parse_emails(value: &Value) -> Result<Vec<Value>, Error> {
    let text = text_of(value)?;
    Ok(cut(&text).into_iter().filter_map(read).collect())
}

/// The pieces between commas, semicolons and line breaks that stand neither in quotes nor in brackets.
fn cut(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut bracketed, mut escaped) = (0, false, false, false);
    for (index, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            // A line break ends whatever somebody forgot to close.
            '\n' => {
                pieces.extend(text.get(start..index));
                (start, quoted, bracketed) = (index + 1, false, false);
            }
            ',' | ';' if !quoted && !bracketed => {
                pieces.extend(text.get(start..index));
                start = index + 1;
            }
            _ => {}
        }
    }
    pieces.extend(text.get(start..));
    pieces
}

fn read(piece: &str) -> Option<Value> {
    let piece = piece.trim();
    let (name, address) = match piece.strip_suffix('>').and_then(|piece| piece.rsplit_once('<')) {
        Some((name, address)) => (unquoted(name.trim()), address.trim()),
        None => (String::new(), piece),
    };
    is_address(address).then(|| {
        Value::from_pairs([("name", Value::from(name)), ("address", Value::from(address))])
    })
}

fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut plain = String::new();
    let mut escaped = false;
    for c in inner.chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            plain.push(c);
        }
    }
    plain
}

/// Whether it looks like an address. Whether it is one, only its mail server knows.
fn is_address(text: &str) -> bool {
    /// The longest address, by RFC 5321.
    const ADDRESS_BYTES_MAX: usize = 254;
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c);
    text.len() <= ADDRESS_BYTES_MAX
        && !local.is_empty()
        && local.chars().all(plain)
        && domain.chars().all(plain)
        && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        let text = "Alice <alice@example.com>; \"Doe, \\\"Bob\\\" J.\" <bob@mail.example.com>, carol@example\n\
                    \"open <x@example.com>, y@example.com\nDave (at work), <eve@example.com>, a@b@c, @x, x@, a@b..c, \
                    Fïnn <fïnn@exämple.com>";
        let found = Value::from(parse_emails(&Value::from(text)).expect("texts"));
        insta::assert_snapshot!(super::super::json(&found, Some(1)).expect("JSON"), @r#"
        [
         {
          "name": "Alice",
          "address": "alice@example.com"
         },
         {
          "name": "Doe, \"Bob\" J.",
          "address": "bob@mail.example.com"
         },
         {
          "name": "",
          "address": "carol@example"
         },
         {
          "name": "",
          "address": "eve@example.com"
         },
         {
          "name": "Fïnn",
          "address": "fïnn@exämple.com"
         }
        ]
        "#);
    }
}
