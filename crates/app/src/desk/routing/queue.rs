//! The queue: chats that wait for an agent, in the order in which they began to wait, for each team apart.
//!
//! It is nothing but the open chats whose lease is in the queue, found by an index entry: there is no list to keep.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
use tidings_model::{Chat, ChatId, GroupNumber, Holder, Timestamp, WorkspaceId};
use tidings_store::{CommitError, DocumentQuery, Kind, ReadError, Scan};

use super::assign::{Reason, give};
use super::{Choice, Wanted, choose, place, situation};
use crate::App;
use crate::desk::change::CONFLICT_TRIES_MAX;
use crate::desk::push::{Agents, Customers, Push};
use crate::directory::Directory;
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::scene::seen;
use tidings_model::Author;
use tidings_store::Batch;

/// How many waiting chats are looked at in one go: those beyond wait for the next.
const WAITING_MAX: usize = 1_000;

/// How long somebody waits for each place before theirs, until we have seen how long it takes, in seconds.
const WAIT_GUESS_S: u64 = 60;

/// A chat that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// Which.
    pub chat: ChatId,
    /// The chat.
    pub of: Chat,
    /// For which team.
    pub group: GroupNumber,
    /// Since when.
    pub since: Timestamp,
    /// Its place in its team's queue, from 1.
    pub position: u64,
    /// How long it will still wait, as far as one can tell, in seconds.
    pub wait_s: u64,
}

/// The chats that wait, oldest first.
pub async fn waiting(app: &App, workspace: WorkspaceId) -> Result<Vec<Waiting>, ReadError> {
    let Some(directory) = app.directory(workspace) else { return Ok(Vec::new()) };
    let scan = Scan::Range { name: "queued", from: None, to: None, newest_first: false };
    let query = DocumentQuery { kind: Kind::Chat, scan, after: None, limit: WAITING_MAX };
    let page = app.store().documents(workspace, query).await?;
    let mut places: HashMap<GroupNumber, u64> = HashMap::new();
    let mut all = Vec::new();
    let per_place = app.routing(workspace).seconds_per_place().unwrap_or(WAIT_GUESS_S);
    for document in page.documents {
        let chat: Chat = seen(document)?.value;
        let Some(since) = chat.thread.queued_at else { continue };
        let group = team_of(&directory, &chat);
        let position = places.entry(group).or_default();
        *position += 1;
        all.push(Waiting {
            chat: chat.id,
            group,
            since,
            position: *position,
            wait_s: *position * per_place,
            of: chat,
        });
    }
    Ok(all)
}

/// The team that a chat is with: the one that a bot or agent named, or the first that sees it.
pub fn team_of(directory: &Directory, chat: &Chat) -> GroupNumber {
    let named = chat.group.as_ref().and_then(|key| directory.group_by_key(key));
    named.map_or_else(|| chat.access.first().copied().unwrap_or_default(), |group| group.number)
}

/// Gives waiting chats to whoever can take them now, and tells everybody who still waits of their place. Running it
/// again does nothing more: who was given a chat does not wait.
pub async fn drain(app: &App, workspace: WorkspaceId) -> Result<(), ReadError> {
    let routing = app.routing(workspace);
    let _turn = routing.turn().await;
    let mut full: BTreeSet<GroupNumber> = BTreeSet::new();
    for waiting in waiting(app, workspace).await? {
        if full.contains(&waiting.group) {
            continue;
        }
        if !give_one(app, workspace, &waiting).await? {
            full.insert(waiting.group);
        }
    }
    tell_places(app, workspace).await
}

/// Gives one waiting chat away; false when nobody of its team can take one.
async fn give_one(app: &App, workspace: WorkspaceId, waiting: &Waiting) -> Result<bool, ReadError> {
    let Some(directory) = app.directory(workspace) else { return Ok(false) };
    for _ in 0..CONFLICT_TRIES_MAX {
        let Some(scene) = app.scene(workspace, waiting.chat).await? else {
            return Ok(true);
        };
        if !matches!(scene.control.value.holder, Holder::Queue { .. }) {
            return Ok(true);
        }
        let Ok(candidates) = situation(app, workspace, waiting.group).await else {
            return Ok(false);
        };
        let wanted = Wanted { group: waiting.group, may_wait: true, ..Wanted::default() };
        let decision = choose(&candidates, &wanted);
        let Choice::Agent(id) = &decision.choice else { return Ok(false) };
        let Some(agent) = directory.agent(id) else { return Ok(false) };
        let mut batch = Batch::new(workspace);
        let mut change =
            ChatChange::begin(workspace, &scene, Author::system(), None, app.clock.as_ref());
        give(&mut change, &agent, Reason::Assigned, &decision);
        change.finish(&mut batch);
        if let Some(turn) = &decision.turn {
            turn.take(&mut batch);
        }
        match app.commit(batch).await {
            Ok(_) => {
                let routing = app.routing(workspace);
                routing.gave(id, app.now());
                routing.waited(app.now().duration_since(waiting.since).as_secs().unsigned_abs());
                return Ok(true);
            }
            Err(CommitError::Conflict { .. }) => app.forget_scene(workspace, waiting.chat),
            Err(error) => {
                tracing::warn!("a waiting chat could not be given away: {error}");
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Tells who waits of their place, where it changed.
async fn tell_places(app: &App, workspace: WorkspaceId) -> Result<(), ReadError> {
    let Some(hub) = app.hub(workspace) else { return Ok(()) };
    let waiting = waiting(app, workspace).await?;
    let routing = app.routing(workspace);
    let now: BTreeMap<ChatId, u64> = waiting.iter().map(|one| (one.chat, one.position)).collect();
    let before = routing.replace_places(now);
    let moved: Vec<&Waiting> =
        waiting.iter().filter(|one| before.get(&one.chat) != Some(&one.position)).collect();
    if moved.is_empty() {
        return Ok(());
    }
    let payload = |one: &Waiting| {
        json!({
            "chat_id": one.of.id.code().as_str(), "thread_id": one.of.thread.id.code().as_str(),
            "queue": { "position": one.position, "wait_time": one.wait_s },
        })
    };
    let all: Vec<Value> = moved.iter().map(|one| payload(one)).collect();
    hub.signal(
        Push {
            to_agents: Some(("queue_positions_updated", all.into())),
            agents: Agents::All,
            ..Push::default()
        },
        None,
    );
    for one in moved {
        let Some(customer) = one.of.customer else { continue };
        hub.signal(
            Push {
                to_customer: Some(("queue_position_updated", payload(one))),
                customers: Customers::One(customer),
                ..Push::default()
            },
            None,
        );
    }
    Ok(())
}

/// A chat's place in the queue as it stands in answers, if it waits.
pub async fn place_of(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
) -> Result<Option<Value>, ReadError> {
    let waiting = waiting(app, workspace).await?;
    let found = waiting.into_iter().find(|one| one.chat == chat);
    Ok(found.map(|one| place(one.position, one.wait_s, one.since)))
}
