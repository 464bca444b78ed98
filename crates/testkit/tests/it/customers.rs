//! Customers: what they say of themselves, what agents do to them, where they look, and who is refused.

mod arrivals;
mod banned;
mod greeted;
mod placed;
mod subscribed;
mod verified;
mod visits;

use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, Client, CustomerClient, error_type, team};
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::world::World;
use tidings_wire::livechat::Side;

/// A server with Bob, an administrator, and Alice, of whom nothing is known yet.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) bob: AgentClient,
    pub(crate) alice: CustomerClient,
}

impl Scene {
    pub(crate) async fn begin() -> Self {
        let world = World::start().await;
        Self::set(world).await
    }

    pub(crate) async fn set(world: World) -> Self {
        let channel = world.web_channel().await;
        let bob = AgentClient::hired(&world, "bob@example.com", Role::Administrator).await;
        let alice = CustomerClient::comes(&world, channel).await;
        Self { world, bob, alice }
    }

    /// Alice as Bob sees her.
    pub(crate) async fn seen(&self) -> Value {
        let asked = json!({ "id": self.alice.id });
        self.bob.call("get_customer", asked).await.expect("she is known")
    }

    /// Bob with another version of the Agent Chat API.
    pub(crate) fn bob_in(&self, version: &'static str) -> Client {
        self.bob.chat.clone().in_version(version)
    }

    pub(crate) async fn bob_listens(&self) -> RtmClient {
        let more = json!({ "customer_monitoring_level": "online" });
        let (base_url, token) = (&self.world.base_url, &self.bob.chat.token);
        RtmClient::log_in(base_url, Side::Agent, token, more).await.0
    }

    pub(crate) async fn alice_comes(&self, more: Value) -> (RtmClient, Value) {
        let (base_url, token) = (&self.world.base_url, &self.alice.chat.token);
        RtmClient::log_in(base_url, Side::Customer, token, more).await
    }
}

#[tokio::test]
async fn a_customer_tells_who_they_are() {
    let scene = Scene::begin().await;
    let (bob, alice) = (&scene.bob, &scene.alice);
    let nobody = bob.call("get_customer", json!({ "id": alice.id })).await;
    assert_eq!(error_type(&nobody), "not_found");
    let own = alice.call("get_customer", json!({})).await.expect("who is not known yet");
    assert_eq!(own["id"], json!(alice.id));
    assert_eq!(error_type(&alice.call("update_customer", json!({})).await), "validation");
    let wrong = alice.call("update_customer", json!({ "email": "no address" })).await;
    assert_eq!(error_type(&wrong), "validation");
    let said = json!({
        "name": "Alice", "email": "alice@example.org", "session_fields": [{ "cart": "3" }],
        "address": { "city": "Prague", "country": "CZ" }, "phone_number": "+420 1",
    });
    assert_eq!(alice.call("update_customer", said).await, Ok(json!({})));
    let own = alice.call("get_customer", json!({})).await.expect("herself");
    assert_eq!((&own["name"], &own["statistics"]["chats_count"]), (&json!("Alice"), &json!(0)));
    let seen = scene.seen().await;
    assert_eq!(seen["email"], "alice@example.org");
    assert_eq!(seen["email_verified"], false);
    assert_eq!(seen["address"]["country"], "CZ");
    assert_eq!(seen["phone_number"], "+420 1");
    assert_eq!(seen["session_fields"], json!([{ "cart": "3" }]));
    assert_eq!(seen["chat_ids"], json!([]));
    assert_eq!(scene.world.events_of("customer.created").await.len(), 1);
    scene.world.finish().await;
}

#[tokio::test]
async fn session_fields_are_set_as_a_whole_and_updated_one_by_one() {
    let scene = Scene::begin().await;
    let alice = &scene.alice;
    let set = |fields: Value| json!({ "session_fields": fields });
    let fields = json!([{ "plan": "gold" }, { "cart": "3" }, { "page": "a" }]);
    alice.call("set_customer_session_fields", set(fields)).await.expect("they are set");
    let fields = json!([{ "new": "1" }, { "cart": "4" }]);
    alice.call("update_customer", set(fields)).await.expect("they are updated");
    let expected = json!([{ "plan": "gold" }, { "cart": "4" }, { "page": "a" }, { "new": "1" }]);
    assert_eq!(scene.seen().await["session_fields"], expected);
    alice.call("set_customer_session_fields", set(json!([{ "z": "1" }]))).await.expect("anew");
    assert_eq!(scene.seen().await["session_fields"], json!([{ "z": "1" }]));
    let many = |count: usize| (0..count).map(|n| json!({ format!("k{n}"): "v" })).collect();
    let refused = alice.call("set_customer_session_fields", set(Value::Array(many(101)))).await;
    assert_eq!(error_type(&refused), "customer_session_fields_limit_reached");
    let refused = alice.call("update_customer", set(Value::Array(many(100)))).await;
    assert_eq!(error_type(&refused), "customer_session_fields_limit_reached");
    assert_eq!(scene.seen().await["session_fields"], json!([{ "z": "1" }]), "nothing was kept");
    scene.world.finish().await;
}

