//! The reader that delivers events to endpoints as signed webhooks; only facts go out.
//!
//! Every try of a delivery sends the same: the body is made of the event's fixed bytes, or, for a webhook of the Chat API,
//! was decided and written down before the first. The event's id goes out as `webhook-id`, so a receiver that got it
//! twice can tell.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;
use tidings_catalogue::Kind as EventKind;
use tidings_model::{Attempt, Delivery, Destination, Draft, EndpointId, Event, EventId};
use tidings_outbound::{Answer, Request, SendError};
use tidings_store::{Batch, DocKey, Kind, Put, ReadError};
use tidings_wire::{cloudevents, standard_webhooks};

use super::outbox::{Carrier, Outcome, Owed, Tried};
use super::reader::chain;
use super::written::to_body;
use crate::App;
use crate::desk::webhooks::payload;
use crate::directory::Directory;

/// How much of a receiver's answer is kept, in bytes.
pub const ANSWER_BYTES_MAX: usize = 2_048;

/// Carries events to endpoints.
pub struct ToEndpoints {
    app: Arc<App>,
    directory: Arc<Directory>,
}

impl ToEndpoints {
    /// The carrier of one workspace.
    pub fn new(app: Arc<App>, directory: Arc<Directory>) -> Self {
        Self { app, directory }
    }

    fn request<'a>(
        &self,
        event: &Event,
        url: &'a str,
        secret: &str,
        (content_type, body): (&'static str, Vec<u8>),
    ) -> Option<Request<'a>> {
        let secret: standard_webhooks::Secret = secret.parse().ok()?;
        let id = event.id.to_string();
        let timestamp = self.app.now().as_second();
        let signature = standard_webhooks::sign(event.id, timestamp, &body, &[secret]);
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert("webhook-id", HeaderValue::from_str(&id).ok()?);
        headers.insert("webhook-timestamp", HeaderValue::from(timestamp));
        headers.insert("webhook-signature", HeaderValue::from_str(&signature).ok()?);
        Some(Request {
            method: Method::POST,
            url,
            headers,
            body: Bytes::from(body),
            deadline: self.app.settings.delivery_deadline,
            answer_bytes_max: ANSWER_BYTES_MAX,
        })
    }
}

/// How we name ourselves to others.
pub(crate) const USER_AGENT: &str = concat!("Tidings/", env!("CARGO_PKG_VERSION"));

/// The CloudEvents `source` of an event: its workspace.
pub(crate) fn source_of(event: &Event) -> String {
    format!("/workspaces/{}", event.workspace)
}

impl Carrier for ToEndpoints {
    const NAME: &'static str = "deliver";

    fn destinations(&self, event: &Event, to: &mut Vec<Destination>) {
        let is_fact = self
            .app
            .catalogue
            .get(&event.event_type)
            .is_none_or(|known| known.kind == EventKind::After);
        if is_fact {
            let wanted_by = self.directory.subscribers_of(event);
            to.extend(
                wanted_by
                    .iter()
                    .map(|subscriber| Destination::Endpoint { id: subscriber.endpoint.id }),
            );
        }
    }

    async fn owed(&self, event: &Arc<Event>, to: Destination) -> Result<Owed, ReadError> {
        let Destination::Endpoint { id } = to else { return Ok(Owed::Event) };
        let Some(subscriber) = self.directory.subscriber(id) else { return Ok(Owed::Event) };
        if subscriber.endpoint.chat_webhook.is_none() {
            return Ok(Owed::Event);
        }
        let endpoint = &subscriber.endpoint;
        let decided = payload::decide(&self.app, &self.directory, event, endpoint).await?;
        Ok(decided.map_or(Owed::Nothing, Owed::Decided))
    }

