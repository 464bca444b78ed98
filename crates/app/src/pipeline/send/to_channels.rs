//! One try: what goes out by which channel, and what the provider's answers mean.

use std::sync::Arc;
use std::time::Duration;

use tidings_channels::telegram::outbound::readdressed;
use tidings_channels::telegram::{self, Address, NextStep, Reply};
use tidings_channels::{Call, Priority};
use tidings_model::{
    AuthorKind, ChannelId, ChannelKind, Chat, ChatId, Delivery, Destination, Event, Visibility,
    WorkspaceId,
};
use tidings_store::{Batch, CommitError, ReadError};

use super::sending::{NO_METHOD, Sending, Tried};
use crate::App;
use crate::directory::Directory;
use crate::pipeline::reader::{StepFailed, chain};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::telegram::call::{CALL_TIME_MAX, Called, call};
use crate::pipeline::telegram::open::{OpenChannel, Unusable, chat_key};
use crate::pipeline::tries::Outcome;
use crate::pipeline::written::put_chat;

/// How far back we look whether the log says that a customer is gone. Each message that fails leaves three events, so
/// this is some sixty messages to nobody; after that it is told again.
const LOOK_BACK_MAX: usize = 200;

/// How often the same call may be sent on to another chat: a group becomes a supergroup once.
const MIGRATIONS_MAX: usize = 1;

/// What changes a message that was sent before, beside speech.
const CHANGES: [&str; 2] = ["chat.event_edited", "chat.event_deleted"];

/// Carries messages to customers, by way of channels.
pub(super) struct ToChannels {
    pub(super) app: Arc<App>,
    directory: Arc<Directory>,
}

impl ToChannels {
    /// The carrier of one workspace.
    pub(super) fn new(app: Arc<App>, directory: Arc<Directory>) -> Self {
        Self { app, directory }
    }

    /// By which channel an event goes out, if by one.
    pub(super) fn channel(&self, event: &Event) -> Option<ChannelId> {
        // A change of what never went out there stays with us.
        let changes = CHANGES.contains(&event.event_type.as_str())
            && event.data.get("provider_message_id").is_some();
        let switches = event.data.get("toggled").is_some();
        let goes_out = (event.event_type.is_speech() && !switches) || changes;
        if !goes_out
            || event.visibility != Visibility::All
            || event.chat.is_none()
            || came_in(event)
        {
            return None;
        }
        let id = event.channel?;
        let kind = self.directory.channel(id)?.kind;
        (kind == ChannelKind::Telegram).then_some(id)
    }

    /// Tries once. `delivery` says what was taken already.
    pub(super) async fn try_once(&self, event: &Arc<Event>, delivery: &Delivery) -> Tried {
        let mut sending = Sending::begin(&self.app, delivery);
        let outcome = self.send(event, delivery, &mut sending).await;
        sending.tried(outcome)
    }

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
        let Some(mut scene) = app.scene(workspace, chat).await? else {
            return Ok(());
        };
        scene.chat.value.address = address.to_string();
        let mut batch = Batch::new(workspace);
        batch.puts.push(put_chat(&scene));
        match app.commit(batch).await {
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(error) => Err(StepFailed::from(error)),
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
