//! `tidings bin`: a receiver of webhooks, as it takes deliveries of the real server, and as it misbehaves on the wire.

mod handshakes;
mod misbehaving;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::installation::{
    Installation, TIDINGS, complaint, eventually, free_address, http, refused,
};

/// A receiver that runs. Killed when it is dropped.
struct Bin {
    child: Child,
    address: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Bin {
    async fn start(options: &[&str]) -> Self {
        Self::start_at(free_address(), options).await
    }

    async fn start_at(address: String, options: &[&str]) -> Self {
        let mut command = Command::new(TIDINGS);
        command.args(["bin", "--listen", &address]).args(options);
        let mut child = command
            .env_remove("TIDINGS_WEBHOOK_SECRET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tidings starts");
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let output = BufReader::new(child.stdout.take().expect("its output is ours"));
        let kept = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                kept.lock().expect("not poisoned").push(line);
            }
        });
        let bin = Self { child, address, lines };
        let page = bin.url("/");
        eventually("the receiver answers", async || http().get(&page).send().await.is_ok()).await;
        bin
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it printed.
    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("not poisoned").clone()
    }

    async fn deliveries(&self) -> Vec<Value> {
        let answer = http().get(self.url("/deliveries")).send().await.expect("answered");
        let answer: Value = answer.json().await.expect("JSON");
        answer["items"].as_array().expect("items").clone()
    }

    async fn behave(&self, behavior: &Value) -> reqwest::Response {
        http().put(self.url("/behave")).json(behavior).send().await.expect("answered")
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        http().post(self.url(path)).json(body).send().await.expect("answered")
    }
}

