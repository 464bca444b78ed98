//! Who hears what.

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::AgentClient;
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::Side;

use super::{Scene, text_of};

#[tokio::test]
async fn what_is_said_is_heard_and_who_said_it_hears_the_name_of_their_request() {
    let scene = Scene::begin().await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    let (mut phone, _) = scene.alice_comes(json!({})).await;
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    let request_id = alice.send("send_event", scene.message("is anybody there?")).await;
    let sent = alice.answer(&request_id).await.payload();
    let (mine, hers, his) = (
        alice.push("incoming_event").await,
        phone.push("incoming_event").await,
        bob.push("incoming_event").await,
    );
    assert_eq!(mine.get("request_id"), Some(&json!(request_id)));
    assert_eq!(hers.get("request_id"), None);
    assert_eq!(his.get("request_id"), None);
    for push in [&mine, &hers, &his] {
        assert_eq!(text_of(push), "is anybody there?");
        assert_eq!(push.pointer("/payload/event/id"), sent.get("event_id"));
        assert_eq!(push.pointer("/payload/chat_id"), Some(&json!(scene.chat)));
        assert_eq!(push.get("version"), Some(&json!("3.6")));
        assert!(push.get("seq").is_some_and(Value::is_u64), "{push}");
    }
    assert_eq!(his.pointer("/payload/event/visibility"), Some(&json!("all")));
    assert_eq!(mine.pointer("/payload/event/visibility"), None);
    scene.world.finish().await;
}

#[tokio::test]
async fn answers_keep_the_order_of_requests_and_pings_pass_them() {
    let scene = Scene::begin().await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    for count in 0..8 {
        alice.send("send_event", scene.message(&format!("{count}"))).await;
    }
    alice.send("ping", json!({})).await;
    let mut sends = Vec::new();
    for _ in 0..9 {
        let answer = alice.any_answer().await;
        if answer.frame.get("action") == Some(&json!("send_event")) {
            sends.push(answer.frame.get("request_id").cloned().expect("it names its request"));
        }
    }
    let wanted: Vec<Value> = (2..10).map(|count| json!(format!("r{count}"))).collect();
    assert_eq!(sends, wanted);
    let mut heard = Vec::new();
    while heard.len() < 8 {
        heard.push(text_of(&alice.push("incoming_event").await).to_owned());
    }
    assert_eq!(heard, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    scene.world.finish().await;
}

#[tokio::test]
async fn what_is_for_agents_is_not_heard_by_the_customer_nor_an_agents_address() {
    let scene = Scene::begin().await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    scene.join_bob().await;
    let mut secret = scene.message("she sounds angry");
    secret["event"]["visibility"] = json!("agents");
    assert!(bob.call("send_event", secret).await.success());
    assert!(bob.call("send_event", scene.message("how can I help?")).await.success());
    let heard = alice.push("incoming_event").await;
    assert_eq!(text_of(&heard), "how can I help?");
    assert!(!heard.to_string().contains("bob@example.com"), "{heard}");
    let rest = alice.pushes().await;
    assert!(rest.iter().all(|push| text_of(push) != "she sounds angry"), "{rest:?}");
    assert_eq!(text_of(&bob.push("incoming_event").await), "she sounds angry");
    scene.world.finish().await;
}

#[tokio::test]
async fn an_agent_of_another_team_hears_nothing() {
    let scene = Scene::begin().await.only_for_team(5).await;
    let carol = AgentClient::hired(&scene.world, "carol@example.com", Role::Normal).await;
    let token = &carol.chat.token;
    let (mut carol, _) =
        RtmClient::log_in(&scene.world.base_url, Side::Agent, token, json!({})).await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    assert!(alice.call("send_event", scene.message("hello?")).await.success());
    assert_eq!(text_of(&bob.push("incoming_event").await), "hello?");
    let heard = carol.pushes().await;
    assert!(heard.iter().all(|push| text_of(push).is_empty()), "{heard:?}");
    scene.world.finish().await;
}

#[tokio::test]
async fn only_what_is_wanted_is_heard_in_the_version_that_is_wanted() {
    let scene = Scene::begin().await;
    let (mut bob, _) = scene.bob_comes(json!({ "pushes": { "3.6": ["chat_deactivated"] } })).await;
    let (mut old, _) = scene.bob_comes(json!({ "pushes": { "3.5": ["all"] } })).await;
    let (mut none, _) = scene.bob_comes(json!({ "pushes": {} })).await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    assert!(alice.call("send_event", scene.message("hello?")).await.success());
    assert_eq!(old.push("incoming_event").await.get("version"), Some(&json!("3.5")));
    assert_eq!(bob.pushes().await, Vec::<Value>::new());
    assert_eq!(none.pushes().await, Vec::<Value>::new());
    scene.world.finish().await;
}
