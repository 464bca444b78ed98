//! Calls go through the operator's proxy, and the guard stays on this side.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get as on_get;
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{Client, Options, Policy, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::server::{SHORT, get, outcome, scripted, start};

/// Names and what they lead to; others cannot be looked up.
const NAMES: [(&str, &[&str]); 3] = [
    ("carol.example", &["93.184.215.14"]),
    ("mixed.example", &["93.184.215.14", "127.0.0.1"]),
    ("inside.example", &["10.0.0.1"]),
];

fn client(proxy: &str, exceptions: &[&str], rules: &[&str]) -> Client {
    let lookup: Lookup = Arc::new(|name| {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let found = known.map(|(_, addresses)| addresses.iter().map(|address| address.parse()));
        let found: Option<Vec<IpAddr>> =
            found.map(|found| found.collect::<Result<_, _>>().expect("addresses"));
        Box::pin(async { found.ok_or_else(|| io::Error::other("no such name")) })
    });
    let exceptions: Vec<String> = exceptions.iter().map(|&one| one.to_owned()).collect();
    let proxy = Some(Proxy::new(proxy, &exceptions).expect("a proxy"));
    let policy = Policy::new(rules.iter().map(|rule| rule.parse().expect("a rule")));
    Client::with_options(policy, Options { lookup, proxy, ..Options::default() }).expect("a client")
}

/// Reads a head to its empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_gone) => break,
        }
    }
    String::from_utf8(head).expect("a head of text")
}

