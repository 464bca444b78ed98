//! What a bot would do: a draft or a version, on a sample, on recorded events, or on a whole recorded chat. Nothing is done,
//! and nothing is written.
//!
//! The chat is imagined ([`tidings_behaviors::simulate`]); from the store come only the events and who the customer is.
//! What the bot itself said then is left out: it says it anew. Between two events others have their turn, and a request
//! that nobody waits for any more ends there. One simulation goes on at a time, and none for longer than [`TIME_MAX`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde_json::{Map, Value};
use tidings_behaviors::simulate::{Budget, Happening, Patience, Simulator, Stubs, Told};
use tidings_behaviors::{Bot, BotSource, Problem, Run};
use tidings_model::{
    AuthorKind, BotName, Chat, ChatId, Customer, Event, EventId, Seq, Timestamp, TypeName,
    WorkspaceId,
};
use tidings_store::{DocKey, EventQuery, Kind, ReadError};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::App;
use crate::admin::bots::{CatalogueVocabulary, LiveBot, StoredVersion};
use crate::pipeline::scene::seen;
use crate::pipeline::written::to_value;

/// How many events of a chat, or of the log, one simulation takes.
pub const EVENTS_MAX: usize = 1_000;

/// How long a simulation may take; what comes after is told as stopped. A thousand events take a part of a second.
pub const TIME_MAX: std::time::Duration = std::time::Duration::from_secs(10);

/// How many simulations go on at once on a node; others wait for their turn.
pub(crate) const AT_ONCE_MAX: usize = 1;

/// How many events of the log are read at once.
const PAGE: usize = 500;

/// How long after the last event is waited for what is due then: two days of reminders.
const AFTERWARDS: std::time::Duration = std::time::Duration::from_secs(48 * 3_600);

/// What is tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Against {
    /// These, one after the other, in a new chat.
    Happenings(Vec<Happening>),
    /// One recorded event.
    Event(EventId),
    /// All of a recorded chat.
    Chat(ChatId),
    /// The last events that the bot hears, each in its chat.
    Last(usize),
}

/// What happened, and what the bot would have done then.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The recorded event; `None` for one that was only given.
    pub event: Option<EventId>,
    /// In which chat.
    pub chat: Option<ChatId>,
    /// Its type; `None` where only time passed.
    pub event_type: Option<TypeName>,
    /// What the bot would have done.
    pub did: Vec<Told>,
}

/// What a bot would have done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulated {
    /// Step by step.
    pub steps: Vec<Step>,
    /// Its runs, with their traces.
    pub runs: Vec<Run>,
    /// Whether the time was up before all of it was tried.
    pub ended_early: bool,
}

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// There is no such thing.
    #[error("there is no such {what}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
    },
    /// The text does not load.
    #[error("the bot's text does not load")]
    Wrong(Vec<Problem>),
    /// It could not be read.
    #[error("the simulation could not read what it needs")]
    Read(#[from] ReadError),
}

/// Loads a draft of a bot.
pub fn draft(
    app: &App,
    workspace: WorkspaceId,
    source: &BotSource,
) -> Result<(Bot, Vec<Problem>), SimulationError> {
    Bot::load(source, &CatalogueVocabulary(&app.catalogue_of(workspace)))
        .map_err(SimulationError::Wrong)
}

/// Loads a version of a bot: the one that is live, unless another is named.
pub async fn version(
    app: &App,
    workspace: WorkspaceId,
    bot: &BotName,
    version: Option<&str>,
) -> Result<Bot, SimulationError> {
    let version = match version {
        Some(version) => version.to_owned(),
        None => {
            let live = app.store.document(workspace, &DocKey::new(Kind::Bot, bot)).await?;
            let live = live.ok_or(SimulationError::Unknown { what: "bot" })?;
            seen::<LiveBot>(live)?.value.version
        }
    };
    let key = DocKey::new(Kind::BotVersion, StoredVersion::id(bot, &version));
    let stored = app.store.document(workspace, &key).await?;
    let stored = stored.ok_or(SimulationError::Unknown { what: "version" })?;
    let files = seen::<StoredVersion>(stored)?.value.files;
    Ok(draft(app, workspace, &BotSource { name: bot.clone(), files })?.0)
}

