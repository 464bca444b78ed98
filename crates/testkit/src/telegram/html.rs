//! `parse_mode` HTML, as strict as Telegram: unknown, unclosed and crossed tags are refused.

use serde_json::{Value, json};

use super::error::ApiError;

/// The tags that Telegram takes (Bot API, "HTML style"), and the entity that each becomes.
const TAGS: [(&str, &str); 15] = [
    ("b", "bold"),
    ("strong", "bold"),
    ("i", "italic"),
    ("em", "italic"),
    ("u", "underline"),
    ("ins", "underline"),
    ("s", "strikethrough"),
    ("strike", "strikethrough"),
    ("del", "strikethrough"),
    ("span", "spoiler"),
    ("tg-spoiler", "spoiler"),
    ("a", "text_link"),
    ("code", "code"),
    ("pre", "pre"),
    ("blockquote", "blockquote"),
];

/// The text without its tags, and their entities.
pub(super) fn parse(html: &str) -> Result<(String, Vec<Value>), ApiError> {
    let refused = |why: String| ApiError::bad_request(&format!("can't parse entities: {why}"));
    let mut text = String::new();
    let mut entities = Vec::new();
    let mut open: Vec<(String, &str, usize, Option<String>)> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at_checked(at).expect("a found byte is a border");
        text.push_str(before);
        let offset = html.len() - from.len();
        if let Some(reference) = from.strip_prefix('&') {
            let known = [("lt;", '<'), ("gt;", '>'), ("amp;", '&'), ("quot;", '"')];
            match known.into_iter().find(|(name, _)| reference.starts_with(name)) {
                Some((name, c)) => {
                    text.push(c);
                    rest = reference.strip_prefix(name).expect("it begins with it");
                }
                None => {
                    text.push('&');
                    rest = reference;
                }
            }
            continue;
        }
        let tag = from.strip_prefix('<').expect("it was found");
        let (tag, after) = tag
            .split_once('>')
            .ok_or_else(|| refused(format!("Unclosed start tag at byte offset {offset}")))?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let (opened, kind, from_unit, url) = open
                .pop()
                .ok_or_else(|| refused(format!("Unexpected end tag at byte offset {offset}")))?;
            if opened != name.trim() {
                return Err(refused(format!(
                    "Unmatched end tag at byte offset {offset}, expected \"</{opened}>\", found \"</{name}>\""
                )));
            }
            let length = text.encode_utf16().count() - from_unit;
            if length > 0 {
                let mut entity = json!({"type": kind, "offset": from_unit, "length": length});
                if let (Some(url), Some(entity)) = (url, entity.as_object_mut()) {
                    entity.insert("url".into(), url.into());
                }
                entities.push(entity);
            }
            continue;
        }
        let name = tag.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let kind = TAGS.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| kind);
        let kind = kind.ok_or_else(|| {
            refused(format!("Unsupported start tag \"{name}\" at byte offset {offset}"))
        })?;
        let url = tag
            .split_once("href=\"")
            .and_then(|(_, url)| url.split_once('"'))
            .map(|(url, _)| url.replace("&amp;", "&"));
        open.push((name, kind, text.encode_utf16().count(), url));
    }
    text.push_str(rest);
    match open.pop() {
        Some((name, ..)) => {
            Err(refused(format!("Can't find end tag corresponding to start tag \"{name}\"")))
        }
        None => Ok((text, entities)),
    }
}
