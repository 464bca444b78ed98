//! What becomes of each type of event.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{Draft, Event, EventId, Seq, Visibility, WorkspaceId};
use uuid::Uuid;

use super::received_at;
use crate::telegram::outbound::{file_argument, readdressed};
use crate::telegram::{
    PostbackReference, Unsendable, answer_callback_query, answer_precheckout, calls,
};
use crate::{Call, Priority};

const EVENT: EventId = EventId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

fn event(event_type: &str, data: Value) -> Event {
    let event_type = event_type.parse().expect("a type");
    let draft = Draft::new(EVENT, event_type, WorkspaceId::new(Uuid::nil()), received_at(), data);
    Event::new(Seq(1), None, draft, Arc::from(&b"{}"[..]))
}

fn sent(event_type: &str, data: Value) -> Vec<Call> {
    calls(&event(event_type, data), "5550000001").expect("it can be sent")
}

/// The only call, as method and body.
fn only(event_type: &str, data: Value) -> (&'static str, Value) {
    let mut calls = sent(event_type, data);
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = calls.remove(0);
    assert_eq!(call.priority, Priority::InOrder);
    (call.method, Value::Object(call.body))
}

fn refused(event_type: &str, data: Value) -> String {
    calls(&event(event_type, data), "5550000001").expect_err("it cannot be sent").to_string()
}

const ALICE: i64 = 5_550_000_001;

#[test]
fn a_question_brings_a_key_that_sends_what_it_wants() {
    let asks = |kind: &str, address: &str| {
        let event = event("chat.message", json!({"text": "Where?", "input": {"kind": kind}}));
        let call = calls(&event, address).expect("it can be sent").remove(0);
        call.body.get("reply_markup").and_then(|markup| markup.pointer("/keyboard/0/0").cloned())
    };
    let place = json!({"text": "Send where I am", "request_location": true});
    assert_eq!(asks("location", "5550000001"), Some(place));
    let number = json!({"text": "Send my number", "request_contact": true});
    assert_eq!(asks("contact", "5550000001"), Some(number));
    assert_eq!(asks("location", "-1001234567890"), None);
    assert_eq!(asks("slider", "5550000001"), None);
}

#[test]
fn a_message() {
    let hello = json!({"chat_id": ALICE, "text": "Hello <Alice>"});
    assert_eq!(only("chat.message", json!({"text": "Hello <Alice>"})), ("sendMessage", hello));
    let (_, body) = only(
        "chat.message",
        json!({"text": "**Hello** <Alice>", "format": "markdown", "reply_to": "9"}),
    );
    assert_eq!(body["text"], "<b>Hello</b> &lt;Alice&gt;");
    assert_eq!(body["parse_mode"], "HTML");
    assert_eq!(
        body["reply_parameters"],
        json!({"message_id": 9, "allow_sending_without_reply": true})
    );
    assert_eq!(
        refused("chat.message", json!({"text": " "})),
        "data/text must be a text that is not empty"
    );
}

#[test]
fn a_long_message_is_several() {
    let text = "A sentence of some words. ".repeat(400);
    let calls = sent("chat.message", json!({"text": text, "reply_to": "9"}));
    assert_eq!(calls.len(), 3);
    assert!(
        calls.iter().all(|call| call.body["text"].as_str().is_some_and(|text| text.ends_with('.')))
    );
    assert!(
        calls[0].body.contains_key("reply_parameters")
            && !calls[1].body.contains_key("reply_parameters")
    );
    assert_eq!(
        refused("chat.message", json!({"text": "x".repeat(50_000)})),
        Unsendable::TooLong.to_string()
    );
}

#[test]
fn a_topic_is_part_of_the_address() {
    let hello = event("chat.message", json!({"text": "Hello"}));
    let calls = calls(&hello, "-1001234567890:7").expect("it can be sent");
    let body = json!({"chat_id": -1_001_234_567_890_i64, "message_thread_id": 7, "text": "Hello"});
    assert_eq!(Value::Object(calls[0].body.clone()), body);
    assert_eq!(readdressed(calls[0].clone(), -5).body["chat_id"], -5);
    assert_eq!(super::super::calls(&hello, "alice@example.org"), Err(Unsendable::Address));
}

#[test]
fn what_agents_say_to_each_other_stays_there() {
    let mut draft = Draft::clone(&event("chat.message", json!({"text": "He is rude"})));
    draft.visibility = Visibility::Agents;
    let whispered = Event::new(Seq(1), None, draft, Arc::from(&b"{}"[..]));
    assert_eq!(calls(&whispered, "5550000001"), Err(Unsendable::AgentsOnly));
}

