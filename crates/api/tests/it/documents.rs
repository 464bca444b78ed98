//! What administrators see and change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_app::pipeline::files::{self, FileStatus, StoredFile};
use tidings_model::{ChannelId, Clock, EventId, FileId};
use tidings_store::{Batch, Body, DocKey, Kind, Put};
use tidings_testkit::world::{World, answer};

#[tokio::test]
async fn an_endpoint_shows_its_secret_once() {
    let world = World::start().await;
    let body = json!({ "url": "https://example.com/hook", "events": ["chat.*"], "description": "Carol's" });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(made.body["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
    let path = format!("/api/v1/endpoints/{}", made.body["id"].as_str().expect("an id"));
    let read = world.get(&path).await;
    assert_eq!((read.status, read.body.get("secret")), (200, None));
    assert!(!read.text.contains("sealed"));
    let changed = answer(world.call(Method::PATCH, &path).json(&json!({ "enabled": false }))).await;
    assert_eq!((&changed.body["enabled"], &changed.body["url"]), (&json!(false), &body["url"]));
    assert_eq!(answer(world.call(Method::DELETE, &path)).await.status, 204);
    assert_eq!(world.get(&path).await.status, 404);
    world.stop().await;
}

#[tokio::test]
async fn an_endpoint_inside_our_own_network_is_refused() {
    let world = World::start().await;
    for url in
        ["http://169.254.169.254/latest", "http://10.0.0.1/", "file:///etc/passwd", "nonsense"]
    {
        let got = world.post("/api/v1/endpoints", &json!({ "url": url })).await;
        assert_eq!(
            (got.status, got.code(), got.pointer()),
            (422, "invalid_field", "/url"),
            "{url}"
        );
    }
    let got = world
        .post(
            "/api/v1/endpoints",
            &json!({ "url": "https://example.com", "events": ["chat.mesage"] }),
        )
        .await;
    assert_eq!((got.status, got.pointer()), (422, "/events/0"));
    world.stop().await;
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let world = World::start().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(world.web_channel().await.to_string());
    }
    let mut seen = Vec::new();
    let mut path = String::from("/api/v1/channels?limit=2");
    loop {
        let page = world.get(&path).await;
        assert!(page.items().len() <= 2);
        seen.extend(
            page.items().iter().map(|channel| channel["id"].as_str().expect("an id").to_owned()),
        );
        let Some(next) = page.body["next"].as_str() else { break };
        path = format!("/api/v1/channels?limit=2&cursor={next}");
    }
    assert_eq!(seen, made);
    world.stop().await;
}

#[tokio::test]
async fn a_secret_of_a_channel_is_never_given() {
    let world = World::start().await;
    let made = world
        .post("/api/v1/channels", &json!({
            "kind": "telegram", "name": "Shop",
            "settings": {
                "token": "123456789:AAabcdefghijklmnopqrstuvwxyz012345678", "secret_token": "a-shared-secret-of-ours",
            },
        }))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["settings"]["token"], "(set)");
    let listed = world.get("/api/v1/channels").await;
    assert!(
        !listed.text.contains("AAabc")
            && !listed.text.contains("a-shared")
            && !listed.text.contains("v1."),
        "{}",
        listed.text
    );
    // What was read may be written back: the secret stays.
    let path = format!("/api/v1/channels/{}", made.body["id"].as_str().expect("an id"));
    let back = json!({ "name": "Shop 2", "settings": made.body["settings"], "bot": "pizzeria" });
    let changed = answer(world.call(Method::PATCH, &path).json(&back)).await;
    assert_eq!((changed.status, &changed.body["bot"]), (200, &json!("pizzeria")), "{changed:?}");
    let without = answer(world.call(Method::PATCH, &path).json(&json!({ "bot": null }))).await;
    assert_eq!((&without.body["bot"], &without.body["name"]), (&json!(null), &json!("Shop 2")));
    world.stop().await;
}

#[tokio::test]
async fn empty_lists_are_lists() {
    let world = World::start().await;
    for path in [
        "agents",
        "bots",
        "channels",
        "chats",
        "customers",
        "deliveries",
        "endpoints",
        "events",
        "runs",
    ] {
        let got = world.get(&format!("/api/v1/{path}")).await;
        assert_eq!((got.status, got.body), (200, json!({ "items": [], "next": null })), "{path}");
    }
    let workspace = world.get("/api/v1/workspace").await;
    assert_eq!((&workspace.body["name"], &workspace.body["last_seq"]), (&json!("test"), &json!(0)));
    world.stop().await;
}

