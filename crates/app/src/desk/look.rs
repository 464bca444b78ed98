//! Chats as somebody sees them: the documents, put together and written for their eyes.
//!
//! One chat here; [`login`], [`list`], [`threads`] and [`archives`] show many, in pages; [`history`] says what became of a
//! thread's events, [`summary`] what a thread was about.

pub mod archives;
mod found;
pub mod history;
pub mod list;
pub mod login;
pub mod page;
pub mod summary;
pub mod threads;

use std::collections::HashMap;

use serde_json::Value;
use tidings_model::{Chat, ChatStatus, Customer, Participant, Thread, Timestamp, WorkspaceId};
use tidings_wire::livechat::show::{self, AroundThread, Lens};

use tidings_store::{DocKey, Kind, ReadError};

use self::history::Told;
use super::actor::opaque;
use super::find::{self, unreadable};
use super::routing::queue;
use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::directory::Directory;
use crate::pipeline::scene::{Scene, seen};

/// Why the events of a thread are not shown: there is no other reason, as nothing is left out for its age.
const NO_ACCESS: &str = "you have no access to this thread";

/// A chat with the thread that is asked for, or its last one, as the actor sees it.
pub async fn chat(
    app: &App,
    actor: &Actor,
    scene: &Scene,
    thread_name: Option<&str>,
) -> Result<Value, Failure> {
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let opaque = opaque(app, actor.workspace);
    let lens = actor.lens(&opaque);
    let chat = &scene.chat.value;
    let thread = match thread_name {
        None => chat.thread.clone(),
        Some(name) => find::thread(app, actor.workspace, chat, name).await?.thread().clone(),
    };
    let told = said_in(app, actor, chat, &thread).await.map_err(unreadable)?;
    let customer = customer(app, actor.workspace, chat).await?;
    let wrote = told.as_deref().unwrap_or_default();
    let users = users(&lens, &directory, chat, customer.as_ref(), wrote);
    let followed = actor.agent().is_some_and(|agent| chat.followers.contains(&agent.id));
    let place = place_in_queue(app, actor.workspace, chat, &thread).await?;
    let thread = self::thread(&lens, chat, &thread, told.as_deref(), place);
    Ok(show::chat(&lens, chat, users, Some(thread), followed))
}

/// What was said in a thread; nothing where the actor may not see it.
pub async fn said_in(
    app: &App,
    actor: &Actor,
    chat: &Chat,
    thread: &Thread,
) -> Result<Option<Vec<Told>>, ReadError> {
    if !actor.sees_thread(chat, thread) {
        return Ok(None);
    }
    history::of_thread(app, actor.workspace, chat.id, thread.id).await.map(Some)
}

/// Where a thread stands in the queue, if it waits there.
pub async fn place_in_queue(
    app: &App,
    workspace: WorkspaceId,
    chat: &Chat,
    thread: &Thread,
) -> Result<Option<Value>, Failure> {
    let waits = thread.id == chat.thread.id && thread.queued_at.is_some();
    if !waits {
        return Ok(None);
    }
    queue::place_of(app, workspace, chat.id).await.map_err(unreadable)
}

/// The customer of a chat, read afresh: a scene that is kept may have an old one.
pub async fn customer(
    app: &App,
    workspace: WorkspaceId,
    chat: &Chat,
) -> Result<Option<Customer>, Failure> {
    let Some(id) = chat.customer else { return Ok(None) };
    let key = DocKey::new(Kind::Customer, id);
    let document = app.store().document(workspace, &key).await.map_err(unreadable)?;
    let customer = document.map(seen::<Customer>).transpose().map_err(unreadable)?;
    Ok(customer.map(|seen| seen.value))
}

/// The people of a chat. `told` are events of its last thread: who wrote something has seen all before it.
pub fn users(
    lens: &Lens<'_>,
    directory: &Directory,
    chat: &Chat,
    customer: Option<&Customer>,
    told: &[Told],
) -> Vec<Value> {
    let wrote = last_written(told);
    let members = chat.members.iter().filter(|member| show::shows_member(lens, member));
    members
        .filter_map(|member| {
            let seen = wrote.get(&member.who.id()).copied().max(member.seen_up_to);
            match &member.who {
                Participant::Customer { .. } => {
                    Some(show::customer(lens, customer?, Some(member), seen))
                }
                Participant::Agent { id } => {
                    let agent = directory.agent(id)?;
                    Some(show::agent(lens, &agent, member, seen))
                }
                Participant::Bot { id } => Some(show::bot(lens, id, member, seen)),
            }
        })
        .collect()
}

/// When each author last wrote.
fn last_written(told: &[Told]) -> HashMap<String, Timestamp> {
    told.iter().map(|told| (told.event.author.id.clone(), told.event.received_at)).collect()
}

/// A thread with what was said in it; without that it is marked as closed to who looks. `place` is its place in the
/// queue, where it waits.
pub fn thread(
    lens: &Lens<'_>,
    chat: &Chat,
    thread: &Thread,
    told: Option<&[Told]>,
    place: Option<Value>,
) -> Value {
    let active = chat.thread.id == thread.id && chat.status == ChatStatus::Open;
    let events = told.map(|told| told.iter().filter_map(|told| told.show(lens)).collect());
    let restricted_access = events.is_none().then_some(NO_ACCESS);
    let around = AroundThread { active, events, queue: place, restricted_access };
    show::thread(lens, chat, thread, around)
}

/// The number by which old clients know a workspace: made of its id, always the same.
pub fn license_id(workspace: WorkspaceId) -> u64 {
    // 31 bits, never 0: clients keep it in a signed number.
    1 + u64::from(workspace.uuid().as_fields().0 ^ (workspace.uuid().as_u64_pair().1 as u32))
        % 0x7FFF_FFFE
}
