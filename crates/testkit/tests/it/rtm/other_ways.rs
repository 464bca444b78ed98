//! The same pushes without a WebSocket: as server-sent events, and by asking again and again.

use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use tidings_testkit::world::answer;

use super::{Scene, text_of};

async fn poll(scene: &Scene, query: &str) -> Value {
    let token = &scene.alice.chat.token;
    let path = format!("/v3.6/customer/rtm/poll?token={token}{query}");
    let polled = answer(scene.world.anonymous(Method::GET, &path)).await;
    assert_eq!(polled.status, 200, "{polled:?}");
    polled.body
}

#[tokio::test]
async fn a_poll_hears_what_follows_and_waits_for_it() {
    let scene = Scene::begin().await;
    let begin = poll(&scene, "").await;
    let seq = begin.get("seq").and_then(Value::as_u64).expect("a number");
    assert_eq!(begin.get("pushes"), Some(&json!([])));
    scene.alice.call("send_event", scene.message("one")).await.expect("it is sent");
    scene.alice.call("send_event", scene.message("two")).await.expect("it is sent");
    scene.world.settle().await;
    let heard = poll(&scene, &format!("&since={seq}&wait=20")).await;
    let mut texts: Vec<String> = texts(&heard);
    let mut seq = heard.get("seq").and_then(Value::as_u64).expect("a number");
    while texts.len() < 2 {
        let more = poll(&scene, &format!("&since={seq}&wait=20")).await;
        texts.extend(self::texts(&more));
        seq = more.get("seq").and_then(Value::as_u64).expect("a number");
    }
    assert_eq!(texts, ["one", "two"]);
    let query = format!("&since={seq}&wait=20");
    let waits = poll(&scene, &query);
    let says = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        scene.alice.call("send_event", scene.message("three")).await.expect("it is sent");
    };
    let (heard, ()) = tokio::join!(waits, says);
    assert_eq!(self::texts(&heard), ["three"]);
    let far = poll(&scene, "&since=999999").await;
    assert_eq!(far.get("gap"), Some(&json!(true)));
    scene.world.finish().await;
}

fn texts(polled: &Value) -> Vec<String> {
    let pushes = polled.get("pushes").and_then(Value::as_array).into_iter().flatten();
    pushes.map(text_of).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_left() {
    let scene = Scene::begin().await;
    let token = &scene.alice.chat.token;
    let path = format!("/v3.6/customer/rtm/sse?token={token}&pushes=incoming_event");
    let open = async |last: Option<&str>| {
        let mut call = scene.world.anonymous(Method::GET, &path);
        if let Some(last) = last {
            call = call.header("last-event-id", last);
        }
        let response = call.send().await.expect("the server answers");
        assert_eq!(response.status(), 200);
        Records { body: Box::pin(response.bytes_stream()), text: String::new() }
    };
    let mut stream = open(None).await;
    let (first, _) = stream.next().await;
    scene.alice.call("send_event", scene.message("one")).await.expect("it is sent");
    let (id, push) = stream.next().await;
    assert_eq!(text_of(&push), "one");
    drop(stream);
    scene.alice.call("send_event", scene.message("two")).await.expect("it is sent");
    let mut stream = open(Some(&id)).await;
    assert_eq!(stream.next().await.0, id);
    assert_eq!(text_of(&stream.next().await.1), "two");
    drop(stream);
    let mut stream = open(Some(&first)).await;
    stream.next().await;
    assert_eq!(text_of(&stream.next().await.1), "one");
    assert_eq!(text_of(&stream.next().await.1), "two");
    drop(stream);
    scene.world.finish().await;
}

struct Records<S> {
    body: S,
    text: String,
}

impl<S, B, E> Records<S>
where
    S: futures_util::Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
    E: std::fmt::Debug,
{
    /// The next record: its id and what it says.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((record, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = record.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|line| line.trim().to_owned()).unwrap_or_default()
                };
                let data = serde_json::from_str(&field("data:")).unwrap_or(Value::Null);
                let found = (field("id:"), data);
                self.text = rest.to_owned();
                return found;
            }
            let more = tokio::time::timeout(tidings_testkit::world::WAIT_MAX, self.body.next());
            let more = more.await.expect("something comes").expect("it goes on").expect("bytes");
            self.text.push_str(std::str::from_utf8(more.as_ref()).expect("text"));
        }
    }
}
