//! What stands around an event: the documents that a decision needs, each with the version that was seen.
//!
//! A decision commits with these versions expected; when one moved meanwhile, the scene is read again and decided anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_model::{
    BotName, Chat, ChatId, Control, Customer, CustomerId, Holder, RunId, ThreadId, WorkspaceId,
};
use tidings_store::{DocKey, Document, Kind, Put, ReadError, Store, Version};

use super::unknown::Unknown;

/// A document as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<T> {
    /// What it said.
    pub value: T,
    /// Its version then; [`Version::ABSENT`] when it was not there.
    pub version: Version,
    /// What it said besides: what this release does not know.
    pub unknown: Unknown,
}

impl<T> Seen<T> {
    /// One that was not there; it would say this.
    pub const fn absent(value: T) -> Self {
        Self { value, version: Version::ABSENT, unknown: Unknown::NOTHING }
    }

    /// The same document, saying something else.
    pub fn map<U>(self, say: impl FnOnce(T) -> U) -> Seen<U> {
        Seen { value: say(self.value), version: self.version, unknown: self.unknown }
    }

    /// What it said, and the document apart from that.
    pub fn apart(self) -> (T, Seen<()>) {
        let Self { value, version, unknown } = self;
        (value, Seen { value: (), version, unknown })
    }
}

impl<T: Serialize> Seen<T> {
    /// Its write over what was seen, with what this release does not know.
    pub fn put(&self, key: DocKey, index: Vec<(&'static str, String)>) -> Put {
        let body = self.unknown.put_back(&self.value);
        Put { key, expected: Some(self.version), body, index }
    }
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
    /// Reads a chat's scene; `None` when there is no such chat. When it is known whose chat it is, one read gives everything.
    pub(crate) async fn read(
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
        known: Option<CustomerId>,
    ) -> Result<Option<Self>, ReadError> {
        let mut keys = vec![
            DocKey::new(Kind::Chat, chat),
            DocKey::new(Kind::Control, chat),
            DocKey::new(Kind::Session, chat),
        ];
        keys.extend(known.map(|customer| DocKey::new(Kind::Customer, customer)));
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
            None => Seen::absent(free()),
        };
        let mut session: Seen<Session> = match session {
            Some(document) => seen(document)?,
            None => Seen::absent(Session::default()),
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
    let read = Unknown::read(&document.body).map_err(|source| ReadError::Damaged {
        place: format!("document {}", document.key),
        source: source.into(),
    });
    let (value, unknown) = read?;
    Ok(Seen { value, version: document.version, unknown })
}
