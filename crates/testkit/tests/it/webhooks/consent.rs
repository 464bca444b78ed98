//! Receivers that are asked whether they want deliveries: nothing goes to who did not consent.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::world::{World, answer};
use tokio::net::TcpListener;

use super::{come, deliveries_to, stored, texts};

const TOKEN: &str = "Sesame-7";

fn good(body: impl Into<String>) -> Reply {
    Reply::Said(200, Vec::new(), body.into())
}

/// Whether a request asks, and is no delivery.
fn asks(got: &Got) -> bool {
    got.header("webhook-id").is_empty()
}

/// A receiver that answers handshakes so, and takes every delivery.
async fn receiver(answer: impl Fn(&Got) -> Reply + Send + 'static) -> Receiver {
    let receiver = Receiver::start().await;
    consents(&receiver, answer);
    receiver
}

fn consents(receiver: &Receiver, answer: impl Fn(&Got) -> Reply + Send + 'static) {
    receiver.answers(move |got| if asks(got) { answer(got) } else { Reply::Status(204) });
}

/// Echoes, as each kind wants it.
fn echo(got: &Got) -> Reply {
    match (got.method.as_str(), got.text_or_none("/type").as_str()) {
        ("OPTIONS", _) => allows("*", got.header("webhook-request-origin")),
        ("GET", _) => good(got.query("hub.challenge")),
        (_, "url_verification") => good(got.text("/challenge")),
        (_, _) => good(got.header("x-wotnot-token")),
    }
}

fn allows(rate: &str, origin: &str) -> Reply {
    let headers = vec![
        ("webhook-allowed-rate", rate.to_owned()),
        ("webhook-allowed-origin", origin.to_owned()),
    ];
    Reply::Said(200, headers, String::new())
}

trait TextOrNone {
    fn text_or_none(&self, pointer: &str) -> String;
}

impl TextOrNone for Got {
    fn text_or_none(&self, pointer: &str) -> String {
        if self.body.is_empty() { String::new() } else { self.text(pointer) }
    }
}

fn handshake(kind: &str) -> Value {
    match kind {
        "cloudevents" => json!({ "kind": kind }),
        _ => json!({ "kind": kind, "token": TOKEN }),
    }
}

/// Carol subscribes with a handshake.
async fn subscribe(world: &World, receiver: &Receiver, handshake: &Value) -> Value {
    let events = ["chat.message"];
    let body = json!({ "url": receiver.url, "events": events, "handshake": handshake });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text.contains(TOKEN), "the token is not shown");
    made.body
}

fn path(endpoint: &Value) -> String {
    format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"))
}

