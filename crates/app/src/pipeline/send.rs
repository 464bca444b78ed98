//! The reader that sends messages out through channels.
//!
//! One event may be several calls (a long text, several cards), made one after another; how many are done is kept with
//! the delivery, so a second try goes on where the first one stopped. Telegram has no key against doubles: a call whose
//! answer was lost is made again, since a message twice is better than none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tidings_channels::telegram::outbound::readdressed;
use tidings_channels::telegram::{self, Address, NextStep, Reply};
use tidings_channels::{Call, Priority};
use tidings_model::{
    Attempt, AuthorKind, ChannelKind, Chat, ChatId, Delivery, DeliveryStatus, Destination, Event,
    Visibility, WorkspaceId,
};
use tidings_store::{Batch, CommitError, ReadError};

use super::chat_change::is_speech;
use super::outbox::{Carrier, FailedCall, Outcome, Tried};
use super::reader::chain;
use super::scene::{Scene, Seen, seen};
use super::telegram::call::{CALL_TIME_MAX, Called, call, describe};
use super::telegram::consequence;
use super::telegram::open::{OpenChannel, Unusable, chat_key};
use super::written::put_chat;
use crate::App;
use crate::directory::Directory;

/// The method of a failure in which none was called.
const NO_METHOD: &str = "none";

/// How far back we look whether the log says that a customer is gone. Each message that fails leaves three events, so
/// this is some sixty messages to nobody; after that it is told again.
const LOOK_BACK_MAX: usize = 200;

/// How often the same call may be sent on to another chat: a group becomes a supergroup once.
const MIGRATIONS_MAX: usize = 1;

/// What changes a message that was sent before, beside speech.
const CHANGES: [&str; 2] = ["chat.event_edited", "chat.event_deleted"];

/// Carries messages to customers, by way of channels.
pub struct ToChannels {
    app: Arc<App>,
    directory: Arc<Directory>,
}

impl ToChannels {
    /// The carrier of one workspace.
    pub fn new(app: Arc<App>, directory: Arc<Directory>) -> Self {
        Self { app, directory }
    }
}

impl Carrier for ToChannels {
    const NAME: &'static str = "send";

    fn destinations(&self, event: &Event, to: &mut Vec<Destination>) {
        // A change of what never went out there stays with us.
        let changes = CHANGES.contains(&event.event_type.as_str())
            && event.data.get("provider_message_id").is_some();
        let switches = event.data.get("toggled").is_some();
        let goes_out = (is_speech(&event.event_type) && !switches) || changes;
        if !goes_out
            || event.visibility != Visibility::All
            || event.chat.is_none()
            || came_in(event)
        {
            return;
        }
        let Some(id) = event.channel else { return };
        let is_telegram =
            self.directory.channel(id).is_some_and(|channel| channel.kind == ChannelKind::Telegram);
        if is_telegram {
            to.push(Destination::Channel { id });
        }
    }

    async fn try_once(&self, event: &Arc<Event>, delivery: &Delivery) -> Tried {
        let mut sending = Sending::begin(&self.app, delivery);
        let outcome = self.send(event, delivery, &mut sending).await;
        sending.tried(outcome)
    }

    fn follow_up(&self, event: &Event, delivery: &Delivery, tried: &Tried, batch: &mut Batch) {
        let mut raise = |event_type: &str, data: Map<String, Value>| {
            let mut draft = consequence(&self.app, event, event_type, Value::Object(data));
            draft.visibility = Visibility::Agents;
            batch.events.push(draft);
        };
        match delivery.status {
            DeliveryStatus::Pending => {}
            DeliveryStatus::Delivered => {
                let mut data = Map::from_iter([
                    ("event".to_owned(), json!(event.id)),
                    ("status".to_owned(), json!("sent")),
                ]);
                put(&mut data, "provider_message_id", tried.provider_id.clone());
                raise("message.status_changed", data);
            }
            DeliveryStatus::Failed => {
                let unknown = FailedCall::default();
                let failed = tried.failed_call.as_ref().unwrap_or(&unknown);
                for (event_type, data) in told_of_failure(event, failed) {
                    raise(event_type, data);
                }
            }
        }
    }
}