/// What a bot would do.
pub async fn simulate(
    app: &App,
    workspace: WorkspaceId,
    bot: &Bot,
    against: &Against,
    stubs: &Stubs,
) -> Result<Simulated, SimulationError> {
    let _turn = app.simulations.acquire().await;
    let end = Instant::now() + TIME_MAX;
    let is_over = move || Instant::now() > end;
    let simulated = within((app, workspace), bot, against, stubs, Patience(&is_over)).await?;
    Ok(Simulated { ended_early: is_over(), ..simulated })
}

async fn within(
    (app, workspace): (&App, WorkspaceId),
    bot: &Bot,
    against: &Against,
    stubs: &Stubs,
    patience: Patience<'_>,
) -> Result<Simulated, SimulationError> {
    let Patience(is_over) = patience;
    match against {
        Against::Happenings(happenings) => {
            let mut imagined = Simulator::new([bot], app.now());
            imagined.stubs.clone_from(stubs);
            imagined.patience = Some(patience);
            let mut simulated = Simulated::default();
            for happening in happenings {
                yield_now().await;
                imagined.happens(happening);
                simulated.steps.push(Step {
                    event: None,
                    chat: None,
                    event_type: Some(happening.event_type.clone()),
                    did: imagined.told(),
                });
                if is_over() {
                    return Ok(simulated);
                }
            }
            close(&mut imagined, None, &mut simulated);
            Ok(simulated)
        }
        Against::Event(id) => {
            let event = app.store.event(workspace, *id).await?;
            let event = event.ok_or(SimulationError::Unknown { what: "event" })?;
            recorded((app, workspace), bot, &[event], stubs, patience).await
        }
        Against::Chat(chat) => {
            let found = app.store.document(workspace, &DocKey::new(Kind::Chat, chat)).await?;
            if found.is_none() {
                return Err(SimulationError::Unknown { what: "chat" });
            }
            let query = EventQuery {
                after: Seq::START,
                limit: EVENTS_MAX,
                types: Vec::new(),
                chat: Some(*chat),
            };
            let events = app.store.events(workspace, query).await?;
            recorded((app, workspace), bot, &events, stubs, patience).await
        }
        Against::Last(count) => {
            let events = last(app, workspace, bot, (*count).min(EVENTS_MAX)).await?;
            recorded((app, workspace), bot, &events, stubs, patience).await
        }
    }
}

/// The last events that a bot hears, the first first.
async fn last(
    app: &App,
    workspace: WorkspaceId,
    bot: &Bot,
    count: usize,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let heard = bot.behaviors().iter().flat_map(|behavior| &behavior.on);
    let types: Vec<TypeName> = heard.map(|heard| heard.event_type.clone()).collect();
    let end = app.store.last_seq(workspace).await?;
    let mut found: Vec<Arc<Event>> = Vec::new();
    let mut upto = end.0;
    // Backwards in pages, as the store reads forwards.
    while found.len() < count && upto > 0 && !types.is_empty() {
        let after = upto.saturating_sub(PAGE as u64);
        let query = EventQuery { after: Seq(after), limit: PAGE, types: types.clone(), chat: None };
        let page = app.store.events(workspace, query).await?;
        let mut page: Vec<_> = page.into_iter().filter(|event| event.seq.0 <= upto).collect();
        page.append(&mut found);
        found = page;
        upto = after;
    }
    Ok(found.split_off(found.len().saturating_sub(count)))
}

