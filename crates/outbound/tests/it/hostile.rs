//! Servers that mean no good, or are ill: each call ends at its deadline or before, with little read.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::server::{PATIENCE, SHORT, allowing, get, hear, outcome, repeat, says, scripted, start};

/// What the kernel's buffers of one connection hold at most, and some: more was not sent when nobody read it.
const BUFFERED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A server that says `head`, then `again` until it is hung up on; and how many bytes that took.
async fn goes_on(
    head: &'static [u8],
    again: &'static [u8],
) -> (String, mpsc::UnboundedReceiver<usize>) {
    let (tell, told) = mpsc::unbounded_channel();
    let address = scripted(move |mut stream| {
        let tell = tell.clone();
        async move {
            hear(&mut stream).await;
            stream.write_all(head).await.expect("it is heard");
            let _gone = tell.send(repeat(&mut stream, again).await);
        }
    })
    .await;
    (format!("http://{address}/"), told)
}

#[tokio::test]
async fn ten_gigabytes_are_left_there() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n";
    let (url, mut told) = goes_on(head, &[b'a'; 64 * 1024]).await;
    let answer = allowing(&["127.0.0.0/8"]).send(get(&url)).await.expect("an answer");
    assert_eq!((answer.body_head.len(), answer.truncated), (1_000, true));
    let sent = told.recv().await.expect("it was hung up on");
    assert!(sent < BUFFERED_BYTES_MAX, "{sent}");
}

#[tokio::test]
async fn chunks_without_an_end_are_left_there() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let (url, mut told) = goes_on(head, b"5\r\nhello\r\n").await;
    let answer = allowing(&["127.0.0.0/8"]).send(get(&url)).await.expect("an answer");
    assert_eq!((answer.body_head.len(), answer.truncated), (1_000, true));
    let sent = told.recv().await.expect("it was hung up on");
    assert!(sent < BUFFERED_BYTES_MAX, "{sent}");
}

#[tokio::test]
async fn a_flood_of_headers_ends_the_call_early() {
    for again in [&b"x-more: y\r\n"[..], &[b'a'; 1024]] {
        let (url, mut told) = goes_on(b"HTTP/1.1 200 OK\r\nx: ", again).await;
        let result = allowing(&["127.0.0.0/8"]).send(get(&url)).await;
        assert_eq!(outcome(&result), "exchange_failed");
        let sent = told.recv().await.expect("it was hung up on");
        assert!(sent < BUFFERED_BYTES_MAX, "{sent}");
    }
}

