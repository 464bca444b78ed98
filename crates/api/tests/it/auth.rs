//! Who may do what: the committed table, proved route by route.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use tidings_app::admin::tokens::Right;
use tidings_testkit::world::{World, answer};

/// Every route under `/api`, and the right that it needs. A change here is a change of who may do what.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("GET", "/api/v1/accounts", "admin"),
    ("DELETE", "/api/v1/accounts/{name}", "admin"),
    ("PUT", "/api/v1/accounts/{name}", "admin"),
    ("GET", "/api/v1/agents", "read"),
    ("PUT", "/api/v1/agents/{id}", "admin"),
    ("GET", "/api/v1/agents/{id}/tokens", "admin"),
    ("POST", "/api/v1/agents/{id}/tokens", "admin"),
    ("DELETE", "/api/v1/agents/{id}/tokens/{token}", "admin"),
    ("GET", "/api/v1/asyncapi.json", "read"),
    ("GET", "/api/v1/bots", "read"),
    ("PUT", "/api/v1/bots/{bot}", "admin"),
    ("POST", "/api/v1/bots/{bot}/behaviors/{behavior}/resume", "write"),
    ("GET", "/api/v1/bots/{bot}/requests/{path}", "write"),
    ("POST", "/api/v1/bots/{bot}/requests/{path}", "write"),
    ("GET", "/api/v1/bots/{bot}/versions", "read"),
    ("GET", "/api/v1/bots/{bot}/versions/{version}", "read"),
    ("GET", "/api/v1/bots/{bot}/versions/{version}/diff/{other}", "read"),
    ("POST", "/api/v1/bots/{bot}/versions/{version}/rollback", "admin"),
    ("GET", "/api/v1/channels", "read"),
    ("POST", "/api/v1/channels", "admin"),
    ("DELETE", "/api/v1/channels/{id}", "admin"),
    ("GET", "/api/v1/channels/{id}", "read"),
    ("PATCH", "/api/v1/channels/{id}", "admin"),
    ("POST", "/api/v1/channels/{id}/identity-secret", "admin"),
    ("GET", "/api/v1/chats", "read"),
    ("GET", "/api/v1/chats/{id}", "read"),
    ("POST", "/api/v1/chats/{id}/close", "write"),
    ("PUT", "/api/v1/chats/{id}/control", "write"),
    ("GET", "/api/v1/chats/{id}/events", "read"),
    ("POST", "/api/v1/chats/{id}/labels", "write"),
    ("POST", "/api/v1/chats/{id}/messages", "write"),
    ("POST", "/api/v1/chats/{id}/notes", "write"),
    ("DELETE", "/api/v1/chats/{id}/snooze", "write"),
    ("POST", "/api/v1/chats/{id}/snooze", "write"),
    ("GET", "/api/v1/customers", "read"),
    ("GET", "/api/v1/customers/{id}", "read"),
    ("GET", "/api/v1/deliveries", "read"),
    ("GET", "/api/v1/deliveries/{id}", "read"),
    ("POST", "/api/v1/deliveries/{id}/cancel", "write"),
    ("POST", "/api/v1/deliveries/{id}/redeliver", "write"),
    ("GET", "/api/v1/deliveries/{id}/request", "read"),
    ("GET", "/api/v1/endpoints", "read"),
    ("POST", "/api/v1/endpoints", "admin"),
    ("POST", "/api/v1/endpoints/preview", "admin"),
    ("DELETE", "/api/v1/endpoints/{id}", "admin"),
    ("GET", "/api/v1/endpoints/{id}", "read"),
    ("PATCH", "/api/v1/endpoints/{id}", "admin"),
    ("POST", "/api/v1/endpoints/{id}/handshake", "admin"),
    ("POST", "/api/v1/endpoints/{id}/recover", "write"),
    ("POST", "/api/v1/endpoints/{id}/replay", "write"),
    ("POST", "/api/v1/endpoints/{id}/rotate_secret", "admin"),
    ("GET", "/api/v1/event-types", "read"),
    ("POST", "/api/v1/event-types", "admin"),
    ("POST", "/api/v1/event-types/drafts", "admin"),
    ("DELETE", "/api/v1/event-types/{name}", "admin"),
    ("GET", "/api/v1/event-types/{name}", "read"),
    ("PUT", "/api/v1/event-types/{name}", "admin"),
    ("GET", "/api/v1/event-types/{name}/answer-schema", "read"),
    ("GET", "/api/v1/event-types/{name}/schema", "read"),
    ("GET", "/api/v1/events", "read"),
    ("POST", "/api/v1/events", "write"),
    ("GET", "/api/v1/events/stream", "read"),
    ("GET", "/api/v1/events/{id}", "read"),
    ("POST", "/api/v1/events/{id}/answer", "write"),
    ("GET", "/api/v1/hooks", "admin"),
    ("POST", "/api/v1/hooks", "admin"),
    ("DELETE", "/api/v1/hooks/{id}", "admin"),
    ("GET", "/api/v1/hooks/{id}", "admin"),
    ("PATCH", "/api/v1/hooks/{id}", "admin"),
    ("GET", "/api/v1/jobs", "read"),
    ("GET", "/api/v1/jobs/{id}", "read"),
    ("POST", "/api/v1/jobs/{id}/cancel", "write"),
    ("GET", "/api/v1/nodes", "admin"),
    ("POST", "/api/v1/queries", "write"),
    ("GET", "/api/v1/records/{record_type}", "read"),
    ("POST", "/api/v1/records/{record_type}", "write"),
    ("POST", "/api/v1/records/{record_type}/search", "read"),
    ("DELETE", "/api/v1/records/{record_type}/{id}", "write"),
    ("GET", "/api/v1/records/{record_type}/{id}", "read"),
    ("PATCH", "/api/v1/records/{record_type}/{id}", "write"),
    ("POST", "/api/v1/records/{record_type}/{id}/actions", "write"),
    ("POST", "/api/v1/records/{record_type}/{id}/comments", "write"),
    ("GET", "/api/v1/runs", "read"),
    ("GET", "/api/v1/runs/{id}", "read"),
    ("GET", "/api/v1/service-levels", "admin"),
    ("POST", "/api/v1/service-levels", "admin"),
    ("DELETE", "/api/v1/service-levels/{id}", "admin"),
    ("GET", "/api/v1/service-levels/{id}", "admin"),
    ("PATCH", "/api/v1/service-levels/{id}", "admin"),
    ("POST", "/api/v1/simulations", "read"),
    ("GET", "/api/v1/tokens", "admin"),
    ("POST", "/api/v1/tokens", "admin"),
    ("DELETE", "/api/v1/tokens/{id}", "admin"),
    ("GET", "/api/v1/workspace", "read"),
];

