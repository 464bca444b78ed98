//! A proxy between us and everybody else: the settings `outbound.proxy` and `outbound.no_proxy`.
//!
//! The guard stays on this side as far as it can. Names and addresses in a URL are judged as ever. A name is looked up here,
//! and refused if an address of it would be; a name that we cannot look up goes to the proxy, unless it is one of those
//! that mean something in our own network only. With `socks5://` the proxy is told the address that was checked, so nothing
//! moves. Proxies of HTTP and `socks5h://` are told the name, since their own rules go by names: that it leads where it led
//! a moment ago is theirs to see to.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use url::Url;

use crate::client::{ANSWER_HEAD_BYTES_MAX, NAME};
use crate::dial::Stream;
use crate::error::{FailKind, Fault};
use crate::socks;
use crate::target::Host;

/// The most entries of `outbound.no_proxy`: each is looked at for each connection.
pub const EXCEPTIONS_MAX: usize = 1_000;

/// A proxy of the operator's. A clone shares what it holds.
#[derive(Clone)]
pub struct Proxy {
    kind: ProxyKind,
    matcher: Arc<Matcher>,
}

/// How a proxy is spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// HTTP: `http://` plainly and `https://` over TLS; other servers are reached through a tunnel (CONNECT).
    Http { tls: bool },
    /// SOCKS 5 (RFC 1928), told addresses (`socks5://`) or names (`socks5h://`).
    Socks { by_name: bool },
}

/// The setting names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    /// It is not such a URL. Its text may hold a password, so it is not repeated.
    #[error(
        "must be http://host:port, https://host:port, socks5://host:port or socks5h://host:port, where needed with user:password@ before the host"
    )]
    Url,
    /// There are too many exceptions.
    #[error("must have at most {EXCEPTIONS_MAX} entries")]
    TooManyExceptions,
    /// An exception is not one.
    #[error("{0:?} is no name, address or network")]
    Exception(String),
}

impl Proxy {
    /// The proxy of a URL, `http`, `https`, `socks5` or `socks5h`, with user and password where it asks for them.
    /// `exceptions` are reached without it: names with all names below them, addresses and networks; `*` is everything.
    pub fn new(url: &str, exceptions: &[String]) -> Result<Self, InvalidProxy> {
        if exceptions.len() > EXCEPTIONS_MAX {
            return Err(InvalidProxy::TooManyExceptions);
        }
        let wrong =
            |text: &&String| text.is_empty() || text.contains([',', ':', ' ']) && !is_ipv6(text);
        if let Some(wrong) = exceptions.iter().find(wrong) {
            return Err(InvalidProxy::Exception(wrong.chars().take(253).collect()));
        }
        let read = Url::parse(url).map_err(|_| InvalidProxy::Url)?;
        let kind = match read.scheme() {
            "http" => ProxyKind::Http { tls: false },
            "https" => ProxyKind::Http { tls: true },
            "socks5" => ProxyKind::Socks { by_name: false },
            "socks5h" => ProxyKind::Socks { by_name: true },
            _ => return Err(InvalidProxy::Url),
        };
        if read.host().is_none() || !matches!(read.path(), "" | "/") || read.query().is_some() {
            return Err(InvalidProxy::Url);
        }
        let matcher = Matcher::builder().all(url).no(exceptions.join(",")).build();
        // The library says only by not matching that it cannot read a URL.
        let all = Matcher::builder().all(url).build();
        all.intercept(&Uri::from_static("http://host/")).ok_or(InvalidProxy::Url)?;
        Ok(Self { kind, matcher: Arc::new(matcher) })
    }

    /// The way through the proxy; `None` where it is not to be used.
    pub(crate) fn way_to(&self, uri: &Uri) -> Option<Through> {
        Some(Through { kind: self.kind, proxy: self.matcher.intercept(uri)? })
    }
}

impl fmt::Debug for Proxy {
    /// Without the URL: it can hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("kind", &self.kind).finish_non_exhaustive()
    }
}

fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

/// The way to one place, through the proxy.
pub(crate) struct Through {
    pub(crate) kind: ProxyKind,
    proxy: Intercept,
}

impl Through {
    /// Where the proxy is: `http` or `https`, so that the rest of us can connect to it.
    pub(crate) fn uri(&self) -> Result<Uri, Fault> {
        let wrong = || Fault::bare(FailKind::Proxy);
        let proxy = self.proxy.uri();
        let host = proxy.host().ok_or_else(wrong)?;
        let (scheme, usual_port) = match self.kind {
            ProxyKind::Http { tls: false } => ("http", 80),
            ProxyKind::Http { tls: true } => ("https", 443),
            // RFC 1928, 3.
            ProxyKind::Socks { .. } => ("http", 1080),
        };
        let port = proxy.port_u16().unwrap_or(usual_port);
        let uri = format!("{scheme}://{host}:{port}/");
        uri.try_into().map_err(|source: http::uri::InvalidUri| Fault::new(FailKind::Proxy, source))
    }

