//! Several arrivals of one album become one. Telegram sends each picture of an album as an update of its own, with the
//! same `media_group_id`; accept keeps them until the album was quiet for `album_window_ms`, then joins them.

use serde_json::{Map, Value};

use crate::Arrival;

/// The most files of one album (Bot API, sendMediaGroup: "must include 2-10 items").
pub const ALBUM_FILES_MAX: usize = 10;

/// Joins the parts of one album to one `chat.file`, in the order of their messages whatever order they came in. It keeps
/// the number, the message id and the time of the first; the first caption is the album's; `raw` holds every update under
/// `album`. `None` when there is no part.
///
/// The claims of all parts must be taken with the commit of the joined event, so keep their `provider_id`s.
pub fn join(mut parts: Vec<Arrival>) -> Option<Arrival> {
    // The numbers of messages have no fixed width, so text order is not theirs.
    parts.sort_by_key(|part| {
        let number =
            |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok()).unwrap_or(i64::MAX);
        (number(part.custom_id.as_deref()), number(Some(&part.provider_id)))
    });
    if parts.len() < 2 {
        return parts.pop();
    }
    let mut files = Vec::new();
    let mut described = Vec::new();
    let mut caption = None;
    let mut raw = Vec::new();
    let mut parts = parts.into_iter();
    let mut joined = parts.next()?;
    let first = joined.clone();
    for mut part in std::iter::once(first).chain(parts) {
        for (mut file, description) in part.files.drain(..).zip(descriptions(&mut part.data)) {
            file.pointer = format!("/files/{}", described.len());
            files.push(file);
            described.push(description);
        }
        caption = caption.or_else(|| part.data.get("caption").cloned());
        raw.push(Value::Object(part.raw));
    }
    let mut data = Map::new();
    data.insert("files".into(), Value::Array(described));
    if let Some(caption) = caption {
        data.insert("caption".into(), caption);
    }
    joined.data = Value::Object(data);
    joined.files = files;
    joined.raw = Map::from_iter([("album".to_owned(), Value::Array(raw))]);
    Some(joined)
}

fn descriptions(data: &mut Value) -> Vec<Value> {
    data.get_mut("files").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
}
