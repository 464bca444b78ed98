//! Customers: found, made at the first thing that needs them, and changed.
//!
//! Safe to run twice: a change says how they shall be, and what is so already is not written again.

pub mod ban;
pub mod bans;
mod deciding;
pub mod follow;
pub mod goals;
pub mod greet;
pub mod greetings;
pub mod leave;
pub mod list;
pub mod look;
pub mod rules;
pub mod said;
pub mod there;
pub mod verify;
pub mod visit;

use serde_json::{Value, json};
use tidings_model::{
    Author, ChannelId, Chat, ChatStatus, Customer, CustomerId, Draft, Identity, WorkspaceId,
};
use tidings_store::{CommitError, DocKey, DocumentQuery, Kind, Scan};

use deciding::{By, Chats, decide};

use super::find::unreadable;
use super::{ErrorType, Failure};
use crate::App;
use crate::admin::told::told;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_value;

/// A customer's document.
pub async fn find(
    app: &App,
    workspace: WorkspaceId,
    id: CustomerId,
) -> Result<Option<Seen<Customer>>, Failure> {
    let key = DocKey::new(Kind::Customer, id);
    let document = app.store().document(workspace, &key).await.map_err(unreadable)?;
    document.map(seen).transpose().map_err(unreadable)
}

/// Changes a customer, or makes one, and tells of it.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: CustomerId,
    author: &Author,
    apply: impl Fn(&mut Customer) -> Result<(), Failure> + Send + Sync,
) -> Result<Customer, Failure> {
    let by = By::author(workspace, author);
    let done = decide(app, &by, id, Chats::None, |change| apply(&mut change.customer)).await?;
    Ok(done.customer)
}

/// Why a customer was not written.
pub(crate) fn not_written(error: &CommitError) -> Failure {
    match error {
        CommitError::Overloaded | CommitError::DiskFull => Failure::new(
            ErrorType::ServiceUnavailable,
            "the server cannot write now; nothing was done, try again",
        ),
        CommitError::Claimed { .. }
        | CommitError::Conflict { .. }
        | CommitError::Fenced { .. }
        | CommitError::TimerGone { .. }
        | CommitError::EventExists { .. }
        | CommitError::Malformed { .. }
        | CommitError::Closed
        | CommitError::Engine { .. } => {
            tracing::error!("a change could not be written: {error}");
            Failure::from(ErrorType::Internal)
        }
    }
}

/// Notes that a web channel knows a customer; by their id, as their chat's address there is.
pub fn know_by(customer: &mut Customer, channel: ChannelId) {
    let identity = Identity { channel, id: customer.id.to_string() };
    if !customer.identities.contains(&identity) {
        customer.identities.push(identity);
    }
}

/// What is told as a change of who a customer is; visits and figures have events of their own.
const TOLD: [&str; 9] = [
    "name",
    "email",
    "email_verified",
    "phone_number",
    "avatar",
    "session_fields",
    "details",
    "verified_as",
    "group",
];

fn tell_of(
    app: &App,
    by: &By<'_>,
    before: Option<&Customer>,
    customer: &Customer,
    active: Option<&Chat>,
) -> Option<Draft> {
    let id = customer.id;
    let Some(before) = before else {
        let data = json!({ "customer": id });
        return Some(told(app, by.workspace, Some(&by.author), "customer.created", data));
    };
    let (Value::Object(before), Value::Object(after)) = (told_body(before), told_body(customer))
    else {
        return None;
    };
    let differs = |name: &&str| before.get(*name) != after.get(*name);
    let changed: Vec<&str> = TOLD.into_iter().filter(differs).collect();
    if changed.is_empty() {
        return None;
    }
    let mut data = json!({ "customer": id, "changed": changed });
    if let (Some(chat), Some(data)) = (active, data.as_object_mut()) {
        let active = json!({
            "chat_id": chat.id.code().as_str(), "thread_id": chat.thread.id.code().as_str(),
        });
        data.insert("active_chat".into(), active);
    }
    Some(told(app, by.workspace, Some(&by.author), "customer.updated", data))
}

/// A customer's fields, without what is kept for ourselves.
fn told_body(customer: &Customer) -> Value {
    let mut customer = customer.clone();
    customer.details.retain(|name, _| !KEPT_FOR_OURSELVES.contains(&name.as_str()));
    to_value(&customer)
}

/// The details that nobody is told of.
const KEPT_FOR_OURSELVES: [&str; 2] = [greet::GREETINGS, verify::CALLBACKS];

/// The most chats of a customer that are looked at: they have one on each channel that they came by.
const CHATS_MAX: usize = 100;

/// The chats of a customer, newest first.
pub async fn chats_of(
    app: &App,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> Result<Vec<Chat>, Failure> {
    let scan = Scan::Equal { name: "customer", value: customer.to_string() };
    let query = DocumentQuery { kind: Kind::Chat, scan, after: None, limit: CHATS_MAX };
    let page = app.store().documents(workspace, query).await.map_err(unreadable)?;
    let chats: Result<Vec<Seen<Chat>>, _> = page.documents.into_iter().map(seen).collect();
    let mut chats: Vec<Chat> =
        chats.map_err(unreadable)?.into_iter().map(|seen| seen.value).collect();
    chats.sort_by_key(|chat| std::cmp::Reverse(chat.thread.created_at));
    Ok(chats)
}

/// The chats of a customer that are active.
pub(crate) async fn active_chats_of(
    app: &App,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> Result<Vec<Chat>, Failure> {
    let mut chats = chats_of(app, workspace, customer).await?;
    chats.retain(|chat| chat.status == ChatStatus::Open);
    Ok(chats)
}
