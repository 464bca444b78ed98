//! The body of a request: read up to the limit, then as JSON, with an error that says what is wrong and where.
//!
//! A good body is parsed once. Only one that does not fit is parsed a second time, to find the place.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tidings_model::{NESTING_MAX, nesting};

use crate::problem::{Code, Problem};
use crate::state::Api;

/// Up to how many bytes a body is read before anything is decided about its request.
const SHORT_BODY_BYTES_MAX: usize = 64 << 10;

/// The request with its body in memory, if it is short.
///
/// Who is refused before the body was read (a wrong address, no token, too often) would have the connection closed under
/// what they still send, and may never read the answer: many clients send the body in a packet of its own.
pub(crate) async fn with_short_body(request: Request) -> Result<Request, Problem> {
    let is_short = |length: u64| (1..=SHORT_BODY_BYTES_MAX as u64).contains(&length);
    if !declared(&request).is_some_and(is_short) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    #[expect(clippy::disallowed_methods, reason = "it is read up to the limit")]
    let bytes = axum::body::to_bytes(body, SHORT_BODY_BYTES_MAX).await;
    let bytes = bytes.map_err(|_| Problem::new(Code::InvalidBody, "the body broke off"))?;
    Ok(Request::from_parts(parts, bytes.into()))
}

/// How long the body is, by what the request says.
fn declared(request: &Request) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The body as bytes, at most as long as the limit.
pub(crate) struct RawBody(pub(crate) Bytes);

impl FromRequest<Api> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let limit = api.limits.body_bytes_max;
        if declared(&request).is_some_and(|length| length > limit as u64) {
            return Err(too_large(limit));
        }
        #[expect(clippy::disallowed_methods, reason = "this is the extractor that has the limit")]
        let bytes = axum::body::to_bytes(request.into_body(), limit).await;
        // A body that breaks off is answered the same way; nobody is there to read it.
        bytes.map(Self).map_err(|_| too_large(limit))
    }
}

/// The body as JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let declared = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !is_json(declared) {
            return Err(Problem::new(
                Code::WrongContentType,
                "the body must be declared as application/json",
            ));
        }
        let RawBody(bytes) = RawBody::from_request(request, api).await?;
        parse(&bytes).map(Self)
    }
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
        || media_type
            .get(media_type.len().saturating_sub(5)..)
            .is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the body is longer than {limit} bytes"))
}

/// Reads JSON.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::new(
            Code::InvalidUtf8,
            format!("the body is not UTF-8 at byte {}", error.valid_up_to()),
        )
    })?;
    if nesting(bytes) > NESTING_MAX {
        let message = format!("the body is nested deeper than {NESTING_MAX} levels");
        return Err(Problem::new(Code::TooDeep, message));
    }
    serde_json::from_str(text).map_err(|error| explain::<T>(text, &error))
}

fn explain<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Data => wrong_field::<T>(text),
        Category::Syntax if error.to_string().starts_with("recursion limit exceeded") => {
            Problem::new(Code::TooDeep, format!("the body is nested too deep at {place}"))
        }
        Category::Eof => {
            Problem::new(Code::MalformedJson, format!("the body ends too early, at {place}"))
        }
        Category::Syntax | Category::Io => {
            Problem::new(Code::MalformedJson, format!("the body is not JSON at {place}"))
        }
    }
}

fn wrong_field<T: DeserializeOwned>(text: &str) -> Problem {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let problem = |pointer: String, message: String| {
        Problem::new(
            Code::InvalidBody,
            format!("{}: {message}", if pointer.is_empty() { "the body" } else { &pointer }),
        )
        .at(pointer, message)
    };
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        // It was refused a moment ago, so this is not reached; saying so is better than failing.
        Ok(_) => problem(String::new(), "does not fit".into()),
        Err(error) => {
            let message = bounded(&error.inner().to_string());
            // serde names a missing field in words only.
            let missing =
                message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
            let missing = missing.map(|field| format!("/{field}")).unwrap_or_default();
            problem(pointer(error.path()) + &missing, message)
        }
    }
}

/// The longest message about a field, in characters: serde repeats what it was given.
const MESSAGE_CHARS_MAX: usize = 300;

fn bounded(message: &str) -> String {
    // The place is in the pointer.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// A path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            // The variant of an enum has no place of its own in our JSON.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Keeps "not given" (`None`) and "given as null" (`Some(None)`) apart; for `#[serde(default, deserialize_with)]`.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only its type matters here")]
        size: Size,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Size {
        #[expect(dead_code, reason = "only its type matters here")]
        cm: u32,
    }

    fn problem(text: &[u8]) -> (Code, String) {
        let problem = parse::<Order>(text).expect_err("it must be refused");
        (
            problem.code,
            problem.errors.first().map(|error| error.pointer.clone()).unwrap_or_default(),
        )
    }

    #[test]
    fn each_fault_has_its_code_and_place() {
        assert_eq!(problem(b"{\"size\": }").0, Code::MalformedJson);
        assert_eq!(problem(b"{\"size\":").0, Code::MalformedJson);
        assert_eq!(problem(b"{\"size\":{\"cm\":3}} x").0, Code::MalformedJson);
        assert_eq!(problem(b"{\"size\":\"\xff\"}").0, Code::InvalidUtf8);
        assert_eq!(
            problem(b"{\"size\":{\"cm\":\"large\"}}"),
            (Code::InvalidBody, "/size/cm".into())
        );
        assert_eq!(
            problem(b"{\"size\":{\"cm\":3},\"colour\":1}"),
            (Code::InvalidBody, "/colour".into())
        );
        assert_eq!(problem(b"{}"), (Code::InvalidBody, "/size".into()));
        let deep = "[".repeat(200);
        assert_eq!(parse::<Value>(deep.as_bytes()).expect_err("too deep").code, Code::TooDeep);
    }
}
