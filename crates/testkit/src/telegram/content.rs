//! What a message of the bot holds, checked: texts, files, places, invoices, keyboards.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::arguments::Arguments;
use super::error::ApiError;
use super::state::State;
use super::{html, object};

/// The longest text, in UTF-16 code units after parsing (Bot API, sendMessage).
const TEXT_UNITS_MAX: usize = 4096;

/// The longest caption, likewise.
const CAPTION_UNITS_MAX: usize = 1024;

/// The most buttons of one message; more are refused as too long.
const BUTTONS_MAX: usize = 100;

/// A method that sends a file: its argument, the folder of the file, and the name of one that has none.
const FILES: [(&str, &str, &str, &str); 8] = [
    ("sendphoto", "photo", "photos", "photo.jpg"),
    ("senddocument", "document", "documents", "file.bin"),
    ("sendaudio", "audio", "music", "audio.mp3"),
    ("sendvideo", "video", "videos", "video.mp4"),
    ("sendvoice", "voice", "voice", "voice.oga"),
    ("sendanimation", "animation", "animations", "animation.mp4"),
    ("sendvideonote", "video_note", "video_notes", "note.mp4"),
    ("sendsticker", "sticker", "stickers", "sticker.webp"),
];

pub(super) fn makes_a_message(method: &str) -> bool {
    matches!(
        method,
        "sendmessage" | "sendlocation" | "sendvenue" | "sendcontact" | "sendinvoice" | "senddice"
    ) || FILES.iter().any(|(name, ..)| *name == method)
}

/// The content of a message, under the names that a message has for it.
pub(super) fn read(
    state: &mut State,
    method: &str,
    arguments: &Arguments,
) -> Result<Map<String, Value>, ApiError> {
    match method {
        "sendmessage" => text(arguments, "text", "entities", TEXT_UNITS_MAX),
        "sendlocation" => Ok(object(json!({"location": location(arguments)?}))),
        "sendvenue" => {
            let (title, address) = (required(arguments, "title")?, required(arguments, "address")?);
            let location = location(arguments)?;
            Ok(object(json!({
                "venue": {"location": location, "title": title, "address": address}, "location": location,
            })))
        }
        "sendcontact" => {
            let (phone_number, first_name) =
                (required(arguments, "phone_number")?, required(arguments, "first_name")?);
            Ok(object(json!({"contact": {"phone_number": phone_number, "first_name": first_name}})))
        }
        "senddice" => {
            let emoji = arguments.text("emoji").unwrap_or("🎲".into());
            Ok(object(json!({"dice": {"emoji": emoji, "value": 4}})))
        }
        "sendinvoice" => invoice(arguments),
        _ => {
            let (_, argument, folder, file_name) = FILES
                .into_iter()
                .find(|(name, ..)| *name == method)
                .expect("the caller asked for a known method");
            let file = file(state, arguments, argument, folder, file_name)?;
            let shown = if argument == "photo" { json!([file]) } else { Value::Object(file) };
            let mut made = object(json!({argument: shown}));
            if argument != "sticker" && argument != "video_note" {
                made.extend(text(arguments, "caption", "caption_entities", CAPTION_UNITS_MAX)?);
            }
            Ok(made)
        }
    }
}

fn required(arguments: &Arguments, name: &str) -> Result<String, ApiError> {
    let text =
        arguments.text(name).filter(|text| !text.trim().is_empty()).map(|text| text.into_owned());
    text.ok_or_else(|| {
        ApiError::bad_request(&format!("{} must be non-empty", name.replace('_', " ")))
    })
}

