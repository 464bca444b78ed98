//! The request of a delivery, as its last try sent it, or its first one will: for who asks what exactly was sent.
//!
//! It is made again and not kept: the body of a delivery is the same at every try, and the signature follows from the time
//! of the try. Address, headers and keys are those that the endpoint has now. Values that are secrets are left out.

mod curl;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tidings_model::{Delivery, Destination, Event, Timestamp, WorkspaceId};
use tidings_outbound::add_usual_headers;
use tidings_store::ReadError;

use self::curl::curl;
use super::post;
use super::prepared::{Form, Prepared, Way};
use crate::desk::webhooks::payload;
use crate::directory::Subscriber;
use crate::{App, known};

/// What stands where a secret would.
pub const HIDDEN: &str = "***";

/// Headers that prove who somebody is, whoever set them.
const SECRET_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// A request, as it is sent; without `host` and `content-length`, which follow from URL and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsSent {
    /// The method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The headers, by name.
    pub headers: Vec<SentHeader>,
    /// The body. The key of a webhook of the Chat API is [`HIDDEN`] in it.
    pub body: String,
    /// For when it is signed: when the last try began; now, where there was none.
    pub signed_at: Timestamp,
    /// Whether a secret is left out of the body.
    hides_key: bool,
}

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentHeader {
    /// Its name.
    pub name: String,
    /// Its value; `None` where that is a secret.
    pub value: Option<String>,
}

impl AsSent {
    /// As a command to paste into a shell; secrets are variables that it asks for.
    pub fn curl(&self) -> String {
        curl(self)
    }
}

/// There is no request to show.
#[derive(Debug, thiserror::Error)]
pub enum NotShown {
    /// It goes to a customer.
    #[error("a delivery by way of a channel is made of calls of that channel, not of one request")]
    ByChannel,
    /// It goes to a broker.
    #[error("a delivery to a broker is a message there, not a request")]
    ByBroker,
    /// The endpoint was removed.
    #[error("the endpoint of this delivery was removed")]
    NoEndpoint,
    /// Nothing can go out.
    #[error("nothing can be sent: {0}")]
    NotSent(String),
    /// What is needed could not be read.
    #[error("what is sent could not be read")]
    Read(#[from] ReadError),
}

/// The request of a delivery.
pub async fn as_sent(
    app: &App,
    workspace: WorkspaceId,
    event: &Event,
    delivery: &Delivery,
) -> Result<AsSent, NotShown> {
    let Destination::Endpoint { id } = delivery.to else { return Err(NotShown::ByChannel) };
    known::seek(app, workspace, |directory| directory.has(delivery.to)).await?;
    let subscriber = app.directory(workspace).and_then(|directory| directory.subscriber(id));
    let subscriber = subscriber.ok_or(NotShown::NoEndpoint)?;
    let signed_at = delivery.attempts.last().map_or_else(|| app.now(), |attempt| attempt.at);
    let (way, mut call) = post::call(app, &subscriber, event, delivery, signed_at)
        .map_err(|not_sent| NotShown::NotSent(not_sent.why))?;
    let Way::Post(target) = way else { return Err(NotShown::ByBroker) };
    complete(&mut call.headers, &subscriber);
    let hides_key =
        matches!(&subscriber.prepared, Ok(prepared) if matches!(prepared.form, Form::Push));
    let mut body = call.body.to_vec();
    if hides_key {
        let decided = delivery.decided.as_ref();
        let hidden = decided
            .and_then(|decided| payload::body_with(&subscriber.endpoint.value, decided, HIDDEN));
        body = hidden.ok_or_else(|| NotShown::NotSent("the body cannot be written".into()))?;
    }
    Ok(AsSent {
        method: call.method.to_string(),
        url: target.url(),
        headers: shown(&call.headers),
        body: String::from_utf8_lossy(&body).into(),
        signed_at,
        hides_key,
    })
}

/// Adds what only the way out adds: the client's own headers, and the access token, which is hidden anyhow.
pub(super) fn complete(headers: &mut HeaderMap, subscriber: &Subscriber) {
    add_usual_headers(headers);
    if subscriber.prepared.as_ref().is_ok_and(Prepared::has_token) {
        headers.insert(AUTHORIZATION, HeaderValue::from_static(HIDDEN));
    }
}

/// Headers by name, without the values of those that are secrets.
pub(super) fn shown(headers: &HeaderMap) -> Vec<SentHeader> {
    let mut shown: Vec<SentHeader> = (headers.iter())
        .map(|(name, value)| {
            let is_secret = value.is_sensitive() || SECRET_HEADERS.contains(&name.as_str());
            let shown = (!is_secret).then(|| String::from_utf8_lossy(value.as_bytes()).into());
            SentHeader { name: name.as_str().into(), value: shown }
        })
        .collect();
    shown.sort_by(|one, other| one.name.cmp(&other.name));
    shown
}
