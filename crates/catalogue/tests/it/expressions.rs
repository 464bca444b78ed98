//! Conditions on events: what matches, what never does, what is refused when it is saved.

use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::{Value, json};
use tidings_catalogue::expression::{
    EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_PARTS_MAX, Group, LIST_VALUES_MAX,
    STEPS_MAX,
};
use tidings_catalogue::{Expression, Facts, TypeFilter};
use tidings_model::{Author, AuthorKind, ChatId, Draft, EventId, GroupNumber, WorkspaceId};

use crate::builtin;

fn event(event_type: &str, data: Value) -> Draft {
    let id: EventId = "0197c5a0-0000-7000-8000-000000000001".parse().expect("a UUID");
    let now = "2026-11-21T10:00:00Z".parse().expect("a time");
    let event_type = event_type.parse().expect("a type");
    let mut draft = Draft::new(id, event_type, WorkspaceId::new(id.uuid()), now, data);
    draft.chat = Some(ChatId::new(id.uuid()));
    draft.author = Author { kind: AuthorKind::Customer, id: "alice".into() };
    draft.properties.insert("shop".into(), json!({ "vip": true }));
    draft
}

fn rated() -> Draft {
    event(
        "chat.message",
        json!({
            "rating": 2, "price": 12.5, "big": 9_007_199_254_740_993_u64, "text": "A refund, please",
            "due": "2026-11-22T12:00:00+02:00", "new": true, "none": null, "tags": ["vip", 7],
            "files": [{ "media": "image", "size": 10 }, { "media": "video" }], "empty": [],
        }),
    )
}

const GROUPS: [Group<'static>; 2] = [
    Group { number: GroupNumber(0), key: "everyone" },
    Group { number: GroupNumber(3), key: "sales" },
];

fn evaluated_of(draft: &Draft, text: &str) -> Option<bool> {
    let expression = Expression::parse(text).expect(text);
    let facts = Facts { event: draft, channel_kind: Some("telegram"), groups: &GROUPS };
    let outcome = expression.evaluate(&facts);
    assert_eq!(expression.matches(&facts), outcome == Some(true), "{text}");
    outcome
}

fn evaluated(text: &str) -> Option<bool> {
    evaluated_of(&rated(), text)
}

#[test]
fn what_is_there_is_compared_by_its_type() {
    for (text, expected) in [
        ("data.rating <= 2 and channel.kind == \"telegram\"", true),
        ("data.rating < 2", false),
        ("data.rating == 2.0", true),
        ("data.price > 12 and data.price >= 12.5", true),
        ("data.big == 9007199254740993", true),
        ("data.big == 9007199254740992", false),
        ("author.kind != \"bot\"", true),
        ("author.id == 'alice' and type == \"chat.message\"", true),
        ("data.text contains \"refund\"", true),
        ("data.text not contains \"refund\"", false),
        ("data.text starts_with \"A \" and data.text ends_with \"please\"", true),
        ("data.text > \"A\" and data.text < \"B\"", true),
        ("data.tags contains \"vip\" and data.tags contains 7", true),
        ("data.tags contains \"VIP\"", false),
        ("data.rating in [1, 2]", true),
        ("data.rating not in [1, 2]", false),
        ("data.rating in [\"2\", 3]", false),
        ("data.new", true),
        ("not data.new", false),
        ("data.new == false", false),
        ("data.due == time(\"2026-11-22T10:00:00Z\")", true),
        ("time < time(\"2026-11-21T12:00:01+02:00\")", true),
        ("chat == \"0197c5a0-0000-7000-8000-000000000001\"", true),
        ("version == 1 and depth == 0 and visibility == \"all\"", true),
        ("properties.shop.vip", true),
        ("data.files.*.media == \"video\"", true),
        ("data.files.1.media == \"image\"", false),
        ("data.files.*.media != \"audio\"", true),
        ("data.files.*.media != \"image\"", false),
        ("group.key == \"sales\" and group.number in [3]", true),
        ("group.key == \"support\"", false),
        ("exists(data.rating) and exists data.files.*.size", true),
        ("exists(data.none) or exists(data.absent) or exists(data.empty.*)", false),
        ("data.rating == 9 or data.rating == 2 and data.new", true),
        ("(data.rating == 9 or data.rating == 2) and not data.new", false),
    ] {
        assert_eq!(evaluated(text), Some(expected), "{text}");
    }
}

