//! Receivers that ask who calls: by a token of Dave's token server, or by a certificate.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use serde_json::{Value, json};
use tidings_outbound::Roots;
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::world::{Start, World, answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{come, deliveries_to, stored, texts};

const SECRET: &str = "the-client-secret";

/// How a client shows Dave who it is (RFC 6749, 2.3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Basic,
    Post,
}

/// Dave's token server: gives `token-1`, `token-2`, ... each good for so long.
async fn token_server(expires_in: u64) -> Receiver {
    let server = Receiver::start().await;
    gives_tokens(&server, expires_in, Shown::Basic);
    server
}

/// To who shows itself so and in no other way; others get the errors of RFC 6749, 5.2.
fn gives_tokens(server: &Receiver, expires_in: u64, shown: Shown) {
    let given = AtomicUsize::new(server.took().len());
    server.answers(move |got| {
        if let Err((status, word)) = judge(got, shown) {
            return Reply::Said(status, Vec::new(), json!({ "error": word }).to_string());
        }
        let number = given.fetch_add(1, Ordering::SeqCst) + 1;
        let token = json!({
            "access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": expires_in,
        });
        Reply::Said(200, Vec::new(), token.to_string())
    });
}

/// What Dave has against a request.
fn judge(got: &Got, shown: Shown) -> Result<(), (u16, &'static str)> {
    let fields: Vec<(String, String)> =
        url::form_urlencoded::parse(&got.body).into_owned().collect();
    let all = |name: &str| -> Vec<&str> {
        fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str()).collect()
    };
    let is_form = got.header("content-type") == "application/x-www-form-urlencoded";
    let is_twice = fields.iter().any(|field| all(&field.0).len() > 1);
    let has_basic = !got.header("authorization").is_empty();
    let in_form = [all("client_id"), all("client_secret")];
    // A client must not show itself in two ways (2.3), nor in the address.
    let is_double = has_basic && in_form.iter().any(|said| !said.is_empty());
    if got.method != Method::POST || !is_form || is_twice || is_double || got.uri.query().is_some()
    {
        return Err((400, "invalid_request"));
    }
    let is_known = match shown {
        // `tidings:the-client-secret` in base64.
        Shown::Basic => got.header("authorization") == "Basic dGlkaW5nczp0aGUtY2xpZW50LXNlY3JldA==",
        Shown::Post => !has_basic && in_form == [["tidings"], [SECRET]],
    };
    match (is_known, all("grant_type").as_slice()) {
        (false, _) => Err((401, "invalid_client")),
        (true, ["client_credentials"]) => Ok(()),
        (true, _) => Err((400, "unsupported_grant_type")),
    }
}

fn auth(server: &Receiver) -> Value {
    json!({
        "kind": "oauth2_client_credentials", "token_url": server.url,
        "client_id": "tidings", "client_secret": SECRET, "scope": "events write",
        "audience": "https://carol.example/",
    })
}

async fn subscribe(world: &World, url: &str, more: Value) -> Value {
    let mut body = json!({ "url": url, "events": ["chat.message"] });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text.contains(SECRET) && !made.text.contains("PRIVATE"), "{}", made.text);
    made.body
}

fn path(endpoint: &Value) -> String {
    format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"))
}

fn tokens(got: &[Got]) -> Vec<&str> {
    got.iter().map(|got| got.header("authorization")).collect()
}

