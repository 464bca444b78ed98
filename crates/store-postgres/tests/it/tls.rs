//! A server that lets in over TLS only, as each `sslmode` finds it.

use std::path::PathBuf;
use std::sync::Arc;

use tidings_bus::Alone;
use tidings_model::Clock;
use tidings_services::{Postgres, PostgresSettings};
use tidings_store::Store;
use tidings_store::conformance::HandClock;
use tidings_store_postgres::{Options, PostgresStore};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

/// Its certificate is of `localhost`, signed by `authority.pem`.
async fn encrypted() -> Postgres {
    let tls = Some((data("server.pem"), data("server.key")));
    let settings = PostgresSettings { tls, ..PostgresSettings::default() };
    Postgres::start(&settings).await.expect("a server")
}

/// What opening a store says, with its causes; `None` when it opens.
async fn refusal(server: &Postgres, host: &str, asked: &str) -> Option<String> {
    let url = format!("postgres://postgres@{host}:{}/postgres?{asked}", server.address().port());
    let clock = HandClock::new() as Arc<dyn Clock>;
    match PostgresStore::open(Options::new(url), clock, Arc::new(Alone::default())).await {
        Ok(store) => {
            store.close().await;
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mode_looks_at_what_it_says() {
    let server = encrypted().await;
    let trusting = |file: &str| format!("sslrootcert={}", data(file).display());
    let (good, wrong) = (trusting("authority.pem"), trusting("stranger.pem"));
    let verified = format!("sslmode=verify-full&{good}");
    for (host, asked) in [
        ("127.0.0.1", "sslmode=prefer"),
        ("127.0.0.1", "sslmode=require"),
        ("localhost", &verified),
        ("localhost", &format!("sslmode=require&{good}")),
    ] {
        assert_eq!(refusal(&server, host, asked).await, None, "{host} {asked}");
    }
    for (host, asked, named) in [
        ("127.0.0.1", verified.as_str(), "sslmode=verify-full"),
        ("localhost", &format!("sslmode=verify-full&{wrong}"), "sslrootcert"),
        ("localhost", &format!("sslmode=require&{wrong}"), "sslrootcert"),
        // The machine trusts nobody who signs for tests.
        ("localhost", "sslmode=verify-full", "sslrootcert"),
        ("localhost", "sslmode=disable", "sslmode=require"),
    ] {
        let told = refusal(&server, host, asked).await.expect("nobody is let in");
        assert!(told.contains(named), "{host} {asked}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_tls_is_told_when_there_is_none() {
    let server = tidings_services::postgres().await.expect("a server");
    let told = refusal(&server, "127.0.0.1", "sslmode=require").await.expect("nobody is let in");
    assert!(told.contains("sslmode=disable"), "{told}");
    assert_eq!(refusal(&server, "127.0.0.1", "sslmode=prefer").await, None);
}
