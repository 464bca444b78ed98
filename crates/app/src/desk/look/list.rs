//! Lists of chats: `list_chats` of both sides.
//!
//! Chats come by when their last thread began. What an agent sees is found by index entries: one stretch for each of
//! their teams and one for themselves, merged. A page of a list of a million chats costs as much as one of ten; how many
//! there are is counted in [`found`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_model::{
    Chat, ChatId, ChatStatus, Customer, CustomerId, Event, GroupNumber, Properties, ThreadId,
    WorkspaceId,
};
use tidings_store::archive::Rule;
use tidings_store::{DocKey, DocumentQuery, Kind, Place, ReadError, Scan};
use tidings_wire::livechat::show;

use super::found;
use super::history::{self, Told};
use super::page::{self, Asked, Order, PageIds, Read};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find::unreadable;
use crate::desk::routing::queue;
use crate::desk::{Actor, ErrorType, Failure, Who, look};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::{Stream, sortable};

/// How many chats are looked at for one page at most: a filter that hardly any chat fits gives short pages, each with the
/// id of the next.
const LOOKED_AT_MAX: usize = 20_000;

/// How many chats are read in one step beyond a page's own.
const STEP: usize = 200;

/// How many teams an agent may have before chats are looked at one after another instead of team by team.
const STREAMS_MAX: usize = 16;

/// How many of its last events a chat in a list is told by.
const LAST_EVENTS: usize = 30;

/// How many chats' events are read side by side.
const READS_AT_ONCE: usize = 8;

/// How many chats of one customer are looked at: they have one on each channel.
const CUSTOMERS_CHATS_MAX: usize = 1_000;

/// Which chats are asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Filters {
    /// With an active thread, or without.
    #[serde(default)]
    pub active: Option<bool>,
    /// That one of these teams sees.
    #[serde(default)]
    pub group_ids: Option<BTreeSet<GroupNumber>>,
    /// With these properties, by namespace and name.
    #[serde(default)]
    pub properties: BTreeMap<String, BTreeMap<String, PropertyFilter>>,
}

/// What a property must be: one of these is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PropertyFilter {
    /// Set, or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// One of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// None of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_values: Option<Vec<Value>>,
}

impl PropertyFilter {
    fn fits(&self, value: Option<&Value>) -> bool {
        self.exists.is_none_or(|exists| exists == value.is_some())
            && self.values.as_ref().is_none_or(|values| value.is_some_and(|v| values.contains(v)))
            && self
                .exclude_values
                .as_ref()
                .is_none_or(|values| value.is_none_or(|value| !values.contains(value)))
    }
}

impl PropertyFilter {
    /// The same for the archive, where values are JSON.
    pub(super) fn rules(&self) -> impl Iterator<Item = Rule> {
        let texts = |values: &Vec<Value>| values.iter().map(Value::to_string).collect();
        let exists = self.exists.map(|exists| if exists { Rule::Exists } else { Rule::Absent });
        let values = self.values.as_ref().map(|values| Rule::AnyOf(texts(values)));
        let others = self.exclude_values.as_ref().map(|values| Rule::NoneOf(texts(values)));
        [exists, values, others].into_iter().flatten()
    }
}

impl Filters {
    fn fits(&self, chat: &Chat) -> bool {
        self.active.is_none_or(|active| active == (chat.status == ChatStatus::Open))
            && self.group_ids.as_ref().is_none_or(|groups| is_of(chat, groups))
            && fit(&self.properties, &chat.properties)
    }
}

/// Whether properties are as they are asked for.
fn fit(
    asked: &BTreeMap<String, BTreeMap<String, PropertyFilter>>,
    properties: &Properties,
) -> bool {
    asked.iter().all(|(namespace, names)| {
        names.iter().all(|(name, filter)| filter.fits(properties.get(namespace, name)))
    })
}

/// Whether one of these teams sees a chat by its access.
fn is_of(chat: &Chat, groups: &BTreeSet<GroupNumber>) -> bool {
    if chat.access.is_empty() {
        return groups.contains(&GroupNumber::EVERYONE);
    }
    chat.access.iter().any(|group| groups.contains(group))
}

/// Where a chat stands in a list: when its last thread began, and its id.
pub type ChatPlace = (String, String);

/// A page of chats that was asked for.
pub type AskedChats = Asked<Filters, ChatPlace>;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ChatPage {
    /// The chats, in short.
    pub chats: Vec<Value>,
    /// How many there are on all pages.
    pub found: u64,
    /// The pages before and after.
    pub pages: PageIds,
}

/// The name of the list, in its page ids.
pub const LIST: &str = "list_chats";

fn place_of(chat: &Chat) -> ChatPlace {
    (sortable(chat.thread.created_at), chat.id.to_string())
}

