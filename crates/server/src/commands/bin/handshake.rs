//! Handshakes: how a sender makes sure that an address wants its deliveries.
//!
//! | sender | asks | is answered |
//! | --- | --- | --- |
//! | CloudEvents ("HTTP 1.1 Web Hooks", 4.1) | `OPTIONS` with `WebHook-Request-Origin` | that origin and a rate in `WebHook-Allowed-…` |
//! | Meta (Graph API, "Verification Requests") | `GET ?hub.mode=subscribe&hub.challenge=…&hub.verify_token=…` | the challenge |
//! | Slack (Events API, `url_verification`) | `POST {"type": "url_verification", "challenge": …}` | the challenge |
//! | WotNot (Events, "Test your webhook") | `POST` with a token | the token |

use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use url::form_urlencoded;

const REQUEST_ORIGIN: &str = "webhook-request-origin";
const REQUEST_RATE: &str = "webhook-request-rate";
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// The longest challenge or token that is echoed, in bytes.
const ECHO_BYTES_MAX: usize = 4096;

/// A handshake that was recognised.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    /// The sender's name, and the rate that it asks for.
    CloudEvents { origin: HeaderValue, rate: Option<HeaderValue> },
    /// What is to be echoed, and the token that the sender shows.
    Meta { challenge: String, token: Option<String> },
    /// What is to be echoed.
    Slack { challenge: String },
    /// What is to be echoed.
    WotNot { token: String },
}

impl Handshake {
    /// Looks whether a request is one.
    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        if *method == Method::OPTIONS {
            let origin = headers.get(REQUEST_ORIGIN)?.clone();
            return Some(Self::CloudEvents { origin, rate: headers.get(REQUEST_RATE).cloned() });
        }
        if *method == Method::GET {
            let challenge = query(uri, "hub.challenge")?;
            return Some(Self::Meta { challenge, token: query(uri, "hub.verify_token") });
        }
        if *method != Method::POST {
            return None;
        }
        let body: Option<Value> = serde_json::from_slice(body).ok().filter(|_| !body.is_empty());
        match &body {
            Some(Value::Object(fields)) => {
                let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
                if text("type").as_deref() == Some("url_verification") {
                    return Some(Self::Slack { challenge: text("challenge")? });
                }
                // A delivery says more than a token.
                let is_only = fields.len() == 1;
                text("token").filter(|_| is_only).map(|token| Self::WotNot { token })
            }
            Some(_) => None,
            None => {
                let token = query(uri, "token").or_else(|| in_headers(headers))?;
                Some(Self::WotNot { token })
            }
        }
    }

    /// Its name, as it is shown.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::CloudEvents { .. } => "CloudEvents",
            Self::Meta { .. } => "Meta",
            Self::Slack { .. } => "Slack",
            Self::WotNot { .. } => "WotNot",
        }
    }

    /// The answer that consents. `token` is what the sender must know, where something was agreed on.
    pub(super) fn consent(self, token: Option<&str>) -> Response {
        let (shown, echo) = match self {
            Self::CloudEvents { origin, rate } => {
                let rate = rate.unwrap_or(HeaderValue::from_static("*"));
                let headers = [
                    (ALLOWED_ORIGIN, origin),
                    (ALLOWED_RATE, rate),
                    (ALLOW, HeaderValue::from_static("POST, OPTIONS")),
                ];
                return (StatusCode::OK, headers).into_response();
            }
            Self::Slack { challenge } => (None, challenge),
            Self::Meta { challenge, token } => (Some(token.unwrap_or_default()), challenge),
            Self::WotNot { token } => (Some(token.clone()), token),
        };
        let is_known = match (token, &shown) {
            (Some(token), Some(shown)) => token == shown,
            (None, _) | (_, None) => true,
        };
        if !is_known {
            return refusal("the token is another one");
        }
        if echo.len() > ECHO_BYTES_MAX {
            return refusal("the challenge is too long");
        }
        (StatusCode::OK, [(CONTENT_TYPE, "text/plain; charset=utf-8")], echo).into_response()
    }
}

/// An answer that does not consent.
pub(super) fn refusal(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

fn query(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// Where a token may travel beside the body.
fn in_headers(headers: &HeaderMap) -> Option<String> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let bearer = || header(AUTHORIZATION.as_str())?.strip_prefix("Bearer ");
    header("token").or_else(|| header("x-wotnot-token")).or_else(bearer).map(str::to_owned)
}
