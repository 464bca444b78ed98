//! The Configuration API: the team, access, webhooks, greetings, and what the other APIs say of them.

mod webhooks;

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, CustomerClient, error_type};
use tidings_testkit::world::World;

async fn owner(world: &World) -> AgentClient {
    AgentClient::hired(world, "olga@example.com", Role::Owner).await
}

#[tokio::test]
async fn an_agent_is_made_changed_suspended_and_removed() {
    let world = World::start().await;
    let olga = owner(&world).await;
    let sales =
        olga.configure("create_group", json!({ "name": "Sales", "agent_priorities": {} })).await;
    let sales = sales.expect("the group is made")["id"].clone();
    let bob = json!({ "id": "bob@example.com", "name": "Bob", "job_title": "Chef",
        "groups": [{ "id": sales, "priority": "first" }] });
    let made = olga.configure("create_agent", bob.clone()).await.expect("bob is made");
    assert_eq!(made, json!({ "id": "bob@example.com" }));
    assert_eq!(error_type(&olga.configure("create_agent", bob).await), "already_exists");
    let asked = json!({ "id": "bob@example.com", "fields": ["groups", "job_title"] });
    let shown = olga.configure("get_agent", asked).await.expect("bob is shown");
    assert_eq!(shown["groups"], json!([{ "id": sales, "priority": "first" }]));
    assert_eq!((&shown["job_title"], &shown["role"]), (&json!("Chef"), &json!("normal")));
    let group =
        olga.configure("get_group", json!({ "id": sales, "fields": ["agent_priorities"] })).await;
    assert_eq!(group.expect("sales")["agent_priorities"], json!({ "bob@example.com": "first" }));

    let bob = AgentClient::known(&world, &"bob@example.com".parse().expect("an id")).await;
    let itself = json!({ "id": "bob@example.com", "role": "administrator" });
    assert_eq!(error_type(&bob.configure("update_agent", itself).await), "authorization");
    olga.configure("suspend_agent", json!({ "id": "bob@example.com" })).await.expect("suspended");
    let refused = bob.configure("list_groups", json!({})).await;
    assert_eq!(error_type(&refused), "requester_suspended");
    bob.configure("request_agent_unsuspension", json!({})).await.expect("this he may");
    olga.configure("unsuspend_agent", json!({ "id": "bob@example.com" })).await.expect("back");
    bob.configure("list_groups", json!({})).await.expect("he may again");

    olga.configure("delete_agent", json!({ "id": "bob@example.com" })).await.expect("gone");
    assert_eq!(error_type(&bob.configure("list_groups", json!({})).await), "authentication");
    let types: Vec<String> = world
        .get("/api/v1/events?type=agent.created&type=agent.suspended&type=agent.unsuspended&type=agent.deleted")
        .await
        .items()
        .iter()
        .map(|event| event["type"].as_str().unwrap_or_default().to_owned())
        .collect();
    let expected = ["agent.created", "agent.suspended", "agent.unsuspended", "agent.deleted"];
    assert_eq!(types, expected);
    world.stop().await;
}

#[tokio::test]
async fn a_batch_answers_each_call_in_its_place() {
    let world = World::start().await;
    let olga = owner(&world).await;
    let requests = json!({ "requests": [
        { "id": "a@example.com", "name": "A" },
        { "id": "olga@example.com", "name": "Olga" },
        { "id": "b@example.com", "name": "B" },
    ] });
    let answer = olga.configure("batch_create_agents", requests).await.expect("it is answered");
    assert_eq!(answer["responses"][0], json!({ "id": "a@example.com" }));
    assert_eq!(answer["responses"][1]["error"]["type"], "already_exists");
    assert_eq!(answer["responses"][2], json!({ "id": "b@example.com" }));
    world.stop().await;
}

