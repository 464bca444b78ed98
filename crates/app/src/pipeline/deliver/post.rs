//! One try: what goes out, and what the answer means.
//!
//! Every try of a delivery sends the same: the body is made of the event's fixed bytes, or, where it is made of more (a
//! webhook of the Chat API, WotNot's form), was decided and written down before the first. The event's id goes out as
//! `webhook-id`, so a receiver that got it twice can tell.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::fmt::rfc2822;
use tidings_model::delivery::Skipped;
use tidings_model::{Attempt, Delivery, Endpoint, Event, EventId, Timestamp};
use tidings_outbound::{Answer, Call, SendError, Target};
use tidings_wire::standard_webhooks::{ID_HEADER, MessageId, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use uuid::Uuid;

use super::attempt;
use super::auth::NoToken;
use super::body::{self, NoBody};
use super::consent::name_sender;
use super::prepared::{Unready, Way};
use super::publish;
use crate::App;
use crate::directory::Subscriber;
use crate::pipeline::tries::Outcome;

/// How much of a receiver's answer is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 2_048;

const ID: HeaderName = HeaderName::from_static(ID_HEADER);
const TIMESTAMP: HeaderName = HeaderName::from_static(TIMESTAMP_HEADER);
const SIGNATURE: HeaderName = HeaderName::from_static(SIGNATURE_HEADER);

/// Says how many events of the chat were given up right before, and which was the last (an item of RFC 9651).
const SKIPPED_HEADER: HeaderName = HeaderName::from_static("webhook-skipped");

/// What the ids of requests with several events are made in.
const TOGETHER: Uuid = Uuid::from_u128(0x5d3f_1d0a_7c64_4e0b_9a53_2f6b_c1e8_0d47);

/// How we name ourselves to others.
const USER_AGENT: &str = concat!("Tidings/", env!("CARGO_PKG_VERSION"));

/// How a try went.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    pub(super) attempt: Attempt,
    pub(super) outcome: Outcome,
}

/// Tries once.
pub(super) async fn post(
    app: &App,
    subscriber: &Subscriber,
    event: &Event,
    delivery: &Delivery,
) -> Tried {
    let at = app.now();
    match call(app, subscriber, event, delivery, at) {
        Ok((Way::Post(target), call)) => send(app, subscriber, at, target, call).await,
        Ok((Way::Publish { broker, to }, call)) => {
            let began = Instant::now();
            let parcel = publish::parcel(event, delivery, to, &call);
            let result = publish::publish(app, broker, to, parcel, call.deadline).await;
            publish::judge(attempt_since(began, at), result)
        }
        Err(not_sent) => not_sent.tried(at),
    }
}

/// Tries several events in one request.
pub(super) async fn post_together(app: &App, subscriber: &Subscriber, events: &[&Event]) -> Tried {
    let at = app.now();
    match call_together(app, subscriber, events, at) {
        Ok((target, call)) => send(app, subscriber, at, target, call).await,
        Err(not_sent) => not_sent.tried(at),
    }
}

async fn send(
    app: &App,
    subscriber: &Subscriber,
    at: Timestamp,
    target: &Target,
    mut call: Call,
) -> Tried {
    let authorization = match authorization(app, subscriber).await {
        Ok(authorization) => authorization,
        Err(not_sent) => return not_sent.tried(at),
    };
    call.headers.extend(authorization.clone().map(|token| (header::AUTHORIZATION, token)));
    let began = Instant::now();
    let result = app.guarded.send_to(target, call).await;
    if let (Ok(prepared), Some(token), Ok(answer)) = (&subscriber.prepared, &authorization, &result)
        && answer.status == StatusCode::UNAUTHORIZED
    {
        prepared.forget_token(token).await;
    }
    let mut tried = judge(attempt_since(began, at), result);
    if app.guarded.goes_by_proxy(target) {
        // Where the proxy is, is the operator's business.
        tried.attempt.ip = None;
    }
    tried
}

fn attempt_since(began: Instant, at: Timestamp) -> Attempt {
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Attempt { duration_ms, ..Attempt::at(at) }
}

/// The header with an access token, if the endpoint is to have one.
async fn authorization(app: &App, subscriber: &Subscriber) -> Result<Option<HeaderValue>, NotSent> {
    let prepared = subscriber.prepared.as_ref()?;
    Ok(prepared.authorization(app, deadline(app, &subscriber.endpoint.value)).await?)
}

/// How long a delivery may take.
fn deadline(app: &App, endpoint: &Endpoint) -> Duration {
    endpoint.deadline_ms.map_or(app.settings.delivery_deadline, Duration::from_millis)
}

/// Nothing went out.
pub(super) struct NotSent {
    pub(super) why: String,
    outcome: Outcome,
}

impl NotSent {
    fn tried(self, at: Timestamp) -> Tried {
        let code = Some(attempt::NOT_SENT.to_owned());
        let attempt = Attempt { code, error: Some(self.why), ..Attempt::at(at) };
        Tried { attempt, outcome: self.outcome }
    }
}

