//! What stands around an event: the documents that a decision needs, each with the version that was seen.
//!
//! A decision commits with these versions expected; when one moved meanwhile, the scene is read again and decided anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_model::{
    Author, AuthorKind, BotName, Chat, ChatId, Control, Customer, Holder, RunId, ThreadId,
    WorkspaceId,
};
use tidings_store::{DocKey, Document, Kind, ReadError, Store, Version};

/// A document as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<T> {
    /// What it said.
    pub value: T,
    /// Its version then; [`Version::ABSENT`] when it was not there.
    pub version: Version,
}

/// A chat with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The chat.
    pub chat: Seen<Chat>,
    /// Who may speak. Its version is the lease's epoch.
    pub control: Seen<Control>,
    /// The conversation with bots.
    pub session: Seen<Session>,
    /// The person on the other side.
    pub customer: Option<Seen<Customer>>,
}

/// A chat's conversation with its bots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The thread that it belongs to; what was kept for an earlier one is gone.
    #[serde(default)]
    pub thread: Option<ThreadId>,
    /// What each bot keeps: `session.*` in templates.
    #[serde(default)]
    pub data: BTreeMap<BotName, Map<String, Value>>,
    /// The run that waits for the customer's answer.
    #[serde(default)]
    pub waiting: Option<RunId>,
    /// The number of the last event of the chat that a turn answered. Events of a chat are taken in order, so what came
    /// before it was handled, and a reader that begins again leaves it alone.
    #[serde(default)]
    pub handled: u64,
}

impl Session {
    /// The session of a new thread: nothing is kept but how far the chat was handled.
    #[must_use]
    pub fn anew(&self, thread: ThreadId) -> Self {
        Self { thread: Some(thread), handled: self.handled, ..Self::default() }
    }
}

impl Scene {
    /// Reads a chat's scene; `None` when there is no such chat.
    pub async fn of_chat(
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Self>, ReadError> {
        Self::around(store, workspace, chat, &Author::system()).await
    }

    /// The same, of a chat in which somebody did something: when that was the customer, one read gives everything.
    pub async fn around(
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
        author: &Author,
    ) -> Result<Option<Self>, ReadError> {
        let mut keys = vec![
            DocKey::new(Kind::Chat, chat),
            DocKey::new(Kind::Control, chat),
            DocKey::new(Kind::Session, chat),
        ];
        if author.kind == AuthorKind::Customer {
            keys.push(DocKey::new(Kind::Customer, &author.id));
        }
        let mut found = store.documents_by_key(workspace, &keys).await?.into_iter();
        let (Some(Some(chat)), control, session) =
            (found.next(), found.next().flatten(), found.next().flatten())
        else {
            return Ok(None);
        };
        let chat: Seen<Chat> = seen(chat)?;
        let key = chat.value.customer.map(|customer| DocKey::new(Kind::Customer, customer));
        let customer = match (found.next().flatten(), key) {
            (_, None) => None,
            (Some(customer), Some(key)) if customer.key == key => Some(customer),
            (Some(_) | None, Some(key)) => store.document(workspace, &key).await?,
        };
        let customer = customer.map(seen::<Customer>).transpose()?;
        let control = match control {
            Some(document) => seen(document)?,
            None => Seen { value: free(), version: Version::ABSENT },
        };
        let mut session: Seen<Session> = match session {
            Some(document) => seen(document)?,
            None => Seen { value: Session::default(), version: Version::ABSENT },
        };
        if session.value.thread != Some(chat.value.thread.id) {
            session.value = session.value.anew(chat.value.thread.id);
        }
        Ok(Some(Self { chat, control, session, customer }))
    }
}

/// The lease of a chat that nobody holds.
pub fn free() -> Control {
    Control { holder: Holder::Nobody, reason: String::new() }
}

/// Reads a document's body.
pub fn seen<T: DeserializeOwned>(document: Document) -> Result<Seen<T>, ReadError> {
    let value = serde_json::from_value(document.body).map_err(|source| ReadError::Damaged {
        place: format!("document {}", document.key),
        source: source.into(),
    })?;
    Ok(Seen { value, version: document.version })
}
