//! What people do: write, send things, press buttons, pay, block the bot. Each becomes an update like a real one.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::state::{Callback, Precheck};
use super::{Shared, methods, object};

/// A person, in one chat with the bot.
#[derive(Clone)]
pub struct TelegramUser {
    shared: Arc<Shared>,
    user: Map<String, Value>,
    chat: i64,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileBody {
    /// These bytes.
    Bytes(Bytes),
    /// So many bytes that nobody will ever read: for files over the limit.
    OfSize(u64),
}

impl From<&'static [u8]> for FileBody {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

/// How a payment went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payment {
    /// It went through; this is the message that says so.
    Paid {
        /// Its id.
        message_id: i64,
    },
    /// The bot refused it.
    Refused {
        /// What the payer reads.
        error_message: String,
    },
    /// The bot did not answer in time.
    TimedOut,
}

impl TelegramUser {
    pub(super) fn new(shared: Arc<Shared>, user: Map<String, Value>, chat: i64) -> Self {
        Self { shared, user, chat }
    }

    /// Their id.
    pub fn id(&self) -> i64 {
        self.user.get("id").and_then(Value::as_i64).expect("a person is made with an id")
    }

    /// The chat they write in: a private one has their own id.
    pub fn chat(&self) -> i64 {
        self.chat
    }

    /// The same person, in a group.
    #[must_use]
    pub fn in_group(&self, group: i64) -> Self {
        Self { shared: Arc::clone(&self.shared), user: self.user.clone(), chat: group }
    }

    /// Writes a text; a word that begins with a slash is marked as a command. Answers with the message's id.
    pub fn says(&self, text: &str) -> i64 {
        let mut content = object(json!({"text": text}));
        if text.starts_with('/') {
            let length = text.split_whitespace().next().unwrap_or_default().encode_utf16().count();
            content.insert(
                "entities".into(),
                json!([{"type": "bot_command", "offset": 0, "length": length}]),
            );
        }
        self.sends(content)
    }

    /// Writes a text as a reply to a message of this chat.
    pub fn replies(&self, message_id: i64, text: &str) -> i64 {
        let replied = self.message(message_id);
        self.sends(object(json!({"reply_to_message": replied, "text": text})))
    }

    /// Sends a message with any content, as `{"dice": {...}}`. Answers with its id.
    pub fn sends(&self, content: Map<String, Value>) -> i64 {
        let message = self.put(content);
        let message_id =
            message.get("message_id").and_then(Value::as_i64).expect("a message has an id");
        self.shared.queue_update("message", Value::Object(message));
        message_id
    }

    /// Changes what they wrote.
    pub fn edits(&self, message_id: i64, content: Map<String, Value>) {
        let message = {
            let edit_date = self.shared.date();
            let mut state = self.shared.state();
            let chat = state.chats.get_mut(&self.chat).expect("a person's chat is made with them");
            let message = chat.messages.get_mut(&message_id).expect("they wrote that message");
            message.extend(content);
            message.insert("edit_date".into(), edit_date.into());
            message.clone()
        };
        self.shared.queue_update("edited_message", Value::Object(message));
    }

    /// Sends a photo; Telegram makes a small one beside it.
    pub fn sends_photo(&self, body: impl Into<FileBody>, caption: Option<&str>) -> i64 {
        let mut content = object(json!({"photo": self.photo(body.into())}));
        put_caption(&mut content, caption);
        self.sends(content)
    }

    /// Sends an album: one message for each photo, the caption with the first. Answers with their ids.
    pub fn sends_album(&self, bodies: Vec<FileBody>, caption: Option<&str>) -> Vec<i64> {
        let album = format!("139000000000{}", self.shared.state().next_number());
        let mut caption = caption;
        let messages = bodies.into_iter().map(|body| {
            let mut content = object(json!({"media_group_id": album, "photo": self.photo(body)}));
            put_caption(&mut content, caption.take());
            self.sends(content)
        });
        messages.collect()
    }

    /// Sends a document.
    pub fn sends_document(
        &self,
        file_name: &str,
        mime_type: &str,
        body: impl Into<FileBody>,
        caption: Option<&str>,
    ) -> i64 {
        let mut file = self.keep("documents", file_name, body.into());
        file.insert("file_name".into(), file_name.into());
        file.insert("mime_type".into(), mime_type.into());
        let mut content = object(json!({"document": file}));
        put_caption(&mut content, caption);
        self.sends(content)
    }

