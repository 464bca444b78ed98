//! What Telegram writes, as far as we read it: own structs, everything optional that may be missing. Ids are `i64`: they
//! have up to 52 bits today, and a chat's may be negative. A field that we do not know is passed over; the whole update is
//! kept as it came.
//!
//! [`read`] takes one field and nothing else, so one strange field does not hide the others.

use serde::Deserialize;
use serde_json::{Map, Value};

/// One field of an object, if it is there and readable.
pub(super) fn read<'a, T: Deserialize<'a>>(
    object: &'a Map<String, Value>,
    field: &str,
) -> Option<T> {
    T::deserialize(object.get(field)?).ok()
}

/// One field of an object that is an object itself.
pub(super) fn object<'a>(
    object: &'a Map<String, Value>,
    field: &str,
) -> Option<&'a Map<String, Value>> {
    object.get(field).and_then(Value::as_object)
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub id: i64,
    #[serde(default)]
    pub is_bot: bool,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub username: Option<String>,
    pub language_code: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Chat {
    pub id: i64,
    #[serde(default, rename = "type")]
    pub kind: String,
    pub title: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub username: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    pub kind: String,
    /// In UTF-16 code units.
    pub offset: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Contact {
    pub phone_number: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub user_id: Option<i64>,
    pub vcard: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Location {
    pub latitude: f64,
    pub longitude: f64,
    pub horizontal_accuracy: Option<f64>,
    pub live_period: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Venue {
    pub location: Location,
    pub title: Option<String>,
    pub address: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sticker {
    pub file_id: Option<String>,
    pub emoji: Option<String>,
    pub set_name: Option<String>,
    pub is_animated: Option<bool>,
    pub is_video: Option<bool>,
}

/// A file of any kind but a photo.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Media {
    pub file_id: String,
    pub file_size: Option<u64>,
    pub file_name: Option<String>,
    pub mime_type: Option<String>,
    pub width: Option<u64>,
    pub height: Option<u64>,
    /// The diameter of a video note.
    pub length: Option<u64>,
    /// In seconds.
    pub duration: Option<f64>,
}

/// One of the sizes of a photo.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PhotoSize {
    pub file_id: String,
    #[serde(default)]
    pub width: u64,
    #[serde(default)]
    pub height: u64,
    pub file_size: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct SuccessfulPayment {
    pub currency: String,
    pub total_amount: i64,
    #[serde(default)]
    pub invoice_payload: String,
    #[serde(default)]
    pub telegram_payment_charge_id: String,
    #[serde(default)]
    pub provider_payment_charge_id: String,
    pub order_info: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PreCheckoutQuery {
    pub id: String,
    pub from: User,
    pub currency: String,
    pub total_amount: i64,
    #[serde(default)]
    pub invoice_payload: String,
    pub shipping_option_id: Option<String>,
    pub order_info: Option<Map<String, Value>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct InlineKeyboard {
    #[serde(default)]
    pub inline_keyboard: Vec<Vec<InlineButton>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct InlineButton {
    #[serde(default)]
    pub text: String,
    pub callback_data: Option<String>,
}