async fn change(world: &World, endpoint: &Value, change: &Value) -> Value {
    let changed = answer(world.call(Method::PATCH, &path(endpoint)).json(change)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    changed.body
}

async fn ask_again(world: &World, endpoint: &Value) -> Value {
    let asked = world.post(&format!("{}/handshake", path(endpoint)), &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    asked.body
}

/// The endpoint is off, and says why.
fn is_refused(endpoint: &Value, status: Option<u16>, error: &str) {
    assert_eq!(endpoint["enabled"], false, "{endpoint}");
    let failed = &endpoint["handshake"]["failed"];
    assert_eq!(failed["status"], json!(status), "{endpoint}");
    assert!(failed["error"].as_str().expect("an error").contains(error), "{endpoint}");
    let reason = endpoint["disabled_reason"].as_str().expect("a reason");
    assert!(reason.starts_with("no consent by handshake: ") && reason.contains(error), "{reason}");
    assert_eq!(endpoint["handshake"]["passed_at"], Value::Null);
}

/// The endpoint is on, and its receiver consented just now.
fn is_passed(world: &World, endpoint: &Value) {
    assert_eq!((&endpoint["enabled"], &endpoint["disabled_reason"]), (&json!(true), &Value::Null));
    assert_eq!(endpoint["handshake"]["failed"], Value::Null);
    assert_eq!(endpoint["handshake"]["passed_at"], world.app.now().to_string());
}

fn asked(receiver: &Receiver) -> usize {
    receiver.got().iter().filter(|got| asks(got)).count()
}

fn delivered(receiver: &Receiver) -> Vec<String> {
    let got: Vec<Got> = receiver.took().into_iter().filter(|got| !asks(got)).collect();
    texts(&got)
}

const KINDS: [&str; 4] = ["token_echo", "cloudevents", "slack", "meta"];

#[tokio::test]
async fn who_consents_gets_deliveries() {
    let world = World::start().await;
    let mut receivers = Vec::new();
    for kind in KINDS {
        let receiver = receiver(echo).await;
        let endpoint = subscribe(&world, &receiver, &handshake(kind)).await;
        assert_eq!(endpoint["handshake"]["kind"], kind);
        is_passed(&world, &endpoint);
        let read = world.get(&path(&endpoint)).await;
        is_passed(&world, &read.body);
        assert!(!read.text.contains(TOKEN) && read.body["secret"].is_null());
        let kept = serde_json::to_string(&stored(&world, &endpoint).await).expect("JSON");
        assert!(!kept.contains(TOKEN), "it is sealed");
        receivers.push((kind, receiver));
    }
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    for (kind, receiver) in receivers {
        assert_eq!((asked(&receiver), delivered(&receiver)), (1, vec!["hello".into()]), "{kind}");
        let got = receiver.got();
        let origin = if kind == "cloudevents" { "127.0.0.1" } else { "" };
        assert_eq!(got[1].header("webhook-request-origin"), origin, "{kind}");
        match kind {
            "token_echo" => assert_eq!(got[0].body, format!("{{\"token\":\"{TOKEN}\"}}")),
            "cloudevents" => assert_eq!(got[0].header("webhook-request-origin"), origin),
            "slack" => assert_eq!(got[0].text("/token"), TOKEN),
            _ => assert_eq!(got[0].query("hub.verify_token"), TOKEN),
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn who_answers_otherwise_gets_nothing_until_they_consent() {
    let world = World::start().await;
    let (alice, _) = come(&world).await;
    let wrong = |_: &Got| good("sesame-7\n");
    for (kind, error) in [
        ("token_echo", "exactly the token"),
        ("cloudevents", "WebHook-Allowed-Origin"),
        ("slack", "exactly the challenge"),
        ("meta", "exactly the challenge"),
    ] {
        let receiver = receiver(wrong).await;
        let endpoint = subscribe(&world, &receiver, &handshake(kind)).await;
        is_refused(&endpoint, Some(200), error);
        let shown = &endpoint["handshake"]["failed"]["answer"];
        let expected = if kind == "cloudevents" { "sesame-7\n" } else { "[the token]\n" };
        assert_eq!(shown, expected, "{kind}");
        let kept = stored(&world, &endpoint).await;
        assert_eq!(
            kept.handshake.and_then(|kept| kept.failed).map(|it| it.at),
            Some(world.app.now())
        );
        alice.says(&world, "too early").await;
        world.settle().await;
        assert_eq!((asked(&receiver), delivered(&receiver).len()), (1, 0), "{kind}");

        // It is mended: the endpoint was to be on, so it is.
        consents(&receiver, echo);
        is_passed(&world, &ask_again(&world, &endpoint).await);
        alice.says(&world, kind).await;
        world.settle().await;
        assert_eq!(delivered(&receiver), [kind], "what came before consent is not owed");

        // It wants no more: asked again, it says so.
        consents(&receiver, wrong);
        is_refused(&ask_again(&world, &endpoint).await, Some(200), error);
        alice.says(&world, "too late").await;
        world.settle().await;
        assert_eq!(delivered(&receiver), [kind]);
    }
    world.finish().await;
}

#[tokio::test]
async fn redirects_refusals_and_silence_are_no_consent() {
    let world = World::start().await;
    let other = receiver(echo).await;
    let to = other.url.clone();
    let redirects = receiver(move |got| {
        let Reply::Said(_, _, body) = echo(got) else { unreachable!("an echo has a body") };
        Reply::Said(302, vec![("location", to.clone())], body)
    })
    .await;
    let refuses = receiver(|_| Reply::Said(403, Vec::new(), "go away".into())).await;
    for kind in ["token_echo", "slack", "meta"] {
        let endpoint = subscribe(&world, &redirects, &handshake(kind)).await;
        is_refused(&endpoint, Some(302), "the receiver answered 302, and only 200 is consent");
        let endpoint = subscribe(&world, &refuses, &handshake(kind)).await;
        is_refused(&endpoint, Some(403), "the receiver answered 403");
        assert_eq!(endpoint["handshake"]["failed"]["answer"], "go away");
        let reason = endpoint["disabled_reason"].as_str().expect("a reason");
        assert!(reason.ends_with("(it answered 403 \"go away\")"), "{reason}");
    }
    let endpoint = subscribe(&world, &redirects, &handshake("cloudevents")).await;
    is_refused(&endpoint, Some(302), "WebHook-Allowed-Origin");
    assert_eq!(other.got().len(), 0, "no redirect is followed");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", closed.local_addr().expect("it listens"));
    drop(closed);
    let gone = json!({ "url": url, "handshake": handshake("meta") });
    let gone = world.post("/api/v1/endpoints", &gone).await.body;
    is_refused(&gone, None, "the connection could not be made");
    assert_eq!(gone["handshake"]["failed"]["answer"], Value::Null);
    world.finish().await;
}

#[tokio::test]
async fn who_is_silent_for_five_seconds_did_not_consent() {
    let world = World::start().await;
    let receiver = receiver(|_| Reply::Never).await;
    let began = std::time::Instant::now();
    let endpoint = subscribe(&world, &receiver, &handshake("token_echo")).await;
    assert!(began.elapsed() >= Duration::from_secs(5));
    is_refused(&endpoint, None, "the deadline passed");
    consents(&receiver, echo);
    is_passed(&world, &change(&world, &endpoint, &json!({ "enabled": true })).await);
    world.finish().await;
}

#[tokio::test]
async fn it_is_asked_again_when_what_was_consented_to_changes() {
    let world = World::start().await;
    let first = receiver(echo).await;
    let endpoint = subscribe(&world, &first, &handshake("token_echo")).await;
    let none_of_it = json!({ "description": "Carol's", "url": first.url, "enabled": true,
        "handshake": { "kind": "token_echo" } });
    is_passed(&world, &change(&world, &endpoint, &none_of_it).await);
    assert_eq!(asked(&first), 1, "nothing changed");

    let token = json!({ "handshake": { "kind": "token_echo", "token": "Simsim" } });
    is_passed(&world, &change(&world, &endpoint, &token).await);
    assert_eq!(first.got()[1].header("x-wotnot-token"), "Simsim");

    let kind = json!({ "handshake": { "kind": "meta" } });
    is_passed(&world, &change(&world, &endpoint, &kind).await);
    assert_eq!(first.got()[2].query("hub.verify_token"), "Simsim", "it stays");

    // Elsewhere nobody consents: nothing goes there, and nothing to the first any more.
    let second = receiver(|_| Reply::Status(404)).await;
    let moved = change(&world, &endpoint, &json!({ "url": second.url })).await;
    is_refused(&moved, Some(404), "the receiver answered 404");
    assert_eq!(moved["url"], second.url.as_str());
    let (alice, _) = come(&world).await;
    alice.says(&world, "for nobody").await;
    world.settle().await;
    assert_eq!((delivered(&first).len(), second.got().len()), (0, 1));

    // Whoever switches it off while it waits does not want it on.
    consents(&second, echo);
    let off = change(&world, &endpoint, &json!({ "enabled": false })).await;
    assert_eq!(off["disabled_reason"], Value::Null);
    assert_eq!(asked(&second), 1, "switching off asks nobody");
    let asked_again = ask_again(&world, &endpoint).await;
    assert_eq!(asked_again["enabled"], false, "{asked_again}");
    assert_ne!(asked_again["handshake"]["passed_at"], Value::Null);
    is_passed(&world, &change(&world, &endpoint, &json!({ "enabled": true })).await);
    assert_eq!(asked(&second), 3, "switching on asks");
    alice.says(&world, "for the second").await;
    world.settle().await;
    assert_eq!(delivered(&second), ["for the second"]);

    // Without a handshake nobody is asked.
    let none = change(&world, &endpoint, &json!({ "handshake": { "kind": "none" } })).await;
    assert_eq!(none["handshake"], json!({ "kind": "none" }));
    change(&world, &endpoint, &json!({ "url": first.url })).await;
    assert_eq!(asked(&first), 3);
    let nobody = world.post(&format!("{}/handshake", path(&endpoint)), &json!({})).await;
    assert_eq!((nobody.status, nobody.pointer()), (422, "/handshake"));
    world.finish().await;
}

#[tokio::test]
async fn who_waits_for_consent_is_on_when_none_is_needed_any_more() {
    let world = World::start().await;
    let refuses = receiver(|_| Reply::Status(404)).await;
    let endpoint = subscribe(&world, &refuses, &handshake("slack")).await;
    is_refused(&endpoint, Some(404), "the receiver answered 404");
    let none = change(&world, &endpoint, &json!({ "handshake": { "kind": "none" } })).await;
    assert_eq!((&none["enabled"], &none["disabled_reason"]), (&json!(true), &Value::Null));
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    assert_eq!(delivered(&refuses), ["hello"]);
    world.finish().await;
}

#[tokio::test]
async fn a_rate_that_was_allowed_is_kept_to() {
    let world = World::start().await;
    let receiver = receiver(|got| allows("60", got.header("webhook-request-origin"))).await;
    let endpoint = subscribe(&world, &receiver, &handshake("cloudevents")).await;
    assert_eq!(endpoint["handshake"]["rate_per_minute"], 60);
    let (alice, ben) = come(&world).await;
    for visitor in [&alice, &ben] {
        for word in ["one", "two"] {
            visitor.says(&world, word).await;
        }
    }
    for count in 1..=4 {
        world.settle().await;
        assert_eq!(delivered(&receiver).len(), count, "one at a time");
        world.turn(Duration::from_millis(900));
        world.settle().await;
        assert_eq!(delivered(&receiver).len(), count, "none before its time");
        world.turn(Duration::from_millis(200));
    }
    world.finish().await;
}

#[tokio::test]
async fn a_rate_that_was_allowed_is_kept_to_by_hand_as_well() {
    let world = World::start().await;
    let receiver = receiver(|got| allows("60", got.header("webhook-request-origin"))).await;
    let endpoint = subscribe(&world, &receiver, &handshake("cloudevents")).await;
    let (alice, _) = come(&world).await;
    alice.says(&world, "one").await;
    world.settle().await;
    let id = deliveries_to(&world, &endpoint).await[0]["id"].as_str().expect("an id").to_owned();
    let again = format!("/api/v1/deliveries/{id}/redeliver");
    let waits = world.post(&again, &json!({})).await;
    assert_eq!((waits.status, waits.body["attempts"].as_array().map(Vec::len)), (202, Some(1)));
    world.settle().await;
    // What is new comes after it.
    alice.says(&world, "two").await;
    for count in 1..=3 {
        world.settle().await;
        assert_eq!(delivered(&receiver).len(), count, "one at a time");
        world.turn(Duration::from_millis(900));
        world.settle().await;
        assert_eq!(delivered(&receiver).len(), count, "none before its time");
        world.turn(Duration::from_millis(200));
    }
    assert_eq!(delivered(&receiver), ["one", "one", "two"]);
    let tried = world.get(&format!("/api/v1/deliveries/{id}")).await.body;
    assert_eq!(tried["attempts"].as_array().map(Vec::len), Some(2), "{tried}");
    change(&world, &endpoint, &json!({ "enabled": false })).await;
    let off = world.post(&again, &json!({})).await;
    assert_eq!((off.status, off.code()), (409, "endpoint_off"));
    world.finish().await;
}

#[tokio::test]
async fn a_rate_is_kept_to_whichever_node_is_asked() {
    let nodes = Nodes::start(2, Trouble::default()).await;
    // An endpoint's pace is its reader's, and begins anew where another node gets its share.
    nodes.until_held(&[8, 8]).await;
    let world = nodes.at(0);
    let receiver = receiver(|got| allows("60", got.header("webhook-request-origin"))).await;
    let endpoint = subscribe(world, &receiver, &handshake("cloudevents")).await;
    let came = async |count: usize| {
        let look = async || (delivered(&receiver).len() == count).then_some(());
        world.until("a delivery", look).await;
    };
    let (alice, ben) = come(world).await;
    alice.says(world, "one").await;
    came(1).await;
    ben.says(world, "two").await;
    nodes.turn(Duration::from_millis(1_100));
    came(2).await;
    let both = async || Some(deliveries_to(world, &endpoint).await).filter(|all| all.len() == 2);
    // Of two nodes one is not where the endpoint's reader is.
    for (place, delivery) in world.until("both in the log", both).await.iter().enumerate() {
        let id = delivery["id"].as_str().expect("an id");
        let again = format!("/api/v1/deliveries/{id}/redeliver");
        assert_eq!(nodes.at(place).post(&again, &json!({})).await.status, 202);
    }
    let have_turns = async || {
        let timers = world.timers().await;
        let again = timers.iter().filter(|timer| timer.name.0.starts_with("again:"));
        let turns = again.map(|timer| Some((timer.due, timer.body.get("turn")?.as_str()?)));
        turns.collect::<Option<Vec<_>>>().filter(|turns| turns.len() == 2).map(|turns| {
            let dues = [turns[0].0, turns[1].0];
            dues[1].duration_since(dues[0]).abs()
        })
    };
    let apart = world.until("a turn for each", have_turns).await;
    assert!(apart >= jiff::SignedDuration::from_secs(1), "{apart:?}");
    assert_eq!(delivered(&receiver).len(), 2, "neither goes before its turn");
    for count in 3..=4 {
        nodes.turn(Duration::from_millis(1_100));
        came(count).await;
    }
    nodes.finish().await;
}

#[tokio::test]
async fn what_is_no_handshake_is_told() {
    let world = World::start().await;
    let receiver = receiver(echo).await;
    for (wrong, pointer) in [
        (json!({ "kind": "token_echo" }), "/handshake/token"),
        (json!({ "kind": "meta" }), "/handshake/token"),
        (json!({ "kind": "meta", "token": "two words" }), "/handshake/token"),
        (json!({ "kind": "meta", "token": "" }), "/handshake/token"),
        (json!({ "kind": "cloudevents", "token": "t" }), "/handshake/token"),
        (json!({ "kind": "none", "token": "t" }), "/handshake/token"),
    ] {
        let body = json!({ "url": receiver.url, "handshake": wrong });
        let refused = world.post("/api/v1/endpoints", &body).await;
        assert_eq!((refused.status, refused.pointer()), (422, pointer), "{wrong}: {refused:?}");
    }
    let body = json!({ "url": receiver.url, "handshake": { "kind": "hello" } });
    assert_eq!(world.post("/api/v1/endpoints", &body).await.status, 400);
    let headers = json!({ "WebHook-Request-Origin": "evil.example" });
    let body = json!({ "url": receiver.url, "headers": headers });
    assert_eq!(world.post("/api/v1/endpoints", &body).await.status, 422);
    assert_eq!(receiver.got().len(), 0, "nobody is asked");
    // Slack's kind knows receivers that look at the challenge only.
    is_passed(&world, &subscribe(&world, &receiver, &json!({ "kind": "slack" })).await);
    world.finish().await;
}

#[tokio::test]
async fn a_handshake_bears_the_headers_of_deliveries() {
    let world = World::start().await;
    let receiver = receiver(|got| match got.header("authorization") {
        "Bearer open" => echo(got),
        _ => Reply::Status(401),
    })
    .await;
    let body = json!({
        "url": receiver.url, "handshake": handshake("slack"),
        "headers": { "Authorization": "Bearer open" },
    });
    let made = world.post("/api/v1/endpoints", &body).await;
    is_passed(&world, &made.body);
    world.finish().await;
}
