//! Whom we trust, and who we are to those who ask.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use tidings_outbound::identities::IDENTITIES_MAX;
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{
    Call, Certificate, Client, Identity, InvalidPem, Options, Policy, Roots, Target,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::server::{call, outcome, scripted};

macro_rules! pem {
    ($name:literal) => {
        include_bytes!(concat!("../data/tls/", $name))
    };
}

const AUTHORITY: &[u8] = pem!("authority.pem");
const SERVER: (&[u8], &[u8]) = (pem!("server.pem"), pem!("server.key"));
const OTHER_NAME: (&[u8], &[u8]) = (pem!("other-name.pem"), pem!("other-name.key"));
const EXPIRED: (&[u8], &[u8]) = (pem!("expired.pem"), pem!("expired.key"));
const SELF_SIGNED: (&[u8], &[u8]) = (pem!("self-signed.pem"), pem!("self-signed.key"));
const CLIENT: (&[u8], &[u8]) = (pem!("client.pem"), pem!("client.key"));
const STRANGE_CLIENT: (&[u8], &[u8]) = (pem!("strange-client.pem"), pem!("strange-client.key"));

/// Whether a server asks who calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nobody,
    Everybody,
}

/// Carol's server, with a certificate; counts the connections that came about.
async fn carol(
    (chain, key): (&'static [u8], &'static [u8]),
    asks: Asks,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (SocketAddr, Arc<AtomicUsize>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .expect("versions");
    let config = match asks {
        Asks::Nobody => config.with_no_client_auth(),
        Asks::Everybody => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(AUTHORITY).expect("PEM")).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            config.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(key).expect("PEM");
    let acceptor =
        TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).expect("a pair")));
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let address = scripted(move |stream| {
        let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
        async move {
            // Who hangs up is served no more.
            let _ended = serve(acceptor, stream, &counted).await;
        }
    })
    .await;
    (address, connections)
}

/// Answers each request of a connection with `hello`.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, counted: &AtomicUsize) -> io::Result<()> {
    let mut stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((_refused, mut stream)) => {
            // Hears the caller out, so that the alert is not lost on the way.
            stream.shutdown().await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            return Ok(());
        }
    };
    counted.fetch_add(1, Ordering::SeqCst);
    let mut heard = Vec::new();
    while stream.read_buf(&mut heard).await? > 0 {
        if heard.ends_with(b"\r\n\r\n") {
            heard.clear();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await?;
            stream.flush().await?;
        }
    }
    Ok(())
}

const BOTH: &[&rustls::SupportedProtocolVersion] =
    &[&rustls::version::TLS12, &rustls::version::TLS13];

const OLDER: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

fn roots() -> Roots {
    Roots::from_pem(AUTHORITY).expect("an authority")
}

/// A client for which every name is this machine's.
fn client(roots: Option<Roots>) -> Client {
    let lookup: Lookup =
        Arc::new(|_name| Box::pin(async { Ok(vec!["127.0.0.1".parse().expect("an address")]) }));
    let policy = Policy::new(["127.0.0.0/8".parse().expect("a rule")]);
    Client::with_options(policy, Options { lookup, roots, proxy: None }).expect("a client")
}

fn target(carol: SocketAddr) -> Target {
    Target::parse(&format!("https://carol.example:{}/", carol.port())).expect("a target")
}

fn under(identity: &Identity) -> Call {
    Call { identity: Some(identity.clone()), ..call() }
}

#[tokio::test]
async fn who_is_trusted_is_called_and_others_are_not() {
    for (certificate, code) in [
        (SERVER, "200"),
        (OTHER_NAME, "tls_failed"),
        (EXPIRED, "tls_failed"),
        (SELF_SIGNED, "tls_failed"),
    ] {
        let (carol, _) = carol(certificate, Asks::Nobody, BOTH).await;
        let result = client(Some(roots())).send_to(&target(carol), call()).await;
        assert_eq!(outcome(&result), code);
        let result = client(None).send_to(&target(carol), call()).await;
        assert_eq!(outcome(&result), "tls_failed", "the machine does not trust our authority");
    }
}

