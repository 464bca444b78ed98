//! Events that may be sent and events that may not.

use serde_json::json;

use super::*;

fn sent(side: Side, version: Version, value: Value) -> Result<(), String> {
    event(side, version, &value, &EventLimits::default()).map_err(|failure| failure.message)
}

fn by_agent(value: Value) -> Result<(), String> {
    sent(Side::Agent, Version::V3_6, value)
}

#[test]
fn good_events_of_every_type() {
    let good = [
        json!({ "type": "message", "text": "Hello", "visibility": "all", "custom_id": "a" }),
        json!({ "type": "message", "text": "Hello", "recipients": "agents", "author_id": null }),
        json!({ "type": "message", "text": "Yes", "postback": {
            "id": "p", "thread_id": "T", "event_id": "T_1", "type": "message", "value": "yes" } }),
        json!({ "type": "message", "text": "Buy", "postback": {
            "id": "p", "thread_id": "T", "event_id": "T_1",
            "ecommerce": { "product_id": "x", "quantity": 2 } } }),
        json!({ "type": "file", "url": "https://files.example.com/a.png" }),
        json!({ "type": "form", "form_id": "1", "fields": [
            { "type": "header", "label": "Hi" },
            { "type": "radio", "id": "2", "label": "Which?", "required": true,
              "options": [{ "id": "0", "label": "A" }] }] }),
        json!({ "type": "filled_form", "form_id": "1", "fields": [
            { "type": "name", "id": "1", "label": "Name", "answer": "Alice" },
            { "type": "email", "label": "E-mail", "answer": "alice@example.com" },
            { "type": "radio", "id": "3", "label": "R", "answer": { "id": "0", "label": "A" } },
            { "type": "select", "id": "4", "label": "S" },
            { "type": "checkbox", "id": "5", "label": "C", "answers": [{ "id": "0", "label": "A" }] },
            { "type": "group_chooser", "id": "6", "label": "G", "answer": { "group_id": 7, "label": "S" } },
            { "type": "group_chooser", "id": "7", "label": "G", "answer": { "id": "7", "label": "S" } }] }),
        json!({ "type": "rich_message", "template_id": "sticker" }),
        json!({ "type": "rich_message", "template_id": "cards", "elements": [{
            "title": "T", "subtitle": null, "image": { "url": "https://example.com/a.png" },
            "buttons": [{ "text": "Call", "type": "phone", "value": "+1", "postback_id": "a",
                          "user_ids": [], "target": "new" },
                        { "text": "Send", "postback_id": "b" }] }] }),
        json!({ "type": "rich_message", "template_id": "ecommerce", "elements": [{ "ecommerce": {} }] }),
        json!({ "type": "custom" }),
        json!({ "type": "custom", "content": { "any": [1] } }),
        json!({ "type": "system_message", "system_message_type": "mine", "text": "T",
                "text_vars": { "agent": "Bob" } }),
        json!({ "type": "message", "text": "T", "properties": { "test": { "int_property": 1 } } }),
    ];
    for value in good {
        assert_eq!(by_agent(value.clone()), Ok(()), "{value}");
    }
}

