//! One decision about a chat and one commit, for somebody who acts in it.

use std::sync::Arc;

use serde_json::Value;
use tidings_model::{Author, ChatId, ChatStatus, Clock, Draft, Event, EventId, Thread};
use tidings_store::{Batch, CommitError, DocKey, Expect, Kind};

use super::find::{self, FoundThread, unreadable};
use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::directory::Directory;
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::scene::{Scene, Seen};
use crate::pipeline::written::{PastThread, put_past_thread};

/// How often a decision is made anew because what it saw moved meanwhile.
pub const CONFLICT_TRIES_MAX: usize = 10;

/// What a decision is made with.
pub struct Deciding<'a> {
    /// The changes of the chat; each raises its events.
    pub chat: ChatChange<'a>,
    /// The scene as it was seen.
    pub scene: &'a Scene,
    /// What else is to be written: claims, timers, other documents.
    pub batch: Batch,
    /// Who acts.
    pub actor: &'a Actor,
    /// Who is in the workspace.
    pub directory: &'a Directory,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The thread that it is about, where that is not the last one.
    past: Option<Seen<Thread>>,
}

impl Deciding<'_> {
    /// The thread that it is about: the last one, unless another was named.
    pub fn thread(&mut self) -> &Thread {
        match &self.past {
            Some(past) => &past.value,
            None => &self.chat.after().chat.value.thread,
        }
    }

    /// The same, to change it.
    pub fn thread_mut(&mut self) -> &mut Thread {
        match &mut self.past {
            Some(past) => &mut past.value,
            None => &mut self.chat.after().chat.value.thread,
        }
    }

    /// Raises an event in the thread that it is about.
    pub fn raise(&mut self, event_type: &str, data: Value) -> &mut Draft {
        let thread = self.thread().id;
        let draft = self.chat.raise(event_type, data);
        draft.thread = Some(thread);
        draft
    }

    /// Raises one by the system.
    pub fn raise_by_system(&mut self, event_type: &str, data: Value) -> &mut Draft {
        let draft = self.raise(event_type, data);
        draft.author = Author::system();
        draft
    }

    /// Whether the thread that it is about is active.
    pub fn is_active(&self) -> bool {
        self.past.is_none() && self.scene.chat.value.status == ChatStatus::Open
    }
}

/// What was decided and is durable now.
#[derive(Clone, Debug)]
pub struct Done<T> {
    /// What the decision gave.
    pub value: T,
    /// The events that were raised, in order.
    pub events: Vec<Arc<Event>>,
}

/// Whether it was done now, or by an earlier call.
#[derive(Clone, Debug)]
pub enum Outcome<T> {
    /// Now.
    Now(Done<T>),
    /// A claim of the batch was taken before, and stands for this event.
    Before(EventId),
    /// Another node gave the agent a chat meanwhile: who is to have this one is decided again.
    TurnTaken,
}

