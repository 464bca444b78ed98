//! A damaged file: named at the start, by `doctor`, and by every read that meets it; never passed on.

use std::path::Path;

use serde_json::Value;

use crate::installation::{Installation, complaint, eventually, printed};

/// A page of the file.
const PAGE_BYTES: usize = 4_096;

async fn stopped_with_events(count: usize) -> Installation {
    let installation = Installation::new();
    let server = installation.start().await;
    for number in 0..count {
        installation.raise(&format!("the parcel {number} is late")).await;
    }
    server.stop().await;
    installation
}

/// Changes a file where it holds some text; returns how many places there were.
fn change(file: &Path, text: &str, into: &str) -> usize {
    let mut bytes = std::fs::read(file).expect("the file can be read");
    let places: Vec<usize> = bytes
        .windows(text.len())
        .enumerate()
        .filter_map(|(at, window)| (window == text.as_bytes()).then_some(at))
        .collect();
    for at in &places {
        bytes[*at..at + into.len()].copy_from_slice(into.as_bytes());
    }
    std::fs::write(file, bytes).expect("the file can be written");
    places.len()
}

#[tokio::test]
async fn garbage_in_the_file_is_named_at_the_start_and_by_the_doctor() {
    let installation = stopped_with_events(60).await;
    let data = installation.data().display().to_string();
    let well = installation.run(&["doctor", "--data", &data]);
    assert!(well.status.success(), "{well:?}");

    let file = installation.data().join("tidings.db");
    let mut bytes = std::fs::read(&file).expect("the file can be read");
    let middle = bytes.len() / PAGE_BYTES / 2;
    // Several pages in the middle, so that one that is in use is among them.
    for page in middle - 3..middle + 3 {
        bytes[page * PAGE_BYTES..][..PAGE_BYTES].fill(0xA5);
    }
    std::fs::write(&file, bytes).expect("the file can be written");

    let said = complaint(&installation.refused());
    assert!(said.contains("the file is damaged") && said.contains("page"), "{said}");
    let sick = installation.run(&["doctor", "--data", &data]);
    assert_eq!(sick.status.code(), Some(1));
    let said = printed(&sick);
    assert!(said.contains("WRONG store: the file is damaged"), "{said}");
    assert!(said.contains("ok    settings"), "the rest is looked at all the same: {said}");
}

#[tokio::test]
async fn a_damaged_event_is_never_passed_on() {
    let installation = stopped_with_events(5).await;
    let file = installation.data().join("tidings.db");
    // Still good JSON: only the checksum tells.
    assert!(change(&file, "the parcel 2 is late", "the parcel 2 is lost") > 0);
    let server = installation.start_as("/healthz", &mut installation.command()).await;
    let damaged = installation.get("/api/v1/events").await;
    assert_eq!((damaged.status, damaged.code()), (500, "storage_damaged"));
    let sound = installation.get("/api/v1/events?after=3").await;
    assert_eq!(sound.status, 200);
    assert_eq!(sound.body["items"].as_array().map(Vec::len), Some(2));
    eventually("readiness tells of it", async || {
        let ready = installation.get("/readyz").await;
        ready.status == 503 && reasons(&ready.body).contains(&"storage_damaged")
    })
    .await;
    assert!(installation.log().contains("restore a backup"), "{}", installation.log());
    assert!(!installation.log().contains("is lost"), "the log tells the place, not the text");
    server.stop().await;
    let data = installation.data().display().to_string();
    let said = printed(&installation.run(&["doctor", "--data", &data]));
    assert!(said.contains("WRONG store: it is damaged") && said.contains("(seq 3)"), "{said}");
}

fn reasons(ready: &Value) -> Vec<&str> {
    ready["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
