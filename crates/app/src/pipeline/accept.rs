//! An event from the API: validate, decide, commit, answer.
//!
//! What makes a second call harmless: an idempotency key and the author's `custom_id` are claims of the same commit; who
//! comes again with the same is told of the first event.

use std::sync::Arc;

use serde_json::{Map, Value};
use tidings_catalogue::{Kind as EventKind, Violation};
use tidings_model::{
    Author, AuthorKind, ChatId, ChatStatus, Draft, Event, EventId, NotInControl, Timestamp,
    TypeName, Visibility, WorkspaceId,
};
use tidings_store::{Batch, Claim, CommitError, DocKey, Expect, Kind, ReadError};

use super::before::{self, BeforeError};
use super::chat_change::ChatChange;
use crate::{App, known};

/// The longest `custom_id` and idempotency key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;

/// How often a decision is made anew because what it saw moved meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// An event that somebody sends us.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its type, or an alias of it.
    pub event_type: String,
    /// Its data.
    pub data: Value,
    /// The chat it belongs to.
    pub chat: Option<ChatId>,
    /// When it happened; now, unless given.
    pub time: Option<Timestamp>,
    /// Who did it.
    pub author: Author,
    /// Who may see it.
    pub visibility: Visibility,
    /// The sender's own id for it.
    pub custom_id: Option<String>,
    /// Free values beside the data.
    pub properties: Map<String, Value>,
    /// The key that makes the call safe to repeat, with the name of who uses it.
    pub idempotency_key: Option<String>,
}

/// An event that is durable.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The event.
    pub event: Arc<Event>,
    /// Whether it was accepted by an earlier call.
    pub replayed: bool,
}

/// Why an event was not accepted. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The catalogue does not know the type.
    #[error("the catalogue has no event type {name:?}")]
    UnknownType {
        /// As it was given.
        name: String,
        /// The nearest known name.
        nearest: Option<String>,
    },
    /// The type is not a fact: somebody waits for an answer to it, so it cannot be told.
    #[error("{event_type} is {kind}, only facts can be sent")]
    NotAFact {
        /// The type.
        event_type: TypeName,
        /// Its kind.
        kind: &'static str,
    },
    /// The data is not as the type's schema says.
    #[error("the data does not fit the schema of {event_type}")]
    Invalid {
        /// The type.
        event_type: TypeName,
        /// What does not fit, and where.
        violations: Vec<Violation>,
    },
    /// A key is empty or too long.
    #[error("{field} must have 1 to {KEY_BYTES_MAX} bytes")]
    BadKey {
        /// Which one.
        field: &'static str,
    },
    /// There is no such chat.
    #[error("there is no chat {chat}")]
    UnknownChat {
        /// Which one.
        chat: ChatId,
    },
    /// Somebody else may speak to the customer now.
    #[error(transparent)]
    NotInControl(#[from] NotInControl),
    /// A behavior refused it.
    #[error("a behavior refused it: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The key was used for something else.
    #[error("the idempotency key was used for another event")]
    KeyReused,
    /// It could not be read.
    #[error("the event could not be accepted")]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error("the event could not be accepted")]
    Commit(#[source] CommitError),
}

impl From<BeforeError> for AcceptError {
    fn from(error: BeforeError) -> Self {
        match error {
            BeforeError::Read(error) => Self::Read(error),
            BeforeError::Commit(error) => Self::Commit(error),
        }
    }
}

/// Accepts an event.
pub async fn accept(
    app: &App,
    workspace: WorkspaceId,
    mut new: NewEvent,
) -> Result<Accepted, AcceptError> {
    let (event_type, version) = checked_type(app, workspace, &new).await?;
    let claims = claims(&new)?;
    ask_before(app, workspace, &event_type, &mut new).await?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let batch = decide(app, workspace, &new, (&event_type, version), &claims).await?;
        match app.commit(batch).await {
            Ok(committed) => {
                let event = committed
                    .events
                    .into_iter()
                    .next_back()
                    .expect("the batch had this event last");
                metrics::counter!("tidings_events_accepted_total", "by" => "api").increment(1);
                return Ok(Accepted { event, replayed: false });
            }
            Err(CommitError::Claimed { outcome: Some(first), .. }) => {
                return replay(app, workspace, &new, &event_type, first).await;
            }
            Err(CommitError::Conflict { .. }) => {
                if let Some(chat) = new.chat {
                    app.forget_scene(workspace, chat);
                }
            }
            Err(error) => return Err(AcceptError::Commit(error)),
        }
    }
    Err(AcceptError::Commit(CommitError::Overloaded))
}

/// Behaviors may change or refuse what a person or a program is about to say.
async fn ask_before(
    app: &App,
    workspace: WorkspaceId,
    event_type: &TypeName,
    new: &mut NewEvent,
) -> Result<(), AcceptError> {
    let (Some(chat), Visibility::All) = (new.chat, new.visibility) else { return Ok(()) };
    if !before::is_asked(app, workspace, event_type, &new.author) {
        return Ok(());
    }
    let Some(scene) = app.recent_scene(workspace, chat).await? else { return Ok(()) };
    let about = before::Words { author: &new.author, scene: &scene };
    match before::of_words(app, workspace, about, &mut new.data).await? {
        Ok(()) => Ok(()),
        Err(refused) => Err(AcceptError::Refused { reason: refused.reason }),
    }
}

