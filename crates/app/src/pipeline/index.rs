//! The reader that keeps the archive: it folds the log into threads as they are searched.
//!
//! Its cursor is in the archive, written with the rows, so what comes again after a crash is passed over. What is known of
//! busy threads is kept in memory; of others it is read again, and replaces what was known. The archive may be thrown
//! away: it is made again from what the log still holds.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tidings_model::{
    AuthorKind, Chat, ChatId, ChatStatus, Customer, CustomerId, Event, GroupNumber, Order,
    Properties, Seq, Thread, ThreadId, Timestamp, Visibility, WorkspaceId,
};
use tidings_store::archive::{ArchiveError, ArchivedThread, Facet, Texts, facet};
use tidings_store::{DocKey, Follower, Kind, ReadError};
use tidings_wire::livechat::show;
use tokio::sync::{Notify, watch};

use super::reader::stopped;
use super::scene::seen;
use crate::App;
use crate::desk::find;
use crate::desk::look::history::{self, Told};
use crate::directory::Directory;

/// How many events one look at the log takes.
const LOOK_EVENTS_MAX: usize = 1_000;

/// With so many events no more are gathered for one write of the archive: nearly as many as the log has in memory.
const GATHERED_MAX: usize = 3_000;

/// How long events are gathered before a write, unless somebody searches: a thread costs as much with one message as with
/// ten, and many messages are in the same threads.
const GATHER: Duration = Duration::from_millis(150);

/// How many documents are read at once.
const DOCUMENTS_AT_ONCE: usize = 200;

/// How many threads are kept in memory; when there are more, all are read anew.
const KNOWN_MAX: usize = 20_000;

/// How long the reader pauses when the archive or the store fails.
const PAUSE: Duration = Duration::from_secs(1);

/// A kind of facet of our own: a filled form of whatever kind.
pub const FORM: &str = "form";

/// In front of somebody's id among a thread's groups: they may see it though none of their teams does.
pub const PERSON: &str = "agent:";

/// A kind of facet of our own: the last thread of its chat, [`OPEN`] or [`CLOSED`].
pub const LAST: &str = "last";

/// The chat is open.
pub const OPEN: &str = "open";

/// The chat is closed.
pub const CLOSED: &str = "closed";

/// Types beside what clients see that change how a thread is found.
const CHANGES: [&str; 14] = [
    "customer.goal_reached",
    "chat.started",
    "chat.reopened",
    "chat.closed",
    "chat.tagged",
    "chat.untagged",
    "chat.properties_changed",
    "chat.access_changed",
    "chat.user_added",
    "chat.user_removed",
    "chat.followed",
    "chat.assigned",
    "chat.transferred",
    "control.changed",
];

/// Types that change what was said.
const REWRITES: [&str; 2] = ["chat.event_edited", "chat.event_deleted"];

