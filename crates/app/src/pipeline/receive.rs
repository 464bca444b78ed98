//! What a channel brought in: find the customer and the chat, or make them, and commit with the event.
//!
//! What makes a second copy harmless: the provider's id of the delivery is a claim of the same commit. Two first messages
//! at once cannot make two chats: the chat's id is made of the channel and its address, and expected to be absent.

use serde_json::{Value, json};
use tidings_channels::{Arrival, Sender};
use tidings_model::{
    Author, Channel, ChannelId, Chat, ChatId, ChatStatus, Control, Customer, CustomerId, Draft,
    Holder, Identity, Member, Participant, ThreadId, WorkspaceId,
};
use tidings_store::{Batch, Claim, CommitError, DocKey, Expect, Kind, ReadError, Version};
use uuid::Uuid;

use super::accept::Accepted;
use super::chat_change::ChatChange;
use super::files;
use super::scene::{Scene, Seen, Session, free, seen};
use super::written::{put_chat, put_customer};
use crate::App;

/// How often a decision is made anew because what it saw moved meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// Why an arrival was not accepted; the provider should send it again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It could not be read.
    #[error("the arrival could not be accepted")]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error("the arrival could not be accepted")]
    Commit(#[source] CommitError),
    /// The data is not as the type's schema says: a fault of the channel's translation, or of a visitor's client.
    #[error("the data does not fit the schema of {event_type}")]
    Invalid {
        /// The type.
        event_type: tidings_model::TypeName,
        /// What does not fit, and where.
        violations: Vec<tidings_catalogue::Violation>,
    },
}

/// Who an arrival is from, when it is known before: a visitor whose token names them.
pub type KnownCustomer = Option<CustomerId>;

/// Accepts what a channel brought in.
pub async fn receive(
    app: &App,
    workspace: WorkspaceId,
    channel: &Channel,
    arrival: Arrival,
    known: KnownCustomer,
) -> Result<Accepted, ReceiveError> {
    receive_with(app, workspace, channel, arrival, known, &|_, _| {}).await
}

/// As [`receive`], with what `beside` adds to the same commit; it is told of the arrival's event, and asked anew for each
/// decision.
pub(crate) async fn receive_with(
    app: &App,
    workspace: WorkspaceId,
    channel: &Channel,
    mut arrival: Arrival,
    known: KnownCustomer,
    beside: &(dyn Fn(&Draft, &mut Batch) + Sync),
) -> Result<Accepted, ReceiveError> {
    let ids = files::give_addresses(app, &mut arrival);
    let files: Vec<_> = ids.into_iter().zip(std::mem::take(&mut arrival.files)).collect();
    // What comes over a channel is of our own types.
    if let Some(event_type) = app.catalogue.get(&arrival.event_type)
        && let Err(violations) = event_type.validate(&arrival.data)
    {
        return Err(ReceiveError::Invalid { event_type: arrival.event_type.clone(), violations });
    }
    let claim = delivery_claim(channel.id, &arrival.provider_id);
    for _ in 0..CONFLICT_TRIES_MAX {
        let mut batch = Batch::new(workspace);
        let place = decide(app, &mut batch, channel, &arrival, known).await?;
        let event = batch.events.get(place).expect("the arrival's event is at this place").clone();
        files::expect_copies(app, &mut batch, channel, &files, &event);
        beside(&event, &mut batch);
        let id = event.id;
        batch.claims.push(Claim { name: claim.clone(), outcome: Some(id) });
        match app.commit(batch).await {
            Ok(committed) => {
                let event = committed
                    .events
                    .into_iter()
                    .nth(place)
                    .expect("events come back in the batch's order");
                metrics::counter!("tidings_events_accepted_total", "by" => channel.kind.as_str())
                    .increment(1);
                return Ok(Accepted { event, replayed: false });
            }
            Err(CommitError::Claimed { outcome: Some(first), .. }) => {
                if let Some(event) = app.store.event(workspace, first).await? {
                    return Ok(Accepted { event, replayed: true });
                }
                return Err(ReceiveError::Commit(CommitError::Claimed {
                    name: claim,
                    outcome: None,
                }));
            }
            Err(CommitError::Conflict { .. }) => {
                if let Some(address) = &arrival.address {
                    app.forget_scene(workspace, chat_id(channel, address));
                }
            }
            Err(error) => return Err(ReceiveError::Commit(error)),
        }
    }
    Err(ReceiveError::Commit(CommitError::Overloaded))
}

/// The claim of a provider's delivery: a second copy finds it taken.
pub(crate) fn delivery_claim(channel: ChannelId, provider_id: &str) -> String {
    format!("channel:{channel}:{provider_id}")
}

/// The chat of an address: its id is made of the channel and the address, so that it is found without looking.
pub fn chat_id(channel: &Channel, address: &str) -> ChatId {
    ChatId::new(Uuid::new_v5(&channel.id.uuid(), address.as_bytes()))
}

/// The customer that a channel knows by this id; made the same way.
fn customer_id(channel: &Channel, sender: &Sender) -> CustomerId {
    CustomerId::new(Uuid::new_v5(&channel.id.uuid(), format!("customer:{}", sender.id).as_bytes()))
}

/// Decides an arrival into a batch; returns the place of its event among the batch's events.
async fn decide(
    app: &App,
    batch: &mut Batch,
    channel: &Channel,
    arrival: &Arrival,
    known: KnownCustomer,
) -> Result<usize, ReadError> {
    let Some(address) = &arrival.address else {
        let draft = draft(app, batch, channel, arrival, Author::system());
        batch.events.push(draft);
        return Ok(batch.events.len() - 1);
    };
    let chat = chat_id(channel, address);
    match app.recent_scene(batch.workspace, chat).await? {
        Some(scene) => Ok(into_known_chat(app, batch, channel, arrival, &scene)),
        None => into_new_chat(app, batch, channel, arrival, address, known).await,
    }
}

