//! Tags, and threads that have them.

use serde_json::json;
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, error_type, team};

use super::{Room, actions, to_agents, to_customer};

#[tokio::test]
async fn a_thread_is_tagged_with_what_is_known_to_its_teams() {
    let room = Room::open().await;
    let boss = AgentClient::hired(&room.world, "carol@example.com", Role::Administrator).await;
    team(&room.world, 3, "drivers", &[&room.bob]).await;
    let before = room.now().await;
    boss.configure("create_tag", json!({ "name": "Late" })).await.expect("made");
    boss.configure("create_tag", json!({ "name": "broken bike", "group_ids": [3] }))
        .await
        .expect("made");
    let again = boss.configure("create_tag", json!({ "name": "Late" })).await;
    assert_eq!(error_type(&again), "already_exists");
    let nowhere = boss.configure("create_tag", json!({ "name": "x", "group_ids": [9] })).await;
    assert_eq!(error_type(&nowhere), "validation");
    let by_bob = room.bob.configure("create_tag", json!({ "name": "mine" })).await;
    assert_eq!(error_type(&by_bob), "authorization", "not for every team");
    room.bob
        .configure("create_tag", json!({ "name": "mine", "group_ids": [3] }))
        .await
        .expect("his team's");

    let with = |tag: &str| json!({ "chat_id": room.chat, "thread_id": room.thread, "tag": tag });
    room.bob.call("tag_thread", with("Late")).await.expect("tagged");
    room.bob.call("tag_thread", with("Late")).await.expect("it has it");
    for unknown in ["late", "broken bike"] {
        assert_eq!(
            error_type(&room.bob.call("tag_thread", with(unknown)).await),
            "validation",
            "{unknown}"
        );
    }
    let chat = room.bob.call("get_chat", json!({ "chat_id": room.chat })).await.expect("a chat");
    assert_eq!(chat["thread"]["tags"], json!(["Late"]));
    room.bob.call("untag_thread", with("Late")).await.expect("taken off");
    assert_eq!(error_type(&room.bob.call("untag_thread", with("Late")).await), "not_found");

    boss.configure("update_tag", json!({ "name": "Late", "group_ids": [3] }))
        .await
        .expect("changed");
    let listed = boss
        .configure("list_tags", json!({ "filters": { "group_ids": [3] } }))
        .await
        .expect("a list");
    let names: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|tag| tag["name"].as_str()).collect();
    assert_eq!(names, ["Late", "broken bike", "mine"]);
    boss.configure("delete_tag", json!({ "name": "Late" })).await.expect("deleted");
    assert_eq!(
        error_type(&boss.configure("delete_tag", json!({ "name": "Late" })).await),
        "not_found"
    );
    let pushes = room.pushes_after(before).await;
    assert_eq!(
        actions(&to_agents(&pushes)),
        [
            "tag_created",
            "tag_created",
            "tag_created",
            "thread_tagged",
            "thread_untagged",
            "tag_updated",
            "tag_deleted"
        ]
    );
    assert_eq!(to_customer(&pushes), []);
    room.world.finish().await;
}
