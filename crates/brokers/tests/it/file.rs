//! Lines in files.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};
use tidings_brokers::Why;

use super::{assert_in_order, brokers, failed, one, parcels, taken};

/// All lines of a row, in the order of the files' names.
fn lines(folder: &Path, name: &str) -> Vec<Value> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let is_of = |file: &&std::path::PathBuf| {
        file.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name))
    };
    let read = |file: &std::path::PathBuf| std::fs::read_to_string(file).expect("a text");
    let text: String = files.iter().filter(is_of).map(read).collect();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[tokio::test]
async fn a_line_tells_all_of_a_parcel() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("made when needed");
    let url =
        format!("file://{}?file_bytes=2000", folder.display().to_string().replace(' ', "%20"));
    let brokers = brokers(&url, "");
    let sent = parcels(200, 7);
    let places = taken(&brokers, "file:events", &sent).await;
    assert!(places[0].place.starts_with("events-0000"), "{places:?}");
    let lines = lines(&folder, "events-");
    let text = |line: &Value, field: &str| line[field].as_str().expect(field).to_owned();
    let arrived: Vec<_> =
        lines.iter().map(|line| (text(line, "key"), text(line, "body"))).collect();
    assert_in_order(&arrived, &sent);
    assert_eq!(
        lines.iter().find(|line| line["id"] == "event-9"),
        Some(&json!({
            "id": "event-9",
            "key": "chat-2",
            "headers": [["Content-Type", "application/json"], ["Webhook-Id", "ü-9"]],
            "body": "9",
        }))
    );
    assert!(std::fs::read_dir(&folder).expect("a folder").count() > 1, "files are rotated");
}

#[tokio::test]
async fn what_is_no_text_is_in_base64_and_rows_are_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let brokers = brokers(&format!("file://{}", folder.path().display()), "");
    let mut parcel = one("1");
    parcel.body = Bytes::from_static(b"\xff\n");
    taken(&brokers, "file:a", &[parcel]).await;
    taken(&brokers, "file:b", &[one("2")]).await;
    let a = lines(folder.path(), "a-");
    assert_eq!(a, [json!({ "id": "1", "key": "chat", "headers": [], "body_base64": "/wo=" })]);
    assert_eq!(lines(folder.path(), "b-")[0]["id"], "2");
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_unreachable() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let brokers = brokers(&format!("file://{}/folder", file.path().display()), "");
    let failed = failed(&brokers, "file:a", one("1")).await;
    assert_eq!(failed.why, Why::Unreachable, "{failed}");
}
