//! Properties: of chats, threads and events, of the license and of groups, and their registry.

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, Client, error_type, team};

use super::{Room, actions, to_agents, to_customer};

#[tokio::test]
async fn properties_stand_on_chats_threads_and_events() {
    let room = Room::open().await;
    let sent = room
        .bob_sends(json!({ "type": "message", "text": "Hi",
        "properties": { "test": { "int_property": 1 } } }))
        .await
        .expect("sent");
    let places = [
        ("chat", json!({ "id": room.chat })),
        ("thread", json!({ "chat_id": room.chat, "thread_id": room.thread })),
        (
            "event",
            json!({ "chat_id": room.chat, "thread_id": room.thread, "event_id": sent["event_id"] }),
        ),
    ];
    let read = async || {
        let chat =
            room.bob.call("get_chat", json!({ "chat_id": room.chat })).await.expect("a chat");
        let event = room.bob_sees(&sent["event_id"]).await;
        [
            chat["properties"].clone(),
            chat["thread"]["properties"].clone(),
            event["properties"].clone(),
        ]
    };
    for (number, (place, at)) in places.iter().enumerate() {
        let before = room.now().await;
        let mut payload = at.clone();
        payload["properties"] = json!({ "test": { "int_property": 7, "bool_property": true } });
        room.bob.call(&format!("update_{place}_properties"), payload.clone()).await.expect("set");
        room.alice.call(&format!("update_{place}_properties"), payload).await.expect("it is so");
        let set = json!({ "test": { "int_property": 7, "bool_property": true } });
        assert_eq!(read().await[number], set);
        let mut payload = at.clone();
        payload["properties"] = json!({ "test": ["bool_property", "string_property"] });
        room.alice.call(&format!("delete_{place}_properties"), payload).await.expect("removed");
        assert_eq!(read().await[number], json!({ "test": { "int_property": 7 } }));
        let pushes = room.pushes_after(before).await;
        let updated = format!("{place}_properties_updated");
        let deleted = format!("{place}_properties_deleted");
        for heard in [to_agents(&pushes), to_customer(&pushes)] {
            assert_eq!(actions(&heard), [updated.as_str(), deleted.as_str()]);
            let (_, of_delete) = heard.last().expect("two");
            assert_eq!(of_delete["properties"], json!({ "test": ["bool_property"] }));
            assert_eq!(of_delete.get("thread_id").is_some(), *place != "chat");
            assert_eq!(of_delete.get("event_id").is_some(), *place == "event");
        }
    }
    room.world.finish().await;
}

#[tokio::test]
async fn what_may_not_stand_somewhere_is_refused_with_its_name() {
    let room = Room::open().await;
    let cases = [
        (json!({ "test": { "int_property": "7" } }), "validation", "test.int_property"),
        (
            json!({ "test": { "int_property": 2_147_483_648_i64 } }),
            "validation",
            "test.int_property",
        ),
        (json!({ "test": { "nothing": 7 } }), "validation", "test.nothing"),
        (json!({ "rating": { "score": 2 } }), "authorization", "rating.score"),
        (json!({ "routing": { "unassigned": true } }), "authorization", "routing.unassigned"),
        (json!({ "routing": { "idle": true } }), "validation", "routing.idle"),
        (json!({ "chats": { "queue.limit": 7 } }), "validation", "chats.queue.limit"),
    ];
    for (properties, expected, field) in cases {
        let payload = json!({ "id": room.chat, "properties": properties });
        let (_, error) = room.bob.call("update_chat_properties", payload).await.expect_err(field);
        let named = error["data"]["field"].as_str().unwrap_or_default();
        assert_eq!(
            (error["type"].as_str(), named),
            (Some(expected), &*format!("properties.{field}"))
        );
    }
    let payload = json!({ "id": room.chat, "properties": { "rating": { "score": 2 } } });
    let (_, error) = room.alice.call("update_chat_properties", payload).await.expect_err("0 or 1");
    assert_eq!(error["type"], "validation");
    room.world.finish().await;
}