    /// Whether requests to this place are given to the proxy as they are, without a tunnel.
    pub(crate) fn takes_requests(&self, tls: bool) -> bool {
        matches!(self.kind, ProxyKind::Http { .. }) && !tls
    }

    /// What proves to a proxy of HTTP who we are.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.proxy.basic_auth()
    }

    /// Asks the proxy to lead a stream through to a host and port.
    pub(crate) async fn lead_to(
        &self,
        told: Host<'_>,
        port: u16,
        mut stream: Stream,
    ) -> Result<Stream, Fault> {
        match self.kind {
            ProxyKind::Http { .. } => {
                let place = match told {
                    Host::Name(name) => format!("{name}:{port}"),
                    Host::Address(address) => SocketAddr::new(address, port).to_string(),
                };
                tunnel(&place, self.authorization(), stream).await
            }
            ProxyKind::Socks { .. } => {
                socks::lead(&mut stream, self.proxy.raw_auth(), told, port).await?;
                Ok(stream)
            }
        }
    }
}

/// Has a proxy of HTTP open a tunnel (RFC 9110, 9.3.6).
async fn tunnel(
    place: &str,
    authorization: Option<&HeaderValue>,
    stream: Stream,
) -> Result<Stream, Fault> {
    let broke = |source: hyper::Error| Fault::new(FailKind::Proxy, source);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    let not_a_place = |source: http::Error| Fault::new(FailKind::Proxy, source);
    *request.uri_mut() = Uri::builder().authority(place).build().map_err(not_a_place)?;
    let host = HeaderValue::from_str(place).map_err(|source| not_a_place(source.into()))?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(USER_AGENT, NAME);
    if let Some(authorization) = authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
    }
    let mut http = http1::Builder::new();
    http.max_buf_size(ANSWER_HEAD_BYTES_MAX);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(broke)?;
    // It ends when the tunnel was handed over, or when the sender goes: then nobody waits for it.
    tokio::spawn(connection.with_upgrades());
    let answer = sender.send_request(request).await.map_err(broke)?;
    match answer.status() {
        status if status.is_success() => {
            let tunnel = hyper::upgrade::on(answer).await.map_err(broke)?;
            Ok(Box::new(TokioIo::new(tunnel)))
        }
        // The proxy says so of whom it should lead us to.
        status @ (StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT) => Err(Fault::new(FailKind::Connect, answered(status))),
        status => Err(Fault::new(FailKind::Proxy, answered(status))),
    }
}

/// What a proxy's own answer is called.
pub(crate) fn answered(status: StatusCode) -> String {
    format!("the proxy answered with status {}", status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(url: &str) -> InvalidProxy {
        Proxy::new(url, &[]).expect_err(url)
    }

    #[test]
    fn a_proxy_is_named_by_its_url() {
        for url in
            ["", "proxy:3128", "ftp://proxy/", "socks4://proxy", "http://", "http://proxy/path"]
        {
            assert_eq!(wrong(url), InvalidProxy::Url, "{url}");
        }
        let uri = |url: &str| {
            let proxy = Proxy::new(url, &[]).expect("a proxy");
            let through = proxy.way_to(&Uri::from_static("https://carol.example/")).expect("a way");
            through.uri().expect("it is somewhere").to_string()
        };
        assert_eq!(uri("http://proxy"), "http://proxy:80/");
        assert_eq!(uri("https://me:secret@proxy:3129"), "https://proxy:3129/");
        assert_eq!(uri("socks5://proxy"), "http://proxy:1080/");
        assert_eq!(uri("socks5h://[::1]:1081"), "http://[::1]:1081/");
    }

    #[test]
    fn exceptions_are_reached_without_it() {
        let exceptions = ["internal", "carol.example", "10.0.0.0/8", "fd00::/8"].map(String::from);
        let proxy = Proxy::new("http://proxy:3128", &exceptions).expect("a proxy");
        let direct = |uri: &'static str| proxy.way_to(&Uri::from_static(uri)).is_none();
        assert!(direct("https://carol.example/"));
        assert!(direct("https://www.carol.example/"));
        assert!(direct("http://crm.internal/"));
        assert!(direct("http://10.1.2.3:8080/"));
        assert!(direct("http://[fd00::1]/"));
        assert!(!direct("https://notcarol.example/"));
        assert!(!direct("http://8.8.8.8/"));
        let wrong = |entry: &str| Proxy::new("http://proxy", &[entry.to_owned()]).is_err();
        assert!(wrong("") && wrong("a,b") && wrong("carol.example:8080") && wrong("a b"));
        assert!(Proxy::new("http://proxy", &vec!["a".to_owned(); EXCEPTIONS_MAX + 1]).is_err());
    }

    #[test]
    fn a_proxy_shows_no_password() {
        let proxy = Proxy::new("http://me:SECRET@proxy", &[]).expect("a proxy");
        assert!(!format!("{proxy:?}").contains("SECRET"));
        assert!(!wrong("http://me:SECRET@proxy/path").to_string().contains("SECRET"));
    }
}
