//! A bot's form is shown whole on a web page, by our own chat page's API and by the Chat API; what was filled in goes on
//! with the run, over a restart, and what is missing is asked.

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::desk::CustomerClient;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{World, answer};

const BOOKING: &str = "
behaviors:
  - name: book
    on: chat.message
    when: event.text == 'table'
    do:
      - form: A table for you.
        fields:
          name: Your name
          seats: {text: How many?, input: {type: number, min: 1, max: 8}}
          place: {text: Where?, input: {type: choice, of: [Inside, {text: Outside, value: garden}]}}
          menu: {text: The menu that you like, input: {type: file, accept: [pdf]}, required: false}
        into: session.table
      - ask: Anything else?
      - say: '{{ session.table.name }}, {{ session.table.seats }}, {{ session.table.place }}, {{ session.table.menu.name }}; {{ answer }}.'
  - {name: filed, on: chat.file, do: [{note: 'A file: {{ event.files[0].name }}'}]}
  - {name: rest, on: chat.message, when: event.text != 'table', do: [{say: Hm.}]}
";

/// The form that was shown last.
async fn shown(world: &World, count: usize) -> Value {
    let forms = world
        .until("the form is shown", async || {
            Some(world.events_of("chat.form").await).filter(|forms| forms.len() == count)
        })
        .await;
    forms[count - 1]["data"].clone()
}

#[tokio::test]
async fn a_form_is_filled_in_at_once_on_the_chat_page() {
    let world = World::start().await;
    world.publish_good("pizzeria", BOOKING).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "table").await;
    let form = shown(&world, 1).await;
    assert_eq!(form["title"], "A table for you.");
    assert_eq!(form["fields"][1]["input"]["max"], 8);
    assert_eq!(form["fields"][2]["options"][1], json!({ "id": "garden", "label": "Outside" }));

    let world = world.restart().await;
    let id = form["form_id"].as_str().expect("an id");
    let fields = json!([
        { "id": "name", "type": "text", "label": "Your name", "answer": "Alice" },
        { "id": "seats", "type": "number", "label": "How many?", "answer": "40" },
        { "id": "place", "type": "choice", "label": "Where?", "answers": [{ "id": "garden", "label": "Outside" }] },
    ]);
    alice.fills_in(&world, id, fields).await;
    alice.waits_for(&world, "bot How many?").await;
    let said = alice.reads(&world).await;
    assert_eq!(said[said.len() - 2], "bot How many? – Please answer with a number from 1 to 8.");
    alice.says(&world, "4").await;
    alice.waits_for(&world, "bot Anything else?").await;

    // The page still has the form: sent once more, it is no answer to the next question.
    let late = json!([{ "id": "name", "type": "text", "label": "Your name", "answer": "Carol" }]);
    alice.fills_in(&world, id, late).await;
    world.settle().await;
    alice.says(&world, "no").await;
    alice.waits_for(&world, "bot Alice, 4, garden, ; no.").await;
    let filled = world.events_of("chat.form_filled").await;
    let told: Vec<&Value> = filled.iter().filter(|event| !event["cause"].is_null()).collect();
    assert_eq!(told.len(), 1, "what was asked in two ways is told once more, as a whole");
    assert_eq!(told[0]["data"]["fields"].as_array().map(Vec::len), Some(4));

    let refused = json!({ "form": { "form_id": id, "fields": [{ "id": 1 }] }, "custom_id": "x" });
    assert_eq!(alice.tries(&world, &refused).await.status, 400);
    let both = json!({ "form": { "form_id": id, "fields": [] }, "text": "x", "custom_id": "x" });
    let both = alice.tries(&world, &both).await;
    assert_eq!((both.status, &both.body["code"]), (422, &json!("invalid_field")));
    world.finish().await;
}

#[tokio::test]
async fn a_channel_whose_clients_draw_no_forms_asks_one_by_one() {
    let world = World::start().await;
    world.publish_good("pizzeria", BOOKING).await;
    let channel = world.web_channel_of("pizzeria").await;
    let at = format!("/api/v1/channels/{channel}");
    let set = async |forms: Value| {
        let call = world.call(Method::PATCH, &at).json(&json!({ "settings": { "forms": forms } }));
        answer(call).await
    };
    let wrong = set(json!("no")).await;
    assert_eq!((wrong.status, wrong.pointer()), (422, "/settings/forms"));
    assert_eq!(set(json!(false)).await.status, 200);
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "table").await;
    alice.waits_for(&world, "bot Your name").await;
    assert!(world.events_of("chat.form").await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn chat_clients_see_a_form_in_their_words_and_put_files_into_it() {
    let world = World::start().await;
    world.publish_good("pizzeria", BOOKING).await;
    let alice = CustomerClient::comes(&world, world.web_channel_of("pizzeria").await).await;
    let (chat, thread) = alice.starts_chat().await;
    let sends = async |event: Value| {
        alice.call("send_event", json!({ "chat_id": chat, "event": event })).await
    };
    sends(json!({ "type": "message", "text": "table" })).await.expect("it is sent");
    let id = shown(&world, 1).await["form_id"].clone();

    let events = async || {
        let found = alice.call("get_chat", json!({ "chat_id": chat, "thread_id": thread })).await;
        found.expect("the chat")["thread"]["events"].as_array().cloned().expect("events")
    };
    let form = events().await.into_iter().find(|event| event["type"] == "form").expect("a form");
    let types: Vec<&str> = form["fields"].as_array().expect("fields").iter().map(kind).collect();
    assert_eq!(types, ["header", "question", "question", "radio", "question"]);
    assert_eq!(form["fields"][2]["input"]["kind"], "number");

    let uploaded =
        alice.chat.upload("upload_file", "menu.pdf", "application/pdf", b"%PDF-1.4").await;
    let url = uploaded.expect("it is taken")["url"].clone();
    let filled = |url: &Value| {
        json!({ "type": "filled_form", "form_id": id, "fields": [
            { "type": "question", "id": "name", "label": "Your name", "answer": "Alice" },
            { "type": "question", "id": "seats", "label": "How many?", "answer": "2" },
            { "type": "radio", "id": "place", "label": "Where?", "answer": { "id": "Inside", "label": "Inside" } },
            { "type": "file", "id": "menu", "label": "The menu", "answers": [{ "id": url, "label": "menu.pdf" }] },
        ]})
    };
    let refused =
        sends(filled(&json!("https://example.org/menu.pdf"))).await.expect_err("not ours");
    assert!(format!("{refused:?}").contains("event.fields.3.answers.0.id"), "{refused:?}");
    sends(filled(&url)).await.expect("it is sent");
    world
        .until("the bot goes on", async || {
            let said = events().await;
            said.last().is_some_and(|event| event["text"] == "Anything else?").then_some(())
        })
        .await;
    let file = &world.events_of("chat.file").await[0]["data"];
    assert_eq!((&file["source"], &file["files"][0]["name"]), (&json!("form"), &json!("menu.pdf")));
    assert_eq!(world.events_of("note.added").await[0]["data"]["text"], "A file: menu.pdf");
    sends(json!({ "type": "message", "text": "no" })).await.expect("it is sent");
    world
        .until("the table is booked", async || {
            let said = events().await;
            let last = said.last().map(|event| event["text"].clone());
            (last == Some(json!("Alice, 2, Inside, menu.pdf; no."))).then_some(())
        })
        .await;
    world.finish().await;
}

fn kind(field: &Value) -> &str {
    field["type"].as_str().expect("a type")
}