impl ToChannels {
    async fn send(
        &self,
        event: &Arc<Event>,
        delivery: &Delivery,
        sending: &mut Sending,
    ) -> Outcome {
        let (Destination::Channel { id }, Some(chat)) = (delivery.to, event.chat) else {
            return sending.refused(NO_METHOD, "there is no channel to send to");
        };
        let open = match self.app.telegram.find(&self.app, &self.directory, id) {
            Ok(open) => open,
            Err(error @ Unusable::NotTelegram) => {
                return sending.refused(NO_METHOD, &chain(&error));
            }
            // What an administrator can put right is tried again.
            Err(error @ (Unusable::Sealed(_) | Unusable::Settings(_))) => {
                return sending.again(NO_METHOD, chain(&error));
            }
        };
        let address = match address_of(&self.app, event.workspace, chat).await {
            Ok(Some(address)) => address,
            Ok(None) => return sending.refused(NO_METHOD, "the chat is not there"),
            Err(error) => return sending.again(NO_METHOD, chain(&error)),
        };
        let calls = match telegram::calls(event, &address) {
            Ok(calls) => calls,
            Err(unsendable) => return sending.refused(NO_METHOD, &unsendable.to_string()),
        };
        let Ok(mut address) = address.parse::<Address>() else {
            return sending.refused(NO_METHOD, "the chat has no Telegram address");
        };
        let taken = usize::try_from(delivery.parts_taken).unwrap_or(usize::MAX);
        for call in calls.into_iter().skip(taken) {
            let outcome = self.part(event, chat, &open, &mut address, call, sending).await;
            if outcome != Outcome::Taken {
                return outcome;
            }
        }
        Outcome::Taken
    }

    /// One call of an event.
    async fn part(
        &self,
        event: &Event,
        chat: ChatId,
        open: &OpenChannel,
        address: &mut Address,
        mut part: Call,
        sending: &mut Sending,
    ) -> Outcome {
        if part.priority == Priority::InOrder {
            match open.rates.take_turn(*address, tokio::time::Instant::now()) {
                Ok(wait) => tokio::time::sleep(wait).await,
                Err(wait) => return Outcome::AfterPause(wait),
            }
        }
        let mut migrations = 0;
        loop {
            part = readdressed(part, address.chat);
            let called = call(&self.app, &open.settings, &part, CALL_TIME_MAX).await;
            let (reply, status) = match called {
                Called::Answered { reply, status, .. } => (reply, status),
                Called::Failed { error } => return sending.again(part.method, error),
            };
            sending.attempt.status = Some(status);
            match reply.next_step() {
                NextStep::Done => {
                    sending.part_taken(&reply);
                    return Outcome::Taken;
                }
                NextStep::SendTo { chat: to } if migrations < MIGRATIONS_MAX => {
                    migrations += 1;
                    address.chat = to;
                    note_address(&self.app, event.workspace, chat, *address).await;
                }
                NextStep::TryAgain { after_s } if matches!(reply, Reply::RateLimited { .. }) => {
                    sending.fail(part.method, &reply);
                    return Outcome::AfterPause(Duration::from_secs(after_s.max(1)));
                }
                NextStep::TryAgain { .. } | NextStep::StopChannel | NextStep::SendTo { .. } => {
                    sending.fail(part.method, &reply);
                    return Outcome::Again;
                }
                NextStep::GiveUp => {
                    sending.fail(part.method, &reply);
                    // A proxy's page says nothing about the message.
                    if let Reply::Unreadable { .. } = reply {
                        return Outcome::Again;
                    }
                    if reply.is_unreachable()
                        && let Some(failed) = &mut sending.failed_call
                    {
                        failed.customer_left = !says_gone(&self.app, event.workspace, chat).await;
                    }
                    return Outcome::Refused;
                }
            }
        }
    }
}

/// What a customer, or another program in the chat, said: it came in by the channel, so it does not go out by it. What
/// the provider said of it is kept under `raw`.
fn came_in(event: &Event) -> bool {
    match event.author.kind {
        AuthorKind::Customer => true,
        AuthorKind::Integration => event.properties.contains_key("raw"),
        AuthorKind::Agent | AuthorKind::Bot | AuthorKind::System => false,
    }
}

async fn address_of(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
) -> Result<Option<String>, ReadError> {
    let Some(document) = app.store.document(workspace, &chat_key(chat)).await? else {
        return Ok(None);
    };
    let chat: Seen<Chat> = seen(document)?;
    Ok(Some(chat.value.address))
}

/// A group got another id: what is sent to it from now on goes there. When it cannot be noted now, the next message is
/// told the same again.
async fn note_address(app: &App, workspace: WorkspaceId, chat: ChatId, address: Address) {
    let noted = async {
        let Some(mut scene) = Scene::of_chat(&app.store, workspace, chat).await? else {
            return Ok(());
        };
        scene.chat.value.address = address.to_string();
        let mut batch = Batch::new(workspace);
        batch.puts.push(put_chat(&scene));
        match app.commit(batch).await {
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(error) => Err(super::reader::StepFailed::from(error)),
        }
    };
    if let Err(error) = noted.await {
        tracing::warn!(chat.id = %chat, "the new address of chat {chat} was not noted: {}", chain(&error));
    }
}

