//! The simulator keeps Telegram's rules.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tidings_channels::telegram::{self, NextStep, Reply, Settings, answers, methods};
use tidings_model::{Draft, Event, EventId, Seq, WorkspaceId};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

use super::{Fault, FileBody, Options, Payment, Rates, TOKEN, TelegramServer, object};

/// A bot that calls the server, as `app` does.
struct Bot {
    client: reqwest::Client,
    settings: Settings,
}

impl Bot {
    fn of(telegram: &TelegramServer) -> Self {
        #[expect(clippy::disallowed_methods, reason = "it calls the simulator on loopback")]
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let settings =
            Settings::read(&telegram.webhook_settings("a-shared_secret")).expect("settings");
        Self { client, settings }
    }

    async fn call(&self, method: &str, body: Value) -> (u16, Value) {
        let url = methods::method_url(&self.settings, method);
        let response = self.client.post(url).json(&body).send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// The result of a call that is done.
    async fn done(&self, method: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, body).await;
        assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer}");
        answer["result"].clone()
    }

    /// The words of a call that is refused; its HTTP status is its error code.
    async fn refused(&self, method: &str, body: Value) -> String {
        let (status, answer) = self.call(method, body).await;
        assert_eq!(answer["ok"], false, "{answer}");
        assert_eq!(answer["error_code"], status);
        answer["description"].as_str().expect("words").to_owned()
    }
}

/// A webhook that answers as it is told and passes on what it gets.
struct Webhook {
    url: String,
    updates: mpsc::UnboundedReceiver<(Option<String>, Value)>,
}

type Answers =
    Arc<Mutex<(Vec<(StatusCode, &'static str)>, mpsc::UnboundedSender<(Option<String>, Value)>)>>;

impl Webhook {
    /// The answers are given one after another, then 200.
    async fn start(answers: Vec<(StatusCode, &'static str)>) -> Self {
        async fn take(
            Shared(answers): Shared<Answers>,
            headers: HeaderMap,
            body: Bytes,
        ) -> (StatusCode, &'static str) {
            let secret = headers.get("X-Telegram-Bot-Api-Secret-Token");
            let secret = secret.map(|secret| secret.to_str().expect("ASCII").to_owned());
            let mut answers = answers.lock().await;
            answers
                .1
                .send((secret, serde_json::from_slice(&body).expect("JSON")))
                .expect("the test listens");
            if answers.0.is_empty() { (StatusCode::OK, "") } else { answers.0.remove(0) }
        }
        let (sender, updates) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/", post(take))
            .with_state(Arc::new(Mutex::new((answers, sender))));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, updates }
    }

    async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(Duration::from_secs(10), self.updates.recv()).await;
        next.expect("an update comes").expect("the webhook runs").1
    }
}

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
async fn a_webhook_is_checked() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let set = |url: &str, secret: &str| json!({"url": url, "secret_token": secret});
    for (body, why) in [
        (set("http://example.org/", "s"), "bad webhook: An HTTPS URL must be provided for webhook"),
        (set("no url", "s"), "invalid webhook URL specified"),
        (set("https://example.org/", "a b"), "secret token contains unallowed characters"),
        (set("https://example.org/", &"s".repeat(257)), "secret token is too long"),
    ] {
        assert_eq!(bot.refused("setWebhook", body).await, format!("Bad Request: {why}"));
    }
    bot.done("setWebhook", set("https://example.org/hook", "s")).await;
    assert_eq!(telegram.webhook().await, "https://example.org/hook");
    let conflict = bot.refused("getUpdates", json!({})).await;
    assert!(
        conflict.starts_with("Conflict: can't use getUpdates method while webhook is active"),
        "{conflict}"
    );
    bot.done("deleteWebhook", json!({})).await;
    assert_eq!(bot.done("getWebhookInfo", json!({})).await["url"], "");
    bot.done("getUpdates", json!({})).await;
}