/// Why a step of the index failed.
#[derive(Debug, thiserror::Error)]
enum IndexFailed {
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    #[error("the archive could not be written")]
    Archive(#[from] ArchiveError),
}

/// Keeps the archive of a workspace until told to stop.
pub async fn run(app: Arc<App>, workspace: WorkspaceId, mut stop: watch::Receiver<bool>) {
    loop {
        let Err(error) = follow(&app, workspace, &mut stop).await else { return };
        tracing::error!("the archive is behind: {}", super::reader::chain(&error));
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Follows the log; gives back when told to stop.
async fn follow(
    app: &Arc<App>,
    workspace: WorkspaceId,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), IndexFailed> {
    let cursor = app.archive.cursor(workspace).await?.unwrap_or(Seq::START);
    let indexed = app.indexed(workspace);
    indexed.up_to.send_replace(cursor);
    let mut follower = Follower::new(Arc::clone(&app.store), workspace, cursor);
    let mut known = HashMap::new();
    loop {
        let mut events = tokio::select! {
            () = stopped(stop) => return Ok(()),
            events = follower.next(LOOK_EVENTS_MAX) => events?,
        };
        if events.len() < LOOK_EVENTS_MAX {
            tokio::select! {
                () = stopped(stop) => return Ok(()),
                () = indexed.wanted.notified() => {}
                () = tokio::time::sleep(GATHER) => {}
            }
        }
        // What is in memory is there at once.
        while events.len() < GATHERED_MAX
            && let Some(more) = follower.next(LOOK_EVENTS_MAX).now_or_never()
        {
            events.extend(more?);
        }
        let Some(last) = events.last().map(|event| event.seq) else { continue };
        let rows = fold(app, workspace, &mut known, &events).await?;
        app.archive.put(workspace, last, rows).await?;
        indexed.up_to.send_replace(last);
    }
}

/// How far the archive of a workspace is, and whether somebody waits for more.
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    /// Up to this number of the log everything is in the archive.
    up_to: watch::Sender<Seq>,
    wanted: Notify,
}

impl Indexed {
    /// Waits until everything up to a number is in the archive; for that, nothing is gathered any longer.
    pub(crate) async fn reaches(&self, seq: Seq) {
        let mut up_to = self.up_to.subscribe();
        if *up_to.borrow() < seq {
            self.wanted.notify_one();
        }
        if up_to.wait_for(|up_to| *up_to >= seq).await.is_err() {
            tracing::debug!("nobody keeps the archive any more");
        }
    }
}

/// What is known of a thread from its events.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Up to here the events are counted.
    up_to: Seq,
    kinds: BTreeSet<&'static str>,
    forms: BTreeSet<Facet>,
    first_response: Option<(String, String)>,
    last_response: Option<(String, String)>,
}

/// A thread that events of a step are about.
#[derive(Debug)]
struct Touched {
    chat: ChatId,
    said: Vec<Arc<Event>>,
    is_rewritten: bool,
    up_to: Seq,
}

async fn fold(
    app: &App,
    workspace: WorkspaceId,
    known: &mut HashMap<ThreadId, Known>,
    events: &[Arc<Event>],
) -> Result<Vec<ArchivedThread>, IndexFailed> {
    let Some(directory) = app.directory(workspace) else { return Ok(Vec::new()) };
    if known.len() > KNOWN_MAX {
        known.clear();
    }
    let mut touched: HashMap<ThreadId, Touched> = HashMap::new();
    for event in events {
        let (Some(chat), Some(thread)) = (event.chat, event.thread) else { continue };
        let name = event.event_type.as_str();
        let is_said = show::kind_of(event).is_some();
        let is_rewritten = REWRITES.contains(&name);
        if !is_said && !is_rewritten && !CHANGES.contains(&name) {
            continue;
        }
        if event.order == Some(Order(1)) {
            known.insert(thread, Known::default());
        }
        let entry = touched.entry(thread).or_insert_with(|| Touched {
            chat,
            said: Vec::new(),
            is_rewritten: false,
            up_to: event.seq,
        });
        entry.is_rewritten |= is_rewritten;
        entry.up_to = event.seq;
        if is_said {
            entry.said.push(Arc::clone(event));
        }
        if name == "chat.reopened"
            && let Some(past) = before(app, workspace, chat, thread).await?
        {
            // It keeps the teams that had it, whatever becomes of its chat.
            touched.entry(past).or_insert_with(|| Touched {
                chat,
                said: Vec::new(),
                is_rewritten: false,
                up_to: event.seq,
            });
        }
    }
    // Read afresh: what the events tell of is in the documents by now, and nobody comes back for it.
    let chats = touched.values().map(|touched| touched.chat);
    let chats: HashMap<ChatId, Chat> = by_id(app, workspace, Kind::Chat, chats).await?;
    let customers = chats.values().filter_map(|chat| chat.customer);
    let customers: HashMap<CustomerId, Customer> =
        by_id(app, workspace, Kind::Customer, customers).await?;
    let mut rows = Vec::new();
    for (thread, touched) in touched {
        let Some(chat) = chats.get(&touched.chat) else { continue };
        let customer = chat.customer.and_then(|id| customers.get(&id));
        let about = About { directory: &directory, chat, customer };
        rows.extend(row(app, workspace, about, known, thread, touched).await?);
    }
    Ok(rows)
}

/// Those documents of a kind that are there, each by its id.
async fn by_id<I: Copy + Eq + Hash + Display, T: DeserializeOwned>(
    app: &App,
    workspace: WorkspaceId,
    kind: Kind,
    ids: impl Iterator<Item = I>,
) -> Result<HashMap<I, T>, ReadError> {
    let ids: Vec<I> = ids.collect::<HashSet<_>>().into_iter().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(DOCUMENTS_AT_ONCE) {
        let keys: Vec<DocKey> = ids.iter().map(|id| DocKey::new(kind, *id)).collect();
        let documents = app.store.documents_by_key(workspace, &keys).await?;
        for (id, document) in ids.iter().zip(documents) {
            if let Some(document) = document {
                found.insert(*id, seen(document)?.value);
            }
        }
    }
    Ok(found)
}

/// What a thread's row is made of, beside its events.
#[derive(Clone, Copy)]
struct About<'a> {
    directory: &'a Directory,
    chat: &'a Chat,
    customer: Option<&'a Customer>,
}

/// The thread before one.
async fn before(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
) -> Result<Option<ThreadId>, ReadError> {
    let document = app.store.document(workspace, &DocKey::new(Kind::Chat, chat)).await?;
    let Some(chat) = document.map(seen::<Chat>).transpose()? else { return Ok(None) };
    let thread = find::thread_by_id(app, workspace, &chat.value, thread).await?;
    Ok(thread.and_then(|thread| thread.previous))
}