#[tokio::test]
async fn deliveries_bear_a_token_until_shortly_before_it_expires() {
    let world = World::start().await;
    let (dave, carol) = (token_server(600).await, Receiver::start().await);
    let endpoint = subscribe(&world, &carol.url, json!({ "auth": auth(&dave) })).await;
    assert_eq!(endpoint["auth"]["client_id"], "tidings");
    assert_eq!(endpoint["auth"]["client_secret"], Value::Null);
    let kept = serde_json::to_string(&stored(&world, &endpoint).await).expect("JSON");
    assert!(!kept.contains(SECRET), "it is sealed");
    let (alice, ben) = come(&world).await;
    join_all([alice.says(&world, "one"), ben.says(&world, "one")]).await;
    world.settle().await;
    alice.says(&world, "two").await;
    world.settle().await;
    assert_eq!(tokens(&carol.took()), ["Bearer token-1"; 3]);
    let asked = dave.got();
    assert_eq!(asked.len(), 1, "it is kept");
    // `tidings:the-client-secret` in base64.
    assert_eq!(asked[0].header("authorization"), "Basic dGlkaW5nczp0aGUtY2xpZW50LXNlY3JldA==");
    assert_eq!(asked[0].method, Method::POST);
    let form =
        "grant_type=client_credentials&scope=events+write&audience=https%3A%2F%2Fcarol.example%2F";
    assert_eq!(asked[0].body, form);

    world.turn(Duration::from_secs(539));
    alice.says(&world, "three").await;
    world.settle().await;
    world.turn(Duration::from_secs(1));
    alice.says(&world, "four").await;
    world.settle().await;
    assert_eq!(tokens(&carol.took()[3..]), ["Bearer token-1", "Bearer token-2"]);
    world.finish().await;
}

