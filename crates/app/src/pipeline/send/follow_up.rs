//! The events that tell what became of a message.

use serde_json::{Map, Value, json};
use tidings_model::{Delivery, DeliveryStatus, Event, Visibility};
use tidings_store::Batch;

use super::sending::{FailedCall, NO_METHOD, Tried};
use crate::App;
use crate::pipeline::telegram::consequence;

/// Adds to the batch what follows from how a try went.
pub(super) fn follow_up(
    app: &App,
    event: &Event,
    delivery: &Delivery,
    tried: &Tried,
    batch: &mut Batch,
) {
    let mut raise = |event_type: &str, data: Map<String, Value>| {
        let mut draft = consequence(app, event, event_type, Value::Object(data));
        draft.visibility = Visibility::Agents;
        batch.events.push(draft);
    };
    match delivery.status {
        DeliveryStatus::Pending => {}
        DeliveryStatus::Delivered => {
            let mut data = Map::from_iter([
                ("event".to_owned(), json!(event.id)),
                ("status".to_owned(), json!("sent")),
            ]);
            put(&mut data, "provider_message_id", tried.provider_id.clone());
            raise("message.status_changed", data);
        }
        DeliveryStatus::Failed => {
            let unknown = FailedCall::default();
            let failed = tried.failed_call.as_ref().unwrap_or(&unknown);
            for (event_type, data) in told_of_failure(event, failed) {
                raise(event_type, data);
            }
        }
    }
}

/// The events that tell of a message that will never arrive.
fn told_of_failure(event: &Event, failed: &FailedCall) -> Vec<(&'static str, Map<String, Value>)> {
    let method = if failed.method.is_empty() { NO_METHOD } else { &failed.method };
    let mut status = Map::from_iter([
        ("event".to_owned(), json!(event.id)),
        ("status".to_owned(), json!("failed")),
        ("error_message".to_owned(), json!(failed.message)),
    ]);
    put(&mut status, "error_code", failed.code);
    let mut request = Map::from_iter([
        ("method".to_owned(), json!(method)),
        ("error_message".to_owned(), json!(failed.message)),
        ("event".to_owned(), json!(event.id)),
    ]);
    put(&mut request, "error_code", failed.code);
    put(&mut request, "retry_after_s", failed.retry_after_s);
    let mut told = vec![("message.status_changed", status), ("channel.request_failed", request)];
    if method == "sendInvoice" {
        let mut data = Map::from_iter([
            ("reason".to_owned(), json!("invoice_refused")),
            ("error_message".to_owned(), json!(failed.message)),
        ]);
        let field = |name: &str| event.data.get("telegram").and_then(|call| call.get(name));
        put(&mut data, "payload", field("payload").filter(|value| value.is_string()).cloned());
        let currency = field("currency").and_then(Value::as_str);
        put(&mut data, "currency", currency.filter(|currency| currency.len() == 3));
        told.push(("payment.failed", data));
    }
    if failed.customer_left {
        told.push(("customer.unsubscribed", Map::from_iter([("reason".into(), "blocked".into())])));
    }
    told
}

fn put<T: Into<Value>>(data: &mut Map<String, Value>, field: &str, value: Option<T>) {
    if let Some(value) = value {
        data.insert(field.into(), value.into());
    }
}