/// A page of the chats that somebody sees.
pub async fn chats(app: &App, actor: &Actor, asked: &AskedChats) -> Result<ChatPage, Failure> {
    let (read, found) = match &actor.who {
        Who::Agent(_) => {
            let read = of_agent(app, actor, asked).await.map_err(unreadable)?;
            let found = found::count(app, actor, asked, &read).await?;
            (read, found)
        }
        Who::Customer(id) => {
            let all = of_customer(app, actor.workspace, *id).await.map_err(unreadable)?;
            let found = all.len().try_into().unwrap_or(u64::MAX);
            (page_of(all, asked), found)
        }
    };
    let pages = page::ids(app, actor.workspace, LIST, asked, &read, place_of);
    let chats = summaries(app, actor, &read.rows).await?;
    Ok(ChatPage { chats, found, pages })
}

/// The first chats of the list that an agent sees, as a login tells them: nobody counts there.
pub async fn first(app: &App, actor: &Actor, limit: usize) -> Result<Vec<Value>, Failure> {
    let asked = Asked {
        filters: Filters::default(),
        order: Order::default(),
        limit,
        place: None,
        back: false,
    };
    let read = of_agent(app, actor, &asked).await.map_err(unreadable)?;
    summaries(app, actor, &read.rows).await
}

