//! A delivery as it is kept, shown and printed.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, Method, Uri};
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_model::Timestamp;
use tidings_wire::standard_webhooks::{
    self, ID_HEADER, Received, SIGNATURE_HEADER, TIMESTAMP_HEADER, TOLERANCE_S, VerifyingKey,
};

use super::told::{self, Told};

/// A delivery or a handshake, as it arrived and was answered.
#[derive(Clone, Debug, Serialize)]
pub(in crate::commands) struct Delivery {
    /// Counts what arrived, from 1.
    pub(super) number: u64,
    pub(super) received_at: String,
    path: String,
    /// Which handshake it was, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) handshake: Option<&'static str>,
    pub(super) webhook_id: String,
    webhook_timestamp: String,
    webhook_signature: String,
    /// Whether the signature holds; null where no secret is known.
    pub(super) signature_ok: Option<bool>,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_error: Option<String>,
    /// The how many-th time it came.
    pub(super) attempt: u32,
    /// Whether it came again after it was taken.
    pub(super) duplicate: bool,
    /// Whether a later event of the same chat was taken before.
    pub(super) out_of_order: bool,
    /// What it tells of.
    pub(super) events: Vec<Told>,
    /// How it was answered: a status, or the name of what was done instead.
    pub(super) answered: String,
    /// Whether that was a 2xx.
    pub(super) taken: bool,
    /// The body, where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Arc<RawValue>>,
    /// The body, where it is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Arc<str>>,
    pub(super) body_bytes: usize,
}

impl Delivery {
    /// What can be said of it alone, before it is compared with those that came earlier.
    pub(super) fn read(
        now: Timestamp,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        secrets: &[VerifyingKey],
    ) -> Self {
        // A header may hold any bytes; what is no text fits no signature.
        let header = |name: &str| {
            headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let [webhook_id, webhook_timestamp, webhook_signature] =
            [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER]
                .map(|name| header(name).unwrap_or_default());
        let received = Received {
            id: &webhook_id,
            timestamp: &webhook_timestamp,
            signature: &webhook_signature,
        };
        let verified = (!secrets.is_empty()).then(|| {
            if webhook_signature.is_empty() {
                return Err(format!("there is no {SIGNATURE_HEADER}"));
            }
            standard_webhooks::verify_with(received, body, secrets, now.as_second(), TOLERANCE_S)
                .map_err(|error| error.to_string())
        });
        let json: Option<Box<RawValue>> = serde_json::from_slice(body).ok();
        let value = json.as_ref().and_then(|json| serde_json::from_str(json.get()).ok());
        let text = (json.is_none() && !body.is_empty())
            .then(|| Arc::from(String::from_utf8_lossy(body).as_ref()));
        Self {
            number: 0,
            received_at: now.to_string(),
            path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            handshake: None,
            signature_ok: verified.as_ref().map(Result::is_ok),
            signature_error: verified.and_then(Result::err),
            webhook_id,
            webhook_timestamp,
            webhook_signature,
            attempt: 1,
            duplicate: false,
            out_of_order: false,
            events: told::told(headers, value.as_ref()),
            answered: String::new(),
            taken: false,
            body: json.map(Arc::from),
            text,
            body_bytes: body.len(),
        }
    }

    /// By what a repeated delivery is known: `webhook-id`, or the event's own id where the sender has no such header.
    pub(super) fn key(&self) -> Option<&str> {
        if self.webhook_id.is_empty() {
            self.events.first().and_then(|event| event.id.as_deref())
        } else {
            Some(&self.webhook_id)
        }
    }

    /// The body, to be read by people.
    pub(super) fn readable_body(&self) -> String {
        let pretty = |json: &RawValue| {
            let value: serde_json::Value = serde_json::from_str(json.get()).ok()?;
            serde_json::to_string_pretty(&value).ok()
        };
        let body = self.body.as_deref().and_then(pretty);
        let body = body.or_else(|| self.text.as_deref().map(str::to_owned)).unwrap_or_default();
        body.lines().map(|line| format!("    {}", harmless(line))).collect::<Vec<_>>().join("\n")
    }
}

/// One line for people.
impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.received_at.get(11..23).unwrap_or(&self.received_at);
        if let Some(handshake) = self.handshake {
            return write!(f, "{time}  handshake {handshake:<14}  -> {}", self.answered);
        }
        let first = self.events.first().cloned().unwrap_or_default();
        let event_type = match self.events.len() {
            0 => "(no event)".to_owned(),
            1 => harmless(&first.event_type),
            count => format!("{} +{}", harmless(&first.event_type), count - 1),
        };
        let number = |number: Option<u64>| number.map_or_else(|| "-".into(), |it| it.to_string());
        write!(
            f,
            "{time}  {event_type:<26}  {id:<36}  seq {seq:<6}  order {order:<4}  {signature:<12}  -> {answered}",
            id = harmless(self.key().unwrap_or("-")),
            seq = number(first.seq),
            order = number(first.order),
            signature = self.signature(),
            answered = self.answered,
        )?;
        self.remarks(f)
    }
}

impl Delivery {
    fn signature(&self) -> String {
        match (self.signature_ok, &self.signature_error) {
            (Some(true), _) => "signature ok".into(),
            (Some(false), Some(error)) => format!("signature WRONG ({error})"),
            (Some(false), None) => "signature WRONG".into(),
            (None, _) => "not checked".into(),
        }
    }

    fn remarks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attempt > 1 {
            write!(f, "  attempt {}", self.attempt)?;
        }
        if self.duplicate {
            f.write_str("  DUPLICATE")?;
        }
        if self.out_of_order {
            f.write_str("  OUT OF ORDER")?;
        }
        Ok(())
    }
}

/// Text of a stranger, without what a terminal would obey.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char })
        .collect()
}

/// Whether a method brings a delivery.
pub(super) fn delivers(method: &Method) -> bool {
    *method == Method::POST || *method == Method::PUT
}