#[tokio::test]
async fn tls_has_a_time_of_its_own_and_a_kept_connection_has_none() {
    let (carol, connections) = carol(SERVER, Asks::Nobody, BOTH).await;
    let client = client(Some(roots()));
    let first = client.send_to(&target(carol), call()).await.expect("an answer").phases;
    assert!(first.dns.is_some() && first.connect.is_some() && first.tls.is_some(), "{first:?}");
    let second = client.send_to(&target(carol), call()).await.expect("an answer").phases;
    assert!(second.dns.is_none() && second.connect.is_none() && second.tls.is_none());
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_identity_may_trust_more() {
    let (carol, _) = carol(SERVER, Asks::Nobody, BOTH).await;
    let client = client(None);
    let trusting = Identity::trusting_only(roots());
    let result = client.send_to(&target(carol), under(&trusting)).await;
    assert_eq!(outcome(&result), "200");
    // And nobody else does for that.
    let result = client.send_to(&target(carol), call()).await;
    assert_eq!(outcome(&result), "tls_failed");
}

#[tokio::test]
async fn a_server_that_asks_is_told_who_we_are() {
    let me = Identity::from_pem(CLIENT.0, CLIENT.1).expect("a pair");
    let stranger = Identity::from_pem(STRANGE_CLIENT.0, STRANGE_CLIENT.1).expect("a pair");
    for versions in [BOTH, OLDER] {
        let (carol, connections) = carol(SERVER, Asks::Everybody, versions).await;
        let client = client(Some(roots()));
        let target = target(carol);
        for _ in 0..3 {
            // Read again, it is the same, and finds its connections.
            let again = Identity::from_pem(CLIENT.0, CLIENT.1).expect("a pair");
            for identity in [&me, &again] {
                let answer = client.clone().send_to(&target, under(identity)).await;
                assert_eq!(&answer.expect("an answer").body_head[..], b"hello");
            }
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1, "one connection for all");
        // Nobody rides on it.
        let result = client.send_to(&target, call()).await;
        assert_eq!(outcome(&result), "tls_failed", "without a certificate");
        let result = client.send_to(&target, under(&stranger)).await;
        assert_eq!(outcome(&result), "tls_failed", "with a strange one");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn the_identity_that_was_used_longest_ago_makes_room() {
    let (carol, connections) = carol(SERVER, Asks::Nobody, BOTH).await;
    let client = client(Some(roots()));
    let target = target(carol);
    let me = Identity::from_pem(CLIENT.0, CLIENT.1).expect("a pair");
    let others = |count: usize| {
        std::iter::successors(Some(me.clone()), |last| Some(last.clone().trusting(roots())))
            .skip(1)
            .take(count)
    };
    for identity in std::iter::once(me.clone()).chain(others(IDENTITIES_MAX - 1)) {
        client.send_to(&target, under(&identity)).await.expect("an answer");
    }
    let made = connections.load(Ordering::SeqCst);
    assert_eq!(made, IDENTITIES_MAX);
    client.send_to(&target, under(&me)).await.expect("an answer");
    assert_eq!(connections.load(Ordering::SeqCst), made, "it is kept");
    let newest = others(IDENTITIES_MAX).last().expect("one more");
    client.send_to(&target, under(&newest)).await.expect("an answer");
    client.send_to(&target, under(&me)).await.expect("an answer");
    assert_eq!(connections.load(Ordering::SeqCst), made + 1, "it was used not long ago");
    let oldest = others(1).last().expect("the first of them");
    client.send_to(&target, under(&oldest)).await.expect("an answer");
    assert_eq!(connections.load(Ordering::SeqCst), made + 2, "it had to make room");
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_to_the_receiver() {
    let (carol, _) = carol(SERVER, Asks::Everybody, BOTH).await;
    let proxy = scripted(move |mut stream| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a request"));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("it is heard");
        let mut server = TcpStream::connect(carol).await.expect("Carol listens");
        let _ended = copy_bidirectional(&mut stream, &mut server).await;
    })
    .await;
    let lookup: Lookup =
        Arc::new(|_name| Box::pin(async { Ok(vec!["93.184.215.14".parse().expect("one")]) }));
    let proxy_url = format!("http://{proxy}");
    let proxy_setting = tidings_outbound::Proxy::new(&proxy_url, &[]).expect("a proxy");
    let options = Options { lookup, roots: Some(roots()), proxy: Some(proxy_setting) };
    let client = Client::with_options(Policy::new([]), options).expect("a client");
    let me = Identity::from_pem(CLIENT.0, CLIENT.1).expect("a pair");
    let target = Target::parse("https://carol.example/").expect("a target");
    let answer = client.send_to(&target, under(&me)).await.expect("an answer");
    assert_eq!((&answer.body_head[..], answer.address), (&b"hello"[..], Some(proxy)));
    assert!(answer.phases.tls.is_some());
}

#[test]
fn a_certificate_says_whose_it_is_and_when_it_ends() {
    let client = Certificate::first_of(CLIENT.0).expect("a certificate");
    let sha256 = "47fff8627b013ebe2c7385059258408456f833b7258bcb7dc14fba97cb495437";
    assert_eq!((client.subject.as_str(), client.sha256.as_str()), ("CN=tidings", sha256));
    assert_eq!(client.expires_at_s, 4_948_937_650);
    let expired = Certificate::first_of(EXPIRED.0).expect("a certificate");
    assert_eq!(expired.expires_at_s, 1_609_459_200);
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for near in [&b"hello"[..], CLIENT.1, broken] {
        assert!(matches!(Certificate::first_of(near), Err(InvalidPem::Certificate)));
    }
}

#[tokio::test]
async fn what_is_no_identity_is_told() {
    let wrong = |chain, key| Identity::from_pem(chain, key).expect_err("wrong");
    assert!(matches!(wrong(b"", CLIENT.1), InvalidPem::Certificate));
    assert!(matches!(wrong(CLIENT.1, CLIENT.1), InvalidPem::Certificate));
    assert!(matches!(wrong(CLIENT.0, b""), InvalidPem::Key));
    assert!(matches!(wrong(CLIENT.0, CLIENT.0), InvalidPem::Key));
    assert!(matches!(wrong(CLIENT.0, SERVER.1), InvalidPem::Pair { .. }));
    assert!(matches!(wrong(&[b'a'; 70_000], CLIENT.1), InvalidPem::TooLong));
    assert!(matches!(Roots::from_pem(b"hello"), Err(InvalidPem::Certificate)));
    assert!(!format!("{:?}", Identity::from_pem(CLIENT.0, CLIENT.1)).contains("PRIVATE"));
}