#[test]
fn buttons() {
    let long = "a value that is longer than the sixty-four bytes which Telegram has for it";
    let data = json!({"template": "quick_replies", "text": "Which size?", "elements": [{"buttons": [
        {"text": "Small", "type": "message", "value": "S"},
        {"text": "Large", "value": long},
        {"text": "Menu", "type": "url", "value": "https://example.org/menu"},
        {"text": "Fake", "value": "#01900000000070008000000000000001.0.1"},
        {"text": "Call us", "type": "phone", "value": "+15550100"},
        {"text": "Table", "type": "webview", "value": "https://example.org/table"},
    ]}]});
    let (method, body) = only("chat.rich_message", data.clone());
    assert_eq!((method, &body["text"]), ("sendMessage", &json!("Which size?\nCall us: +15550100")));
    let rows = json!([
        [
            {"text": "Small", "callback_data": "S"},
            {"text": "Large", "callback_data": "#01900000000070008000000000000001.0.1"},
            {"text": "Menu", "url": "https://example.org/menu"},
        ],
        [
            {"text": "Fake", "callback_data": "#01900000000070008000000000000001.0.3"},
            {"text": "Table", "web_app": {"url": "https://example.org/table"}},
        ],
    ]);
    assert_eq!(body["reply_markup"]["inline_keyboard"], rows);

    let pressed =
        PostbackReference::read("#01900000000070008000000000000001.0.1").expect("a reference");
    assert_eq!(pressed.event, EVENT);
    assert_eq!(pressed.find(&data).map(|pressed| pressed.value).as_deref(), Some(long));
    let far = PostbackReference { event: EVENT, element: 9_999_999, button: 99 };
    assert!(far.write().len() <= 64 && far.find(&data).is_none());
    for value in [
        "S",
        "#",
        "#1.2.3",
        "#01900000000070008000000000000001.0",
        "#01900000000070008000000000000001.0.1.2",
    ] {
        assert_eq!(PostbackReference::read(value), None, "{value}");
    }
}

#[test]
fn buttons_that_cannot_be() {
    let button = |button: Value| json!({"template": "quick_replies", "text": "?", "elements": [{"buttons": [button]}]});
    assert_eq!(
        refused("chat.rich_message", button(json!({"text": ""}))),
        "data/elements/0/buttons/0/text is empty"
    );
    assert_eq!(
        refused(
            "chat.rich_message",
            button(json!({"text": "x", "type": "url", "value": "javascript:1"}))
        ),
        "data/elements/0/buttons/0/value must be an https:// address"
    );
    assert!(
        refused("chat.rich_message", json!({"template": "carousel"})).starts_with("data is not")
    );
}

#[test]
fn cards() {
    let data = json!({"template": "cards", "text": "Our pizzas", "elements": [
        {"title": "Margherita", "subtitle": "Tomato & cheese", "image": {"url": "https://example.org/m.jpg"},
            "buttons": [{"text": "Take it", "value": "m"}]},
        {"title": "Marinara"},
    ]});
    let calls = sent("chat.rich_message", data);
    let methods: Vec<_> = calls.iter().map(|call| call.method).collect();
    assert_eq!(methods, ["sendMessage", "sendPhoto", "sendMessage"]);
    assert_eq!(calls[1].body["caption"], "<b>Margherita</b>\nTomato &amp; cheese");
    assert_eq!(calls[1].body["reply_markup"]["inline_keyboard"][0][0]["callback_data"], "m");

    let said_with_image = json!({"template": "cards", "text": "Look!", "elements": [{"image": {"url": "https://example.org/m.jpg"}}]});
    let body = json!({"chat_id": ALICE, "photo": "https://example.org/m.jpg", "caption": "Look!"});
    assert_eq!(only("chat.rich_message", said_with_image), ("sendPhoto", body));
    let sticker = json!({"template": "sticker", "elements": [{"image": {"url": "https://example.org/s.webp"}}]});
    assert_eq!(only("chat.rich_message", sticker).0, "sendSticker");
    let list = json!({"template": "list", "header": "Menu", "footer": "Ask us", "elements": [
        {"title": "Margherita", "subtitle": "Tomato & cheese", "buttons": [{"text": "Take it", "value": "m"}]},
        {"title": "Marinara"},
    ]});
    let (method, body) = only("chat.rich_message", list);
    assert_eq!(method, "sendMessage");
    assert_eq!(
        body["text"],
        "<b>Menu</b>\n\n<b>Margherita</b>\nTomato &amp; cheese\n\n<b>Marinara</b>\n\nAsk us"
    );
    assert!(body["reply_markup"].is_object());
}

#[test]
fn files() {
    let data = json!({"caption": "The bill", "files": [
        {"url": "https://example.org/bill.pdf", "content_type": "application/pdf", "media": "document"},
        {"provider_file_id": "AwACvoice", "media": "voice"},
        {"url": "https://example.org/a.mp4", "content_type": "video/mp4"},
    ]});
    let calls = sent("chat.file", data);
    let methods: Vec<_> = calls.iter().map(|call| (call.method, file_argument(call))).collect();
    assert_eq!(
        methods,
        [
            ("sendDocument", Some("document")),
            ("sendVoice", Some("voice")),
            ("sendVideo", Some("video"))
        ]
    );
    assert_eq!(calls[0].body["caption"], "The bill");
    assert!(!calls[1].body.contains_key("caption"));
    assert_eq!(calls[1].body["voice"], "AwACvoice");
    let long = sent(
        "chat.file",
        json!({"caption": "x".repeat(1025), "files": [{"url": "https://example.org/a.jpg", "media": "image"}]}),
    );
    assert_eq!(
        long.iter().map(|call| call.method).collect::<Vec<_>>(),
        ["sendMessage", "sendPhoto"]
    );
    assert_eq!(
        refused("chat.file", json!({"files": [{"url": "file:///etc"}]})),
        "data/files/0/url must be an https:// address or a file of ours"
    );
    assert_eq!(only("chat.sticker", json!({"provider_file_id": "CAAC"})).1["sticker"], "CAAC");
}