fn into_known_chat(
    app: &App,
    batch: &mut Batch,
    channel: &Channel,
    arrival: &Arrival,
    scene: &Scene,
) -> usize {
    let author = author(scene.chat.value.customer, arrival);
    let mut change = ChatChange::begin(batch.workspace, scene, author, None, app.clock.as_ref());
    if scene.chat.value.status == ChatStatus::Closed {
        change.reopen(app.bot_of_channel(batch.workspace, channel.id));
    }
    let draft = change.raise(arrival.event_type.as_str(), arrival.data.clone());
    complete(draft, arrival);
    let id = draft.id;
    change.finish(batch);
    let place =
        batch.events.iter().position(|event| event.id == id).expect("it was raised just now");
    let key = DocKey::new(Kind::Chat, scene.chat.value.id);
    if !batch.puts.iter().any(|put| put.key == key) {
        batch.expects.push(Expect { key, version: scene.chat.version });
    }
    place
}

async fn into_new_chat(
    app: &App,
    batch: &mut Batch,
    channel: &Channel,
    arrival: &Arrival,
    address: &str,
    known: KnownCustomer,
) -> Result<usize, ReadError> {
    let now = app.now();
    let sender = arrival
        .sender
        .clone()
        .unwrap_or_else(|| Sender { id: address.into(), ..Sender::default() });
    let customer_id = known.unwrap_or_else(|| customer_id(channel, &sender));
    let key = DocKey::new(Kind::Customer, customer_id);
    let mut customer: Seen<Customer> = match app.store.document(batch.workspace, &key).await? {
        Some(document) => seen(document)?,
        None => {
            let customer = Customer {
                name: sender.name.clone(),
                language: sender.language.clone(),
                identities: vec![Identity { channel: channel.id, id: sender.id.clone() }],
                ..Customer::new(customer_id, now)
            };
            Seen::absent(customer)
        }
    };
    let is_new = customer.version == Version::ABSENT;
    customer.value.statistics.chats_count += 1;
    customer.value.statistics.threads_count += 1;
    batch.puts.push(put_customer(&customer));
    let thread = ThreadId::new(app.clock.next_id());
    let mut chat = Chat::begin(chat_id(channel, address), channel.id, address, thread, now);
    chat.customer = Some(customer_id);
    chat.enter(Member::new(Participant::Customer { id: customer_id }));
    if let Some(id) = &channel.bot {
        chat.enter(Member::new(Participant::Bot { id: id.clone() }));
    }
    let control = match &channel.bot {
        Some(bot) => {
            Control { holder: Holder::Bot { id: bot.clone() }, reason: "the channel's bot".into() }
        }
        None => free(),
    };
    let control = Seen::absent(control);
    batch.puts.push(control.put(DocKey::new(Kind::Control, chat.id), Vec::new()));
    let scene = Scene {
        session: Seen::absent(Session { thread: Some(chat.thread.id), ..Session::default() }),
        chat: Seen::absent(chat),
        control,
        customer: Some(customer),
    };
    batch.puts.push(put_chat(&scene));
    let author = author(Some(customer_id), arrival);
    if is_new {
        batch.events.push(created(app, batch, channel, customer_id));
    }
    let mut started = draft(app, batch, channel, arrival, author.clone());
    started.event_type = "chat.started".parse().expect("a good name");
    started.data = json!({ "customer": customer_id, "channel_kind": channel.kind.as_str(), "address": address });
    started.custom_id = None;
    started.properties.clear();
    place_in(&mut started, &scene.chat.value);
    let mut first = draft(app, batch, channel, arrival, author);
    place_in(&mut first, &scene.chat.value);
    batch.events.push(started);
    batch.events.push(first);
    Ok(batch.events.len() - 1)
}

/// Tells of a customer who is written down with their first message.
fn created(app: &App, batch: &Batch, channel: &Channel, customer: CustomerId) -> Draft {
    let name = "customer.created".parse().expect("a good name");
    let data = json!({ "customer": customer });
    let mut draft = Draft::new(app.next_event_id(), name, batch.workspace, app.now(), data);
    draft.channel = Some(channel.id);
    draft.author = Author::customer(customer);
    draft
}

fn draft(app: &App, batch: &Batch, channel: &Channel, arrival: &Arrival, author: Author) -> Draft {
    let id = app.next_event_id();
    let mut draft = Draft::new(
        id,
        arrival.event_type.clone(),
        batch.workspace,
        app.now(),
        arrival.data.clone(),
    );
    draft.channel = Some(channel.id);
    draft.author = author;
    complete(&mut draft, arrival);
    draft
}

fn complete(draft: &mut Draft, arrival: &Arrival) {
    draft.time = arrival.time;
    draft.custom_id.clone_from(&arrival.custom_id);
    if !arrival.raw.is_empty() {
        draft.properties.insert("raw".into(), Value::Object(arrival.raw.clone()));
    }
}

fn place_in(draft: &mut Draft, chat: &Chat) {
    draft.chat = Some(chat.id);
    draft.thread = Some(chat.thread.id);
}

fn author(customer: Option<CustomerId>, arrival: &Arrival) -> Author {
    // What Telegram calls a bot is another program in the chat, not one of ours.
    match &arrival.sender {
        Some(sender) if sender.is_bot => super::accept::integration(&sender.id),
        Some(_) | None => customer.map_or_else(Author::system, Author::customer),
    }
}