/// The type, and the version of its schema.
async fn checked_type(
    app: &App,
    workspace: WorkspaceId,
    new: &NewEvent,
) -> Result<(TypeName, u32), AcceptError> {
    known::event_type(app, workspace, &new.event_type).await?;
    let catalogue = app.catalogue_of(workspace);
    let Some(resolved) = catalogue.resolve(&new.event_type) else {
        let nearest = catalogue.nearest(&new.event_type).map(str::to_owned);
        return Err(AcceptError::UnknownType { name: new.event_type.clone(), nearest });
    };
    let known = resolved.event_type;
    if known.kind != EventKind::After {
        return Err(AcceptError::NotAFact {
            event_type: known.name.clone(),
            kind: known.kind.as_str(),
        });
    }
    known.validate(&new.data).map_err(|violations| AcceptError::Invalid {
        event_type: known.name.clone(),
        violations,
    })?;
    Ok((known.name.clone(), known.version))
}

/// The claims that make a repeated call harmless; each stands for the event, whose id is filled in by [`decide`].
fn claims(new: &NewEvent) -> Result<Vec<String>, AcceptError> {
    let mut names = Vec::new();
    let good = |key: &str| !key.is_empty() && key.len() <= KEY_BYTES_MAX;
    if let Some(key) = &new.idempotency_key {
        if !good(key) {
            return Err(AcceptError::BadKey { field: "Idempotency-Key" });
        }
        names.push(format!("key:{key}"));
    }
    if let Some(custom_id) = &new.custom_id {
        if !good(custom_id) {
            return Err(AcceptError::BadKey { field: "custom_id" });
        }
        let chat = new.chat.map(|chat| chat.to_string()).unwrap_or_default();
        names.push(format!(
            "custom:{chat}:{}:{}:{custom_id}",
            new.author.kind.as_str(),
            new.author.id
        ));
    }
    Ok(names)
}

async fn decide(
    app: &App,
    workspace: WorkspaceId,
    new: &NewEvent,
    (event_type, version): (&TypeName, u32),
    claims: &[String],
) -> Result<Batch, AcceptError> {
    let mut batch = Batch::new(workspace);
    let id = match new.chat {
        None => {
            let id = app.next_event_id();
            let mut draft =
                Draft::new(id, event_type.clone(), workspace, app.now(), new.data.clone());
            draft.version = version;
            fill(&mut draft, new);
            batch.events.push(draft);
            id
        }
        Some(chat) => in_chat(app, &mut batch, new, (event_type, version), chat).await?,
    };
    batch.claims =
        claims.iter().map(|name| Claim { name: name.clone(), outcome: Some(id) }).collect();
    Ok(batch)
}

async fn in_chat(
    app: &App,
    batch: &mut Batch,
    new: &NewEvent,
    (event_type, version): (&TypeName, u32),
    chat: ChatId,
) -> Result<EventId, AcceptError> {
    let scene = app.recent_scene(batch.workspace, chat).await?;
    let scene = scene.ok_or(AcceptError::UnknownChat { chat })?;
    let speaks = event_type.is_speech() && new.visibility == Visibility::All;
    let mut change =
        ChatChange::begin(batch.workspace, &scene, new.author.clone(), None, app.clock.as_ref());
    if speaks && scene.chat.value.status == ChatStatus::Closed {
        change.reopen(app.bot_of_channel(batch.workspace, scene.chat.value.channel));
    }
    let draft = match new.visibility {
        Visibility::All => change.utter(event_type, new.data.clone())?,
        Visibility::Agents => change.raise(event_type.as_str(), new.data.clone()),
    };
    draft.version = version;
    fill(draft, new);
    let id = draft.id;
    change.finish(batch);
    // The thread that the event was put in must still be the chat's.
    let chat_key = DocKey::new(Kind::Chat, chat);
    if !batch.puts.iter().any(|put| put.key == chat_key) {
        batch.expects.push(Expect { key: chat_key, version: scene.chat.version });
    }
    Ok(id)
}

fn fill(draft: &mut Draft, new: &NewEvent) {
    draft.time = new.time.unwrap_or(draft.received_at);
    draft.author = new.author.clone();
    draft.visibility = new.visibility;
    draft.custom_id.clone_from(&new.custom_id);
    draft.properties.clone_from(&new.properties);
}

async fn replay(
    app: &App,
    workspace: WorkspaceId,
    new: &NewEvent,
    event_type: &TypeName,
    first: EventId,
) -> Result<Accepted, AcceptError> {
    let Some(event) = app.store.event(workspace, first).await? else {
        return Err(AcceptError::KeyReused);
    };
    let same = event.event_type == *event_type
        && event.data == new.data
        && event.chat == new.chat
        && event.author == new.author
        && event.visibility == new.visibility
        && event.custom_id == new.custom_id
        && event.properties == new.properties;
    if same { Ok(Accepted { event, replayed: true }) } else { Err(AcceptError::KeyReused) }
}

/// The author that an API token is, unless the call names another.
pub fn integration(name: &str) -> Author {
    Author { kind: AuthorKind::Integration, id: name.into() }
}
