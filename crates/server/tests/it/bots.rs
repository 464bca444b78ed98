//! Bots reload while the server serves, and what is counted can be read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::installation::{Installation, eventually, http, printed};
use crate::killing::ECHO;
use crate::subscriber::Subscriber;

async fn texts(installation: &Installation) -> Vec<String> {
    let events = installation.events().await;
    let texts = events.iter().filter(|event| event["type"] == "chat.message");
    texts.filter_map(|event| event["data"]["text"].as_str().map(str::to_owned)).collect()
}

async fn said(installation: &Installation, text: &str) {
    eventually(text, async || texts(installation).await.iter().any(|each| each == text)).await;
}

async fn of_type(installation: &Installation, name: &str) -> Vec<Value> {
    let mut events = installation.events().await;
    events.retain(|event| event["type"] == name);
    events
}

#[tokio::test]
async fn a_bot_reloads_and_a_broken_text_keeps_what_runs() {
    let installation = Installation::new();
    installation.write_bot("echo", ECHO);
    let server = installation.start().await;
    let channel = installation.web_channel("echo").await;
    let alice = installation.visitor(&channel).await;
    installation.write(&channel, &alice, "one").await;
    said(&installation, "echo one").await;

    installation.write_bot("echo", &ECHO.replace("say: \"echo ", "say: \"parrot "));
    eventually("the new version is live", async || {
        of_type(&installation, "bot.published").await.len() == 2
    })
    .await;
    installation.write(&channel, &alice, "two").await;
    said(&installation, "parrot two").await;

    installation.write_bot("echo", &ECHO.replace("on: chat.message", "on: chat.mesage"));
    eventually("the broken text is refused", async || {
        !of_type(&installation, "bot.refused").await.is_empty()
    })
    .await;
    let refused = of_type(&installation, "bot.refused").await;
    let problem = &refused[0]["data"]["problems"][0];
    assert_eq!(problem["file"], "echo/bot.yaml");
    assert_eq!(problem["line"], 5);
    assert!(problem["message"].as_str().is_some_and(|m| m.contains("chat.message")), "{problem}");
    installation.write(&channel, &alice, "three").await;
    said(&installation, "parrot three").await;
    server.stop().await;

    // Also after a restart: the text in the folder is still broken, and what ran runs.
    let server = installation.start().await;
    installation.write(&channel, &alice, "four").await;
    said(&installation, "parrot four").await;
    server.stop().await;
}

#[tokio::test]
async fn metrics_count_and_name_nobody() {
    let installation = Installation::new();
    installation.write_bot("echo", ECHO);
    let server = installation.start().await;
    let subscriber = Subscriber::start().await;
    subscriber.expect(&installation.subscribe(&subscriber.url).await);
    let channel = installation.web_channel("echo").await;
    let alice = installation.visitor(&channel).await;
    installation.write(&channel, &alice, "one").await;
    said(&installation, "echo one").await;
    installation.raise("counted").await;
    let chats = installation.get("/api/v1/chats").await;
    let chat = chats.body["items"][0]["id"].as_str().expect("a chat").to_owned();
    assert_eq!(installation.get(&format!("/api/v1/chats/{chat}")).await.status, 200);
    assert_eq!(installation.get("/nothing/at/all").await.status, 404);
    let mut metrics = String::new();
    eventually("a delivery is counted", async || {
        let url = format!("{}/metrics", installation.url());
        let answer = http().get(url).send().await.expect("answered");
        metrics = answer.text().await.expect("text");
        metrics.contains("tidings_attempts_total")
    })
    .await;
    for name in [
        "tidings_http_requests_total",
        "tidings_http_request_seconds_bucket",
        "tidings_events_accepted_total",
    ] {
        assert!(metrics.contains(name), "{name} is not in:\n{metrics}");
    }
    let lines = metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut labels = BTreeSet::new();
    for line in lines {
        assert!(line.starts_with("tidings_"), "{line}");
        let inside = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
        for label in inside.map_or("", |(inside, _)| inside).split("\",") {
            labels.insert(label.split('=').next().unwrap_or_default().to_owned());
        }
        for of_somebody in [chat.as_str(), channel.as_str(), "nothing"] {
            assert!(!line.contains(of_somebody), "{line}");
        }
    }
    let known =
        ["", "by", "class", "endpoint", "le", "outcome", "reader", "route"].map(str::to_owned);
    assert!(labels.is_subset(&BTreeSet::from(known)), "{labels:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_draft_is_tried_without_doing_anything() {
    let installation = Installation::new();
    let text = "behaviors:\n  - {name: greet, on: chat.message, from: customer, do: [{say: 'Hello {{ event.text }}'}]}\n";
    installation.write_bot("greeter", text);
    let server = installation.start().await;
    let draft = installation.beside("drafts/greeter");
    std::fs::create_dir_all(&draft).expect("a folder");
    std::fs::write(draft.join("bot.yaml"), text.replace("Hello", "Good day")).expect("written");
    let path = draft.display().to_string();
    let event = ["--event", "chat.message", "--data", r#"{"text": "Alice"}"#];
    let arguments: Vec<&str> = ["simulate", path.as_str()].into_iter().chain(event).collect();
    let told = printed(&installation.run(&arguments));
    assert_eq!(told.trim(), "chat.message\n  greet: {\"say\":\"Good day Alice\"}");
    let compared = printed(&installation.run(&[&arguments[..], &["--compare"]].concat()));
    assert_eq!(
        compared.trim(),
        "- chat.message\n-   greet: {\"say\":\"Hello Alice\"}\n+ chat.message\n+   greet: {\"say\":\"Good day Alice\"}\n1 of 1 steps differ"
    );
    assert!(installation.events().await.iter().all(|event| event["type"] != "chat.message"));
    server.stop().await;
}
