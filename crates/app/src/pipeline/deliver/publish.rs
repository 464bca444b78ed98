//! One try by a broker: the same body and headers as by HTTP, as a message, and what its answer means.
//!
//! The message's id is the delivery's, always the same, so a broker that knows ids again (NATS) takes it once, although two
//! endpoints may publish one event into one stream. Its key is the chat: what keeps order by keys keeps that of the chat.

use std::time::Duration;

use http::{HeaderName, header};
use percent_encoding::percent_decode_str;
use tidings_brokers::{Address, Failed, Kind, Parcel, Taken, Why};
use tidings_model::{Attempt, Delivery, Event};
use tidings_outbound::Call;

use super::attempt::NOT_SENT;
use super::post::Tried;
use crate::App;
use crate::pipeline::tries::Outcome;

/// What the names of CloudEvents' attributes begin with in a header of HTTP.
const ATTRIBUTE: &str = "ce-";

/// What goes out as a message.
pub(super) fn parcel(event: &Event, delivery: &Delivery, to: &Address, call: &Call) -> Parcel {
    let key = event.chat.map_or_else(|| event.id.to_string(), |chat| chat.to_string());
    let headers = call
        .headers
        .iter()
        .filter(|(name, _)| *name != header::USER_AGENT)
        .filter_map(|(name, value)| Some(header_at(to.kind(), name, value.to_str().ok()?)))
        .collect();
    Parcel { id: delivery.id.to_string(), key, headers, body: call.body.clone() }
}

/// A header as CloudEvents' binding for the broker has it. Attributes are percent-encoded where their binding follows HTTP's.
fn header_at(kind: Kind, name: &HeaderName, value: &str) -> (String, String) {
    let prefix = match kind {
        Kind::Nats | Kind::Redis | Kind::File => None,
        Kind::Kafka => Some("ce_"),
        // Of AMQP's two, the one that queries can name.
        Kind::Rabbit => Some("cloudEvents_"),
    };
    match (prefix, name.as_str().strip_prefix(ATTRIBUTE)) {
        (Some(prefix), Some(attribute)) => {
            let plain = percent_decode_str(value).decode_utf8_lossy();
            (format!("{prefix}{attribute}"), plain.replace(char::is_control, " "))
        }
        // A tab is the only control character that a header has.
        (None, _) | (_, None) => (name.as_str().to_owned(), value.replace('\t', " ")),
    }
}

/// Sends it.
pub(super) async fn publish(
    app: &App,
    broker: &str,
    to: &Address,
    parcel: Parcel,
    deadline: Duration,
) -> Result<Taken, Failed> {
    let answers = app.settings.brokers.publish(broker, to, &[parcel], deadline).await;
    // There is one answer for each parcel.
    answers.into_iter().next().unwrap_or_else(|| {
        let text = "the broker was not asked".to_owned();
        Err(Failed { why: Why::Held, text })
    })
}

/// What an answer means: whatever somebody may mend, in the settings, at the broker or in the endpoint, is tried again.
pub(super) fn judge(mut attempt: Attempt, result: Result<Taken, Failed>) -> Tried {
    let outcome = match result {
        Ok(Taken { place, is_duplicate }) => {
            attempt.answer = Some(match is_duplicate {
                true => format!("{place} (it was there already)"),
                false => place,
            });
            Outcome::Taken
        }
        Err(Failed { why, text }) => {
            attempt.code = Some(code(why).to_owned());
            attempt.error = Some(text);
            match why {
                Why::Unfit => Outcome::Refused,
                Why::UnknownConnection
                | Why::Refused
                | Why::Unreachable
                | Why::NotAcknowledged
                | Why::Held => Outcome::Again,
            }
        }
    };
    Tried { attempt, outcome }
}

/// The code of a try that was not taken.
const fn code(why: Why) -> &'static str {
    match why {
        Why::UnknownConnection => "broker_unknown",
        Why::Unreachable => "broker_unreachable",
        Why::Refused => "broker_refused",
        Why::NotAcknowledged => "not_acknowledged",
        Why::Unfit => "message_unfit",
        Why::Held => NOT_SENT,
    }
}

#[cfg(test)]
mod tests {
    use tidings_model::Timestamp;

    use super::*;

    #[test]
    fn attributes_are_named_as_their_binding_says() {
        let name = HeaderName::from_static("ce-subject");
        let at = |kind| header_at(kind, &name, "caf%C3%A9%0A");
        assert_eq!(at(Kind::Nats), ("ce-subject".into(), "caf%C3%A9%0A".into()));
        assert_eq!(at(Kind::Kafka), ("ce_subject".into(), "café ".into()));
        assert_eq!(at(Kind::Rabbit), ("cloudEvents_subject".into(), "café ".into()));
        let own = header_at(Kind::Kafka, &HeaderName::from_static("x-own"), "a\tb%20");
        assert_eq!(own, ("x-own".into(), "a b%20".into()));
    }

    #[test]
    fn only_what_never_fits_is_given_up() {
        let outcome = |why| {
            let failed = Failed { why, text: "why".into() };
            let tried = judge(Attempt::at(Timestamp::UNIX_EPOCH), Err(failed));
            assert_eq!(tried.attempt.error.as_deref(), Some("why"));
            tried.outcome
        };
        assert_eq!(outcome(Why::Unfit), Outcome::Refused);
        for why in [
            Why::UnknownConnection,
            Why::Refused,
            Why::Unreachable,
            Why::NotAcknowledged,
            Why::Held,
        ] {
            assert_eq!(outcome(why), Outcome::Again, "{why:?}");
        }
    }
}
