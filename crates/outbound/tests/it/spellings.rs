//! Every case of `data/ssrf_cases.json`: what a URL given by others may be, and what comes of it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{Client, Policy};
use tokio::net::TcpListener;

use crate::server::{get, outcome};

#[derive(Deserialize)]
struct Cases {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    url: String,
    /// What refuses it; `None` where it may be called.
    code: Option<String>,
    /// What its name leads to.
    #[serde(default)]
    leads_to: Vec<IpAddr>,
}

fn cases() -> Vec<Group> {
    let cases: Cases =
        serde_json::from_str(include_str!("../data/ssrf_cases.json")).expect("cases");
    cases.groups
}

/// A client whose operator allows nothing, and what all names lead to for it.
fn strict() -> (Client, Arc<Mutex<Vec<IpAddr>>>) {
    let leads_to = Arc::new(Mutex::new(Vec::new()));
    let now = Arc::clone(&leads_to);
    let lookup: Lookup = Arc::new(move |_name| {
        let found = now.lock().expect("not poisoned").clone();
        Box::pin(async move { Ok(found) })
    });
    (Client::with_lookup(Policy::new([]), lookup).expect("a client"), leads_to)
}

/// Listens on all addresses of this machine; a port, and how often somebody came.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let visits = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    // Where this machine has IPv6 and the port is free there too.
    let sixth = TcpListener::bind(("::1", port)).await.ok();
    for listener in [Some(listener), sixth].into_iter().flatten() {
        let counted = Arc::clone(&visits);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    (port, visits)
}

#[tokio::test]
async fn every_case_ends_as_it_says_and_reaches_nobody() {
    let (port, visits) = inside().await;
    let (client, leads_to) = strict();
    let mut refused = 0;
    for group in cases() {
        for case in group.cases {
            let url = case.url.replace("PORT", &port.to_string());
            let told = format!("{}: {url:?}", group.name);
            *leads_to.lock().expect("not poisoned") = case.leads_to;
            match case.code {
                Some(code) => {
                    assert_eq!(outcome(&client.send(get(&url)).await), code, "{told}");
                    refused += 1;
                }
                None => client.check(&url).expect(&told),
            }
        }
    }
    assert!(refused > 100, "{refused} cases were read");
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_the_url_shows_is_refused_when_it_is_entered() {
    let (client, _) = strict();
    for group in cases() {
        for case in group.cases.iter().filter(|case| case.leads_to.is_empty()) {
            let url = case.url.replace("PORT", "8080");
            let code = client.check(&url).err().map(|refused| refused.code());
            assert_eq!(code, case.code.as_deref(), "{}: {url:?}", group.name);
        }
    }
}

#[tokio::test]
async fn the_cases_reach_somebody_when_they_are_allowed() {
    // Or the test above could not fail.
    let (port, visits) = inside().await;
    let everywhere = ["0.0.0.0/0", "::/0"].map(|rule| rule.parse().expect("a rule"));
    let client = Client::new(Policy::new(everywhere)).expect("a client");
    for host in ["127.1", "2130706433", "[::ffff:127.0.0.1]", "0"] {
        let before = visits.load(Ordering::SeqCst);
        let result = client.send(get(&format!("http://{host}:{port}/"))).await;
        assert_eq!(outcome(&result), "exchange_failed", "{host}");
        assert!(visits.load(Ordering::SeqCst) > before, "{host}");
    }
}