fn text(
    arguments: &Arguments,
    name: &str,
    entities: &str,
    units_max: usize,
) -> Result<Map<String, Value>, ApiError> {
    let given = arguments.text(name).unwrap_or_default();
    let parse_mode = arguments.text("parse_mode").unwrap_or_default().to_ascii_lowercase();
    let (text, found) = match parse_mode.as_str() {
        "html" => html::parse(&given)?,
        "" | "markdown" | "markdownv2" => (given.into_owned(), Vec::new()),
        _ => return Err(ApiError::bad_request("unsupported parse_mode")),
    };
    let text = text.trim();
    if text.encode_utf16().count() > units_max {
        let what =
            if name == "text" { "message is too long" } else { "message caption is too long" };
        return Err(ApiError::bad_request(what));
    }
    if text.is_empty() {
        return if name == "text" {
            Err(ApiError::bad_request("message text is empty"))
        } else {
            Ok(Map::new())
        };
    }
    let mut made = object(json!({name: text}));
    if !found.is_empty() {
        made.insert(entities.to_owned(), Value::Array(found));
    }
    Ok(made)
}

fn location(arguments: &Arguments) -> Result<Value, ApiError> {
    let coordinate = |name: &str| {
        arguments.number(name).ok_or_else(|| ApiError::bad_request(&format!("{name} is empty")))
    };
    let (latitude, longitude) = (coordinate("latitude")?, coordinate("longitude")?);
    if latitude.abs() > 90.0 || longitude.abs() > 180.0 {
        return Err(ApiError::bad_request("wrong location specified"));
    }
    Ok(json!({"latitude": latitude, "longitude": longitude}))
}

/// A file sent along, a handle, or an address that Telegram fetches itself.
fn file(
    state: &mut State,
    arguments: &Arguments,
    argument: &str,
    folder: &str,
    default_name: &str,
) -> Result<Map<String, Value>, ApiError> {
    if let Some(upload) = arguments.uploads.get(argument) {
        if upload.bytes.is_empty() {
            return Err(ApiError::bad_request("file must be non-empty"));
        }
        let size = u64::try_from(upload.bytes.len()).unwrap_or(u64::MAX);
        let mut file = state.keep_file(folder, &upload.file_name, upload.bytes.clone(), size);
        file.insert("file_name".into(), upload.file_name.clone().into());
        return Ok(file);
    }
    let given = arguments.text(argument).filter(|given| !given.is_empty());
    let given = given
        .ok_or_else(|| ApiError::bad_request(&format!("there is no {argument} in the request")))?;
    if let Some(file) = state.files.get(given.as_ref()) {
        return Ok(file.description.clone());
    }
    let url = Url::parse(&given).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let url =
        url.ok_or_else(|| ApiError::bad_request("wrong file identifier/HTTP URL specified"))?;
    if argument == "video_note" {
        return Err(ApiError::bad_request("wrong file identifier/HTTP URL specified"));
    }
    if !is_public(&url) {
        return Err(ApiError::bad_request("failed to get HTTP URL content"));
    }
    // "In sendDocument, sending by URL will currently only work for GIF, PDF and ZIP files" (Bot API, "Sending files").
    if argument == "document"
        && ![".gif", ".pdf", ".zip"]
            .iter()
            .any(|end| url.path().to_ascii_lowercase().ends_with(end))
    {
        return Err(ApiError::bad_request("wrong type of the web page content"));
    }
    let name =
        url.path_segments().and_then(|mut parts| parts.next_back()).filter(|name| !name.is_empty());
    Ok(state.keep_file(folder, name.unwrap_or(default_name), Bytes::new(), 1))
}

/// Telegram cannot see a private network.
fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.contains('.') && name != "localhost",
        Some(Host::Ipv4(ip)) => !ip.is_loopback() && !ip.is_private() && !ip.is_link_local(),
        Some(Host::Ipv6(ip)) => !ip.is_loopback() && !ip.is_unique_local(),
        None => false,
    }
}

