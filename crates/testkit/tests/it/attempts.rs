//! Carol asks what became of a webhook: each try tells where it went, where its time went, and why it was not taken.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{World, answer};
use tokio::net::TcpListener;

async fn subscribe(world: &World, url: &str) -> String {
    let body = json!({
        "url": url, "events": ["chat.message"], "ordering": "none",
        "deadline_ms": 1_000, "retry_delays_s": [5],
    });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().expect("an id").to_owned()
}

/// The last try of the newest delivery to an endpoint.
async fn last_try(world: &World, endpoint: &str) -> Value {
    let list = world.get(&format!("/api/v1/deliveries?endpoint={endpoint}")).await;
    let newest = list.items().first().expect("a delivery").clone();
    newest["attempts"].as_array().and_then(|all| all.last()).expect("a try").clone()
}

fn ms(attempt: &Value, part: &str) -> Option<f64> {
    attempt["phases"][part].as_f64()
}

#[tokio::test]
async fn a_try_that_was_taken_tells_where_its_time_went() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver.url).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "over a new connection").await;
    world.settle().await;
    let first = last_try(&world, &endpoint).await;
    assert_eq!((&first["ip"], &first["code"]), (&json!("127.0.0.1"), &Value::Null), "{first}");
    assert!(ms(&first, "connect_ms").is_some_and(|ms| ms > 0.0), "{first}");
    assert_eq!((ms(&first, "dns_ms"), ms(&first, "tls_ms")), (None, None), "{first}");
    let parts = ms(&first, "connect_ms").zip(ms(&first, "first_byte_ms"));
    let (connect, first_byte) = parts.expect("both were measured");
    assert!(ms(&first, "total_ms").is_some_and(|all| all >= connect + first_byte), "{first}");

    alice.says(&world, "over the same").await;
    world.settle().await;
    let second = last_try(&world, &endpoint).await;
    assert_eq!(ms(&second, "connect_ms"), None, "the connection was kept: {second}");
    assert!(ms(&second, "first_byte_ms").is_some_and(|ms| ms > 0.0), "{second}");
    assert_eq!(second["ip"], "127.0.0.1");
    world.finish().await;
}

#[tokio::test]
async fn a_try_that_failed_tells_in_which_part_and_why() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver.url).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        format!("http://{}/hook", listener.local_addr().expect("an address"))
    };
    let nobody = subscribe(&world, &closed).await;
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "hang" => Reply::Never,
        "elsewhere" => Reply::Status(302),
        _ => Reply::Status(500),
    });
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "hang").await;
    world.settle().await;
    let hung = last_try(&world, &endpoint).await;
    assert_eq!((&hung["code"], &hung["failed_in"]), (&json!("timed_out"), &json!("first_byte")));
    assert_eq!((&hung["status"], &hung["ip"]), (&Value::Null, &json!("127.0.0.1")), "{hung}");
    assert!(ms(&hung, "first_byte_ms").is_some_and(|ms| ms > 900.0), "{hung}");

    let refused = last_try(&world, &nobody).await;
    assert_eq!(
        (&refused["code"], &refused["failed_in"]),
        (&json!("connect_failed"), &json!("connect"))
    );
    assert_eq!(refused["ip"], Value::Null, "there was no connection: {refused}");

    for (text, status, code) in [("elsewhere", 302, "redirected"), ("no", 500, "not_taken")] {
        alice.says(&world, text).await;
        world.settle().await;
        let tried = last_try(&world, &endpoint).await;
        assert_eq!((&tried["status"], &tried["code"]), (&json!(status), &json!(code)), "{tried}");
        assert_eq!(tried["failed_in"], Value::Null, "{tried}");
    }
    world.turn(Duration::from_secs(3_600));
    world.settle().await;
    world.finish().await;
}

/// What the shell does with a command, in an environment with these variables.
async fn run(command: &str, variables: &'static [(&'static str, &'static str)]) -> Output {
    let command = command.to_owned();
    let run = move || Command::new("sh").args(["-c", &command]).envs(variables.to_vec()).output();
    tokio::task::spawn_blocking(run).await.expect("it ends").expect("there is a shell")
}

const KEY: &str = "it's a \"secret\" $HOME";

#[tokio::test]
async fn the_request_is_shown_as_it_went_and_curl_sends_the_same() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let body = json!({
        "url": format!("{}?it's=$HOME", receiver.url), "events": ["chat.message"],
        "headers": { "x-api-key": KEY, "authorization": "Bearer abc" },
    });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "it's \"fine\", \\ $HOME `id`\nand grüße 🙂").await;
    world.settle().await;
    let got = receiver.got()[0].clone();
    // The signature is that of the try, not of now.
    world.turn(Duration::from_secs(3_600));
    let list = world.get("/api/v1/deliveries").await;
    let id = list.items()[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/deliveries/{id}/request");
    let shown = world.get(&path).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert_eq!(shown.body["method"], "POST");
    assert_eq!(shown.body["body"].as_str().map(str::as_bytes), Some(&*got.body));
    let headers = shown.body["headers"].as_object().expect("headers");
    for (name, value) in headers {
        match name.as_str() {
            "x-api-key" | "authorization" => assert_eq!(value, "***", "{name}"),
            _ => assert_eq!(value, got.header(name), "{name}"),
        }
    }
    let beside = ["host", "content-length"];
    let sent = got.headers.keys().map(http::HeaderName::as_str);
    for name in sent.filter(|name| !beside.contains(name)) {
        assert!(headers.contains_key(name), "{name} is not shown");
    }

    let told = world.anonymous(http::Method::GET, &format!("{path}?form=curl"));
    let told = told.bearer_auth(&world.token).send().await.expect("an answer");
    let command = told.text().await.expect("a command");
    assert!(!command.contains("secret\""), "{command}");
    let refused = run(&command, &[("AUTHORIZATION", "Bearer abc")]).await;
    assert!(!refused.status.success(), "a secret is missing: {refused:?}");
    assert_eq!(receiver.got().len(), 1);
    let ran = run(&command, &[("AUTHORIZATION", "Bearer abc"), ("X_API_KEY", KEY)]).await;
    assert!(ran.status.success(), "{ran:?}");
    let again = receiver.got()[1].clone();
    assert_eq!((again.headers, &again.body), (got.headers.clone(), &got.body));
    let hook = Webhook::new(made.body["secret"].as_str().expect("it is shown once")).expect("good");
    let at: i64 = got.header("webhook-timestamp").parse().expect("seconds");
    let signature = hook.sign(got.header("webhook-id"), at, &again.body).expect("text");
    assert_eq!(got.header("webhook-signature"), signature);

    let wrong = world.get(&format!("{path}?form=wget")).await;
    assert_eq!((wrong.status, wrong.code()), (400, "invalid_parameter"));
    let endpoint = format!("/api/v1/endpoints/{}", made.body["id"].as_str().expect("an id"));
    let removed = answer(world.call(http::Method::DELETE, &endpoint)).await;
    assert_eq!(removed.status, 204);
    // Its deliveries are found no more where they share a page.
    assert!([404, 409].contains(&world.get(&path).await.status));
    world.finish().await;
}