/// A proxy of HTTP that answers each request so, and tells of it.
async fn http_proxy(answer: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let address = scripted(move |mut stream| {
        let tell = tell.clone();
        async move {
            tell.send(head(&mut stream).await).expect("the test listens");
            let _said = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    (address, told)
}

/// A proxy of SOCKS 5 that leads everybody to one server, or answers with this failure; and tells whom it was asked for.
async fn socks_proxy(
    server: SocketAddr,
    user: Option<&'static str>,
    reply: u8,
) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let address = scripted(move |stream| {
        let tell = tell.clone();
        async move {
            // Who goes away in the middle is not led on.
            let _ended = socks(stream, server, user, reply, tell).await;
        }
    })
    .await;
    (address, told)
}

/// One connection of it, as RFC 1928 and RFC 1929 say.
async fn socks(
    mut stream: TcpStream,
    server: SocketAddr,
    user: Option<&str>,
    reply: u8,
    tell: mpsc::UnboundedSender<String>,
) -> io::Result<()> {
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting).await?;
    let method = if user.is_some() { 2 } else { 0 };
    stream.write_all(&[5, if greeting[2] == method { method } else { 0xff }]).await?;
    if let Some(user) = user {
        let mut said = [0; 2];
        stream.read_exact(&mut said).await?;
        let mut name = vec![0; said[1].into()];
        stream.read_exact(&mut name).await?;
        let mut password = vec![0; stream.read_u8().await?.into()];
        stream.read_exact(&mut password).await?;
        let good = name == user.as_bytes() && password == b"secret";
        stream.write_all(&[1, u8::from(!good)]).await?;
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => IpAddr::from(stream.read_u32().await?.to_be_bytes()).to_string(),
        4 => IpAddr::from(stream.read_u128().await?.to_be_bytes()).to_string(),
        _ => {
            let mut name = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut name).await?;
            String::from_utf8(name).expect("a name")
        }
    };
    let port = stream.read_u16().await?;
    tell.send(format!("{host}:{port}")).expect("the test listens");
    stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if reply == 0 {
        let mut server = TcpStream::connect(server).await?;
        copy_bidirectional(&mut stream, &mut server).await?;
    }
    Ok(())
}

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn plain_requests_are_given_to_the_proxy() {
    let (proxy, mut told) = http_proxy(HELLO).await;
    let client = client(&format!("http://me:se%3acret@{proxy}"), &[], &[]);
    let answer = client.send(get("http://carol.example/hook?a=b")).await.expect("an answer");
    assert_eq!(&answer.body_head[..], b"hello");
    assert_eq!(answer.address, Some(proxy));
    assert!(answer.phases.dns.is_some() && answer.phases.connect.is_some());
    let heard = told.recv().await.expect("a request");
    assert!(heard.starts_with("GET http://carol.example/hook?a=b HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("host: carol.example\r\n"), "{heard}");
    // me:se:cret
    assert!(heard.contains("proxy-authorization: Basic bWU6c2U6Y3JldA==\r\n"), "{heard}");
}

#[tokio::test]
async fn tls_goes_through_a_tunnel() {
    let (proxy, mut told) = http_proxy("HTTP/1.1 200 Connection established\r\n\r\nno TLS").await;
    let client = client(&format!("http://me:secret@{proxy}"), &[], &[]);
    // What comes through the tunnel is no TLS: the receiver's fault.
    let result = client.send(get("https://carol.example/hook")).await;
    assert_eq!(outcome(&result), "tls_failed");
    let heard = told.recv().await.expect("a request");
    assert!(heard.starts_with("CONNECT carol.example:443 HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("proxy-authorization: Basic bWU6c2VjcmV0\r\n"), "{heard}");
    assert!(!heard.contains("hook"), "{heard}");
}

#[tokio::test]
async fn the_proxys_failures_are_told_apart_from_the_receivers() {
    let cases = [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "https", "proxy_failed"),
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "http", "proxy_failed"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "https", "proxy_failed"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "https", "connect_failed"),
        ("HTTP/1.1 504 Gateway Timeout\r\n\r\n", "https", "connect_failed"),
        ("", "https", "proxy_failed"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "https", "proxy_failed"),
    ];
    for (answer, scheme, code) in cases {
        let (proxy, _told) = http_proxy(answer).await;
        let client = client(&format!("http://{proxy}"), &[], &[]);
        let result = client.send(get(&format!("{scheme}://carol.example/"))).await;
        assert_eq!(outcome(&result), code, "{scheme} {answer}");
    }
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("it listened")
    };
    for kind in ["http", "https", "socks5", "socks5h"] {
        let client = client(&format!("{kind}://{gone}"), &[], &[]);
        for scheme in ["http", "https"] {
            let result = client.send(get(&format!("{scheme}://carol.example/"))).await;
            assert_eq!(outcome(&result), "proxy_failed", "{kind} {scheme}");
        }
    }
    let unknown = client("http://proxy.example:3128", &[], &[]);
    assert_eq!(outcome(&unknown.send(get("http://carol.example/")).await), "proxy_failed");
}

#[tokio::test]
async fn a_proxy_that_says_nothing_ends_at_the_deadline() {
    let silent = scripted(|mut stream| async move {
        head(&mut stream).await;
        std::future::pending().await
    })
    .await;
    let client = client(&format!("http://{silent}"), &[], &[]);
    let mut request = get("https://carol.example/");
    request.deadline = SHORT;
    assert_eq!(outcome(&client.send(request).await), "timed_out");
}

#[tokio::test]
async fn the_guard_stays_before_the_proxy() {
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visits);
    let proxy = scripted(move |_stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    for kind in ["http", "socks5", "socks5h"] {
        let client = client(&format!("{kind}://{proxy}"), &[], &[]);
        let refused = [
            "http://10.0.0.1/",
            "https://2130706433/",
            "http://[::ffff:127.0.0.1]/",
            "https://metadata.google.internal/",
            "http://carol.example:25/",
            "https://inside.example/",
        ];
        for url in refused {
            let result = client.send(get(url)).await;
            assert_eq!(outcome(&result), "address_not_allowed", "{kind} {url}");
        }
    }
    // Names that we cannot look up, and that the public name service does not have.
    for kind in ["http", "socks5h"] {
        let client = client(&format!("{kind}://{proxy}"), &[], &[]);
        for url in
            ["http://localhost/", "https://crm.internal/", "http://printer.local/", "http://crm/"]
        {
            let result = client.send(get(url)).await;
            assert_eq!(outcome(&result), "address_not_allowed", "{kind} {url}");
        }
        // The proxy would choose among the addresses.
        let result = client.send(get("https://mixed.example/")).await;
        assert_eq!(outcome(&result), "address_not_allowed", "{kind}");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_only_the_proxy_knows_is_its_own() {
    let (proxy, mut told) = http_proxy(HELLO).await;
    let client = client(&format!("http://{proxy}"), &[], &["crm.internal"]);
    for name in ["unknown.example", "crm.internal"] {
        assert_eq!(outcome(&client.send(get(&format!("http://{name}/"))).await), "200");
        let heard = told.recv().await.expect("a request");
        assert!(heard.starts_with(&format!("GET http://{name}/ ")), "{heard}");
    }
}

#[tokio::test]
async fn socks_is_told_the_checked_address_or_the_name() {
    let carol = start(Router::new().route("/", on_get(|| async { "hello" }))).await;
    for (kind, asked) in [("socks5", "93.184.215.14:80"), ("socks5h", "carol.example:80")] {
        let (proxy, mut told) = socks_proxy(carol, None, 0).await;
        let client = client(&format!("{kind}://{proxy}"), &[], &[]);
        let answer = client.send(get("http://carol.example/")).await.expect("an answer");
        assert_eq!(&answer.body_head[..], b"hello");
        assert_eq!(told.recv().await.as_deref(), Some(asked));
        let result = client.send(get("http://[2606:4700:4700::1111]:8080/")).await;
        assert_eq!(outcome(&result), "200");
        assert_eq!(told.recv().await.as_deref(), Some("2606:4700:4700::1111:8080"));
    }
    let (proxy, _told) = socks_proxy(carol, None, 0).await;
    let client = client(&format!("socks5://{proxy}"), &[], &[]);
    let unknown = client.send(get("http://unknown.example/")).await;
    assert_eq!(outcome(&unknown), "dns_failed", "it is we who look up");
}

#[tokio::test]
async fn socks_asks_who_we_are_and_may_fail() {
    let carol = start(Router::new().route("/", on_get(|| async { "hello" }))).await;
    let url = "http://carol.example/";
    for (user, login, reply, code) in [
        (Some("me"), "me:secret@", 0, "200"),
        (Some("me"), "me:wrong@", 0, "proxy_failed"),
        (Some("me"), "", 0, "proxy_failed"),
        // Connection refused, host unreachable (RFC 1928, 6).
        (None, "", 5, "connect_failed"),
        (None, "", 4, "connect_failed"),
    ] {
        let (proxy, _told) = socks_proxy(carol, user, reply).await;
        let client = client(&format!("socks5h://{login}{proxy}"), &[], &[]);
        assert_eq!(outcome(&client.send(get(url)).await), code, "{login} {reply}");
    }
}

#[tokio::test]
async fn exceptions_go_the_straight_way_and_are_guarded() {
    let carol = start(Router::new().route("/", on_get(|| async { "straight" }))).await;
    let (proxy, _told) = http_proxy(HELLO).await;
    let url = format!("http://{carol}/");
    let allowed = client(&format!("http://{proxy}"), &["127.0.0.0/8"], &["127.0.0.0/8"]);
    let answer = allowed.send(get(&url)).await.expect("an answer");
    assert_eq!((&answer.body_head[..], answer.address), (&b"straight"[..], Some(carol)));
    let refused = client(&format!("http://{proxy}"), &["127.0.0.0/8"], &[]);
    assert_eq!(outcome(&refused.send(get(&url)).await), "address_not_allowed");
}
