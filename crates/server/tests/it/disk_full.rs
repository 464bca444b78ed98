//! A full disk over HTTP: told as 507, reads go on, nothing acknowledged is lost, and writes resume by themselves.

use reqwest::Method;
use serde_json::json;

use crate::installation::{Installation, assert_no_gap, custom, eventually};

/// The least that the setting takes.
const BYTES_MAX: &str = "1048576";

/// Endpoints that are removed later: with their long descriptions some dozens of pages.
const ENDPOINTS: usize = 120;

#[tokio::test]
async fn a_full_disk_is_told_and_writes_resume_when_there_is_room() {
    let mut installation = Installation::new();
    installation.set("TIDINGS__STORAGE__BYTES_MAX", BYTES_MAX);
    let server = installation.start().await;
    let mut endpoints = Vec::new();
    for number in 0..ENDPOINTS {
        let body = json!({
            "url": format!("http://127.0.0.1:9009/{number}"),
            "events": ["bot.published"],
            "description": "a room to be cleared ".repeat(45),
        });
        let made = installation.post("/api/v1/endpoints", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        endpoints.push(made.body["id"].as_str().expect("an id").to_owned());
    }
    let acknowledged = fill(&installation).await;
    assert!(acknowledged > 10, "only {acknowledged} events fit");

    assert_eq!(
        installation.events().await.len(),
        acknowledged,
        "reads go on, nothing more is there"
    );
    assert_eq!(installation.get("/readyz").await.status, 200, "it serves what it can");
    let sick =
        installation.post("/api/v1/endpoints", &json!({ "url": "http://127.0.0.1:9009" })).await;
    assert!(sick.status == 201 || sick.code() == "storage_full", "{sick:?}");

    for id in &endpoints {
        let gone = installation
            .try_call(Method::DELETE, &format!("/api/v1/endpoints/{id}"), None)
            .await
            .expect("the server answers");
        assert!(gone.status == 204 || gone.code() == "storage_full", "{gone:?}");
    }
    let mut resumed = None;
    eventually("writes resume by themselves", async || {
        let answer = installation.post("/api/v1/events", &large()).await;
        if answer.status == 201 {
            resumed = answer.body["seq"].as_u64();
        }
        resumed.is_some()
    })
    .await;
    assert_eq!(resumed, Some(acknowledged as u64 + 1), "no number was lost");
    server.kill();

    let server = installation.start().await;
    let events = installation.events().await;
    assert_eq!(events.len(), acknowledged + 1);
    assert_no_gap(&events);
    fill(&installation).await;
    server.stop().await;

    installation.set("TIDINGS__STORAGE__BYTES_MAX", "8388608");
    let server = installation.start().await;
    installation.raise("more room").await;
    assert_no_gap(&installation.events().await);
    server.stop().await;
}

fn large() -> serde_json::Value {
    custom(&"hello ".repeat(700))
}

/// Writes until the disk is full; returns how many events there are then.
async fn fill(installation: &Installation) -> usize {
    let mut last = 0;
    loop {
        let answer = installation.post("/api/v1/events", &large()).await;
        match answer.status {
            201 => {
                last = usize::try_from(answer.body["seq"].as_u64().expect("a seq")).expect("small")
            }
            507 => {
                assert_eq!(answer.code(), "storage_full");
                return last.max(installation.events().await.len());
            }
            _ => panic!("refused for another reason: {answer:?}"),
        }
    }
}
