//! RabbitMQ.

use lapin::options::{BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use tidings_services::Rabbit;

use super::{Message, Served, all_comes};

/// The durable queue that gets what comes.
const QUEUE: &str = "chats";

impl Served for Rabbit {
    const ADDRESS: &str = "rabbitmq:/chats";

    async fn stop(&mut self) {
        Self::stop(self).await.expect("it ends");
    }

    async fn start_again(&mut self) {
        Self::start_again(self).await.expect("it starts");
    }

    async fn read(&self) -> Vec<Message> {
        let (_connection, channel) = channel(&self.url()).await;
        let mut messages = Vec::new();
        let mut last = None;
        let options = BasicGetOptions { no_ack: false };
        while let Some(message) = channel.basic_get(QUEUE.into(), options).await.expect("an answer")
        {
            last = Some(message.delivery_tag);
            messages.push(read(&message));
        }
        // They stay where they were, for who reads next.
        if let Some(last) = last {
            let options = BasicNackOptions { multiple: true, requeue: true };
            channel.basic_nack(last, options).await.expect("they are back");
        }
        messages
    }
}

async fn channel(url: &str) -> (Connection, Channel) {
    let connected = Connection::connect(url, ConnectionProperties::default()).await;
    let connection = connected.expect("connected");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

fn read(message: &lapin::message::Delivery) -> Message {
    let headers = message.properties.headers().as_ref().expect("headers").inner();
    let text = |value: &lapin::types::AMQPValue| {
        String::from_utf8_lossy(value.as_long_string().expect("a text").as_bytes()).into_owned()
    };
    let headers =
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let id = message.properties.message_id().as_ref().expect("an id").as_str().to_owned();
    let mut message = Message {
        id,
        key: String::new(),
        headers,
        body: String::from_utf8(message.data.clone()).expect("text"),
    };
    message.key = message.header("Tidings-Key").to_owned();
    message
}

#[tokio::test]
async fn a_queue_gets_all_in_order_and_once() {
    let server = Rabbit::start("").await.expect("RabbitMQ starts");
    let url = server.url();
    let (connection, channel) = channel(&url).await;
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(QUEUE.into(), options, FieldTable::default()).await.expect("a queue");
    drop((channel, connection));
    all_comes(server, &url).await;
}
