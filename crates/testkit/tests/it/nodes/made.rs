//! What one node made, any other knows at the next request, though every hint be lost.

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::bus::Trouble;
use tidings_testkit::desk::{AgentClient, Client, CustomerClient};
use tidings_testkit::nodes::Nodes;
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::telegram::TelegramServer;
use tidings_testkit::world::{World, answer};
use tidings_wire::livechat::Side;

/// Nobody hears of anything.
const SILENCE: Trouble = Trouble { lost: 100, ..Trouble::drops_half(0) };

#[tokio::test]
async fn a_web_channel_opens_its_doors_everywhere() {
    let nodes = Nodes::start(2, SILENCE).await;
    let (here, there) = (nodes.at(0), nodes.at(1));
    // The page that asks first finds nothing, and that is not remembered.
    let nobodys = format!("/channels/{}/session", here.app.next_id());
    assert_eq!(there.post(&nobodys, &json!({})).await.status, 404);

    let channel = here.web_channel().await;
    let session = there.post(&format!("/channels/{channel}/session"), &json!({})).await;
    assert_eq!(session.status, 200, "{session:?}");

    let own =
        json!({ "kind": "web", "name": "Other", "settings": { "widget": { "color": "#123456" } } });
    let made = here.post("/api/v1/channels", &own).await;
    let asked = json!({ "organization_id": here.workspace, "channel_id": made.body["id"], "group_id": 0, "version": "1" });
    let path = "/v3.6/customer/action/get_configuration";
    let shown = answer(there.anonymous(http::Method::GET, path).query(&asked)).await;
    assert_eq!(shown.body.pointer("/widget/color"), Some(&json!("#123456")), "{shown:?}");

    let channel = here.web_channel().await;
    CustomerClient::comes(there, channel).await.starts_chat().await;
    let channel = here.web_channel().await;
    let alice = CustomerClient::comes(there, channel).await;
    let from_its_page = there
        .anonymous(http::Method::POST, "/v3.6/customer/action/list_chats")
        .header("origin", &there.base_url)
        .bearer_auth(&alice.chat.token)
        .json(&json!({}));
    assert_eq!(answer(from_its_page).await.status, 200);
    nodes.finish().await;
}

#[tokio::test]
async fn a_telegram_channel_takes_updates_everywhere() {
    let nodes = Nodes::start(2, SILENCE).await;
    let telegram = TelegramServer::start().await;
    let settings = telegram.webhook_settings("a-shared_secret");
    let made = json!({ "kind": "telegram", "name": "Pizzeria", "settings": settings });
    let made = nodes.at(0).post("/api/v1/channels", &made).await;
    let door = format!("/channels/{}", made.body["id"].as_str().expect("it is made"));
    let update = json!({ "update_id": 1 });
    let knock = nodes.at(1).anonymous(http::Method::POST, &door).json(&update);
    let knock = knock.header("x-telegram-bot-api-secret-token", "a-shared_secret");
    assert_eq!(answer(knock).await.status, 200);
    nodes.finish().await;
}

#[tokio::test]
async fn an_agents_token_lets_in_everywhere() {
    let nodes = Nodes::start(2, SILENCE).await;
    let (here, there) = (nodes.at(0), nodes.at(1));
    let bob = AgentClient::hired(here, "bob@example.com", Role::Normal).await;
    Client::new(there, "agent", bob.chat.token.clone())
        .call("list_chats", json!({}))
        .await
        .expect("Bob is let in");
    let carol = AgentClient::hired(here, "carol@example.com", Role::Normal).await;
    let (_, seen) =
        RtmClient::log_in(&there.base_url, Side::Agent, &carol.chat.token, json!({})).await;
    assert_eq!(seen.pointer("/my_profile/id"), Some(&json!("carol@example.com")));
    let dave = here.put("/api/v1/agents/dave@example.com", &json!({ "name": "Dave" })).await;
    assert_eq!(dave.status, 200, "{dave:?}");
    let token = json!({ "name": "laptop" });
    let token = there.post("/api/v1/agents/dave@example.com/tokens", &token).await;
    assert_eq!(token.status, 201, "{token:?}");
    nodes.finish().await;
}

#[tokio::test]
async fn what_a_call_names_is_known_everywhere() {
    let nodes = Nodes::start(2, SILENCE).await;
    let (here, there) = (nodes.at(0), nodes.at(1));
    let channel = here.web_channel().await;
    let alice = CustomerClient::comes(there, channel).await;
    let (chat, _) = alice.starts_chat().await;
    let bob = AgentClient::hired(here, "bob@example.com", Role::Owner).await;
    let bob_there = AgentClient {
        id: bob.id.clone(),
        chat: Client::new(there, "agent", bob.chat.token.clone()),
        configuration: Client::new(there, "configuration", bob.chat.token.clone()),
    };
    bob_there.call("list_chats", json!({})).await.expect("Bob is let in");

    let team = new_team(&bob, "Drivers").await;
    let tag = json!({ "name": "late", "group_ids": [team] });
    bob_there.configure("create_tag", tag).await.expect("the team is known");

    let team = new_team(&bob, "Cooks").await;
    let arrives = json!({ "group_id": team });
    RtmClient::log_in(&there.base_url, Side::Customer, &alice.chat.token, arrives).await;

    let property = json!({ "name": "order", "owner_client_id": "crm", "type": "int",
        "access": { "chat": { "agent": ["read", "write"] } } });
    bob.configure("register_property", property).await.expect("it is registered");
    let set = json!({ "id": chat, "properties": { "crm": { "order": 7 } } });
    bob_there.call("update_chat_properties", set).await.expect("the property is known");

    let hook = json!({ "action": "chat_deactivated", "secret_key": "k", "type": "license",
        "owner_client_id": "crm", "url": format!("{}/hook", here.base_url) });
    let hook = bob.configure("register_webhook", hook).await.expect("it is registered");
    let hook = json!({ "id": hook["id"], "owner_client_id": "crm" });
    bob_there.configure("unregister_webhook", hook).await.expect("the webhook is known");

    let helper = new_bot(&bob, "Helper").await;
    let asked = json!({ "bot_id": helper["id"], "client_id": "crm", "bot_secret": helper["secret"],
        "organization_id": here.workspace });
    bob_there.configure("issue_bot_token", asked).await.expect("the bot is known");

    let helper = new_bot(&bob, "Waiter").await;
    speaks_for(there, &bob, &helper).await;
    nodes.finish().await;
}

async fn new_team(bob: &AgentClient, name: &str) -> Value {
    let team = json!({ "name": name, "agent_priorities": { "bob@example.com": "normal" } });
    bob.configure("create_group", team).await.expect("the team is made")["id"].clone()
}

async fn new_bot(bob: &AgentClient, name: &str) -> Value {
    let bot = json!({ "name": name, "owner_client_id": "crm", "default_group_priority": "normal" });
    bob.configure("create_bot", bot).await.expect("the bot is made")
}

/// Bob makes a call at a node in the name of a bot.
async fn speaks_for(at: &World, bob: &AgentClient, bot: &Value) {
    let call = at
        .anonymous(http::Method::POST, "/v3.6/agent/action/list_chats")
        .header("x-author-id", bot["id"].as_str().expect("an id"))
        .bearer_auth(&bob.chat.token)
        .json(&json!({}));
    let called = answer(call).await;
    assert_eq!(called.status, 200, "{called:?}");
}