/// How long a test waits for something that must come.
const WAIT_MAX: Duration = Duration::from_secs(10);

#[tokio::test]
async fn carol_gets_an_event_and_gets_it_again_by_hand() {
    let world = World::start().await;
    let got = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&got);
    let receiver = axum::Router::new().fallback(move || {
        counting.fetch_add(1, Ordering::SeqCst);
        std::future::ready("thank you")
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move { axum::serve(listener, receiver).await });
    let endpoint =
        world.post("/api/v1/endpoints", &json!({ "url": url, "events": ["chat.message"] })).await;
    assert_eq!(endpoint.status, 201, "{endpoint:?}");
    world
        .post("/api/v1/events", &json!({ "type": "chat.message", "data": { "text": "Hello" } }))
        .await;

    let id = endpoint.body["id"].as_str().expect("an id");
    let path = format!("/api/v1/deliveries?endpoint={id}&status=delivered");
    let listed = tokio::time::timeout(WAIT_MAX, async {
        loop {
            let listed = world.get(&path).await;
            if !listed.items().is_empty() {
                return listed;
            }
            tokio::task::yield_now().await;
        }
    });
    let delivery = listed.await.expect("it is delivered in time").items()[0].clone();
    assert_eq!((&delivery["attempts"][0]["status"], &delivery["tries"]), (&json!(200), &json!(1)));
    let path = format!("/api/v1/deliveries/{}", delivery["id"].as_str().expect("an id"));
    let again = world.post(&format!("{path}/redeliver"), &Value::Null).await;
    assert_eq!(
        (again.status, again.body["attempts"].as_array().map(Vec::len)),
        (200, Some(2)),
        "{again:?}"
    );
    assert_eq!(got.load(Ordering::SeqCst), 2);
    assert_eq!(world.get(&path).await.body, again.body);
    serving.abort();
    world.stop().await;
}

#[tokio::test]
async fn a_file_is_given_to_who_has_its_address_and_never_run() {
    let world = World::start().await;
    let keep = async |content_type: &str, status: FileStatus| {
        let id = FileId::new(world.clock.next_id());
        let file = StoredFile {
            id,
            channel: Some(ChannelId::new(world.clock.next_id())),
            chat: None,
            event: Some(EventId::new(world.clock.next_id())),
            handle: "h".into(),
            name: None,
            content_type: Some(content_type.into()),
            size: Some(4),
            status,
            tries: 1,
            upload: None,
        };
        let mut batch = Batch::new(world.workspace);
        let body = Body::of(&file).expect("a file is JSON");
        batch.puts.push(Put {
            key: DocKey::new(Kind::File, id),
            expected: None,
            body,
            index: Vec::new(),
        });
        world.app.store().commit(batch).await.expect("it can be written");
        let path = files::path(&world.app, world.workspace, id);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, "ABCD").expect("a file");
        files::url(&world.app, id)
    };
    let read = async |url: &str| answer(world.http.get(url)).await;

    let picture = keep("image/png", FileStatus::Kept).await;
    let got = read(&picture).await;
    assert_eq!(
        (got.status, got.text.as_str(), got.header("content-type")),
        (200, "ABCD", "image/png")
    );
    assert_eq!((got.header("content-disposition"), got.header("content-length")), ("inline", "4"));
    assert_eq!(got.header("content-security-policy"), "sandbox; default-src 'none'");
    for stranger in ["text/html", "image/svg+xml", "application/javascript"] {
        let got = read(&keep(stranger, FileStatus::Kept).await).await;
        assert_eq!(
            (got.status, got.header("content-disposition")),
            (200, "attachment"),
            "{stranger}"
        );
        assert_eq!(got.header("x-content-type-options"), "nosniff");
    }
    let waiting = read(&keep("image/png", FileStatus::Waiting).await).await;
    assert_eq!(
        (waiting.status, waiting.code(), waiting.header("retry-after")),
        (409, "file_not_ready", "2")
    );
    assert_eq!(read(&keep("image/png", FileStatus::TooBig).await).await.code(), "file_not_kept");
    assert_eq!(read(&format!("{picture}x")).await.code(), "not_found");
    world.stop().await;
}
