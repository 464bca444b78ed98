//! Messages with buttons, pictures or a list.
//!
//! A card has a picture or buttons there, never both: cards become a `carousel` of all pictures and one `button` message
//! with all buttons. What has neither becomes a `text` of its words.

use serde_json::{Value, json};

use super::super::about::{About, text_in};
use super::super::link;
use super::{message, text};

/// The name of a section of a list that has none.
const NO_SECTION: &str = "";

/// The messages of a `chat.rich_message`.
pub(super) fn messages(about: &About<'_>) -> Vec<Value> {
    let elements = about.data("elements").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let rich = match about.text("template") {
        Some("list") => list(about, elements).into_iter().collect(),
        Some("quick_replies") => button(about, elements).into_iter().collect::<Vec<Value>>(),
        _ => carousel(about, elements).into_iter().chain(button(about, elements)).collect(),
    };
    if rich.is_empty() { vec![text(&all_words(about, elements))] } else { rich }
}

/// The buttons of a message, with what a press of each sends back.
pub(super) fn buttons_of(elements: &[Value]) -> impl Iterator<Item = &Value> {
    elements.iter().filter_map(|element| element.get("buttons")?.as_array()).flatten()
}

/// The `callback` of a button: JSON in a text for one that leads to a page, with the spaces that WotNot puts.
pub(super) fn callback(button: &Value) -> String {
    let value = text_in(button, "value").unwrap_or_default();
    let address = match text_in(button, "type") {
        Some("url" | "webview") => value.to_owned(),
        Some("phone") => format!("tel:{value}"),
        _ => return String::new(),
    };
    let window = if text_in(button, "target") == Some("current") { "current" } else { "new" };
    format!("{{\"web_url\": {}, \"browser_window\": \"{window}\"}}", Value::from(address))
}

fn button(about: &About<'_>, elements: &[Value]) -> Option<Value> {
    let buttons: Vec<Value> = buttons_of(elements)
        .map(|button| {
            let callback = callback(button);
            json!({
                "title": text_in(button, "text").unwrap_or_default(),
                "type": if callback.is_empty() { "branch" } else { "web_url" },
                "callback": callback,
                "next_dialog": next_dialog(button),
            })
        })
        .collect();
    (!buttons.is_empty()).then(|| {
        let payload = json!({
            "search_enabled": false,
            "multi_select_enabled": false,
            "buttons_layout": "horizontal",
            "buttons_order": "as defined",
            "buttons": buttons,
            "title": title(about, elements),
        });
        message("button", payload)
    })
}

fn carousel(about: &About<'_>, elements: &[Value]) -> Option<Value> {
    let items: Vec<Value> = elements
        .iter()
        .filter_map(|element| {
            let address = text_in(element.get("image")?, "url")?;
            let image = link::absolute(address, &about.scene.public_url)?;
            Some(json!({ "image": image, "action": "" }))
        })
        .collect();
    (!items.is_empty())
        .then(|| message("carousel", json!({ "title": title(about, elements), "items": items })))
}

fn list(about: &About<'_>, elements: &[Value]) -> Option<Value> {
    let mut sections: Vec<(&str, Vec<Value>)> = Vec::new();
    for element in elements {
        let name = text_in(element, "section").unwrap_or(NO_SECTION);
        let first_button = buttons_of(std::slice::from_ref(element)).next();
        let item = json!({
            "title": text_in(element, "title").unwrap_or_default(),
            "description": text_in(element, "subtitle").unwrap_or_default(),
            "next_dialog": first_button.map(next_dialog).unwrap_or_default(),
        });
        match sections.iter_mut().find(|(known, _)| *known == name) {
            Some((_, items)) => items.push(item),
            None => sections.push((name, vec![item])),
        }
    }
    let sections: Vec<Value> =
        sections.iter().map(|(name, items)| json!({ "title": name, "items": items })).collect();
    (!sections.is_empty()).then(|| {
        let header = about.text("header").unwrap_or_default();
        let payload = json!({
            "header": { "type": "text", "text": header },
            "footer": about.text("footer").unwrap_or_default(),
            "title": about.text("text").unwrap_or_default(),
            "list": { "title": header, "sections": sections },
        });
        message("list", payload)
    })
}

/// The number of the dialog that follows there. Ours have names, so it is told only where the name is a number.
fn next_dialog(button: &Value) -> &str {
    let name = text_in(button, "postback_id").unwrap_or_default();
    if name.bytes().all(|byte| byte.is_ascii_digit()) { name } else { "" }
}

/// What stands above: the message's text, or the words of its parts.
fn title(about: &About<'_>, elements: &[Value]) -> String {
    about.text("text").map_or_else(|| words_of(elements), str::to_owned)
}

fn all_words(about: &About<'_>, elements: &[Value]) -> String {
    let above = ["header", "text"].into_iter().filter_map(|name| about.text(name));
    let parts = words_of(elements);
    let below = about.text("footer");
    let words = above.chain(Some(parts.as_str()).filter(|parts| !parts.is_empty())).chain(below);
    words.collect::<Vec<&str>>().join("\n")
}

fn words_of(elements: &[Value]) -> String {
    let of_one = |element| ["title", "subtitle"].map(|name| text_in(element, name));
    elements.iter().flat_map(of_one).flatten().collect::<Vec<&str>>().join("\n")
}