/// A thread as it is searched from now on; nothing when it is not there any more.
async fn row(
    app: &App,
    workspace: WorkspaceId,
    About { directory, chat, customer }: About<'_>,
    known: &mut HashMap<ThreadId, Known>,
    id: ThreadId,
    touched: Touched,
) -> Result<Option<ArchivedThread>, IndexFailed> {
    let Some(thread) = find::thread_by_id(app, workspace, chat, id).await? else { return Ok(None) };
    let groups = GroupNumber::named_in(chat.access_of(&thread));
    let group = groups.first().copied().unwrap_or_default().to_string();
    let texts = match known.get_mut(&id).filter(|_| !touched.is_rewritten) {
        Some(known) => {
            let mut texts = Vec::new();
            let from = known.up_to;
            for event in touched.said.iter().filter(|event| event.seq > from) {
                known.note(event, &group, directory);
                texts.extend(texts_of(event, &event.data));
            }
            known.up_to = known.up_to.max(touched.up_to);
            Texts::Append(texts)
        }
        None => {
            let told = history::of_thread(app, workspace, touched.chat, id).await?;
            let mut anew = Known { up_to: touched.up_to, ..Known::default() };
            let mut texts = Vec::new();
            for told in told.iter().filter(|told| !told.deleted) {
                let Told { event, data, .. } = told;
                anew.note(event, &group, directory);
                texts.extend(texts_of(event, data));
                anew.up_to = anew.up_to.max(event.seq);
            }
            known.insert(id, anew);
            Texts::Replace(texts)
        }
    };
    let empty = Known::default();
    let facts = known.get(&id).unwrap_or(&empty);
    let facets = facets(facts, directory, chat, &thread, customer, &groups);
    let created_at = thread.created_at;
    Ok(Some(ArchivedThread { thread: id, chat: chat.id, created_at, texts, facets }))
}

impl Known {
    fn note(&mut self, event: &Event, group: &str, directory: &Directory) {
        let Some(kind) = show::kind_of(event) else { return };
        self.kinds.insert(kind);
        self.up_to = self.up_to.max(event.seq);
        let answers = matches!(event.author.kind, AuthorKind::Agent | AuthorKind::Bot)
            && event.visibility == Visibility::All;
        if answers && !directory.agents().is_empty() {
            let response = (event.author.id.clone(), group.to_owned());
            self.first_response.get_or_insert_with(|| response.clone());
            self.last_response = Some(response);
        }
        if kind == "filled_form" {
            self.forms.extend(forms(event, group));
        }
    }
}

fn forms(event: &Event, group: &str) -> Vec<Facet> {
    let text = |name: &str| event.data.get(name).and_then(Value::as_str);
    let Some(id) = text("form_id") else { return Vec::new() };
    let made = |name: &str| Facet::new(name, id).in_group(group).at(event.received_at);
    let mut facets = vec![made(FORM)];
    match text("form_type") {
        Some("prechat") => facets.push(made(facet::PRE_CHAT_FORM)),
        Some("postchat") => facets.push(made(facet::POST_CHAT_FORM)),
        Some(_) | None => {}
    }
    facets
}

fn facets(
    known: &Known,
    directory: &Directory,
    chat: &Chat,
    thread: &Thread,
    customer: Option<&Customer>,
    groups: &BTreeSet<GroupNumber>,
) -> Vec<Facet> {
    let mut facets: BTreeSet<Facet> = known.forms.clone();
    facets.extend(groups.iter().map(|group| Facet::new(facet::GROUP, group.to_string())));
    let people = people(chat, thread).into_iter();
    facets.extend(people.map(|id| Facet::new(facet::GROUP, format!("{PERSON}{id}"))));
    if thread.id == chat.thread.id {
        facets.extend(of_last(chat));
    }
    let me = chat.customer.map(|id| id.to_string());
    for id in thread.user_ids.iter().filter(|id| Some(id.as_str()) != me.as_deref()) {
        let agent = id.parse().ok().and_then(|id| directory.agent(&id));
        let is_person = agent.is_some_and(|agent| agent.bot.is_none());
        facets.insert(Facet::new(facet::AGENT, id));
        let kind = if is_person { "human" } else { "chatbot" };
        facets.insert(Facet::new(facet::AGENT_TYPE, kind));
    }
    facets.extend(known.kinds.iter().map(|kind| Facet::new(facet::EVENT_TYPE, *kind)));
    facets.extend(thread.tags.iter().map(|tag| Facet::new(facet::TAG, tag)));
    facets.extend(thread.goals.iter().map(|goal| Facet::new(facet::GOAL, goal)));
    for (name, response) in [
        (facet::FIRST_RESPONSE, &known.first_response),
        (facet::LAST_RESPONSE, &known.last_response),
    ] {
        let response = response.as_ref();
        facets.extend(response.map(|(id, group)| Facet::new(name, id).in_group(group)));
    }
    if let Some(customer) = customer {
        facets.insert(Facet::new(facet::CUSTOMER, customer.id.to_string()));
        let email = customer.email.as_ref().map(|email| email.to_lowercase());
        facets.extend(email.map(|email| Facet::new(facet::CUSTOMER_EMAIL, email)));
    }
    let country =
        thread.visit.as_ref().and_then(|visit| visit.pointer("/geolocation/country_code"));
    let country = country.and_then(Value::as_str).map(str::to_uppercase);
    facets.extend(country.map(|country| Facet::new(facet::COUNTRY, country)));
    for properties in [&chat.properties, &thread.properties] {
        facets.extend(of_properties(properties));
    }
    facets.extend(of_greeting(&thread.properties, groups, thread.created_at));
    facets.extend(of_sale(&thread.properties));
    facets.into_iter().collect()
}