/// Decides about a chat and commits. `decide` is asked again when what it saw moved meanwhile; it does nothing else than
/// decide. The chat, its lease and its session are expected to be as they were seen.
pub async fn in_chat<T: Send>(
    app: &App,
    actor: &Actor,
    chat: &str,
    decide: impl Fn(&mut Deciding<'_>) -> Result<T, Failure> + Send + Sync,
) -> Result<Done<T>, Failure> {
    match in_chat_once(app, actor, chat, None, decide).await? {
        Outcome::Now(done) => Ok(done),
        Outcome::Before(_) => Err(Failure::new(ErrorType::AlreadyExists, "this was done before")),
        Outcome::TurnTaken => Err(turns_move_too_fast()),
    }
}

/// As [`in_chat`], for who takes an agent's [`Turn`](super::routing::Turn): `None` when it was taken meanwhile.
pub async fn in_chat_by_turn<T: Send>(
    app: &App,
    actor: &Actor,
    chat: &str,
    decide: impl Fn(&mut Deciding<'_>) -> Result<T, Failure> + Send + Sync,
) -> Result<Option<Done<T>>, Failure> {
    match in_chat_once(app, actor, chat, None, decide).await? {
        Outcome::Now(done) => Ok(Some(done)),
        Outcome::Before(_) => Err(Failure::new(ErrorType::AlreadyExists, "this was done before")),
        Outcome::TurnTaken => Ok(None),
    }
}

/// Other nodes gave chats to an agent again and again while one was to be given here.
pub fn turns_move_too_fast() -> Failure {
    Failure::new(ErrorType::ServiceUnavailable, "too many chats are given at once; try again")
}

/// As [`in_chat`], about one of its threads: [`Deciding::thread_mut`].
pub async fn in_thread<T: Send>(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    decide: impl Fn(&mut Deciding<'_>) -> Result<T, Failure> + Send + Sync,
) -> Result<Done<T>, Failure> {
    match in_chat_once(app, actor, chat, Some(thread), decide).await? {
        Outcome::Now(done) => Ok(done),
        Outcome::Before(_) => Err(Failure::new(ErrorType::AlreadyExists, "this was done before")),
        Outcome::TurnTaken => Err(turns_move_too_fast()),
    }
}

/// As [`in_chat`] or [`in_thread`], for who takes claims: it tells what was done before.
pub async fn in_chat_once<T: Send>(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: Option<&str>,
    decide: impl Fn(&mut Deciding<'_>) -> Result<T, Failure> + Send + Sync,
) -> Result<Outcome<T>, Failure> {
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let scene = find::chat(app, actor, chat).await?;
        let id = scene.chat.value.id;
        let past = match thread {
            None => None,
            Some(name) => match find::open_thread(app, actor, &scene.chat.value, name).await? {
                FoundThread::Last(_) => None,
                FoundThread::Past(past) => Some(past),
            },
        };
        let (value, batch) = {
            let change = ChatChange::begin(
                actor.workspace,
                &scene,
                actor.author(),
                None,
                app.clock.as_ref(),
            );
            let mut deciding = Deciding {
                chat: change,
                scene: &scene,
                batch: Batch::new(actor.workspace),
                actor,
                directory: &directory,
                clock: app.clock.as_ref(),
                past: past.clone(),
            };
            let value = decide(&mut deciding)?;
            let Deciding { chat, mut batch, past: past_after, .. } = deciding;
            chat.finish(&mut batch);
            if let (Some(before), Some(after)) = (&past, past_after)
                && before.value != after.value
            {
                batch
                    .puts
                    .push(put_past_thread(&after.map(|thread| PastThread { chat: id, thread })));
            }
            expect_chat(&mut batch, id, &scene);
            (value, batch)
        };
        if batch.is_empty() {
            return Ok(Outcome::Now(Done { value, events: Vec::new() }));
        }
        actor.mark(app, &batch);
        match app.commit(batch).await {
            Ok(committed) => return Ok(Outcome::Now(Done { value, events: committed.events })),
            Err(CommitError::Claimed { outcome: Some(first), .. }) => {
                return Ok(Outcome::Before(first));
            }
            Err(CommitError::Conflict { key }) if key.kind == Kind::Turn => {
                return Ok(Outcome::TurnTaken);
            }
            Err(CommitError::Conflict { .. }) => app.forget_scene(actor.workspace, id),
            Err(error) => return Err(unwritable(app, actor, error).await),
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the chat changes too fast; try again"))
}

fn expect_chat(batch: &mut Batch, id: ChatId, scene: &Scene) {
    let key = DocKey::new(Kind::Chat, id);
    let is_named = batch.puts.iter().any(|put| put.key == key)
        || batch.expects.iter().any(|expect| expect.key == key);
    if !is_named && !batch.is_empty() {
        batch.expects.push(Expect { key, version: scene.chat.version });
    }
}

/// Why a batch was not written, as the caller is told. A claim that is taken is the caller's business before this.
pub async fn unwritable(app: &App, actor: &Actor, error: CommitError) -> Failure {
    match error {
        CommitError::Claimed { outcome: Some(first), .. } => {
            let known = app.store().event(actor.workspace, first).await.map_err(unreadable);
            match known {
                Ok(_) => Failure::new(ErrorType::AlreadyExists, "this was done before"),
                Err(failure) => failure,
            }
        }
        CommitError::Overloaded | CommitError::DiskFull => Failure::new(
            ErrorType::ServiceUnavailable,
            "the server cannot write now; nothing was done, try again",
        ),
        CommitError::Claimed { outcome: None, .. }
        | CommitError::Conflict { .. }
        | CommitError::Fenced { .. }
        | CommitError::TimerGone { .. }
        | CommitError::EventExists { .. }
        | CommitError::Malformed { .. }
        | CommitError::Closed
        | CommitError::Engine { .. } => {
            tracing::error!("a call could not be written: {error}");
            Failure::from(ErrorType::Internal)
        }
    }
}
