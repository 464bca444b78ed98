//! `/files/{file}/{signature}`: a file that came over a channel or was uploaded. The signature is the permission to read
//! it.
//!
//! What strangers sent is never run: its type is what its bytes say, only pictures, sounds, films and PDF show in a
//! browser, and the policy allows nothing else.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use tidings_app::pipeline::files::store::{ByteRange, FileStoreError};
use tidings_app::pipeline::files::{OpenFileError, OpenedFile, open};
use tidings_model::FileId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(one))
}

/// When to ask again for a file that is still being copied, in seconds.
const NOT_READY_RETRY_S: u64 = 2;

#[derive(Deserialize)]
struct Which {
    thumbnail: Option<u8>,
}

/// Read a file that somebody sent
#[utoipa::path(
    get, path = "/files/{file}/{signature}", tag = "files", operation_id = "get_file",
    params(
        ("file" = Uuid, Path, description = "The file's id."),
        ("signature" = String, Path, description = "The permission, as it stands in the event."),
        ("thumbnail" = Option<u8>, Query, description = "1 or 2: a small picture of it, or a finer one."),
        ("Range" = Option<String>, Header, description = "One range of bytes."),
    ),
    responses(
        (status = 200, description = "The file.", content_type = "application/octet-stream", body = String),
        (status = 206, description = "A part of it.", content_type = "application/octet-stream", body = String),
        (status = 304, description = "It is as the caller knows it."),
        (status = 416, description = "It has no such part."),
    ),
)]
async fn one(
    State(api): State<Api>,
    path: Result<Path<(String, String)>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Whoever has no signature is not told what is there.
    let missing = || Problem::not_found("file");
    let Path((file, signature)) = path.map_err(|_| missing())?;
    let Query(which) = which.map_err(|_| missing())?;
    let file: FileId = file.parse().map_err(|_| missing())?;
    let found = open(&api.app, file, &signature, which.thumbnail).await;
    let found = found.map_err(|error| match error {
        OpenFileError::NotReady => {
            Problem::new(Code::FileNotReady, error.to_string()).after(NOT_READY_RETRY_S)
        }
        OpenFileError::NotKept => Problem::new(Code::FileNotKept, error.to_string()),
        OpenFileError::Read(error) => error.into(),
    })?;
    let found = found.ok_or_else(missing)?;
    let tag = tag(file, which.thumbnail);
    if headers.get(IF_NONE_MATCH).is_some_and(|known| is_named(known, &tag)) {
        return Ok(finished(StatusCode::NOT_MODIFIED, &found, tag, Body::empty()));
    }
    let same = headers.get(IF_RANGE).is_none_or(|known| known == tag);
    let asked = headers.get(RANGE).filter(|_| same).and_then(|range| range.to_str().ok());
    let range = match asked.map_or(Asked::Whole, |asked| part(asked, found.size)) {
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
        Asked::Nothing => {
            let mut response =
                finished(StatusCode::RANGE_NOT_SATISFIABLE, &found, tag, Body::empty());
            set(&mut response, CONTENT_RANGE, &format!("bytes */{}", found.size));
            return Ok(response);
        }
    };
    let body = found.read(&api.app, range).await.map_err(|error| {
        tracing::error!(file.id = %file, "a file that is kept cannot be read: {error}");
        match error {
            FileStoreError::Missing => {
                Problem::new(Code::FileNotKept, "the file is not where it was kept")
            }
            FileStoreError::Disk(_) | FileStoreError::Send(_) | FileStoreError::Refused { .. } => {
                Problem::new(Code::FileNotReady, "the file cannot be read now")
                    .after(NOT_READY_RETRY_S)
            }
        }
    })?;
    let length = body.left();
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = finished(status, &found, tag, Body::from_stream(body.stream()));
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    if let Some(ByteRange { first, length }) = range {
        let last = (first + length).saturating_sub(1);
        set(&mut response, CONTENT_RANGE, &format!("bytes {first}-{last}/{}", found.size));
    }
    Ok(response)
}

fn finished(status: StatusCode, found: &OpenedFile, tag: HeaderValue, body: Body) -> Response {
    let content_type = HeaderValue::from_str(&found.content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_DISPOSITION, disposition(found)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        // The bytes behind an id never change, and only who has the address may keep them.
        (CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable")),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (ETAG, tag),
    ];
    (status, headers, body).into_response()
}

fn set(response: &mut Response, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn disposition(found: &OpenedFile) -> HeaderValue {
    let kind = if shows_in_a_browser(&found.content_type) { "inline" } else { "attachment" };
    let value = match &found.name {
        Some(name) => format!("{kind}; filename*=UTF-8''{}", encoded(name)),
        None => kind.to_owned(),
    };
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

/// A name as RFC 8187 writes it.
fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// Pictures (but no SVG, which can hold scripts), sounds, films and PDF.
fn shows_in_a_browser(content_type: &str) -> bool {
    let picture = content_type.starts_with("image/")
        && !content_type.contains("svg")
        && !content_type.contains("xml");
    picture
        || content_type.starts_with("audio/")
        || content_type.starts_with("video/")
        || content_type == "application/pdf"
}

fn tag(file: FileId, thumbnail: Option<u8>) -> HeaderValue {
    let text = match thumbnail {
        Some(scale) => format!("\"{file}-{scale}\""),
        None => format!("\"{file}\""),
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"file\""))
}

fn is_named(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let known = known.to_str().unwrap_or_default();
    known.split(',').any(|each| {
        let each = each.trim();
        each.strip_prefix("W/").unwrap_or(each).as_bytes() == tag.as_bytes() || each == "*"
    })
}

/// What of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(ByteRange),
    Nothing,
}

/// Reads `bytes=0-99`, `bytes=100-` and `bytes=-100`. Several ranges, and what cannot be read, ask for the whole.
fn part(asked: &str, size: u64) -> Asked {
    let Some((first, last)) =
        asked.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Asked::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => Some((first, last.saturating_add(1).min(size))),
        (Ok(first), Err(_)) if last.is_empty() => Some((first, size)),
        (Err(_), Ok(last)) if first.is_empty() => Some((size.saturating_sub(last), size)),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => None,
    };
    match range {
        None => Asked::Whole,
        Some((first, end)) => match end.checked_sub(first) {
            None | Some(0) => Asked::Nothing,
            Some(length) => Asked::Part(ByteRange { first, length }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        let of = |first, length| Asked::Part(ByteRange { first, length });
        let cases = [
            ("bytes=0-3", of(0, 4)),
            ("bytes=2-", of(2, 8)),
            ("bytes=-3", of(7, 3)),
            ("bytes=-30", of(0, 10)),
            ("bytes=8-99", of(8, 2)),
            ("bytes=0-18446744073709551615", of(0, 10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("items=0-1", Asked::Whole),
            ("bytes=", Asked::Whole),
        ];
        for (asked, expected) in cases {
            assert_eq!(part(asked, 10), expected, "{asked}");
        }
    }

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        assert_eq!(encoded("a b\"\r\n;ä.png"), "a%20b%22%0D%0A%3B%C3%A4.png");
    }
}