/// What lists of chats are counted by: each chat stands in the archive by its last thread.
fn of_last(chat: &Chat) -> Vec<Facet> {
    let status = match chat.status {
        ChatStatus::Open => OPEN,
        ChatStatus::Closed => CLOSED,
    };
    let mut facets = vec![Facet::new(LAST, status)];
    for (namespace, names) in &chat.properties.0 {
        for (name, value) in names {
            facets.push(Facet::new(property_of_chat(namespace, name), value.to_string()));
        }
    }
    facets
}

/// The name of the facet of a chat's own property; its value is JSON.
pub fn property_of_chat(namespace: &str, name: &str) -> String {
    format!("chat_{}", facet::property(namespace, name))
}

/// Who may see a thread though none of their teams does: of the last one, who is in the chat or watches it; of one that is
/// over, who took part.
fn people(chat: &Chat, thread: &Thread) -> BTreeSet<String> {
    if thread.id != chat.thread.id {
        return thread.user_ids.iter().cloned().collect();
    }
    let present = chat.members.iter().filter(|member| member.present);
    let watching = chat.followers.iter().map(ToString::to_string);
    present.map(|member| member.who.id()).chain(watching).collect()
}

fn of_properties(properties: &Properties) -> Vec<Facet> {
    let mut facets = Vec::new();
    for (namespace, names) in &properties.0 {
        for (name, value) in names {
            facets.push(Facet::new(facet::property(namespace, name), as_text(value)));
        }
    }
    facets
}

/// A value of a property as text; as numbers and truths are written in JSON.
pub fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn of_greeting(
    properties: &Properties,
    groups: &BTreeSet<GroupNumber>,
    at: Timestamp,
) -> Option<Facet> {
    let id = properties.get("lc2", "greeting_id")?;
    let group = groups.first().copied().unwrap_or_default();
    Some(Facet::new(facet::GREETING, as_text(id)).in_group(group.to_string()).at(at))
}

fn of_sale(properties: &Properties) -> Option<Facet> {
    let has = |name: &str| properties.get("ecommerce", name) == Some(&Value::Bool(true));
    (has("has_sale") || has("has_indirect_sale")).then(|| Facet::new(facet::SALE, "true"))
}

/// What can be found of an event: what was written in it, by whomever.
fn texts_of(event: &Event, data: &Value) -> Vec<String> {
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let mut texts = Vec::new();
    match show::kind_of(event) {
        Some("message") => {
            let names = ["text", "title", "address", "first_name", "last_name", "phone_number"];
            texts.extend(names.into_iter().filter_map(|name| text(data, name)));
        }
        Some("file") => {
            let files = data.get("files").and_then(Value::as_array);
            texts.extend(files.into_iter().flatten().filter_map(|file| text(file, "name")));
            texts.extend(["caption", "name"].into_iter().filter_map(|name| text(data, name)));
        }
        Some("rich_message") => {
            texts.extend(text(data, "text"));
            let elements = data.get("elements").and_then(Value::as_array);
            for element in elements.into_iter().flatten() {
                let names = ["title", "subtitle"];
                texts.extend(names.into_iter().filter_map(|name| text(element, name)));
            }
        }
        Some("filled_form") => {
            let fields = data.get("fields").and_then(Value::as_array);
            for field in fields.into_iter().flatten() {
                texts.extend(text(field, "answer"));
                texts.extend(field.get("answer").and_then(|answer| text(answer, "label")));
                let answers = field.get("answers").and_then(Value::as_array);
                texts.extend(answers.into_iter().flatten().filter_map(|one| text(one, "label")));
            }
        }
        Some(_) | None => {}
    }
    texts
}
