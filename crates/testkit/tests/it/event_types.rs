//! A workspace's own types of events: live at once, everywhere, and changed so that nobody is surprised.

use http::Method;
use serde_json::{Value, json};
use tidings_catalogue::documents::{cloud_event, envelope};
use tidings_catalogue::own;
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::receiver::Receiver;
use tidings_testkit::world::{Answer, World, answer};

/// An order at the till of a pizzeria.
fn order_placed() -> Value {
    json!({
        "name": "order.placed", "title": "Order placed", "aliases": ["shop:order"],
        "schema": {
            "type": "object", "required": ["size"],
            "properties": { "size": { "enum": ["S", "L"] }, "price": { "type": "number" } },
        },
        "sample": { "size": "L" },
    })
}

async fn made(world: &World, given: &Value) -> Value {
    let made = world.post("/api/v1/event-types", given).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

async fn put(world: &World, given: &Value) -> Answer {
    let name = given["name"].as_str().expect("a name");
    world.put(&format!("/api/v1/event-types/{name}"), given).await
}

async fn delete(world: &World, name: &str) -> Answer {
    answer(world.call(Method::DELETE, &format!("/api/v1/event-types/{name}"))).await
}

async fn placed(world: &World, data: Value) -> Answer {
    world.post("/api/v1/events", &json!({ "type": "order.placed", "data": data })).await
}

async fn subscribed(world: &World, receiver: &Receiver, events: &[&str]) -> String {
    let asked = json!({ "url": receiver.url, "events": events });
    let made = world.post("/api/v1/endpoints", &asked).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().expect("an id").to_owned()
}

/// What is wrong, each as `pointer code`.
fn faults(answer: &Answer) -> Vec<String> {
    let errors = answer.body["errors"].as_array().expect("errors");
    let told = |error: &Value| -> String {
        let word = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        format!("{} {}", word("pointer"), word("code"))
    };
    errors.iter().map(told).collect()
}

/// Listens to orders, and tells the kitchen of large ones.
const KITCHEN: &str = "
behaviors:
  - name: bake
    on: order.placed
    do:
      - emit: {type: note.added, data: {text: \"Bake {{ event.size }}\"}}
";

#[tokio::test]
async fn a_type_is_live_at_once() {
    let world = World::start().await;
    let before = placed(&world, json!({ "size": "L" })).await;
    assert_eq!((before.status, before.code()), (422, "unknown_event_type"));
    assert!(before.text.contains("/api/v1/event-types/drafts"), "{before:?}");

    let order = made(&world, &order_placed()).await;
    assert_eq!((&order["origin"], &order["version"]), (&json!("workspace"), &json!(1)));
    let listed = world.get("/api/v1/event-types").await;
    assert_eq!(listed.items().last().expect("some")["type"], "order.placed");
    let read = world.get("/api/v1/event-types/shop:order").await;
    assert_eq!((read.status, &read.body), (200, &order));

    let receiver = Receiver::start().await;
    subscribed(&world, &receiver, &["order.*"]).await;
    world.publish_good("kitchen", KITCHEN).await;
    assert_eq!(placed(&world, json!({ "size": "L", "price": 12.5 })).await.status, 201);
    let by_alias = json!({ "type": "shop:order", "data": { "size": "S" } });
    assert_eq!(world.post("/api/v1/events", &by_alias).await.body["type"], "order.placed");
    let wrong = placed(&world, json!({ "size": "M" })).await;
    assert_eq!((wrong.status, wrong.code(), wrong.pointer()), (422, "invalid_data", "/data/size"));
    world.settle().await;
    let notes = world.events_of("note.added").await;
    let mut notes: Vec<&Value> = notes.iter().map(|note| &note["data"]["text"]).collect();
    notes.sort_by_key(|text| text.to_string());
    assert_eq!(notes, ["Bake L", "Bake S"]);
    let sizes: Vec<String> = receiver.took().iter().map(|got| got.text("/data/size")).collect();
    assert_eq!(sizes, ["L", "S"]);

    // All of it is still there after a restart.
    let world = world.restart().await;
    assert_eq!(placed(&world, json!({ "size": "S" })).await.status, 201);
    world.settle().await;
    assert_eq!(world.events_of("order.placed").await.len(), 3);
    assert_eq!(receiver.took().len(), 3);
    world.finish().await;
}

#[tokio::test]
async fn what_goes_out_is_as_the_documents_say() {
    let world = World::start().await;
    made(&world, &order_placed()).await;
    let document = world.get("/api/v1/asyncapi.json").await;
    assert_eq!((document.status, &document.body["asyncapi"]), (200, &json!("3.0.0")));
    let webhooks = &document.body["channels"]["webhooks"]["messages"];
    assert!(webhooks["order.placed"].is_object() && webhooks["chat.message"].is_object());

    let schema = world.get("/api/v1/event-types/order.placed/schema").await;
    assert_eq!(schema.header("content-type"), "application/schema+json");
    assert_eq!(schema.body["$id"], "urn:tidings:event-type:order.placed:1");
    let none = world.get("/api/v1/event-types/order.placed/answer-schema").await;
    assert_eq!((none.status, none.code()), (404, "not_found"));
    let answers = world.get("/api/v1/event-types/payment.precheckout/answer-schema").await;
    assert_eq!(answers.body["required"], json!(["ok"]));

    let receiver = Receiver::start().await;
    subscribed(&world, &receiver, &["order.placed", "chat.*"]).await;
    let channel = world.web_channel().await;
    let alice = tidings_testkit::visitor::Visitor::comes(&world, channel).await;
    alice.says(&world, "hello").await;
    placed(&world, json!({ "size": "L" })).await;
    world.settle().await;
    let fits = |schema: Value, value: &Value| {
        // The reader of types compiles schemas, so it can check any value against one.
        let given =
            json!({ "name": "own.check", "title": "Check", "schema": schema, "sample": value });
        own::read(world.app.catalogue(), &given).expect("it fits");
    };
    let took = receiver.took();
    assert!(took.len() >= 3, "{took:?}");
    for got in took {
        fits(cloud_event(), &got.json());
        for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            assert!(!got.header(header).is_empty(), "{header}");
        }
    }
    for event in world.events().await {
        fits(envelope(), &event);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_stable_types_version_is_raised_exactly_when_somebody_breaks() {
    let world = World::start().await;
    made(&world, &order_placed()).await;
    let again = put(&world, &order_placed()).await;
    assert_eq!((again.status, &again.body["changes"]), (200, &json!([])));

    let mut wider = order_placed();
    wider["schema"]["properties"]["note"] = json!({ "type": "string" });
    let changed = put(&world, &wider).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(
        changed.body["changes"],
        json!([{
            "pointer": "/schema/properties/note", "code": "field_added", "breaks": [], "message": "\"note\" is new",
        }])
    );

    let mut broken = wider.clone();
    broken["schema"]["properties"]["size"] = json!({ "enum": ["S", "L", "XL"] });
    let refused = put(&world, &broken).await;
    assert_eq!((refused.status, refused.code()), (409, "event_type_version"));
    assert_eq!(
        faults(&refused),
        ["/version wrong_version", "/schema/properties/size/enum choices_changed"]
    );
    assert_eq!(placed(&world, json!({ "size": "XL" })).await.status, 422);
    broken["version"] = json!(2);
    assert_eq!(put(&world, &broken).await.status, 200);
    let sent = placed(&world, json!({ "size": "XL" })).await;
    assert_eq!((sent.status, &sent.body["version"]), (201, &json!(2)));
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_field_and_a_code() {
    let world = World::start().await;
    let mut wrong = order_placed();
    wrong["name"] = json!("chat.message");
    wrong["colour"] = json!("red");
    wrong["schema"]["properties"]["price"] = json!({ "$ref": "https://example.com/price" });
    let refused = world.post("/api/v1/event-types", &wrong).await;
    assert_eq!((refused.status, refused.code()), (422, "invalid_event_type"));
    assert_eq!(
        faults(&refused),
        [
            "/name name_taken",
            "/schema/properties/price/$ref remote_reference",
            "/colour unknown_field",
        ]
    );
    made(&world, &order_placed()).await;
    let twice = world.post("/api/v1/event-types", &order_placed()).await;
    assert_eq!((twice.status, twice.code()), (409, "event_type_exists"));
    let ours = world.put("/api/v1/event-types/chat.message", &json!({ "title": "Mine" })).await;
    assert_eq!((ours.status, ours.code()), (409, "event_type_builtin"));
    let other = world.put("/api/v1/event-types/order.paid", &order_placed()).await;
    assert_eq!((other.status, faults(&other)), (422, vec!["/name invalid_name".to_owned()]));
    assert_eq!(delete(&world, "chat.message").await.code(), "event_type_builtin");
    assert_eq!(delete(&world, "order.paid").await.status, 404);
    let reader = world.token_with([tidings_app::admin::tokens::Right::Read]).await;
    let call = world.anonymous(Method::POST, "/api/v1/event-types").bearer_auth(reader);
    assert_eq!(answer(call.json(&order_placed())).await.code(), "right_missing");
    world.finish().await;
}

#[tokio::test]
async fn a_type_that_others_need_stays() {
    let world = World::start().await;
    made(&world, &order_placed()).await;
    let receiver = Receiver::start().await;
    let endpoint = subscribed(&world, &receiver, &["shop:order"]).await;
    world.publish_good("kitchen", KITCHEN).await;
    let refused = delete(&world, "order.placed").await;
    assert_eq!((refused.status, refused.code()), (409, "event_type_used"));
    let detail = refused.body["detail"].as_str().expect("a detail");
    assert_eq!(detail, format!("order.placed is used by the endpoint {endpoint}, the bot kitchen"));

    // An alias that somebody uses stays as well.
    let mut fewer = order_placed();
    fewer["aliases"] = json!([]);
    fewer["version"] = json!(2);
    assert_eq!(put(&world, &fewer).await.code(), "event_type_used");

    let path = format!("/api/v1/endpoints/{endpoint}");
    assert_eq!(answer(world.call(Method::DELETE, &path)).await.status, 204);

    // So does a field that a bot speaks of, whatever the version says.
    let mut other = order_placed();
    other["version"] = json!(2);
    other["schema"] = json!({ "type": "object", "properties": { "weight": { "type": "number" } } });
    other["sample"] = json!({ "weight": 1 });
    let refused = put(&world, &other).await;
    assert_eq!((refused.status, refused.code()), (409, "event_type_used"));
    assert_eq!(refused.body["detail"], "order.placed is used by the bot kitchen");
    world
        .publish_good(
            "kitchen",
            "behaviors:\n  - {name: rest, on: chat.started, do: [{say: Hello.}]}\n",
        )
        .await;
    assert_eq!(delete(&world, "order.placed").await.status, 204);
    assert_eq!(placed(&world, json!({ "size": "L" })).await.code(), "unknown_event_type");
    world.finish().await;
}

#[tokio::test]
async fn a_sample_drafts_a_type_that_changes_freely() {
    let world = World::start().await;
    let asked = json!({ "name": "order.placed", "sample": { "at": "2026-01-02T03:04:05Z" } });
    let drafted = world.post("/api/v1/event-types/drafts", &asked).await;
    assert_eq!((drafted.status, &drafted.body["status"]), (201, &json!("draft")));
    assert_eq!(drafted.body["schema"]["properties"]["at"]["format"], "date-time");
    let twice = world.post("/api/v1/event-types/drafts", &asked).await;
    assert_eq!((twice.status, twice.code()), (409, "event_type_exists"));
    let receiver = Receiver::start().await;
    let endpoint = subscribed(&world, &receiver, &["order.placed", "note.added"]).await;

    let stable = put(&world, &order_placed()).await;
    assert_eq!((stable.status, &stable.body["status"]), (200, &json!("stable")));
    let mut draft = order_placed();
    draft["status"] = json!("draft");
    let refused = put(&world, &draft).await;
    assert_eq!((refused.status, faults(&refused)[0].as_str()), (409, "/status no_draft_again"));
    assert_eq!(delete(&world, "order.placed").await.code(), "event_type_used");

    // A draft goes though an endpoint names it, which gets what else it wants.
    let other = json!({ "name": "order.paid", "sample": {} });
    assert_eq!(world.post("/api/v1/event-types/drafts", &other).await.status, 201);
    let path = format!("/api/v1/endpoints/{endpoint}");
    let events = json!({ "events": ["order.paid", "note.added"] });
    assert_eq!(answer(world.call(Method::PATCH, &path).json(&events)).await.status, 200);
    assert_eq!(delete(&world, "order.paid").await.status, 204);
    let note = json!({ "type": "note.added", "data": { "text": "call back" } });
    assert_eq!(world.post("/api/v1/events", &note).await.status, 201);
    world.settle().await;
    let types: Vec<String> = receiver.took().iter().map(|got| got.text("/type")).collect();
    assert_eq!(types, ["note.added"]);
    world.finish().await;
}

#[tokio::test]
async fn a_type_is_known_at_every_node_though_every_hint_be_lost() {
    let silence = Trouble { lost: 100, ..Trouble::drops_half(0) };
    let nodes = Nodes::start(2, silence).await;
    let (here, there) = (nodes.at(0), nodes.at(1));
    made(here, &order_placed()).await;
    assert_eq!(placed(there, json!({ "size": "L" })).await.status, 201);
    let receiver = Receiver::start().await;
    let paid = json!({ "name": "order.paid", "sample": { "amount": 7 } });
    assert_eq!(here.post("/api/v1/event-types/drafts", &paid).await.status, 201);
    subscribed(there, &receiver, &["order.paid"]).await;
    let refunded = json!({ "name": "order.refunded", "sample": {} });
    assert_eq!(here.post("/api/v1/event-types/drafts", &refunded).await.status, 201);
    let read = there.get("/api/v1/event-types/order.refunded/schema").await;
    assert_eq!(read.status, 200, "{read:?}");
    nodes.finish().await;
}
