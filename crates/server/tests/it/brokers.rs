//! Brokers of the settings: refused with reason, looked at by the doctor, and delivered to across a crash.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::installation::{Installation, complaint, eventually, printed};

/// How many events are delivered.
const EVENTS: usize = 40;

/// What came into a folder, as CloudEvents.
fn came(folder: &Path) -> Vec<Value> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    let mut came = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).expect("text");
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("a line is whole");
            came.push(serde_json::from_str(line["body"].as_str().expect("a body")).expect("JSON"));
        }
    }
    came
}

#[tokio::test]
async fn a_wrong_broker_ends_the_start_and_shows_no_secret() {
    let mut installation = Installation::new();
    installation.set("TIDINGS__BROKERS__EVENTS", "http://bob:hidden@nats");
    let said = complaint(&installation.refused());
    assert!(said.contains("brokers.events: url: must begin with nats://"), "{said}");
    assert!(!said.contains("hidden"), "{said}");
}

#[tokio::test]
async fn the_doctor_tells_which_brokers_are_reached() {
    let mut installation = Installation::new();
    let out = installation.beside("out");
    installation.set("TIDINGS__BROKERS__FILES", &format!("file://{}", out.display()));
    let nobody = tidings_services::free_address().expect("a port");
    installation.set("TIDINGS__BROKERS__CACHE", &format!("redis://bob:hidden@{nobody}"));
    installation.start().await.stop().await;
    let data = installation.data().to_str().expect("a path").to_owned();
    let sick = installation.as_set(&["doctor", "--data", &data]);
    let said = printed(&sick);
    assert_eq!(sick.status.code(), Some(1), "{said}");
    assert!(said.contains("ok    broker files: file is reached"), "{said}");
    assert!(said.contains("WRONG broker cache: cache: cannot be reached"), "{said}");
    let all = format!("{said}{}{}", complaint(&sick), installation.log());
    assert!(!all.contains("hidden"), "{all}");
}

#[tokio::test]
async fn what_was_said_comes_though_the_server_is_killed() {
    let mut installation = Installation::new();
    let out = installation.beside("out");
    installation.set("TIDINGS__BROKERS__FILES", &format!("file://{}", out.display()));
    let server = installation.start().await;
    let unknown = json!({ "broker": { "name": "other", "address": "file:all" } });
    let refused = installation.post("/api/v1/endpoints", &unknown).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body.to_string().contains("the settings name files"), "{refused:?}");
    let broker = json!({ "name": "files", "address": "file:all" });
    let endpoint = json!({ "broker": broker, "events": ["chat.custom"] });
    let made = installation.post("/api/v1/endpoints", &endpoint).await;
    assert_eq!((made.status, &made.body["broker"]), (201, &broker), "{made:?}");
    let mut raised = Vec::new();
    for number in 0..EVENTS / 2 {
        raised.push(installation.raise(&number.to_string()).await["id"].clone());
    }
    server.kill();
    let server = installation.start().await;
    for number in EVENTS / 2..EVENTS {
        raised.push(installation.raise(&number.to_string()).await["id"].clone());
    }
    let ids = |came: &[Value]| came.iter().map(|event| event["id"].to_string()).collect();
    let wanted: BTreeSet<String> = raised.iter().map(Value::to_string).collect();
    eventually("all to come", async || {
        let there: BTreeSet<String> = ids(&came(&out));
        there == wanted
    })
    .await;
    let listed = printed(&installation.run(&["deliveries"]));
    assert!(listed.lines().all(|line| line.contains(" files ")), "{listed}");
    let newest = installation.get("/api/v1/deliveries?limit=1").await.body["items"][0].clone();
    let id = newest["id"].as_str().expect("an id");
    let again = installation.run(&["deliveries", "redeliver", id]);
    assert!(again.status.success() && printed(&again).contains("  taken, "), "{again:?}");
    assert!(printed(&again).contains("      all-0000"), "where it is: {again:?}");
    server.stop().await;
}
