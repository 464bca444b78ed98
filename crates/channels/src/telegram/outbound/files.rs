//! Files and stickers, by address or by Telegram's own handle.
//!
//! Telegram fetches an address itself: it must be public, and of documents it takes only PDF, ZIP and GIF that way, up to
//! 5 MB for photos and 20 MB for the rest (Bot API, "Sending files"). Who has the bytes sends them as a multipart form
//! instead, under the name that [`file_argument`] gives: needed for our own files, whose address is a path as
//! `/files/...`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::text::{self, Format};
use super::{CALLS_PER_EVENT_MAX, CAPTION_UNITS_MAX, Unsendable, call, messages, object};
use crate::Call;

/// The argument of a call that holds its file, for who sends the bytes instead of the address; `None` where there is no
/// file in it.
pub fn file_argument(call: &Call) -> Option<&'static str> {
    let methods = MEDIA.iter().map(|(_, method, argument)| (*method, *argument));
    let argument =
        methods.chain([("sendSticker", "sticker")]).find(|(method, _)| *method == call.method)?.1;
    call.body.contains_key(argument).then_some(argument)
}

/// The kind of a file, the method that sends it, and the name of its argument. A video note cannot be sent by address, so
/// it goes as a video.
const MEDIA: [(&str, &str, &str); 7] = [
    ("image", "sendPhoto", "photo"),
    ("audio", "sendAudio", "audio"),
    ("voice", "sendVoice", "voice"),
    ("video", "sendVideo", "video"),
    ("video_note", "sendVideo", "video"),
    ("animation", "sendAnimation", "animation"),
    ("document", "sendDocument", "document"),
];

#[derive(Deserialize)]
struct Files {
    files: Vec<File>,
    caption: Option<String>,
}

#[derive(Deserialize)]
struct File {
    url: Option<String>,
    content_type: Option<String>,
    media: Option<String>,
    provider_file_id: Option<String>,
}

/// A call for each file; the caption goes with the first, or before it when it is too long for one.
pub(super) fn calls(data: &Value) -> Result<Vec<Call>, Unsendable> {
    let Files { files, caption } = Files::deserialize(data)
        .map_err(|_| Unsendable::data("/files", "must be a list of files"))?;
    if !(1..=CALLS_PER_EVENT_MAX).contains(&files.len()) {
        return Err(Unsendable::data(
            "/files",
            format!("must have 1 to {CALLS_PER_EVENT_MAX} files"),
        ));
    }
    let caption = caption.filter(|caption| !caption.trim().is_empty());
    let mut calls = Vec::new();
    let mut below = None;
    if let Some(caption) = caption {
        if text::units(&caption) > CAPTION_UNITS_MAX {
            calls.extend(messages(&caption, Format::read(data), None)?);
        } else {
            below =
                text::pieces(&caption, Format::read(data), CAPTION_UNITS_MAX)?.into_iter().next();
        }
    }
    for (number, file) in files.iter().enumerate() {
        let pointer = format!("/files/{number}/url");
        let source = source(file.url.as_deref(), file.provider_file_id.as_deref(), &pointer)?;
        let media = file.media.as_deref().unwrap_or_else(|| media_of(file.content_type.as_deref()));
        let (_, method, argument) =
            MEDIA.into_iter().find(|(name, _, _)| *name == media).ok_or_else(|| {
                Unsendable::data(format!("/files/{number}/media"), "is not a kind of file")
            })?;
        let mut body = object(json!({argument: source}));
        if let Some(caption) = below.take() {
            body.extend(object(caption.argument("caption")));
        }
        calls.push(call(method, Value::Object(body)));
    }
    Ok(calls)
}

pub(super) fn sticker(data: &Value) -> Result<Vec<Call>, Unsendable> {
    let field = |name: &str| data.get(name).and_then(Value::as_str);
    // A sticker of Telegram is its handle; an address is only a picture of it.
    let source = match field("provider_file_id") {
        Some(handle) => handle,
        None => source(field("url"), None, "/url")?,
    };
    Ok(vec![call("sendSticker", json!({"sticker": source}))])
}

fn source<'a>(
    url: Option<&'a str>,
    handle: Option<&'a str>,
    pointer: &str,
) -> Result<&'a str, Unsendable> {
    let begins =
        |url: &str| ["https://", "http://", "/files/"].iter().any(|begin| url.starts_with(begin));
    let url = url.filter(|url| begins(url));
    url.or(handle.filter(|handle| !handle.is_empty()))
        .ok_or_else(|| Unsendable::data(pointer, "must be an https:// address or a file of ours"))
}

fn media_of(content_type: Option<&str>) -> &'static str {
    let Some(content_type) = content_type else { return "document" };
    match content_type.split('/').next() {
        // A GIF moves as an animation; other pictures are photos where Telegram knows them.
        Some("image") if content_type == "image/gif" => "animation",
        Some("image") if matches!(content_type, "image/jpeg" | "image/png" | "image/webp") => {
            "image"
        }
        Some("video") if content_type == "video/mp4" => "video",
        Some("audio") if matches!(content_type, "audio/mpeg" | "audio/mp4") => "audio",
        Some(_) | None => "document",
    }
}