#[tokio::test]
async fn an_agents_change_is_told_in_the_active_chat_and_to_who_listens() {
    let scene = Scene::begin().await;
    let (bob, alice) = (&scene.bob, &scene.alice);
    let (chat, thread) = alice.starts_chat().await;
    scene.world.settle().await;
    let mut listening = scene.bob_listens().await;
    let (mut line, _) = scene.alice_comes(json!({})).await;
    let change = json!({ "id": alice.id, "name": "Alice", "email": "alice@example.org" });
    bob.call("update_customer", change).await.expect("it is changed");
    let told = listening.push("customer_updated").await;
    assert_eq!(told["payload"]["name"], "Alice");
    assert!(told["payload"].get("session_fields").is_none(), "{told}");
    let message = listening.push("incoming_event").await;
    let event = &message["payload"]["event"];
    assert_eq!(event["system_message_type"], "customer_updated");
    assert_eq!(event["text_vars"]["customer_name"], "Alice");
    assert_eq!(event["text_vars"]["initiator"], "bob");
    let own = line.push("customer_updated").await;
    assert_eq!(own["payload"]["email"], "alice@example.org");
    let read = alice.call("get_chat", json!({ "chat_id": chat })).await.expect("her chat");
    let events = read["thread"]["events"].as_array().expect("events");
    assert!(events.iter().all(|event| event["system_message_type"] != "customer_updated"));
    let log = scene.world.events_of("customer.updated").await;
    let active = &log.last().expect("it is told")["data"]["active_chat"];
    assert_eq!(active, &json!({ "chat_id": chat, "thread_id": thread }));
    let seen = scene.seen().await;
    assert_eq!(seen["chat_ids"], json!([chat]));
    assert_eq!(seen["state"], "chatting");
    assert_eq!(seen["online"], true);
    assert_eq!(seen["statistics"]["chats_count"], 1);
    assert_eq!(seen["statistics"]["threads_count"], 1);
    let nobody = json!({ "id": uuid::Uuid::from_u128(7), "name": "Nobody" });
    assert_eq!(error_type(&bob.call("update_customer", nobody).await), "not_found");
    scene.world.finish().await;
}

#[tokio::test]
async fn threads_are_counted_however_they_begin() {
    let scene = Scene::begin().await;
    let (bob, alice) = (&scene.bob, &scene.alice);
    let (chat, _) = alice.starts_chat().await;
    for round in 2..4 {
        bob.call("deactivate_chat", json!({ "id": chat })).await.expect("it closes");
        let resume = json!({ "chat": { "id": chat }, "continuous": true });
        alice.call("resume_chat", resume).await.expect("it is resumed");
        assert_eq!(scene.seen().await["statistics"]["threads_count"], round);
    }
    assert_eq!(scene.seen().await["statistics"]["chats_count"], 1);
    let carol = tidings_testkit::visitor::Visitor::comes(&scene.world, alice.channel).await;
    let said = carol.says(&scene.world, "hello").await;
    let id = said.pointer("/author/id").cloned().expect("an author");
    let seen = bob.call("get_customer", json!({ "id": id })).await.expect("carol");
    assert_eq!(seen["statistics"]["chats_count"], 1);
    assert_eq!(seen["statistics"]["threads_count"], 1);
    scene.world.finish().await;
}

