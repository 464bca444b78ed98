//! What administrators are told of the nodes, by whichever they ask.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_app::admin::tokens::Right;
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::world::{World, answer};

async fn listed(at: &World) -> Vec<Value> {
    let listed = at.get("/api/v1/nodes").await;
    assert_eq!((listed.status, &listed.body["next"]), (200, &Value::Null), "{listed:?}");
    listed.items().to_vec()
}

fn shares(node: &Value) -> Vec<u64> {
    node["shares"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect()
}

fn named(nodes: &[Value], world: &World) -> Value {
    let id = json!(world.app.node());
    nodes.iter().find(|node| node["id"] == id).expect("it is listed").clone()
}

#[tokio::test]
async fn each_node_tells_of_all_and_of_the_shares_that_they_hold() {
    let nodes = Nodes::start(2, Trouble::default()).await;
    let all: BTreeSet<u64> = (0..16).collect();
    let is_divided = async |world: &World| {
        let listed = listed(world).await;
        let held: Vec<u64> = listed.iter().flat_map(shares).collect();
        listed.iter().all(|node| shares(node).len() == 8)
            && held.into_iter().collect::<BTreeSet<_>>() == all
    };
    nodes.until_all("its half", is_divided).await;
    for world in nodes.all() {
        let listed = listed(world).await;
        assert_eq!(listed.len(), 2);
        for node in &listed {
            assert_eq!(node["state"], "live");
            assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
        }
    }
    // To the other it is dead at once.
    nodes.members.pause(nodes.at(1).app.node());
    assert_eq!(named(&listed(nodes.at(0)).await, nodes.at(1))["state"], "gone");
    nodes.members.wake(nodes.at(1).app.node());
    nodes.finish().await;
}

#[tokio::test]
async fn who_is_alone_tells_of_itself_and_administrators_only() {
    let world = World::start().await;
    let listed = listed(&world).await;
    let alone = named(&listed, &world);
    assert_eq!((listed.len(), shares(&alone).len()), (1, 16), "{alone}");
    assert_eq!(alone["state"], "live");
    let narrow = world.token_with([Right::Read, Right::Write]).await;
    let refused = world.anonymous(http::Method::GET, "/api/v1/nodes").bearer_auth(narrow);
    assert_eq!(answer(refused).await.status, 403);
    world.finish().await;
}
