//! Chats that go on over open connections, and files on their way, while the server is killed: what was acknowledged is
//! there once, and what was half done leaves nothing behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::installation::{Installation, assert_no_gap, eventually, http};

/// Customers who write at once.
const WRITERS: usize = 3;

/// Acknowledgements of each kind before the kill.
const TEXTS_MIN: usize = 60;
const FILES_MIN: usize = 4;

/// What an uploaded file has, in bytes: many writes of the server, so that a kill finds some of them half done.
const FILE_BYTES: usize = 300_000;

/// What the server said yes to.
#[derive(Default)]
struct Acknowledged {
    /// Texts, with the ids of their events.
    texts: Mutex<BTreeMap<String, String>>,
    /// Addresses of files, with their first byte: all others are the same.
    files: Mutex<BTreeMap<String, u8>>,
    texts_count: AtomicUsize,
    files_count: AtomicUsize,
}

/// A customer with an open chat.
#[derive(Clone)]
struct Writer {
    token: String,
    chat: String,
    name: String,
}

impl Writer {
    async fn comes(
        installation: &Installation,
        channel: &str,
        workspace: &str,
        name: &str,
    ) -> Self {
        let asked = json!({
            "grant_type": "cookie", "client_id": channel, "organization_id": workspace,
            "response_type": "token",
        });
        let granted = installation.post("/v2/customer/token", &asked).await;
        let token = granted.body["access_token"].as_str().expect("a token").to_owned();
        let url = format!("{}/v3.6/customer/action/start_chat", installation.url());
        let call = http().post(url).bearer_auth(&token).json(&json!({ "continuous": true }));
        let started: Value =
            call.send().await.expect("it answers").json().await.expect("an answer");
        let chat = started["chat_id"].as_str().unwrap_or_else(|| panic!("{started}")).to_owned();
        Self { token, chat, name: name.into() }
    }

    /// Writes over an open connection until that breaks; each text is its own id.
    async fn writes(self, address: String, done: Arc<Acknowledged>) {
        let url = format!("ws://{address}/v3.6/customer/rtm/ws");
        let Ok((mut line, _)) = tokio_tungstenite::connect_async(url).await else { return };
        let login = json!({ "request_id": "login", "action": "login", "payload":
            { "token": format!("Bearer {}", self.token), "pushes": { "3.6": [] } } });
        let mut next = login;
        for number in 0.. {
            if line.send(Message::text(next.to_string())).await.is_err() {
                return;
            }
            let wanted = next["request_id"].clone();
            let answer = loop {
                match line.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).expect("frames are JSON");
                        if frame["request_id"] == wanted && frame["type"] == "response" {
                            break frame;
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                }
            };
            assert_eq!(answer["success"], true, "{answer}");
            if let Some(event) = answer["payload"]["event_id"].as_str() {
                let text = wanted.as_str().expect("a name").to_owned();
                done.texts.lock().expect("not poisoned").insert(text, event.to_owned());
                done.texts_count.fetch_add(1, Ordering::Relaxed);
            }
            let text = format!("{} {number}", self.name);
            next = json!({ "request_id": text, "action": "send_event", "payload": {
                "chat_id": self.chat,
                "event": { "type": "message", "text": text, "custom_id": text } } });
        }
    }

    /// Uploads files and sends every second one until nobody answers.
    async fn uploads(self, base_url: String, done: Arc<Acknowledged>) {
        for number in 0_u8.. {
            let url = format!("{base_url}/v3.6/customer/action/upload_file");
            let part = reqwest::multipart::Part::bytes(vec![number; FILE_BYTES]);
            let form = reqwest::multipart::Form::new().part("file", part.file_name("notes.txt"));
            let call = http().post(url).bearer_auth(&self.token).multipart(form);
            let Some(answer) = answered(call).await else { return };
            let Some(file) = answer["url"].as_str() else { continue };
            done.files.lock().expect("not poisoned").insert(file.to_owned(), number);
            done.files_count.fetch_add(1, Ordering::Relaxed);
            if number % 2 == 0 {
                continue;
            }
            let url = format!("{base_url}/v3.6/customer/action/send_event");
            let event = json!({ "chat_id": self.chat, "event": { "type": "file", "url": file } });
            let call = http().post(url).bearer_auth(&self.token).json(&event);
            let Some(answer) = answered(call).await else { return };
            assert!(answer["event_id"].is_string(), "{answer}");
        }
    }

    /// Begins an upload, and never comes to its end.
    async fn hangs(&self, address: &str) -> TcpStream {
        let head = format!(
            "POST /v3.6/customer/action/upload_file HTTP/1.1\r\nhost: {address}\r\n{AUTHORIZATION}: Bearer {}\r\n\
             {CONTENT_TYPE}: multipart/form-data; boundary=b\r\ncontent-length: 5000000\r\n\r\n\
             --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"half.txt\"\r\n\r\n",
            self.token
        );
        let mut line = TcpStream::connect(address).await.expect("it is there");
        line.write_all(head.as_bytes()).await.expect("the head is taken");
        line.write_all(&vec![b'x'; FILE_BYTES]).await.expect("the first part is taken");
        line
    }
}

