//! What a webhook of the Chat API gets of an event: the push that agents hear, with what the receiver asked for beside it.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::endpoint::{ChatWebhook, WebhookScope};
use tidings_model::{AgentStatus, AuthorKind, Chat, Endpoint, Event, Participant};
use tidings_store::ReadError;

use crate::App;
use crate::desk::customers;
use crate::desk::push::{self, Push};
use crate::desk::team::{SOURCE_CLIENT, SOURCE_NAMESPACE};
use crate::directory::Directory;

/// What a webhook gets of an event, or nothing. It is decided once: chats and people change until the next try, and every
/// try says the same. The key is not in it, as this is stored.
pub(crate) async fn decide(
    app: &App,
    directory: &Directory,
    event: &Arc<Event>,
    endpoint: &Endpoint,
) -> Result<Option<Value>, ReadError> {
    let Some(webhook) = &endpoint.chat_webhook else { return Ok(None) };
    if !is_for(event, webhook) || !works(directory, webhook) {
        return Ok(None);
    }
    let pushes = push::of_event(app, event).await?;
    let payload = if webhook.action == SESSION_FIELDS {
        session_fields(app, event, pushes).await
    } else {
        payload_of(pushes, &webhook.action)
    };
    let Some(payload) = payload else { return Ok(None) };
    let scene = match event.chat {
        Some(chat) => app.recent_scene(event.workspace, chat).await?,
        None => None,
    };
    let chat = scene.as_ref().map(|scene| &scene.chat.value);
    if !passes(directory, event, webhook, chat) {
        return Ok(None);
    }
    let wants = |name: &str| webhook.additional_data.iter().any(|data| data == name);
    let mut additional = Map::new();
    if let Some(chat) = chat {
        if wants("chat_properties") {
            additional.insert("chat_properties".into(), json!(chat.properties));
        }
        if wants("chat_presence_user_ids") {
            additional.insert("chat_presence_user_ids".into(), json!(present(chat)));
        }
    }
    let mut told = Map::from_iter([
        ("action".to_owned(), json!(webhook.action)),
        ("organization_id".to_owned(), json!(event.workspace)),
        ("payload".to_owned(), payload),
        ("additional_data".to_owned(), additional.into()),
    ]);
    if wants("requester") {
        told.insert("requester".into(), requester(directory, event));
    }
    Ok(Some(Value::Object(told)))
}

/// The bytes that go out: what was decided, with the webhook's id and key. The key never changes.
pub(crate) fn body(app: &App, endpoint: &Endpoint, decided: &Value) -> Option<Vec<u8>> {
    let key = app.sealer.open(&endpoint.chat_webhook.as_ref()?.sealed_key).ok()?;
    body_with(endpoint, decided, &key)
}

/// The same with another text in the place of the key, for who must not see it.
pub(crate) fn body_with(endpoint: &Endpoint, decided: &Value, key: &str) -> Option<Vec<u8>> {
    let mut body = Map::from_iter([
        ("webhook_id".to_owned(), json!(endpoint.id)),
        ("secret_key".to_owned(), json!(key)),
    ]);
    body.extend(decided.as_object()?.clone());
    serde_json::to_vec(&body).ok()
}

/// Who changed the configuration, and by which program.
fn requester(directory: &Directory, event: &Event) -> Value {
    let id = &event.author.id;
    let agent = id.parse().ok().and_then(|id| directory.agent(&id));
    let account = agent.map(|agent| agent.account).filter(|account| !account.is_nil());
    json!({ "user_id": id, "account_id": account, "client_id": source(event) })
}

/// The program that caused an event.
fn source(event: &Event) -> Option<&str> {
    event.properties.get(SOURCE_NAMESPACE)?.get(SOURCE_CLIENT)?.as_str()
}

/// A bot's webhook is delivered while a bot of its program works.
fn works(directory: &Directory, webhook: &ChatWebhook) -> bool {
    match webhook.scope {
        WebhookScope::License => true,
        WebhookScope::Bot => directory.agents().iter().any(|agent| {
            agent.status != AgentStatus::Offline
                && agent
                    .bot
                    .as_ref()
                    .is_some_and(|bot| bot.owner_client_id == webhook.owner_client_id)
        }),
    }
}

/// What agents hear is what webhooks get; only the session fields have an action of their own, and a chat's start says
/// less.
fn payload_of(pushes: Vec<Push>, action: &str) -> Option<Value> {
    let told = pushes.into_iter().filter_map(|push| push.to_agents);
    let (_, mut payload) = told.into_iter().find(|(name, _)| *name == action)?;
    if let (Some((_, known)), Value::Object(map)) =
        (KEYS.iter().find(|(name, _)| *name == action), &mut payload)
    {
        map.retain(|key, _| known.contains(&key.as_str()));
        if known.contains(&"requester_id") && action.starts_with("user_") {
            map.entry("requester_id").or_insert(Value::Null);
        }
    }
    Some(payload)
}