impl From<&Unready> for NotSent {
    /// What a person can mend is tried again.
    fn from(unready: &Unready) -> Self {
        let outcome = match unready {
            Unready::Sealed
            | Unready::NoAddress
            | Unready::WrongTemplate
            | Unready::WrongCertificate => Outcome::Again,
            Unready::NoKey | Unready::WrongHeader => Outcome::Refused,
        };
        Self { why: unready.to_string(), outcome }
    }
}

impl From<NoToken> for NotSent {
    fn from(no_token: NoToken) -> Self {
        Self { why: no_token.to_string(), outcome: Outcome::Again }
    }
}

impl From<NoBody> for NotSent {
    fn from(no_body: NoBody) -> Self {
        Self { why: no_body.to_string(), outcome: Outcome::Again }
    }
}

/// What goes out in a try that begins then, and where to.
pub(super) fn call<'a>(
    app: &App,
    subscriber: &'a Subscriber,
    event: &Event,
    delivery: &Delivery,
    at: Timestamp,
) -> Result<(&'a Way, Call), NotSent> {
    let endpoint = &subscriber.endpoint.value;
    let prepared = subscriber.prepared.as_ref()?;
    let mut headers = HeaderMap::new();
    let body = body::write(app, prepared, endpoint, event, delivery, &mut headers)?;
    let mut call = signed(app, subscriber, (event.id, at), headers, body)?;
    if let Some(Skipped { count, last }) = &delivery.skipped {
        let mark = format!("{count}; last=\"{last}\"");
        call.headers.insert(SKIPPED_HEADER, HeaderValue::from_str(&mark).map_err(unsendable)?);
    }
    Ok((&prepared.way, call))
}

/// The same for several events.
fn call_together<'a>(
    app: &App,
    subscriber: &'a Subscriber,
    events: &[&Event],
    at: Timestamp,
) -> Result<(&'a Target, Call), NotSent> {
    let prepared = subscriber.prepared.as_ref()?;
    let Way::Post(target) = &prepared.way else {
        let why = "a broker gets each event by itself".into();
        return Err(NotSent { why, outcome: Outcome::Again });
    };
    let (content_type, body) = body::together(&prepared.form, events);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok((target, signed(app, subscriber, (id_together(events), at), headers, body.into())?))
}

/// What a request is known by: one event's id, and of several an id made of theirs. The same events have the same, so
/// who keeps these ids passes over no request that brings something new.
fn id_together(events: &[&Event]) -> EventId {
    match events {
        [only] => only.id,
        _ => {
            let ids: Vec<u8> =
                events.iter().flat_map(|event| *event.id.uuid().as_bytes()).collect();
            EventId::new(Uuid::new_v5(&TOGETHER, &ids))
        }
    }
}

/// A body with all the headers that go out with it.
fn signed(
    app: &App,
    subscriber: &Subscriber,
    (id, at): (EventId, Timestamp),
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Call, NotSent> {
    let endpoint = &subscriber.endpoint.value;
    let prepared = subscriber.prepared.as_ref()?;
    let id = MessageId::from(id);
    let signature = prepared.sign(&id, at, &body);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.extend(prepared.headers.clone());
    // Nobody's own headers take the place of these.
    name_sender(app, endpoint, &mut headers);
    headers.insert(ID, HeaderValue::from_str(id.as_str()).map_err(unsendable)?);
    headers.insert(TIMESTAMP, HeaderValue::from(at.as_second()));
    headers.insert(SIGNATURE, HeaderValue::from_str(&signature).map_err(unsendable)?);
    Ok(Call {
        method: Method::POST,
        headers,
        body,
        deadline: deadline(app, endpoint),
        answer_bytes_max: ANSWER_BYTES_MAX,
        identity: prepared.identity.clone(),
    })
}

fn unsendable(_: InvalidHeaderValue) -> NotSent {
    NotSent { why: "a header cannot be sent".into(), outcome: Outcome::Refused }
}

/// What an answer means: 2xx takes it, 410 wants no more, 429 and 503 may ask for a pause, all else is tried again.
fn judge(mut attempt: Attempt, result: Result<Answer, SendError>) -> Tried {
    let outcome = match result {
        Ok(answer) => {
            attempt::note_answer(&mut attempt, &answer);
            match answer.status {
                status if status.is_success() => Outcome::Taken,
                StatusCode::GONE => Outcome::Gone,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    let pause = retry_after(&answer.headers, attempt.at);
                    pause.map_or(Outcome::Again, Outcome::AfterPause)
                }
                _ => Outcome::Again,
            }
        }
        Err(error) => {
            attempt::note_error(&mut attempt, &error);
            Outcome::Again
        }
    };
    Tried { attempt, outcome }
}

/// `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3); a date that is over asks for no pause.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_read_in_both_forms() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        let asks = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a value");
            retry_after(&HeaderMap::from_iter([(header::RETRY_AFTER, value)]), now)
        };
        assert_eq!(asks("120"), Some(Duration::from_secs(120)));
        assert_eq!(asks("Sun, 22 Nov 2026 10:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(asks("Sun, 22 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(asks("soon"), None);
        assert_eq!(asks("-1"), None);
    }
}
