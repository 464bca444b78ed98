//! The connector: from a host and a port to a connection, for the HTTP library's pool.
//!
//! Everything that the policy says is looked at here, each time, whoever asks: the host, its port, and each address just
//! before it is connected to. The library takes only connections that came out of here, so no call gets around it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::client::CONNECT_TIME_MAX;
use crate::course::{Dial, MadeBy};
use crate::error::{FailKind, Fault};
use crate::phases::Phase;
use crate::policy::{NameTrust, Policy};
use crate::proxy::{Proxy, ProxyKind, Through};
use crate::resolve::{Lookup, allowed_addresses, check_name};
use crate::target::{Host, Place};

/// Makes the connections of one pool.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub(crate) ways: Arc<Ways>,
    pub(crate) tls: Arc<ClientConfig>,
}

/// By which ways connections go; the same for all pools of a client.
pub(crate) struct Ways {
    pub(crate) policy: Policy,
    pub(crate) lookup: Lookup,
    pub(crate) proxy: Option<Proxy>,
    /// For a proxy that is spoken with over TLS: nobody's identity, and HTTP/1.1 only.
    pub(crate) proxy_tls: Arc<ClientConfig>,
}

impl Service<Uri> for Dialer {
    type Response = Dialed;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Dialed, Fault>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        let dial = Dial::of_this_call();
        Box::pin(async move {
            dial.begin();
            let connecting = dialer.connect(&uri, Arc::clone(&dial));
            match tokio::time::timeout(CONNECT_TIME_MAX, connecting).await {
                Ok(result) => result,
                Err(_elapsed) => Err(Fault::bare(FailKind::TimedOut)),
            }
        })
    }
}

impl Dialer {
    async fn connect(&self, uri: &Uri, dial: Arc<Dial>) -> Result<Dialed, Fault> {
        let place = Place::of(uri)?;
        let trust = self.ways.policy.check_place(place)?;
        let through = self.ways.proxy.as_ref().and_then(|proxy| proxy.way_to(uri));
        let for_proxy = through.as_ref().is_some_and(|through| through.takes_requests(place.tls));
        let stream: Stream = match through {
            None => {
                let addresses = self.ways.addresses(place.host, trust, &dial).await?;
                dial.enter(Phase::Connect);
                let stream = connect_tcp(uri, addresses).await?;
                dial.reached(stream.peer_addr().ok());
                Box::new(stream)
            }
            Some(through) => self.connect_through(&through, place, trust, &dial).await?,
        };
        let (stream, h2) = if place.tls {
            dial.enter(Phase::Tls);
            handshake(&self.tls, place.host, stream).await?
        } else {
            (stream, false)
        };
        dial.ready();
        Ok(Dialed { stream: TokioIo::new(stream), by: MadeBy(dial), h2, for_proxy })
    }

    /// Judges the place as far as that can be done here, connects to the proxy, and has it lead us through.
    async fn connect_through(
        &self,
        through: &Through,
        place: Place<'_>,
        trust: NameTrust,
        dial: &Dial,
    ) -> Result<Stream, Fault> {
        let told = match (through.kind, place.host) {
            (ProxyKind::Socks { by_name: false }, host) => {
                let addresses = self.ways.addresses(host, trust, dial).await?;
                let address = addresses.first().ok_or_else(|| Fault::bare(FailKind::Dns))?;
                Host::Address(*address)
            }
            (ProxyKind::Http { .. } | ProxyKind::Socks { by_name: true }, Host::Name(name)) => {
                dial.enter(Phase::Dns);
                check_name(&self.ways.lookup, name, &self.ways.policy, trust).await?;
                place.host
            }
            (_, address @ Host::Address(_)) => address,
        };
        let stream = self.connect_to_proxy(&through.uri()?, dial).await.map_err(Fault::of_proxy)?;
        if through.takes_requests(place.tls) {
            return Ok(stream);
        }
        through.lead_to(told, place.port, stream).await
    }

    async fn connect_to_proxy(&self, uri: &Uri, dial: &Dial) -> Result<Stream, Fault> {
        let place = Place::of(uri)?;
        // The operator named it.
        let addresses = self.ways.addresses(place.host, NameTrust::Trusted, dial).await?;
        dial.enter(Phase::Connect);
        let stream = connect_tcp(uri, addresses).await?;
        dial.reached(stream.peer_addr().ok());
        if !place.tls {
            return Ok(Box::new(stream));
        }
        let (stream, _) = handshake(&self.ways.proxy_tls, place.host, Box::new(stream)).await?;
        Ok(stream)
    }
}

impl Ways {
    /// The addresses of a host that may be connected to.
    async fn addresses(
        &self,
        host: Host<'_>,
        trust: NameTrust,
        dial: &Dial,
    ) -> Result<Vec<IpAddr>, Fault> {
        match host {
            // It was judged with its place.
            Host::Address(address) => Ok(vec![address]),
            Host::Name(name) => {
                dial.enter(Phase::Dns);
                allowed_addresses(&self.lookup, name, &self.policy, trust).await
            }
        }
    }
}

/// Connects to the first address that answers: one family goes a little ahead of the other (RFC 8305), by the library.
async fn connect_tcp(uri: &Uri, addresses: Vec<IpAddr>) -> Result<TcpStream, Fault> {
    let mut connector = HttpConnector::new_with_resolver(Known(addresses));
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIME_MAX));
    let connected = connector.call(uri.clone()).await;
    connected.map(TokioIo::into_inner).map_err(|source| Fault::new(FailKind::Connect, source))
}

/// Speaks TLS over a stream; says whether HTTP/2 was agreed on.
async fn handshake(
    config: &Arc<ClientConfig>,
    host: Host<'_>,
    stream: Stream,
) -> Result<(Stream, bool), Fault> {
    let name = ServerName::try_from(host.plain());
    let name = name.map_err(|source| Fault::new(FailKind::Tls, source))?;
    let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    let stream = connected.map_err(|source| Fault::new(FailKind::Tls, source))?;
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Box::new(stream), h2))
}

/// The resolver that the library's connector asks: the addresses that were checked, and no others.
#[derive(Clone)]
struct Known(Vec<IpAddr>);

impl Service<Name> for Known {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        // The port of the URL takes the place of the zero.
        let addresses = self.0.iter().map(|address| SocketAddr::new(*address, 0));
        ready(Ok(addresses.collect::<Vec<_>>().into_iter()))
    }
}

/// Bytes to and fro, whatever is below.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(crate) type Stream = Box<dyn Duplex>;

/// A connection that may be used.
pub(crate) struct Dialed {
    stream: TokioIo<Stream>,
    by: MadeBy,
    h2: bool,
    /// Requests are written in the form that a proxy of HTTP takes.
    for_proxy: bool,
}

impl Connection for Dialed {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.by.clone()).proxy(self.for_proxy);
        if self.h2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Dialed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl Write for Dialed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }
}
