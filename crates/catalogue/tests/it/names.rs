//! The names of the four systems. `catalogue/seed-events.csv` is their table: each row must lead to its type.

use serde_json::{Value, json};
use tidings_catalogue::{Catalogue, Constraint};
use tidings_model::AuthorKind;

use crate::builtin;

/// How many events the four systems name.
const ROWS: usize = 150;

/// The rows of the table, without its heading: system, name, type, kind, where. The last two columns, how an event
/// arises and what it must answer, are for people.
fn rows() -> Vec<[String; 5]> {
    let text = include_str!("../../../../catalogue/seed-events.csv");
    text.lines()
        .skip(1)
        .map(|line| {
            let mut columns = columns(line);
            assert_eq!(columns.len(), 7, "{line}");
            columns.truncate(5);
            columns.try_into().expect("five columns")
        })
        .collect()
}

/// The columns of a line of CSV; one with a comma is quoted, and none holds a quote.
fn columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => columns.push(String::new()),
            _ => columns.last_mut().expect("a column").push(c),
        }
    }
    columns
}

/// The names that a row stands for, each with what it demands. Vonage names none: a file is called after its kind.
fn named(name: &str, conditions: &str) -> Vec<(String, String)> {
    if !name.starts_with("(Vonage") {
        return vec![(name.to_owned(), conditions.to_owned())];
    }
    ["audio", "image", "video", "file"]
        .map(|kind| {
            let media = if kind == "file" { "document" } else { kind };
            (format!("vonage:{kind}"), format!("channel=vonage, media={media}"))
        })
        .into()
}

#[test]
fn every_row_of_the_seed_leads_to_its_type() {
    let catalogue = builtin();
    let rows = rows();
    assert_eq!(rows.len(), ROWS, "the table was cut");
    for [system, name, event_type, kind, conditions] in rows {
        for (name, conditions) in named(&name, &conditions) {
            leads_to(&catalogue, &name, [&system, &event_type, &kind], &conditions);
        }
    }
}

/// That a name leads where the table says, and demands what the table says.
#[expect(clippy::panic, reason = "a name that leads elsewhere fails the test, and says which")]
fn leads_to(
    catalogue: &Catalogue,
    name: &str,
    [system, event_type, kind]: [&str; 3],
    conditions: &str,
) {
    let resolved = catalogue.resolve(name).unwrap_or_else(|| panic!("nothing is called {name}"));
    assert_eq!(resolved.event_type.name.as_str(), event_type, "{name}");
    assert_eq!(resolved.event_type.kind.as_str(), kind, "{name}");
    let alias = resolved.alias.unwrap_or_else(|| panic!("{name} is not an alias"));
    assert_eq!(alias.system.as_str(), system, "{name}");
    assert_eq!(alias.deprecated, conditions == "deprecated", "{name}");
    let pairs: Vec<(String, Value)> = alias.constraints.iter().map(Constraint::to_pair).collect();
    for condition in conditions.split(", ") {
        let Some((key, value)) = condition.split_once('=') else { continue };
        let key = match key {
            "plugin" => {
                assert_eq!(alias.plugin.as_deref(), Some(value), "{name}");
                continue;
            }
            "media" => "data.files.*.media".to_owned(),
            "status" | "system_message_type" | "audience" | "record_type" => format!("data.{key}"),
            _ => key.to_owned(),
        };
        assert!(pairs.contains(&(key, json!(value))), "{name} lacks {condition}: {pairs:?}");
    }
}

