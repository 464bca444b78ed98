//! `/files/{file}/{signature}`: a customer's file that was copied at receipt. The signature is the permission to read it.
//!
//! What strangers sent is never run: its type is what its bytes say, only pictures, sounds, films and PDF show in a
//! browser, and the policy allows nothing else.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderValue;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use tidings_app::pipeline::files::{OpenFileError, OpenedFile, open};
use tidings_model::FileId;
use tokio::io::AsyncReadExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(one))
}

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// When to ask again for a file that is still being copied, in seconds.
const NOT_READY_RETRY_S: u64 = 2;

/// Read a file that a customer sent
#[utoipa::path(
    get, path = "/files/{file}/{signature}", tag = "files", operation_id = "get_file",
    params(
        ("file" = Uuid, Path, description = "The file's id."),
        ("signature" = String, Path, description = "The permission, as it stands in the event."),
    ),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream", body = String)),
)]
async fn one(
    State(api): State<Api>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    // Whoever has no signature is not told what is there.
    let missing = || Problem::not_found("file");
    let Path((file, signature)) = path.map_err(|_| missing())?;
    let file: FileId = file.parse().map_err(|_| missing())?;
    let found = open(&api.app, file, &signature).await.map_err(|error| match error {
        OpenFileError::NotReady => {
            Problem::new(Code::FileNotReady, error.to_string()).after(NOT_READY_RETRY_S)
        }
        OpenFileError::NotKept => Problem::new(Code::FileNotKept, error.to_string()),
        OpenFileError::Read(error) => error.into(),
    })?;
    let found = found.ok_or_else(missing)?;
    let opened = tokio::fs::File::open(&found.path).await;
    let opened = opened.map_err(|error| {
        tracing::error!(file.id = %file, "a file that is kept cannot be opened: {error}");
        Problem::new(Code::FileNotKept, "the file is not where it was kept")
    })?;
    let length = opened.metadata().await.ok().map(|metadata| metadata.len());
    Ok(response(&found, length, chunks(opened)))
}

fn response(
    found: &OpenedFile,
    length: Option<u64>,
    body: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Response {
    let content_type = found.content_type.as_str();
    let disposition = if shows_in_a_browser(content_type) { "inline" } else { "attachment" };
    let content_type = HeaderValue::from_str(content_type)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_DISPOSITION, HeaderValue::from_static(disposition)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        // The bytes behind an id never change, and only who has the address may keep them.
        (CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable")),
    ];
    let mut response = (headers, Body::from_stream(body)).into_response();
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
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

fn chunks(file: tokio::fs::File) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    futures_util::stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let mut part = (&mut file).take(CHUNK_BYTES as u64);
        match part.read_to_end(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(chunk.into()), Some(file))),
            Err(error) => Some((Err(error), None)),
        }
    })
}
