//! RabbitMQ.

use lapin::options::{
    BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use tidings_brokers::Why;
use tidings_services::Rabbit;

use super::{
    assert_in_order, brokers, certificate, failed, one, parcels, publish, taken, taken_at_last,
};

async fn channel(url: &str) -> (Connection, Channel) {
    let connected = Connection::connect(url, ConnectionProperties::default()).await;
    let connection = connected.expect("connected");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

async fn declare_queue(channel: &Channel, name: &str) {
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(name.into(), options, FieldTable::default()).await.expect("a queue");
}

/// All that a queue has: the key, the body and the properties of each.
async fn read(channel: &Channel, queue: &str) -> Vec<(String, String, lapin::BasicProperties)> {
    let mut messages = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue.into(), options).await.expect("an answer") {
        let headers = message.properties.headers().as_ref().expect("headers");
        let key = headers.inner().get("Tidings-Key").and_then(|value| value.as_long_string());
        let key = String::from_utf8_lossy(key.expect("a key").as_bytes()).into_owned();
        let body = String::from_utf8_lossy(&message.data).into_owned();
        messages.push((key, body, message.properties.clone()));
    }
    messages
}

#[tokio::test]
async fn queues_get_each_in_order_and_what_none_gets_is_refused() {
    let tls = tidings_services::free_address().expect("a port");
    let configuration = format!(
        "listeners.ssl.1 = {tls}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\n",
        certificate("authority.pem").display(),
        certificate("server.pem").display(),
        certificate("server.key").display()
    );
    let server = Rabbit::start(&configuration).await.expect("RabbitMQ starts");
    let (_connection, channel) = channel(&server.url()).await;
    declare_queue(&channel, "events").await;
    let options = ExchangeDeclareOptions::default();
    let declared = channel.exchange_declare(
        "chats".into(),
        ExchangeKind::Topic,
        options,
        FieldTable::default(),
    );
    declared.await.expect("an exchange");
    let options = QueueBindOptions::default();
    let bound = channel.queue_bind(
        "events".into(),
        "chats".into(),
        "chat.#".into(),
        options,
        FieldTable::default(),
    );
    bound.await.expect("bound");
    let brokers = brokers(&server.url(), "");
    for to in ["rabbitmq:/events", "rabbitmq:chats/chat.message"] {
        let sent = parcels(200, 7);
        taken(&brokers, to, &sent).await;
        let messages = read(&channel, "events").await;
        let arrived: Vec<_> =
            messages.iter().map(|(key, body, _)| (key.clone(), body.clone())).collect();
        assert_in_order(&arrived, &sent);
        let (_, _, ninth) = messages.iter().find(|(_, body, _)| body == "9").expect("it is there");
        assert_eq!(
            ninth.message_id().as_ref().map(lapin::types::ShortString::as_str),
            Some("event-9")
        );
        assert_eq!(ninth.delivery_mode(), &Some(2), "it is persistent");
        let type_of = ninth.content_type().as_ref().map(lapin::types::ShortString::as_str);
        assert_eq!(type_of, Some("application/json"));
        let headers = ninth.headers().as_ref().expect("headers");
        let id = headers.inner().get("Webhook-Id").and_then(|value| value.as_long_string());
        assert_eq!(id.expect("a header").to_string(), "ü-9");
    }
    // None of the refusals disturbs what goes to other places meanwhile.
    let sent = parcels(50, 50);
    let (good, unroutable, missing) = tokio::join!(
        taken(&brokers, "rabbitmq:/events", &sent),
        publish(&brokers, "rabbitmq:chats/nobody", &sent),
        publish(&brokers, "rabbitmq:no-such/key", &sent),
    );
    assert_eq!(good.len(), 50);
    for (answers, told) in [(unroutable, "NO_ROUTE"), (missing, "no exchange 'no-such'")] {
        for answer in answers {
            let failed = answer.expect_err("it is refused");
            assert_eq!(failed.why, Why::Refused, "{failed}");
            assert!(failed.text.contains(told), "{failed}");
        }
    }
    assert_eq!(read(&channel, "events").await.len(), 50);
    let authority = format!("?root_certificates={}", certificate("authority.pem").display());
    let secure = super::brokers(&format!("amqps://guest:guest@{tls}"), &authority);
    taken(&secure, "rabbitmq:/events", &[one("by-TLS")]).await;
    let unknown = super::brokers(&format!("amqps://guest:guest@{tls}"), "");
    assert_eq!(failed(&unknown, "rabbitmq:/events", one("1")).await.why, Why::Unreachable);
    let wrong = super::brokers(&server.url().replace("guest:guest", "guest:hidden"), "");
    let refused = failed(&wrong, "rabbitmq:/events", one("1")).await;
    assert_eq!(refused.why, Why::Unreachable, "{refused}");
    assert!(refused.text.contains("ACCESS") && !refused.text.contains("hidden"), "{refused}");
}

#[tokio::test]
async fn a_server_that_went_is_found_again_with_what_it_took() {
    let mut server = Rabbit::start("").await.expect("RabbitMQ starts");
    let (_connection, first) = channel(&server.url()).await;
    declare_queue(&first, "events").await;
    let brokers = brokers(&server.url(), "");
    taken(&brokers, "rabbitmq:/events", &[one("before")]).await;
    server.stop().await.expect("it ends");
    let away = failed(&brokers, "rabbitmq:/events", one("lost")).await;
    assert!(matches!(away.why, Why::Unreachable | Why::NotAcknowledged), "{away}");
    server.start_again().await.expect("it starts");
    taken_at_last(&brokers, "rabbitmq:/events", &one("after")).await;
    let (_connection, second) = channel(&server.url()).await;
    let messages = read(&second, "events").await;
    let ids: Vec<_> = messages
        .iter()
        .map(|(_, _, properties)| properties.message_id().as_ref().expect("an id").as_str())
        .collect();
    assert_eq!(ids, ["before", "after"]);
}
