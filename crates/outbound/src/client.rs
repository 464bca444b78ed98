//! The client. Made once per policy and shared: it keeps connections open for the next call.
//!
//! What it promises for every call: the address that was checked is the one that is connected to; no redirect is
//! followed and no proxy is used but that of the settings; one deadline lies over the whole call and one limit over the
//! answer's bytes, so no other side can hold us. It never tries a call again by itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, PROXY_AUTHORIZATION, USER_AGENT};
use http::uri::Scheme;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Response, StatusCode,
};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Serialize;

use crate::body::Reading;
use crate::course::Course;
use crate::dial::{Dialer, Ways};
use crate::error::{FailKind, Fault, Refused, RefusedRule, SendError, Unbuildable};
use crate::identities::Identities;
use crate::policy::Policy;
use crate::proxy::{Proxy, answered};
use crate::request::{Answer, Call, Request};
use crate::resolve::{Lookup, system_lookup};
use crate::target::{Place, Target};
use crate::tls::{Identity, Roots, Tls};

/// How long one connection may take to come about, TLS included. A call that was given up leaves its attempt behind;
/// this ends it. Longer than three lost packets in a row (1 + 2 + 4 s).
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Idle connections kept to one host: as many as a node has deliveries under way to receivers that take them, which may all
/// be at one host, so that none of theirs is closed in a short lull, only to be made again.
pub const IDLE_PER_HOST_MAX: usize = 1_024;

/// How long an idle connection is kept: less than common servers do (nginx 75 s, AWS 60 s), so that we close first.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// The most headers of an answer: what the HTTP library takes by default, written down so that it stays.
pub const ANSWER_HEADERS_MAX: usize = 100;

/// The most bytes of an answer's head: eight times what common servers write at most (nginx, Apache: 8 KiB).
pub const ANSWER_HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long nothing may come over a connection of HTTP/2 on which an answer is waited for, before it is asked whether it
/// still lives. Without, calls would go on to be sent over a dead one, each until its deadline.
pub const PING_AFTER: Duration = Duration::from_secs(20);

/// How long a connection of HTTP/2 may take to say that it lives.
pub const PING_TIME_MAX: Duration = Duration::from_secs(10);

/// The name that we give to other servers.
pub(crate) const NAME: HeaderValue =
    HeaderValue::from_static(concat!("Tidings/", env!("CARGO_PKG_VERSION")));

/// Headers that belong to the connection: a caller who sets them could smuggle a second request.
const OWN_HEADERS: [&str; 10] = [
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "proxy-authorization",
    "proxy-connection",
];

/// The body of a request: bytes, or pieces as they come.
pub(crate) type Outgoing = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// Connections that are kept, and the making of new ones.
pub(crate) type Pool = legacy::Client<Dialer, Outgoing>;

/// By which ways a client goes; the default is the straight one.
pub struct Options {
    /// Who finds the addresses of names.
    pub lookup: Lookup,
    /// Through whom calls go.
    pub proxy: Option<Proxy>,
    /// Who is trusted beside the machine's authorities.
    pub roots: Option<Roots>,
}

impl Default for Options {
    fn default() -> Self {
        Self { lookup: system_lookup(), proxy: None, roots: None }
    }
}

/// The way out. A clone shares the connections.
#[derive(Clone)]
pub struct Client {
    ways: Arc<Ways>,
    tls: Arc<Tls>,
    /// For calls under nobody's identity.
    pool: Pool,
    identities: Arc<Identities>,
}

impl Client {
    /// A client that keeps to a policy. Made once, at the start.
    pub fn new(policy: Policy) -> Result<Self, Unbuildable> {
        Self::with_lookup(policy, system_lookup())
    }

    /// For addresses from the operator's own settings (a channel's `api_base`, a proxy beside us): any network is
    /// reached, all other limits stay.
    pub fn for_settings() -> Result<Self, Unbuildable> {
        Self::new(Policy::trusted())
    }

    /// As [`Client::new`], with names resolved by `lookup`.
    pub fn with_lookup(policy: Policy, lookup: Lookup) -> Result<Self, Unbuildable> {
        Self::with_options(policy, Options { lookup, ..Options::default() })
    }

    /// As [`Client::new`], by other ways.
    pub fn with_options(policy: Policy, options: Options) -> Result<Self, Unbuildable> {
        let Options { lookup, proxy, roots } = options;
        let tls = Tls::new(roots)?;
        let mut proxy_tls = tls.config(None)?;
        proxy_tls.alpn_protocols.clear();
        let proxy_tls = Arc::new(proxy_tls);
        let ways = Arc::new(Ways { policy, lookup, proxy, proxy_tls });
        let config = Arc::new(tls.config(None)?);
        let pool = pool(Dialer { ways: Arc::clone(&ways), tls: config });
        Ok(Self { ways, tls: Arc::new(tls), pool, identities: Arc::default() })
    }

    /// Whether a URL could be called, as far as that can be said without resolving its name: for the moment when
    /// somebody enters it.
    pub fn check(&self, url: &str) -> Result<(), Refused> {
        self.check_target(&Target::parse(url)?)
    }

    /// Whether calls to a target go through a proxy: the address of an answer is the proxy's then.
    pub fn goes_by_proxy(&self, target: &Target) -> bool {
        self.ways.proxy.as_ref().is_some_and(|proxy| proxy.way_to(target.uri()).is_some())
    }

