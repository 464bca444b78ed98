//! Who is refused: a customer, and whoever comes from the address that they came from, by whichever door.

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::desk::{CustomerClient, error_type};
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Answer, answer};
use tidings_wire::livechat::Side;

use super::Scene;

const FROM: &str = "203.0.113.7";
const ELSEWHERE: &str = "198.51.100.1";

fn ban(customer: &CustomerClient) -> Value {
    json!({ "id": customer.id, "ban": { "days": 2 } })
}

/// Opens a connection from an address, through a proxy that the server trusts.
async fn from(scene: &Scene, address: &str) -> RtmClient {
    let base_url = &scene.world.base_url;
    RtmClient::open_from(base_url, Side::Customer, "3.6", address).await
}

async fn get(scene: &Scene, path: &str, token: &str, address: &str) -> Answer {
    let call = scene.world.anonymous(Method::GET, &format!("/v3.6/customer/rtm/{path}"));
    answer(call.bearer_auth(token).header("x-forwarded-for", address)).await
}

#[tokio::test]
async fn a_banned_address_is_refused_at_every_door_and_its_connections_end() {
    let scene = Scene::begin().await;
    let (world, bob, alice) = (&scene.world, &scene.bob, &scene.alice);
    let carol = CustomerClient::comes(world, alice.channel).await;
    let page = json!({ "customer_page": { "url": "https://shop.example/" } });
    let mut alices = from(&scene, FROM).await;
    assert!(alices.login(&alice.chat.token, page.clone()).await.success());
    assert_eq!(scene.seen().await["visit"]["ip"], FROM);
    let mut carols = from(&scene, FROM).await;
    assert!(carols.login(&carol.chat.token, json!({})).await.success());
    let mut dave = from(&scene, ELSEWHERE).await;
    let other = CustomerClient::comes(world, alice.channel).await;
    assert!(dave.login(&other.chat.token, page).await.success());

    bob.call("ban_customer", ban(alice)).await.expect("she is banned");
    for line in [&mut alices, &mut carols] {
        let out = line.push("customer_disconnected").await;
        assert_eq!(out["payload"]["reason"], "customer_banned");
        line.closed().await;
    }
    assert!(dave.call("get_customer", json!({})).await.success(), "others stay");

    let token = &carol.chat.token;
    let refused = from(&scene, FROM).await.login(token, json!({})).await;
    assert_eq!(refused.error(), "customer_banned");
    for path in ["sse", "poll"] {
        let refused = get(&scene, path, token, FROM).await;
        assert_eq!(refused.status, 403, "{path}: {refused:?}");
        assert_eq!(refused.body["error"]["type"], "customer_banned", "{path}");
    }
    let ask = json!({ "grant_type": "cookie", "organization_id": world.workspace });
    let ask = world.anonymous(Method::POST, "/v2/customer/token").json(&ask);
    let refused = answer(ask.header("x-forwarded-for", FROM)).await;
    assert_eq!(refused.body["error"]["type"], "customer_banned", "nobody new comes from there");
    let path = format!("/channels/{}/session", alice.channel);
    let session = world.anonymous(Method::POST, &path).json(&json!({}));
    let refused = answer(session.header("x-forwarded-for", FROM)).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("customer_banned")));

    assert!(from(&scene, ELSEWHERE).await.login(token, json!({})).await.success());
    assert_eq!(get(&scene, "poll", token, ELSEWHERE).await.status, 200);
    bob.configure("unban_customer", json!({ "ip": FROM })).await.expect("lifted");
    assert!(from(&scene, FROM).await.login(token, json!({})).await.success());
    scene.world.finish().await;
}

#[tokio::test]
async fn a_stream_and_a_poll_end_with_the_ban() {
    let scene = Scene::begin().await;
    let (world, bob, alice) = (&scene.world, &scene.bob, &scene.alice);
    alice.starts_chat().await;
    world.settle().await;
    let token = &alice.chat.token;
    let path = format!("/v3.6/customer/rtm/sse?token={token}&pushes=incoming_chat");
    let stream = world.anonymous(Method::GET, &path).send().await.expect("it opens");
    assert_eq!(stream.status(), 200);
    let since = get(&scene, "poll", token, FROM).await.body["seq"].as_u64().expect("a number");
    let path = format!("poll?since={since}&wait=20&pushes=incoming_chat");
    let polls = get(&scene, &path, token, FROM);
    let bans = async {
        // The stream and the poll each have a seat.
        let hub = world.app.hub(world.workspace).expect("it is open");
        world.until("both listen", async || (hub.connections() == 2).then_some(())).await;
        bob.call("ban_customer", ban(alice)).await.expect("she is banned");
    };
    let (polled, ()) = tokio::join!(polls, bans);
    assert_eq!(polled.body["error"]["type"], "customer_banned", "{polled:?}");
    let told = stream.text().await.expect("it ends");
    let last = told.trim_end().rsplit("data: ").next().expect("the last words");
    let last: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(last["action"], "customer_disconnected");
    assert_eq!(last["payload"]["reason"], "customer_banned");
    scene.world.finish().await;
}

#[tokio::test]
async fn who_is_banned_writes_nothing_on_the_chat_page() {
    let scene = Scene::begin().await;
    let (world, bob) = (&scene.world, &scene.bob);
    let carol = Visitor::comes(world, scene.alice.channel).await;
    let said = carol.says(world, "hello").await;
    let id = said.pointer("/author/id").expect("an author");
    bob.call("ban_customer", json!({ "id": id, "ban": { "days": 1 } })).await.expect("banned");
    let refused = carol.tries(world, &json!({ "text": "again", "custom_id": "2" })).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("customer_banned")));
    let nobody = bob.call("ban_customer", ban(&scene.alice)).await;
    assert_eq!(error_type(&nobody), "not_found");
    scene.world.finish().await;
}