#[tokio::test]
async fn a_token_server_that_wants_the_secret_in_the_form_gets_it_there_only() {
    let world = World::start().await;
    let (dave, carol) = (token_server(600).await, Receiver::start().await);
    gives_tokens(&dave, 600, Shown::Post);
    let endpoint = subscribe(&world, &carol.url, json!({ "auth": auth(&dave) })).await;
    assert_eq!(endpoint["auth"]["client_authentication"], "basic");
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    let attempt = &deliveries_to(&world, &endpoint).await[0]["attempts"][0];
    let why = "no access token: the token server answered 401 (invalid_client)";
    assert_eq!(attempt["error"], why);

    // The secret stays.
    let mut by_post = auth(&dave);
    by_post.as_object_mut().expect("an object").remove("client_secret");
    by_post["client_authentication"] = json!("post");
    let change = world.call(Method::PATCH, &path(&endpoint)).json(&json!({ "auth": by_post }));
    let changed = answer(change).await;
    assert_eq!(
        (changed.status, &changed.body["auth"]["client_authentication"]),
        (200, &json!("post"))
    );
    world.turn(Duration::from_secs(6));
    world.settle().await;
    assert_eq!(texts(&carol.took()), ["hello"]);
    assert_eq!(tokens(&carol.took()), ["Bearer token-1"]);
    let asked = dave.took();
    assert_eq!(asked.len(), 1);
    let form = "grant_type=client_credentials&client_id=tidings&client_secret=the-client-secret\
                &scope=events+write&audience=https%3A%2F%2Fcarol.example%2F";
    assert_eq!(asked[0].body, form);
    world.finish().await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_anew_for_the_next_try() {
    let world = World::start().await;
    let (dave, carol) = (token_server(3_600).await, Receiver::start().await);
    let endpoint = subscribe(&world, &carol.url, json!({ "auth": auth(&dave) })).await;
    carol.answers(|got| match got.header("authorization") {
        "Bearer token-1" => Reply::Status(401),
        _ => Reply::Status(204),
    });
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    assert_eq!((carol.got().len(), dave.got().len()), (1, 1), "it waits for its time");
    world.turn(Duration::from_secs(6));
    world.settle().await;
    assert_eq!(tokens(&carol.got()), ["Bearer token-1", "Bearer token-2"]);
    let delivery = &deliveries_to(&world, &endpoint).await[0];
    assert_eq!((&delivery["status"], &delivery["tries"]), (&json!("delivered"), &json!(2)));
    world.finish().await;
}

#[tokio::test]
async fn without_a_token_nothing_goes_out_and_it_is_told_why() {
    let world = World::start().await;
    let (dave, carol) = (Receiver::start().await, Receiver::start().await);
    dave.answers(|_| {
        Reply::Said(401, Vec::new(), json!({ "error": "invalid_client" }).to_string())
    });
    let endpoint = subscribe(&world, &carol.url, json!({ "auth": auth(&dave) })).await;
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    assert_eq!(carol.got().len(), 0);
    let delivery = &deliveries_to(&world, &endpoint).await[0];
    assert_eq!(delivery["status"], "pending");
    let attempt = &delivery["attempts"][0];
    let why = "no access token: the token server answered 401 (invalid_client)";
    assert_eq!((&attempt["error"], &attempt["status"]), (&json!(why), &Value::Null));
    gives_tokens(&dave, 3_600, Shown::Basic);
    world.turn(Duration::from_secs(6));
    world.settle().await;
    assert_eq!(texts(&carol.took()), ["hello"]);
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_way_to_authorize_is_told() {
    let world = World::start().await;
    let (dave, carol) = (token_server(3_600).await, Receiver::start().await);
    let with = |name: &str, value: Value| {
        let mut auth = auth(&dave);
        auth[name] = value;
        auth
    };
    for (wrong, pointer) in [
        (with("token_url", Value::Null), "/auth/token_url"),
        (with("token_url", json!("http://169.254.169.254/token")), "/auth/token_url"),
        (with("client_id", json!("")), "/auth/client_id"),
        (with("client_secret", Value::Null), "/auth/client_secret"),
        (with("kind", json!("none")), "/auth"),
        (json!({ "kind": "none", "client_authentication": "basic" }), "/auth"),
    ] {
        let body = json!({ "url": carol.url, "auth": wrong });
        let refused = world.post("/api/v1/endpoints", &body).await;
        assert_eq!((refused.status, refused.pointer()), (422, pointer), "{refused:?}");
    }
    let jwt = with("client_authentication", json!("jwt"));
    let refused = world.post("/api/v1/endpoints", &json!({ "url": carol.url, "auth": jwt })).await;
    assert_eq!((refused.status, refused.pointer()), (400, "/auth/client_authentication"));
    let headers = json!({ "authorization": "Bearer mine" });
    let body = json!({ "url": carol.url, "auth": auth(&dave), "headers": headers });
    let refused = world.post("/api/v1/endpoints", &body).await;
    assert_eq!((refused.status, refused.pointer()), (422, "/auth"));

    let endpoint = subscribe(&world, &carol.url, json!({ "auth": auth(&dave) })).await;
    let change = async |auth: Value| {
        answer(world.call(Method::PATCH, &path(&endpoint)).json(&json!({ "auth": auth }))).await
    };
    let mut without_secret = auth(&dave);
    without_secret.as_object_mut().expect("an object").remove("client_secret");
    assert_eq!(change(without_secret.clone()).await.status, 200, "the secret stays");
    without_secret["token_url"] = json!(carol.url);
    let moved = change(without_secret).await;
    assert_eq!((moved.status, moved.pointer()), (422, "/auth/client_secret"));
    assert_eq!(change(json!({ "kind": "none" })).await.body["auth"], json!({ "kind": "none" }));
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    assert_eq!(tokens(&carol.took()), [""]);
    assert_eq!(dave.got().len(), 0, "no token was needed");
    world.finish().await;
}

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../../../outbound/tests/data/tls/", $name))
    };
}

const AUTHORITY: &str = pem!("authority.pem");

/// Carol's server with TLS, which lets in who shows a certificate of the authority; gives its address and how many requests came.
async fn strict_carol() -> (String, Arc<AtomicUsize>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).expect("PEM");
    roots.add(authority).expect("a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let chain = CertificateDer::pem_slice_iter(pem!("server.pem").as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(pem!("server.key").as_bytes()).expect("PEM");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(chain, key)
        .expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let came = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&came);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
            // Who is refused or hangs up is served no more.
            tokio::spawn(async move { serve(acceptor, stream, &counted).await });
        }
    });
    (format!("https://{address}/hook"), came)
}

