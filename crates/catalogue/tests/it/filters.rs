//! Which events somebody wants.

use serde_json::{Value, json};
use tidings_catalogue::{Catalogue, TypeFilter, UnknownName};
use tidings_model::{AuthorKind, TypeName};

use crate::builtin;

fn filter(catalogue: &Catalogue, names: &[&str]) -> Result<TypeFilter, UnknownName> {
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
    let unknown = filter(&catalogue, &["paymnet.*"]).expect_err("no such area");
    assert_eq!(unknown.nearest.as_deref(), Some("payment.*"));
    let unknown = filter(&catalogue, &["weather.tomorrow"]).expect_err("nothing like it");
    assert_eq!(unknown.to_string(), r#""weather.tomorrow" names no event type"#);
    for wrong in ["chat*", "*.message", ".*", "", "chat.**"] {
        assert!(filter(&catalogue, &[wrong]).is_err(), "{wrong:?}");
    }
}
