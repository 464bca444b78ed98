//! Redis streams.

use ::redis::AsyncCommands;
use ::redis::streams::{StreamId, StreamRangeReply};
use tidings_services::Redis;

use super::{Message, Served, all_comes};

impl Served for Redis {
    const ADDRESS: &str = "redis:chats";

    async fn stop(&mut self) {
        Self::stop(self).await.expect("it ends");
    }

    async fn start_again(&mut self) {
        Self::start_again(self).await.expect("it starts");
    }

    async fn read(&self) -> Vec<Message> {
        let client = ::redis::Client::open(self.url()).expect("a url");
        let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
        let entries: StreamRangeReply = connection.xrange_all("chats").await.expect("entries");
        entries.ids.iter().map(read).collect()
    }
}

fn read(entry: &StreamId) -> Message {
    let field = |name: &str| entry.get::<String>(name).expect(name);
    Message {
        id: field("id"),
        key: field("key"),
        headers: serde_json::from_str(&field("headers")).expect("names and values"),
        body: field("body"),
    }
}

#[tokio::test]
async fn a_stream_gets_all_in_order_and_once() {
    let server = Redis::start(&[]).await.expect("Redis starts");
    let url = server.url();
    all_comes(server, &url).await;
}