#[tokio::test]
async fn updates_of_a_chat_come_in_order_and_again_until_taken() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let mut webhook = Webhook::start(vec![
        (StatusCode::INTERNAL_SERVER_ERROR, ""),
        (StatusCode::BAD_GATEWAY, ""),
    ])
    .await;
    let alice = telegram.user("Alice");
    for text in ["one", "two", "three"] {
        alice.says(text);
    }
    bot.done("setWebhook", json!({"url": webhook.url, "secret_token": "a-shared_secret"})).await;
    let mut texts = Vec::new();
    let mut last = 0;
    for _ in 0..5 {
        let (secret, update) =
            tokio::time::timeout(Duration::from_secs(10), webhook.updates.recv())
                .await
                .expect("an update comes")
                .expect("the webhook runs");
        assert_eq!(secret.as_deref(), Some("a-shared_secret"));
        texts.push(update["message"]["text"].as_str().expect("a text").to_owned());
        last = update["update_id"].as_i64().expect("a number");
    }
    assert_eq!(texts, ["one", "one", "one", "two", "three"]);
    telegram.settled().await;
    let statuses: Vec<_> =
        telegram.webhook_attempts(5).await.into_iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(500), Some(502), Some(200), Some(200), Some(200)]);
    telegram.redeliver(last);
    assert_eq!(webhook.next().await["message"]["text"], "three");
}

#[tokio::test]
async fn one_chat_that_fails_holds_up_no_other() {
    let options = Options {
        retry_base: Duration::from_secs(3600),
        retry_max: Duration::from_secs(3600),
        ..Options::default()
    };
    let telegram = TelegramServer::start_with(options).await;
    let bot = Bot::of(&telegram);
    let mut webhook = Webhook::start(vec![(StatusCode::INTERNAL_SERVER_ERROR, "")]).await;
    bot.done("setWebhook", json!({"url": webhook.url})).await;
    telegram.user("Alice").says("this fails");
    assert_eq!(webhook.next().await["message"]["text"], "this fails");
    telegram.user("Bob").says("hello");
    assert_eq!(webhook.next().await["message"]["text"], "hello");
}

#[tokio::test]
async fn the_answer_to_a_webhook_may_be_a_call() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    let answer: &'static str = format!(
        "{{\"method\":\"sendMessage\",\"chat_id\":{},\"text\":\"in the answer\"}}",
        alice.id()
    )
    .leak();
    let webhook = Webhook::start(vec![(StatusCode::OK, answer)]).await;
    bot.done("setWebhook", json!({"url": webhook.url})).await;
    alice.says("hi");
    assert_eq!(telegram.sent_to(&alice, 1).await[0].text(), "in the answer");
}

#[tokio::test]
async fn polling_confirms_by_offset_and_has_one_reader() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("one");
    alice.says("two");
    let body = bot.call("getUpdates", json!({"limit": 1})).await.1;
    let updates = answers::read_updates(body.to_string().as_bytes()).expect("updates");
    assert_eq!(updates.len(), 1);
    let again = bot.done("getUpdates", json!({})).await;
    assert_eq!(again.as_array().map(Vec::len), Some(2), "nothing was confirmed");
    let offset = again[1]["update_id"].as_i64().expect("a number") + 1;
    let (first, second) =
        tokio::join!(bot.call("getUpdates", json!({"offset": offset, "timeout": 10})), async {
            telegram.polled().await;
            let second = bot.call("getUpdates", json!({"offset": offset, "timeout": 10}));
            let say = async {
                // The second poll is open once the first one was ended.
                telegram.calls_of("getUpdates", 3).await;
                alice.says("three");
            };
            tokio::join!(second, say).0
        });
    assert_eq!(first.0, 409);
    assert_eq!(
        first.1["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    );
    assert_eq!(second.1["result"][0]["message"]["text"], "three");
}

#[tokio::test]
async fn what_was_not_asked_for_does_not_come() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    telegram.update("message_reaction", json!({"chat": {"id": alice.id(), "type": "private"}}));
    bot.done("getUpdates", json!({"allowed_updates": ["callback_query"]})).await;
    alice.says("not asked for");
    alice.presses_data(None, &json!("S"));
    let updates = bot.done("getUpdates", json!({})).await;
    assert_eq!(updates.as_array().map(Vec::len), Some(1), "{updates}");
    assert!(updates[0]["callback_query"]["inline_message_id"].is_string());
}

#[tokio::test]
async fn a_press_is_answered_once_and_in_time() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("/start");
    let keyboard = json!({"inline_keyboard": [[{"text": "Small", "callback_data": "S"}, {"text": "Large", "callback_data": "L"}]]});
    bot.done(
        "sendMessage",
        json!({"chat_id": alice.id(), "text": "Which size?", "reply_markup": keyboard}),
    )
    .await;
    assert_eq!(telegram.sent_to(&alice, 1).await[0].buttons(), ["Small", "Large"]);
    let query_id = alice.presses("Large").await;
    let updates = bot.done("getUpdates", json!({})).await;
    assert_eq!(updates[1]["callback_query"]["data"], "L");
    assert_eq!(updates[1]["callback_query"]["message"]["text"], "Which size?");
    let answer = json!({"callback_query_id": query_id, "text": "Good choice"});
    bot.done("answerCallbackQuery", answer.clone()).await;
    assert_eq!(telegram.callback_answer(&query_id).await["text"], "Good choice");
    let late = "Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(bot.refused("answerCallbackQuery", answer).await, late);
    assert_eq!(bot.refused("answerCallbackQuery", json!({"callback_query_id": "1"})).await, late);
}