    /// Sends a voice message.
    pub fn sends_voice(&self, duration_s: u32, body: impl Into<FileBody>) -> i64 {
        let mut file = self.keep("voice", "voice.oga", body.into());
        file.insert("duration".into(), duration_s.into());
        file.insert("mime_type".into(), "audio/ogg".into());
        self.sends(object(json!({"voice": file})))
    }

    /// Sends an animation: it comes with a document that is the same file.
    pub fn sends_animation(&self, body: impl Into<FileBody>) -> i64 {
        let mut file = self.keep("animations", "dough.mp4", body.into());
        file.insert("file_name".into(), "dough.mp4".into());
        file.insert("mime_type".into(), "video/mp4".into());
        let document = file.clone();
        file.extend(object(json!({"duration": 2, "width": 320, "height": 240})));
        self.sends(object(json!({"animation": file, "document": document})))
    }

    /// Shares a place.
    pub fn shares_location(&self, latitude: f64, longitude: f64) -> i64 {
        self.sends(object(json!({"location": {"latitude": latitude, "longitude": longitude}})))
    }

    /// Shares where they are for a quarter of an hour; [`TelegramUser::moves`] goes on.
    pub fn shares_live_location(&self, latitude: f64, longitude: f64) -> i64 {
        let location = json!({"latitude": latitude, "longitude": longitude, "live_period": 900});
        self.sends(object(json!({"location": location})))
    }

    /// Is elsewhere by now.
    pub fn moves(&self, message_id: i64, latitude: f64, longitude: f64) {
        let location = json!({"latitude": latitude, "longitude": longitude, "live_period": 900});
        self.edits(message_id, object(json!({"location": location})));
    }

    /// Shares their own contact.
    pub fn shares_contact(&self, phone_number: &str) -> i64 {
        let first_name = self.user.get("first_name");
        let contact =
            json!({"phone_number": phone_number, "first_name": first_name, "user_id": self.id()});
        self.sends(object(json!({"contact": contact})))
    }

    /// Sends a sticker.
    pub fn sends_sticker(&self, emoji: &str) -> i64 {
        let mut sticker = self.keep("stickers", "sticker.webp", FileBody::OfSize(20_000));
        sticker.extend(object(json!({
            "width": 512, "height": 512, "emoji": emoji, "set_name": "Pizzas", "is_animated": false, "is_video": false,
            "type": "regular",
        })));
        self.sends(object(json!({"sticker": sticker})))
    }

    /// Presses the button that shows `text`, of the newest message that has one; waits for such a message. Answers with
    /// the id of the callback query, see [`super::TelegramServer::callback_answer`].
    pub async fn presses(&self, text: &str) -> String {
        let chat = self.chat;
        let what = format!("a message with the button {text:?}");
        let (message, data) = self
            .shared
            .wait_for(&what, |state| {
                state.sent_to(chat).into_iter().rev().find_map(|sent| {
                    let key = sent
                        .keys()
                        .find(|key| key.get("text").is_some_and(|shown| shown == text))?;
                    let data = key.get("callback_data")?.clone();
                    Some((sent.message, data))
                })
            })
            .await;
        self.presses_data(Some(Value::Object(message)), &data)
    }

    /// A press that says `data`, of any message or none: what a changed or an old client may send.
    pub fn presses_data(&self, message: Option<Value>, data: &Value) -> String {
        let query_id = {
            let mut state = self.shared.state();
            let query_id = format!("{}{:07}", self.id(), state.next_number());
            let expires = Instant::now() + self.shared.options.callback_timeout;
            state.callbacks.insert(query_id.clone(), Callback { expires, answer: None });
            query_id
        };
        let mut query = object(
            json!({"id": query_id, "from": self.user, "chat_instance": self.chat.to_string(), "data": data}),
        );
        match message {
            Some(message) => query.insert("message".into(), message),
            None => query.insert("inline_message_id".into(), "BAAAAExample".into()),
        };
        self.shared.queue_update("callback_query", Value::Object(query));
        query_id
    }