    /// Makes one call. An answer of any status is `Ok`; a body longer than asked for is cut, and says so.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let Request { method, url, headers, body, deadline, answer_bytes_max } = request;
        let target = Target::parse(url)?;
        let identity = None;
        let call = Call { method, headers, body, deadline, answer_bytes_max, identity };
        self.send_to(&target, call).await
    }

    /// As [`Client::send`], to an address that was read before.
    pub async fn send_to(&self, target: &Target, call: Call) -> Result<Answer, SendError> {
        let Call { method, headers, body, deadline, answer_bytes_max, identity } = call;
        let request = self.request(target, method, headers, Either::Left(Full::new(body)))?;
        let course = Course::begin();
        within(&course, deadline, async {
            let (parts, mut body) =
                Reading::open(self.exchange_as(identity.as_ref(), &course, request).await?);
            let (body_head, truncated) = body.head(answer_bytes_max).await?;
            Ok(course.answer(parts, body_head, truncated))
        })
        .await
    }

    /// Posts JSON and reads an answer that the caller wants whole: a longer one is `answer_too_large`.
    ///
    /// For a long poll give a deadline that is longer than the poll's own time.
    pub async fn post_json<T: Serialize + ?Sized>(
        &self,
        url: &str,
        value: &T,
        deadline: Duration,
        answer_bytes_max: usize,
    ) -> Result<Answer, PostError> {
        let body = serde_json::to_vec(value).map_err(|source| PostError::Unwritable { source })?;
        let target = Target::parse(url).map_err(|refused| PostError::Send(refused.into()))?;
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = Either::Left(Full::new(body.into()));
        let request =
            self.request(&target, Method::POST, headers, body).map_err(PostError::Send)?;
        let course = Course::begin();
        let whole = async {
            let (parts, mut body) = Reading::open(self.exchange(&course, request).await?);
            let (body_head, truncated) = body.head(answer_bytes_max).await?;
            if truncated {
                return Err(Fault::bare(FailKind::AnswerTooLarge));
            }
            Ok(course.answer(parts, body_head, false))
        };
        within(&course, deadline, whole).await.map_err(PostError::Send)
    }

    /// A request that the policy lets out.
    pub(crate) fn request(
        &self,
        target: &Target,
        method: Method,
        mut headers: HeaderMap,
        body: Outgoing,
    ) -> Result<HttpRequest<Outgoing>, SendError> {
        self.check_target(target)?;
        let own = |name: &HeaderName| OWN_HEADERS.into_iter().find(|own| name == *own);
        if let Some(own) = headers.keys().find_map(own) {
            return Err(Refused::new(RefusedRule::Header(own)).into());
        }
        add_usual_headers(&mut headers);
        let mut request = HttpRequest::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = target.uri().clone();
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Sends, and gives the answer before its body was read. The caller holds the deadline.
    pub(crate) async fn exchange(
        &self,
        course: &Course,
        request: HttpRequest<Outgoing>,
    ) -> Result<Response<Incoming>, Fault> {
        self.exchange_as(None, course, request).await
    }

    async fn exchange_as(
        &self,
        identity: Option<&Identity>,
        course: &Course,
        mut request: HttpRequest<Outgoing>,
    ) -> Result<Response<Incoming>, Fault> {
        let by_proxy = self.introduce_to_proxy(&mut request);
        course.watch(&mut request);
        let response = match identity {
            None => self.pool.request(request),
            Some(identity) => {
                let pool = self.identities.pool(identity, &self.tls, &self.ways);
                pool.map_err(|source| Fault::new(FailKind::Tls, source))?.request(request)
            }
        };
        let response = response.await.map_err(Fault::of_exchange)?;
        course.answered();
        // No other server may answer so (RFC 9110, 15.5.8).
        if by_proxy && response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(Fault::new(FailKind::Proxy, answered(response.status())));
        }
        Ok(response)
    }

    /// Tells a proxy who we are, where it takes the request as it is; and whether it does.
    fn introduce_to_proxy(&self, request: &mut HttpRequest<Outgoing>) -> bool {
        let uri = request.uri();
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        let through = self.ways.proxy.as_ref().filter(|_| !tls).and_then(|proxy| proxy.way_to(uri));
        let Some(through) = through.filter(|through| through.takes_requests(tls)) else {
            return false;
        };
        if let Some(authorization) = through.authorization() {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        true
    }

    fn check_target(&self, target: &Target) -> Result<(), Refused> {
        self.ways.policy.check_place(Place::of(target.uri())?).map(|_| ())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("policy", &self.ways.policy).finish_non_exhaustive()
    }
}

/// What goes out with each request, unless its caller says otherwise. Those of the connection come beside: `host` and
/// `content-length`.
pub fn add_usual_headers(headers: &mut HeaderMap) {
    headers.entry(USER_AGENT).or_insert(NAME);
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
}

/// Runs a part of a call within its deadline; what goes wrong tells how far the call came.
pub(crate) async fn within<T>(
    course: &Course,
    deadline: Duration,
    call: impl Future<Output = Result<T, Fault>>,
) -> Result<T, SendError> {
    match course.run(tokio::time::timeout(deadline, call)).await {
        Ok(result) => result.map_err(|fault| course.failed(fault)),
        Err(_elapsed) => Err(course.failed(Fault::bare(FailKind::TimedOut))),
    }
}

/// A JSON value was not posted, or not answered.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The value cannot be written as JSON.
    #[error("the body of the call cannot be written as JSON")]
    Unwritable {
        /// Why.
        source: serde_json::Error,
    },
    /// There was no answer of use.
    #[error(transparent)]
    Send(SendError),
}

/// A pool with our limits.
pub(crate) fn pool(dialer: Dialer) -> Pool {
    legacy::Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http1_max_headers(ANSWER_HEADERS_MAX)
        .http1_max_buf_size(ANSWER_HEAD_BYTES_MAX)
        .http2_max_header_list_size(ANSWER_HEAD_BYTES_MAX as u32)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_TIME_MAX)
        .build(dialer)
}