/// What a bot would have done on recorded events: those of a chat in one imagined chat, the others each by itself, all of
/// them within one budget.
async fn recorded(
    (app, workspace): (&App, WorkspaceId),
    bot: &Bot,
    events: &[Arc<Event>],
    stubs: &Stubs,
    patience: Patience<'_>,
) -> Result<Simulated, SimulationError> {
    let mut simulated = Simulated::default();
    let mut budget = Budget::default();
    let mut chats: BTreeMap<ChatId, Simulator<'_>> = BTreeMap::new();
    let Patience(is_over) = patience;
    for event in events {
        yield_now().await;
        if is_over() {
            return Ok(simulated);
        }
        let own = event.author.kind == AuthorKind::Bot && event.author.id == bot.name.as_str();
        if own {
            continue;
        }
        let happening = Happening {
            event_type: event.event_type.clone(),
            data: event.data.clone(),
            author: event.author.kind,
            has_chat: event.chat.is_some(),
        };
        let step = |did| Step {
            event: Some(event.id),
            chat: event.chat,
            event_type: Some(event.event_type.clone()),
            did,
        };
        let Some(chat) = event.chat else {
            let mut alone = Simulator::new([bot], event.time);
            alone.stubs.clone_from(stubs);
            alone.patience = Some(patience);
            alone.budget = budget;
            alone.happens(&happening);
            simulated.steps.push(step(alone.told()));
            close(&mut alone, None, &mut simulated);
            budget = alone.budget;
            continue;
        };
        let imagined = match chats.entry(chat) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(imagined(app, workspace, bot, chat, event.time, stubs).await?)
            }
        };
        imagined.budget = budget;
        imagined.patience = Some(patience);
        imagined.passes(event.time);
        let due = imagined.told();
        if !due.is_empty() {
            simulated.steps.push(Step {
                event: None,
                chat: Some(chat),
                event_type: None,
                did: due,
            });
        }
        imagined.happens(&happening);
        simulated.steps.push(step(imagined.told()));
        budget = imagined.budget;
    }
    for (chat, mut imagined) in chats {
        yield_now().await;
        imagined.budget = budget;
        close(&mut imagined, Some(chat), &mut simulated);
        budget = imagined.budget;
    }
    Ok(simulated)
}

/// What comes when nothing more happens.
fn close(imagined: &mut Simulator<'_>, chat: Option<ChatId>, simulated: &mut Simulated) {
    let until = imagined.now.checked_add(AFTERWARDS).unwrap_or(Timestamp::MAX);
    imagined.passes(until);
    let did = imagined.told();
    if !did.is_empty() {
        simulated.steps.push(Step { event: None, chat, event_type: None, did });
    }
    simulated.runs.append(&mut imagined.runs);
}

/// A chat as it was when it began, but for who the customer is, which is known as it is now.
async fn imagined<'b>(
    app: &App,
    workspace: WorkspaceId,
    bot: &'b Bot,
    id: ChatId,
    at: Timestamp,
    stubs: &Stubs,
) -> Result<Simulator<'b>, ReadError> {
    let mut imagined = Simulator::new([bot], at);
    imagined.stubs.clone_from(stubs);
    let Some(found) = app.store.document(workspace, &DocKey::new(Kind::Chat, id)).await? else {
        return Ok(imagined);
    };
    let chat: Chat = seen(found)?.value;
    imagined.chat.insert("id".into(), to_value(&chat.id));
    let kind = app.directory(workspace).and_then(|directory| directory.channel(chat.channel));
    if let Some(channel) = kind {
        imagined.channel_kind = channel.kind.as_str().into();
    }
    if let Some(customer) = chat.customer {
        let key = DocKey::new(Kind::Customer, customer);
        if let Some(found) = app.store.document(workspace, &key).await? {
            let customer: Customer = seen(found)?.value;
            let mut known = Map::new();
            known.insert("id".into(), to_value(&customer.id));
            known.insert("name".into(), to_value(&customer.name));
            known.insert("language".into(), to_value(&customer.language));
            imagined.customer = Value::Object(known);
        }
    }
    Ok(imagined)
}
