//! `tidings demo`: the whole thing on one page, asked over HTTP.

use std::process::Command;

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::installation::{Installation, Running, TIDINGS, complaint, eventually, http, refused};

fn command(installation: &Installation) -> Command {
    let mut command = Command::new(TIDINGS);
    command.args(["demo", "--listen", &installation.address]);
    command.arg("--data").arg(installation.data());
    command
}

async fn start(installation: &Installation) -> Running {
    installation.start_as("/readyz", &mut command(installation)).await
}

async fn get(installation: &Installation, path: &str) -> Value {
    let answer = http().get(format!("{}{path}", installation.url())).send().await;
    answer.expect("answered").json().await.expect("JSON")
}

async fn webhooks(installation: &Installation) -> Vec<Value> {
    get(installation, "/demo/webhooks").await["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn the_demo_shows_a_chat_its_events_and_signed_webhooks() {
    let installation = Installation::new();
    let mut demo = start(&installation).await;
    let channel =
        get(&installation, "/demo/info").await["channel"].as_str().expect("an id").to_owned();
    let page = http().get(format!("{}/demo", installation.url())).send().await.expect("answered");
    assert!(page.text().await.expect("text").contains("Tidings"));

    let stream = http().get(format!("{}/demo/events?since=0", installation.url())).send().await;
    let mut stream = stream.expect("the stream opens").bytes_stream();
    let alice = installation.visitor(&channel).await;
    installation.write(&channel, &alice, "hello").await;
    let mut seen = String::new();
    while !seen.contains("Order a pizza") {
        let part = stream.next().await.expect("the stream goes on").expect("bytes");
        seen.push_str(&String::from_utf8_lossy(&part));
    }
    assert!(seen.contains("event: chat.started") && seen.contains("event: chat.message"), "{seen}");

    eventually("the webhook of the bot's answer arrives, well signed", async || {
        webhooks(&installation).await.iter().any(|webhook| {
            webhook["events"][0]["type"] == "chat.rich_message"
                && webhook["signature_ok"] == json!(true)
        })
    })
    .await;
    assert!(webhooks(&installation).await.iter().all(|each| each["signature_ok"] == json!(true)));

    // Streams of the demo's page end with it.
    demo.signal("INT");
    assert!(demo.ended().await.success(), "{}", installation.log());
    assert!(!installation.log().contains("not all was finished"), "{}", installation.log());

    let demo = start(&installation).await;
    let again = get(&installation, "/demo/info").await;
    assert_eq!(
        again["channel"].as_str(),
        Some(channel.as_str()),
        "a second demo goes on in the folder"
    );
    installation.write(&channel, &alice, "can I order?").await;
    eventually("a webhook arrives at the new receiver", async || {
        webhooks(&installation).await.iter().any(|each| each["signature_ok"] == json!(true))
    })
    .await;
    demo.stop().await;
}

#[test]
fn the_demo_is_for_this_machine_only() {
    let output = refused(Command::new(TIDINGS).args(["demo", "--listen", "0.0.0.0:0"]));
    assert!(complaint(&output).contains("listen on a loopback address"), "{output:?}");
}