#[tokio::test]
async fn a_rating_is_told_in_the_chat_and_customers_see_what_they_may() {
    let room = Room::open().await;
    let at = json!({ "chat_id": room.chat, "thread_id": room.thread });
    let call = async |action: &str, properties: Value| {
        let mut payload = at.clone();
        payload["properties"] = properties;
        room.alice.call(action, payload).await.expect("she may")
    };
    let before = room.now().await;
    call("update_thread_properties", json!({ "rating": { "score": 1, "comment": "Hot!" } })).await;
    call("update_thread_properties", json!({ "rating": { "score": 1 } })).await;
    call("delete_thread_properties", json!({ "rating": ["score"] })).await;
    let messages = room.world.events_of("chat.system_message").await;
    let told: Vec<(&str, &Value)> = messages
        .iter()
        .filter_map(|event| {
            Some((event["data"]["system_message_type"].as_str()?, &event["data"]["text_vars"]))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("rating.chat_rated", &json!({ "customer": "Customer", "score": "good" })),
            ("rating.chat_commented", &json!({ "customer": "Customer", "comment": "Hot!" })),
            ("rating.chat_rating_canceled", &json!({ "customer": "Customer" })),
        ]
    );
    let heard = actions(&to_customer(&room.pushes_after(before).await));
    assert_eq!(heard.first(), Some(&"thread_properties_updated"));
    // What agents only read is not there for customers.
    let before = room.now().await;
    let pinned = json!({ "id": room.chat, "properties": { "routing": { "pinned": true } } });
    room.bob.call("update_chat_properties", pinned).await.expect("he may");
    let gone = json!({ "id": room.chat, "properties": { "routing": ["pinned"] } });
    room.bob.call("delete_chat_properties", gone).await.expect("he may");
    let pushes = room.pushes_after(before).await;
    assert_eq!(
        actions(&to_agents(&pushes)),
        ["chat_properties_updated", "chat_properties_deleted"]
    );
    assert_eq!(to_customer(&pushes), []);
    room.world.finish().await;
}

#[tokio::test]
async fn a_program_registers_its_properties_and_publishes_them() {
    let room = Room::open().await;
    let boss = AgentClient::hired(&room.world, "carol@example.com", Role::Administrator).await;
    let of_program = async |client_id: &str| {
        let made = tidings_app::desk::credentials::agent_token::create(
            &room.world.app,
            room.world.workspace,
            &boss.id,
            "program",
            client_id,
            None,
        );
        let (_, token) = made.await.expect("a token");
        (
            Client::new(&room.world, "agent", token.clone()),
            Client::new(&room.world, "configuration", token),
        )
    };
    let (crm, crm_configuration) = of_program("crm").await;
    let (shop, shop_configuration) = of_program("shop").await;
    let definition = json!({ "name": "order", "owner_client_id": "crm", "type": "int",
        "description": "The order", "range": { "from": 1, "to": 10 },
        "access": { "chat": { "agent": ["read", "write"], "customer": ["read"] } } });
    let foreign = shop_configuration.call("register_property", definition.clone()).await;
    assert_eq!(error_type(&foreign), "authorization");
    crm_configuration.call("register_property", definition.clone()).await.expect("registered");
    let again = crm_configuration.call("register_property", definition.clone()).await;
    assert_eq!(error_type(&again), "already_exists");
    let set = |value: i64| json!({ "id": room.chat, "properties": { "crm": { "order": value } } });
    crm.call("update_chat_properties", set(5)).await.expect("its own");
    assert_eq!(error_type(&crm.call("update_chat_properties", set(11)).await), "validation");
    assert_eq!(error_type(&shop.call("update_chat_properties", set(6)).await), "authorization");
    let by_alice = room.alice.call("update_chat_properties", set(6)).await;
    assert_eq!(error_type(&by_alice), "authorization", "customers read it only");
    let owner = json!({ "owner_client_id": "crm" });
    let listed = crm_configuration.call("list_properties", owner.clone()).await.expect("a list");
    assert_eq!(listed["order"]["range"], json!({ "from": 1, "to": 10 }));
    assert_eq!(listed["order"]["access"], definition["access"]);
    let listed = shop_configuration.call("list_properties", owner.clone()).await.expect("a list");
    assert_eq!(listed, json!({}));
    let named =
        json!({ "name": "order", "owner_client_id": "crm", "access_type": ["read", "write"] });
    crm_configuration.call("publish_property", named.clone()).await.expect("published");
    shop.call("update_chat_properties", set(6)).await.expect("it is open now");
    let taken_back = crm_configuration.call("unregister_property", named).await;
    assert_eq!(error_type(&taken_back), "validation", "others count on it");
    for wrong in [
        json!({ "name": "a b", "owner_client_id": "crm", "type": "int", "access": { "chat": { "agent": ["read"] } } }),
        json!({ "name": "a", "owner_client_id": "crm", "type": "int", "access": {} }),
        json!({ "name": "a", "owner_client_id": "crm", "type": "int", "access": { "moon": { "agent": ["read"] } } }),
        json!({ "name": "a", "owner_client_id": "crm", "type": "bool", "range": { "from": 1 }, "access": { "chat": { "agent": ["read"] } } }),
        json!({ "name": "a", "owner_client_id": "crm", "type": "int", "domain": ["x"], "access": { "chat": { "agent": ["read"] } } }),
        json!({ "name": "a", "owner_client_id": "crm", "type": "int", "default_value": 1, "access": { "chat": { "agent": ["read"] } } }),
        json!({ "name": "a", "owner_client_id": "rating", "type": "int", "access": { "chat": { "agent": ["read"] } } }),
    ] {
        let made = boss.configure("register_property", wrong.clone()).await;
        assert_eq!(error_type(&made), "validation", "{wrong}");
    }
    room.world.finish().await;
}

