//! Settings that are refused name their field, and show no secret.

use serde_json::{Value, json};

use super::{TOKEN, settings, settings_map};
use crate::telegram::{Mode, PrecheckoutDefault, Settings};

fn with(field: &str, value: Value) -> Result<Settings, String> {
    let mut map = settings_map();
    map.insert(field.into(), value);
    Settings::read(&map).map_err(|error| {
        assert_eq!(error.field(), field);
        error.to_string()
    })
}

#[test]
fn the_defaults() {
    let settings = settings();
    assert_eq!(settings.mode, Mode::Webhook);
    assert_eq!(settings.api_base, "https://api.telegram.org");
    assert_eq!(settings.file_size_max, 20 << 20);
    assert_eq!(settings.bot_id(), Some(110_201_543));
    assert!(
        matches!(settings.precheckout_default, PrecheckoutDefault::Refuse(_)),
        "closed by default"
    );
}

#[test]
fn a_webhook_needs_its_secret() {
    let mut map = settings_map();
    map.remove("secret_token");
    let error = Settings::read(&map).expect_err("a webhook without a secret does not start");
    assert_eq!(
        error.to_string(),
        "settings.secret_token is missing: a webhook without one takes updates from anybody"
    );
    map.insert("mode".into(), "polling".into());
    let polling = Settings::read(&map).expect("polling needs none");
    assert!(!polling.lets_in(None) && !polling.lets_in(Some(b"")), "and lets nobody in");
}

#[test]
fn the_secret_is_compared_whole() {
    let settings = settings();
    assert!(settings.lets_in(Some(b"a-shared_secret")));
    for wrong in [&b"a-shared_secre"[..], b"a-shared_secret1", b"a-shared_secreT", b"", b"\xff"] {
        assert!(!settings.lets_in(Some(wrong)));
    }
    assert!(!settings.lets_in(None));
}

#[test]
fn what_is_wrong_is_named() {
    for (field, value) in [
        ("token", json!("12:short")),
        ("token", json!(5)),
        ("secret_token", json!("with space")),
        ("secret_token", json!("x".repeat(257))),
        ("mode", json!("push")),
        ("api_base", json!("http://api.example.org")),
        ("api_base", json!("https://user:pass@example.org")),
        ("api_base", json!("file:///etc")),
        ("file_size_max", json!(30 << 20)),
        ("file_size_max", json!(-1)),
        ("precheckout_default", json!("maybe")),
        ("precheckout_default", json!({"refuse": ""})),
        ("album_window_ms", json!(60_000)),
        ("polling_timeout_s", json!(51)),
        ("max_connections", json!(0)),
        ("tokens", json!("x")),
    ] {
        let error = with(field, value).expect_err(field);
        assert!(error.contains(&format!("settings.{field} ")), "{error}");
    }
}

#[test]
fn a_server_of_ones_own_may_be_plain_and_takes_larger_files() {
    for base in [
        "http://127.0.0.1:8081",
        "http://telegram-bot-api:8081/",
        "http://[::1]:1",
        "https://bots.example.org",
    ] {
        let settings = with("api_base", json!(base)).expect(base);
        assert_eq!(settings.api_base, base.trim_end_matches('/'));
    }
    assert_eq!(
        with("precheckout_default", json!("ok")).map(|settings| settings.precheckout_default),
        Ok(PrecheckoutDefault::Ok)
    );
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", settings());
    assert!(!printed.contains(TOKEN) && !printed.contains("a-shared_secret"), "{printed}");
}