#[tokio::test]
async fn who_is_banned_is_out_until_the_ban_ends() {
    let scene = Scene::begin().await;
    let (world, bob, alice) = (&scene.world, &scene.bob, &scene.alice);
    let unknown = bob.call("ban_customer", json!({ "id": alice.id, "ban": { "days": 2 } })).await;
    assert_eq!(error_type(&unknown), "not_found");
    let (chat, thread) = alice.starts_chat().await;
    let mut listening = scene.bob_listens().await;
    let (mut line, _) = scene.alice_comes(json!({})).await;
    let ban = json!({ "id": alice.id, "ban": { "days": 2 } });
    bob.call("ban_customer", ban.clone()).await.expect("she is banned");
    let told = listening.push("customer_banned").await;
    assert_eq!(told["payload"], json!({ "customer_id": alice.id, "ban": { "days": 2 } }));
    let out = line.push("customer_disconnected").await;
    assert_eq!(out["payload"]["reason"], "customer_banned");
    line.closed().await;
    for action in ["get_customer", "list_chats"] {
        assert_eq!(error_type(&alice.call(action, json!({})).await), "customer_banned");
    }
    let mut door = RtmClient::open(&world.base_url, Side::Customer, "3.6").await;
    assert_eq!(door.login(&alice.chat.token, json!({})).await.error(), "customer_banned");
    let bans = bob.configure("list_customer_bans", json!({})).await.expect("bans");
    assert_eq!(bans[0]["customer_id"], json!(alice.id));
    assert_eq!(bans[0]["thread_id"], json!(thread));
    let told = bob.call("get_chat", json!({ "chat_id": chat })).await.expect("the chat");
    let events = told["thread"]["events"].as_array().cloned().unwrap_or_default();
    let banned = events.iter().find(|event| event["system_message_type"] == "customer_banned");
    assert_eq!(banned.expect("it is told")["text_vars"]["duration"], "2");

    world.turn(Duration::from_secs(2 * 24 * 60 * 60 + 1));
    let back = CustomerClient::known(world, alice.channel, alice.id).await;
    back.call("get_customer", json!({})).await.expect("the ban is over");
    bob.call("ban_customer", ban).await.expect("banned again");
    bob.configure("unban_customer", json!({ "customer_id": alice.id })).await.expect("lifted");
    back.call("get_customer", json!({})).await.expect("she may again");
    let twice = bob.configure("unban_customer", json!({ "customer_id": alice.id })).await;
    assert_eq!(error_type(&twice), "not_found");
    let normal = AgentClient::hired(world, "carol@example.com", Role::Normal).await;
    let days = json!({ "id": alice.id, "ban": { "days": 4_000 } });
    assert_eq!(error_type(&normal.call("ban_customer", days).await), "validation");
    scene.world.finish().await;
}

#[tokio::test]
async fn older_versions_make_list_and_follow_customers() {
    let scene = Scene::begin().await;
    let oldest = scene.bob_in("v3.0");
    let mut ids = Vec::new();
    for (name, country) in [("Ann", "CZ"), ("Ben", "PL"), ("Cid", "PL")] {
        scene.world.turn(Duration::from_secs(1));
        let payload = json!({ "payload": { "name": name, "fields": { "from": country } } });
        let made = oldest.call("create_customer", payload).await.expect("they are made");
        assert_eq!((&made["name"], &made["fields"]["from"]), (&json!(name), &json!(country)));
        let id = made["id"].clone();
        let address = json!({ "id": id, "address": { "country": country } });
        scene.bob.call("update_customer", address).await.expect("they live there");
        ids.push(id);
    }
    let asked = json!({ "payload": { "limit": 2, "order": "asc" } });
    let page = oldest.call("get_customers", asked).await.expect("a page");
    assert_eq!(page["total_customers"], 3);
    assert_eq!(names(&page), ["Ann", "Ben"]);
    let newer = scene.bob_in("v3.5");
    let page = newer.call("list_customers", json!({ "limit": 2 })).await.expect("a page");
    assert_eq!(names(&page), ["Cid", "Ben"]);
    let next = json!({ "page_id": page["next_page_id"] });
    let next = newer.call("list_customers", next).await.expect("the next page");
    assert_eq!(names(&next), ["Ann"]);
    assert!(next.get("next_page_id").is_none());
    let back = json!({ "page_id": next["previous_page_id"] });
    assert_eq!(names(&newer.call("list_customers", back).await.expect("back")), ["Cid", "Ben"]);
    let filters = json!({ "country": { "values": ["PL"] }, "name": { "exclude_values": ["Ben"] } });
    let found = newer.call("list_customers", json!({ "filters": filters })).await.expect("found");
    assert_eq!((names(&found), &found["total_customers"]), (vec!["Cid"], &json!(1)));
    let wrong = json!({ "filters": { "shoe_size": { "eq": 40 } } });
    assert_eq!(error_type(&newer.call("list_customers", wrong).await), "validation");
    let gone = scene.bob.call("list_customers", json!({})).await;
    assert_eq!(error_type(&gone), "not_found", "3.6 has it no more");

    let mut line = RtmClient::open(&scene.world.base_url, Side::Agent, "3.5").await;
    assert!(line.login(&scene.bob.chat.token, json!({})).await.success());
    newer.call("follow_customer", json!({ "id": ids[0] })).await.expect("followed");
    let told = line.push("incoming_customer").await;
    assert_eq!((&told["payload"]["id"], &told["payload"]["followed"]), (&ids[0], &json!(true)));
    let seen = newer.call("get_customer", json!({ "id": ids[0] })).await.expect("ann");
    assert_eq!(seen["followed"], true);
    newer.call("unfollow_customer", json!({ "id": ids[0] })).await.expect("not any more");
    assert_eq!(line.push("customer_unfollowed").await["payload"], json!({ "id": ids[0] }));
    let license = newer.call("get_license_info", json!({})).await.expect("the licence");
    assert_eq!(license["organization_id"], json!(scene.world.workspace));
    scene.world.finish().await;
}

