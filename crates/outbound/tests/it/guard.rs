//! No way leads inside, by no spelling, unless a rule allows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::Redirect;
use axum::routing::{any, get as on_get};
use http::{HeaderValue, StatusCode};
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{Client, Policy, SendError};

use crate::server::{allowing, get, outcome, resolving, says, start};

/// A server that must not be reached, and how often it was.
async fn inside() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    let router = Router::new().fallback(any(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { "inside" }
    }));
    (start(router).await, visits)
}

/// The text of a refusal.
async fn refusal(client: &Client, url: &str) -> String {
    let error = client.send(get(url)).await.expect_err("refused");
    assert_eq!(error.code(), "address_not_allowed", "{url}");
    error.to_string()
}

#[tokio::test]
async fn a_refusal_names_the_rule_and_the_setting() {
    let client = resolving(&[], &["10.1.2.3"]);
    let cases = [
        (
            "http://192.168.1.1/",
            "the host is in 192.168.0.0/16, a private network; the setting outbound.allow can allow it",
        ),
        (
            "http://metadata.google.internal/",
            "the host is a cloud's metadata service; the setting outbound.allow can allow it",
        ),
        (
            "http://carol.example:25/",
            "port 25 is none of 80, 443 and those from 1024 on; the setting outbound.allow can allow it for the host",
        ),
        (
            "http://carol.example/",
            "the name of the host leads to no public address; the setting outbound.allow can allow it",
        ),
    ];
    for (url, text) in cases {
        assert_eq!(refusal(&client, url).await, format!("the call was refused: {text}"));
    }
}

