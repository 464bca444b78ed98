//! Kafka, played by librdkafka, which is the client of most other languages and has nothing of ours: its cluster of brokers
//! speaks the protocol on real sockets, its consumer reads back, and its producer says where a key belongs.

mod door;

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tidings_brokers::{Brokers, Why};

use door::Doors;

use super::{
    WAIT_MAX, address, assert_in_order, brokers, failed, one, parcels, taken, taken_at_last,
};

/// How many partitions the topic has.
const PARTITIONS: i32 = 6;

type Cluster = MockCluster<'static, DefaultProducerContext>;

/// Three brokers with a topic `events`, and us connected to them.
async fn cluster() -> (Cluster, Doors, Brokers) {
    let cluster = MockCluster::new(3).expect("a cluster");
    cluster.create_topic("events", PARTITIONS, 3).expect("a topic");
    let doors = Doors::open(&cluster.bootstrap_servers()).await;
    let brokers = brokers(&format!("kafka://{}", doors.servers), "");
    (cluster, doors, brokers)
}

/// So many messages of the topic, those of each partition in order.
async fn read(cluster: &Cluster, count: usize) -> Vec<OwnedMessage> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "reader");
    let consumer: StreamConsumer = config.create().expect("a consumer");
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset("events", partition, Offset::Beginning).expect("a partition");
    }
    consumer.assign(&all).expect("assigned");
    let mut messages = Vec::new();
    while messages.len() < count {
        let next = tokio::time::timeout(WAIT_MAX, consumer.recv()).await.expect("a message comes");
        messages.push(next.expect("a message").detach());
    }
    let ends = (0..PARTITIONS).map(|partition| {
        let ends = consumer.fetch_watermarks("events", partition, WAIT_MAX).expect("the ends");
        usize::try_from(ends.1 - ends.0).expect("a count")
    });
    assert_eq!(ends.sum::<usize>(), count, "and no more");
    messages
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.expect("bytes")).into_owned()
}

#[tokio::test]
async fn a_topic_has_each_once_in_order_where_its_key_belongs() {
    let (cluster, _doors, brokers) = cluster().await;
    let sent = parcels(200, 23);
    let places = taken(&brokers, "kafka:events", &sent).await;
    assert!(places.iter().all(|taken| taken.place.starts_with("events ")), "{places:?}");
    let messages = read(&cluster, 200).await;
    let arrived: Vec<_> =
        messages.iter().map(|message| (text(message.key()), text(message.payload()))).collect();
    assert_in_order(&arrived, &sent);
    let ninth =
        messages.iter().find(|message| message.payload() == Some(b"9")).expect("it is there");
    let headers: HashMap<String, String> = ninth
        .headers()
        .expect("headers")
        .iter()
        .map(|header| (header.key.to_owned(), text(header.value)))
        .collect();
    assert_eq!(headers.get("Tidings-Id").map(String::as_str), Some("event-9"));
    assert_eq!(headers.get("Webhook-Id").map(String::as_str), Some("ü-9"));
    // What others write about a conversation goes to the same partition.
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    config.set("partitioner", "murmur2_random");
    let producer: FutureProducer = config.create().expect("a producer");
    for message in messages.iter().take(50) {
        let key = message.key().expect("a key");
        let record = FutureRecord::to("events").key(key).payload("theirs");
        let theirs = producer.send(record, WAIT_MAX).await.expect("sent");
        assert_eq!(theirs.partition, message.partition(), "{}", text(Some(key)));
    }
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_refused() {
    let (cluster, _doors, brokers) = cluster().await;
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
    ];
    cluster.request_errors(RDKafkaApiKey::Produce, &passing);
    taken(&brokers, "kafka:events", &[one("1")]).await;
    let large = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE];
    cluster.request_errors(RDKafkaApiKey::Produce, &large);
    let refused = failed(&brokers, "kafka:events", one("2")).await;
    assert_eq!(refused.why, Why::Unfit, "{refused}");
    let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    cluster.topic_error("missing", unknown).expect("told");
    let missing = failed(&brokers, "kafka:missing", one("3")).await;
    assert_eq!(missing.why, Why::Refused, "{missing}");
    assert!(missing.text.contains("topic"), "{missing}");
    assert_eq!(read(&cluster, 1).await.len(), 1);
}

#[tokio::test]
async fn brokers_that_were_away_are_found_again() {
    let (cluster, _doors, brokers) = cluster().await;
    let soon = Duration::from_secs(2);
    taken(&brokers, "kafka:events", &[one("0")]).await;
    for round in 1..=2 {
        cluster.broker_down(-1).expect("they go");
        let lost = [one(&format!("lost-{round}")), one("held")];
        let answers = brokers.publish("main", &address("kafka:events"), &lost, soon).await;
        let whys: Vec<Why> =
            answers.into_iter().map(|answer| answer.expect_err("nobody is there").why).collect();
        assert!(
            matches!(whys[..], [Why::Unreachable | Why::NotAcknowledged, Why::Held]),
            "{whys:?}"
        );
        cluster.broker_up(-1).expect("they come");
        taken_at_last(&brokers, "kafka:events", &one(&round.to_string())).await;
    }
}
