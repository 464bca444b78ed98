//! Misbehaving: by HTTP where it is HTTP, and on a bare socket where it is not.

use std::io::ErrorKind;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Bin, http};

/// Posts on a bare socket and gives it back, to read what comes.
async fn post(bin: &Bin, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&bin.address).await.expect("connected");
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\n{{}}", bin.address);
    stream.write_all(head.as_bytes()).await.expect("written");
    stream
}

/// All that comes until the connection ends, and how it ends.
async fn all(bin: &Bin, path: &str) -> (Vec<u8>, Result<usize, ErrorKind>) {
    let mut bytes = Vec::new();
    let mut stream = post(bin, path).await;
    let end = stream.read_to_end(&mut bytes).await.map_err(|error| error.kind());
    (bytes, end)
}

async fn first_bytes(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await.expect("so many bytes come");
    bytes
}

#[tokio::test]
async fn connections_end_without_an_answer() {
    let bin = Bin::start(&[]).await;
    assert_eq!(all(&bin, "/do/close").await, (vec![], Ok(0)));
    assert_eq!(all(&bin, "/do/reset").await, (vec![], Err(ErrorKind::ConnectionReset)));
    let (garbage, _) = all(&bin, "/do/garbage").await;
    assert!(garbage.starts_with(b"\0") && std::str::from_utf8(&garbage).is_err());
}

#[tokio::test]
async fn who_hangs_keeps_the_connection_until_the_sender_goes() {
    let bin = Bin::start(&[]).await;
    let mut waiting = post(&bin, "/do/hang").await;
    super::eventually("it is noted", async || bin.deliveries().await.len() == 1).await;
    let nothing = waiting.try_read(&mut [0; 1]).expect_err("nothing came");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    waiting.shutdown().await.expect("half closed");
    assert_eq!(waiting.read(&mut [0; 1]).await.expect("it ends"), 0);
}

#[tokio::test]
async fn lengths_and_chunks_are_wrong() {
    let bin = Bin::start(&[]).await;
    for (path, says, body) in [
        ("/do/long-length", "Content-Length: 100\r\n", "too short"),
        ("/do/short-length", "Content-Length: 3\r\n", "longer than it says"),
        ("/do/bad-chunk", "Transfer-Encoding: chunked\r\n", "not-a-size\r\nbody\r\n0\r\n\r\n"),
    ] {
        let (bytes, _) = all(&bin, path).await;
        let text = String::from_utf8(bytes).expect("text");
        let (head, sent) = text.split_once("\r\n\r\n").expect("a head");
        assert!(format!("{head}\r\n").contains(says) && sent == body, "{path}: {text}");
    }
    // A client of HTTP is not fooled.
    for path in ["/do/long-length", "/do/bad-chunk"] {
        let answer = bin.post(path, &json!({})).await;
        assert!(answer.bytes().await.is_err(), "{path}");
    }
    assert!(http().post(bin.url("/do/garbage")).send().await.is_err());
}

