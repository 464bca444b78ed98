//! The Bot API's answers, and what follows from them.

use serde_json::json;

use super::settings;
use crate::telegram::answers::{Me, Polled, read_file_path, read_me, read_updates};
use crate::telegram::methods::{delete_webhook, file_url, get_updates, method_url, set_webhook};
use crate::telegram::{NextStep, Reply, read_reply};

#[test]
fn each_answer_has_its_next_step() {
    let read = |status, body: &str| {
        let reply = read_reply(status, body.as_bytes());
        let next = reply.next_step();
        (reply, next)
    };
    assert_eq!(
        read(
            200,
            r#"{"ok":true,"result":{"message_id":77,"date":1,"chat":{"id":5,"type":"private"}}}"#
        ),
        (Reply::Ok { message_id: Some("77".into()) }, NextStep::Done)
    );
    assert_eq!(
        read(200, r#"{"ok":true,"result":true}"#),
        (Reply::Ok { message_id: None }, NextStep::Done)
    );
    assert_eq!(
        read(200, r#"{"ok":true,"result":[{"message_id":8},{"message_id":9}]}"#).0,
        Reply::Ok { message_id: Some("8".into()) }
    );
    let limited = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 10072","parameters":{"retry_after":10072}}"#;
    assert_eq!(
        read(429, limited),
        (Reply::RateLimited { retry_after_s: 10_072 }, NextStep::TryAgain { after_s: 10_072 })
    );
    let migrated = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001234567890}}"#;
    assert_eq!(
        read(400, migrated),
        (
            Reply::Migrated { to_chat: -1_001_234_567_890 },
            NextStep::SendTo { chat: -1_001_234_567_890 }
        )
    );
    let refused = |code: i64, description: &str| {
        let body = json!({"ok": false, "error_code": code, "description": description}).to_string();
        read_reply(u16::try_from(code).expect("a status"), body.as_bytes())
    };
    assert_eq!(refused(400, "Bad Request: chat not found").next_step(), NextStep::GiveUp);
    assert_eq!(refused(401, "Unauthorized").next_step(), NextStep::StopChannel);
    let blocked = refused(403, "Forbidden: bot was blocked by the user");
    assert!(blocked.is_unreachable());
    assert_eq!(blocked.next_step(), NextStep::GiveUp);
    assert_eq!(
        refused(500, "Internal Server Error").next_step(),
        NextStep::TryAgain { after_s: 1 }
    );
    assert_eq!(
        read(502, "<html>Bad Gateway</html>"),
        (Reply::Unreadable { status: 502 }, NextStep::TryAgain { after_s: 1 })
    );
    assert_eq!(read(404, "not here").1, NextStep::GiveUp);
}

#[test]
fn the_answers_of_the_channel_as_a_whole() {
    let me = br#"{"ok":true,"result":{"id":110201543,"is_bot":true,"first_name":"Pizzeria","username":"pizza_bot"}}"#;
    assert_eq!(read_me(me), Some(Me { id: 110_201_543, username: Some("pizza_bot".into()) }));
    assert_eq!(read_me(br#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#), None);
    let file = br#"{"ok":true,"result":{"file_id":"a","file_unique_id":"b","file_size":3,"file_path":"photos/file_0.jpg"}}"#;
    assert_eq!(read_file_path(file).as_deref(), Some("photos/file_0.jpg"));
    let updates =
        br#"{"ok":true,"result":[{"update_id":5,"message":{"text": "as it came"}},{"strange":1}]}"#;
    let body = br#"{"update_id":5,"message":{"text": "as it came"}}"#.to_vec();
    assert_eq!(read_updates(updates), Some(vec![Polled { update_id: 5, body }]));
}

#[test]
fn calls_that_concern_the_channel_as_a_whole() {
    let settings = settings();
    let set = set_webhook("https://tidings.example/channels/1", &settings);
    assert_eq!(set.method, "setWebhook");
    assert_eq!(set.body["secret_token"], "a-shared_secret");
    assert_eq!(get_updates(Some(8), &settings).body["offset"], 8);
    assert!(!get_updates(None, &settings).body.contains_key("offset"));
    assert_eq!(delete_webhook().body["drop_pending_updates"], false);
    assert_eq!(
        method_url(&settings, "getMe"),
        "https://api.telegram.org/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0/getMe"
    );
    assert!(
        file_url(&settings, "photos/file_0.jpg")
            .is_some_and(|url| url.ends_with("/photos/file_0.jpg"))
    );
    for path in ["../../bot1/getMe", "/etc/passwd", "a//b", "a?b", "a%2e", ""] {
        assert_eq!(file_url(&settings, path), None, "{path}");
    }
}
