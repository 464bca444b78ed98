//! Files: one message for each, and one for what was written below.

use serde_json::{Value, json};
use tidings_model::AuthorKind;

use super::super::about::{About, text_in};
use super::super::link;
use super::{message, text};

/// The media type of what nobody knows: RFC 2046, section 4.5.1.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The messages of a `chat.file`.
pub(super) fn messages(about: &About<'_>) -> Vec<Value> {
    let files = about.data("files").and_then(Value::as_array);
    let is_answer =
        about.text("source") == Some("form") && about.event.author.kind == AuthorKind::Customer;
    let mut messages: Vec<Value> =
        files.into_iter().flatten().map(|file| of_file(about, file, is_answer)).collect();
    messages.extend(about.text("caption").map(text));
    messages
}

/// A file as message; one that nobody can fetch is told as a text with its name.
fn of_file(about: &About<'_>, file: &Value, is_answer: bool) -> Value {
    let address = text_in(file, "url").unwrap_or_default();
    let name = text_in(file, "name").or_else(|| link::last_part(address)).unwrap_or("file");
    let Some(link) = link::absolute(address, &about.scene.public_url) else { return text(name) };
    let mime_type = text_in(file, "content_type").unwrap_or(UNKNOWN_TYPE);
    let sub_type = sub_type_of(text_in(file, "media"), mime_type);
    if is_answer {
        let file = json!({ "mime_type": mime_type, "link": link, "file_name": name });
        message("file_upload.response", json!({ "type": sub_type, "payload": file }))
    } else {
        message(sub_type, json!({ "link": link, "mime_type": mime_type, "file_name": name }))
    }
}

/// What a file is to a reader there; by its media type where we did not say.
fn sub_type_of(media: Option<&str>, mime_type: &str) -> &'static str {
    match (media, mime_type.split('/').next()) {
        (Some("animation"), Some("video")) | (Some("video" | "video_note"), _) => "video",
        (Some("image" | "animation"), _) => "image",
        (Some("audio" | "voice"), _) => "audio",
        (Some("document"), _) => "document",
        (_, Some("image")) => "image",
        (_, Some("audio")) => "audio",
        (_, Some("video")) => "video",
        (_, _) => "document",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_is_to_a_reader() {
        for (media, mime_type, expected) in [
            (Some("animation"), "image/gif", "image"),
            (Some("animation"), "video/mp4", "video"),
            (Some("video_note"), "video/mp4", "video"),
            (Some("voice"), "audio/ogg", "audio"),
            (Some("document"), "image/png", "document"),
            (None, "audio/mpeg", "audio"),
            (Some("hologram"), "video/mp4", "video"),
            (None, "nonsense", "document"),
        ] {
            assert_eq!(sub_type_of(media, mime_type), expected, "{media:?} {mime_type}");
        }
    }
}