#[tokio::test]
async fn a_refusal_tells_nothing_of_our_network() {
    let (open, visits) = inside().await;
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("it listened")
    };
    // An open and a closed port, this machine and another network: all the same to whoever gave the address.
    let mut told = Vec::new();
    for (port, addresses) in [
        (open.port(), &["127.0.0.1"][..]),
        (closed.port(), &["127.0.0.1"]),
        (open.port(), &["10.1.2.3"]),
        (open.port(), &["fd12::1", "192.168.0.1"]),
    ] {
        let url = format!("http://crm.internal:{port}/");
        told.push(refusal(&resolving(&[], addresses), &url).await);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(!told[0].contains("10.") && !told[0].contains("127."), "{told:?}");

    // The operator may know.
    let error = resolving(&[], &["10.1.2.3"]).send(get("http://crm.internal/")).await;
    let Err(SendError::Refused(refused)) = error else { unreachable!("it is refused") };
    assert_eq!(refused.network().map(|network| network.cidr), Some("10.0.0.0/8"));
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_port_is_opened_with_its_host_only() {
    let open = |rules: &[&str], url: &str| allowing(rules).check(url).is_ok();
    assert!(open(&["mail.example:25"], "http://mail.example:25/"));
    assert!(open(&["mail.example"], "http://mail.example:25/"));
    assert!(!open(&["mail.example:25"], "http://mail.example:26/"));
    assert!(!open(&["mail.example:25"], "http://other.example:25/"));
    assert!(!open(&["10.0.0.0/8"], "http://10.0.0.1:25/"), "a network opens no ports");
    assert!(open(&["10.0.0.1:25"], "http://10.0.0.1:25/"));
    let anywhere = Client::for_settings().expect("a client");
    assert!(anywhere.check("http://mail.internal:25/").is_ok());
}

#[tokio::test]
async fn a_metadata_service_is_reached_by_a_rule_for_its_name() {
    let (address, visits) = inside().await;
    let url = format!("http://metadata.google.internal:{}/", address.port());
    let by_network = resolving(&["127.0.0.0/8"], &["127.0.0.1"]);
    assert_eq!(outcome(&by_network.send(get(&url)).await), "address_not_allowed");
    assert_eq!(visits.load(Ordering::SeqCst), 0);
    let by_name = resolving(&["metadata.google.internal"], &["127.0.0.1"]);
    assert_eq!(outcome(&by_name.send(get(&url)).await), "200");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_looked_at_for_each_connection() {
    // Hangs up after each answer.
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    let carol = says(answer).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    // An allowed address at the first look, another one of this machine afterwards.
    let lookup: Lookup = Arc::new(move |_name| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        let found = if first { "127.0.0.1" } else { "127.0.0.2" };
        Box::pin(async move { Ok(vec![found.parse().expect("an address")]) })
    });
    let policy = Policy::new(["127.0.0.1/32".parse().expect("a rule")]);
    let client = Client::with_lookup(policy, lookup).expect("a client");
    let url = format!("http://rebind.example:{}/", carol.port());
    assert_eq!(outcome(&client.send(get(&url)).await), "200");
    for _ in 0..3 {
        assert_eq!(outcome(&client.send(get(&url)).await), "address_not_allowed");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4, "asked for each connection");
}

#[tokio::test]
async fn what_a_rule_allows_is_reached() {
    let (address, _) = inside().await;
    let url = format!("http://{address}/");
    for rule in ["127.0.0.0/8".to_owned(), "127.0.0.1".to_owned(), address.to_string()] {
        let answer = allowing(&[&rule]).send(get(&url)).await.expect("allowed");
        assert_eq!(
            (answer.status, &answer.body_head[..], answer.truncated),
            (StatusCode::OK, &b"inside"[..], false)
        );
        assert_eq!(answer.address, Some(address));
    }
    let elsewhere = format!("127.0.0.1:{}", address.port() ^ 1);
    assert_eq!(outcome(&allowing(&[&elsewhere]).send(get(&url)).await), "address_not_allowed");
}

#[tokio::test]
async fn the_operators_own_addresses_are_reached() {
    let (address, _) = inside().await;
    let client = Client::for_settings().expect("a client");
    assert_eq!(outcome(&client.send(get(&format!("http://{address}/"))).await), "200");
    assert_eq!(
        outcome(&client.send(get(&format!("http://localhost:{}/", address.port()))).await),
        "200"
    );
    assert_eq!(outcome(&client.send(get("ftp://localhost/")).await), "scheme_not_allowed");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused() {
    let (address, visits) = inside().await;
    let url = format!("http://carol.example:{}/", address.port());
    for addresses in [&["127.0.0.1"][..], &["10.0.0.1", "::1"], &["::ffff:127.0.0.1"]] {
        let client = resolving(&[], addresses);
        assert_eq!(outcome(&client.send(get(&url)).await), "address_not_allowed");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn of_a_names_addresses_only_the_allowed_are_tried() {
    let (address, _) = inside().await;
    let client = resolving(&["127.0.0.1/32"], &["10.0.0.1", "::1", "127.0.0.1"]);
    let answer = client
        .send(get(&format!("http://carol.example:{}/", address.port())))
        .await
        .expect("allowed");
    assert_eq!(answer.address, Some(address));
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let (address, visits) = inside().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    // First an allowed address, then another one of this machine.
    let lookup: Lookup = Arc::new(move |_name| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        let found = if first { "127.0.0.1" } else { "127.0.0.2" };
        Box::pin(async move { Ok(vec![found.parse().expect("an address")]) })
    });
    let policy = || Policy::new(["127.0.0.1/32".parse().expect("a rule")]);
    let url = format!("http://carol.example:{}/", address.port());

    let first = Client::with_lookup(policy(), Lookup::clone(&lookup)).expect("a client");
    assert_eq!(outcome(&first.send(get(&url)).await), "200");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "asked once, by the one who connects");
    let second = Client::with_lookup(policy(), lookup).expect("a client");
    assert_eq!(outcome(&second.send(get(&url)).await), "address_not_allowed");
    assert_eq!(visits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_host_allowed_on_one_port_is_closed_on_the_others() {
    let (allowed, _) = inside().await;
    let (other, visits) = inside().await;
    let client = resolving(&[&format!("crm.internal:{}", allowed.port())], &["127.0.0.1"]);
    let allowed = format!("http://crm.internal:{}/", allowed.port());
    let other = format!("http://crm.internal:{}/", other.port());
    assert_eq!(outcome(&client.send(get(&allowed)).await), "200");
    assert_eq!(outcome(&client.send(get(&other)).await), "address_not_allowed");
    assert_eq!(outcome(&client.send(get(&allowed)).await), "200");
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (target, visits) = inside().await;
    let to = format!("http://{target}/");
    let carol =
        start(Router::new().route("/", on_get(move || async move { Redirect::temporary(&to) })))
            .await;
    let client = allowing(&["127.0.0.0/8"]);
    let answer = client.send(get(&format!("http://{carol}/"))).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(answer.headers.contains_key("location"));
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_plain_web_address_is_refused() {
    let client = allowing(&["127.0.0.0/8"]);
    let long = format!("http://example.com/{}", "a".repeat(8_000));
    let cases = [
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("ftp://127.0.0.1/", "scheme_not_allowed"),
        ("gopher://127.0.0.1/", "scheme_not_allowed"),
        ("unix:/run/docker.sock", "scheme_not_allowed"),
        ("http://me@127.0.0.1/", "userinfo_not_allowed"),
        ("http://me:secret@127.0.0.1/", "userinfo_not_allowed"),
        ("http://8.8.8.8@127.0.0.1/", "userinfo_not_allowed"),
        ("127.0.0.1", "url_invalid"),
        ("http://", "url_invalid"),
        ("http://[fe80::1%25eth0]/", "url_invalid"),
        (&long, "url_invalid"),
    ];
    for (url, code) in cases {
        assert_eq!(outcome(&client.send(get(url)).await), code, "{url}");
        assert_eq!(client.check(url).expect_err("refused").code(), code, "{url}");
    }
    assert!(client.check("https://carol.example/hook").is_ok());
}

#[tokio::test]
async fn headers_of_the_connection_are_the_clients_own() {
    let (address, visits) = inside().await;
    let client = allowing(&["127.0.0.0/8"]);
    let url = format!("http://{address}/");
    for name in ["host", "content-length", "transfer-encoding", "connection"] {
        let mut request = get(&url);
        request.headers.insert(name, HeaderValue::from_static("7"));
        assert_eq!(outcome(&client.send(request).await), "header_not_allowed", "{name}");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}
