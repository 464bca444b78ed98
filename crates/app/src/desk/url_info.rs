//! What a page on the internet says of itself: title, description, picture. Fetched by the guarded client, because the
//! address is a visitor's.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Map, Value};
use tidings_outbound::Request;
use url::Url;

use super::{ErrorType, Failure};
use crate::App;

/// How much of a page is read: its head is in the first part.
const PAGE_BYTES_MAX: usize = 512 << 10;

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How many redirections are followed; each address is looked at anew.
const REDIRECTIONS_MAX: usize = 3;

/// The longest title and description that are given, in characters.
const TEXT_CHARS_MAX: usize = 1_000;

/// `get_url_info`.
pub async fn get(app: &App, address: &str) -> Result<Value, Failure> {
    let wrong = |problem: String| Failure::field("url", problem);
    let mut url = Url::parse(address).map_err(|error| wrong(error.to_string()))?;
    for _ in 0..=REDIRECTIONS_MAX {
        app.guarded.check(url.as_str()).map_err(|error| wrong(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
        let request = Request {
            method: Method::GET,
            url: url.as_str(),
            headers,
            body: Bytes::new(),
            deadline: DEADLINE,
            answer_bytes_max: PAGE_BYTES_MAX,
        };
        let answer = app.guarded.send(request).await.map_err(|error| {
            tracing::info!("a page could not be looked at: {error}");
            Failure::new(ErrorType::Validation, "the page cannot be read")
        })?;
        if answer.status.is_redirection() {
            let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
            let to = to.and_then(|to| url.join(to).ok());
            url =
                to.ok_or_else(|| Failure::new(ErrorType::Validation, "the page leads nowhere"))?;
            continue;
        }
        if !answer.status.is_success() {
            return Err(Failure::new(
                ErrorType::Validation,
                format!("the page answers {}", answer.status.as_u16()),
            ));
        }
        return Ok(describe(&url, &String::from_utf8_lossy(&answer.body_head)));
    }
    Err(Failure::new(ErrorType::Validation, "the page leads from one to the next"))
}

/// Puts together what a page says of itself.
fn describe(url: &Url, html: &str) -> Value {
    let found = read_head(html);
    let mut shown = Map::from_iter([("url".to_owned(), Value::from(url.as_str()))]);
    let mut put = |name: &str, from: &[&str]| {
        let text = from.iter().find_map(|key| found.get(*key)).and_then(Value::as_str);
        if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
            let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
            shown.insert(name.into(), text.into());
        }
    };
    put("title", &["og:title", "title"]);
    put("description", &["og:description", "description"]);
    put("image_url", &["og:image:secure_url", "og:image", "twitter:image"]);
    put("image_width", &["og:image:width"]);
    put("image_height", &["og:image:height"]);
    for name in ["image_width", "image_height"] {
        let number = shown.get(name).and_then(|text| text.as_str()?.parse::<u32>().ok());
        match number {
            Some(number) => shown.insert(name.into(), number.into()),
            None => shown.shift_remove(name),
        };
    }
    // A picture's address may be meant from the page on.
    let image = shown.get("image_url").and_then(|text| url.join(text.as_str()?).ok());
    match image.filter(|image| matches!(image.scheme(), "http" | "https")) {
        Some(image) => {
            shown.insert("image_url".into(), image.as_str().into());
            shown.insert("image_original_url".into(), image.as_str().into());
        }
        None => {
            shown.shift_remove("image_url");
        }
    }
    Value::Object(shown)
}

/// The title and the metadata of a page: what stands in `<title>` and `<meta>`. Not a parser of HTML; a page that hides
/// them in scripts or comments says something wrong of itself only.
fn read_head(html: &str) -> Map<String, Value> {
    let mut found = Map::new();
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once('<') {
        let Some((inside, after)) = split_tag(tag) else { break };
        rest = after;
        let name: String = inside
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase();
        match name.as_str() {
            "title" if !found.contains_key("title") => {
                let text = after.split_once('<').map_or("", |(text, _)| text);
                found.insert("title".into(), unescaped(text).into());
            }
            "meta" => {
                let attributes = attributes(inside);
                let key = ["property", "name"].iter().find_map(|key| attributes.get(*key));
                let key = key.and_then(Value::as_str).map(str::to_lowercase);
                if let (Some(key), Some(content)) = (key, attributes.get("content")) {
                    found.entry(key).or_insert_with(|| content.clone());
                }
            }
            "body" => break,
            _ => {}
        }
    }
    found
}

/// What is inside of a tag, and what follows; a `>` in quotes does not end it.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (place, each) in text.char_indices() {
        match (quote, each) {
            (None, '>') => return Some((text.get(..place)?, text.get(place + 1..)?)),
            (None, '"' | '\'') => quote = Some(each),
            (Some(open), each) if each == open => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes(inside: &str) -> Map<String, Value> {
    let mut found = Map::new();
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.split_whitespace().next_back().unwrap_or_default().to_lowercase();
        let after = after.trim_start();
        let quote = after.chars().next().filter(|each| matches!(each, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => {
                let inner = after.strip_prefix(quote).unwrap_or(after);
                inner.split_once(quote).unwrap_or((inner, ""))
            }
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.insert(name, unescaped(value).into());
        rest = after;
    }
    found
}

/// The entities that titles have.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_says_what_it_is() {
        let url = Url::parse("https://shop.example/prices/").expect("a good address");
        let html = r#"<!doctype html><html><head><title>Prices &amp; more</title>
            <META content='All our "prices" > here' name=Description>
            <meta property="og:image" content="../img/a.png"><meta property="og:image:width" content="640">
            </head><body><meta name="description" content="no"></body>"#;
        let expected = json!({
            "url": "https://shop.example/prices/", "title": "Prices & more",
            "description": "All our \"prices\" > here",
            "image_url": "https://shop.example/img/a.png",
            "image_original_url": "https://shop.example/img/a.png", "image_width": 640,
        });
        assert_eq!(describe(&url, html), expected);
    }

    #[test]
    fn a_page_that_says_nothing_is_its_address() {
        let url = Url::parse("https://shop.example/").expect("a good address");
        for html in [
            "",
            "<",
            "<meta",
            "<meta content=",
            "<title>",
            "plain text",
            "<meta property=og:image content=javascript:x>",
        ] {
            assert_eq!(describe(&url, html), json!({ "url": "https://shop.example/" }), "{html}");
        }
    }
}
