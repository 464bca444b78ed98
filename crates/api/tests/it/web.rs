//! The web channel: Alice says hello on the chat page, Bob answers, and she sees what she may.

use http::Method;
use serde_json::{Value, json};
use tidings_api::{Limits, Rate};
use tidings_model::ChannelId;
use tidings_testkit::world::{Answer, World, answer};

use crate::streams::Records;

struct Alice {
    channel: ChannelId,
    token: String,
}

impl Alice {
    async fn comes(world: &World, channel: ChannelId) -> Self {
        let call = world.anonymous(Method::POST, &format!("/channels/{channel}/session"));
        let session = answer(call.json(&json!({}))).await;
        assert_eq!((session.status, &session.body["chat"]), (200, &Value::Null));
        Self { channel, token: session.body["token"].as_str().expect("a token").to_owned() }
    }

    fn call(&self, world: &World, method: Method, rest: &str) -> reqwest::RequestBuilder {
        world
            .anonymous(method, &format!("/channels/{}/{rest}", self.channel))
            .bearer_auth(&self.token)
    }

    async fn sends(&self, world: &World, body: Value) -> Answer {
        answer(self.call(world, Method::POST, "messages").json(&body)).await
    }

    async fn sees(&self, world: &World) -> Answer {
        answer(self.call(world, Method::GET, "events")).await
    }
}

fn types(list: &Answer) -> Vec<&str> {
    list.items().iter().filter_map(|event| event["type"].as_str()).collect()
}

#[tokio::test]
async fn alice_says_hello_and_bob_answers() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let alice = Alice::comes(&world, channel).await;
    let stream = format!("/channels/{channel}/stream?since=0&token={}", alice.token);
    let mut live = Records::open(world.anonymous(Method::GET, &stream)).await;

    let said = alice.sends(&world, json!({ "text": "Hello", "custom_id": "a1" })).await;
    assert_eq!((said.status, &said.body["data"]["text"]), (201, &json!("Hello")), "{said:?}");
    assert_eq!(
        (&said.body["custom_id"], &said.body["author"]["kind"]),
        (&json!("a1"), &json!("customer"))
    );
    let again = alice.sends(&world, json!({ "text": "Hello", "custom_id": "a1" })).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.body, said.body);

    let chat = said.body["chat"].as_str().expect("a chat").to_owned();
    let put = answer(world.call(Method::PUT, "/api/v1/agents/bob@example.com").json(&json!({
        "name": "Bob", "status": "accepting", "groups": ["sales"],
    })))
    .await;
    assert_eq!(put.status, 200, "{put:?}");
    let taken =
        answer(world.call(Method::PUT, &format!("/api/v1/chats/{chat}/control")).json(&json!({
            "holder": { "kind": "agent", "id": "bob@example.com" }, "reason": "secret reason",
        })))
        .await;
    assert_eq!(
        (taken.status, &taken.body["control"]["holder"]["id"]),
        (200, &json!("bob@example.com")),
        "{taken:?}"
    );
    let by_integration =
        world.post(&format!("/api/v1/chats/{chat}/messages"), &json!({ "text": "Hi" })).await;
    assert_eq!((by_integration.status, by_integration.code()), (409, "not_in_control"));
    let by_bob =
        json!({ "text": "Hello Alice", "author": { "kind": "agent", "id": "bob@example.com" } });
    let answered = world.post(&format!("/api/v1/chats/{chat}/messages"), &by_bob).await;
    assert_eq!(answered.status, 201, "{answered:?}");
    let note =
        world.post(&format!("/api/v1/chats/{chat}/notes"), &json!({ "text": "she is nice" })).await;
    assert_eq!((note.status, &note.body["visibility"]), (201, &json!("agents")));
    let labelled =
        world.post(&format!("/api/v1/chats/{chat}/labels"), &json!({ "add": ["vip"] })).await;
    assert_eq!(labelled.body["labels"], json!(["vip"]));

    let seen = alice.sees(&world).await;
    assert!(
        types(&seen).contains(&"chat.message") && !types(&seen).contains(&"note.added"),
        "{seen:?}"
    );
    let bobs = seen
        .items()
        .iter()
        .find(|event| event["author"]["kind"] == "agent" && event["type"] == "chat.message");
    let bobs = bobs.expect("Bob's answer");
    assert_eq!(
        (&bobs["data"]["text"], &bobs["author"]["name"]),
        (&json!("Hello Alice"), &json!("Bob"))
    );

    let mut streamed = Vec::new();
    while streamed.last().is_none_or(|event: &Value| event["id"] != bobs["id"]) {
        streamed.push(live.data().await);
    }
    assert_eq!(streamed, seen.items());
    for secret in
        ["bob@", "example.com", "secret reason", "nice", "vip", "sales", "properties", "workspace"]
    {
        assert!(!seen.text.contains(secret), "she must not see {secret}: {}", seen.text);
    }

    let closed = world.post(&format!("/api/v1/chats/{chat}/close"), &json!({})).await;
    assert_eq!(closed.body["status"], "closed");
    let history = world.get(&format!("/api/v1/chats/{chat}/events?limit=2")).await;
    assert_eq!(history.items().len(), 2);
    let back = world.anonymous(Method::POST, &format!("/channels/{channel}/session"));
    let back = answer(back.json(&json!({ "token": alice.token }))).await;
    assert_eq!((&back.body["chat"], &back.body["token"]), (&json!(chat), &json!(alice.token)));
    world.stop().await;
}

