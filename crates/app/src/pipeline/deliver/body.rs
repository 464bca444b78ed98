//! The body of a delivery, in the form that its endpoint asked for, with the headers that belong to it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use tidings_model::{Delivery, Endpoint, Event, envelope};
use tidings_wire::batch::BatchLimits;
use tidings_wire::{cloudevents, native};

use super::prepared::{Form, Prepared};
use crate::App;
use crate::desk::webhooks::payload;

/// Why a body cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoBody {
    /// What was decided is not there, or its key does not open.
    #[error("what goes out was not decided, or its key does not open with this installation's key")]
    Undecided,
    /// The template failed on this event.
    #[error("the template fails on this event: {0}")]
    Template(String),
}

/// The content type and the body of several events; only those that take several are asked
/// ([`Prepared::takes_several`]).
pub(super) fn together(form: &Form, events: &[&Event]) -> (&'static str, Vec<u8>) {
    // How much goes in was looked at before.
    let limits = BatchLimits { events_max: usize::MAX, bytes_max: usize::MAX };
    let (content_type, mut batch) = if form.is_cloudevents_list() {
        (cloudevents::BATCH_CONTENT_TYPE, cloudevents::batch(limits))
    } else {
        (native::CONTENT_TYPE, native::batch(limits))
    };
    for event in events {
        let takes = batch.push(&element(form, event));
        debug_assert!(takes, "there is no limit");
    }
    (content_type, batch.finish())
}

/// How many bytes an event has in a body of several.
pub(super) fn bytes_together(form: &Form, event: &Event) -> usize {
    // With the comma.
    element(form, event).len() + 1
}

fn element(form: &Form, event: &Event) -> Vec<u8> {
    if form.is_cloudevents_list() {
        cloudevents::structured(event, &cloudevents::source_of(event.workspace))
    } else {
        native::event(event)
    }
}

/// Writes the body of an event, and its headers into `headers`.
pub(super) fn write(
    app: &App,
    prepared: &Prepared,
    endpoint: &Endpoint,
    event: &Event,
    delivery: &Delivery,
    headers: &mut HeaderMap,
) -> Result<Bytes, NoBody> {
    let source = || cloudevents::source_of(event.workspace);
    let (content_type, body) = match &prepared.form {
        Form::Cloudevents => {
            let body = app.bodies.of(event, || cloudevents::structured(event, &source()));
            headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(cloudevents::CONTENT_TYPE));
            return Ok(body);
        }
        Form::CloudeventsBinary => {
            let binary = cloudevents::binary(event, &source());
            for (name, value) in binary.headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            return Ok(binary.body.into());
        }
        Form::CloudeventsBatched => together(&prepared.form, &[event]),
        // One that is tried alone looks as those that went together.
        Form::Native if endpoint.batch.is_some() => together(&prepared.form, &[event]),
        Form::Native => (native::CONTENT_TYPE, native::event(event)),
        Form::Wotnot { .. } => match &delivery.decided {
            Some(Value::String(decided)) => ("application/json", decided.clone().into_bytes()),
            Some(_) | None => return Err(NoBody::Undecided),
        },
        Form::Push => {
            let decided = delivery.decided.as_ref().ok_or(NoBody::Undecided)?;
            let body = payload::body(app, endpoint, decided).ok_or(NoBody::Undecided)?;
            ("application/json", body)
        }
        Form::Template(template) => {
            let body = template
                .render(&envelope::to_value(event))
                .map_err(|problem| NoBody::Template(problem.to_string()))?;
            if let Ok(value) = HeaderValue::from_str(template.content_type().as_str()) {
                headers.insert(header::CONTENT_TYPE, value);
            }
            return Ok(body.into());
        }
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(body.into())
}
