//! What a bot may call, and what it is told when it calls wrongly or too often.

use serde_json::json;
use tidings_channels::telegram::{self, NextStep, Reply, Settings, methods};

use super::Bot;
use crate::telegram::{Fault, FileBody, Rates, TOKEN, TelegramServer};

#[tokio::test]
async fn a_wrong_token_is_not_authorized() {
    let telegram = TelegramServer::start().await;
    let mut bot = Bot::of(&telegram);
    let me = bot.done("getMe", json!({})).await;
    assert_eq!((&me["is_bot"], &me["username"]), (&json!(true), &json!("pizza_bot")));
    let mut map = telegram.polling_settings();
    map.insert("token".into(), TOKEN.replace("AAH", "BBH").into());
    bot.settings = Settings::read(&map).expect("settings");
    assert_eq!(bot.refused("getMe", json!({})).await, "Unauthorized");
}

#[tokio::test]
async fn methods_may_be_called_in_every_way() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("hi");
    let url = methods::method_url(&bot.settings, "sendMessage");
    let form = format!("chat_id={}&text=by+form", alice.id());
    let by_form = bot
        .client
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    assert!(by_form.send().await.expect("an answer").status().is_success());
    let by_query = bot.client.get(format!("{url}?chat_id={}&text=by%20query", alice.id()));
    assert!(by_query.send().await.expect("an answer").status().is_success());
    let part = reqwest::multipart::Part::bytes(b"%PDF".to_vec()).file_name("bill.pdf");
    let form = reqwest::multipart::Form::new()
        .text("chat_id", alice.id().to_string())
        .part("document", part);
    let by_multipart =
        bot.client.post(methods::method_url(&bot.settings, "sendDocument")).multipart(form);
    assert!(by_multipart.send().await.expect("an answer").status().is_success());
    let sent = telegram.sent_to(&alice, 3).await;
    assert_eq!((sent[0].text(), sent[1].text()), ("by form", "by query"));
    assert_eq!(sent[2].message["document"]["file_name"], "bill.pdf");
    assert_eq!(bot.refused("flyToTheMoon", json!({})).await, "Not Found: method not found");
}

#[tokio::test]
async fn messages_are_checked() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    let id = alice.id();
    let hello = json!({"chat_id": id, "text": "hi"});
    assert_eq!(
        bot.refused("sendMessage", json!({"text": "hi"})).await,
        "Bad Request: chat_id is empty"
    );
    assert_eq!(
        bot.refused("sendMessage", json!({"chat_id": 1, "text": "hi"})).await,
        "Bad Request: chat not found"
    );
    let first = "Forbidden: bot can't initiate conversation with a user";
    assert_eq!(bot.refused("sendMessage", hello.clone()).await, first);
    alice.says("/start");
    for (body, why) in [
        (json!({"chat_id": id, "text": "  "}), "message text is empty"),
        (json!({"chat_id": id, "text": "x".repeat(4097)}), "message is too long"),
        (
            json!({"chat_id": id, "text": "<b>x", "parse_mode": "HTML"}),
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            json!({"chat_id": id, "text": "<h1>x</h1>", "parse_mode": "HTML"}),
            "can't parse entities: Unsupported start tag \"h1\" at byte offset 0",
        ),
        (
            json!({"chat_id": id, "text": "?", "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "y".repeat(65)}]]}}),
            "BUTTON_DATA_INVALID",
        ),
        (
            json!({"chat_id": id, "text": "?", "reply_parameters": {"message_id": 99}}),
            "message to be replied not found",
        ),
    ] {
        assert_eq!(bot.refused("sendMessage", body).await, format!("Bad Request: {why}"));
    }
    let marked = json!({"chat_id": id, "text": "<b>1 &lt; 2</b>", "parse_mode": "HTML"});
    let message = bot.done("sendMessage", marked).await;
    assert_eq!(message["text"], "1 < 2");
    assert_eq!(message["entities"], json!([{"type": "bold", "offset": 0, "length": 5}]));
    let edit =
        |text: &str| json!({"chat_id": id, "message_id": message["message_id"], "text": text});
    bot.done("editMessageText", edit("new")).await;
    let same = bot.refused("editMessageText", edit("new")).await;
    assert!(same.starts_with("Bad Request: message is not modified"), "{same}");
    assert_eq!(telegram.sent_to(&alice, 1).await[0].text(), "new");
    alice.blocks_bot();
    assert_eq!(bot.refused("sendMessage", hello).await, "Forbidden: bot was blocked by the user");
}

#[tokio::test]
async fn files_by_address_are_public_and_of_few_kinds() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("hi");
    let send = |name: &'static str, file: &str| json!({"chat_id": alice.id(), name: file});
    bot.done("sendPhoto", send("photo", "https://example.org/a.jpg")).await;
    let doc = bot.refused("sendDocument", send("document", "https://example.org/a.docx")).await;
    assert_eq!(doc, "Bad Request: wrong type of the web page content");
    let local = bot.refused("sendPhoto", send("photo", "http://127.0.0.1:80/a.jpg")).await;
    assert_eq!(local, "Bad Request: failed to get HTTP URL content");
    let handle = bot.refused("sendVoice", send("voice", "nothing")).await;
    assert_eq!(handle, "Bad Request: wrong file identifier/HTTP URL specified");
}

