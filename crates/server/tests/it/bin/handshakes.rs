//! Handshakes: who asks whether the address wants deliveries is answered as their rules say.

use serde_json::{Value, json};

use super::{Bin, Installation, http};

async fn text(request: reqwest::RequestBuilder) -> (u16, String) {
    let answer = request.send().await.expect("answered");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

async fn options(bin: &Bin) -> reqwest::Response {
    let request = http().request(reqwest::Method::OPTIONS, bin.url("/hook"));
    let request = request.header("WebHook-Request-Origin", "events.example.com");
    request.header("WebHook-Request-Rate", "120").send().await.expect("answered")
}

#[tokio::test]
async fn each_handshake_is_answered() {
    let bin = Bin::start(&[]).await;
    let consent = options(&bin).await;
    assert_eq!(consent.headers()["webhook-allowed-origin"], "events.example.com");
    assert_eq!(consent.headers()["webhook-allowed-rate"], "120");

    let meta = "?hub.mode=subscribe&hub.challenge=115%38&hub.verify_token=x";
    for path in ["/hook", "/"] {
        let asked = http().get(bin.url(&format!("{path}{meta}")));
        assert_eq!(text(asked).await, (200, "1158".into()), "{path}");
    }
    let slack = json!({ "token": "t", "challenge": "3eZbrw1a", "type": "url_verification" });
    let asked = http().post(bin.url("/hook")).json(&slack);
    assert_eq!(text(asked).await, (200, "3eZbrw1a".into()));

    let echo = (200, "sesame".to_owned());
    let hook = || http().post(bin.url("/hook"));
    assert_eq!(text(hook().json(&json!({ "token": "sesame" }))).await, echo);
    assert_eq!(text(hook().query(&[("token", "sesame")])).await, echo);
    assert_eq!(text(hook().header("token", "sesame")).await, echo);
    assert_eq!(text(hook().bearer_auth("sesame")).await, echo);

    let items = bin.deliveries().await;
    let names: Vec<&Value> = items.iter().map(|item| &item["handshake"]).collect();
    let wotnot = ["WotNot"; 4];
    assert_eq!(names, [&["CloudEvents", "Meta", "Meta", "Slack"][..], &wotnot].concat());
}

#[tokio::test]
async fn a_handshake_with_another_token_and_an_unwanted_one_are_refused() {
    let bin = Bin::start(&["--token", "sesame"]).await;
    let hook = |token: &str| http().post(bin.url("/hook")).json(&json!({ "token": token }));
    assert_eq!(text(hook("sesame")).await, (200, "sesame".into()));
    assert_eq!(text(hook("simsim")).await, (403, "the token is another one\n".into()));
    let meta = |token: &str| {
        http().get(bin.url("/hook")).query(&[("hub.challenge", "7"), ("hub.verify_token", token)])
    };
    assert_eq!(text(meta("sesame")).await.0, 200);
    assert_eq!(text(meta("simsim")).await.0, 403);

    bin.behave(&json!({ "refuse_handshakes": true })).await;
    assert_eq!(text(hook("sesame")).await.0, 403);
    let refused = options(&bin).await;
    assert_eq!(refused.status(), 403);
    assert!(!refused.headers().contains_key("webhook-allowed-origin"));
    assert_eq!(bin.post("/hook", &json!({ "type": "x" })).await.status(), 204);
}

#[tokio::test]
async fn the_server_asks_and_is_answered() {
    let installation = Installation::new();
    let server = installation.start().await;
    let bin = Bin::start(&["--token", "sesame"]).await;
    let subscribe = async |handshake: Value| {
        let body = json!({ "url": bin.url("/hook"), "handshake": handshake });
        installation.post("/api/v1/endpoints", &body).await.body
    };
    for kind in ["token_echo", "cloudevents", "slack", "meta"] {
        let token = (kind != "cloudevents").then_some("sesame");
        let made = subscribe(json!({ "kind": kind, "token": token })).await;
        assert_eq!(made["enabled"], true, "{made}");
    }
    let made = subscribe(json!({ "kind": "token_echo", "token": "simsim" })).await;
    assert_eq!(made["enabled"], false, "{made}");
    assert_eq!(made["handshake"]["failed"]["answer"], "the token is another one\n");
    let items = bin.deliveries().await;
    let names: Vec<&Value> = items.iter().map(|item| &item["handshake"]).collect();
    assert_eq!(names, ["WotNot", "CloudEvents", "Slack", "Meta", "WotNot"]);
    server.stop().await;
}