#[tokio::test]
async fn a_flood_of_early_hints_ends_at_the_deadline() {
    let (url, mut told) = goes_on(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await;
    let mut request = get(&url);
    request.deadline = SHORT;
    assert_eq!(outcome(&allowing(&["127.0.0.0/8"]).send(request).await), "timed_out");
    told.recv().await.expect("it was hung up on");
}

#[tokio::test]
async fn early_hints_and_then_an_answer() {
    let hints = says(
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    )
    .await;
    let result = allowing(&["127.0.0.0/8"]).send(get(&format!("http://{hints}/"))).await;
    assert_eq!(outcome(&result), "204");
}

#[tokio::test]
async fn headers_that_drip_end_at_the_deadline() {
    let drips = scripted(|mut stream| async move {
        hear(&mut stream).await;
        let mut every = tokio::time::interval(Duration::from_millis(10));
        for byte in b"HTTP/1.1 200 OK\r\n".iter().chain([b'x'; 10_000].iter()) {
            every.tick().await;
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    })
    .await;
    let url = format!("http://{drips}/");
    let mut request = get(&url);
    request.deadline = SHORT;
    assert_eq!(outcome(&allowing(&["127.0.0.0/8"]).send(request).await), "timed_out");
}

#[tokio::test]
async fn a_handshake_that_stops_in_the_middle_ends_at_the_deadline() {
    let stops = scripted(|mut stream| async move {
        hear(&mut stream).await;
        // The head of a handshake record, and nothing in it.
        stream.write_all(&[0x16, 0x03, 0x03, 0x00, 0x7a, 0x02]).await.expect("it is heard");
        std::future::pending().await
    })
    .await;
    let url = format!("https://{stops}/");
    let mut request = get(&url);
    request.deadline = SHORT;
    assert_eq!(outcome(&allowing(&["127.0.0.0/8"]).send(request).await), "timed_out");
}

#[tokio::test]
async fn headers_and_bodies_that_are_no_text_are_kept_as_they_are() {
    let says =
        says(b"HTTP/1.1 200 OK\r\nx-name: \xff\xfe\r\ncontent-length: 4\r\n\r\n\x00\xff\xc3\x28")
            .await;
    let result = allowing(&["127.0.0.0/8"]).send(get(&format!("http://{says}/"))).await;
    let answer = result.expect("an answer");
    assert_eq!(answer.headers["x-name"].as_bytes(), b"\xff\xfe");
    assert_eq!(&answer.body_head[..], b"\x00\xff\xc3\x28");
    assert_eq!(answer.text_head(), "\0\u{fffd}\u{fffd}(");
}

#[tokio::test]
async fn heads_that_are_wrong_end_the_call() {
    let wrong: [&'static [u8]; 6] = [
        b"HTTP/1.1 200 OK\r\nbad name: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello\r\n",
    ];
    for bytes in wrong {
        let url = format!("http://{}/", says(bytes).await);
        let result = allowing(&["127.0.0.0/8"]).send(get(&url)).await;
        assert_eq!(outcome(&result), "exchange_failed", "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn a_hundred_redirects_are_one_request() {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    let router = Router::new().fallback(any(move || {
        let visit = counted.fetch_add(1, Ordering::SeqCst);
        async move { (StatusCode::FOUND, [("location", format!("/{visit}"))]) }
    }));
    let carol = start(router).await;
    let result = allowing(&["127.0.0.0/8"]).send(get(&format!("http://{carol}/"))).await;
    assert_eq!(outcome(&result), "302");
    assert_eq!(visits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_packed_unasked_is_read_all_the_same() {
    let gzip = {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(b"hello").expect("in memory");
        packed.finish().expect("in memory")
    };
    let zlib = {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
        packed.write_all(b"hello").expect("in memory");
        packed.finish().expect("in memory")
    };
    for (name, bytes) in [("gzip", &gzip), ("X-GZIP", &gzip), ("deflate", &zlib)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let (bytes, counted) = (bytes.clone(), Arc::clone(&asked));
        let router = Router::new().fallback(any(move |headers: http::HeaderMap| {
            let asks = headers["accept-encoding"] != "identity";
            counted.fetch_add(usize::from(asks), Ordering::SeqCst);
            async move { ([("content-encoding", name)], bytes) }
        }));
        let url = format!("http://{}/", start(router).await);
        let answer = allowing(&["127.0.0.0/8"]).send(get(&url)).await.expect("an answer");
        assert_eq!((answer.text_head().as_str(), answer.truncated), ("hello", false), "{name}");
        assert!(!answer.headers.contains_key("content-encoding"));
        assert!(!answer.headers.contains_key("content-length"));
        assert_eq!(asked.load(Ordering::SeqCst), 0, "we ask for bytes as they are");
    }
}

/// The most memory that this process had, in KiB.
#[cfg(target_os = "linux")]
fn memory_peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is told");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Run by nextest in a process of its own; otherwise other tests' memory may count, which is little too.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_bomb_that_is_read_to_its_end_costs_no_memory() {
    const UNPACKED_BYTES: usize = 128 * 1024 * 1024;
    let bomb = {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..UNPACKED_BYTES / 65_536 {
            packed.write_all(&[0; 65_536]).expect("in memory");
        }
        packed.finish().expect("in memory")
    };
    let router =
        Router::new().fallback(any(move || async move { ([("content-encoding", "gzip")], bomb) }));
    let url = format!("http://{}/", start(router).await);
    let client = allowing(&["127.0.0.0/8"]);
    let before = memory_peak_kib();
    let mut nowhere = tokio::io::sink();
    let file = client.download(&url, &mut nowhere, u64::MAX, PATIENCE).await.expect("a file");
    assert_eq!(file.bytes, UNPACKED_BYTES as u64);
    let grown = memory_peak_kib() - before;
    assert!(grown < 16 * 1024, "{grown} KiB");
}
