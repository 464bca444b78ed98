//! What deliveries owe to a receiver's consent (HTTP 1.1 Web Hooks for Event Delivery, section 4): they name who sends.
//! How many a minute there may be is [`super::pace`]'s.

use http::{HeaderMap, HeaderValue};
use tidings_model::Endpoint;
use tidings_model::endpoint::HandshakeKind;
use tidings_wire::handshake::REQUEST_ORIGIN_HEADER;
use url::Url;

use crate::App;

/// The name that receivers know this installation by: the host of its public address.
pub(crate) fn origin(app: &App) -> String {
    let url = Url::parse(&app.settings.public_url).ok();
    url.as_ref().and_then(Url::host_str).unwrap_or("localhost").to_owned()
}

/// A receiver that allowed our name is told it with each delivery.
pub(super) fn name_sender(app: &App, endpoint: &Endpoint, headers: &mut HeaderMap) {
    let kind = endpoint.handshake.as_ref().map(|handshake| handshake.kind);
    if kind == Some(HandshakeKind::Cloudevents)
        && let Ok(origin) = HeaderValue::from_str(&origin(app))
    {
        headers.insert(REQUEST_ORIGIN_HEADER, origin);
    }
}
