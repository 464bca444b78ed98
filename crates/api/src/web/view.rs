//! An event as the customer sees it: less than the envelope, and nobody's id or mail address but their own.
//!
//! Closed by default: a type that is not in the list below is not shown, whatever its visibility; `properties`, causes
//! and the workspace are never. Agents and programs get a stable name of their own that tells nothing.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tidings_app::App;
use tidings_app::directory::Directory;
use tidings_model::{AuthorKind, Event, Timestamp, WorkspaceId};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::state::Api;
use crate::stream::Written;

/// How much of a signature makes an opaque id: 96 bits tell all agents apart.
const OPAQUE_CHARS: usize = 16;

/// How the data of a type is shown.
enum Data {
    /// As it is.
    Whole,
    /// These fields only.
    Only(&'static [&'static str]),
    /// The kinds of the holders, without who they are.
    Holders,
}

/// What customers see, by type.
fn shown(event_type: &str) -> Option<Data> {
    Some(match event_type {
        "chat.message"
        | "chat.rich_message"
        | "chat.file"
        | "chat.file_too_big"
        | "chat.form"
        | "chat.form_filled"
        | "chat.location"
        | "chat.contact"
        | "chat.sticker"
        | "chat.custom"
        | "chat.postback"
        | "chat.command"
        | "chat.event_edited"
        | "chat.event_deleted"
        | "message.status_changed" => Data::Whole,
        "chat.started" => Data::Only(&["customer", "channel_kind"]),
        "chat.reopened" | "chat.closed" | "handoff.no_agents" | "handoff.finished" => {
            Data::Only(&[])
        }
        "control.changed" => Data::Holders,
        _ => return None,
    })
}

/// Whether customers see events of this type at all.
pub(crate) fn is_shown(event: &Event) -> bool {
    shown(event.event_type.as_str()).is_some()
}

/// An event as the customer sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CustomerEvent<'a> {
    /// Its number.
    seq: u64,
    /// Its number in the thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    /// Its id.
    id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    event_type: &'a str,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// The chat.
    chat: Option<Uuid>,
    /// Who did it.
    author: CustomerAuthor<'a>,
    /// The page's own id for it, where the visitor sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_id: Option<&'a str>,
    /// What the type's schema says, as far as it is shown.
    #[schema(value_type = Object)]
    data: std::borrow::Cow<'a, Value>,
}

/// Who did it, as the customer sees them.
#[derive(Serialize, ToSchema)]
pub(crate) struct CustomerAuthor<'a> {
    /// `customer`, `agent`, `bot`, `integration` or `system`.
    kind: &'a str,
    /// Their own id for the customer, a bot's name, something opaque for others.
    id: String,
    /// The name that an agent shows to customers.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A page of a visitor's chat.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the bytes that are written")]
pub(crate) struct CustomerEvents<'a> {
    /// The events, in the order of their numbers.
    items: Vec<CustomerEvent<'a>>,
    /// The number to go on after; null when nothing more was there.
    next: Option<u64>,
}

/// Shows events of a workspace to customers.
pub(crate) struct Showing {
    app: Arc<App>,
    workspace: WorkspaceId,
    directory: Option<Arc<Directory>>,
}

impl Showing {
    pub(crate) fn new(api: &Api, workspace: WorkspaceId) -> Self {
        Self { app: Arc::clone(&api.app), workspace, directory: api.app.directory(workspace) }
    }

    /// Writes an event as the customer sees it, if they see it.
    pub(crate) fn write(&self, event: &Event, bytes: &mut Vec<u8>) -> Written {
        let Some(data) = shown(event.event_type.as_str()) else { return Written::Nothing };
        let data = match data {
            Data::Whole => std::borrow::Cow::Borrowed(&event.data),
            Data::Only(fields) => std::borrow::Cow::Owned(only(&event.data, fields)),
            Data::Holders => std::borrow::Cow::Owned(holders(&event.data)),
        };
        let by_customer = event.author.kind == AuthorKind::Customer;
        let shown = CustomerEvent {
            seq: event.seq.0,
            order: event.order.map(|order| order.0),
            id: event.id.uuid(),
            event_type: event.event_type.as_str(),
            time: event.time,
            chat: event.chat.map(tidings_model::ChatId::uuid),
            author: self.author(event),
            custom_id: event.custom_id.as_deref().filter(|_| by_customer),
            data,
        };
        serde_json::to_writer(bytes, &shown)
            .expect("an event has text keys only, so writing to memory cannot fail");
        Written::Whole
    }

    fn author<'a>(&self, event: &Event) -> CustomerAuthor<'a> {
        let author = &event.author;
        let (id, name) = match author.kind {
            AuthorKind::Customer | AuthorKind::Bot => (author.id.clone(), None),
            AuthorKind::System => (String::new(), None),
            AuthorKind::Integration => (self.opaque("integration", &author.id), None),
            AuthorKind::Agent => (self.opaque("agent", &author.id), self.agent_name(&author.id)),
        };
        CustomerAuthor { kind: author.kind.as_str(), id, name }
    }

    /// The same for the same person, and nothing that tells who they are.
    fn opaque(&self, kind: &str, id: &str) -> String {
        self.app
            .sealer()
            .sign(&format!("{kind}:{}:{id}", self.workspace))
            .chars()
            .take(OPAQUE_CHARS)
            .collect()
    }

    /// The name for customers, unless somebody wrote a mail address there.
    fn agent_name(&self, id: &str) -> Option<String> {
        let id = id.parse().ok()?;
        self.directory.as_ref()?.agent_name(&id).filter(|name| !name.contains('@'))
    }
}

fn only(data: &Value, fields: &[&str]) -> Value {
    let kept =
        fields.iter().filter_map(|field| Some(((*field).to_owned(), data.get(*field)?.clone())));
    Value::Object(kept.collect::<Map<_, _>>())
}

fn holders(data: &Value) -> Value {
    let kind = |field: &str| {
        data.get(field).and_then(|holder| holder.get("kind")).cloned().unwrap_or_default()
    };
    json!({ "from": { "kind": kind("from") }, "to": { "kind": kind("to") } })
}