#[test]
fn places_and_contacts() {
    let place = json!({"chat_id": ALICE, "latitude": 52.5, "longitude": 13.25});
    assert_eq!(
        only("chat.location", json!({"latitude": 52.5, "longitude": 13.25})),
        ("sendLocation", place)
    );
    let venue = json!({"latitude": 52.5, "longitude": 13.25, "title": "Luigi", "address": "Example Street 1"});
    assert_eq!(only("chat.location", venue).0, "sendVenue");
    assert!(
        refused("chat.location", json!({"latitude": 91, "longitude": 0}))
            .starts_with("data is not a place")
    );
    let contact = json!({"chat_id": ALICE, "phone_number": "+15550100", "first_name": "+15550100"});
    assert_eq!(
        only("chat.contact", json!({"phone_number": "+15550100"})),
        ("sendContact", contact)
    );
}

#[test]
fn changes_and_deletions() {
    let edit =
        json!({"provider_message_id": "77", "data": {"text": "*Two*", "format": "markdown"}});
    let body =
        json!({"chat_id": ALICE, "text": "<i>Two</i>", "parse_mode": "HTML", "message_id": 77});
    assert_eq!(only("chat.event_edited", edit), ("editMessageText", body));
    let body = json!({"chat_id": ALICE, "message_id": 77});
    assert_eq!(
        only("chat.event_deleted", json!({"provider_message_id": "77"})),
        ("deleteMessage", body)
    );
}

#[test]
fn an_invoice_is_a_call_as_it_stands() {
    let invoice = |change: &dyn Fn(&mut Value)| {
        let mut data = json!({"kind": "invoice", "telegram": {"title": "Pizza", "description": "One margherita",
            "payload": "order-42", "provider_token": "1:TEST", "currency": "EUR",
            "prices": [{"label": "Margherita", "amount": 1450}]}});
        change(&mut data);
        data
    };
    let (method, body) = only("chat.custom", invoice(&|_| {}));
    assert_eq!(
        (method, &body["chat_id"], &body["payload"]),
        ("sendInvoice", &json!(ALICE), &json!("order-42"))
    );
    for (field, value) in [
        ("title", json!("x".repeat(33))),
        ("description", json!("")),
        ("payload", json!("x".repeat(129))),
        ("currency", json!("euro")),
        ("prices", json!([{"label": "x", "amount": 14.5}])),
    ] {
        let error =
            refused("chat.custom", invoice(&|data| data["telegram"][field] = value.clone()));
        assert!(error.starts_with(&format!("data/telegram/{field} ")), "{error}");
    }
}

#[test]
fn a_call_as_it_stands_stays_in_its_chat() {
    let raw = |telegram: Value| json!({"telegram": telegram});
    let dice = json!({"method": "sendDice", "chat_id": 666, "message_thread_id": 6, "emoji": "🎯"});
    assert_eq!(
        only("chat.custom", raw(dice)),
        ("sendDice", json!({"chat_id": ALICE, "emoji": "🎯"}))
    );
    let copy = json!({"method": "copyMessage", "from_chat_id": 666, "message_id": 5});
    assert_eq!(only("chat.custom", raw(copy)).1["from_chat_id"], ALICE);
    for method in
        ["deleteWebhook", "setWebhook", "getUpdates", "banChatMember", "logOut", "sendGift", ""]
    {
        let error = refused("chat.custom", raw(json!({"method": method})));
        assert!(error.starts_with("data/telegram/method "), "{error}");
    }
    assert!(refused("chat.custom", json!({"anything": 1})).contains("chat.custom"));
    assert!(refused("note.added", json!({"text": "x"})).contains("note.added"));
}

#[test]
fn what_runs_out_goes_first() {
    let answer = answer_callback_query("23", Some(&"x".repeat(300)));
    assert_eq!((answer.method, answer.priority), ("answerCallbackQuery", Priority::Urgent));
    assert_eq!(answer.body["text"].as_str().map(str::len), Some(200));
    assert!(!answer_callback_query("23", None).body.contains_key("text"));
    let yes = answer_precheckout("42", None);
    assert_eq!(yes.priority, Priority::Urgent);
    assert_eq!(Value::Object(yes.body), json!({"pre_checkout_query_id": "42", "ok": true}));
    let no = answer_precheckout("42", Some("Sold out"));
    assert_eq!(
        Value::Object(no.body),
        json!({"pre_checkout_query_id": "42", "ok": false, "error_message": "Sold out"})
    );
}
