//! Olga operates the server: a mail tells her when an endpoint's receiver fails, and when it is back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tidings_app::Settings;
use tidings_mail::{Mail, Mailer};
use tidings_services::{MailServer, MailSpeaks};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};

/// The time in which there is at most one mail about an endpoint.
const MINUTE: Duration = Duration::from_secs(60);

async fn world_with(server: &MailServer) -> World {
    let to = ["olga@example.com".to_owned(), "Otto <otto@example.com>".to_owned()];
    let mailer =
        Mailer::new(&server.url(), "Tidings <tidings@example.com>", &to, None).expect("good");
    let settings = Settings { mail: Some(mailer), ..Settings::default() };
    World::begin(Start { settings, ..Start::default() }).await
}

/// Makes an endpoint that tries once a day.
async fn subscribe(world: &World, receiver: &Receiver) -> String {
    let body = json!({
        "url": receiver.url, "events": ["chat.message"], "description": "Carol's shop",
        "ordering": "none", "retry_delays_s": [86_400],
    });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().expect("an id").to_owned()
}

/// Alice says so much that whoever fails at it is degraded, and whoever takes it is healthy.
async fn talk(world: &World, alice: &Visitor) {
    for text in ["one", "two", "three", "four", "five"] {
        alice.says(world, text).await;
    }
    world.settle().await;
}

/// The mails, when there are so many.
async fn mails(world: &World, server: &MailServer, count: usize) -> Vec<String> {
    let look = async || {
        let mails = server.mails().expect("mails can be read");
        (mails.len() >= count).then_some(mails)
    };
    let mails = world.until(&format!("{count} mails"), look).await;
    assert_eq!(mails.len(), count, "{mails:?}");
    mails
}

#[tokio::test]
async fn olga_is_told_once_a_minute_how_an_endpoint_is() {
    let server = MailServer::start().await.expect("a mail server");
    let world = world_with(&server).await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    receiver.answers(|_| Reply::Status(500));
    talk(&world, &alice).await;
    receiver.answers(|_| Reply::Status(200));
    talk(&world, &alice).await;
    receiver.answers(|_| Reply::Status(503));
    talk(&world, &alice).await;
    assert_eq!(world.events_of("endpoint.health_changed").await.len(), 3);
    world.turn(MINUTE);
    world.settle().await;
    let first = mails(&world, &server, 1).await.remove(0);
    for part in [
        "X-Taken-For: olga@example.com",
        "X-Taken-For: otto@example.com",
        "Subject: Tidings: the endpoint at 127.0.0.1 is degraded",
        "The receiver at 127.0.0.1 fails often.",
        endpoint.as_str(),
        "Carol's shop",
        "State:     degraded, since 20",
        "answered 503 (not_taken), after ",
        "tidings deliveries --endpoint ",
    ] {
        assert!(first.contains(part), "{part} of {first}");
    }
    assert!(!first.contains("/hook"), "the path may hold a secret: {first}");

    // Nothing new, no mail.
    world.turn(MINUTE);
    world.settle().await;
    receiver.answers(|_| Reply::Status(410));
    alice.says(&world, "six").await;
    world.settle().await;
    world.turn(MINUTE);
    let second = mails(&world, &server, 2).await.remove(1);
    for part in ["is disabled", "was switched off", "Reason:    the receiver answered 410"] {
        assert!(second.contains(part), "{part} of {second}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_makes_it_later() {
    let mut server = MailServer::start().await.expect("a mail server");
    let world = world_with(&server).await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    receiver.answers(|_| Reply::Status(500));
    talk(&world, &alice).await;
    server.stop().await.expect("it stops");
    for _ in 0..3 {
        world.turn(MINUTE);
        world.settle().await;
    }
    let waits = world.timers().await.into_iter().find(|timer| timer.name.0.starts_with("mail:"));
    let waits = waits.expect("it is still owed");
    assert!(waits.body["tries"].as_u64().is_some_and(|tries| tries >= 2), "{waits:?}");
    server.start_again().await.expect("it starts");
    world.turn(Duration::from_secs(1_800));
    let told = mails(&world, &server, 1).await.remove(0);
    assert!(told.contains("is degraded"), "{told}");
    world.settle().await;
    let left = world.timers().await;
    assert!(!left.iter().any(|timer| timer.name.0.starts_with("mail:")), "{left:?}");
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(2 * 86_400));
    world.settle().await;
    world.finish().await;
}

/// A file of the certificates for tests.
fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../outbound/tests/data/tls").join(name)
}

#[tokio::test]
async fn a_mail_server_with_tls_is_trusted_by_an_authority_that_was_added() {
    let authority = std::fs::read(pem("authority.pem")).expect("it is there");
    let to = ["olga@example.com".to_owned()];
    let mailer = |server: &MailServer, authorities| {
        Mailer::new(&server.url(), "Tidings <tidings@example.com>", &to, authorities).expect("good")
    };
    let mail = || Mail { id: "one".into(), subject: "Hello".into(), text: "Olga".into() };
    let tls = |name: &str| MailSpeaks::Tls {
        certificate: pem(&format!("{name}.pem")),
        key: pem(&format!("{name}.key")),
    };
    let starttls = |name: &str| MailSpeaks::Starttls {
        certificate: pem(&format!("{name}.pem")),
        key: pem(&format!("{name}.key")),
    };
    for speaks in [tls("server"), starttls("server")] {
        let server = MailServer::start_speaking(speaks.clone()).await.expect("a mail server");
        let stranger = mailer(&server, None);
        stranger.send(mail()).await.expect_err("the machine does not know its authority");
        assert!(stranger.reaches_server().await.is_err(), "{speaks:?}");
        let knows = mailer(&server, Some(&authority));
        knows.reaches_server().await.expect("it lets us in");
        knows.send(mail()).await.expect("it takes the mail");
        let mails = server.mails().expect("mails can be read");
        assert_eq!(mails.len(), 1, "{speaks:?}: {mails:?}");
        assert!(mails[0].contains("Subject: Hello"), "{mails:?}");
    }
    for speaks in [tls("other-name"), starttls("other-name"), tls("expired"), starttls("expired")] {
        let server = MailServer::start_speaking(speaks.clone()).await.expect("a mail server");
        let refused = mailer(&server, Some(&authority)).send(mail()).await;
        assert!(refused.is_err(), "{speaks:?}");
    }
    // Who is to speak TLS does not go on without.
    let clear = MailServer::start().await.expect("a mail server");
    let url = format!("{}?tls=required", clear.url());
    let strict = Mailer::new(&url, "Tidings <tidings@example.com>", &to, Some(&authority));
    strict.expect("good").send(mail()).await.expect_err("nothing is said in the clear");
    assert_eq!(clear.mails().expect("mails can be read").len(), 0);
}