    /// Pays the newest invoice of this chat, and waits for it: Telegram asks the bot, and takes the money or not.
    pub async fn pays(&self) -> Payment {
        let chat = self.chat;
        let invoice = self
            .shared
            .wait_for("an invoice", |state| {
                state
                    .sent_to(chat)
                    .into_iter()
                    .rev()
                    .find_map(|sent| sent.message.get("invoice").cloned())
            })
            .await;
        let field = |name: &str| invoice.get(name).cloned().unwrap_or_default();
        let (currency, total, payload) =
            (field("currency"), field("total_amount"), field("simulated_payload"));
        let timeout = self.shared.options.precheckout_timeout;
        let query_id = {
            let mut state = self.shared.state();
            let query_id = format!("{}{:07}", self.id(), state.next_number());
            state.prechecks.insert(
                query_id.clone(),
                Precheck { expires: Instant::now() + timeout, answer: None },
            );
            query_id
        };
        let mut changed = self.shared.changed.subscribe();
        let query = json!({
            "id": query_id, "from": self.user, "currency": currency, "total_amount": total, "invoice_payload": payload,
        });
        self.shared.queue_update("pre_checkout_query", query);
        let answered = async {
            loop {
                changed.borrow_and_update();
                let answer = self
                    .shared
                    .state()
                    .prechecks
                    .get(&query_id)
                    .and_then(|precheck| precheck.answer.clone());
                if let Some(answer) = answer {
                    return answer;
                }
                changed.changed().await.expect("the sender lives as long as what it is part of");
            }
        };
        match tokio::time::timeout(timeout, answered).await {
            Err(_) => Payment::TimedOut,
            Ok(Err(error_message)) => Payment::Refused { error_message },
            Ok(Ok(())) => {
                let number = self.shared.state().next_number();
                let message_id = self.sends(object(json!({"successful_payment": {
                    "currency": currency, "total_amount": total, "invoice_payload": payload,
                    "telegram_payment_charge_id": format!("tg_charge_{number}"),
                    "provider_payment_charge_id": format!("provider_charge_{number}"),
                }})));
                Payment::Paid { message_id }
            }
        }
    }

    /// Blocks the bot: what it sends from now on is refused.
    pub fn blocks_bot(&self) {
        self.changes_membership("member", "kicked");
    }

    /// Lets it in again.
    pub fn unblocks_bot(&self) {
        self.changes_membership("kicked", "member");
    }

    fn changes_membership(&self, old: &str, new: &str) {
        let bot = methods::bot(&self.shared);
        let date = self.shared.date();
        let info = {
            let mut state = self.shared.state();
            let chat = state.chats.get_mut(&self.chat).expect("a person's chat is made with them");
            chat.blocked = new == "kicked";
            chat.info.clone()
        };
        let change = json!({
            "chat": info, "from": self.user, "date": date,
            "old_chat_member": {"user": bot, "status": old}, "new_chat_member": {"user": bot, "status": new},
        });
        self.shared.queue_update("my_chat_member", change);
    }

    fn put(&self, content: Map<String, Value>) -> Map<String, Value> {
        let date = self.shared.date();
        let mut state = self.shared.state();
        let chat = state.chats.get_mut(&self.chat).expect("a person's chat is made with them");
        chat.started = true;
        chat.put(self.user.clone(), date, content)
    }

    fn message(&self, message_id: i64) -> Map<String, Value> {
        let state = self.shared.state();
        let message =
            state.chats.get(&self.chat).and_then(|chat| chat.messages.get(&message_id)).cloned();
        message.expect("there is such a message in this chat")
    }

    fn keep(&self, folder: &str, file_name: &str, body: FileBody) -> Map<String, Value> {
        let (bytes, size) = match body {
            FileBody::Bytes(bytes) => {
                let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                (bytes, size)
            }
            FileBody::OfSize(size) => (Bytes::new(), size),
        };
        self.shared.state().keep_file(folder, file_name, bytes, size)
    }

    fn photo(&self, body: FileBody) -> Value {
        let mut small = self.keep("photos", "small.jpg", FileBody::OfSize(1_200));
        small.extend(object(json!({"width": 90, "height": 67})));
        let mut large = self.keep("photos", "large.jpg", body);
        large.extend(object(json!({"width": 1280, "height": 960})));
        json!([small, large])
    }
}

fn put_caption(content: &mut Map<String, Value>, caption: Option<&str>) {
    if let Some(caption) = caption {
        content.insert("caption".into(), caption.into());
    }
}
