//! Finding chats and threads by the names that clients use: a code, or the whole id.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use tidings_model::{Chat, ChatId, Code, Thread, ThreadId, WorkspaceId};
use tidings_store::{DocKey, DocumentQuery, Kind, ReadError, Scan};

use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::pipeline::scene::{Scene, Seen, seen};
use crate::pipeline::written::PastThread;

/// The store could not be read.
pub fn unreadable(error: ReadError) -> Failure {
    tracing::error!("a call could not be answered: {}", crate::pipeline::reader::chain(&error));
    Failure::new(ErrorType::Internal, "the server could not read its store; try again")
}

/// The id of a chat that a client names; `None` when there is no such chat.
pub async fn chat_id(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<ChatId>, Failure> {
    if let Ok(id) = name.parse::<ChatId>() {
        return Ok(Some(id));
    }
    let Ok(code) = name.parse::<Code>() else { return Ok(None) };
    if let Some(id) = app.known_codes().chat(workspace, code) {
        return Ok(Some(id));
    }
    let found: Option<Seen<Chat>> = by_entry(app, workspace, Kind::Chat, "code", &code).await?;
    let id = found.map(|chat| chat.value.id);
    if let Some(id) = id {
        app.known_codes().keep(workspace, code, id);
    }
    Ok(id)
}

/// A chat as it was lately, if the actor may see it. See [`App::recent_scene`] for what "lately" asks of who commits.
pub async fn chat(app: &App, actor: &Actor, name: &str) -> Result<Arc<Scene>, Failure> {
    let scene = any_chat(app, actor, name).await?;
    if actor.sees(&scene.chat.value) { Ok(scene) } else { Err(unseen(actor)) }
}

/// As [`chat`], to look at one of its threads: who may see that thread finds the chat, though it is others' by now.
pub async fn chat_of_thread(
    app: &App,
    actor: &Actor,
    name: &str,
    thread_name: &str,
) -> Result<Arc<Scene>, Failure> {
    let scene = any_chat(app, actor, name).await?;
    let chat = &scene.chat.value;
    if actor.sees(chat) {
        return Ok(scene);
    }
    match thread(app, actor.workspace, chat, thread_name).await {
        Ok(found) if actor.sees_thread(chat, found.thread()) => Ok(scene),
        Ok(_) | Err(_) => Err(unseen(actor)),
    }
}

async fn any_chat(app: &App, actor: &Actor, name: &str) -> Result<Arc<Scene>, Failure> {
    let id = chat_id(app, actor.workspace, name).await?.ok_or_else(no_chat)?;
    app.recent_scene(actor.workspace, id).await.map_err(unreadable)?.ok_or_else(no_chat)
}

fn no_chat() -> Failure {
    Failure::new(ErrorType::NotFound, "there is no such chat")
}

/// A customer is not even told that others have a chat of that name.
fn unseen(actor: &Actor) -> Failure {
    match actor.agent() {
        Some(_) => Failure::new(ErrorType::MissingAccess, "you have no access to this chat"),
        None => no_chat(),
    }
}

/// A thread of a chat, if the actor may see what was said in it.
pub async fn open_thread(
    app: &App,
    actor: &Actor,
    chat: &Chat,
    name: &str,
) -> Result<FoundThread, Failure> {
    let found = thread(app, actor.workspace, chat, name).await?;
    if actor.sees_thread(chat, found.thread()) {
        return Ok(found);
    }
    Err(Failure::new(ErrorType::MissingAccess, "you have no access to this thread"))
}

/// A thread of a chat: the last one, or a past one with the version of its document.
pub async fn thread(
    app: &App,
    workspace: WorkspaceId,
    chat: &Chat,
    name: &str,
) -> Result<FoundThread, Failure> {
    let missing = || Failure::new(ErrorType::NotFound, "the chat has no such thread");
    let is_last = chat.thread.id.code().as_str() == name || chat.thread.id.to_string() == name;
    if is_last {
        return Ok(FoundThread::Last(chat.thread.clone()));
    }
    let past: Option<Seen<PastThread>> = match (name.parse::<Code>(), name.parse::<ThreadId>()) {
        (Ok(code), _) => by_entry(app, workspace, Kind::Thread, "code", &code).await?,
        (_, Ok(id)) => past_thread(app, workspace, id).await.map_err(unreadable)?,
        (Err(_), Err(_)) => None,
    };
    let past = past.filter(|past| past.value.chat == chat.id).ok_or_else(missing)?;
    Ok(FoundThread::Past(past.map(|past| past.thread)))
}

/// A thread of a chat by its id; `None` when it is not there any more.
pub(crate) async fn thread_by_id(
    app: &App,
    workspace: WorkspaceId,
    chat: &Chat,
    id: ThreadId,
) -> Result<Option<Thread>, ReadError> {
    if chat.thread.id == id {
        return Ok(Some(chat.thread.clone()));
    }
    Ok(past_thread(app, workspace, id).await?.map(|past| past.value.thread))
}

async fn past_thread(
    app: &App,
    workspace: WorkspaceId,
    id: ThreadId,
) -> Result<Option<Seen<PastThread>>, ReadError> {
    let document = app.store().document(workspace, &DocKey::new(Kind::Thread, id)).await?;
    document.map(seen).transpose()
}

/// A thread that was found.
#[derive(Clone, Debug)]
pub enum FoundThread {
    /// The last one of its chat: it changes with the chat's document.
    Last(Thread),
    /// One before: it changes with its own.
    Past(Seen<Thread>),
}

impl FoundThread {
    /// The thread.
    pub fn thread(&self) -> &Thread {
        match self {
            Self::Last(thread) => thread,
            Self::Past(past) => &past.value,
        }
    }
}

/// The first document with an index entry.
pub(crate) async fn by_entry<T: DeserializeOwned>(
    app: &App,
    workspace: WorkspaceId,
    kind: Kind,
    name: &'static str,
    value: &impl ToString,
) -> Result<Option<Seen<T>>, Failure> {
    let scan = Scan::Equal { name, value: value.to_string() };
    let query = DocumentQuery { kind, scan, after: None, limit: 1 };
    let page = app.store().documents(workspace, query).await.map_err(unreadable)?;
    page.documents.into_iter().next().map(seen).transpose().map_err(unreadable)
}