    async fn try_once(&self, event: &Arc<Event>, delivery: &Delivery) -> Tried {
        let at = self.app.now();
        let gone = |why: &str, outcome| Tried {
            attempt: Attempt {
                at,
                duration_ms: 0,
                status: None,
                error: Some(why.into()),
                answer: None,
            },
            outcome,
            parts_taken: 0,
            provider_id: None,
            failed_call: None,
        };
        let Destination::Endpoint { id } = delivery.to else {
            return gone("not an endpoint", Outcome::Refused);
        };
        let Some(subscriber) = self.directory.subscriber(id) else {
            return gone("the endpoint was removed", Outcome::Refused);
        };
        if !subscriber.endpoint.enabled {
            return gone("the endpoint is switched off", Outcome::Refused);
        }
        let Ok(secret) = self.app.sealer.open(&subscriber.endpoint.sealed_secret) else {
            return gone(
                "the endpoint's secret does not open with this installation's key",
                Outcome::Again,
            );
        };
        let endpoint = &subscriber.endpoint;
        let body = match &delivery.decided {
            Some(decided) => match payload::body(&self.app, endpoint, decided) {
                Some(body) => ("application/json", body),
                None => {
                    return gone(
                        "the webhook's key does not open with this installation's key",
                        Outcome::Again,
                    );
                }
            },
            None => (cloudevents::CONTENT_TYPE, cloudevents::structured(event, &source_of(event))),
        };
        let Some(request) = self.request(event, &endpoint.url, &secret, body) else {
            return gone("the endpoint's secret is not a signing secret", Outcome::Refused);
        };
        let began = std::time::Instant::now();
        let result = self.app.guarded.send(request).await;
        judge(at, began.elapsed(), result)
    }

    fn follow_up(&self, event: &Event, delivery: &Delivery, tried: &Tried, batch: &mut Batch) {
        if let (Outcome::Gone, Destination::Endpoint { id }) = (tried.outcome, delivery.to) {
            self.switch_off(event, id, batch);
        }
    }

    async fn recorded(&self, tried: &Tried) {
        if tried.outcome == Outcome::Gone
            && let Err(error) = self.directory.refresh(&self.app).await
        {
            tracing::warn!("the endpoints could not be read again: {}", chain(&error));
        }
    }
}

impl ToEndpoints {
    /// 410: the receiver wants nothing any more.
    fn switch_off(&self, event: &Event, id: EndpointId, batch: &mut Batch) {
        let found = self.directory.subscriber(id).filter(|subscriber| subscriber.endpoint.enabled);
        let Some(subscriber) = found else { return };
        let mut endpoint = subscriber.endpoint.clone();
        endpoint.enabled = false;
        endpoint.disabled_reason = Some("the receiver answered 410".into());
        batch.puts.push(Put {
            key: DocKey::new(Kind::Endpoint, id),
            // Of two answers at once one tells; the other step is tried again, and finds it switched off.
            expected: Some(subscriber.version),
            body: to_body(&endpoint),
            index: Vec::new(),
        });
        let data = json!({ "endpoint": id, "reason": "the receiver answered 410" });
        let name = "endpoint.disabled".parse().expect("a good name");
        let event_id = EventId::new(self.app.clock.next_id());
        let mut draft = Draft::new(event_id, name, batch.workspace, self.app.now(), data);
        draft.cause = Some(event.id);
        draft.root = event.root;
        draft.depth = event.depth + 1;
        draft.visibility = tidings_model::Visibility::Agents;
        batch.events.push(draft);
    }
}

/// What an answer means: 2xx takes it, 410 wants no more, 429 and 503 may ask for a pause, all else is tried again.
fn judge(at: tidings_model::Timestamp, took: Duration, result: Result<Answer, SendError>) -> Tried {
    let mut attempt = Attempt {
        at,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status: None,
        error: None,
        answer: None,
    };
    let outcome = match result {
        Ok(answer) => {
            attempt.status = Some(answer.status.as_u16());
            attempt.answer = Some(answer.text_head()).filter(|text| !text.is_empty());
            match answer.status {
                status if status.is_success() => Outcome::Taken,
                StatusCode::GONE => Outcome::Gone,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    retry_after(&answer.headers).map_or(Outcome::Again, Outcome::AfterPause)
                }
                _ => Outcome::Again,
            }
        }
        Err(error) => {
            attempt.error = Some(chain(&error));
            Outcome::Again
        }
    };
    Tried { attempt, outcome, parts_taken: 0, provider_id: None, failed_call: None }
}

/// `Retry-After` in seconds; its other form, a date, is rare from the receivers of webhooks, and the schedule serves it.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
