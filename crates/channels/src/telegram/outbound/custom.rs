//! A `chat.custom` with `data.telegram`: a call of the Bot API as it stands, for what Tidings has no word for, as an
//! invoice. Only methods that make or change a message, and only in the chat of the event.

use serde_json::{Map, Value};

use super::{Address, Unsendable, call};
use crate::Call;

/// What may be called: `send*`, `edit*` and `copy*` of messages. Nothing that changes the bot, its chats or its money.
const METHODS: [&str; 26] = [
    "sendMessage",
    "sendPhoto",
    "sendAudio",
    "sendDocument",
    "sendVideo",
    "sendAnimation",
    "sendVoice",
    "sendVideoNote",
    "sendMediaGroup",
    "sendLocation",
    "sendVenue",
    "sendContact",
    "sendPoll",
    "sendChecklist",
    "sendDice",
    "sendSticker",
    "sendGame",
    "sendInvoice",
    "sendChatAction",
    "editMessageText",
    "editMessageCaption",
    "editMessageMedia",
    "editMessageLiveLocation",
    "editMessageReplyMarkup",
    "copyMessage",
    "copyMessages",
];

/// Arguments that would lead out of the chat: they come from the address, or not at all.
const ARGUMENTS_TAKEN: [&str; 6] = [
    "method",
    "chat_id",
    "message_thread_id",
    "from_chat_id",
    "inline_message_id",
    "business_connection_id",
];

/// The longest title of an invoice, in characters (Bot API, sendInvoice: "1-32 characters").
const INVOICE_TITLE_CHARS_MAX: usize = 32;

/// The longest description of an invoice, in characters (Bot API, sendInvoice: "1-255 characters").
const INVOICE_DESCRIPTION_CHARS_MAX: usize = 255;

/// The longest payload of an invoice, in bytes (Bot API, sendInvoice: "1-128 bytes").
const INVOICE_PAYLOAD_BYTES_MAX: usize = 128;

/// `data.kind` `invoice` means `sendInvoice` where no method is named.
pub(super) fn calls(data: &Value, address: Address) -> Result<Vec<Call>, Unsendable> {
    let Some(telegram) = data.get("telegram").and_then(Value::as_object) else {
        return Err(Unsendable::Type {
            event_type: "chat.custom without data.telegram".to_owned(),
        });
    };
    let is_invoice = data.get("kind").and_then(Value::as_str) == Some("invoice");
    let named = telegram.get("method").and_then(Value::as_str).or(if is_invoice {
        Some("sendInvoice")
    } else {
        None
    });
    let method = METHODS.into_iter().find(|method| Some(*method) == named).ok_or_else(|| {
        Unsendable::data(
            "/telegram/method",
            "must be a method that sends, edits or copies a message",
        )
    })?;
    let arguments = telegram.iter().filter(|(name, _)| !ARGUMENTS_TAKEN.contains(&name.as_str()));
    let mut body: Map<String, Value> =
        arguments.map(|(name, value)| (name.clone(), value.clone())).collect();
    if method == "sendInvoice" {
        check_invoice(&body)?;
    }
    if method.starts_with("copy") {
        // The bot may read other chats; this one's customer may not.
        body.insert("from_chat_id".into(), address.chat.into());
    }
    Ok(vec![call(method, Value::Object(body))])
}

fn check_invoice(body: &Map<String, Value>) -> Result<(), Unsendable> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let fields = [
        ("title", text("title").chars().count(), INVOICE_TITLE_CHARS_MAX, "characters"),
        (
            "description",
            text("description").chars().count(),
            INVOICE_DESCRIPTION_CHARS_MAX,
            "characters",
        ),
        ("payload", text("payload").len(), INVOICE_PAYLOAD_BYTES_MAX, "bytes"),
    ];
    for (name, length, max, unit) in fields {
        if !(1..=max).contains(&length) {
            return Err(Unsendable::data(
                format!("/telegram/{name}"),
                format!("must be a text of 1 to {max} {unit}"),
            ));
        }
    }
    // The three-letter code of ISO 4217; XTR is Telegram Stars.
    let currency = text("currency");
    if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Unsendable::data("/telegram/currency", "must be three letters, as EUR"));
    }
    let priced = |price: &Value| {
        price.get("label").is_some_and(Value::is_string)
            && price.get("amount").is_some_and(Value::is_i64)
    };
    let prices = body.get("prices").and_then(Value::as_array);
    if !prices.is_some_and(|prices| !prices.is_empty() && prices.iter().all(priced)) {
        return Err(Unsendable::data(
            "/telegram/prices",
            "must be a list of {label, amount in the smallest unit}",
        ));
    }
    Ok(())
}
