//! Several nodes over one store: whoever asks any of them is told the same.

use serde_json::json;
use tidings_testkit::bus::Trouble;
use tidings_testkit::desk::CustomerClient;
use tidings_testkit::nodes::Nodes;

#[tokio::test]
async fn what_one_node_took_another_gives() {
    let nodes = Nodes::start(2, Trouble::default()).await;
    let channel = nodes.at(0).web_channel().await;
    nodes
        .until_all("the channel", async |world| {
            let directory = world.app.directory(world.workspace).expect("it is open");
            directory.channel(channel).is_some()
        })
        .await;
    let alice = CustomerClient::comes(nodes.at(1), channel).await;
    let (chat, _) = alice.starts_chat().await;
    let at_the_first = CustomerClient::known(nodes.at(0), channel, alice.id).await;
    let read = at_the_first.call("get_chat", json!({ "chat_id": chat })).await;
    assert_eq!(read.expect("the chat is there")["id"], json!(chat));
    nodes.finish().await;
}
