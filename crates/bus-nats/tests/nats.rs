//! Hints over a real NATS server: heard by others, not by who told them, and again after whatever broke.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tidings_bus::{Bus, HINT_BYTES_MAX, Hint, Topic};
use tidings_bus_nats::{NatsBus, Settings, WrongSettings};
use tidings_model::{NodeId, WorkspaceId};
use tidings_services::Nats;
use tokio::sync::broadcast;
use uuid::Uuid;

/// How long a test waits for something that must come.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// How long it is listened for something that should not come.
const QUIET: Duration = Duration::from_millis(200);

fn node(number: u128) -> NodeId {
    NodeId::new(Uuid::from_u128(number))
}

fn workspace() -> WorkspaceId {
    WorkspaceId::new(Uuid::from_u128(7))
}

fn settings(url: &str) -> Settings {
    Settings { urls: vec![url.into()], installation: "test".into(), ..Settings::default() }
}

/// A bus that is connected.
async fn connected(settings: &Settings, number: u128) -> NatsBus {
    let bus = NatsBus::open(settings, node(number)).await.expect("good settings");
    until("a connection", || bus.is_connected()).await;
    bus
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let search = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(WAIT_MAX, search).await.is_ok(), "waited in vain for {what}");
}

async fn next(heard: &mut broadcast::Receiver<Hint>) -> Hint {
    let next = tokio::time::timeout(WAIT_MAX, heard.recv()).await;
    next.expect("a hint comes").expect("the bus is there")
}

/// Tells until it is heard: what is told while the line comes back may be lost.
async fn heard_at_last(from: &NatsBus, heard: &mut broadcast::Receiver<Hint>) {
    let tells = async {
        loop {
            from.tell(workspace(), Topic::Log, Bytes::from_static(b"again"));
            if let Ok(hint) = tokio::time::timeout(QUIET, heard.recv()).await {
                return hint.expect("the bus is there");
            }
        }
    };
    let hint = tokio::time::timeout(WAIT_MAX, tells).await.expect("it is heard at last");
    assert_eq!(hint.bytes, "again");
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[tokio::test]
async fn others_hear_in_order_what_one_tells_and_nobody_hears_themselves() {
    let nats = tidings_services::nats().await.expect("NATS starts");
    let settings = settings(&nats.url());
    let (alice, bob) = (connected(&settings, 1).await, connected(&settings, 2).await);
    let elsewhere = Settings { installation: "other".into(), ..settings };
    let stranger = connected(&elsewhere, 3).await;
    let (mut to_alice, mut to_bob) = (alice.hear(), bob.hear());
    let mut to_stranger = stranger.hear();
    for topic in Topic::ALL {
        for number in 0..200_u32 {
            let bytes = Bytes::copy_from_slice(&number.to_be_bytes());
            alice.tell(workspace(), topic, bytes);
        }
    }
    for topic in Topic::ALL {
        for number in 0..200_u32 {
            let bytes = Bytes::copy_from_slice(&number.to_be_bytes());
            let told = Hint { from: node(1), workspace: workspace(), topic, bytes };
            assert_eq!(next(&mut to_bob).await, told);
        }
    }
    bob.tell(workspace(), Topic::Cut, Bytes::new());
    assert_eq!(next(&mut to_alice).await.from, node(2), "and nothing of her own");
    assert!(tokio::time::timeout(QUIET, to_stranger.recv()).await.is_err());
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for_and_found_again() {
    let mut nats = tidings_services::nats().await.expect("NATS starts");
    nats.stop().await.expect("it stops");
    let settings = settings(&nats.url());
    let alice = NatsBus::open(&settings, node(1)).await.expect("it need not be there");
    let bob = NatsBus::open(&settings, node(2)).await.expect("it need not be there");
    let mut to_bob = bob.hear();
    alice.tell(workspace(), Topic::Log, Bytes::from_static(b"lost"));
    assert!(!alice.is_connected());
    for _ in 0..2 {
        nats.start_again().await.expect("it starts");
        heard_at_last(&alice, &mut to_bob).await;
        nats.stop().await.expect("it stops");
        until("the loss", || !alice.is_connected()).await;
    }
}

#[tokio::test]
async fn who_is_refused_is_not_connected_and_who_has_the_password_is() {
    let users = "authorization { users: [{ user: alice, password: \"p@ss\" }] }";
    let nats = Nats::start(users).await.expect("NATS starts");
    let at = |user: &str| settings(&format!("nats://{user}@{}", nats.address()));
    let refused = NatsBus::open(&at("alice:wrong"), node(1)).await.expect("it is tried again");
    let alice = connected(&at("alice:p%40ss"), 2).await;
    assert!(alice.is_connected() && !refused.is_connected());
    let nats = Nats::start("authorization { token: s3cr3t }").await.expect("NATS starts");
    connected(&settings(&format!("s3cr3t@{}", nats.address())), 3).await;
}

#[tokio::test]
async fn what_is_too_large_is_not_told() {
    let nats = Nats::start("max_payload: 1024").await.expect("NATS starts");
    let settings = settings(&nats.url());
    let (alice, bob) = (connected(&settings, 1).await, connected(&settings, 2).await);
    let mut to_bob = bob.hear();
    assert_eq!(alice.hint_bytes_max(), 1_008);
    alice.tell(workspace(), Topic::Log, Bytes::from(vec![0; 1_009]));
    alice.tell(workspace(), Topic::Log, Bytes::from(vec![0; 1_008]));
    assert_eq!(next(&mut to_bob).await.bytes.len(), 1_008);
    let usual = tidings_services::nats().await.expect("NATS starts");
    let alice = connected(&self::settings(&usual.url()), 1).await;
    assert_eq!(alice.hint_bytes_max(), HINT_BYTES_MAX);
}

#[tokio::test]
async fn both_sides_show_who_they_are_by_their_certificates() {
    let configuration = format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
        data("server.pem"),
        data("server.key"),
        data("authority.pem")
    );
    let nats = Nats::start(&configuration).await.expect("NATS starts");
    let mut settings = settings(&format!("tls://{}", nats.address()));
    settings.root_certificates = Some(data("authority.pem"));
    let nobody = NatsBus::open(&settings, node(1)).await.expect("it is tried again");
    settings.certificate = Some((data("client.pem"), data("client.key")));
    connected(&settings, 2).await;
    assert!(!nobody.is_connected());
    settings.root_certificates = Some(data("missing.pem"));
    let told = NatsBus::open(&settings, node(3)).await.expect_err("there is no such file");
    assert!(matches!(told, WrongSettings::Unreadable { .. }), "{told}");
}

#[tokio::test]
async fn another_server_of_the_cluster_takes_over() {
    let mut first = tidings_services::nats().await.expect("NATS starts");
    let mut second = tidings_services::nats().await.expect("NATS starts");
    let both = vec![first.url(), second.url()];
    let settings = Settings { urls: both, installation: "test".into(), ..Settings::default() };
    second.stop().await.expect("it stops");
    let alice = connected(&settings, 1).await;
    second.start_again().await.expect("it starts");
    let bob = connected(&self::settings(&second.url()), 2).await;
    let mut to_bob = bob.hear();
    first.stop().await.expect("it stops");
    heard_at_last(&alice, &mut to_bob).await;
}

#[tokio::test]
async fn a_credentials_file_that_is_not_there_is_told() {
    let credentials = Some(data("missing.creds"));
    let settings = Settings { credentials, ..settings("nats://localhost") };
    let told = NatsBus::open(&settings, node(1)).await.expect_err("there is no such file");
    assert!(told.to_string().contains("missing.creds"), "{told}");
}
