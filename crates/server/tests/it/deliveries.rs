//! `tidings deliveries` and `tidings listen`, as they are typed and as they answer.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_wire::standard_webhooks::{Secret, sign};

use crate::installation::{Installation, TIDINGS, TOKEN, complaint, eventually, printed};

/// The only delivery, as the command lists it.
fn only(installation: &Installation) -> Option<Value> {
    let listed = printed(&installation.run(&["deliveries", "--json"]));
    let mut lines = listed.lines();
    let only = lines.next().map(|line| serde_json::from_str(line).expect("JSON"));
    assert_eq!(lines.next(), None, "{listed}");
    only
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_listed_shown_repeated_and_given_up() {
    let installation = Installation::new();
    let server = installation.start().await;
    let receiver = Receiver::start().await;
    receiver.answers(|_| Reply::Status(503));
    let endpoint = json!({ "url": receiver.url, "events": ["chat.custom"] });
    assert_eq!(installation.post("/api/v1/endpoints", &endpoint).await.status, 201);
    assert_eq!(printed(&installation.run(&["deliveries"])), "");
    assert!(installation.run(&["trigger", "chat.custom"]).status.success());
    eventually("it is tried", async || {
        only(&installation).is_some_and(|delivery| delivery["attempts"] != json!([]))
    })
    .await;
    let delivery = only(&installation).expect("it is there");
    let id = delivery["id"].as_str().expect("an id");
    let line = printed(&installation.run(&["deliveries", "--status", "pending"]));
    let host = receiver.url.trim_start_matches("http://").trim_end_matches("/hook");
    for part in ["chat.custom", id, host, "pending", "503", "1 tries", "next "] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(printed(&installation.run(&["deliveries", "--failed"])), "");
    let shown = printed(&installation.run(&["deliveries", "show", id]));
    assert!(shown.contains("503, ") && shown.contains("first byte "), "{shown}");
    assert!(shown.contains(", 127.0.0.1, not_taken"), "{shown}");
    let request = printed(&installation.run(&["deliveries", "show", id, "--request"]));
    let got = receiver.got()[0].clone();
    let (signature, body) = (got.header("webhook-signature"), got.json().to_string());
    assert!(request.starts_with(&format!("POST {}\n", receiver.url)), "{request}");
    assert!(request.contains(&format!("webhook-signature: {signature}\n")), "{request}");
    assert!(request.trim_end().ends_with(&body), "{request}");
    let curl = printed(&installation.run(&["deliveries", "curl", id]));
    assert!(curl.starts_with("curl ") && curl.contains(signature), "{curl}");

    let failed = installation.run(&["deliveries", "redeliver", id]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    let cancelled = installation.run(&["deliveries", "cancel", id]);
    assert!(
        cancelled.status.success() && printed(&cancelled).contains("cancelled"),
        "{cancelled:?}"
    );
    let again = installation.run(&["deliveries", "cancel", id]);
    assert!(complaint(&again).contains("it is failed already"), "{again:?}");
    receiver.answers(|_| Reply::Status(200));
    let taken = installation.run(&["deliveries", "redeliver", id]);
    assert!(taken.status.success(), "{taken:?}");
    let wrong = installation.run(&["deliveries", "show", "nothing"]);
    assert!(complaint(&wrong).contains("invalid_id"), "{wrong:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_is_sent_again_by_jobs() {
    let mut installation = Installation::new();
    installation.set("TIDINGS__DELIVERY__RETRY_DELAYS_S", "1");
    let server = installation.start().await;
    let receiver = Receiver::start().await;
    receiver.answers(|_| Reply::Status(503));
    let endpoint = json!({ "url": receiver.url, "events": ["chat.custom", "note.added"] });
    let made = installation.post("/api/v1/endpoints", &endpoint).await;
    assert_eq!(made.status, 201);
    let endpoint = made.body["id"].as_str().expect("an id").to_owned();
    for name in ["chat.custom", "note.added", "note.added"] {
        assert!(installation.run(&["trigger", name]).status.success());
    }
    eventually("all have failed", async || {
        printed(&installation.run(&["deliveries", "--failed"])).lines().count() == 3
    })
    .await;
    let of = ["--endpoint", endpoint.as_str(), "--type", "note.*"];
    let recover = |more: &[&str]| {
        let words = ["deliveries", "recover", "--since", "2h"];
        installation.run(&[&words, &of[..], more].concat())
    };
    let dry = printed(&recover(&["--dry-run"]));
    assert!(dry.starts_with("2 would be sent\n") && dry.contains("note.added"), "{dry}");
    assert_eq!(printed(&installation.run(&["jobs"])), "");
    receiver.answers(|_| Reply::Status(200));
    let recovered = recover(&["--wait"]);
    assert!(recovered.status.success(), "{recovered:?}");
    let said = printed(&recovered);
    assert!(said.contains("done       2 taken, 0 failed, 0 skipped of 2"), "{said}");
    assert_eq!(printed(&installation.run(&["deliveries", "--failed"])).lines().count(), 1);

    let replay = ["deliveries", "replay", "--endpoint", &endpoint, "--from-seq", "1", "--wait"];
    let replayed = installation.run(&replay);
    let said = printed(&replayed);
    assert!(replayed.status.success() && said.contains("3 taken"), "{said}");
    let listed = printed(&installation.run(&["jobs", "--endpoint", &endpoint]));
    let tasks: Vec<&str> =
        listed.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(tasks, ["replay", "recover"], "{listed}");
    let id = listed.split_whitespace().nth(1).expect("an id");
    let shown = printed(&installation.run(&["jobs", "show", id]));
    assert!(shown.contains(id) && shown.contains("done"), "{shown}");
    let ended = installation.run(&["jobs", "cancel", id]);
    assert!(complaint(&ended).contains("job_ended"), "{ended:?}");
    let nothing = installation.run(&["deliveries", "replay", "--endpoint", &endpoint]);
    assert!(complaint(&nothing).contains("--from-seq"), "{nothing:?}");
    let when = ["deliveries", "recover", "--endpoint", &endpoint, "--since", "yesterday"];
    assert!(complaint(&installation.run(&when)).contains("90m, 2h or 3d"));
    server.stop().await;
}

/// `tidings listen`. Ended when it is dropped.
struct Listening {
    child: Child,
    secret: Secret,
}

impl Listening {
    fn start(installation: &Installation, to: &str) -> Self {
        let mut child = Command::new(TIDINGS)
            .args(["listen", "--url", &installation.url(), "--forward-to", to])
            .args(["--events", "chat.*,note.added", "--since", "0"])
            .env("TIDINGS_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .spawn()
            .expect("tidings starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let secret = lines.find_map(|line| {
            let line = line.expect("text");
            Some(line.trim().strip_prefix("Secret")?.trim().parse().expect("a secret"))
        });
        // It must not stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, secret: secret.expect("it is printed") }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_posts_what_an_endpoint_would_get_signed_and_in_order() {
    let mut installation = Installation::new();
    installation.set("TIDINGS__OUTBOUND__ALLOW", "192.0.2.1/32");
    let server = installation.start().await;
    let receiver = Receiver::start().await;
    let note =
        |number: u32| json!({ "type": "note.added", "data": { "text": format!("{number}") } });
    assert_eq!(installation.post("/api/v1/events", &note(0)).await.status, 201);
    let listening = Listening::start(&installation, &receiver.url);
    let texts = || receiver.got().iter().map(|got| got.text("/data/text")).collect::<Vec<_>>();
    eventually("what was there comes", async || texts() == ["0"]).await;

    // The server is away for a while: nothing is missed, nothing comes twice.
    server.stop().await;
    let server = installation.start().await;
    for number in 1..20 {
        assert_eq!(installation.post("/api/v1/events", &note(number)).await.status, 201);
    }
    let wanted: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    eventually("the rest comes", async || texts() == wanted).await;
    for got in receiver.got() {
        assert_eq!(got.header("content-type"), "application/cloudevents+json");
        let id = got.header("webhook-id").parse().expect("an id");
        let at = got.header("webhook-timestamp").parse().expect("seconds");
        let secret = std::slice::from_ref(&listening.secret);
        assert_eq!(got.header("webhook-signature"), sign(id, at, &got.body, secret));
        assert_eq!(got.text("/id"), got.header("webhook-id"));
    }
    drop(listening);
    let nowhere = installation.run(&["listen", "--forward-to", "localhost:3000"]);
    assert!(complaint(&nowhere).contains("http://localhost:3000/hook"), "{nowhere:?}");
    server.stop().await;
}