impl Drop for Bin {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn event(id: &str, seq: u64) -> Value {
    json!({ "type": "chat.message", "id": id, "seq": seq.to_string(), "subject": "c" })
}

#[tokio::test]
async fn a_failing_receiver_gets_everything_in_order_when_it_is_well_again() {
    let installation = Installation::new();
    let server = installation.start().await;
    let address = free_address();
    let secret = installation.subscribe(&format!("http://{address}/hook")).await;
    let bad = ["--status", "503", "--retry-after-s", "1", "--times", "2"];
    let bin = Bin::start_at(address, &[&["--json", "--secret", &secret], &bad[..]].concat()).await;

    let page = json!({ "kind": "web", "name": "page", "settings": {} });
    let channel = installation.post("/api/v1/channels", &page).await.body["id"].clone();
    let channel = channel.as_str().expect("an id");
    let alice = installation.visitor(channel).await;
    for text in ["one", "two", "three"] {
        installation.write(channel, &alice, text).await;
    }
    let is_taken = |item: &Value| item["taken"] == true;
    let messages = async || -> Vec<Value> {
        let of_chat = |item: &Value| item["events"][0]["type"] == "chat.message";
        bin.deliveries().await.into_iter().filter(of_chat).collect()
    };
    eventually("all three messages are taken", async || {
        messages().await.iter().filter(|item| is_taken(item)).count() == 3
    })
    .await;

    let items = bin.deliveries().await;
    assert!(items.iter().all(|item| item["signature_ok"] == true), "{items:?}");
    assert!(
        !items.iter().any(|item| item["duplicate"] == true || item["out_of_order"] == true),
        "{items:?}"
    );
    let answered = |status: &str| items.iter().filter(|item| item["answered"] == status).count();
    assert_eq!(answered("503"), 2, "{items:?}");
    let tried_again = |item: &Value| item["attempt"].as_u64() > Some(1);
    assert!(items.iter().any(|item| is_taken(item) && tried_again(item)), "{items:?}");
    let texts: Vec<Value> = messages()
        .await
        .iter()
        .filter(|item| is_taken(item))
        .map(|item| item["body"]["data"]["text"].clone())
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
    eventually("each delivery is a line of JSON", async || {
        let printed: Vec<Value> =
            bin.lines().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        printed == items
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_signature_is_told_and_refused() {
    let secret = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let bin = Bin::start(&["--secret", secret]).await;
    let unsigned = bin.post("/hook", &event("a", 1)).await;
    assert_eq!(unsigned.status(), 401);
    // A header may hold bytes that are no text.
    let odd = http().post(bin.url("/hook")).header("webhook-signature", &b"v1,\xff\xfe"[..]);
    let odd = odd.header("webhook-id", "a").header("webhook-timestamp", "soon").body("{}");
    assert_eq!(odd.send().await.expect("answered").status(), 401);
    let items = bin.deliveries().await;
    let errors: Vec<&Value> = items.iter().map(|item| &item["signature_error"]).collect();
    assert_eq!(
        errors,
        ["there is no webhook-signature", "the timestamp is not a whole number of seconds"]
    );
    eventually("both are printed", async || {
        bin.lines().iter().filter(|line| line.contains("signature WRONG (the")).count() == 2
    })
    .await;
}

#[tokio::test]
async fn repeated_late_and_unknown_deliveries_are_told() {
    let bin = Bin::start(&[]).await;
    for (id, seq) in [("a", 5), ("a", 5), ("b", 4), ("c", 6)] {
        assert_eq!(bin.post("/hook", &event(id, seq)).await.status(), 204);
    }
    bin.post("/hook", &json!({ "hello": "\u{1b}[2J" })).await;
    let items = bin.deliveries().await;
    let remarks: Vec<(bool, bool)> = items
        .iter()
        .map(|item| (item["duplicate"] == true, item["out_of_order"] == true))
        .collect();
    let (plain, again, late) = ((false, false), (true, false), (false, true));
    assert_eq!(remarks, [plain, again, late, plain, plain]);
    assert_eq!(items[0]["signature_ok"], Value::Null);
    eventually("every delivery is a line", async || {
        let lines = bin.lines();
        let told = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
        told("chat.message ") == 4
            && told("DUPLICATE") == 1
            && told("OUT OF ORDER") == 1
            && told("(no event)") == 1
    })
    .await;

    let page = http().get(bin.url("/")).send().await.expect("answered").text().await;
    assert!(page.expect("text").contains("Webhook bin"));
    let later = http().get(bin.url("/deliveries?after=4")).send().await.expect("answered");
    let later: Value = later.json().await.expect("JSON");
    assert_eq!(later["items"][0]["number"], 5, "{later}");
    let cleared = http().delete(bin.url("/deliveries")).send().await.expect("answered");
    assert_eq!(cleared.status(), 204);
    assert_eq!(bin.deliveries().await, Vec::<Value>::new());
}

#[tokio::test]
async fn bodies_are_shown_without_what_a_terminal_obeys() {
    let bin = Bin::start(&["--show-body"]).await;
    let body = "red \u{1b}[31m text \u{9b}2J\nand more";
    let sent = http().post(bin.url("/x")).body(body).send().await.expect("answered");
    assert_eq!(sent.status(), 204);
    eventually("the body is printed", async || {
        bin.lines().iter().any(|line| line == "    and more")
    })
    .await;
    assert!(!bin.lines().concat().contains(['\u{1b}', '\u{9b}']), "{:?}", bin.lines());
}

#[tokio::test]
async fn only_this_machine_looks_unless_it_is_open() {
    let bin = Bin::start(&[]).await;
    let looks =
        [("GET", "/"), ("GET", "/deliveries"), ("PUT", "/behave"), ("DELETE", "/deliveries")];
    let ask = async |bin: &Bin, method: &str, path: &str, host: &str| {
        let method = method.parse().expect("a method");
        let request = http().request(method, bin.url(path)).header("host", host).body("{}");
        request.send().await.expect("answered").status().as_u16()
    };
    for (method, path) in looks {
        assert_eq!(ask(&bin, method, path, "bin.example.com").await, 403, "{method} {path}");
        assert!(ask(&bin, method, path, "localhost:9000").await < 300, "{method} {path}");
        assert!(ask(&bin, method, path, "[::1]:9000").await < 300, "{method} {path}");
    }
    assert_eq!(ask(&bin, "POST", "/hook", "bin.example.com").await, 204, "deliveries may come");
    let open = Bin::start(&["--open"]).await;
    for (method, path) in looks {
        assert!(ask(&open, method, path, "bin.example.com").await < 300, "{method} {path}");
    }
}

#[tokio::test]
async fn a_big_body_is_refused() {
    let bin = Bin::start(&[]).await;
    let sent = http().post(bin.url("/hook")).body(vec![b'x'; (4 << 20) + 1]).send().await;
    assert_eq!(sent.expect("answered").status(), 413);
    assert_eq!(bin.deliveries().await, Vec::<Value>::new());
}

#[test]
fn what_cannot_be_is_said_at_the_start() {
    let start = |options: &[&str]| {
        let mut command = Command::new(TIDINGS);
        complaint(&refused(command.args(["bin", "--listen", "127.0.0.1:0"]).args(options)))
    };
    insta::assert_snapshot!(start(&["--secret", "abc"]), @"tidings: --secret: a receiver's key begins with whsec_ (a secret) or whpk_ (a public key)");
    insta::assert_snapshot!(start(&["--every", "0"]), @"tidings: every must be 1 or more");
    assert!(start(&["--answer", "sing"]).contains("gzip-bomb"), "it says what there is");
}