/// All chats of a customer, the last one first.
pub async fn of_customer(
    app: &App,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> Result<Vec<Chat>, ReadError> {
    let scan = Scan::Equal { name: "customer", value: customer.to_string() };
    let query = DocumentQuery { kind: Kind::Chat, scan, after: None, limit: CUSTOMERS_CHATS_MAX };
    let page = app.store.documents(workspace, query).await?;
    let mut chats = Vec::new();
    for document in page.documents {
        chats.push(seen::<Chat>(document)?.value);
    }
    chats.sort_by_key(place_of);
    chats.reverse();
    Ok(chats)
}

/// A page of chats that were all read, the last one first.
fn page_of(mut chats: Vec<Chat>, asked: &AskedChats) -> Read<Chat> {
    let newest_first = asked.order.newest_first(asked.back);
    if !newest_first {
        chats.reverse();
    }
    if let Some(place) = &asked.place {
        let beyond = |chat: &Chat| {
            if newest_first { place_of(chat) < *place } else { place_of(chat) > *place }
        };
        chats.retain(beyond);
    }
    Read::of(chats, asked.limit, asked.place.is_none(), asked.back)
}

/// The stretches of an index that a list is merged from.
struct Streams {
    /// The name of the entries.
    name: &'static str,
    /// Each with its bounds; one without has all.
    bounds: Vec<Option<Stream>>,
}

impl Streams {
    fn of(actor: &Actor, filters: &Filters) -> Self {
        let live = filters.active == Some(true);
        let everything = if live {
            Self { name: Stream::LIVE, bounds: vec![Some(Stream::All)] }
        } else {
            Self { name: "recent", bounds: vec![None] }
        };
        let sees_all = actor.sees_all_chats();
        let mut streams: Vec<Stream> = match &filters.group_ids {
            Some(groups) => groups.iter().map(|group| Stream::Group(*group)).collect(),
            None if sees_all => return everything,
            None => {
                let mine = actor.groups.iter().map(|group| Stream::Group(*group));
                let mut streams: Vec<Stream> = mine.collect();
                streams.push(Stream::Group(GroupNumber::EVERYONE));
                streams.extend(actor.agent().map(|agent| Stream::Agent(agent.id.clone())));
                streams
            }
        };
        streams.sort();
        streams.dedup();
        if streams.len() > STREAMS_MAX {
            return everything;
        }
        let name = if live { Stream::LIVE } else { Stream::RECENT };
        Self { name, bounds: streams.into_iter().map(Some).collect() }
    }
}

/// One stretch as it is read.
struct Reading {
    stream: Option<Stream>,
    waiting: std::collections::VecDeque<Chat>,
    after: Option<String>,
    is_done: bool,
}

async fn of_agent(app: &App, actor: &Actor, asked: &AskedChats) -> Result<Read<Chat>, ReadError> {
    let newest_first = asked.order.newest_first(asked.back);
    let streams = Streams::of(actor, &asked.filters);
    let mut readings: Vec<Reading> = streams
        .bounds
        .into_iter()
        .map(|stream| Reading {
            after: asked.place.as_ref().map(|(time, id)| {
                let value = stream.as_ref().map_or_else(|| time.clone(), |one| one.entry(time));
                Place { value, id: id.clone() }.to_string()
            }),
            stream,
            waiting: std::collections::VecDeque::new(),
            is_done: false,
        })
        .collect();
    let mut found: Vec<Chat> = Vec::new();
    let mut last: Option<ChatPlace> = None;
    let mut looked_at = 0;
    while found.len() <= asked.limit && looked_at < LOOKED_AT_MAX {
        for reading in readings.iter_mut().filter(|one| one.waiting.is_empty() && !one.is_done) {
            let step = if looked_at == 0 { asked.limit + 1 } else { STEP };
            fill(app, actor.workspace, streams.name, newest_first, step, reading).await?;
        }
        let heads = readings.iter_mut().filter(|reading| !reading.waiting.is_empty());
        let next = if newest_first {
            heads.max_by_key(|reading| reading.waiting.front().map(place_of))
        } else {
            heads.min_by_key(|reading| reading.waiting.front().map(place_of))
        };
        let Some(chat) = next.and_then(|reading| reading.waiting.pop_front()) else { break };
        let place = place_of(&chat);
        if last.as_ref() == Some(&place) {
            continue;
        }
        last = Some(place);
        looked_at += 1;
        if actor.sees(&chat) && asked.filters.fits(&chat) {
            found.push(chat);
        }
    }
    let stopped = looked_at >= LOOKED_AT_MAX && found.len() <= asked.limit;
    let mut read = Read::of(found, asked.limit, asked.place.is_none(), asked.back);
    if stopped {
        if asked.back { read.has_previous = true } else { read.has_next = true }
    }
    Ok(read)
}

async fn fill(
    app: &App,
    workspace: WorkspaceId,
    name: &'static str,
    newest_first: bool,
    limit: usize,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let (from, to) = reading.stream.as_ref().map(Stream::bounds).unzip();
    let scan = Scan::Range { name, from, to, newest_first };
    let query = DocumentQuery { kind: Kind::Chat, scan, after: reading.after.take(), limit };
    let page = app.store.documents(workspace, query).await?;
    for document in page.documents {
        reading.waiting.push_back(seen::<Chat>(document)?.value);
    }
    reading.is_done = page.next.is_none();
    reading.after = page.next;
    Ok(())
}

/// Chats in short, as somebody sees them: who is in them, their last event of each type, their last thread.
pub async fn summaries(app: &App, actor: &Actor, chats: &[Chat]) -> Result<Vec<Value>, Failure> {
    let workspace = actor.workspace;
    let directory =
        app.directory(workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let customers = customers(app, workspace, chats).await.map_err(unreadable)?;
    let waits = chats.iter().any(|chat| chat.thread.queued_at.is_some());
    let mut places: HashMap<ChatId, Value> = HashMap::new();
    if waits {
        for one in queue::waiting(app, workspace).await.map_err(unreadable)? {
            let place = crate::desk::routing::place(one.position, one.wait_s, one.since);
            places.insert(one.chat, place);
        }
    }
    let ids: Vec<_> = chats.iter().map(|chat| (chat.id, chat.thread.id)).collect();
    let said: Vec<Result<Vec<Told>, ReadError>> = stream::iter(ids)
        .map(|(chat, thread)| lately_said(app, workspace, chat, thread))
        .buffered(READS_AT_ONCE)
        .collect()
        .await;
    let veil = opaque(app, workspace);
    let lens = actor.lens(&veil);
    let mut summaries = Vec::new();
    for (chat, said) in chats.iter().zip(said) {
        let said = said.map_err(unreadable)?;
        let shown: Vec<Value> = said.iter().filter_map(|told| told.show(&lens)).collect();
        let customer = chat.customer.and_then(|id| customers.get(&id));
        let users = look::users(&lens, &directory, chat, customer, &said);
        let followed = actor.agent().is_some_and(|agent| chat.followers.contains(&agent.id));
        let place = places.remove(&chat.id);
        summaries.push(show::chat_summary(&lens, chat, users, &shown, place, followed));
    }
    Ok(summaries)
}

async fn customers(
    app: &App,
    workspace: WorkspaceId,
    chats: &[Chat],
) -> Result<HashMap<CustomerId, Customer>, ReadError> {
    let keys: Vec<DocKey> = chats
        .iter()
        .filter_map(|chat| chat.customer)
        .map(|id| DocKey::new(Kind::Customer, id))
        .collect();
    let found = app.store.documents_by_key(workspace, &keys).await?;
    let mut customers = HashMap::new();
    for document in found.into_iter().flatten() {
        let customer: Seen<Customer> = seen(document)?;
        customers.insert(customer.value.id, customer.value);
    }
    Ok(customers)
}

/// The last events of a chat's last thread, with what became of them.
pub(super) async fn lately_said(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
) -> Result<Vec<Told>, ReadError> {
    let mut events: Vec<Arc<Event>> =
        app.store.chat_events(workspace, chat, None, LAST_EVENTS).await?;
    events.retain(|event| event.thread == Some(thread));
    events.reverse();
    Ok(history::fold(&events))
}

/// `{rows, total, next_page_id?, previous_page_id?}` by the names of a method's answer.
pub fn answer(rows: (&str, Vec<Value>), total: (&str, u64), pages: PageIds) -> Value {
    let mut map = Map::new();
    map.insert(rows.0.into(), rows.1.into());
    map.insert(total.0.into(), json!(total.1));
    let ids = [("next_page_id", pages.next), ("previous_page_id", pages.previous)];
    for (name, id) in ids {
        if let Some(id) = id {
            map.insert(name.into(), id.into());
        }
    }
    Value::Object(map)
}

/// The order that a client's word means.
pub fn order(word: Option<&str>) -> Order {
    match word {
        Some("asc") => Order::Asc,
        Some(_) | None => Order::Desc,
    }
}
