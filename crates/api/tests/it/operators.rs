//! For operators and browsers: health, the description, pages, headers, limits.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_api::{Limits, Rate};
use tidings_testkit::world::{World, answer};

#[tokio::test]
async fn ready_until_draining() {
    let world = World::start().await;
    let at = |path: &'static str| answer(world.anonymous(Method::GET, path));
    assert_eq!(at("/healthz").await.status, 200);
    assert_eq!(at("/readyz").await.status, 200);
    assert!(at("/metrics").await.header("content-type").starts_with("text/plain; version=0.0.4"));
    world.readiness.damaged("page 7".into());
    let damaged = at("/readyz").await;
    assert_eq!((damaged.status, &damaged.body["reasons"]), (503, &json!(["storage_damaged"])));
    world.stop().await;
}

#[tokio::test]
async fn a_closed_store_is_told() {
    let world = World::start().await;
    world.app.store().close().await;
    let ready = answer(world.anonymous(Method::GET, "/readyz")).await;
    assert_eq!((ready.status, &ready.body["reasons"]), (503, &json!(["storage_closed"])));
    let sent = world
        .post("/api/v1/events", &json!({ "type": "chat.message", "data": { "text": "a" } }))
        .await;
    assert_eq!((sent.status, sent.code()), (503, "shutting_down"));
    assert_eq!(sent.header("retry-after"), "5");
}

#[tokio::test]
async fn every_answer_has_its_id_and_the_headers_that_protect() {
    let world = World::start().await;
    let page = answer(world.anonymous(Method::GET, "/").header("x-request-id", "mine-1")).await;
    assert_eq!((page.status, page.header("x-request-id")), (200, "mine-1"));
    assert!(page.header("content-security-policy").contains("frame-ancestors 'self'"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let other =
        answer(world.anonymous(Method::GET, "/nothing").header("x-request-id", "a b\"c")).await;
    assert_ne!(other.header("x-request-id"), "a b\"c");
    assert!(!other.header("x-request-id").is_empty());
    assert_eq!(other.header("access-control-allow-origin"), "", "no other site may call us");
    world.stop().await;
}

#[tokio::test]
async fn pages_come_with_a_tag_and_are_not_sent_twice() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let page = answer(world.anonymous(Method::GET, &format!("/chat/{channel}"))).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let script = answer(world.anonymous(Method::GET, "/assets/chat.js")).await;
    assert!(script.header("content-type").starts_with("text/javascript"), "{:?}", script.headers);
    let call = world
        .anonymous(Method::GET, "/assets/chat.js")
        .header("if-none-match", script.header("etag"));
    assert_eq!(answer(call).await.status, 304);
    assert_eq!(answer(world.anonymous(Method::GET, "/assets/../Cargo.toml")).await.status, 404);
    assert_eq!(answer(world.anonymous(Method::GET, "/assets/%2e%2e/Cargo.toml")).await.status, 404);
    assert!(
        answer(world.anonymous(Method::GET, "/docs/errors"))
            .await
            .text
            .contains("id=\"not_found\"")
    );
    world.stop().await;
}

#[tokio::test]
async fn the_widget_can_be_loaded_by_any_page() {
    let world = World::start().await;
    let script = |encoding: &'static str| {
        world.anonymous(Method::GET, "/widget.js").header("accept-encoding", encoding)
    };
    let plain = answer(script("identity")).await;
    assert_eq!((plain.status, plain.header("access-control-allow-origin")), (200, "*"));
    assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(plain.header("cross-origin-resource-policy"), "cross-origin");
    assert!(plain.header("cache-control").starts_with("public, max-age="), "{:?}", plain.headers);
    assert_eq!(plain.header("vary"), "accept-encoding");
    assert!(plain.text.contains("tidings-widget"));
    let zipped = answer(script("gzip")).await;
    assert_eq!(zipped.text, plain.text, "the client has unpacked it");
    assert_ne!(zipped.header("etag"), plain.header("etag"), "other bytes, another tag");
    for (encoding, etag) in [("identity", plain.header("etag")), ("gzip", zipped.header("etag"))] {
        let known = answer(script(encoding).header("if-none-match", etag)).await;
        assert_eq!((known.status, known.header("etag")), (304, etag));
    }
    let german = answer(world.anonymous(Method::GET, "/widget/locales/de.json")).await;
    assert_eq!((german.status, german.header("content-type")), (200, "application/json"));
    assert!(german.text.contains("Nachricht"));
    for path in ["/widget/locales/xx.json", "/widget/locales/..%2f..%2fCargo.toml"] {
        assert_eq!(answer(world.anonymous(Method::GET, path)).await.status, 404);
    }
    let page = answer(world.anonymous(Method::GET, "/widget?organization=a&channel=b")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    world.stop().await;
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_complete() {
    let world = World::start().await;
    let got = answer(world.anonymous(Method::GET, "/openapi.json")).await;
    assert_eq!((got.status, &got.body["openapi"]), (200, &json!("3.1.0")));
    assert_eq!(got.text, tidings_api::openapi_json());
    let components = &got.body["components"];
    let mut wanting = Vec::new();
    refs(&got.body, &mut |reference| {
        let pointer = reference.trim_start_matches('#');
        if got.body.pointer(pointer).is_none() {
            wanting.push(reference.to_owned());
        }
    });
    assert_eq!(wanting, Vec::<String>::new(), "every reference leads somewhere");
    for schema in ["Problem", "Envelope", "ChatView", "DeliveryView", "RunView"] {
        assert!(components["schemas"][schema].is_object(), "{schema}");
    }
    assert_eq!(components["securitySchemes"]["token"]["scheme"], "bearer");
    for (path, item) in got.body["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    world.stop().await;
}

fn refs(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(reference) if key == "$ref" => found(reference),
                    Value::String(_)
                    | Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => refs(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| refs(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn who_asks_too_fast_is_told_when_to_come_back() {
    let limits = Limits { per_token: Rate { per_second: 1, burst: 1 }, ..Limits::default() };
    let world = World::start_with(limits).await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(world.get("/api/v1/workspace").await.code().to_owned());
    }
    assert!(
        codes.contains(&String::new()) && codes.contains(&"too_many_requests".to_owned()),
        "{codes:?}"
    );
    world.stop().await;

    let limits = Limits { per_address: Rate { per_second: 1, burst: 1 }, ..Limits::default() };
    let world = World::start_with(limits).await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(answer(world.anonymous(Method::GET, "/")).await.code().to_owned());
    }
    assert!(codes.contains(&"too_many_requests".to_owned()), "{codes:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_panic_and_a_delay_are_answered() {
    let extra = axum::Router::new()
        .route("/fails", axum::routing::get(fails))
        .route("/hangs", axum::routing::get(std::future::pending::<()>));
    let limits = Limits {
        request_timeout: Duration::from_millis(50),
        in_flight_max: 1,
        ..Limits::default()
    };
    let world = World::start_with_routes(limits, Some(extra)).await;
    let at = |path: &'static str| answer(world.anonymous(Method::GET, path));
    let failed = at("/fails").await;
    assert_eq!((failed.status, failed.code()), (500, "internal"));
    assert!(!failed.text.contains("secret"));
    let late = at("/hangs").await;
    assert_eq!((late.status, late.code()), (408, "request_timed_out"));
    assert_eq!(at("/healthz").await.status, 200, "what was in hand is given back");
    world.stop().await;
}

#[expect(clippy::panic, reason = "it is the panic that is answered")]
async fn fails() {
    panic!("a secret");
}
