//! A client that does not read: it is cut, slows nobody, and comes back without a loss.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::json;
use tidings_app::desk::hub::listener::QUEUE_BYTES_MAX;
use tidings_app::desk::push::{Customers, Push};
use tidings_testkit::world::WAIT_MAX;
use tokio_tungstenite::tungstenite::Message;

use super::{Scene, text_of};

/// What a signal of the test carries: enough to fill what the machine buffers with some hundred of them.
const FILLING: usize = 30_000;

#[tokio::test]
async fn who_does_not_read_is_cut_and_goes_on_later_where_they_were() {
    let scene = Scene::begin().await;
    let hub = scene.world.app.hub(scene.world.workspace).expect("the workspace is open");
    let (mut reads, told) =
        scene.alice_comes(json!({ "pushes": { "3.6": ["incoming_event"] } })).await;
    let since = told.get("seq").cloned().expect("a number");
    let address = scene.world.base_url.replacen("http", "ws", 1);
    let url = format!("{address}/v3.6/customer/rtm/ws");
    let (mut slow, _) = tokio_tungstenite::connect_async(url).await.expect("the door opens");
    let token = format!("Bearer {}", scene.alice.chat.token);
    let login = json!({ "action": "login", "payload": { "token": token } }).to_string();
    slow.send(Message::text(login)).await.expect("the line takes it");
    let both = async || (hub.connections() == 2).then_some(());
    scene.world.until("both to be there", both).await;
    scene.alice.call("send_event", scene.message("one")).await.expect("it is sent");
    let fill = async {
        let filling = "x".repeat(FILLING);
        let mut given = 0;
        while hub.connections() == 2 {
            hub.signal(
                Push {
                    to_customer: Some(("incoming_multicast", json!({ "content": filling }))),
                    customers: Customers::One(scene.alice.id),
                    ..Push::default()
                },
                None,
            );
            given += 1;
            if given % 64 == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        given
    };
    let given = tokio::time::timeout(WAIT_MAX, fill).await.expect("who does not read is cut");
    assert!(given * FILLING >= QUEUE_BYTES_MAX, "cut after {given}");
    scene.alice.call("send_event", scene.message("two")).await.expect("it is sent");
    assert_eq!(text_of(&reads.push("incoming_event").await), "one");
    assert_eq!(text_of(&reads.push("incoming_event").await), "two");
    drop(slow);
    let (mut again, told) = scene.alice_comes(json!({ "since": since })).await;
    assert_eq!(told.get("gap"), Some(&json!(false)));
    assert_eq!(text_of(&again.push("incoming_event").await), "one");
    assert_eq!(text_of(&again.push("incoming_event").await), "two");
    scene.world.finish().await;
}
