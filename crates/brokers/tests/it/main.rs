//! Parcels to real brokers, read back by clients of their own: each once, in order, and again after whatever broke.

mod file;
mod kafka;
mod nats;
mod rabbit;
mod redis;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tidings_brokers::{Address, Brokers, Connection, Failed, Parcel, Taken, Why};

/// How long a test waits for something that must come.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How long one call may take in which nothing is wrong.
const DEADLINE: Duration = Duration::from_secs(20);

/// The pause between two looks.
const POLL: Duration = Duration::from_millis(20);

/// Brokers with one connection, `main`, whose URL ends with its options.
fn brokers(url: &str, options: &str) -> Brokers {
    let connection = Connection { name: "main".into(), url: format!("{url}{options}") };
    Brokers::open(&[connection]).expect("a good connection")
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// Parcels of some conversations by turns; the body of each is its number.
fn parcels(count: usize, conversations: usize) -> Vec<Parcel> {
    let parcel = |number: usize| Parcel {
        id: format!("event-{number}"),
        key: format!("chat-{}", number % conversations),
        headers: vec![
            ("Content-Type".into(), "application/json".into()),
            ("Webhook-Id".into(), format!("ü-{number}")),
        ],
        body: Bytes::from(number.to_string()),
    };
    (0..count).map(parcel).collect()
}

fn one(id: &str) -> Parcel {
    Parcel {
        id: id.into(),
        key: "chat".into(),
        headers: Vec::new(),
        body: Bytes::from_static(b"{}"),
    }
}

async fn publish(brokers: &Brokers, to: &str, parcels: &[Parcel]) -> Vec<Result<Taken, Failed>> {
    brokers.publish("main", &address(to), parcels, DEADLINE).await
}

/// All of them, taken.
async fn taken(brokers: &Brokers, to: &str, parcels: &[Parcel]) -> Vec<Taken> {
    let answers = publish(brokers, to, parcels).await;
    assert_eq!(answers.len(), parcels.len());
    answers.into_iter().map(|answer| answer.expect("taken")).collect()
}

/// One that is not taken.
async fn failed(brokers: &Brokers, to: &str, parcel: Parcel) -> Failed {
    let answers = publish(brokers, to, &[parcel]).await;
    answers.into_iter().next().expect("an answer").expect_err("it is not taken")
}

/// Tries until it is taken, as who delivers does.
async fn taken_at_last(brokers: &Brokers, to: &str, parcel: &Parcel) {
    let tries = async {
        loop {
            let answers = publish(brokers, to, std::slice::from_ref(parcel)).await;
            let Some(Err(failed)) = answers.first() else { return };
            assert!(matches!(failed.why, Why::Unreachable | Why::NotAcknowledged), "{failed}");
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, tries).await.expect("it is taken at last");
}

/// Whether what arrived, as keys and bodies, is what was sent: all of it, once, each conversation in order.
fn assert_in_order(arrived: &[(String, String)], sent: &[Parcel]) {
    assert_eq!(arrived.len(), sent.len());
    let of = |key: &str| -> Vec<&str> {
        arrived.iter().filter(|(of, _)| of == key).map(|(_, body)| body.as_str()).collect()
    };
    for parcel in sent {
        let bodies: Vec<&str> = sent
            .iter()
            .filter(|other| other.key == parcel.key)
            .map(|other| std::str::from_utf8(&other.body).expect("a text"))
            .collect();
        assert_eq!(of(&parcel.key), bodies, "{}", parcel.key);
    }
}

/// A certificate for this machine, and who signed it.
fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bus-nats/tests/data").join(name)
}

#[tokio::test]
async fn what_nobody_named_is_reached_by_nobody() {
    let brokers = brokers("nats://bob:hidden@127.0.0.1:1", "");
    let answers = brokers.publish("other", &address("nats:a"), &parcels(2, 1), DEADLINE).await;
    assert_eq!(answers.len(), 2);
    for answer in answers {
        let failed = answer.expect_err("nobody named it");
        assert_eq!(failed.why, Why::UnknownConnection);
        assert!(failed.text.contains("\"other\""), "{failed}");
    }
    let wrong = brokers.check("main", &address("file:a")).expect_err("it is NATS");
    assert_eq!(wrong.why, Why::Refused);
    assert!(wrong.text.contains("leads to nats") && wrong.text.contains("one of file"), "{wrong}");
    let forged = Address::Nats { subject: "a.>".into() };
    assert!(brokers.check("main", &forged).expect_err("a wildcard").text.contains("subject"));
    brokers.check("main", &address("nats:a")).expect("it is good");
    let away = brokers.reach("main", DEADLINE).await.expect_err("nobody listens there");
    assert_eq!(away.why, Why::Unreachable);
    assert!(!format!("{away} {brokers:?}").contains("hidden"), "{away} {brokers:?}");
}

#[test]
fn names_are_given_once_and_not_too_often() {
    let connection = |name: &str| Connection { name: name.into(), url: "nats://a".into() };
    let twice = Brokers::open(&[connection("a"), connection("a")]).expect_err("it is there twice");
    assert!(twice.to_string().contains("two of this name"), "{twice}");
    let names = 0..=tidings_brokers::CONNECTIONS_MAX;
    let many: Vec<Connection> = names.map(|number| connection(&format!("c{number}"))).collect();
    Brokers::open(&many).expect_err("they are too many");
    let all = Brokers::open(&many[1..]).expect("as many may be");
    assert_eq!(all.names().len(), tidings_brokers::CONNECTIONS_MAX);
    assert_eq!(all.names()[0].0, "c1");
}
