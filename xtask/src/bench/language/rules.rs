//! Thirty rules of two comparisons each, and facts of which only the last one holds: for whoever decides them.
//!
//! They are written twice: as a table, of which a bot and the rules of others are made, and by hand in Rust. A test holds
//! both together.

use serde_json::{Map, Value, json};
use tidings_behaviors::Facts;

/// A comparison: the name of a value, the sign, and what it is compared with, as JSON.
type Comparison = (&'static str, &'static str, &'static str);

/// Both must hold. Of every second rule the first comparison holds, so that both are looked at.
pub(super) const RULES: [[Comparison; 2]; 30] = [
    [("event.total", ">", "5000"), ("customer.language", "==", "\"de\"")],
    [("event.size", "==", "\"L\""), ("event.count", ">", "10")],
    [("event.city", "==", "\"Paris\""), ("client.orders", ">", "3")],
    [("session.visits", ">=", "3"), ("session.late", "==", "true")],
    [("client.points", ">", "500"), ("customer.language", "==", "\"en\"")],
    [("event.total", ">=", "1000"), ("event.coupon", "==", "\"SPRING\"")],
    [("chat.status", "==", "\"closed\""), ("event.count", "==", "2")],
    [("customer.language", "==", "\"en\""), ("client.orders", "<", "2")],
    [("event.count", "==", "1"), ("event.size", "==", "\"S\"")],
    [("chat.status", "==", "\"open\""), ("chat.group", "==", "\"drivers\"")],
    [("event.size", "!=", "\"L\""), ("event.total", "<", "2000")],
    [("client.orders", ">", "5"), ("client.city", "==", "\"Milan\"")],
    [("session.size", "==", "\"M\""), ("event.size", "==", "\"M\"")],
    [("event.paid", "==", "false"), ("event.total", ">", "3000")],
    [("event.count", ">=", "20"), ("client.points", ">=", "100")],
    [("customer.name", "==", "\"Alice\""), ("session.visits", ">", "10")],
    [("session.visits", "<", "1"), ("event.city", "==", "\"Rome\"")],
    [("event.city", "==", "\"Rome\""), ("event.count", "<", "2")],
    [("client.points", "==", "0"), ("client.orders", "==", "0")],
    [("session.size", "==", "\"L\""), ("event.coupon", "==", "\"FREE\"")],
    [("event.total", "<=", "500"), ("event.paid", "==", "true")],
    [("event.total", "<", "2000"), ("client.points", "<", "100")],
    [("customer.language", "==", "\"it\""), ("event.city", "!=", "\"Rome\"")],
    [("client.city", "==", "\"Rome\""), ("chat.group", "==", "\"night\"")],
    [("session.late", "==", "true"), ("event.total", ">", "100")],
    [("event.count", "<=", "2"), ("event.size", "==", "\"XL\"")],
    [("chat.status", "==", "\"waiting\""), ("customer.name", "==", "\"Bob\"")],
    [("client.orders", ">=", "7"), ("session.visits", "==", "9")],
    [("event.coupon", "==", "\"WINTER\""), ("event.count", ">", "0")],
    [("event.paid", "==", "false"), ("session.visits", "==", "3")],
];

/// What is decided on, and what the texts of the benchmark speak of.
pub(super) fn facts() -> Facts {
    let event = json!({
        "text": "two large ones please", "total": 1450, "size": "L", "count": 2, "city": "Rome", "paid": false,
        "coupon": "NONE", "lines": [{"name": "Margherita", "count": 1}, {"name": "Marinara", "count": 1}],
    });
    let fields =
        |value: Value| -> Map<String, Value> { value.as_object().cloned().unwrap_or_default() };
    Facts {
        event,
        meta: json!({
            "seq": 41, "order": 3, "id": "0190163d-8694-739b-aea5-966c26f8ad91", "type": "chat.message", "version": 1,
            "time": "2026-11-21T10:00:00Z", "author": {"kind": "customer", "id": "0190163d-8694-739b-aea5-966c26f8ad90"},
            "chat": "0190163d-8694-739b-aea5-966c26f8ad92", "channel_kind": "telegram",
        }),
        chat: json!({
            "topic": "pizza", "id": "0190163d-8694-739b-aea5-966c26f8ad92", "status": "open", "labels": ["vip"],
            "variables": {"topic": "pizza"}, "group": "kitchen", "assignee": null, "holder": null,
        }),
        customer: json!({"id": "0190163d-8694-739b-aea5-966c26f8ad90", "name": "Alice", "language": "en"}),
        session: fields(json!({"visits": 3, "size": "L", "late": false})),
        client: fields(json!({"orders": 7, "points": 120, "city": "Rome"})),
        shows: tidings_model::Shows::default(),
    }
}

/// The table, by hand: the number of the first rule that holds. Each comparison reads what it compares.
pub(super) fn by_hand(facts: &Facts) -> Option<usize> {
    let Facts { event, chat, customer, session, client, .. } = facts;
    let held = if whole(event.get("total")) > Some(5000) && text(customer.get("language")) == "de" {
        0
    } else if text(event.get("size")) == "L" && whole(event.get("count")) > Some(10) {
        1
    } else if text(event.get("city")) == "Paris" && whole(client.get("orders")) > Some(3) {
        2
    } else if whole(session.get("visits")) >= Some(3) && is(session.get("late"), true) {
        3
    } else if whole(client.get("points")) > Some(500) && text(customer.get("language")) == "en" {
        4
    } else if whole(event.get("total")) >= Some(1000) && text(event.get("coupon")) == "SPRING" {
        5
    } else if text(chat.get("status")) == "closed" && whole(event.get("count")) == Some(2) {
        6
    } else if text(customer.get("language")) == "en" && is_less(client.get("orders"), 2) {
        7
    } else if whole(event.get("count")) == Some(1) && text(event.get("size")) == "S" {
        8
    } else if text(chat.get("status")) == "open" && text(chat.get("group")) == "drivers" {
        9
    } else if text(event.get("size")) != "L" && is_less(event.get("total"), 2000) {
        10
    } else if whole(client.get("orders")) > Some(5) && text(client.get("city")) == "Milan" {
        11
    } else if text(session.get("size")) == "M" && text(event.get("size")) == "M" {
        12
    } else if is(event.get("paid"), false) && whole(event.get("total")) > Some(3000) {
        13
    } else if whole(event.get("count")) >= Some(20) && whole(client.get("points")) >= Some(100) {
        14
    } else if text(customer.get("name")) == "Alice" && whole(session.get("visits")) > Some(10) {
        15
    } else if is_less(session.get("visits"), 1) && text(event.get("city")) == "Rome" {
        16
    } else if text(event.get("city")) == "Rome" && is_less(event.get("count"), 2) {
        17
    } else if whole(client.get("points")) == Some(0) && whole(client.get("orders")) == Some(0) {
        18
    } else if text(session.get("size")) == "L" && text(event.get("coupon")) == "FREE" {
        19
    } else if is_less(event.get("total"), 501) && is(event.get("paid"), true) {
        20
    } else if is_less(event.get("total"), 2000) && is_less(client.get("points"), 100) {
        21
    } else if text(customer.get("language")) == "it" && text(event.get("city")) != "Rome" {
        22
    } else if text(client.get("city")) == "Rome" && text(chat.get("group")) == "night" {
        23
    } else if is(session.get("late"), true) && whole(event.get("total")) > Some(100) {
        24
    } else if is_less(event.get("count"), 3) && text(event.get("size")) == "XL" {
        25
    } else if text(chat.get("status")) == "waiting" && text(customer.get("name")) == "Bob" {
        26
    } else if whole(client.get("orders")) >= Some(7) && whole(session.get("visits")) == Some(9) {
        27
    } else if text(event.get("coupon")) == "WINTER" && whole(event.get("count")) > Some(0) {
        28
    } else if is(event.get("paid"), false) && whole(session.get("visits")) == Some(3) {
        29
    } else {
        return None;
    };
    Some(held)
}

fn whole(value: Option<&Value>) -> Option<i64> {
    value?.as_i64()
}

fn is_less(value: Option<&Value>, than: i64) -> bool {
    whole(value).is_some_and(|number| number < than)
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn is(value: Option<&Value>, truth: bool) -> bool {
    value.and_then(Value::as_bool) == Some(truth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::language::tree::Tree;

    /// The facts with another value at a path.
    fn with(mut facts: Facts, path: &str, value: Value) -> Facts {
        let (root, name) = path.split_once('.').expect("a name within another");
        let fields = match root {
            "event" => facts.event.as_object_mut(),
            "chat" => facts.chat.as_object_mut(),
            "customer" => facts.customer.as_object_mut(),
            "session" => Some(&mut facts.session),
            _ => Some(&mut facts.client),
        };
        fields.expect("fields").insert(name.to_owned(), value);
        facts
    }

    #[test]
    fn by_hand_is_what_the_table_says() {
        assert_eq!(by_hand(&facts()), Some(RULES.len() - 1));
        for [first, second] in RULES {
            let near = |text: &str| {
                let value: Value = serde_json::from_str(text).expect("JSON");
                let beside = value.as_i64().map_or([json!("x"), json!(true)], |number| {
                    [json!(number - 1), json!(number + 1)]
                });
                [vec![value], beside.to_vec()].concat()
            };
            for one in near(first.2) {
                for other in near(second.2) {
                    let facts = with(with(facts(), first.0, one.clone()), second.0, other);
                    let tree = Tree::new(facts).expect("a bot");
                    assert_eq!(tree.decide(), by_hand(&tree.facts), "{:?}", tree.facts);
                }
            }
        }
    }
}