#[tokio::test]
async fn files_are_given_out_up_to_the_limit() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.sends_document("bill.pdf", "application/pdf", &b"%PDF-1.7"[..], None);
    alice.sends_document("backup.zip", "application/zip", FileBody::OfSize(21 << 20), None);
    let updates = bot.done("getUpdates", json!({})).await;
    let handle = |n: usize| updates[n]["message"]["document"]["file_id"].clone();
    let file = bot.done("getFile", json!({"file_id": handle(0)})).await;
    let url = methods::file_url(&bot.settings, file["file_path"].as_str().expect("a path"))
        .expect("a path that is safe");
    let bytes = bot.client.get(url).send().await.expect("an answer").bytes().await.expect("bytes");
    assert_eq!(bytes.as_ref(), b"%PDF-1.7");
    let too_big = bot.refused("getFile", json!({"file_id": handle(1)})).await;
    assert_eq!(too_big, "Bad Request: file is too big");
    let unknown = bot.refused("getFile", json!({"file_id": "nothing"})).await;
    assert_eq!(unknown, "Bad Request: wrong file_id or the file is temporarily unavailable");
}

#[tokio::test]
async fn too_much_is_too_many() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    let group = telegram.group("Pizza friends");
    alice.says("hi");
    telegram.limit(Some(Rates {
        chat_per_second: 2,
        group_per_minute: 1,
        retry_after_s: 7,
        ..Rates::default()
    }));
    let hello = |chat: i64| json!({"chat_id": chat, "text": "hi"});
    bot.done("sendMessage", hello(alice.id())).await;
    bot.done("sendMessage", hello(alice.id())).await;
    bot.done("sendMessage", hello(group)).await;
    let (status, answer) = bot.call("sendMessage", hello(group)).await;
    let reply = telegram::read_reply(status, answer.to_string().as_bytes());
    assert_eq!(reply, Reply::RateLimited { retry_after_s: 7 });
    assert_eq!(telegram.sent_so_far(&alice.in_group(group)).len(), 1);
    telegram.limit(None);
    bot.done("sendMessage", hello(group)).await;
}

#[tokio::test]
async fn calls_go_wrong_on_purpose() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("hi");
    telegram.fail_next("sendMessage", Fault::TooMany { retry_after_s: 3 });
    telegram.fail_next(
        "sendMessage",
        Fault::Refused { error_code: 500, description: "Internal Server Error".into() },
    );
    telegram.fail_next("sendMessage", Fault::DoneAndLost);
    let hello = json!({"chat_id": alice.id(), "text": "hi"});
    let mut steps = Vec::new();
    for _ in 0..4 {
        let url = methods::method_url(&bot.settings, "sendMessage");
        let response = bot.client.post(url).json(&hello).send().await.expect("an answer");
        let status = response.status().as_u16();
        steps.push(
            telegram::read_reply(status, &response.bytes().await.expect("bytes")).next_step(),
        );
    }
    let again = |after_s| NextStep::TryAgain { after_s };
    assert_eq!(steps, [again(3), again(1), again(1), NextStep::Done]);
    assert_eq!(telegram.sent_to(&alice, 2).await.len(), 2, "the lost one was done");
    assert_eq!(telegram.calls_of("sendMessage", 4).await[0].refused, Some(429));
}
