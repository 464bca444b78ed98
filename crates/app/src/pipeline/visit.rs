//! What a visitor of a chat page says: the web channel's door.
//!
//! The page's own id for a message is the provider's id of the delivery, so sending it again changes nothing.

use serde_json::{Map, Value, json};
use tidings_channels::{Arrival, Sender};
use tidings_model::{Channel, CustomerId, EventId, WorkspaceId};

use super::accept::Accepted;
use super::receive::{ReceiveError, receive};
use crate::App;

/// What a visitor says.
#[derive(Clone, Debug)]
pub enum Said {
    /// A text.
    Text(String),
    /// A button, pressed.
    Button {
        /// Its value.
        value: String,
        /// Its text.
        text: Option<String>,
        /// Its id, where it has one.
        postback_id: Option<String>,
        /// The message that it belongs to.
        message: Option<EventId>,
    },
    /// A form, filled in.
    Form {
        /// Which.
        form_id: String,
        /// Its fields with their answers, as `chat.form_filled` has them.
        fields: Vec<Value>,
    },
}

/// Accepts it. The chat's address on a web channel is the customer's id.
pub async fn visit(
    app: &App,
    workspace: WorkspaceId,
    channel: &Channel,
    customer: CustomerId,
    said: Said,
    custom_id: String,
) -> Result<Accepted, ReceiveError> {
    let (event_type, data) = match said {
        Said::Text(text) => ("chat.message", json!({ "text": text })),
        Said::Button { value, text, postback_id, message } => {
            let mut data = Map::from_iter([("value".to_owned(), Value::from(value))]);
            let optional = [
                ("text", text),
                ("postback_id", postback_id),
                ("message_id", message.map(|message| message.to_string())),
            ];
            for (name, value) in optional {
                if let Some(value) = value {
                    data.insert(name.into(), value.into());
                }
            }
            ("chat.postback", Value::Object(data))
        }
        Said::Form { form_id, fields } => {
            ("chat.form_filled", json!({ "kind": "form", "form_id": form_id, "fields": fields }))
        }
    };
    let arrival = Arrival {
        provider_id: format!("{customer}:{custom_id}"),
        event_type: event_type.parse().expect("the names are written here, and are good"),
        data,
        time: app.now(),
        address: Some(customer.to_string()),
        sender: Some(Sender { id: customer.to_string(), ..Sender::default() }),
        custom_id: Some(custom_id),
        files: Vec::new(),
        album: None,
        raw: Map::new(),
    };
    receive(app, workspace, channel, arrival, Some(customer)).await
}