#[test]
fn wrong_events_name_the_field_and_what_is_expected() {
    let cases = [
        (json!([]), "`event` must be an object"),
        (json!({}), "`event.type` is required"),
        (json!({ "type": "system" }), "`event.type` cannot be system: only the server sends these"),
        (
            json!({ "type": "typo" }),
            "`event.type` must be one of message, file, form, filled_form, rich_message, custom, system_message",
        ),
        (json!({ "type": "message" }), "`event.text` is required"),
        (json!({ "type": "message", "text": "" }), "`event.text` must not be empty"),
        (json!({ "type": "message", "text": 1 }), "`event.text` must be text"),
        (
            json!({ "type": "message", "text": "T", "visibility": "bots" }),
            "`event.visibility` must be one of all, agents",
        ),
        (
            json!({ "type": "message", "text": "T", "postback": { "id": "p" } }),
            "`event.postback.thread_id` is required",
        ),
        (
            json!({ "type": "message", "text": "T", "postback": {
                "id": "p", "thread_id": "T", "event_id": "E", "value": "v" } }),
            "`event.postback.type` is required when there is a `value`",
        ),
        (json!({ "type": "file" }), "`event.url` is required"),
        (json!({ "type": "file", "url": "" }), "`event.url` must not be empty"),
        (json!({ "type": "custom", "content": "text" }), "`event.content` must be an object"),
        (json!({ "type": "system_message" }), "`event.system_message_type` is required"),
        (
            json!({ "type": "system_message", "system_message_type": "x", "text_vars": { "a": 1 } }),
            "`event.text_vars.a` must be text",
        ),
        (json!({ "type": "rich_message" }), "`event.template_id` is required"),
        (
            json!({ "type": "rich_message", "template_id": "typo" }),
            "`event.template_id` must be one of cards, quick_replies, sticker, ecommerce",
        ),
        (
            json!({ "type": "rich_message", "template_id": "cards", "elements": [{ "buttons": [{}] }] }),
            "`event.elements[0].buttons[0].text` is required",
        ),
        (
            json!({ "type": "rich_message", "template_id": "cards",
                    "elements": [{ "buttons": [{ "text": "T" }] }] }),
            "`event.elements[0].buttons[0].postback_id` is required",
        ),
        (
            json!({ "type": "rich_message", "template_id": "cards",
                    "elements": [{ "buttons": [{ "text": "T", "postback_id": "p", "type": "url" }] }] }),
            "`event.elements[0].buttons[0].value` is required when there is a `type`",
        ),
        (json!({ "type": "filled_form", "form_id": "1" }), "`event.fields` is required"),
        (
            json!({ "type": "filled_form", "form_id": "1", "fields": [{ "type": "typo" }] }),
            "`event.fields[0].type` must be one of checkbox, email, group_chooser, header, name, question, \
             radio, rating, select, subject, textarea, file",
        ),
        (
            json!({ "type": "filled_form", "form_id": "1",
                    "fields": [{ "type": "radio", "label": "R", "answer": "A" }] }),
            "`event.fields[0].answer` must be an object",
        ),
        (
            json!({ "type": "filled_form", "form_id": "1",
                    "fields": [{ "type": "group_chooser", "label": "G", "answer": { "label": "A" } }] }),
            "`event.fields[0].answer.group_id` must be a whole number",
        ),
        (
            json!({ "type": "message", "text": "T", "properties": { "test": { "a": 1.5 } } }),
            "`event.properties.test.a` must be text, a whole number, true or false",
        ),
        (
            json!({ "type": "message", "text": "T", "created_at": "now" }),
            "`event.created_at` must be a time such as 2026-06-12T08:00:00.000000Z",
        ),
    ];
    for (value, message) in cases {
        assert_eq!(by_agent(value), Err(message.to_owned()));
    }
}

#[test]
fn the_text_is_measured_in_bytes_and_the_last_allowed_one_is_allowed() {
    let text = |bytes: usize| json!({ "type": "message", "text": "ä".repeat(bytes / 2) });
    assert_eq!(by_agent(text(TEXT_BYTES_MAX)), Ok(()));
    assert_eq!(
        by_agent(text(TEXT_BYTES_MAX + 2)),
        Err("`event.text` must be at most 16384 bytes of UTF-8, not 16386".to_owned())
    );
    let limits = EventLimits { text_bytes_max: 2, ..EventLimits::default() };
    assert!(event(Side::Agent, Version::V3_6, &text(4), &limits).is_err());
}

#[test]
fn elements_and_buttons_are_counted_and_fewer_buttons_were_allowed_before_3_3() {
    let rich = |elements: usize, buttons: usize| {
        let button = json!({ "text": "T", "postback_id": "p" });
        let element = json!({ "buttons": vec![button; buttons] });
        json!({ "type": "rich_message", "template_id": "cards", "elements": vec![element; elements] })
    };
    assert_eq!(sent(Side::Agent, Version::V3_3, rich(ELEMENTS_MAX, BUTTONS_MAX)), Ok(()));
    assert!(sent(Side::Agent, Version::V3_3, rich(ELEMENTS_MAX + 1, 1)).is_err());
    assert!(sent(Side::Agent, Version::V3_3, rich(1, BUTTONS_MAX + 1)).is_err());
    assert_eq!(sent(Side::Agent, Version::V3_2, rich(1, BUTTONS_MAX_BEFORE_3_3)), Ok(()));
    assert!(sent(Side::Agent, Version::V3_2, rich(1, BUTTONS_MAX_BEFORE_3_3 + 1)).is_err());
}

#[test]
fn what_a_version_or_a_side_does_not_have_cannot_be_sent() {
    let form = json!({ "type": "form", "form_id": "1", "fields": [] });
    assert_eq!(sent(Side::Agent, Version::V3_3, form.clone()), Ok(()));
    assert!(sent(Side::Agent, Version::V3_2, form).is_err());
    let shop = json!({ "type": "rich_message", "template_id": "ecommerce" });
    assert_eq!(sent(Side::Agent, Version::V3_6, shop.clone()), Ok(()));
    assert!(sent(Side::Agent, Version::V3_5, shop.clone()).is_err());
    assert!(sent(Side::Customer, Version::V3_6, shop).is_err());
}
