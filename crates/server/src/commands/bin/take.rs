//! Taking a request: a handshake is answered, a delivery is verified, noted and answered as the receiver is told to.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tidings_model::{Clock, Timestamp};

use super::behavior::{Answer, Behavior, RetryAfterAs};
use super::delivery::{Delivery, delivers};
use super::handshake::{self, Handshake};
use super::look;
use super::receiver::{Peer, Receiver, Wire};
use crate::clock::SystemClock;

/// A request, with its whole body.
pub(super) struct Posted {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    wire: Wire,
    peer: Peer,
}

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (method, uri, headers) =
            (request.method().clone(), request.uri().clone(), request.headers().clone());
        let wire = request.extensions().get::<Wire>().cloned();
        let peer = request.extensions().get::<Peer>().copied();
        let (Some(wire), Some(peer)) = (wire, peer) else {
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        let body =
            Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { method, uri, headers, body, wire, peer })
    }
}

/// The page, for a browser; or a handshake at the first path.
pub(super) async fn first(State(receiver): State<Receiver>, posted: Posted) -> Response {
    if let Some(handshake) = handshake_of(&posted) {
        return shake_hands(&receiver, handshake, &posted).await;
    }
    if !receiver.may_look(posted.peer.0, &posted.headers) {
        return look::not_from_here();
    }
    tidings_api::pages::bin(posted.headers).await
}

/// Any other path is an address for deliveries.
pub(super) async fn take(State(receiver): State<Receiver>, posted: Posted) -> Response {
    accept(&receiver, posted, None).await
}

/// Under `/do/ANSWER?…` a delivery is answered as its address says, whatever the receiver does otherwise.
pub(super) async fn take_once(
    State(receiver): State<Receiver>,
    Path(path): Path<HashMap<String, String>>,
    posted: Posted,
) -> Response {
    let answer = path.get("answer").map(String::as_str).unwrap_or_default();
    match in_address(answer, &posted.uri) {
        Ok(behavior) => accept(&receiver, posted, Some(behavior)).await,
        Err(error) => look::wrong(StatusCode::NOT_FOUND, &error),
    }
}

/// The behavior that an address names: `/do/status?status=503`.
fn in_address(answer: &str, uri: &Uri) -> Result<Behavior, String> {
    let answer: Answer = serde_json::from_value(answer.into())
        .map_err(|error| format!("/do/{}: {error}", answer.escape_debug()))?;
    let Query(behavior) =
        Query::<Behavior>::try_from_uri(uri).map_err(|error| error.body_text())?;
    let Behavior { every, times, .. } = behavior;
    if (every, times) != (1, None) {
        return Err("every and times hold for many deliveries: say them by PUT /behave".into());
    }
    Behavior { answer, ..behavior }.checked()
}

fn handshake_of(posted: &Posted) -> Option<Handshake> {
    Handshake::of(&posted.method, &posted.uri, &posted.headers, &posted.body)
}

async fn accept(receiver: &Receiver, posted: Posted, said: Option<Behavior>) -> Response {
    if let Some(handshake) = handshake_of(&posted) {
        return shake_hands(receiver, handshake, &posted).await;
    }
    if !delivers(&posted.method) {
        return look::wrong(StatusCode::METHOD_NOT_ALLOWED, "deliveries come by POST");
    }
    let now = SystemClock.now();
    let Posted { uri, headers, body, wire, .. } = posted;
    let mut delivery = Delivery::read(now, &uri, &headers, &body, &receiver.secrets());
    let behavior = said.unwrap_or_else(|| receiver.next_behavior());
    let status = status_of(&behavior, delivery.signature_ok);
    delivery.answered = match status {
        Some(status) => status.as_u16().to_string(),
        None => behavior.answer.name(),
    };
    delivery.taken = status.is_some_and(|status| status.is_success());
    receiver.note(delivery).await;
    tokio::time::sleep(Duration::from_millis(behavior.delay_ms)).await;
    match status {
        Some(status) => answer(status, &behavior, &uri, now),
        None => hand_over(&wire, behavior).await,
    }
}

async fn shake_hands(receiver: &Receiver, handshake: Handshake, posted: &Posted) -> Response {
    let name = handshake.name();
    let response = if receiver.behavior().refuse_handshakes {
        handshake::refusal("handshakes are refused")
    } else {
        handshake.consent(receiver.token())
    };
    let Posted { uri, headers, body, .. } = posted;
    let mut delivery = Delivery::read(SystemClock.now(), uri, headers, body, &[]);
    delivery.handshake = Some(name);
    delivery.answered = response.status().as_u16().to_string();
    receiver.note(delivery).await;
    response
}

/// The status of an answer that is one of HTTP.
fn status_of(behavior: &Behavior, signature_ok: Option<bool>) -> Option<StatusCode> {
    let usual =
        if signature_ok == Some(false) { StatusCode::UNAUTHORIZED } else { StatusCode::NO_CONTENT };
    match behavior.answer {
        Answer::Status => Some(
            behavior.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(usual),
        ),
        Answer::Redirect => Some(StatusCode::TEMPORARY_REDIRECT),
        Answer::Hang
        | Answer::Close
        | Answer::Reset
        | Answer::DripHead
        | Answer::DripBody
        | Answer::Huge
        | Answer::Endless
        | Answer::GzipBomb
        | Answer::LongLength
        | Answer::ShortLength
        | Answer::BadChunk
        | Answer::BigHeaders
        | Answer::EarlyHints
        | Answer::Garbage => None,
    }
}

fn answer(status: StatusCode, behavior: &Behavior, uri: &Uri, now: Timestamp) -> Response {
    let mut response = status.into_response();
    let mut header = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    };
    if behavior.answer == Answer::Redirect {
        header(LOCATION, uri.to_string());
    }
    if let Some(seconds) = behavior.retry_after_s {
        header(RETRY_AFTER, retry_after(seconds, behavior.retry_after_as, now));
    }
    response
}

fn retry_after(seconds: u32, form: RetryAfterAs, now: Timestamp) -> String {
    match form {
        RetryAfterAs::Seconds => seconds.to_string(),
        RetryAfterAs::Date => {
            let then = now.as_second().saturating_add(i64::from(seconds));
            let then = Timestamp::from_second(then).unwrap_or(Timestamp::MAX);
            // IMF-fixdate: RFC 9110, section 5.6.7.
            then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
    }
}

/// Gives the connection away; what this would answer, nobody sends.
async fn hand_over(wire: &Wire, behavior: Behavior) -> Response {
    drop(wire.0.send(behavior).await);
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_one_of_http() {
        let now = Timestamp::from_second(784_111_777).expect("a time");
        assert_eq!(retry_after(0, RetryAfterAs::Date, now), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(retry_after(5, RetryAfterAs::Seconds, now), "5");
    }
}