/// Answers each request with a handshake's echo, which a delivery does not mind.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, came: &AtomicUsize) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut heard = Vec::new();
    while stream.read_buf(&mut heard).await? > 0 {
        let text = String::from_utf8_lossy(&heard).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        came.fetch_add(1, Ordering::SeqCst);
        heard.clear();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsesame").await?;
        stream.flush().await?;
    }
    Ok(())
}

fn certificate(chain: &str, key: &str) -> Value {
    json!({ "certificate_pem": chain, "key_pem": key })
}

#[tokio::test]
async fn who_asks_for_a_certificate_is_shown_the_endpoints_own() {
    let roots = Roots::from_pem(AUTHORITY.as_bytes()).expect("an authority");
    let world = World::begin(Start { roots: Some(roots), ..Start::default() }).await;
    let (url, came) = strict_carol().await;
    let nobody = subscribe(&world, &url, json!({})).await;
    let strange = certificate(pem!("strange-client.pem"), pem!("strange-client.key"));
    let strange = subscribe(&world, &url, json!({ "client_certificate": strange })).await;
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    assert_eq!(came.load(Ordering::SeqCst), 0, "who shows no good one is not let in");
    for endpoint in [&nobody, &strange] {
        assert_eq!(deliveries_to(&world, endpoint).await[0]["status"], "pending");
        assert_eq!(answer(world.call(Method::DELETE, &path(endpoint))).await.status, 204);
    }

    // The handshake needs it as well.
    let own = certificate(pem!("client.pem"), pem!("client.key"));
    let handshake = json!({ "kind": "token_echo", "token": "sesame" });
    let more = json!({ "client_certificate": own, "handshake": handshake });
    let endpoint = subscribe(&world, &url, more).await;
    assert_eq!(endpoint["enabled"], true, "{endpoint}");
    let shown = &endpoint["client_certificate"];
    assert_eq!(shown["subject"], "CN=tidings");
    let sha256 = "47fff8627b013ebe2c7385059258408456f833b7258bcb7dc14fba97cb495437";
    assert_eq!(shown["sha256"], sha256);
    assert_eq!(shown["expires_at"], "2126-10-29T08:54:10Z");
    let kept = serde_json::to_string(&stored(&world, &endpoint).await).expect("JSON");
    assert!(!kept.contains("PRIVATE"), "the key is sealed");
    alice.says(&world, "again").await;
    world.settle().await;
    assert_eq!(came.load(Ordering::SeqCst), 2);
    assert_eq!(deliveries_to(&world, &endpoint).await[0]["status"], "delivered");

    let call = world.call(Method::PATCH, &path(&endpoint));
    let without = answer(call.json(&json!({ "client_certificate": null }))).await;
    assert_eq!(without.body["client_certificate"], Value::Null);
    alice.says(&world, "who is it").await;
    world.settle().await;
    assert_eq!(came.load(Ordering::SeqCst), 2, "connections of before are not used");
    world.stop().await;
}

#[tokio::test]
async fn wrong_pem_is_refused_when_it_is_said() {
    let world = World::start().await;
    let (chain, key) = (pem!("client.pem"), pem!("client.key"));
    for (chain, key, pointer) in [
        ("", key, "/client_certificate/certificate_pem"),
        (key, key, "/client_certificate/certificate_pem"),
        (chain, "", "/client_certificate/key_pem"),
        (chain, chain, "/client_certificate/key_pem"),
        (chain, pem!("server.key"), "/client_certificate"),
    ] {
        let body = json!({
            "url": "https://carol.example/", "client_certificate": certificate(chain, key),
        });
        let refused = world.post("/api/v1/endpoints", &body).await;
        assert_eq!((refused.status, refused.pointer()), (422, pointer), "{refused:?}");
        let line_of_key = pem!("client.key").lines().nth(1).expect("a line");
        assert!(!refused.text.contains(line_of_key), "the key is not repeated");
    }
    world.finish().await;
}
