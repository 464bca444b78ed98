//! Rich messages: buttons below a text, cards, lists, stickers.

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_model::Event;

use super::text::{self, Format};
use super::{Address, CAPTION_UNITS_MAX, Unsendable, call, markdown, messages, object};
use crate::Call;
use crate::telegram::postback::{CALLBACK_DATA_BYTES_MAX, PostbackReference};

/// The most buttons of one message. The Bot API names none; more are refused as "reply markup is too long".
const BUTTONS_MAX: usize = 100;

/// Up to so many short buttons stand side by side.
const BUTTONS_IN_ROW: usize = 3;

/// A button is short up to here, in characters: three such fit a phone's width.
const SHORT_BUTTON_CHARS: usize = 12;

#[derive(Deserialize)]
struct RichMessage {
    template: Template,
    text: Option<String>,
    #[serde(default)]
    elements: Vec<Element>,
    header: Option<String>,
    footer: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Template {
    Cards,
    QuickReplies,
    Sticker,
    List,
}

#[derive(Deserialize)]
struct Element {
    title: Option<String>,
    subtitle: Option<String>,
    image: Option<Image>,
    #[serde(default)]
    buttons: Vec<Button>,
}

#[derive(Deserialize)]
struct Image {
    url: Option<String>,
}

#[derive(Deserialize)]
struct Button {
    text: String,
    #[serde(rename = "type", default)]
    kind: ButtonKind,
    value: Option<String>,
    postback_id: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ButtonKind {
    #[default]
    Message,
    Url,
    Phone,
    Webview,
}

pub(super) fn calls(event: &Event, address: Address) -> Result<Vec<Call>, Unsendable> {
    let rich = RichMessage::deserialize(&event.data)
        .map_err(|_| Unsendable::data("", "is not a rich message: template, text, elements"))?;
    match rich.template {
        Template::QuickReplies => quick_replies(event, address, &rich),
        Template::Cards => cards(event, address, &rich),
        Template::List => list(event, address, &rich),
        Template::Sticker => {
            let image = rich.elements.iter().find_map(Element::image_url);
            let image = image.ok_or_else(|| Unsendable::data("/elements/0/image", "is missing"))?;
            Ok(vec![call("sendSticker", json!({"sticker": image}))])
        }
    }
}

/// One message: the text, else what the elements say, and all their buttons.
fn quick_replies(
    event: &Event,
    address: Address,
    rich: &RichMessage,
) -> Result<Vec<Call>, Unsendable> {
    let said = rich.text.clone().filter(|text| !text.trim().is_empty());
    let said = said.unwrap_or_else(|| {
        rich.elements.iter().map(Element::words).collect::<Vec<_>>().join("\n\n")
    });
    let shown = keyboard(event, address, buttons_of(rich))?;
    messages(&shown.below(said), Format::read(&event.data), shown.markup)
}

/// One message: what stands above, the elements one below the other, what stands below, and all their buttons. Pictures
/// have no place in it.
fn list(event: &Event, address: Address, rich: &RichMessage) -> Result<Vec<Call>, Unsendable> {
    let line = |text: &Option<String>| text.as_deref().map(markdown::escaped);
    let header = line(&rich.header).map(|header| format!("<b>{header}</b>"));
    let above = [header, line(&rich.text)].into_iter().flatten();
    let elements = rich.elements.iter().map(Element::html);
    let parts =
        above.chain(elements).chain(line(&rich.footer)).filter(|part| !part.trim().is_empty());
    let said = parts.collect::<Vec<_>>().join("\n\n");
    let shown = keyboard(event, address, buttons_of(rich))?;
    messages(&shown.below_html(said), Format::Html, shown.markup)
}

/// A message for each element. A single one without words of its own takes the text as its caption.
fn cards(event: &Event, address: Address, rich: &RichMessage) -> Result<Vec<Call>, Unsendable> {
    let text = rich.text.as_deref().filter(|text| !text.trim().is_empty());
    let single =
        rich.elements.len() == 1 && rich.elements.iter().all(|element| element.words().is_empty());
    let mut calls = Vec::new();
    if let Some(text) = text.filter(|_| !single) {
        calls.extend(messages(text, Format::read(&event.data), None)?);
    }
    for (number, element) in rich.elements.iter().enumerate() {
        let buttons = element.buttons.iter().enumerate().map(|(n, button)| (number, n, button));
        let shown = keyboard(event, address, buttons)?;
        let (words, format) = match text.filter(|_| single) {
            Some(text) => (text.to_owned(), Format::read(&event.data)),
            None => (element.html(), Format::Html),
        };
        let words =
            if format == Format::Html { shown.below_html(words) } else { shown.below(words) };
        calls.extend(card(element, &words, format, shown.markup)?);
    }
    if calls.is_empty() {
        return Err(Unsendable::data("/elements", "is empty"));
    }
    Ok(calls)
}

fn card(
    element: &Element,
    words: &str,
    format: Format,
    markup: Option<Value>,
) -> Result<Vec<Call>, Unsendable> {
    let Some(image) = element.image_url() else { return messages(words, format, markup) };
    let mut photo = object(json!({"photo": image}));
    if text::units(words) > CAPTION_UNITS_MAX {
        let mut calls = vec![call("sendPhoto", Value::Object(photo))];
        calls.extend(messages(words, format, markup)?);
        return Ok(calls);
    }
    if let Some(caption) = text::pieces(words, format, CAPTION_UNITS_MAX)?.into_iter().next() {
        photo.extend(object(caption.argument("caption")));
    }
    if let Some(markup) = markup {
        photo.insert("reply_markup".into(), markup);
    }
    Ok(vec![call("sendPhoto", Value::Object(photo))])
}

impl Element {
    fn image_url(&self) -> Option<&str> {
        self.image.as_ref().and_then(|image| image.url.as_deref()).filter(|url| !url.is_empty())
    }

