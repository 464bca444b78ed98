//! What goes around every request: its id, limits, time, panics, headers, log and figures. One layer, so that a request
//! pays for it once.
//!
//! Logs and figures name the route, never the address: that may hold ids, tokens and signatures.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use tracing::Instrument;

use crate::address;
use crate::body;
use crate::livechat;
use crate::problem::{Code, Problem};
use crate::state::Api;

/// The request's id, in the answer and in the log.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that we take over from a caller, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// Pages use what this server gives them, and are shown inside pages of this server only. Pictures may come from
/// elsewhere: a bot's cards show them by their address.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' https: data:; frame-ancestors 'self'",
);

/// The route of a request that none takes.
const NO_ROUTE: &str = "none";

pub(crate) async fn around(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    address::note(&api.proxies, &mut request);
    let began = Instant::now();
    let id = request_id(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let template = || route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        method = %method,
        route = template(),
        request.id = id.to_str().unwrap_or_default(),
    );
    let mut response = limited(&api, request, next).instrument(span.clone()).await;
    add_headers(response.headers_mut(), id);
    let status = response.status();
    let elapsed = began.elapsed();
    span.in_scope(|| {
        tracing::debug!(status = status.as_u16(), duration_us = elapsed.as_micros(), "answered")
    });
    let class = match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    let template = template().to_owned();
    metrics::counter!("tidings_http_requests_total", "route" => template.clone(), "class" => class)
        .increment(1);
    metrics::histogram!("tidings_http_request_seconds", "route" => template)
        .record(elapsed.as_secs_f64());
    response
}

async fn limited(api: &Api, request: Request, next: Next) -> Response {
    let time_max = if livechat::is_upload(request.uri().path()) {
        api.limits.upload_timeout
    } else {
        api.limits.request_timeout
    };
    let handled = AssertUnwindSafe(admitted(api, request, next)).catch_unwind();
    match tokio::time::timeout(time_max, handled).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(problem))) => problem.into_response(),
        Ok(Err(_panic)) => {
            // The panic itself was told by the panic hook, with its place.
            tracing::error!("a handler failed by a panic");
            Problem::new(Code::Internal, "the server could not do this").into_response()
        }
        Err(_elapsed) => {
            let seconds = time_max.as_secs();
            Problem::new(Code::RequestTimedOut, format!("the request took longer than {seconds} s"))
                .into_response()
        }
    }
}

async fn admitted(api: &Api, request: Request, next: Next) -> Result<Response, Problem> {
    let request = body::with_short_body(request).await?;
    if let Some(address) = address::address(request.extensions()) {
        api.by_address.take(address)?;
    }
    let _permit = api
        .in_flight
        .try_acquire()
        .map_err(|_| Problem::new(Code::Overloaded, "too many requests are in hand").after(1))?;
    Ok(next.run(request).await)
}

fn add_headers(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(X_REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(PAGE_POLICY);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The caller's id for the request, if it is short and harmless, or one of ours.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let harmless = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
        (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(good)
    };
    headers.get(X_REQUEST_ID).filter(harmless).cloned().unwrap_or_else(new_request_id)
}

/// Ids only tell requests of a log apart, so a counter with a mark of this process will do.
fn new_request_id() -> HeaderValue {
    use std::hash::BuildHasher;
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| std::hash::RandomState::new().hash_one("tidings") >> 32);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{process:08x}-{count:x}"))
        .expect("hex digits are good in a header")
}
