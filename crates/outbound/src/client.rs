//! The client. Made once per policy and shared: it keeps connections open for the next call.
//!
//! What it promises for every call: the address that was checked is the one that is connected to; no redirect is
//! followed and no proxy of the environment is used; one deadline lies over the whole call and one limit over the
//! answer's bytes, so no other side can hold us. It never tries a call again by itself.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde::Serialize;
use tokio::time::Instant;
use url::Url;

use crate::error::{FailKind, Refused, RefusedRule, SendError, Unbuildable, of_exchange};
use crate::policy::{NameTrust, Policy};
use crate::request::{Answer, Request, URL_BYTES_MAX};
use crate::resolve::{Guarded, Lookup, system_lookup};

/// How long one connection may take to come about, TLS included. A call that was given up leaves its attempt behind;
/// this ends it. Longer than three lost packets in a row (1 + 2 + 4 s).
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Idle connections kept to one host: as many as a busy endpoint has deliveries under way.
pub const IDLE_PER_HOST_MAX: usize = 32;

/// How long an idle connection is kept: less than common servers do (nginx 75 s, AWS 60 s), so that we close first.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// The most headers of an answer: what the HTTP library takes by default, written down so that it stays.
pub const ANSWER_HEADERS_MAX: usize = 100;

/// The most bytes of an answer's headers over HTTP/2: the default of the HTTP library.
pub const ANSWER_HEADER_BYTES_MAX: u32 = 16 * 1024;

/// How much room for an answer's body is made before its length is known: most answers to a webhook are shorter.
const ANSWER_ROOM_BYTES: usize = 1_024;

/// The name that we give to other servers.
const USER_AGENT: &str = concat!("Tidings/", env!("CARGO_PKG_VERSION"));

/// Headers that belong to the connection: a caller who sets them could smuggle a second request.
const OWN_HEADERS: [&str; 8] = [
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
];

/// The way out. A clone shares the connections.
#[derive(Clone)]
pub struct Client {
    policy: Policy,
    /// Checks every address of a name.
    checked: reqwest::Client,
    /// For hosts that a rule allows by name. Apart, since a resolver sees the name only and not the port: a connection
    /// to an allowed `crm.internal:8080` must not open the way to its other ports.
    trusted: reqwest::Client,
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
        let guarded =
            |trust| Guarded { lookup: Lookup::clone(&lookup), policy: policy.clone(), trust };
        let checked = connections(guarded(NameTrust::Checked))?;
        let trusted = connections(guarded(NameTrust::Trusted))?;
        Ok(Self { policy, checked, trusted })
    }

    /// Whether a URL could be called, as far as that can be said without resolving its name: for the moment when
    /// somebody enters it.
    pub fn check(&self, url: &str) -> Result<(), Refused> {
        self.target(url).map(|_| ())
    }

    /// Makes one call. An answer of any status is `Ok`; a body longer than asked for is cut, and says so.
    pub async fn send(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let started = Instant::now();
        let Request { method, url, headers, body, deadline, answer_bytes_max } = request;
        let whole = async {
            let mut response = self.exchange(method, url, headers, body).await?;
            let (body_head, truncated) = read_head(&mut response, answer_bytes_max).await?;
            Ok(Answer {
                status: response.status(),
                headers: std::mem::take(response.headers_mut()),
                body_head,
                truncated,
                duration: started.elapsed(),
                address: response.remote_addr(),
            })
        };
        match tokio::time::timeout(deadline, whole).await {
            Ok(result) => result,
            Err(_elapsed) => Err(SendError::failed(FailKind::TimedOut)),
        }
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
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Request {
            method: Method::POST,
            url,
            headers,
            body: body.into(),
            deadline,
            answer_bytes_max,
        };
        let answer = self.send(request).await.map_err(PostError::Send)?;
        if answer.truncated {
            return Err(PostError::Send(SendError::failed(FailKind::AnswerTooLarge)));
        }
        Ok(answer)
    }

    /// Sends, and gives the answer before its body was read. The caller holds the deadline.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<reqwest::Response, SendError> {
        let mut request = self.request(method, url, headers)?;
        if !body.is_empty() {
            *request.parts.body_mut() = Some(body.into());
        }
        request.send().await
    }

    /// A request that the policy lets out, without a body yet.
    pub(crate) fn request(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<Ready<'_>, SendError> {
        let (url, trust) = self.target(url)?;
        if let Some(own) = OWN_HEADERS.into_iter().find(|name| headers.contains_key(*name)) {
            return Err(Refused::new(RefusedRule::Header(own)).into());
        }
        let connections = match trust {
            NameTrust::Checked => &self.checked,
            NameTrust::Trusted => &self.trusted,
        };
        let mut parts = reqwest::Request::new(method, url);
        *parts.headers_mut() = headers;
        Ok(Ready { connections, parts })
    }

    fn target(&self, url: &str) -> Result<(Url, NameTrust), Refused> {
        if url.len() > URL_BYTES_MAX {
            return Err(Refused::new(RefusedRule::NotAUrl));
        }
        let url = Url::parse(url).map_err(|_| Refused::new(RefusedRule::NotAUrl))?;
        let trust = self.policy.check_url(&url)?;
        Ok((url, trust))
    }
}

/// A request that may go out.
pub(crate) struct Ready<'a> {
    connections: &'a reqwest::Client,
    pub(crate) parts: reqwest::Request,
}

impl Ready<'_> {
    pub(crate) async fn send(self) -> Result<reqwest::Response, SendError> {
        self.connections.execute(self.parts).await.map_err(of_exchange)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("policy", &self.policy).finish_non_exhaustive()
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

#[expect(
    clippy::disallowed_methods,
    reason = "this is the guard that everything else goes through"
)]
fn connections(resolver: Guarded) -> Result<reqwest::Client, Unbuildable> {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .dns_resolver(resolver)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIME_MAX)
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .http1_max_headers(ANSWER_HEADERS_MAX)
        .http2_max_header_list_size(ANSWER_HEADER_BYTES_MAX)
        .build()
        .map_err(|source| Unbuildable { source })
}

/// Reads at most `bytes_max` bytes of a body; says whether there were more.
pub(crate) async fn read_head(
    response: &mut reqwest::Response,
    bytes_max: usize,
) -> Result<(Bytes, bool), SendError> {
    let Some(first) = response.chunk().await.map_err(of_exchange)? else {
        return Ok((Bytes::new(), false));
    };
    if first.len() > bytes_max {
        return Ok((first.slice(..bytes_max), true));
    }
    // Most answers are one piece, which is handed on without a copy.
    let Some(second) = response.chunk().await.map_err(of_exchange)? else {
        return Ok((first, false));
    };

    let mut head =
        BytesMut::with_capacity(bytes_max.min(ANSWER_ROOM_BYTES.max(first.len() + second.len())));
    head.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(piece) = next {
        let room = bytes_max - head.len();
        if piece.len() > room {
            head.extend_from_slice(&piece.slice(..room));
            return Ok((head.freeze(), true));
        }
        head.extend_from_slice(&piece);
        next = response.chunk().await.map_err(of_exchange)?;
    }
    Ok((head.freeze(), false))
}