#[tokio::test]
async fn a_button_is_a_postback() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let alice = Alice::comes(&world, channel).await;
    let pressed = alice
        .sends(
            &world,
            json!({ "postback": { "value": "size_l", "text": "Large" }, "custom_id": "b1" }),
        )
        .await;
    assert_eq!(
        (pressed.status, &pressed.body["type"]),
        (201, &json!("chat.postback")),
        "{pressed:?}"
    );
    assert_eq!(pressed.body["data"]["value"], "size_l");
    world.stop().await;
}

#[tokio::test]
async fn a_visitor_opens_their_own_chat_only() {
    let world = World::start().await;
    let (channel, other_channel) = (world.web_channel().await, world.web_channel().await);
    let alice = Alice::comes(&world, channel).await;
    let eve = Alice::comes(&world, channel).await;
    alice.sends(&world, json!({ "text": "my card is 1234", "custom_id": "a1" })).await;
    assert_eq!(eve.sees(&world).await.items().len(), 0);

    let elsewhere = Alice { channel: other_channel, token: alice.token.clone() };
    assert_eq!(elsewhere.sees(&world).await.code(), "token_unknown");
    let forged = Alice { channel, token: format!("{}x", alice.token) };
    assert_eq!(forged.sees(&world).await.code(), "token_unknown");
    let api_token = Alice { channel, token: world.token.clone() };
    assert_eq!(api_token.sees(&world).await.code(), "token_unknown");
    let nobody = answer(world.anonymous(Method::GET, &format!("/channels/{channel}/events"))).await;
    assert_eq!((nobody.status, nobody.code()), (401, "token_missing"));
    let on_api =
        answer(world.anonymous(Method::GET, "/api/v1/events").bearer_auth(&alice.token)).await;
    assert_eq!(on_api.code(), "token_unknown");
    world.stop().await;
}

#[tokio::test]
async fn what_a_visitor_sends_has_limits() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let alice = Alice::comes(&world, channel).await;
    let refused = [
        (json!({ "text": "x".repeat(16 * 1024 + 1), "custom_id": "c" }), "/text"),
        (json!({ "text": "  ", "custom_id": "c" }), "/text"),
        (json!({ "text": "a", "custom_id": "" }), "/custom_id"),
        (json!({ "custom_id": "c" }), "/text"),
        (json!({ "postback": { "value": "" }, "custom_id": "c" }), "/postback/value"),
    ];
    for (body, pointer) in refused {
        let got = alice.sends(&world, body).await;
        assert_eq!((got.status, got.code(), got.pointer()), (422, "invalid_field", pointer));
    }
    let longest =
        alice.sends(&world, json!({ "text": "ü".repeat(8 * 1024), "custom_id": "c" })).await;
    assert_eq!(longest.status, 201);
    world.stop().await;
}

#[tokio::test]
async fn unknown_closed_and_other_channels_are_refused() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let session = |id: String| {
        answer(world.anonymous(Method::POST, &format!("/channels/{id}/session")).json(&json!({})))
    };
    assert_eq!(session("0198c0de-0000-7000-8000-000000000001".into()).await.code(), "not_found");
    let switched = answer(
        world
            .call(Method::PATCH, &format!("/api/v1/channels/{channel}"))
            .json(&json!({ "enabled": false })),
    )
    .await;
    assert_eq!((switched.status, &switched.body["enabled"]), (200, &json!(false)));
    let closed = session(channel.to_string()).await;
    assert_eq!((closed.status, closed.code()), (403, "channel_disabled"));
    world.stop().await;
}

#[tokio::test]
async fn a_visitor_who_writes_too_fast_waits() {
    let slow = Limits { per_visitor: Rate { per_second: 1, burst: 2 }, ..Limits::default() };
    let world = World::start_with(slow).await;
    let channel = world.web_channel().await;
    let alice = Alice::comes(&world, channel).await;
    let mut refused = None;
    for number in 0..10 {
        let got =
            alice.sends(&world, json!({ "text": "a", "custom_id": number.to_string() })).await;
        if got.status == 429 {
            refused = Some(got);
            break;
        }
    }
    let refused = refused.expect("ten at once are too many");
    assert_eq!((refused.code(), refused.header("retry-after")), ("too_many_requests", "1"));
    world.stop().await;
}