fn invoice(chat: i64) -> Value {
    json!({"chat_id": chat, "title": "Pizza", "description": "One margherita", "payload": "order-42",
        "provider_token": super::PROVIDER_TOKEN, "currency": "EUR", "prices": [{"label": "Margherita", "amount": 1450}]})
}

#[tokio::test]
async fn a_payment_goes_through_or_is_refused() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("/buy");
    let mut wrong = invoice(alice.id());
    wrong["provider_token"] = json!("1:LIVE");
    assert_eq!(bot.refused("sendInvoice", wrong).await, "Bad Request: PAYMENT_PROVIDER_INVALID");
    bot.done("sendInvoice", invoice(alice.id())).await;

    let query = async |offset: i64| {
        let updates = bot.done("getUpdates", json!({"offset": offset, "timeout": 5})).await;
        let update =
            updates.as_array().and_then(|updates| updates.last()).expect("an update").clone();
        let next = update["update_id"].as_i64().expect("a number") + 1;
        (next, update["pre_checkout_query"]["id"].clone())
    };
    let (offset, _) = query(0).await;
    let (payment, offset) = tokio::join!(alice.pays(), async {
        let (offset, id) = query(offset).await;
        bot.done("answerPreCheckoutQuery", json!({"pre_checkout_query_id": id, "ok": true})).await;
        offset
    });
    assert!(matches!(payment, Payment::Paid { .. }), "{payment:?}");
    let paid = bot.done("getUpdates", json!({"offset": offset, "timeout": 5})).await;
    assert_eq!(paid[0]["message"]["successful_payment"]["invoice_payload"], "order-42");
    let offset = paid[0]["update_id"].as_i64().expect("a number") + 1;

    let (payment, ()) = tokio::join!(alice.pays(), async {
        let (_, id) = query(offset).await;
        let silent = json!({"pre_checkout_query_id": id, "ok": false});
        assert_eq!(
            bot.refused("answerPreCheckoutQuery", silent).await,
            "Bad Request: error message must be non-empty"
        );
        let no = json!({"pre_checkout_query_id": id, "ok": false, "error_message": "Sold out"});
        bot.done("answerPreCheckoutQuery", no).await;
    });
    assert_eq!(payment, Payment::Refused { error_message: "Sold out".into() });
}

#[tokio::test]
async fn a_payment_that_nobody_answers_times_out() {
    let options = Options { precheckout_timeout: Duration::from_millis(50), ..Options::default() };
    let telegram = TelegramServer::start_with(options).await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("/buy");
    bot.done("sendInvoice", invoice(alice.id())).await;
    assert_eq!(alice.pays().await, Payment::TimedOut);
    let updates = bot.done("getUpdates", json!({})).await;
    let id = &updates[1]["pre_checkout_query"]["id"];
    let late = bot
        .refused("answerPreCheckoutQuery", json!({"pre_checkout_query_id": id, "ok": true}))
        .await;
    assert!(late.starts_with("Bad Request: query is too old"), "{late}");
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

#[tokio::test]
async fn what_people_do_is_read_by_the_channel() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    let said = alice.says("hello");
    alice.replies(said, "indeed");
    alice.says("/start now");
    alice.edits(said, object(json!({"text": "hullo"})));
    alice.sends_photo(&b"jpeg"[..], Some("Burnt!"));
    alice.sends_album(vec![FileBody::OfSize(10), FileBody::OfSize(11)], Some("Our evening"));
    alice.sends_document("backup.zip", "application/zip", FileBody::OfSize(1 << 40), None);
    alice.sends_voice(3, &b"ogg"[..]);
    alice.sends_animation(&b"mp4"[..]);
    alice.shares_location(52.5, 13.3);
    let live = alice.shares_live_location(52.5, 13.3);
    alice.moves(live, 52.6, 13.4);
    alice.shares_contact("+15550100");
    alice.sends_sticker("👍");
    alice.sends(object(json!({"dice": {"emoji": "🎲", "value": 4}})));
    alice.presses_data(None, &json!("S"));
    alice.in_group(telegram.group("Pizza friends")).says("hello all");
    alice.blocks_bot();
    alice.unblocks_bot();
    let (_, body) = bot.call("getUpdates", json!({})).await;
    let updates = answers::read_updates(body.to_string().as_bytes()).expect("updates");
    let now = "2026-01-02T00:00:00Z".parse().expect("a time");
    let types: Vec<_> = updates
        .iter()
        .map(|update| {
            telegram::read_update(&update.body, now, &bot.settings, Some("pizza_bot"))
                .expect("an update")
        })
        .map(|arrival| arrival.event_type.to_string())
        .collect();
    let expected = [
        "chat.message",
        "chat.message",
        "chat.command",
        "chat.event_edited",
        "chat.file",
        "chat.file",
        "chat.file",
        "chat.file_too_big",
        "chat.file",
        "chat.file",
        "chat.location",
        "chat.location",
        "chat.location",
        "chat.contact",
        "chat.sticker",
        "chat.unknown_message",
        "chat.postback",
        "chat.message",
        "customer.unsubscribed",
        "chat.unknown_message",
    ];
    assert_eq!(types, expected);
}

