//! Which content type a payload has, and so how values are escaped in it.

use std::fmt;
use std::str::FromStr;

/// The longest content type, in bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 100;

/// The content type of a payload, as `application/json` or `text/plain; charset=utf-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    text: String,
    escape: Escape,
}

/// How values are written into a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// As JSON values, or as text within quotes.
    Json,
    /// `<`, `>`, `&` and quotes as entities.
    Markup,
    /// Percent-encoded.
    Form,
    /// As they are.
    Nothing,
}

impl ContentType {
    /// `application/json`.
    pub fn json() -> Self {
        Self { text: "application/json".to_owned(), escape: Escape::Json }
    }

    /// The value of the header.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether payloads must be JSON.
    pub fn is_json(&self) -> bool {
        self.escape == Escape::Json
    }

    pub(super) fn escape(&self) -> Escape {
        self.escape
    }
}

impl FromStr for ContentType {
    type Err = InvalidContentType;

    /// Reads a media type of RFC 9110, 8.3.1; what follows a semicolon is kept.
    fn from_str(text: &str) -> Result<Self, InvalidContentType> {
        let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let essence = text.split(';').next().unwrap_or_default().trim_end().to_ascii_lowercase();
        let (main, sub) = essence.split_once('/').ok_or(InvalidContentType)?;
        if !printable || text.len() > CONTENT_TYPE_BYTES_MAX || !is_token(main) || !is_token(sub) {
            return Err(InvalidContentType);
        }
        let escape = match (main, sub) {
            _ if sub == "json" || sub.ends_with("+json") => Escape::Json,
            _ if sub == "xml" || sub.ends_with("+xml") || sub == "html" => Escape::Markup,
            ("application", "x-www-form-urlencoded") => Escape::Form,
            _ => Escape::Nothing,
        };
        Ok(Self { text: text.to_owned(), escape })
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is not a content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a content type is type/subtype of at most {CONTENT_TYPE_BYTES_MAX} bytes, as application/json or text/plain"
)]
pub struct InvalidContentType;

/// A token of RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_says_how_values_are_escaped() {
        let escape = |text: &str| text.parse::<ContentType>().map(|parsed| parsed.escape);
        assert_eq!(escape("application/json"), Ok(Escape::Json));
        assert_eq!(escape("Application/Vnd.Acme+JSON; charset=utf-8"), Ok(Escape::Json));
        assert_eq!(escape("image/svg+xml"), Ok(Escape::Markup));
        assert_eq!(escape("application/x-www-form-urlencoded"), Ok(Escape::Form));
        assert_eq!(escape("text/plain ; charset=utf-8"), Ok(Escape::Nothing));
        for wrong in ["", "json", "/json", "text/", "a b/c", "text/plain\r\nx: y", "täxt/plain"] {
            assert_eq!(escape(wrong), Err(InvalidContentType), "{wrong:?}");
        }
    }
}