/// The keys of payloads that tell less than the push of the same name: published parsers refuse a key more.
const KEYS: [(&str, &[&str]); 11] = [
    ("incoming_chat", &["chat", "transferred_from"]),
    (
        "chat_transferred",
        &["chat_id", "reason", "transferred_to", "thread_id", "requester_id", "queue"],
    ),
    (
        "user_added_to_chat",
        &["chat_id", "reason", "requester_id", "thread_id", "user_type", "user"],
    ),
    (
        "user_removed_from_chat",
        &["chat_id", "user_id", "reason", "requester_id", "thread_id", "user_type"],
    ),
    ("agent_created", AGENT_KEYS),
    ("agent_updated", AGENT_KEYS),
    ("bot_created", BOT_KEYS),
    ("bot_updated", BOT_KEYS),
    ("group_created", &["id", "name", "language_code", "agent_priorities"]),
    ("group_updated", &["id", "name", "language_code", "agent_priorities"]),
    ("incoming_event", &["chat_id", "thread_id", "event"]),
];

const AGENT_KEYS: &[&str] = &[
    "id",
    "name",
    "awaiting_approval",
    "role",
    "avatar",
    "job_title",
    "mobile",
    "max_chats_count",
    "groups",
    "notifications",
    "email_subscriptions",
    "work_scheduler",
];

const BOT_KEYS: &[&str] = &[
    "id",
    "name",
    "default_group_priority",
    "owner_client_id",
    "avatar",
    "max_chats_count",
    "groups",
    "work_scheduler",
    "timezone",
    "job_title",
];

/// The action that only webhooks have.
const SESSION_FIELDS: &str = "customer_session_fields_updated";

/// New session fields are told while the customer is in an active chat.
async fn session_fields(app: &App, event: &Event, pushes: Vec<Push>) -> Option<Value> {
    let told = pushes.into_iter().filter_map(|push| push.to_agents);
    let (_, payload) = told.into_iter().find(|(name, _)| *name == "customer_updated")?;
    let session_fields = payload.get("session_fields")?;
    let customer = payload.get("id")?.as_str()?.parse().ok()?;
    let active = customers::active_chats_of(app, event.workspace, customer).await.ok()?;
    let chat = active.first()?;
    Some(json!({
        "id": payload.get("id"),
        "active_chat": {
            "chat_id": chat.id.code().as_str(), "thread_id": chat.thread.id.code().as_str(),
        },
        "session_fields": session_fields,
    }))
}

/// What can be told without looking further: the source.
fn is_for(event: &Event, webhook: &ChatWebhook) -> bool {
    let Some(sources) = &webhook.filters.source_type else { return true };
    let source = match (source(event), event.author.kind) {
        (Some(client), _) if client == webhook.owner_client_id => "my_client",
        (None, AuthorKind::System) => "system",
        (Some(_) | None, _) => "other_clients",
    };
    sources.iter().any(|wanted| wanted == source)
}

fn passes(
    directory: &Directory,
    event: &Event,
    webhook: &ChatWebhook,
    chat: Option<&Chat>,
) -> bool {
    let filters = &webhook.filters;
    let author = filters.author_type.as_ref().is_none_or(|wanted| {
        let kind = match event.author.kind {
            AuthorKind::Customer => "customer",
            AuthorKind::Agent | AuthorKind::Bot => "agent",
            AuthorKind::System | AuthorKind::Integration => "system",
        };
        wanted == kind
    });
    let mine = !filters.only_my_chats.unwrap_or(false)
        || chat.is_some_and(|chat| {
            chat.properties.get(SOURCE_NAMESPACE, SOURCE_CLIENT)
                == Some(&json!(webhook.owner_client_id))
        });
    let agents = filters.agent_ids.as_ref().is_none_or(|wanted| {
        let of = event.data.get("agent").and_then(Value::as_str);
        of.is_some_and(|agent| wanted.iter().any(|id| id == agent))
    });
    author && mine && agents && is_present(directory, webhook, chat)
}

fn is_present(directory: &Directory, webhook: &ChatWebhook, chat: Option<&Chat>) -> bool {
    let Some(presence) = &webhook.filters.chat_presence else { return true };
    let Some(chat) = chat else { return false };
    let there = present(chat);
    let is_there = |id: &String| there.contains(id);
    let named = presence.user_ids.as_ref().is_none_or(|ids| {
        ids.values.as_ref().is_none_or(|values| values.iter().any(is_there))
            && !ids.exclude_values.as_ref().is_some_and(|values| values.iter().any(is_there))
    });
    let bots = !presence.my_bots.unwrap_or(false)
        || directory.agents().iter().any(|agent| {
            let mine = agent
                .bot
                .as_ref()
                .is_some_and(|bot| bot.owner_client_id == webhook.owner_client_id);
            mine && chat.is_present(&Participant::Agent { id: agent.id.clone() })
        });
    named && bots
}

/// Who is in a chat now.
fn present(chat: &Chat) -> Vec<String> {
    chat.members.iter().filter(|member| member.present).map(|member| member.who.id()).collect()
}
