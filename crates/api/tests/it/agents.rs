//! Agents and their tokens, as an operator sees to them.

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::world::{World, answer};

const BOB: &str = "/api/v1/agents/bob@example.com";

#[tokio::test]
async fn what_is_not_named_stays() {
    let world = World::start().await;
    let body = json!({ "name": "Bob", "status": "accepting", "role": "administrator",
        "groups": ["sales"], "job_title": "Pizza chef", "avatar": "https://example.org/bob.png" });
    let made = world.put(BOB, &body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let account = made.body["account_id"].as_str().expect("an account").to_owned();
    assert_ne!(account, "00000000-0000-0000-0000-000000000000");
    let changed = world.put(BOB, &json!({ "chats_max": 2, "job_title": null })).await;
    let expected = json!({ "id": "bob@example.com", "name": "Bob", "status": "accepting",
        "role": "administrator", "groups": ["sales"], "job_title": null, "chats_max": 2,
        "avatar": "https://example.org/bob.png", "account_id": account });
    assert_eq!(changed.body, expected);
    let wrong = world.put(BOB, &json!({ "chats_max": 1_000_000 })).await;
    assert_eq!((wrong.status, wrong.pointer()), (422, "/chats_max"));
    world.stop().await;
}

#[tokio::test]
async fn a_team_that_is_named_is_made_and_told_of() {
    let world = World::start().await;
    world.put(BOB, &json!({ "groups": ["sales", "general"] })).await;
    world.put("/api/v1/agents/carol@example.com", &json!({ "groups": ["sales", "support"] })).await;
    let directory = world.app.directory(world.workspace).expect("it is open");
    let teams: Vec<(u32, String)> =
        directory.groups().iter().map(|group| (group.number.0, group.key.to_string())).collect();
    let expected = [(0, "general"), (1, "sales"), (2, "support")];
    assert_eq!(teams, expected.map(|(number, key)| (number, key.to_owned())));
    let events = world.get("/api/v1/events?type=group.created&type=agent.created").await;
    let types: Vec<&Value> = events.items().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["group.created", "agent.created", "group.created", "agent.created"]);
    world.stop().await;
}

#[tokio::test]
async fn a_token_of_an_agent_opens_the_chat_api_until_it_is_revoked() {
    let world = World::start().await;
    let made = world.post(&format!("{BOB}/tokens"), &json!({ "name": "crm" })).await;
    assert_eq!(made.status, 404, "nobody is there yet: {}", made.text);
    world.put(BOB, &json!({})).await;
    let made = world.post(&format!("{BOB}/tokens"), &json!({ "name": "crm" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let token = made.body["token"].as_str().expect("a token").to_owned();
    let account = made.body["account_id"].as_str().expect("an account").to_owned();
    assert_eq!(made.body["organization_id"], json!(world.workspace));
    let workspace = world.get("/api/v1/workspace").await;
    assert_eq!(workspace.body["organization_id"], json!(world.workspace));
    assert!(workspace.body["license_id"].as_u64().is_some_and(|number| number > 0));
    let path = "/v3.6/agent/action/get_chat";
    let ask = |world: &World| {
        world.anonymous(Method::POST, path).json(&json!({ "chat_id": "PJ0MRSHTDG" }))
    };
    let as_bearer = answer(ask(&world).bearer_auth(&token)).await;
    assert_eq!(as_bearer.body["error"]["type"], "not_found", "{}", as_bearer.text);
    let as_basic = answer(ask(&world).basic_auth(&account, Some(&token))).await;
    assert_eq!(as_basic.body["error"]["type"], "not_found", "{}", as_basic.text);
    let as_other = answer(ask(&world).basic_auth("carol", Some(&token))).await;
    assert_eq!((as_other.status, &as_other.body["error"]["type"]), (401, &json!("authentication")));

    let listed = world.get(&format!("{BOB}/tokens")).await;
    assert_eq!(listed.items().len(), 1);
    assert!(!listed.text.contains(&token), "a token is shown once");
    let id = made.body["id"].as_str().expect("an id");
    let gone = answer(world.call(Method::DELETE, &format!("{BOB}/tokens/{id}"))).await;
    assert_eq!(gone.status, 204);
    let refused = answer(ask(&world).bearer_auth(&token)).await;
    assert_eq!(refused.status, 401);
    world.stop().await;
}

#[tokio::test]
async fn a_token_has_no_more_than_its_agents_role() {
    let world = World::start().await;
    world.put(BOB, &json!({ "role": "normal" })).await;
    let body = json!({ "name": "crm", "scopes": ["chats--all:rw"] });
    let refused = world.post(&format!("{BOB}/tokens"), &body).await;
    assert_eq!((refused.status, refused.pointer()), (422, "/scopes"));
    let body = json!({ "name": "crm", "scopes": ["chats--access:rw"] });
    let made = world.post(&format!("{BOB}/tokens"), &body).await;
    assert_eq!(made.body["scopes"], json!(["chats--access:rw"]));
    world.stop().await;
}
