//! Files, and JSON that is wanted whole.

use std::time::Duration;

use axum::body::Body;
use axum::routing::{get as on_get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use serde_json::{Value, json};
use tidings_outbound::{DownloadError, Downloaded, PostError};

use crate::server::{PATIENCE, SHORT, allowing, start};

const PICTURE: &[u8] = &[7; 100_000];

async fn carol() -> String {
    let unannounced = || async {
        let pieces = stream::iter(PICTURE.chunks(1_000))
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)));
        Body::from_stream(pieces)
    };
    let stalled = || async {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"first"))]);
        Body::from_stream(first.chain(stream::pending()))
    };
    let router = Router::new()
        .route("/picture", on_get(|| async { ([("content-type", "image/png")], PICTURE) }))
        .route("/unannounced", on_get(unannounced))
        .route("/stalled", on_get(stalled))
        .route("/echo", post(|Json(value): Json<Value>| async { Json(value) }));
    format!("http://{}", start(router).await)
}

async fn download(
    path: &str,
    bytes_max: u64,
    deadline: Duration,
) -> (Result<Downloaded, DownloadError>, Vec<u8>) {
    let url = format!("{}{path}", carol().await);
    let mut file = Vec::new();
    let result = allowing(&["127.0.0.0/8"]).download(&url, &mut file, bytes_max, deadline).await;
    (result, file)
}

#[tokio::test]
async fn a_file_arrives_whole() {
    let (result, file) = download("/picture", 100_000, PATIENCE).await;
    let expected = Downloaded { bytes: 100_000, content_type: Some("image/png".into()) };
    assert_eq!(result.expect("a file"), expected);
    assert_eq!(file, PICTURE);

    let (result, file) = download("/unannounced", 100_000, PATIENCE).await;
    assert_eq!(result.expect("a file").bytes, 100_000);
    assert_eq!(file, PICTURE);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_left_there() {
    let (result, file) = download("/picture", 99_999, PATIENCE).await;
    assert!(matches!(
        result,
        Err(DownloadError::TooLarge { limit: 99_999, announced: Some(100_000) })
    ));
    assert!(file.is_empty(), "nothing was read");

    let (result, file) = download("/unannounced", 50_000, PATIENCE).await;
    assert!(matches!(result, Err(DownloadError::TooLarge { limit: 50_000, announced: None })));
    assert!(file.len() <= 50_000);
}

#[tokio::test]
async fn a_file_that_is_not_there_says_so() {
    let (result, _) = download("/nothing", 100_000, PATIENCE).await;
    assert!(matches!(result, Err(DownloadError::Status { status: StatusCode::NOT_FOUND, .. })));
}

#[tokio::test]
async fn a_file_that_stalls_ends_at_the_deadline() {
    let (result, _) = download("/stalled", 100_000, SHORT).await;
    match result {
        Err(DownloadError::Send(error)) => assert_eq!(error.code(), "timed_out"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_inside_is_refused() {
    let url = format!("{}/picture", carol().await);
    let mut file = Vec::new();
    let result = allowing(&[]).download(&url, &mut file, 100_000, PATIENCE).await;
    match result {
        Err(DownloadError::Send(error)) => assert_eq!(error.code(), "address_not_allowed"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn json_goes_out_and_comes_back_whole() {
    let url = format!("{}/echo", carol().await);
    let client = allowing(&["127.0.0.0/8"]);
    let hello = json!({ "text": "hello" });
    let answer = client.post_json(&url, &hello, PATIENCE, 1_000).await.expect("an answer");
    assert_eq!(answer.json::<Value>().expect("JSON"), hello);

    let error = client.post_json(&url, &hello, PATIENCE, 5).await.expect_err("too long");
    match error {
        PostError::Send(error) => assert_eq!(error.code(), "answer_too_large"),
        PostError::Unwritable { .. } => panic!("{error}"),
    }
}
