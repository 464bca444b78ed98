//! Wrong requests: each gets its code, and nothing of it is kept.

use http::Method;
use serde_json::json;
use tidings_testkit::world::{Answer, World, answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn send(world: &World, body: impl Into<reqwest::Body>) -> Answer {
    let call =
        world.call(Method::POST, "/api/v1/events").header("content-type", "application/json");
    answer(call.body(body)).await
}

#[tokio::test]
async fn a_wrong_body_is_refused_with_its_code_and_place() {
    let world = World::start().await;
    let bodies: [(Vec<u8>, u16, &str, &str); 12] = [
        (b"{\"type\": ".to_vec(), 400, "malformed_json", ""),
        (b"".to_vec(), 400, "malformed_json", ""),
        (b"{\"type\": \"chat.message\", \"data\": {}} {}".to_vec(), 400, "malformed_json", ""),
        (b"{\"type\": \"\xff\xfe\"}".to_vec(), 400, "invalid_utf8", ""),
        (format!("{{\"data\":{}", "[".repeat(5_000)).into_bytes(), 400, "too_deep", ""),
        (b"{\"type\": 7, \"data\": {}}".to_vec(), 400, "invalid_body", "/type"),
        (b"{\"type\": \"chat.message\", \"chat\": null}".to_vec(), 400, "invalid_body", "/data"),
        (b"{\"type\": \"chat.message\", \"data\": {}, \"dta\": 1}".to_vec(), 400, "invalid_body", "/dta"),
        (b"{\"type\": \"chat.message\", \"data\": {\"text\": 7}}".to_vec(), 422, "invalid_data", "/data/text"),
        (b"{\"type\": \"chat.message\", \"data\": \"text\"}".to_vec(), 422, "invalid_data", "/data"),
        (
            b"{\"type\": \"chat.message\", \"data\": {\"text\": \"a\"}, \"author\": {\"kind\": \"system\", \"id\": \"\"}}".to_vec(),
            422,
            "invalid_field",
            "/author/kind",
        ),
        (
            b"{\"type\": \"chat.message\", \"data\": {\"text\": \"a\"}, \"chat\": \"0198c0de-0000-7000-8000-000000000001\"}".to_vec(),
            422,
            "unknown_chat",
            "/chat",
        ),
    ];
    for (body, status, code, pointer) in bodies {
        let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
        let got = send(&world, body).await;
        assert_eq!(
            (got.status, got.code(), got.pointer()),
            (status, code, pointer),
            "{shown}: {got:?}"
        );
        assert_eq!(got.header("content-type"), "application/problem+json");
        assert_eq!(got.body["type"], format!("/docs/errors#{code}"));
        assert_eq!(got.body["status"], status);
    }
    assert_eq!(world.get("/api/v1/events").await.items().len(), 0, "nothing was kept");
    world.stop().await;
}

#[tokio::test]
async fn malformed_json_is_told_with_line_and_column() {
    let world = World::start().await;
    let got = send(&world, "{\n  \"type\": oops\n}").await;
    insta::assert_snapshot!(got.body["detail"].as_str().unwrap_or_default(), @"the body is not JSON at line 2, column 11");
    world.stop().await;
}

#[tokio::test]
async fn an_unknown_type_is_told_with_the_nearest() {
    let world = World::start().await;
    let got = world.post("/api/v1/events", &json!({ "type": "chat.mesage", "data": {} })).await;
    assert_eq!((got.status, got.code(), got.pointer()), (422, "unknown_event_type", "/type"));
    insta::assert_snapshot!(
        got.body["detail"].as_str().unwrap_or_default(),
        @r#"the catalogue has no event type "chat.mesage"; did you mean "chat.message"?"#
    );
    let got =
        world.post("/api/v1/events", &json!({ "type": "webhook.received", "data": {} })).await;
    assert_eq!((got.status, got.code()), (422, "not_a_fact"));
    world.stop().await;
}

#[tokio::test]
async fn a_duplicate_key_is_taken_at_its_last() {
    let world = World::start().await;
    let got =
        send(&world, "{\"type\":\"chat.message\",\"data\":{\"text\":\"a\",\"text\":\"b\"}}").await;
    assert_eq!((got.status, &got.body["data"]["text"]), (201, &json!("b")));
    world.stop().await;
}

#[tokio::test]
async fn too_long_bodies_and_other_types_are_refused() {
    let world = World::start().await;
    let long =
        format!("{{\"type\":\"chat.message\",\"data\":{{\"text\":\"{}\"}}}}", "x".repeat(1 << 20));
    let got = send(&world, long.clone()).await;
    assert_eq!((got.status, got.code()), (413, "body_too_large"));
    // The same without a length that is known before.
    let pieces = futures_util::stream::iter(
        long.into_bytes()
            .chunks(65_536)
            .map(<[u8]>::to_vec)
            .map(Ok::<_, std::io::Error>)
            .collect::<Vec<_>>(),
    );
    let got = send(&world, reqwest::Body::wrap_stream(pieces)).await;
    assert_eq!((got.status, got.code()), (413, "body_too_large"));
    let got = answer(
        world.call(Method::POST, "/api/v1/events").header("content-type", "text/plain").body("{}"),
    )
    .await;
    assert_eq!((got.status, got.code()), (415, "wrong_content_type"));
    world.stop().await;
}

#[tokio::test]
async fn addresses_are_checked() {
    let world = World::start().await;
    let wrong = [
        ("/api/v1/events/nonsense", 400, "invalid_id"),
        ("/api/v1/events/0198c0de-0000-7000-8000-000000000001", 404, "not_found"),
        ("/api/v1/events?limit=0", 400, "invalid_parameter"),
        ("/api/v1/events?limit=1001", 400, "invalid_parameter"),
        ("/api/v1/events?after=-1", 400, "invalid_parameter"),
        ("/api/v1/events?type=chat.mesage", 400, "invalid_parameter"),
        ("/api/v1/events?typ=chat.message", 400, "unknown_parameter"),
        ("/api/v1/events/stream?since=x", 400, "invalid_parameter"),
        ("/api/v1/deliveries?status=lost", 400, "invalid_parameter"),
        ("/api/v1/event-types/chat.mesage", 404, "not_found"),
        ("/api/v1/nothing", 404, "not_found"),
        ("/nothing", 404, "not_found"),
        ("/files/0198c0de-0000-7000-8000-000000000001/abc", 404, "not_found"),
    ];
    for (path, status, code) in wrong {
        let got = world.get(path).await;
        assert_eq!((got.status, got.code()), (status, code), "{path}");
    }
    let got = answer(world.call(Method::PUT, "/api/v1/events")).await;
    assert_eq!((got.status, got.code()), (405, "method_not_allowed"));
    assert!(
        got.header("allow").contains("GET") && got.header("allow").contains("POST"),
        "{:?}",
        got.headers
    );
    world.stop().await;
}

#[tokio::test]
async fn who_is_refused_may_finish_and_go_on() {
    let world = World::start().await;
    let address = world.base_url.trim_start_matches("http://");
    let mut line = tokio::net::TcpStream::connect(address).await.expect("connected");
    for (path, status) in [
        ("/v9.9/agent/action/list_chats", "400 Bad Request"),
        ("/v3.6/agent/action/make_coffee", "404 Not Found"),
        ("/api/v1/events", "401 Unauthorized"),
        ("/nowhere", "404 Not Found"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: tidings\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        );
        line.write_all(head.as_bytes()).await.expect("sent");
        assert_eq!(head_of(&mut line).await, "HTTP/1.1 100 Continue\r\n\r\n", "{path}");
        line.write_all(b"{}").await.expect("sent");
        let answer = head_of(&mut line).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{path}: {answer}");
        let length = answer.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        line.read_exact(&mut vec![0; length]).await.expect("the answer's body");
    }
    world.stop().await;
}

/// What comes up to the empty line.
async fn head_of(line: &mut tokio::net::TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await.expect("the server goes on"));
    }
    String::from_utf8(head).expect("ASCII")
}