/// The channel and the catalogue know nothing of each other; this is where they must agree.
#[test]
fn every_update_becomes_what_the_catalogue_says() {
    let catalogue = tidings_catalogue::Catalogue::builtin().expect("the catalogue loads");
    let settings = object(json!({"token": TOKEN, "mode": "polling"}));
    let settings = Settings::read(&settings).expect("settings");
    let now = "2026-01-02T00:00:00Z".parse().expect("a time");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../channels/src/telegram/fixtures");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the fixtures are there") {
        let path = file.expect("a file").path();
        let body = std::fs::read(&path).expect("a fixture");
        let mut arrival =
            telegram::read_update(&body, now, &settings, Some("pizza_bot")).expect("an update");
        for file in &arrival.files {
            // As accept does, once it copied the file.
            let described = arrival.data.pointer_mut(&file.pointer).expect("it is described there");
            described["url"] = json!("/files/01900000-0000-7000-8000-000000000001");
        }
        let event_type = catalogue.get(&arrival.event_type).expect("the type is in the catalogue");
        let problems = event_type.validate(&arrival.data);
        assert!(problems.is_ok(), "{path:?} as {}: {problems:?}", arrival.event_type);
        count += 1;
    }
    assert!(count > 30, "only {count} fixtures were read");
}

/// What the catalogue gives as a sample of an event, Telegram takes.
#[tokio::test]
async fn the_samples_of_the_catalogue_can_be_sent() {
    let catalogue = tidings_catalogue::Catalogue::builtin().expect("the catalogue loads");
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("hi");
    let now = "2026-01-02T00:00:00Z".parse().expect("a time");
    let invoice = json!({"kind": "invoice", "telegram": invoice(0)});
    let sample = |name: &str| {
        catalogue.get_str(name).expect("the type is in the catalogue").sample().clone()
    };
    let types = ["chat.message", "chat.rich_message", "chat.file", "chat.location", "chat.contact"];
    let events =
        types.into_iter().map(|name| (name, sample(name))).chain([("chat.custom", invoice)]);
    let mut count = 0;
    for (name, data) in events {
        let (id, event_type) = (EventId::new(Uuid::nil()), name.parse().expect("a type"));
        let draft = Draft::new(id, event_type, WorkspaceId::new(Uuid::nil()), now, data);
        let event = Event::new(Seq(1), None, draft, Arc::from(&b"{}"[..]));
        for mut call in telegram::calls(&event, &alice.id().to_string()).expect("it can be sent") {
            let file = telegram::outbound::file_argument(&call)
                .and_then(|name| Some((name, call.body.remove(name)?)));
            let mut form = reqwest::multipart::Form::new();
            if let Some((name, _)) = file {
                // As send does with a file of ours.
                form = form.part(
                    name,
                    reqwest::multipart::Part::bytes(b"bytes".to_vec()).file_name("kitchen.png"),
                );
            }
            for (name, value) in call.body {
                form = form
                    .text(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            let url = methods::method_url(&bot.settings, call.method);
            let response = bot.client.post(url).multipart(form).send().await.expect("an answer");
            let answer: Value = response.json().await.expect("JSON");
            assert_eq!(answer["ok"], true, "{name}: {answer}");
            count += 1;
        }
    }
    assert_eq!(telegram.sent_to(&alice, count).await.len(), count);
}
