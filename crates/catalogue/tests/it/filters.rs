//! Which events somebody wants.

use serde_json::{Value, json};
use tidings_catalogue::{Catalogue, FilterError, TypeFilter};
use tidings_model::{AuthorKind, TypeName};

use crate::builtin;

fn filter(catalogue: &Catalogue, names: &[&str]) -> Result<TypeFilter, FilterError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    TypeFilter::parse(catalogue, &names)
}

fn wants(filter: &TypeFilter, event_type: &str, channel: Option<&str>, data: &Value) -> bool {
    let event_type: TypeName = event_type.parse().expect("a name");
    filter.matches(&event_type, channel, AuthorKind::Customer, data)
}

#[test]
fn no_name_and_a_star_mean_everything() {
    let catalogue = builtin();
    for names in [&[][..], &["*"], &["chat.message", "*"]] {
        let everything = filter(&catalogue, names).expect("known names");
        assert_eq!(everything, TypeFilter::all());
        assert!(wants(&everything, "acme.shipped", None, &json!({})));
    }
}

#[test]
fn types_aliases_and_wildcards_go_together() {
    let catalogue = builtin();
    let carol = filter(
        &catalogue,
        &["payment.*", "telegramSendLocation", "viberSendLocation", "note.added"],
    );
    let carol = carol.expect("known names");
    let nothing = json!({});

    assert!(wants(&carol, "payment.succeeded", None, &nothing));
    assert!(wants(&carol, "payment.refunded", None, &nothing), "a wildcard hears what comes later");
    assert!(!wants(&carol, "payments.made", None, &nothing));
    assert!(wants(&carol, "note.added", None, &nothing));
    assert!(wants(&carol, "chat.location", Some("telegram"), &nothing));
    assert!(wants(&carol, "chat.location", Some("viber"), &nothing));
    assert!(!wants(&carol, "chat.location", Some("wechat"), &nothing));
    assert!(!wants(&carol, "chat.message", Some("telegram"), &nothing));

    let includes = |name: &str| carol.includes(&name.parse().expect("a name"));
    assert!(includes("chat.location"), "some of them");
    assert!(includes("payment.succeeded"));
    assert!(!includes("chat.message"));
}

#[test]
fn the_type_itself_is_wider_than_its_aliases() {
    let catalogue = builtin();
    for names in
        [["chat.location", "telegramSendLocation"], ["telegramSendLocation", "chat.location"]]
    {
        let both = filter(&catalogue, &names).expect("known names");
        assert!(wants(&both, "chat.location", Some("wechat"), &json!({})), "{names:?}");
    }
}

#[test]
fn an_unknown_name_is_refused_with_its_neighbour() {
    let catalogue = builtin();
    let unknown = filter(&catalogue, &["chat.message", "chat.mesage"]).expect_err("no such type");
    assert_eq!(
        unknown.to_string(),
        r#""chat.mesage" names no event type, did you mean "chat.message"?"#
    );
    assert_eq!(unknown.place(), Some(1));
    for (wrong, near) in [
        ("paymnet.*", "payment.*"),
        ("wotnott:*", "wotnot:*"),
        ("vonnage:*", "vonage:*"),
        ("!paymnet.*", "payment.*"),
        ("!chat.mesage", "chat.message"),
    ] {
        let unknown = filter(&catalogue, &[wrong]).expect_err("nothing is called so");
        let hint = format!("did you mean {near:?}?");
        assert!(unknown.to_string().ends_with(&hint), "{unknown}");
    }
    let unknown = filter(&catalogue, &["weather.tomorrow"]).expect_err("nothing like it");
    assert_eq!(unknown.to_string(), r#""weather.tomorrow" names no event type"#);
    for wrong in
        ["chat*", "*.message", ".*", "", "chat.**", "!", "!!chat.message", ":*", "nobody:*"]
    {
        assert!(filter(&catalogue, &[wrong]).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_star_behind_a_system_means_all_that_it_has_a_name_for() {
    let catalogue = builtin();
    let nothing = json!({});
    let wotnot = filter(&catalogue, &["wotnot:*"]).expect("a system");
    assert!(wants(&wotnot, "chat.message", None, &nothing));
    assert!(wants(&wotnot, "note.added", None, &nothing));
    assert!(!wants(&wotnot, "payment.succeeded", None, &nothing));
    for alias in catalogue.types().flat_map(|each| &each.aliases) {
        let system = filter(&catalogue, &[&format!("{}:*", alias.system.as_str())]);
        let system = system.expect("a system");
        let of = catalogue.resolve(&alias.name).expect("an alias").event_type;
        assert!(system.includes(&of.name), "{}", alias.name);
    }
    let jaicp = filter(&catalogue, &["jaicp:*"]).expect("a system");
    assert!(wants(&jaicp, "chat.location", Some("viber"), &nothing));
    assert!(!wants(&jaicp, "chat.location", Some("web"), &nothing), "as its names demand");
    let vonage = filter(&catalogue, &["vonage:*"]).expect("aliases begin so");
    assert!(wants(&vonage, "chat.location", Some("vonage"), &nothing));
    assert!(!wants(&vonage, "chat.location", Some("viber"), &nothing));
    let mail = filter(&catalogue, &["event.mail.*"]).expect("aliases begin so");
    assert!(wants(&mail, "chat.message", Some("mail"), &nothing));
    assert!(!wants(&mail, "chat.message", Some("web"), &nothing));
}

#[test]
fn what_is_excluded_is_not_wanted_whatever_includes_it() {
    let catalogue = builtin();
    let nothing = json!({});
    for names in [&["*", "!chat.file"][..], &["!chat.file"], &["!chat.file", "chat.*"]] {
        let quiet = filter(&catalogue, names).expect("known names");
        assert!(!wants(&quiet, "chat.file", None, &nothing), "{names:?}");
        assert!(wants(&quiet, "chat.message", None, &nothing), "{names:?}");
        assert!(!quiet.includes(&"chat.file".parse().expect("a name")), "{names:?}");
    }
    let others = filter(&catalogue, &["!chat.*", "!wotnot:*"]).expect("known names");
    assert!(wants(&others, "payment.succeeded", None, &nothing));
    assert!(wants(&others, "acme.shipped", None, &nothing), "it is nothing of these");
    assert!(!wants(&others, "chat.started", None, &nothing));
    assert!(!wants(&others, "note.added", None, &nothing));

    let part = filter(&catalogue, &["chat.location", "!telegramSendLocation"]).expect("known");
    assert!(wants(&part, "chat.location", Some("viber"), &nothing));
    assert!(!wants(&part, "chat.location", Some("telegram"), &nothing));
    assert!(part.includes(&"chat.location".parse().expect("a name")), "some of them");
}

#[test]
fn who_excludes_all_that_is_wanted_is_told() {
    let catalogue = builtin();
    for names in
        [&["!*"][..], &["chat.message", "!chat.*"], &["telegramSendLocation", "!chat.location"]]
    {
        let none = filter(&catalogue, names).expect_err("nothing is left");
        assert_eq!(none, FilterError::NothingLeft, "{names:?}");
        assert_eq!(none.place(), None);
    }
}