/// What the description says: method, path and right of every operation under `/api`.
fn described() -> Vec<(String, String, String)> {
    let description: Value = serde_json::from_str(&tidings_api::openapi_json()).expect("JSON");
    let mut found = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if path.starts_with("/api") {
                let right = operation["security"][0]["token"][0].as_str().unwrap_or("none");
                found.push((method.to_uppercase(), path.clone(), right.to_owned()));
            }
        }
    }
    found.sort_by(|one, other| (&one.1, &one.0).cmp(&(&other.1, &other.0)));
    found
}

#[test]
fn the_table_holds_every_route() {
    let table: Vec<_> = RIGHTS
        .iter()
        .map(|(m, p, r)| ((*m).to_owned(), (*p).to_owned(), (*r).to_owned()))
        .collect();
    assert_eq!(described(), table);
}

#[tokio::test]
async fn every_route_needs_its_right_and_no_other_will_do() {
    let world = World::start().await;
    let rights = [("read", Right::Read), ("write", Right::Write), ("admin", Right::Admin)];
    let mut tokens = Vec::new();
    for (word, right) in rights {
        let others: BTreeSet<_> =
            rights.iter().map(|(_, right)| *right).filter(|other| *other != right).collect();
        tokens.push((word, world.token_with(others).await));
    }
    for (method, path, right) in RIGHTS {
        let method: Method = method.parse().expect("a method");
        let path = path
            .replace("{id}", "0198c0de-0000-7000-8000-000000000001")
            .replace("{name}", "chat.message");
        let none = answer(world.anonymous(method.clone(), &path)).await;
        assert_eq!((none.status, none.code()), (401, "token_missing"), "{method} {path}");
        assert_eq!(none.header("www-authenticate"), "Bearer");
        let unknown =
            answer(world.anonymous(method.clone(), &path).bearer_auth("tdg_nobody")).await;
        assert_eq!((unknown.status, unknown.code()), (401, "token_unknown"), "{method} {path}");
        let (_, lacking) = tokens.iter().find(|(word, _)| word == right).expect("one of the three");
        let lacking = answer(world.anonymous(method.clone(), &path).bearer_auth(lacking)).await;
        assert_eq!((lacking.status, lacking.code()), (403, "right_missing"), "{method} {path}");
        assert!(
            lacking.body["detail"].as_str().is_some_and(|detail| detail.contains(right)),
            "{lacking:?}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_revoked_at_once() {
    let world = World::start().await;
    let made = world.post("/api/v1/tokens", &json!({ "name": "carol", "rights": ["read"] })).await;
    assert_eq!(made.status, 201);
    let secret = made.body["token"].as_str().expect("it is shown").to_owned();
    assert!(secret.starts_with("tdg_"));
    let read = || answer(world.anonymous(Method::GET, "/api/v1/workspace").bearer_auth(&secret));
    assert_eq!(read().await.status, 200);

    let listed = world.get("/api/v1/tokens").await;
    assert_eq!(listed.items().len(), 2);
    assert!(!listed.text.contains(&secret));

    let path = format!("/api/v1/tokens/{}", made.body["id"].as_str().expect("an id"));
    assert_eq!(answer(world.call(Method::DELETE, &path)).await.status, 204);
    assert_eq!(read().await.code(), "token_unknown");
    world.stop().await;
}

#[tokio::test]
async fn one_workspace_does_not_see_another() {
    let world = World::start().await;
    let sent = world
        .post("/api/v1/events", &json!({ "type": "chat.message", "data": { "text": "ours" } }))
        .await;
    let other =
        tidings_app::admin::workspaces::create(&world.app, "other").await.expect("a workspace");
    let rights = BTreeSet::from([Right::Read, Right::Write, Right::Admin]);
    let made =
        tidings_app::admin::tokens::create(&world.app, other.workspace(), "other", rights, None)
            .await;
    let (_, theirs) = made.expect("a token");
    let id = sent.body["id"].as_str().expect("an id");
    let read =
        answer(world.anonymous(Method::GET, &format!("/api/v1/events/{id}")).bearer_auth(&theirs))
            .await;
    assert_eq!((read.status, read.code()), (404, "not_found"));
    let listed = answer(world.anonymous(Method::GET, "/api/v1/events").bearer_auth(&theirs)).await;
    assert_eq!(listed.items().len(), 0);
    let channel = world.web_channel().await;
    let read = answer(
        world.anonymous(Method::GET, &format!("/api/v1/channels/{channel}")).bearer_auth(&theirs),
    )
    .await;
    assert_eq!(read.status, 404);
    world.stop().await;
}