fn names(page: &Value) -> Vec<&str> {
    let customers = page["customers"].as_array().expect("customers").iter();
    customers.filter_map(|customer| customer["name"].as_str()).collect()
}

#[tokio::test]
async fn a_device_is_kept_with_its_agent() {
    let scene = Scene::begin().await;
    let mut line = RtmClient::open(&scene.world.base_url, Side::Agent, "3.4").await;
    assert!(line.login(&scene.bob.chat.token, json!({})).await.success());
    for enabled in [true, false] {
        let device = json!({ "firebase_token": "f1", "platform": "ios", "enabled": enabled });
        assert!(line.call("change_push_notifications", device).await.success());
    }
    let directory = scene.world.app.directory(scene.world.workspace).expect("it is open");
    let bob = directory.agent(&scene.bob.id).expect("bob");
    let expected = json!([{ "firebase_token": "f1", "platform": "ios", "enabled": false }]);
    assert_eq!(bob.details.get("push_devices"), Some(&expected));
    scene.world.finish().await;
}

#[tokio::test]
async fn forms_come_from_the_channels_settings() {
    let scene = Scene::begin().await;
    let (world, alice) = (&scene.world, &scene.alice);
    let form = json!({ "id": "pre", "title": "Hello", "fields": [{ "type": "name", "id": "1", "label": "Name" }] });
    let settings = json!({ "settings": { "widget": { "forms": { "prechat": form } } } });
    let path = format!("/api/v1/channels/{}", alice.channel);
    let set = world.call(http::Method::PATCH, &path).json(&settings);
    assert_eq!(tidings_testkit::world::answer(set).await.status, 200);
    let pre = alice.call("get_form", json!({ "group_id": 0, "type": "prechat" })).await;
    let pre = pre.expect("the form");
    assert_eq!(
        (&pre["enabled"], &pre["form"]["fields"][0]["type"]),
        (&json!(true), &json!("name"))
    );
    let post = alice.call("get_form", json!({ "group_id": 0, "type": "postchat" })).await;
    assert_eq!(post, Ok(json!({ "enabled": false })));
    let nowhere = alice.call("get_form", json!({ "group_id": 9, "type": "prechat" })).await;
    assert_eq!(error_type(&nowhere), "group_not_found");
    scene.world.finish().await;
}

#[tokio::test]
async fn the_first_words_are_the_teams_own_or_the_workspaces() {
    let scene = Scene::begin().await;
    let base_url = &scene.world.base_url;
    let olga = AgentClient::hired(&scene.world, "olga@example.com", Role::Owner).await;
    team(&scene.world, 3, "kitchen", &[&olga]).await;
    let token = &scene.alice.chat.token;
    let (mut alice, _) = RtmClient::log_in(base_url, Side::Customer, token, json!({})).await;
    let mut welcome = async |group: u32| {
        let asked = json!({ "id": "w", "group_id": group });
        alice.call("request_welcome_message", asked).await.payload();
        let push = alice.push("incoming_welcome_message").await;
        push["payload"]["event"]["text"].clone()
    };
    assert_eq!(welcome(3).await, "Hello. How may I help you?");
    let phrase = |text: &str| json!({ "chats": { "welcome_phrase": text } });
    let set = json!({ "properties": phrase("Welcome!") });
    olga.configure("update_license_properties", set).await.expect("set");
    assert_eq!(welcome(3).await, "Welcome!");
    let set = json!({ "group_id": 3, "properties": phrase("Hungry?") });
    olga.configure("update_group_properties", set).await.expect("set");
    assert_eq!((welcome(3).await, welcome(0).await), (json!("Hungry?"), json!("Welcome!")));
    scene.world.finish().await;
}