#[test]
fn the_names_on_the_wire_are_known_as_well() {
    let catalogue = builtin();
    for (name, event_type) in [
        ("ONIMBOTV2MESSAGEADD", "chat.message"),
        ("ONIMBOTV2MESSAGEUPDATE", "chat.event_edited"),
        ("ONIMBOTV2MESSAGEDELETE", "chat.event_deleted"),
        ("ONIMBOTV2COMMANDADD", "chat.command"),
        ("ONIMBOTJOINCHAT", "chat.bot_joined"),
        ("ONIMBOTV2JOINCHAT", "chat.bot_joined"),
        ("ONIMBOTV2DELETE", "channel.removed"),
        ("vonage:sticker", "chat.sticker"),
        ("vonage:location", "chat.location"),
        ("vonage:contact", "chat.contact"),
        ("vonage:vcard", "chat.contact"),
        ("vonage:reply", "chat.postback"),
        ("vonage:button", "chat.postback"),
        ("vonage:order", "chat.custom"),
        ("vonage:reaction", "chat.custom"),
        ("vonage:unsupported", "chat.unknown_message"),
    ] {
        let resolved =
            catalogue.resolve(name).unwrap_or_else(|| panic!("nothing is called {name}"));
        assert_eq!(resolved.event_type.name.as_str(), event_type, "{name}");
    }
}

#[test]
fn an_alias_means_the_events_for_which_its_conditions_hold() {
    let catalogue = builtin();
    let matches = |name: &str, channel: Option<&str>, author: AuthorKind, data: Value| {
        catalogue.resolve(name).expect("a name").matches(channel, author, &data)
    };
    let place = json!({"latitude": 52.5, "longitude": 13.4});
    assert!(matches("chat.location", None, AuthorKind::Agent, place.clone()));
    assert!(matches("telegramSendLocation", Some("telegram"), AuthorKind::Customer, place.clone()));
    assert!(!matches("telegramSendLocation", Some("viber"), AuthorKind::Customer, place.clone()));
    assert!(!matches("telegramSendLocation", None, AuthorKind::Customer, place));

    let album = json!({"files": [{"url": "/files/a", "media": "video"}, {"url": "/files/b", "media": "image"}]});
    assert!(matches("message:image", None, AuthorKind::Bot, album.clone()));
    assert!(matches("message:video", None, AuthorKind::Bot, album.clone()));
    assert!(!matches("message:audio", None, AuthorKind::Bot, album.clone()));
    assert!(matches("fileEvent", None, AuthorKind::Customer, album.clone()));
    assert!(!matches("fileEvent", None, AuthorKind::Agent, album));

    let added = json!({"system_message_type": "agent_added"});
    assert!(matches("system_message", None, AuthorKind::System, added.clone()));
    assert!(matches("system_message:agent_added", None, AuthorKind::System, added.clone()));
    assert!(!matches("system_message:agent_left", None, AuthorKind::System, added));

    let sent = json!({"provider_message_id": "1", "status": "sent"});
    assert!(matches("smsSuccessEvent", Some("sms"), AuthorKind::System, sent.clone()));
    assert!(!matches("smsFailedEvent", Some("sms"), AuthorKind::System, sent.clone()));
    assert!(!matches("smsSuccessEvent", Some("telegram"), AuthorKind::System, sent));
}

#[test]
fn a_misspelt_name_finds_its_neighbour() {
    let catalogue: Catalogue = builtin();
    assert_eq!(catalogue.nearest("chat.mesage"), Some("chat.message"));
    assert_eq!(catalogue.nearest("chat.massage"), Some("chat.message"));
    assert_eq!(catalogue.nearest("telegramsendlocation"), Some("telegramSendLocation"));
    assert_eq!(catalogue.nearest("payment.precheckuot"), Some("payment.precheckout"));
    assert_eq!(catalogue.nearest("weather.tomorrow"), None);
    assert_eq!(catalogue.nearest(&"x".repeat(10_000)), None);
}

#[test]
fn an_alias_is_not_a_type() {
    let catalogue = builtin();
    assert!(catalogue.get_str("telegramSendLocation").is_none());
    assert!(catalogue.get(&"chat.location".parse().expect("a name")).is_some());
    assert!(catalogue.resolve("no.such_thing").is_none());
}
