//! The web widget as any page may load it: its script, its languages, and a page of its own.
//!
//! The script is what `widget/` makes (`npm run build`), committed there and embedded here. It is the same for everybody,
//! so it is compressed once, and any origin may read it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{Embed, EmbeddedFile};
use serde_json::{Map, Value};

use super::{is_known, tag};
use crate::problem::Problem;
use crate::state::Api;

/// `widget/dist`: the script.
#[derive(Embed)]
#[folder = "../../widget/dist/"]
struct Script;

/// `widget/locales`: the texts of one language each.
#[derive(Embed)]
#[folder = "../../widget/locales/"]
#[include = "*.json"]
struct Locales;

/// Pages of others load the script at each visit: for ten minutes without asking, then while it is asked for.
const SHARED: HeaderValue =
    HeaderValue::from_static("public, max-age=600, stale-while-revalidate=86400");

/// Pages that ask for isolation may load it, too.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The widget's own page shows pictures from anywhere, as bots send them, and opens the web views of their buttons.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' https: data:; frame-src https:; frame-ancestors 'self'",
);

/// The organization and the channel are in the page's address, where the script finds them.
const PAGE: &str = concat!(
    "<!doctype html><html><head><meta charset=\"utf-8\"><title>Chat</title>",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover, ",
    "interactive-widget=resizes-content\"></head>",
    "<body><noscript>The chat needs JavaScript.</noscript>",
    "<script src=\"/widget.js\" data-mode=\"page\" async></script></body></html>"
);

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/widget.js", get(script))
        .route("/widget/locales/{file}", get(locale))
        .route("/widget", get(page))
}

async fn script(headers: HeaderMap) -> Result<Response, Problem> {
    let file = Script::get("widget.js").ok_or_else(|| Problem::not_found("widget"))?;
    Ok(shared(&file, "text/javascript; charset=utf-8", &headers))
}

async fn locale(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let file = Locales::get(&name).ok_or_else(|| Problem::not_found("language"))?;
    Ok(shared(&file, "application/json", &headers))
}

async fn page() -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, super::REVALIDATE),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    (headers, PAGE).into_response()
}

/// The widget's texts in a language, if there are any.
pub(crate) fn texts(language: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&Locales::get(&format!("{language}.json"))?.data).ok()
}

/// A file that pages of any origin load.
fn shared(file: &EmbeddedFile, content_type: &'static str, headers: &HeaderMap) -> Response {
    let tag = tag(file);
    let zipped = accepts_gzip(headers);
    // What differs in its bytes has a tag of its own.
    let tag = if zipped { format!("{tag}-gz") } else { tag };
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let content_type = [(CONTENT_TYPE, HeaderValue::from_static(content_type))];
        match zipped.then(|| compressed(file)).flatten() {
            Some(bytes) => {
                let encoding = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                (content_type, encoding, bytes).into_response()
            }
            None => (content_type, plain(file)).into_response(),
        }
    };
    let added = response.headers_mut();
    let etag = HeaderValue::try_from(format!("\"{tag}\""));
    added.insert(ETAG, etag.expect("hex digits are good in a header"));
    added.insert(CACHE_CONTROL, SHARED);
    added.insert(VARY, HeaderValue::from_static("accept-encoding"));
    added.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    added.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| {
        accepted.split(',').any(|each| {
            let mut parts = each.split(';').map(str::trim);
            let refused = |part: &str| part.trim_start_matches("q=").parse() == Ok(0.0_f32);
            parts.next() == Some("gzip") && !parts.any(refused)
        })
    })
}

/// The file compressed: done at the first request, as few as there are, and kept. None where it cannot be done.
fn compressed(file: &EmbeddedFile) -> Option<Bytes> {
    static KEPT: OnceLock<Mutex<HashMap<[u8; 32], Bytes>>> = OnceLock::new();
    let kept = KEPT.get_or_init(Mutex::default);
    let hash = file.metadata.sha256_hash();
    let known = kept.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
    if known.is_some() {
        return known;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&file.data).ok()?;
    let bytes = Bytes::from(encoder.finish().ok()?);
    kept.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, bytes.clone());
    Some(bytes)
}

/// In a release the bytes are in the binary and are not copied.
fn plain(file: &EmbeddedFile) -> Bytes {
    match &file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::copy_from_slice(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        let with = |value: &'static str| {
            HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))])
        };
        assert!(accepts_gzip(&with("br, gzip;q=0.5")));
        assert!(!accepts_gzip(&with("gzip;q=0, br")));
        assert!(!accepts_gzip(&with("br")));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
