//! Beginning a chat, or a new thread of one: `start_chat`, `resume_chat`.
//!
//! A chat's id is made of its channel and address and expected to be absent, so two starts at once make one chat, and the
//! second is told that it is there already.

mod setting;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{
    Channel, ChannelId, ChannelKind, Chat, ChatId, ChatStatus, Customer, CustomerId, Draft,
    GroupNumber, Identity, Properties, ThreadId, WorkspaceId,
};
use tidings_store::{Batch, CommitError, DocKey, Kind, Version};

use self::setting::{CONTINUOUS, People, Setting};
use super::access;
use super::placing::{Arriving, Place, Placed, place};
use crate::App;
use crate::admin::told::told;
use crate::desk::change::{CONFLICT_TRIES_MAX, in_chat_by_turn, turns_move_too_fast, unwritable};
use crate::desk::events::Composed;
use crate::desk::find::{self, by_entry, unreadable};
use crate::desk::{Actor, ErrorType, Failure, Who, auto_access};
use crate::directory::Directory;
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::receive;
use crate::pipeline::scene::{Scene, Seen, Session, free, seen};

/// How a chat or a thread begins.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Agents to be in it, beside who asks.
    pub agents: Vec<String>,
    /// The customer, where an agent names one.
    pub customer: Option<String>,
    /// The teams that see it.
    pub access: Option<BTreeSet<GroupNumber>>,
    /// Properties of the chat.
    pub properties: Properties,
    /// Properties of the thread.
    pub thread_properties: Properties,
    /// What is said in it already.
    pub events: Vec<FirstEvent>,
    /// Whether the thread is active; one that is not is a piece of history.
    pub active: bool,
    /// Whether a customer may write though nobody is there; `None` leaves it as it is.
    pub continuous: Option<bool>,
    /// From where the customer came: address, browser.
    pub visit: Option<Value>,
}

/// Something that is said in a thread from its beginning.
#[derive(Clone, Debug)]
pub struct FirstEvent {
    /// What.
    pub composed: Composed,
    /// Who said it, where it is not who asks.
    pub author: Option<String>,
}

/// What began.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The chat.
    pub chat: ChatId,
    /// The thread.
    pub thread: ThreadId,
    /// The names of the first events, in order.
    pub event_ids: Vec<String>,
}