#[test]
fn what_is_absent_or_of_another_type_is_unknown() {
    for test in [
        "data.absent == 1",
        "data.absent != 1",
        "data.absent in [1]",
        "data.absent not in [1]",
        "data.absent contains \"x\"",
        "data.absent starts_with \"x\"",
        "data.absent",
        "data.absent.deeper < 3",
        "data.none == 1",
        "data.rating == \"2\"",
        "data.rating != \"2\"",
        "data.text == 1",
        "data.new < true",
        "data.rating",
        "data.tags == \"vip\"",
        "data.text > time(\"2026-11-21T10:00:00Z\")",
        "data.empty.* == 1",
        "thread == \"x\"",
        "channel.id == \"x\"",
        "custom_id != \"x\"",
    ] {
        assert_eq!(evaluated(test), None, "{test}");
        assert_eq!(evaluated(&format!("not ({test})")), None, "not ({test})");
        assert_eq!(evaluated(&format!("not not ({test})")), None, "not not ({test})");
        // Kleene: what settles the whole settles it beside what is unknown, too.
        assert_eq!(evaluated(&format!("{test} or data.new")), Some(true), "{test}");
        assert_eq!(evaluated(&format!("{test} or not data.new")), None, "{test}");
        assert_eq!(evaluated(&format!("data.new and ({test})")), None, "{test}");
        assert_eq!(evaluated(&format!("{test} and not data.new")), Some(false), "{test}");
    }
}

#[test]
fn outside_of_a_chat_there_is_no_team() {
    let draft = rated();
    let facts = Facts { event: &draft, channel_kind: None, groups: &[] };
    for text in ["group.key != \"sales\"", "channel.kind != \"telegram\""] {
        assert_eq!(Expression::parse(text).expect("right").evaluate(&facts), None, "{text}");
    }
}