#[tokio::test]
async fn a_bot_gets_its_token_by_its_secret() {
    let world = World::start().await;
    let olga = owner(&world).await;
    let bot = json!({ "name": "Helper", "owner_client_id": "my-app", "default_group_priority": "normal" });
    let made = olga.configure("create_bot", bot).await.expect("the bot is made");
    let ask = |secret: Value| {
        json!({ "bot_id": made["id"], "client_id": "my-app", "bot_secret": secret,
            "organization_id": world.workspace })
    };
    let wrong = olga.configure("issue_bot_token", ask(json!("guess"))).await;
    assert_eq!(error_type(&wrong), "authentication");
    let path = "/v3.6/configuration/action/issue_bot_token";
    let issued = world.anonymous(http::Method::POST, path).json(&ask(made["secret"].clone()));
    let issued = tidings_testkit::world::answer(issued).await;
    let token = issued.body["token"].as_str().expect("a token").to_owned();
    let helper = tidings_testkit::desk::Client::new(&world, "agent", token);
    helper
        .call("set_routing_status", json!({ "status": "accepting_chats" }))
        .await
        .expect("it works");
    let listed = olga.configure("list_bots", json!({ "all": true, "fields": ["groups"] })).await;
    let listed = listed.expect("bots are listed");
    assert_eq!(listed[0]["groups"], json!([{ "id": 0, "priority": "normal" }]));
    assert!(listed[0].get("secret").is_none());
    let reset = json!({ "id": made["id"], "owner_client_id": "my-app" });
    olga.configure("reset_bot_secret", reset).await.expect("it is reset");
    let old = olga.configure("issue_bot_token", ask(made["secret"].clone())).await;
    assert_eq!(error_type(&old), "authentication");
    world.stop().await;
}

#[tokio::test]
async fn rules_give_chats_to_groups_in_their_order() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let olga = owner(&world).await;
    let made =
        olga.configure("create_group", json!({ "name": "Sales", "agent_priorities": {} })).await;
    let sales = made.expect("the group is made")["id"].clone();
    let rule = |value: &str, next: Option<&Value>| {
        json!({ "access": { "groups": [sales] }, "next_id": next,
            "conditions": { "url": { "values": [{ "value": value }] } } })
    };
    let second = olga.configure("add_auto_access", rule("/prices", None)).await.expect("added");
    let mut first = rule("/cart", None);
    first["next_id"] = second["id"].clone();
    let first = olga.configure("add_auto_access", first).await.expect("added");
    let listed = olga.configure("list_auto_accesses", json!({})).await.expect("listed");
    assert_eq!((&listed[0]["id"], &listed[0]["next_id"]), (&first["id"], &second["id"]));
    assert!(listed[1].get("next_id").is_none());
    let nowhere = json!({ "access": { "groups": [99] }, "conditions": { "url": { "values": [{ "value": "x" }] } } });
    assert_eq!(error_type(&olga.configure("add_auto_access", nowhere).await), "validation");

    let alice = CustomerClient::comes(&world, channel).await;
    let page =
        json!({ "page_url": "https://shop.example/prices", "group_id": 0, "session_fields": [] });
    alice.call("check_goals", page).await.expect("the page is told");
    let (chat, _) = alice.starts_chat().await;
    let seen = olga.call("get_chat", json!({ "chat_id": chat })).await.expect("olga sees it");
    assert_eq!(seen["access"]["group_ids"], json!([sales]));
    olga.configure("delete_auto_access", json!({ "id": first["id"] })).await.expect("gone");
    world.stop().await;
}

#[tokio::test]
async fn greetings_are_kept_and_shown_to_the_widget() {
    let world = World::start().await;
    world.web_channel().await;
    let olga = owner(&world).await;
    let greeting = json!({ "type": "normal", "active": true, "name": "Prices", "group": 0,
        "rules": [{ "condition": "and", "type": "url_current", "operator": "contains", "value": "/prices" }],
        "rich_message": { "template_id": "cards", "elements": [
            { "title": "May we help?", "subtitle": "", "image": { "url": "https://shop.example/a.png" } }] } });
    let made = olga.configure("create_greeting", greeting).await.expect("made");
    assert_eq!(made, json!({ "id": 1 }));
    olga.configure("update_greeting", json!({ "id": 1, "name": "Better" })).await.expect("changed");
    let shown = olga.configure("get_greeting", json!({ "id": 1 })).await.expect("shown");
    assert_eq!(shown["name"], "Better");
    let path = format!(
        "/v3.6/customer/action/get_dynamic_configuration?organization_id={}",
        world.workspace
    );
    let told = tidings_testkit::world::answer(world.anonymous(http::Method::GET, &path)).await;
    let expected = json!({ "url": "*/prices*" });
    assert_eq!(told.body["widget"]["greetings"][0]["when"], expected, "{}", told.text);
    olga.configure("delete_greeting", json!({ "id": 1 })).await.expect("gone");
    assert_eq!(
        error_type(&olga.configure("get_greeting", json!({ "id": 1 })).await),
        "greeting_not_found"
    );
    world.stop().await;
}
