//! The pages that the binary carries: the first page, the chat page, their scripts and styles, and the list of errors.
//! The widget, which pages of others load, is in [`widget`].

mod widget;

pub(crate) use widget::texts as widget_texts;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{Embed, EmbeddedFile};
use tidings_model::ChannelId;

use crate::params::Id;
use crate::problem::{Code, Problem};
use crate::state::Api;

/// What is in `crates/api/pages`.
#[derive(Embed)]
#[folder = "pages/"]
struct Pages;

/// Browsers ask again each time, and are mostly told that nothing changed: a new version is seen at once.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/", get(first))
        .route("/chat/{channel}", get(chat))
        .merge(assets())
        .route("/docs/errors", get(errors))
        .merge(widget::routes())
}

async fn first() -> Html<&'static str> {
    Html(concat!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tidings</title>",
        "<meta name=\"viewport\" content=\"width=device-width\">",
        "<h1>Tidings</h1><p>The open event server behind chatbots and help desks. It runs.</p><ul>",
        "<li>API: <a href=\"/openapi.json\">its description (OpenAPI 3.1)</a>, <a href=\"/docs/errors\">its errors</a></li>",
        "<li>Chat pages: <code>/chat/&lt;the id of a web channel&gt;</code></li>",
        "<li>For operators: <a href=\"/healthz\">alive</a>, <a href=\"/readyz\">ready</a>, ",
        "<a href=\"/metrics\">metrics</a></li></ul></html>"
    ))
}

/// The chat page is the same for all channels: it asks for its own when it is open.
async fn chat(
    Id(_): Id<ChannelId>,
    State(_): State<Api>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    serve("chat.html", &headers)
}

/// The demo's page; `server` gives the routes that it asks.
pub fn demo(headers: HeaderMap) -> std::future::Ready<Response> {
    std::future::ready(serve("demo.html", &headers).into_response())
}

/// The page of `tidings bin`, which gives the routes that it asks.
pub fn bin(headers: HeaderMap) -> std::future::Ready<Response> {
    std::future::ready(serve("bin.html", &headers).into_response())
}

/// What pages consist of: scripts and styles.
pub fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{*path}", get(asset))
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    serve(&path, &headers)
}

fn serve(path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let file = Pages::get(path).ok_or_else(|| Problem::not_found("page"))?;
    Ok(embedded(&file, headers))
}

fn embedded(file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = tag(file);
    let etag =
        HeaderValue::try_from(format!("\"{tag}\"")).expect("hex digits are good in a header");
    if is_known(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag), (CACHE_CONTROL, REVALIDATE)])
            .into_response();
    }
    let mut content_type = file.metadata.mimetype().to_owned();
    if content_type.starts_with("text/") {
        content_type.push_str("; charset=utf-8");
    }
    let content_type = HeaderValue::try_from(content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [(CONTENT_TYPE, content_type), (ETAG, etag), (CACHE_CONTROL, REVALIDATE)];
    (headers, file.data.to_vec()).into_response()
}

/// What tells one version of a file from another.
fn tag(file: &EmbeddedFile) -> String {
    file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the browser has this version already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    known.is_some_and(|known| {
        known.split(',').any(|each| {
            let each = each.trim();
            each.strip_prefix("W/").unwrap_or(each).trim_matches('"') == tag
        })
    })
}

/// Where the `type` of a problem leads.
async fn errors() -> Html<String> {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Errors of Tidings</title><h1>Errors</h1><dl>",
    );
    for code in Code::ALL {
        page.push_str(&format!(
            "<dt id=\"{name}\"><code>{name}</code> ({status})</dt><dd>{title}. {advice}</dd>",
            name = code.as_str(),
            status = code.status().as_u16(),
            title = code.title(),
            advice = code.advice().replace('<', "&lt;"),
        ));
    }
    page.push_str("</dl></html>");
    Html(page)
}