fn refused(text: &str) -> String {
    Expression::parse(text).expect_err(text).to_string()
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in [
        ("", "at 1: a condition is missing (as `data.rating <= 2`)"),
        ("data.a == ", "at 10: a value is missing"),
        ("data.a = 1", "at 8: '=' means nothing here (write \"==\")"),
        ("data.a == 1 && data.b == 2", "at 13: '&' means nothing here (write \"and\")"),
        (
            "data.a == 1 data.b == 2",
            "at 13: \"data.b\" is left over (join two conditions by and, or)",
        ),
        ("data.a == hello", "at 11: \"hello\" is no value (a text stands in quotes: \"hello\")"),
        (
            "data.a == null",
            "at 11: nothing equals null (write exists(field), or not exists(field))",
        ),
        (
            "data.a contian \"x\"",
            "at 8: \"contian\" is no question: there are == != < <= > >= in contains starts_with ends_with (did you mean \"contains\"?)",
        ),
        ("data.a in 1", "at 11: `in` needs a list (as `in [\"a\", \"b\"]`)"),
        ("data.a in [1, 2", "at 16: \"]\" is missing"),
        ("(data.a == 1", "at 13: \")\" is missing"),
        ("data.a == \"x", "at 11: this text has no end, or a `\\` that means nothing"),
        ("data.a == 1x", "at 11: this is not a number (as 2, -1 or 0.5)"),
        (
            "data.a > time(\"soon\")",
            "at 15: this is not a time of RFC 3339 (as time(\"2026-11-21T10:00:00Z\"))",
        ),
        (
            "data..a == 1",
            "at 1: \"data..a\" is no path (names joined by single dots, at most eight)",
        ),
        (
            "chanel.kind == \"x\"",
            "at 1: there is no field \"chanel.kind\" (did you mean \"channel.kind\"?)",
        ),
        (
            "rating < 2",
            "at 1: there is no field \"rating\" (what belongs to the event's type is in its data: \"data.rating\")",
        ),
        ("2 < data.a", "at 1: a condition begins with a field (as `data.rating <= 2`)"),
        ("data.ä == 1 and €", "at 17: '€' means nothing here"),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn everything_has_a_limit() {
    let long = format!("data.a == \"{}\"", "x".repeat(EXPRESSION_BYTES_MAX));
    assert!(refused(&long).contains("at most 4096 bytes"));
    let many = ["exists(data.a)"; EXPRESSION_PARTS_MAX].join(" or ");
    assert!(Expression::parse(&many).is_ok());
    assert!(refused(&format!("{many} or data.a")).contains("at most 200 conditions"));
    let nested = |depth: usize| format!("{}data.a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(EXPRESSION_DEPTH_MAX)).is_ok());
    assert!(refused(&nested(EXPRESSION_DEPTH_MAX + 1)).contains("deeper than 16"));
    assert!(refused(&format!("{}data.a", "not ".repeat(17))).contains("deeper than 16"));
    let list = |values: usize| format!("data.a in [{}]", vec!["1"; values].join(","));
    assert!(Expression::parse(&list(LIST_VALUES_MAX)).is_ok());
    assert!(refused(&list(LIST_VALUES_MAX + 1)).contains("at most 100 values"));

    let huge = event("chat.message", json!({ "list": vec![1; STEPS_MAX + 1] }));
    assert_eq!(evaluated_of(&huge, "data.list.* == 1"), Some(true), "the first one fits");
    assert_eq!(evaluated_of(&huge, "data.list.* == 2"), None, "not all were looked at");
    assert_eq!(evaluated_of(&huge, "data.list.* != 2"), None);
}

fn checked(types: &[&str], text: &str) -> Result<(), String> {
    let catalogue = builtin();
    let names: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
    let wanted = TypeFilter::parse(&catalogue, &names).expect("known names");
    let expression = Expression::parse(text).expect("an expression");
    expression.check(&catalogue, &wanted).map_err(|error| error.to_string())
}

#[test]
fn fields_are_held_against_the_wanted_types() {
    for (types, text) in [
        (&["chat.message"][..], "data.text contains \"refund\" and data.format == \"html\""),
        (&["chat.message", "chat.file"], "data.files.*.media == \"image\" or exists(data.caption)"),
        (&["chat.file"], "data.files.0.width > 600 and data.files.*.name ends_with \".png\""),
        (&["chat.message"], "data.postback.whatever == 1"),
        (&[], "data.caption == \"x\" or data.text == \"x\" or author.kind == \"customer\""),
        (&["chat.message"], "properties.anything.at.all > 3"),
    ] {
        assert_eq!(checked(types, text), Ok(()), "{text}");
    }
    for (types, text, expected) in [
        (
            &["chat.message"][..],
            "data.txet == \"x\"",
            "at 1: no wanted type has a field \"data.txet\" (did you mean \"data.text\"?)",
        ),
        (
            &["chat.message"],
            "exists(data.files)",
            "at 8: no wanted type has a field \"data.files\"",
        ),
        (
            &["chat.file"],
            "data.files.*.meda == \"image\"",
            "at 1: no wanted type has a field \"data.files.*.meda\" (did you mean \"data.files.*.media\"?)",
        ),
        (
            &["chat.file"],
            "data.file.*.media == \"image\"",
            "at 1: no wanted type has a field \"data.file.*.media\" (did you mean \"data.files.*.media\"?)",
        ),
        (
            &["chat.message"],
            "data.text <= 2",
            "at 1: data.text is a text, and compared with a number",
        ),
        (
            &["chat.message"],
            "data.text",
            "at 1: data.text is a text, not true or false (compare it, or ask exists(...))",
        ),
        (
            &["chat.file"],
            "data.files == \"x\"",
            "at 1: data.files is a list, and compared with a text",
        ),
        (
            &["chat.file"],
            "data.files.*.size contains 3",
            "at 1: data.files.*.size is a number, and can contain nothing of this kind",
        ),
        (
            &["chat.file"],
            "data.files.*.size starts_with \"3\"",
            "at 1: data.files.*.size is a number, not a text",
        ),
        (
            &[],
            "time > \"2026-11-21\"",
            "at 1: time is a time, and compared with a text (write time(\"2026-11-21T10:00:00Z\"))",
        ),
        (
            &[],
            "author.kind == \"costumer\"",
            "at 1: author.kind is never \"costumer\" (did you mean \"customer\"?)",
        ),
        (
            &[],
            "not (type in [\"chat.mesage\"])",
            "at 6: type is never \"chat.mesage\" (did you mean \"chat.message\"?)",
        ),
    ] {
        assert_eq!(checked(types, text), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn every_field_of_every_sample_is_known() {
    let catalogue = builtin();
    let mut fields = 0;
    for each in catalogue.types() {
        let names = [each.name.as_str().to_owned()];
        let wanted = TypeFilter::parse(&catalogue, &names).expect("its own name");
        for name in each.sample().as_object().into_iter().flat_map(serde_json::Map::keys) {
            let text = format!("exists(data.{name})");
            let expression = Expression::parse(&text).expect("an expression");
            assert_eq!(expression.check(&catalogue, &wanted), Ok(()), "{}: {text}", each.name);
            fields += 1;
        }
    }
    assert!(fields > 100, "{fields} fields were looked at");
}

#[test]
fn asking_costs_no_allocation() {
    let draft = rated();
    let facts = Facts { event: &draft, channel_kind: Some("telegram"), groups: &GROUPS };
    let text = "data.rating <= 2 and channel.kind == \"telegram\" and data.text contains \"refund\" \
        and data.files.*.media in [\"audio\", \"video\"] and chat != \"x\" and group.key == \"sales\" \
        and data.due > time(\"2026-11-21T10:00:00Z\") and not exists(data.absent)";
    let expression = Expression::parse(text).expect("an expression");
    let allocations = allocation_counter::measure(|| assert!(expression.matches(&facts)));
    assert_eq!(allocations.count_total, 0);
}

/// Fields of the event that is asked, most of them there.
const FIELDS: [&str; 13] = [
    "data.rating",
    "data.text",
    "data.new",
    "data.absent",
    "data.files.*.media",
    "data.none",
    "data.tags",
    "author.kind",
    "channel.kind",
    "group.key",
    "time",
    "thread",
    "properties.shop.vip",
];

/// Fields that it does not have.
const ABSENT: [&str; 6] =
    ["data.absent", "data.none", "data.empty.*", "thread", "custom_id", "properties.shop.no.such"];

fn literals() -> impl Strategy<Value = String> {
    let written = vec![
        "2",
        "-1.5e3",
        "0",
        "true",
        "false",
        "\"vip\"",
        "'refund'",
        "\"a\\\"\\n\\\\\"",
        "1e300",
        "\"customer\"",
        "time(\"2026-11-21T10:00:00Z\")",
    ];
    prop_oneof![
        prop::sample::select(written).prop_map(str::to_owned),
        "[a-zäß' ]{0,5}".prop_map(|text| format!("\"{text}\"")),
    ]
}

/// Questions to one of the fields, without `exists`.
fn tests(fields: &'static [&'static str]) -> impl Strategy<Value = String> {
    let field = || prop::sample::select(fields);
    let question =
        prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "contains", "not contains"]);
    let lists = prop::collection::vec(literals(), 1..4);
    let starts = prop_oneof![Just("starts_with"), Just("not ends_with")];
    prop_oneof![
        field().prop_map(str::to_owned),
        (field(), question, literals())
            .prop_map(|(field, question, literal)| format!("{field} {question} {literal}")),
        (field(), prop_oneof![Just("in"), Just("not in")], lists)
            .prop_map(|(field, question, list)| format!("{field} {question} [{}]", list.join(","))),
        (field(), starts, "[a-z]{0,3}")
            .prop_map(|(field, question, text)| format!("{field} {question} '{text}'")),
    ]
}

fn joined(tests: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    tests.prop_recursive(4, 24, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not {inner}")),
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            inner.prop_map(|inner| format!("({inner})")),
            some.clone().prop_map(|all| all.join(" and ")),
            some.clone().prop_map(|any| any.join(" or ")),
            some.prop_map(|any| format!("({})", any.join(") and ("))),
        ]
    })
}

fn expressions() -> impl Strategy<Value = String> {
    let exists = prop::sample::select(&FIELDS[..]).prop_map(|field| format!("exists({field})"));
    joined(prop_oneof![4 => tests(&FIELDS), 1 => exists])
}

proptest! {
    #[test]
    fn no_text_breaks_the_reading(text in ".{0,80}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.at), "{}", error);
        }
    }

    #[test]
    fn no_words_break_the_reading(words in prop::collection::vec(prop::sample::select(vec![
        "data.a", "type", "and", "or", "not", "in", "exists", "(", ")", "[", "]", ",", "==", "<", "1", "-", "\"x\"", "time(", "contains", "true", "*", ".",
    ]), 0..20), glue in prop_oneof![Just(" "), Just("")]) {
        let text = words.join(glue);
        match Expression::parse(&text) {
            Ok(expression) => {
                prop_assert_eq!(Expression::parse(&expression.to_string()), Ok(expression));
            }
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.at)),
        }
    }

    #[test]
    fn what_is_printed_reads_back_the_same(text in expressions()) {
        let expression = Expression::parse(&text).expect("made to be right");
        let printed = expression.to_string();
        let again = Expression::parse(&printed).expect("printed");
        prop_assert_eq!(&again, &expression);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn not_turns_what_is_known_and_nothing_else(text in expressions()) {
        let known = evaluated(&text);
        prop_assert_eq!(evaluated(&format!("not ({text})")), known.map(|known| !known));
        prop_assert_eq!(evaluated(&format!("({text}) and not ({text})")), known.map(|_| false));
        prop_assert_eq!(evaluated(&format!("({text}) or not ({text})")), known.map(|_| true));
    }

    #[test]
    fn nothing_matches_by_what_is_absent(text in joined(tests(&ABSENT))) {
        prop_assert_eq!(evaluated(&text), None, "{}", text);
    }
}
