//! Types of events that lie in files beside the bots: taken over at start and while the server serves, by the same rules as
//! over the API.

use std::fs;

use serde_json::{Value, json};

use crate::installation::{Installation, eventually, printed};

const ORDERS: &str = r##"
[defs.size]
enum = ["S", "L"]

[[type]]
name = "order.placed"
title = "Order placed"
sample = { size = "L" }
[type.schema]
type = "object"
required = ["size"]
properties.size = { "$ref" = "#/$defs/size" }
"##;

const KITCHEN: &str = "
behaviors:
  - name: bake
    on: order.placed
    do:
      - emit: {type: note.added, data: {text: \"Bake {{ event.size }}\"}}
";

fn write(installation: &Installation, text: &str) {
    let folder = installation.data().join("types");
    fs::create_dir_all(&folder).expect("a folder for the types");
    fs::write(folder.join("orders.toml"), text).expect("the types can be written");
}

async fn schema(installation: &Installation) -> Value {
    installation.get("/api/v1/event-types/order.placed/schema").await.body
}

#[tokio::test]
async fn types_in_files_are_live_before_the_bots_that_name_them() {
    let installation = Installation::new();
    write(&installation, ORDERS);
    installation.write_bot("kitchen", KITCHEN);
    let checked = printed(&installation.run(&["check", "data/bots", "--types", "data/types"]));
    assert_eq!(checked.trim(), "1 bots, 1 behaviors: 0 errors, 0 warnings");
    let server = installation.start().await;
    assert!(installation.run(&["trigger", "order.placed"]).status.success());
    eventually("the kitchen hears of it", async || {
        let events = installation.events().await;
        events.iter().any(|event| event["data"]["text"] == "Bake L")
    })
    .await;

    // A change that breaks readers without another version is refused, and said so.
    write(&installation, &ORDERS.replace("\"L\"]", "\"L\", \"XL\"]"));
    eventually("the log says why", async || installation.log().contains("must be 2")).await;
    assert_eq!(schema(&installation).await["$id"], "urn:tidings:event-type:order.placed:1");
    let wider = ORDERS.replace("\"L\"]", "\"L\", \"XL\"]");
    write(&installation, &wider.replace("title =", "version = 2\ntitle ="));
    eventually("it is another version", async || {
        schema(&installation).await["$defs"]["size"]["enum"] == json!(["S", "L", "XL"])
    })
    .await;

    // A bot that was refused for a type that was not there is live when it comes.
    installation.write_bot("till", &KITCHEN.replace("order.placed", "order.paid"));
    eventually("the bot is refused", async || {
        installation.events().await.iter().any(|event| event["type"] == "bot.refused")
    })
    .await;
    let paid = wider.replace("title =", "version = 2\ntitle =")
        + "\n[[type]]\nname = \"order.paid\"\ntitle = \"Order paid\"\nsample = {}\nschema.type = \"object\"\n";
    write(&installation, &paid);
    eventually("the bot is live", async || {
        let bots = installation.get("/api/v1/bots").await.body;
        let names = bots["items"].as_array().cloned().unwrap_or_default();
        names.iter().any(|bot| bot["name"] == "till")
    })
    .await;
    // A type that is made over the API is no file: the doctor does not take its bot for sick while a server serves.
    let made = json!({ "name": "order.eaten", "title": "Order eaten", "sample": {}, "schema": { "type": "object" } });
    let made = installation.post("/api/v1/event-types", &made).await;
    assert_eq!(made.status, 201, "{}", made.body);
    installation.write_bot(
        "guests",
        &KITCHEN.replace("order.placed", "order.eaten").replace(" {{ event.size }}", ""),
    );
    eventually("its bot is live", async || {
        let bots = installation.get("/api/v1/bots").await.body;
        let names = bots["items"].as_array().cloned().unwrap_or_default();
        names.iter().any(|bot| bot["name"] == "guests")
    })
    .await;
    let doctor = printed(&installation.run(&["doctor", "--data", "data"]));
    assert!(doctor.contains("ok    bots: 3"), "{doctor}");
    assert!(doctor.contains("guests: names types that are not in files"), "{doctor}");
    server.stop().await;

    let doctor = printed(&installation.run(&["doctor", "--data", "data"]));
    assert!(doctor.contains("ok    bots: 3"), "{doctor}");
    assert!(!doctor.contains("guests"), "{doctor}");
}