fn invoice(arguments: &Arguments) -> Result<Map<String, Value>, ApiError> {
    let refused = |why: &str| Err(ApiError::bad_request(why));
    let text = |name: &str| arguments.text(name).unwrap_or_default().into_owned();
    let (title, description, payload) = (text("title"), text("description"), text("payload"));
    let (currency, provider_token) = (text("currency"), text("provider_token"));
    if !(1..=32).contains(&title.chars().count()) {
        return refused("invoice title must be 1-32 characters long");
    }
    if !(1..=255).contains(&description.chars().count()) {
        return refused("invoice description must be 1-255 characters long");
    }
    if !(1..=128).contains(&payload.len()) {
        return refused("INVOICE_PAYLOAD_INVALID");
    }
    // Stars are Telegram's own and need no provider.
    if currency != "XTR" && !provider_token.contains(":TEST:") {
        return refused("PAYMENT_PROVIDER_INVALID");
    }
    if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
        return refused("CURRENCY_INVALID");
    }
    let prices = arguments.json("prices")?;
    let prices = prices.as_ref().and_then(Value::as_array).filter(|prices| !prices.is_empty());
    let Some(prices) = prices else { return refused("there are no prices in the request") };
    let mut total = 0_i64;
    for price in prices {
        let amount =
            price.get("amount").and_then(Value::as_i64).filter(|_| price.get("label").is_some());
        let Some(amount) = amount else { return refused("can't parse labeled price") };
        total = total.saturating_add(amount);
    }
    if total <= 0 {
        return refused("CURRENCY_TOTAL_AMOUNT_INVALID");
    }
    // Telegram keeps the payload to itself; here it goes along, for the payment to come.
    Ok(object(json!({
        "invoice": {"title": title, "description": description, "start_parameter": "", "currency": currency,
            "total_amount": total, "simulated_payload": payload},
    })))
}

/// The keyboard, where there is one.
pub(super) fn markup(arguments: &Arguments, chat: i64) -> Result<Map<String, Value>, ApiError> {
    let Some(markup) = arguments.json("reply_markup")? else { return Ok(Map::new()) };
    let unreadable = || ApiError::bad_request("object expected as reply markup");
    let markup = markup.as_object().ok_or_else(unreadable)?;
    let Some(rows) = markup.get("inline_keyboard") else {
        // Keyboards of other kinds do not show in the message.
        return Ok(Map::new());
    };
    let rows = rows
        .as_array()
        .ok_or_else(|| ApiError::bad_request("field \"inline_keyboard\" must be of type Array"))?;
    let mut count = 0;
    for row in rows {
        for button in row
            .as_array()
            .ok_or_else(|| ApiError::bad_request("expected an Array of inline keyboard buttons"))?
        {
            check_button(button, chat)?;
            count += 1;
        }
    }
    if count > BUTTONS_MAX {
        return Err(ApiError::bad_request("reply markup is too long"));
    }
    Ok(object(json!({"reply_markup": {"inline_keyboard": rows}})))
}

fn check_button(button: &Value, chat: i64) -> Result<(), ApiError> {
    let refused = |why: &str| Err(ApiError::bad_request(why));
    let field = |name: &str| button.get(name).and_then(Value::as_str);
    if field("text").is_none_or(|text| text.trim().is_empty()) {
        return refused(
            "can't parse inline keyboard button: Field \"text\" must be of type String",
        );
    }
    if let Some(data) = field("callback_data") {
        return if (1..=64).contains(&data.len()) {
            Ok(())
        } else {
            refused("BUTTON_DATA_INVALID")
        };
    }
    if let Some(url) = field("url") {
        let opens =
            Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "tg"));
        let why = format!("inline keyboard button URL '{url}' is invalid: Wrong HTTP URL");
        return if opens { Ok(()) } else { refused(&why) };
    }
    if let Some(app) = button.get("web_app") {
        let is_tls =
            app.get("url").and_then(Value::as_str).is_some_and(|url| url.starts_with("https://"));
        return match (chat > 0, is_tls) {
            (false, _) => refused("BUTTON_TYPE_INVALID"),
            (true, false) => refused(
                "inline keyboard button Web App URL is invalid: Only HTTPS links are allowed",
            ),
            (true, true) => Ok(()),
        };
    }
    refused("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
}
