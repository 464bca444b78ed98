//! The files that the binary carries.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use tidings_catalogue::{Audience, Kind, describe};

use crate::builtin;

#[test]
fn every_schema_compiles_and_every_sample_fits() {
    let catalogue = builtin();
    for each in catalogue.types() {
        assert_eq!(each.validate(each.sample()), Ok(()), "{}", each.name);
        assert_eq!(each.answer.is_some(), each.kind != Kind::After, "{}", each.name);
    }
}

#[test]
fn the_binary_carries_every_file_of_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalogue");
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let files: BTreeSet<String> = files
        .map(|file| {
            file.expect("a readable folder").file_name().into_string().expect("a name in UTF-8")
        })
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    let carried: BTreeSet<String> = builtin()
        .types()
        .map(|each| each.name.as_str().split('.').next().expect("a dotted name").to_owned())
        .collect();
    assert_eq!(carried, files, "add the file to src/builtin.rs");
}

#[test]
fn what_we_tell_of_ourselves_is_there() {
    let catalogue = builtin();
    for name in [
        "control.changed",
        "behavior.stopped",
        "bot.published",
        "bot.refused",
        "endpoint.disabled",
        "chat.reopened",
        "chat.opened",
        "webhook.received",
        "chat.event_edited",
        "payment.precheckout",
    ] {
        assert!(catalogue.get_str(name).is_some(), "{name}");
    }
}

#[test]
fn a_scope_is_heard_by_its_listener_only() {
    let catalogue = builtin();
    let watched = catalogue.resolve("event.mail.received.watcher").expect("an alias");
    assert_eq!(watched.event_type.name.as_str(), "chat.message");
    assert_eq!(watched.alias.expect("an alias").scope(), Some(Audience::Watcher));
    let everybody = catalogue.resolve("event.mail.received").expect("an alias");
    assert_eq!(everybody.alias.expect("an alias").scope(), None);
}

#[test]
fn a_description_holds_what_a_reader_needs() {
    let catalogue = builtin();
    let precheckout = describe(catalogue.get_str("payment.precheckout").expect("a type"));
    assert_eq!(precheckout["type"], "payment.precheckout");
    assert_eq!(precheckout["kind"], "interactive");
    assert_eq!(precheckout["answer"]["within_ms"], 8000);
    assert_eq!(precheckout["answer"]["default"]["ok"], false, "silence does not sell");
    assert_eq!(
        precheckout["aliases"],
        json!([{"name": "telegramPrecheckoutEvent", "system": "jaicp", "where": {"channel": "telegram"}}])
    );

    let file = describe(catalogue.get_str("chat.file").expect("a type"));
    assert_eq!(
        file["schema"]["$defs"]["file"]["required"],
        json!(["media"]),
        "the schema stands alone"
    );
    let fields: Vec<&String> =
        file["schema"]["properties"].as_object().expect("fields").keys().collect();
    assert_eq!(fields, ["files", "caption", "source", "reply_to"], "in the order of the file");
    assert!(file.get("answer").is_none());
}