/// Whether the log says already that the customer is gone, and nothing of them came since.
async fn says_gone(app: &App, workspace: WorkspaceId, chat: ChatId) -> bool {
    let newest = app.store.chat_events(workspace, chat, None, LOOK_BACK_MAX).await;
    for event in newest.unwrap_or_default() {
        if event.event_type.as_str() == "customer.unsubscribed" {
            return true;
        }
        if event.author.kind == AuthorKind::Customer {
            return false;
        }
    }
    false
}

/// The events that tell of a message that will never arrive.
fn told_of_failure(event: &Event, failed: &FailedCall) -> Vec<(&'static str, Map<String, Value>)> {
    let method = if failed.method.is_empty() { NO_METHOD } else { &failed.method };
    let mut status = Map::from_iter([
        ("event".to_owned(), json!(event.id)),
        ("status".to_owned(), json!("failed")),
        ("error_message".to_owned(), json!(failed.message)),
    ]);
    put(&mut status, "error_code", failed.code);
    let mut request = Map::from_iter([
        ("method".to_owned(), json!(method)),
        ("error_message".to_owned(), json!(failed.message)),
        ("event".to_owned(), json!(event.id)),
    ]);
    put(&mut request, "error_code", failed.code);
    put(&mut request, "retry_after_s", failed.retry_after_s);
    let mut told = vec![("message.status_changed", status), ("channel.request_failed", request)];
    if method == "sendInvoice" {
        let mut data = Map::from_iter([
            ("reason".to_owned(), json!("invoice_refused")),
            ("error_message".to_owned(), json!(failed.message)),
        ]);
        let field = |name: &str| event.data.get("telegram").and_then(|call| call.get(name));
        put(&mut data, "payload", field("payload").filter(|value| value.is_string()).cloned());
        let currency = field("currency").and_then(Value::as_str);
        put(&mut data, "currency", currency.filter(|currency| currency.len() == 3));
        told.push(("payment.failed", data));
    }
    if failed.customer_left {
        told.push(("customer.unsubscribed", Map::from_iter([("reason".into(), "blocked".into())])));
    }
    told
}

fn put<T: Into<Value>>(data: &mut Map<String, Value>, field: &str, value: Option<T>) {
    if let Some(value) = value {
        data.insert(field.into(), value.into());
    }
}

/// One try, as it goes.
struct Sending {
    began: Instant,
    attempt: Attempt,
    parts_taken: u32,
    provider_id: Option<String>,
    failed_call: Option<FailedCall>,
}

impl Sending {
    fn begin(app: &App, delivery: &Delivery) -> Self {
        Self {
            began: Instant::now(),
            attempt: Attempt {
                at: app.now(),
                duration_ms: 0,
                status: None,
                error: None,
                answer: None,
            },
            parts_taken: delivery.parts_taken,
            provider_id: None,
            failed_call: None,
        }
    }

    /// The last message stands for all: a second try, which sends only what is left, knows no other.
    fn part_taken(&mut self, reply: &Reply) {
        self.parts_taken += 1;
        if let Reply::Ok { message_id: Some(message_id) } = reply {
            self.provider_id = Some(message_id.clone());
        }
    }

    /// An answer that is not the one we want.
    fn fail(&mut self, method: &str, reply: &Reply) {
        let message = describe(reply);
        self.attempt.answer = Some(message.clone());
        let (code, retry_after_s) = match reply {
            Reply::RateLimited { retry_after_s } => (Some(429), Some(*retry_after_s)),
            Reply::Refused { error_code, .. } => (Some(*error_code), None),
            Reply::Unreadable { status } => (Some(i64::from(*status)), None),
            Reply::Ok { .. } | Reply::Migrated { .. } => (None, None),
        };
        self.failed_call = Some(FailedCall {
            method: method.into(),
            code,
            message,
            retry_after_s,
            ..FailedCall::default()
        });
    }

    fn refused(&mut self, method: &str, why: &str) -> Outcome {
        self.again(method, why.into());
        Outcome::Refused
    }

    fn again(&mut self, method: &str, why: String) -> Outcome {
        self.attempt.error = Some(why.clone());
        self.failed_call =
            Some(FailedCall { method: method.into(), message: why, ..FailedCall::default() });
        Outcome::Again
    }

    fn tried(mut self, outcome: Outcome) -> Tried {
        self.attempt.duration_ms =
            u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Tried {
            attempt: self.attempt,
            outcome,
            parts_taken: self.parts_taken,
            provider_id: self.provider_id,
            failed_call: self.failed_call,
        }
    }
}