    fn words(&self) -> String {
        let words = [self.title.as_deref(), self.subtitle.as_deref()];
        words
            .into_iter()
            .flatten()
            .filter(|words| !words.trim().is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn html(&self) -> String {
        let part = |text: &Option<String>| {
            text.as_deref().filter(|text| !text.trim().is_empty()).map(markdown::escaped)
        };
        let title = part(&self.title).map(|title| format!("<b>{title}</b>"));
        [title, part(&self.subtitle)].into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

/// All buttons of a message, each with the numbers of its element and its own.
fn buttons_of(rich: &RichMessage) -> impl Iterator<Item = (usize, usize, &Button)> {
    let elements = rich.elements.iter().enumerate();
    elements
        .flat_map(|(element, of)| of.buttons.iter().enumerate().map(move |(n, b)| (element, n, b)))
}

/// A keyboard, and the lines for what no button of Telegram can do.
struct Keyboard {
    markup: Option<Value>,
    lines: Vec<String>,
}

impl Keyboard {
    fn below(&self, text: String) -> String {
        std::iter::once(text)
            .chain(self.lines.iter().cloned())
            .collect::<Vec<_>>()
            .join("\n")
            .trim()
            .to_owned()
    }

    fn below_html(&self, html: String) -> String {
        let lines = self.lines.iter().map(|line| markdown::escaped(line));
        std::iter::once(html).chain(lines).collect::<Vec<_>>().join("\n").trim().to_owned()
    }
}

fn keyboard<'a>(
    event: &Event,
    address: Address,
    buttons: impl Iterator<Item = (usize, usize, &'a Button)>,
) -> Result<Keyboard, Unsendable> {
    let mut keys = Vec::new();
    let mut lines = Vec::new();
    let mut all_short = true;
    for (element, number, button) in buttons {
        let pointer = format!("/elements/{element}/buttons/{number}");
        if button.text.trim().is_empty() {
            return Err(Unsendable::data(format!("{pointer}/text"), "is empty"));
        }
        let value =
            button.value.as_deref().filter(|value| !value.is_empty()).unwrap_or(&button.text);
        let key = match button.kind {
            ButtonKind::Message => {
                let reference = PostbackReference { event: event.id, element, button: number };
                json!({"text": button.text, "callback_data": callback_data(button, value, reference)})
            }
            ButtonKind::Url => json!({"text": button.text, "url": link(value, &pointer)?}),
            // A web app opens in private chats only, and over TLS only (Bot API, InlineKeyboardButton).
            ButtonKind::Webview if value.starts_with("https://") && !address.is_group() => {
                json!({"text": button.text, "web_app": {"url": value}})
            }
            ButtonKind::Webview => json!({"text": button.text, "url": link(value, &pointer)?}),
            // Telegram has no button that dials, and makes a link of a number in a text.
            ButtonKind::Phone => {
                lines.push(format!("{}: {value}", button.text));
                continue;
            }
        };
        all_short &= button.text.chars().count() <= SHORT_BUTTON_CHARS;
        keys.push(key);
    }
    if keys.len() > BUTTONS_MAX {
        return Err(Unsendable::data("/elements", format!("has more than {BUTTONS_MAX} buttons")));
    }
    let in_row = if all_short { BUTTONS_IN_ROW } else { 1 };
    let rows: Vec<_> = keys.chunks(in_row).map(|row| Value::Array(row.to_vec())).collect();
    let markup = (!rows.is_empty()).then(|| json!({"inline_keyboard": rows}));
    Ok(Keyboard { markup, lines })
}

/// The value itself where it fits and cannot be taken for a reference.
fn callback_data(button: &Button, value: &str, reference: PostbackReference) -> String {
    let fits = value.len() <= CALLBACK_DATA_BYTES_MAX && PostbackReference::read(value).is_none();
    if fits && button.postback_id.is_none() { value.to_owned() } else { reference.write() }
}

fn link<'a>(value: &'a str, pointer: &str) -> Result<&'a str, Unsendable> {
    let opens = ["https://", "http://", "tg://"].iter().any(|scheme| value.starts_with(scheme));
    if opens {
        Ok(value)
    } else {
        Err(Unsendable::data(format!("{pointer}/value"), "must be an https:// address"))
    }
}