#[tokio::test]
async fn the_license_and_groups_have_properties_of_their_own() {
    let room = Room::open().await;
    let boss = AgentClient::hired(&room.world, "carol@example.com", Role::Administrator).await;
    team(&room.world, 3, "drivers", &[&room.bob]).await;
    let before = room.now().await;
    let of_license = json!({ "properties": { "chats": { "queue.enabled": true, "max_agent_active_chats": 4 } } });
    assert_eq!(
        error_type(&room.bob.configure("update_license_properties", of_license.clone()).await),
        "authorization"
    );
    boss.configure("update_license_properties", of_license).await.expect("set");
    let gone = json!({ "properties": { "chats": ["max_agent_active_chats"] } });
    boss.configure("delete_license_properties", gone).await.expect("removed");
    let listed =
        room.bob.configure("list_license_properties", json!({ "namespace": "chats" })).await;
    assert_eq!(listed.expect("a list"), json!({ "chats": { "queue.enabled": true } }));
    let of_group = json!({ "group_id": 3, "properties": {
        "chats": { "queue.routing_priority": 2 }, "smart_actions": { "greeting.hide_when_offline": true } } });
    boss.configure("update_group_properties", of_group).await.expect("set");
    let listed = boss
        .configure("list_groups_properties", json!({ "group_ids": [3], "name_prefix": "queue." }))
        .await
        .expect("a list");
    assert_eq!(
        listed,
        json!([{ "id": 3, "properties": { "chats": { "queue.routing_priority": 2 } } }])
    );
    let for_alice =
        room.alice.chat.ask("list_group_properties", &[("id", "3")]).await.expect("a list");
    assert_eq!(for_alice, json!({ "smart_actions": { "greeting.hide_when_offline": true } }));
    assert_eq!(
        room.alice.chat.ask("list_license_properties", &[]).await.expect("a list"),
        json!({})
    );
    let workspace = room.world.workspace.to_string();
    let nobody = Client::new(&room.world, "customer", "nobody");
    let query = &[("id", "3"), ("organization_id", &workspace)];
    let asked = nobody.ask("list_group_properties", query).await;
    assert_eq!(asked.expect("no token is needed"), for_alice);
    let asked = nobody.ask("list_license_properties", &[]).await;
    assert_eq!(error_type(&asked), "authentication", "without an organization it is");
    let gone = json!({ "id": 3, "properties": { "chats": ["queue.routing_priority"] } });
    boss.configure("delete_group_properties", gone).await.expect("removed");
    let nobodys =
        json!({ "group_id": 99, "properties": { "chats": { "queue.routing_priority": 2 } } });
    assert_eq!(
        error_type(&boss.configure("update_group_properties", nobodys).await),
        "group_not_found"
    );
    let pushes = to_agents(&room.pushes_after(before).await);
    assert_eq!(
        actions(&pushes),
        [
            "license_properties_updated",
            "license_properties_updated",
            "group_properties_updated",
            "group_properties_updated"
        ]
    );
    room.world.finish().await;
}
