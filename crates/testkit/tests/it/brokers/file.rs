//! Files of lines.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

use super::{Message, Served, all_comes, naming, subscribe};

/// A folder that can be taken away: what is in it is moved aside, and a file is where it was.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn url(&self) -> String {
        format!("file://{}/out?file_bytes=4000", self.folder.path().display())
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("out")
    }
}

impl Served for Folder {
    const ADDRESS: &str = "file:chats";

    async fn stop(&mut self) {
        std::fs::rename(self.out(), self.folder.path().join("aside")).expect("moved");
        std::fs::write(self.out(), "no folder").expect("written");
    }

    async fn start_again(&mut self) {
        std::fs::remove_file(self.out()).expect("removed");
        std::fs::rename(self.folder.path().join("aside"), self.out()).expect("moved back");
    }

    async fn read(&self) -> Vec<Message> {
        lines(&self.out(), "chats-")
    }
}

/// The lines of a row of files.
fn lines(folder: &Path, row: &str) -> Vec<Message> {
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| {
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(row))
    });
    files.sort();
    let text = |file| std::fs::read_to_string(file).expect("it can be read");
    files.into_iter().flat_map(|file| text(file).lines().map(read).collect::<Vec<_>>()).collect()
}

fn read(line: &str) -> Message {
    let line: Value = serde_json::from_str(line).expect("JSON");
    let text = |name: &str| line[name].as_str().expect(name).to_owned();
    let headers: Vec<(String, String)> =
        serde_json::from_value(line["headers"].clone()).expect("names and values");
    Message {
        id: text("id"),
        key: text("key"),
        headers: headers.into_iter().collect(),
        body: text("body"),
    }
}

#[tokio::test]
async fn files_get_all_in_order_and_once() {
    let folder = Folder::new();
    let url = folder.url();
    all_comes(folder, &url).await;
}

#[tokio::test]
async fn every_form_goes_out_with_its_headers() {
    let folder = Folder::new();
    let world = World::begin(naming(&[("events", &folder.url())])).await;
    let template = "{\"said\": \"{{ event.data.text }}\"}";
    for (row, format) in [
        ("native", json!({ "kind": "native" })),
        ("binary", json!({ "kind": "cloudevents_binary" })),
        ("batched", json!({ "kind": "cloudevents_batched" })),
        ("template", json!({ "kind": "template", "template": template })),
        ("wotnot", json!({ "kind": "wotnot" })),
    ] {
        let more = json!({ "format": format, "headers": { "X-Shop": "5" } });
        subscribe(&world, &format!("file:{row}"), more).await;
    }
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    let event = alice.says(&world, "Größe").await;
    world.settle().await;
    let came = |row: &str| {
        let came = lines(&folder.out(), &format!("{row}-"));
        assert_eq!(came.len(), 1, "{came:?}");
        let came = came.into_iter().next().expect("one");
        assert_eq!((came.header("webhook-id"), came.header("x-shop")), (id(&event), "5"));
        assert!(!came.headers.contains_key("user-agent"), "{came:?}");
        came
    };
    assert_eq!(came("native").json()["data"]["text"], "Größe");
    let binary = came("binary");
    assert_eq!((binary.header("ce-id"), binary.json()), (id(&event), json!({ "text": "Größe" })));
    let batched = came("batched");
    assert_eq!(batched.header("content-type"), "application/cloudevents-batch+json");
    assert_eq!(batched.json()[0]["id"], event["id"]);
    assert_eq!(came("template").json(), json!({ "said": "Größe" }));
    let wotnot = came("wotnot").json();
    assert_eq!(wotnot["events"][0]["event"]["payload"]["message"]["text"], "Größe");
    world.finish().await;
}

fn id(event: &Value) -> &str {
    event["id"].as_str().expect("an id")
}
