//! What happens beside chats: records, what is done with them, calls from outside, times that come, agents who are told.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{World, answer};

use super::witness::{Seen, Stage};

/// The records on which behaviors are run, with the row of each. Chats, agents, groups and bots are not among them: they
/// have places of their own.
const ON_RECORDS: [(&str, &str); 19] = [
    ("calendar_event", "event.macro.calendar_event"),
    ("calendar", "event.macro.calendar"),
    ("call", "event.macro.call"),
    ("domain", "event.macro.domain"),
    ("email_address", "event.macro.address"),
    ("feed_item", "event.macro.feeditem"),
    ("kb_article", "event.macro.kb_article"),
    ("message", "event.macro.message"),
    ("notification", "event.macro.notification"),
    ("opportunity", "event.macro.crm.opportunity"),
    ("org", "event.macro.org"),
    ("reminder", "event.macro.reminder"),
    ("sensor", "event.macro.sensor"),
    ("server", "event.macro.server"),
    ("task", "event.macro.task"),
    ("time_entry", "event.macro.timetracking"),
    ("jira_issue", "event.macro.jira_issue"),
    ("jira_project", "event.macro.jira_project"),
    ("contact", "event.macro.contact"),
];

/// A bot that tells Bob, and gives him the chat.
const OFFICE: &str = "
behaviors:
  - name: give
    on: chat.message
    from: customer
    do: [{move: sales}, {notify: {agent: bob@example.com, text: Alice waits.}}]
";

async fn made(world: &World, record_type: &str) -> String {
    let body = json!({ "fields": { "title": "One" } });
    let made = world.post(&format!("/api/v1/records/{record_type}"), &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().expect("an id").to_owned()
}

async fn acts(world: &World, record_type: &str, id: &str) {
    let path = format!("/api/v1/records/{record_type}/{id}/actions");
    let acted = world.post(&path, &json!({ "action": "look", "with": {} })).await;
    assert_eq!((acted.status, &acted.body["answered"]), (200, &Value::Bool(true)), "{acted:?}");
}

pub(super) async fn area() -> Seen {
    let mut stage = Stage::set().await;
    let task =
        stage.raises(&["event.task.created.worker"], async |world| made(world, "task").await).await;
    let path = format!("/api/v1/records/task/{task}");
    stage
        .raises(&["event.record.changed"], async |world| {
            let patch =
                world.call(Method::PATCH, &path).json(&json!({ "fields": { "title": "Two" } }));
            assert_eq!(answer(patch).await.status, 200);
        })
        .await;
    stage
        .raises(&["event.comment.created.worker"], async |world| {
            let text = json!({ "text": "Soon." });
            assert_eq!(world.post(&format!("{path}/comments"), &text).await.status, 201);
        })
        .await;
    for (record_type, row) in ON_RECORDS {
        stage
            .raises(&[row], async |world| {
                let id = made(world, record_type).await;
                acts(world, record_type, &id).await;
            })
            .await;
    }

    stage.world.publish_good("office", OFFICE).await;
    let bob = json!({ "name": "Bob", "groups": ["sales"] });
    assert!(stage.world.put("/api/v1/agents/bob@example.com", &bob).await.status < 300);
    stage
        .raises(&["event.macro.worker"], async |world| {
            acts(world, "agent", "bob@example.com").await;
        })
        .await;
    stage.raises(&["event.macro.bot"], async |world| acts(world, "bot", "office").await).await;
    let group = {
        let directory = stage.world.app.directory(stage.world.workspace).expect("it is open");
        let sales = "sales".parse().expect("a name");
        directory.group_by_key(&sales).expect("Bob's team").number.0.to_string()
    };
    stage.raises(&["event.macro.group"], async |world| acts(world, "group", &group).await).await;
    let alice = Visitor::comes(&stage.world, stage.world.web_channel_of("office").await).await;
    stage
        .raises(&["event.mail.moved.group", "event.notification.received.worker"], async |world| {
            alice.says(world, "hello").await;
        })
        .await;
    let chat = alice.chat(&stage.world).await;
    stage.raises(&["event.macro.ticket"], async |world| acts(world, "chat", &chat).await).await;

    stage
        .raises(&["event.webhook.received"], async |world| {
            let hook = world.post("/api/v1/hooks", &json!({ "name": "shop" })).await;
            let url = hook.body["url"].as_str().expect("an address");
            let (_, id) = url.split_once("/hooks/").expect("a path");
            let path = format!("/hooks/{id}");
            let called = answer(world.anonymous(Method::POST, &path).json(&json!({ "order": 17 })));
            assert_eq!(called.await.status, 201);
        })
        .await;
    stage
        .raises(&["event.data.query.datasource"], async |world| {
            let query =
                json!({ "source": "pizzas_by_size", "parameters": { "since": "2026-11-01" } });
            let asked = world.post("/api/v1/queries", &query).await;
            assert_eq!((asked.status, &asked.body["answered"]), (200, &json!(true)), "{asked:?}");
            assert_eq!(asked.body["columns"], json!(["size", "sold"]));
        })
        .await;
    stage
        .raises(&["event.api.custom_request"], async |world| {
            let size = json!({ "size": "L" });
            let asked = world.post("/api/v1/bots/witness/requests/price", &size).await;
            assert_eq!((asked.status, &asked.body["price"]), (200, &json!(1450)), "{asked:?}");
        })
        .await;
    // Nobody holds this chat, so the witness may say what a text means to it.
    let carol = Visitor::comes(&stage.world, stage.world.web_channel().await).await;
    for (row, text) in [
        ("match", "can I order".to_owned()),
        ("noMatch", "flibbertigibbet".to_owned()),
        ("lengthLimit", "pizza ".repeat(100)),
    ] {
        stage
            .raises(&[row], async |world| {
                carol.says(world, &text).await;
            })
            .await;
    }

    let promise = json!({ "name": "Gold", "first_reply": "5m" });
    assert_eq!(stage.world.post("/api/v1/service-levels", &promise).await.status, 201);
    stage
        .raises(&["sla_breached"], async |world| {
            let dora = Visitor::comes(world, carol.channel).await;
            dora.says(world, "Is anybody there?").await;
            world.settle().await;
            world.turn(Duration::from_secs(301));
        })
        .await;
    stage
        .raises(&["event.behavior.recurrent"], async |world| {
            world.turn(Duration::from_secs(3_601));
        })
        .await;
    stage.end().await
}