/// Begins a chat. An agent's may have a customer or not; a customer's is theirs, on the channel that they came to.
pub async fn start(
    app: &App,
    actor: &Actor,
    channel: Option<ChannelId>,
    opening: &Opening,
) -> Result<Opened, Failure> {
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let routing = app.routing(actor.workspace);
    for _ in 0..CONFLICT_TRIES_MAX {
        let ground = match &actor.who {
            Who::Customer(id) => of_customer(app, actor, &directory, *id, channel).await?,
            Who::Agent(_) => of_agent(app, actor, &directory, opening).await?,
        };
        refuse_second(app, actor, &ground).await?;
        let people = People::of(&directory, actor, opening)?;
        let customer = ground.customer.as_ref().map(|customer| &customer.value);
        let by_rules = access_by_rules(app, actor, opening, customer).await?;
        let access = match by_rules {
            Some(groups) => groups,
            None => access_of(&directory, opening, customer)?,
        };
        let turn = routing.turn().await;
        let placed = match &actor.who {
            Who::Customer(_) if opening.active => {
                let bot = app.bot_of_channel(actor.workspace, ground.channel.id);
                let continuous = opening.continuous == Some(true);
                let arriving = Arriving { bot, access: &access, prefer: None, continuous };
                Some(place(app, actor.workspace, arriving).await?)
            }
            Who::Customer(_) | Who::Agent(_) => None,
        };
        let scene = new_scene(app, &ground, access);
        let thread = scene.chat.value.thread.id;
        let setting = Setting::new(app, actor, &directory, &people, opening, placed.as_ref());
        let mut change =
            ChatChange::begin(actor.workspace, &scene, actor.author(), None, app.clock.as_ref());
        if let Some(customer) = &mut change.after().customer {
            customer.value.statistics.chats_count += 1;
            customer.value.statistics.threads_count += 1;
        }
        let what = json!({
            "customer": ground.customer.as_ref().map(|customer| customer.value.id),
            "channel_kind": ground.channel.kind.as_str(),
            "address": ground.address,
        });
        setting.set(&mut change, "chat.started", what)?;
        let mut batch = Batch::new(actor.workspace);
        batch.events.extend(known_now(app, actor, &ground));
        batch.claims = setting.claims(ground.chat);
        change.finish(&mut batch);
        setting.keep_uploads(&mut batch, ground.chat);
        if let Some(turn) = placed.as_ref().and_then(|placed| placed.turn.as_ref()) {
            turn.take(&mut batch);
        }
        actor.mark(app, &batch);
        let committed = app.commit(batch).await;
        drop(turn);
        match committed {
            Ok(committed) => {
                note_given(app, actor, placed.as_ref());
                let event_ids = setting.names(&committed.events);
                return Ok(Opened { chat: ground.chat, thread, event_ids });
            }
            // The chat is there by now, or the customer changed meanwhile: the next look tells.
            Err(CommitError::Conflict { .. }) => app.forget_scene(actor.workspace, ground.chat),
            Err(error) => return Err(unwritable(app, actor, error).await),
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the customer changes too fast; try again"))
}

/// Tells of a customer who is written down with their first chat.
fn known_now(app: &App, actor: &Actor, ground: &Ground) -> Option<Draft> {
    let customer = ground.customer.as_ref().filter(|one| one.version == Version::ABSENT)?;
    let data = json!({ "customer": customer.value.id });
    Some(told(app, actor.workspace, Some(&actor.author()), "customer.created", data))
}

/// Begins a new thread in a chat that has no active one.
pub async fn resume(
    app: &App,
    actor: &Actor,
    chat: &str,
    opening: &Opening,
) -> Result<Opened, Failure> {
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let scene = find::chat(app, actor, chat).await?;
    refuse_active(&scene)?;
    let people = People::of(&directory, actor, opening)?;
    let given = match &opening.access {
        Some(_) => Some(access_of(&directory, opening, None)?),
        None => None,
    };
    let routing = app.routing(actor.workspace);
    for _ in 0..CONFLICT_TRIES_MAX {
        let turn = routing.turn().await;
        let placed = match &actor.who {
            Who::Customer(_) if opening.active => {
                let before = &scene.chat.value;
                let kept = before.properties.get(CONTINUOUS.0, CONTINUOUS.1);
                let kept = kept.and_then(Value::as_bool);
                let arriving = Arriving {
                    bot: app.bot_of_channel(actor.workspace, before.channel),
                    access: given.as_ref().unwrap_or(&before.access),
                    prefer: before.assignee.clone(),
                    continuous: opening.continuous.or(kept).unwrap_or(false),
                };
                Some(place(app, actor.workspace, arriving).await?)
            }
            Who::Customer(_) | Who::Agent(_) => None,
        };
        let setting = Setting::new(app, actor, &directory, &people, opening, placed.as_ref());
        let done = in_chat_by_turn(app, actor, chat, |deciding| {
            refuse_active(deciding.scene)?;
            deciding.chat.begin_thread();
            if let Some(access) = &given {
                access::set(&mut deciding.chat, &GroupNumber::named_in(access));
            }
            setting.set(&mut deciding.chat, "chat.reopened", json!({}))?;
            let chat = &deciding.chat.after().chat.value;
            let (id, thread) = (chat.id, chat.thread.id);
            setting.keep_uploads(&mut deciding.batch, id);
            deciding.batch.claims = setting.claims(id);
            if let Some(turn) = placed.as_ref().and_then(|placed| placed.turn.as_ref()) {
                turn.take(&mut deciding.batch);
            }
            Ok((id, thread))
        })
        .await;
        drop(turn);
        let Some(done) = done? else { continue };
        note_given(app, actor, placed.as_ref());
        let (chat, thread) = done.value;
        return Ok(Opened { chat, thread, event_ids: setting.names(&done.events) });
    }
    Err(turns_move_too_fast())
}

fn refuse_active(scene: &Scene) -> Result<(), Failure> {
    match scene.chat.value.status {
        ChatStatus::Open => Err(ErrorType::ChatAlreadyActive.into()),
        ChatStatus::Closed => Ok(()),
    }
}

fn note_given(app: &App, actor: &Actor, placed: Option<&Placed>) {
    if let Some(Placed { to: Place::Agent(agent), .. }) = placed {
        app.routing(actor.workspace).gave(&agent.id, app.now());
    }
}

/// Where a chat begins.
struct Ground {
    chat: ChatId,
    channel: Arc<Channel>,
    address: String,
    customer: Option<Seen<Customer>>,
}

/// A customer's chat, on the web channel that they came to. Who was never here before is written down with it.
async fn of_customer(
    app: &App,
    actor: &Actor,
    directory: &Directory,
    id: CustomerId,
    channel: Option<ChannelId>,
) -> Result<Ground, Failure> {
    let channel = channel.and_then(|id| directory.channel(id)).ok_or_else(|| {
        Failure::new(ErrorType::Authentication, "the channel of this token is not there any more")
    })?;
    let address = id.to_string();
    let customer = match customer(app, actor.workspace, id).await? {
        Some(customer) => customer,
        None => Seen::absent(Customer {
            identities: vec![Identity { channel: channel.id, id: address.clone() }],
            ..Customer::new(id, app.now())
        }),
    };
    let chat = receive::chat_id(&channel, &address);
    Ok(Ground { chat, channel, address, customer: Some(customer) })
}

/// A chat that an agent begins: with a customer on the channel by which they are known, or among agents on a web channel.
async fn of_agent(
    app: &App,
    actor: &Actor,
    directory: &Directory,
    opening: &Opening,
) -> Result<Ground, Failure> {
    let of_the_web = || {
        let web = directory.channels().into_iter().filter(|one| one.kind == ChannelKind::Web);
        web.min_by_key(|channel| channel.id).ok_or_else(|| {
            Failure::new(ErrorType::NotFound, "there is no web channel that a chat could run over")
        })
    };
    let Some(named) = &opening.customer else {
        let channel = of_the_web()?;
        let address = format!("agents:{}", app.clock.next_id());
        let chat = receive::chat_id(&channel, &address);
        return Ok(Ground { chat, channel, address, customer: None });
    };
    let missing = || Failure::new(ErrorType::NotFound, format!("there is no customer {named}"));
    let id: CustomerId = named.parse().map_err(|_| missing())?;
    let customer = customer(app, actor.workspace, id).await?.ok_or_else(missing)?;
    let identity = customer
        .value
        .identities
        .iter()
        .find_map(|identity| Some((directory.channel(identity.channel)?, identity.id.clone())));
    let (channel, address) = match identity {
        Some(found) => found,
        None => (of_the_web()?, id.to_string()),
    };
    let chat = receive::chat_id(&channel, &address);
    Ok(Ground { chat, channel, address, customer: Some(customer) })
}

async fn customer(
    app: &App,
    workspace: WorkspaceId,
    id: CustomerId,
) -> Result<Option<Seen<Customer>>, Failure> {
    let key = DocKey::new(Kind::Customer, id);
    let found = app.store().document(workspace, &key).await.map_err(unreadable)?;
    found.map(seen).transpose().map_err(unreadable)
}

/// A customer has one chat: who has it already resumes it.
async fn refuse_second(app: &App, actor: &Actor, ground: &Ground) -> Result<(), Failure> {
    let Some(customer) = &ground.customer else { return Ok(()) };
    let id = customer.value.id;
    let known: Option<Seen<Chat>> =
        by_entry(app, actor.workspace, Kind::Chat, "customer", &id).await?;
    let Some(known) = known else { return Ok(()) };
    let kind = match &actor.who {
        Who::Customer(_) => ErrorType::ChatLimitReached,
        Who::Agent(_) => ErrorType::LimitReached,
    };
    let code = known.value.id.code();
    Err(Failure::new(kind, format!("the customer has a chat already; resume {code}"))
        .with_data(json!({ "chat_id": code.as_str() })))
}

/// The teams that the workspace's rules give a chat to, by the page that the customer is on; `None` where the caller names
/// teams, or no rule holds.
async fn access_by_rules(
    app: &App,
    actor: &Actor,
    opening: &Opening,
    customer: Option<&Customer>,
) -> Result<Option<BTreeSet<GroupNumber>>, Failure> {
    let visit = customer.and_then(|customer| customer.visit.as_ref());
    let page = visit.and_then(|visit| visit.last_pages.last());
    let (None, Some(page)) = (&opening.access, page) else { return Ok(None) };
    let place = visit.and_then(|visit| visit.geolocation.as_ref());
    let groups = auto_access::groups_for(app, actor.workspace, Some(&page.url), place).await;
    let groups = groups.map_err(unreadable)?;
    // The group of everybody stands for no bounds.
    Ok(groups.map(
        |groups| {
            if groups.contains(&GroupNumber::EVERYONE) { BTreeSet::new() } else { groups }
        },
    ))
}

/// The teams that see a chat: those that are named, the customer's, or everyone.
fn access_of(
    directory: &Directory,
    opening: &Opening,
    customer: Option<&Customer>,
) -> Result<BTreeSet<GroupNumber>, Failure> {
    let Some(named) = &opening.access else {
        let group = customer.and_then(|customer| customer.group);
        let known = group.filter(|group| directory.group(*group).is_some());
        return Ok(known.into_iter().collect());
    };
    let unknown = named
        .iter()
        .find(|group| **group != GroupNumber::EVERYONE && directory.group(**group).is_none());
    if let Some(group) = unknown {
        return Err(Failure::new(ErrorType::GroupNotFound, format!("there is no group {group}")));
    }
    if named.contains(&GroupNumber::EVERYONE) {
        return Ok(BTreeSet::new());
    }
    Ok(named.clone())
}

/// A chat that is not there yet.
fn new_scene(app: &App, ground: &Ground, access: BTreeSet<GroupNumber>) -> Scene {
    let thread = ThreadId::new(app.clock.next_id());
    let mut chat =
        Chat::begin(ground.chat, ground.channel.id, ground.address.clone(), thread, app.now());
    chat.access = access;
    chat.customer = ground.customer.as_ref().map(|customer| customer.value.id);
    let session = Session { thread: Some(thread), ..Session::default() };
    Scene {
        chat: Seen::absent(chat),
        control: Seen::absent(free()),
        session: Seen::absent(session),
        customer: ground.customer.clone(),
    }
}
