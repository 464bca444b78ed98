//! One event of ours, or more, for every type and sub-type of WotNot's. Their data is as the catalogue describes it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_model::{Author, CustomerId, Event};
use tidings_wire::wotnot::{Account, Conversation, Person, Scene, Visit, Visitor};

use crate::pizzeria::{alice, bob, bot, draft, for_agents, numbered, uuid};

/// An event with what is known around it.
pub(super) struct Case {
    /// Also the name of the file that holds its body.
    pub(super) name: &'static str,
    pub(super) event: Event,
    pub(super) scene: Scene,
}

/// What is known in the pizzeria.
pub(super) fn scene() -> Scene {
    Scene {
        public_url: "https://chat.example.org".into(),
        channel_kind: Some("web".into()),
        conversation: Conversation {
            created_at: Some("2026-11-21T10:00:00.5Z".parse().expect("a time")),
            url: "https://chat.example.org/agents/chats/1".into(),
            ..Conversation::default()
        },
        account: Account {
            name: "The pizzeria".into(),
            bot: Some("pizzeria".into()),
            ..Account::default()
        },
        visitor: Visitor {
            customer: Some(CustomerId::new(uuid(1))),
            name: "Alice".into(),
            email: "alice@example.org".into(),
            variables: BTreeMap::from([("Allergies".to_owned(), json!("nuts"))]),
            ..Visitor::default()
        },
        visit: Visit {
            browser: "Firefox 150 (150.0)".into(),
            browser_language: "de-DE".into(),
            os: "Linux".into(),
            timezone: "Europe/Berlin".into(),
            ip_address: "192.0.2.7".into(),
            referrer_url: String::new(),
            source_url: "https://pizzeria.example.org/menu".into(),
        },
        people: BTreeMap::from([(
            "pizzeria".to_owned(),
            Person { email: Some("bot@pizzeria.example.org".into()), ..Person::default() },
        )]),
        ..Scene::default()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = changes();
    cases.extend(texts_and_files());
    cases.extend(prompts());
    cases.extend(answers());
    cases
}

fn case(name: &'static str, event_type: &str, author: Author, data: Value) -> Case {
    Case { name, event: numbered(draft(event_type, author, data)), scene: scene() }
}

fn answer(name: &'static str, event_type: &str, data: Value, prompt: Value) -> Case {
    let mut case = case(name, event_type, alice(), data);
    case.scene.prompt = Some(prompt);
    case
}

fn changes() -> Vec<Case> {
    let started = json!({
        "customer": uuid(1), "channel_kind": "web", "address": "web:1", "new_customer": true,
        "variables": { "size": "L", "table": 4, "client.VIP": true },
    });
    let labels = json!({ "added": ["vip"], "removed": ["new", "cold"], "labels": ["vip"] });
    let variables = json!({ "changed": {
        "size": "L", "guests": 4, "delivery": true, "at": "2026-11-21T19:00:00Z", "coupon": null,
        "toppings": ["ham", "basil"],
    } });
    let breached = json!({
        "target": "first_response", "agent": "bob@example.org",
        "due_at": "2026-11-21T10:15:00Z", "breached_at": "2026-11-21T10:15:00.961Z",
    });
    let delivered = json!({ "event": uuid(0xa0), "status": "delivered" });
    let failed = json!({
        "provider_message_id": "481516", "status": "failed", "campaign": "autumn",
        "error_code": "131026", "error_message": "the number has no account",
    });
    let assigned = json!({ "assignee": "bob@example.org", "group": "drivers" });
    let whisper = json!({ "text": "She is a regular" });
    vec![
        case("conversation_create", "chat.started", alice(), started),
        case("status_close", "chat.closed", bob(), json!({ "reason": "solved" })),
        case("status_open", "chat.reopened", alice(), json!({ "reason": "the customer wrote" })),
        case("assignee_change", "chat.assigned", Author::system(), assigned),
        case("variables", "chat.variables_changed", bob(), variables),
        case("conversation_labels", "chat.labels_changed", bob(), labels),
        case("note", "note.added", bob(), json!({ "text": "Called Alice back." })),
        Case {
            name: "note_of_a_text_for_agents",
            event: numbered(for_agents(draft("chat.message", bob(), whisper))),
            scene: scene(),
        },
        case("sla_breached", "chat.sla_breached", Author::system(), breached),
        case("message_status_inbound", "message.status_changed", Author::system(), delivered),
        case("message_status_outbound", "message.status_changed", Author::system(), failed),
    ]
}

fn texts_and_files() -> Vec<Case> {
    let file = |media: &str, name: &str, content_type: &str| {
        let url = format!("/files/{media}/signature");
        json!({ "url": url, "name": name, "content_type": content_type, "media": media })
    };
    let one = |file: &Value| json!({ "files": [file] });
    let image = file("image", "kitchen.png", "image/png");
    let command = json!({ "command": "start", "arguments": "menu", "text": "/start menu" });
    let album = json!({
        "files": [image, file("video", "oven.mp4", "video/mp4")], "caption": "Our new oven",
    });
    let upload = json!({ "files": [image], "source": "form" });
    let voice = file("voice", "hello.ogg", "audio/ogg");
    let menu = file("document", "menu.pdf", "application/pdf");
    vec![
        case("message_text", "chat.message", alice(), json!({ "text": "I want a pizza" })),
        case("message_text_of_a_command", "chat.command", alice(), command),
        case("message_image", "chat.file", bob(), one(&image)),
        case("message_audio", "chat.file", alice(), one(&voice)),
        case("message_video_of_an_album", "chat.file", bob(), album),
        case("message_video", "chat.file", bob(), one(&file("video", "oven.mp4", "video/mp4"))),
        case("message_document", "chat.file", bob(), one(&menu)),
        case("message_file_upload_response", "chat.file", alice(), upload),
    ]
}

/// Which buttons Alice is shown.
fn sizes() -> Value {
    json!({ "template": "quick_replies", "text": "Which size, Alice?", "elements": [{ "buttons": [
        { "text": "Small", "type": "message", "value": "S", "postback_id": "6" },
        { "text": "Our \"menu\"", "type": "url", "value": "https://pizzeria.example.org/menu", "postback_id": "menu" },
        { "text": "Call us", "type": "phone", "value": "+4930123456", "target": "current" },
    ] }] })
}

/// Which form Alice is shown.
fn delivery() -> Value {
    json!({ "kind": "form", "form_id": "delivery", "title": "Where do we bring it?", "fields": [
        { "id": "name", "type": "name", "label": "Your name", "required": true, "variable": "client.name" },
        { "id": "mail", "type": "email", "label": "Mail" },
        { "id": "phone", "type": "phone", "label": "Phone", "required": true, "variable": "phone" },
        { "id": "floor", "type": "select", "label": "Floor", "options": [{ "id": "0", "label": "Ground" }] },
    ] })
}

fn prompts() -> Vec<Case> {
    let rich = |name, data| case(name, "chat.rich_message", bot(), data);
    let form = |name, data| case(name, "chat.form", bot(), data);
    let image = |name: &str| json!({ "url": format!("https://pizzeria.example.org/{name}") });
    let cards = json!({ "template": "cards", "text": "Our best", "elements": [
        { "title": "Margherita", "image": image("margherita.png") },
        { "title": "Diavola", "image": image("diavola.png"), "buttons": [
            { "text": "Order", "type": "message", "value": "diavola", "postback_id": "order" },
        ] },
    ] });
    let list = json!({ "template": "list", "header": "Menu", "footer": "Prices with tax",
        "text": "What would you like?", "elements": [
            { "title": "Margherita", "subtitle": "8 euro", "section": "Pizza", "buttons": [
                { "text": "Take", "type": "message", "value": "1", "postback_id": "1" },
            ] },
            { "title": "Water", "section": "Drinks" },
            { "title": "Diavola", "subtitle": "9 euro", "section": "Pizza" },
        ] });
    let upload = json!({ "kind": "file_upload", "title": "A photo of your door, please", "settings": {
        "allow_extensions": [".jpg", "png"], "max_file_size_in_kb": 10_240, "upload_file_limit": 2,
        "error_message": { "file_size": "Too large" },
    } });
    let slider =
        json!({ "kind": "slider", "title": "How hot?", "settings": { "min": 10, "max": 50 } });
    let calendar = json!({ "kind": "calendar", "title": "Which day?", "settings": {
        "auto_open": false, "validation": { "start": "11/21/2026", "exclude_days": ["Monday"] },
    } });
    let booking = json!({ "kind": "appointment_booking", "form_id": "table", "title": "A table",
        "settings": { "duration": { "label": "minutes", "value": 90 } } });
    let script = json!({ "kind": "javascript", "content": { "script": "alert(5 + 6)" } });
    let asks = |name, text: &str, input: Value| {
        case(name, "chat.message", bot(), json!({ "text": text, "input": input }))
    };
    vec![
        asks(
            "question_slider",
            "How hungry?",
            json!({ "kind": "slider", "min": 0, "max": 10, "step": 1 }),
        ),
        asks(
            "question_calendar",
            "From when to when?",
            json!({ "kind": "calendar", "from": "2026-11-21", "range": true }),
        ),
        asks(
            "question_file",
            "A photo, please",
            json!({ "kind": "file", "accept": ["jpg"], "size_max": 5_000_000, "count_max": 2 }),
        ),
        asks("question_email", "Your mail?", json!({ "kind": "email" })),
        rich("message_button", sizes()),
        rich("message_carousel", cards),
        rich("message_list", list),
        form("message_form", delivery()),
        form("message_file_upload", upload),
        form("message_calendar", calendar),
        form("message_slider", slider),
        form("message_appointment_booking", booking),
        case("message_javascript", "chat.custom", bot(), script),
    ]
}

fn answers() -> Vec<Case> {
    let filled = |name, data, prompt| answer(name, "chat.form_filled", data, prompt);
    let address = json!({ "kind": "form", "form_id": "delivery", "fields": [
        { "id": "name", "type": "name", "label": "Your name", "answer": "Alice Arnold" },
        { "id": "mail", "type": "email", "label": "Mail", "answer": "alice@example.org" },
        { "id": "phone", "type": "phone", "label": "Phone", "answer": "+916767667676" },
        { "id": "floor", "type": "select", "label": "Floor", "answer": { "id": "1", "label": "First" } },
        { "id": "extras", "type": "checkbox", "label": "Extras", "answers": [
            { "id": "0", "label": "Napkins" }, { "id": "2", "label": "Oil" },
        ] },
    ] });
    let heat = json!({ "kind": "slider", "fields": [
        { "type": "number", "label": "How hot?", "answer": 30 },
    ] });
    let day = json!({ "kind": "calendar", "fields": [
        { "id": "day", "type": "date", "label": "Which day?", "answer": "2026-11-22" },
    ], "details": { "is_calendly_event_scheduled": true } });
    let table = json!({ "kind": "appointment_booking", "form_id": "table", "fields": [
        { "type": "text", "label": "Name", "variable": "client.name", "answer": "Alice" },
        { "type": "text", "label": "Time", "variable": "slot_time", "answer": "19:00" },
    ], "details": { "is_booking_confirmed": true, "visitor_timezone": "(GMT+01:00) Europe/Berlin" } });
    let result = json!({ "kind": "javascript_response", "content": { "variables": {
        "client.JS1": "hj", "JS2": "Mtech",
    } } });
    let small = json!({ "value": "S", "postback_id": "6", "text": "Small" });
    let menu = json!({ "value": "https://pizzeria.example.org/menu", "postback_id": "menu" });
    vec![
        answer("message_button_response", "chat.postback", small, sizes()),
        answer("message_button_response_of_an_address", "chat.postback", menu, sizes()),
        filled("message_form_response", address, delivery()),
        filled("message_slider_response", heat, Value::Null),
        filled("message_calendly_response", day, Value::Null),
        filled("message_appointment_booking_response", table, json!({ "title": "A table" })),
        case("message_javascript_response", "chat.custom", alice(), result),
    ]
}