#[tokio::test]
async fn drips_come_byte_by_byte() {
    let bin = Bin::start(&[]).await;
    let (head, _) = all(&bin, "/do/drip-head?drip_ms=1").await;
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n") && head.ends_with(b"\r\n\r\nok"));
    let (body, _) = all(&bin, "/do/drip-body?drip_ms=1&bytes=20").await;
    assert!(body.ends_with(&[&b"\r\n\r\n"[..], &[b'.'; 20]].concat()));
    // A pause that is longer than the test: the first byte is there, the next is not.
    let mut slow = post(&bin, "/do/drip-head?drip_ms=60000").await;
    assert_eq!(first_bytes(&mut slow, 1).await, b"H");
    let nothing = slow.try_read(&mut [0; 1]).expect_err("the second byte is not there");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn big_answers_are_as_big_as_asked_for() {
    let bin = Bin::start(&[]).await;
    let huge = bin.post("/do/huge?bytes=300000", &json!({})).await;
    assert_eq!(huge.bytes().await.expect("a body").len(), 300_000);
    let bomb = bin.post("/do/gzip-bomb?bytes=3000000", &json!({})).await;
    assert_eq!(bomb.bytes().await.expect("it unpacks").len(), 3_000_000);
    let (headers, _) = all(&bin, "/do/big-headers?bytes=100000").await;
    assert!(headers.len() > 100_000, "{}", headers.len());
    for path in ["/do/endless", "/do/early-hints"] {
        // There is no end to see: what is seen goes far beyond any buffer.
        let mut stream = post(&bin, path).await;
        assert!(first_bytes(&mut stream, 8 << 20).await.starts_with(b"HTTP/1.1 "), "{path}");
    }
}

#[tokio::test]
async fn statuses_and_pauses_are_said_by_path() {
    let bin = Bin::start(&[]).await;
    let gone = bin.post("/do/status/anything/below?status=410", &json!({})).await;
    assert_eq!(gone.status(), 410);
    let busy = bin.post("/do/status?status=429&retry_after_s=7", &json!({})).await;
    assert_eq!(
        (busy.status().as_u16(), &busy.headers()["retry-after"]),
        (429, &"7".parse().expect("text"))
    );
    let away =
        bin.post("/do/status?status=503&retry_after_s=7&retry_after_as=date", &json!({})).await;
    let date = away.headers()["retry-after"].to_str().expect("text").to_owned();
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
    let again = http().post(bin.url("/do/redirect?delay_ms=1"));
    let error = again.send().await.expect_err("it leads to itself for ever");
    assert!(error.is_redirect(), "{error:?}");
    // The client follows ten times and refuses the next.
    let redirects = bin.deliveries().await.iter().filter(|item| item["answered"] == "307").count();
    assert_eq!(redirects, 11);
}

#[tokio::test]
async fn a_delay_is_waited_for() {
    let bin = Bin::start(&["--delay-ms", "600000"]).await;
    let mut waiting = post(&bin, "/hook").await;
    super::eventually("it is noted", async || bin.deliveries().await.len() == 1).await;
    let nothing = waiting.try_read(&mut [0; 1]).expect_err("nothing came yet");
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    let at_once = bin.post("/do/status?delay_ms=1", &json!({})).await;
    assert_eq!(at_once.status(), 204);
    assert_eq!(first_bytes(&mut post(&bin, "/do/status").await, 12).await, b"HTTP/1.1 204");
    waiting.shutdown().await.expect("half closed");
}

#[tokio::test]
async fn it_is_told_while_it_runs() {
    let bin = Bin::start(&["--status", "500"]).await;
    assert_eq!(bin.post("/hook", &json!({})).await.status(), 500);
    let told = bin.behave(&json!({ "status": 503, "every": 2, "times": 1 })).await;
    let told: Value = told.json().await.expect("JSON");
    assert_eq!(
        (&told["answer"], &told["status"], &told["drip_ms"]),
        (&json!("status"), &json!(503), &json!(1000))
    );
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bin.post("/hook", &json!({})).await.status().as_u16());
    }
    assert_eq!(statuses, [204, 503, 204, 204]);
    bin.behave(&json!({ "answer": "close" })).await;
    assert!(http().post(bin.url("/hook")).send().await.is_err());
    bin.behave(&json!({})).await;
    assert_eq!(bin.post("/hook", &json!({})).await.status(), 204);
}

#[tokio::test]
async fn what_cannot_be_is_told_by_name() {
    let bin = Bin::start(&[]).await;
    let errors = [
        (json!({ "answer": "sing" }), "answer: unknown variant `sing`"),
        (json!({ "statsu": 500 }), "unknown field `statsu`"),
        (json!({ "status": "bad" }), "status: invalid type"),
        (json!({ "status": 99 }), "status must be from 200 to 599"),
        (json!({ "every": 0 }), "every must be 1 or more"),
        (json!({ "delay_ms": 600_001 }), "delay_ms may be 600000 at most"),
    ];
    for (behavior, expected) in errors {
        let refused = bin.behave(&behavior).await;
        assert_eq!(refused.status(), 422);
        let refused: Value = refused.json().await.expect("JSON");
        let error = refused["error"].as_str().expect("an error");
        assert!(error.contains(expected), "{behavior}: {error}");
    }
    for (path, expected) in [
        ("/do/sing", "/do/sing: unknown variant"),
        ("/do/status?status=1", "status must be"),
        ("/do/status?size=1", "unknown field `size`"),
        ("/do/status?times=1", "say them by PUT /behave"),
    ] {
        let refused = bin.post(path, &json!({})).await;
        assert_eq!(refused.status(), 404, "{path}");
        let refused = refused.text().await.expect("text");
        assert!(refused.contains(expected), "{path}: {refused}");
    }
    assert_eq!(bin.deliveries().await, Vec::<Value>::new());
}