/// What came back; `None` when nobody answers any more.
async fn answered(call: reqwest::RequestBuilder) -> Option<Value> {
    call.send().await.ok()?.json().await.ok()
}

fn files_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_what_was_sent_and_uploaded_and_nothing_half_done() {
    let installation = Installation::new();
    let server = installation.start().await;
    let about = json!({ "kind": "web", "name": "page", "settings": {} });
    let channel = installation.post("/api/v1/channels", &about).await;
    let channel = channel.body["id"].as_str().expect("an id").to_owned();
    let workspace = installation.get("/api/v1/workspace").await;
    let workspace = workspace.body["id"].as_str().expect("an id").to_owned();
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let name = format!("customer-{number}");
        writers.push(Writer::comes(&installation, &channel, &workspace, &name).await);
    }
    let done: Arc<Acknowledged> = Arc::default();
    let mut calling = tokio::task::JoinSet::new();
    for writer in &writers {
        calling.spawn(writer.clone().writes(installation.address.clone(), Arc::clone(&done)));
        calling.spawn(writer.clone().uploads(installation.url(), Arc::clone(&done)));
    }
    let hanging = writers[0].hangs(&installation.address).await;
    let incoming = installation.data().join("files/incoming");
    eventually("texts and files are acknowledged, and a file is on its way", async || {
        done.texts_count.load(Ordering::Relaxed) >= TEXTS_MIN
            && done.files_count.load(Ordering::Relaxed) >= FILES_MIN
            && !files_in(&incoming).is_empty()
    })
    .await;
    server.kill();
    drop(hanging);
    while let Some(ended) = calling.join_next().await {
        ended.expect("no panic");
    }
    assert!(!files_in(&incoming).is_empty(), "the kill left a file half done");

    let server = installation.start().await;
    assert_eq!(files_in(&incoming), Vec::<String>::new(), "what was half done is gone");
    let events = installation.events().await;
    assert_no_gap(&events);
    let mut said: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == "chat.message") {
        *said.entry(event["data"]["text"].as_str().expect("a text")).or_default() += 1;
    }
    let texts = done.texts.lock().expect("not poisoned").clone();
    for text in texts.keys() {
        assert_eq!(said.get(text.as_str()), Some(&1), "acknowledged, and there once: {text}");
    }
    assert!(said.values().all(|times| *times == 1), "nothing is there twice: {said:?}");
    let files = done.files.lock().expect("not poisoned").clone();
    let told = events.iter().filter_map(|event| event["data"]["url"].as_str());
    for url in files.keys().map(String::as_str).chain(told) {
        let file = http().get(url).send().await.expect("it answers");
        assert_eq!(file.status(), 200, "{url}");
        let bytes = file.bytes().await.expect("it is read");
        assert_eq!(bytes.len(), FILE_BYTES, "{url}");
        let first = files.get(url).or(bytes.first()).copied();
        assert!(bytes.iter().all(|byte| Some(*byte) == first), "{url} is whole");
    }
    // Whoever comes back sends again what was cut, and it is there once.
    for writer in &writers {
        let last = texts.keys().rfind(|text| text.starts_with(&writer.name));
        let text = last.expect("each wrote");
        let url = format!("{}/v3.6/customer/action/send_event", installation.url());
        let event = json!({ "chat_id": writer.chat,
            "event": { "type": "message", "text": text, "custom_id": text } });
        let call = http().post(url).bearer_auth(&writer.token).json(&event);
        let again = answered(call).await.expect("it answers");
        assert_eq!(again["event_id"].as_str(), texts.get(text).map(String::as_str));
    }
    server.stop().await;
}
