//! Webhooks of the Chat API: registered by programs, delivered by the same outbox as all others.
//!
//! A webhook is an endpoint with a [`ChatWebhook`]. Its deliveries are made of pushes: one event of the log gives at most
//! one push of an action. Beside the body that the vendor's receivers know, ours carry the signature headers of the
//! Standard Webhooks specification, by the webhook's own signing secret.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_model::endpoint::{ChatWebhook, WebhookFilters, WebhookScope};
use tidings_model::{
    AgentStatus, AuthorKind, Chat, Endpoint, EndpointId, Event, Participant, WorkspaceId,
};
use tidings_store::{Batch, Delete, DocKey, Kind, ReadError};

use super::credentials::agent_token;
use super::find::unreadable;
use super::push::{self, Push};
use super::team::{SOURCE_CLIENT, SOURCE_NAMESPACE};
use super::{Actor, ErrorType, Failure, customers, license};
use crate::App;
use crate::admin::AdminError;
use crate::admin::endpoints::new_signing_secret;
use crate::admin::listed;
use crate::directory::Directory;

/// How many webhooks a program may have for one action: the vendor's figure.
pub const WEBHOOKS_PER_ACTION_MAX: usize = 3;

/// The actions that webhooks are made of, with the filters that they know.
const ACTIONS: [(&str, Area); 38] = [
    ("incoming_chat", Area::Chat),
    ("chat_deactivated", Area::Chat),
    ("chat_access_updated", Area::Chat),
    ("chat_transferred", Area::Chat),
    ("user_added_to_chat", Area::Chat),
    ("user_removed_from_chat", Area::Chat),
    ("incoming_event", Area::Said),
    ("event_deleted", Area::Chat),
    ("event_updated", Area::Said),
    ("incoming_rich_message_postback", Area::Chat),
    ("chat_properties_updated", Area::Chat),
    ("chat_properties_deleted", Area::Chat),
    ("thread_properties_updated", Area::Chat),
    ("thread_properties_deleted", Area::Chat),
    ("event_properties_updated", Area::Chat),
    ("event_properties_deleted", Area::Chat),
    ("thread_tagged", Area::Chat),
    ("thread_untagged", Area::Chat),
    ("events_marked_as_seen", Area::Chat),
    ("thread_summary_set", Area::Summary),
    ("routing_status_set", Area::Status),
    ("customer_session_fields_updated", Area::Customer),
    ("agent_created", Area::Configuration),
    ("agent_approved", Area::Configuration),
    ("agent_updated", Area::Configuration),
    ("agent_suspended", Area::Configuration),
    ("agent_unsuspended", Area::Configuration),
    ("agent_deleted", Area::Configuration),
    ("auto_accesses_updated", Area::Configuration),
    ("bot_created", Area::Configuration),
    ("bot_updated", Area::Configuration),
    ("bot_deleted", Area::Configuration),
    ("group_created", Area::Configuration),
    ("group_updated", Area::Configuration),
    ("group_deleted", Area::Configuration),
    ("tag_created", Area::Configuration),
    ("tag_updated", Area::Configuration),
    ("tag_deleted", Area::Configuration),
];

/// What an action is about: it decides which filters and additional data there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area {
    Chat,
    Said,
    Summary,
    Status,
    Customer,
    Configuration,
}

impl Area {
    const fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Chat | Self::Summary => &["chat_presence", "only_my_chats", "source_type"],
            Self::Said => &["chat_presence", "only_my_chats", "source_type", "author_type"],
            Self::Status => &["agent_ids", "source_type"],
            Self::Customer => &["chat_presence", "source_type"],
            Self::Configuration => &["source_type"],
        }
    }

    const fn additional_data(self) -> &'static [&'static str] {
        match self {
            Self::Chat | Self::Said | Self::Status | Self::Customer => {
                &["chat_properties", "chat_presence_user_ids"]
            }
            Self::Summary | Self::Configuration => &[],
        }
    }
}

fn area(action: &str) -> Option<Area> {
    ACTIONS.iter().find(|(name, _)| *name == action).map(|(_, area)| *area)
}

/// What somebody registers.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    action: String,
    secret_key: String,
    url: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    additional_data: Vec<String>,
    #[serde(default)]
    filters: WebhookFilters,
    #[serde(default)]
    owner_client_id: Option<String>,
    #[serde(rename = "type")]
    scope: WebhookScope,
}

/// The program that a call is about: the token's own; a personal token must name one.
fn client(actor: &Actor, named: Option<&str>) -> Result<String, Failure> {
    match named {
        None if actor.client_id == agent_token::PERSONAL_CLIENT_ID => {
            Err(Failure::field("owner_client_id", "must be given with a personal token"))
        }
        None => Ok(actor.client_id.clone()),
        Some(named)
            if actor.client_id == agent_token::PERSONAL_CLIENT_ID || actor.client_id == named =>
        {
            Ok(named.to_owned())
        }
        Some(_) => {
            Err(Failure::new(ErrorType::Authorization, "these webhooks belong to another client"))
        }
    }
}

/// `register_webhook`.
pub async fn register(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let owner = client(actor, said.owner_client_id.as_deref())?;
    let area = area(&said.action).ok_or_else(|| Failure::field("action", "is not known"))?;
    if let Some(unknown) =
        said.additional_data.iter().find(|name| !area.additional_data().contains(&name.as_str()))
    {
        return Err(Failure::field("additional_data", format!("{unknown} is not given here")));
    }
    app.guarded.check(&said.url).map_err(|error| Failure::field("url", error.to_string()))?;
    let known = of_client(app, actor.workspace, &owner);
    let same_action = known.iter().filter(|(_, webhook)| webhook.action == said.action);
    if same_action.count() >= WEBHOOKS_PER_ACTION_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("a client has at most {WEBHOOKS_PER_ACTION_MAX} webhooks for one action"),
        ));
    }
    let failed = |error: AdminError| {
        tracing::error!("a webhook could not be registered: {error}");
        Failure::from(ErrorType::Internal)
    };
    let workspace = license::read(app, actor).await?.value;
    let is_on = said.scope == WebhookScope::Bot || !workspace.webhooks_off.contains(&owner);
    let after = app.store.last_seq(actor.workspace).await.map_err(unreadable)?;
    let endpoint = Endpoint {
        id: EndpointId::new(app.clock.next_id()),
        url: said.url.clone(),
        description: said.description.clone().unwrap_or_default(),
        events: Vec::new(),
        enabled: is_on,
        disabled_reason: None,
        sealed_secret: app.sealer.seal(&new_signing_secret().map_err(failed)?),
        created_at: app.now(),
        after_seq: after.0,
        chat_webhook: Some(ChatWebhook {
            action: said.action.clone(),
            owner_client_id: owner,
            scope: said.scope,
            sealed_key: app.sealer.seal(&said.secret_key),
            filters: said.filters.clone(),
            additional_data: said.additional_data.clone(),
        }),
    };
    let key = DocKey::new(Kind::Endpoint, endpoint.id);
    let absent = Some(tidings_store::Version::ABSENT);
    listed::write(app, actor.workspace, key, &endpoint, absent).await.map_err(failed)?;
    Ok(json!({ "id": endpoint.id }))
}

/// The webhooks of a client, oldest first.
fn of_client(app: &App, workspace: WorkspaceId, owner: &str) -> Vec<(Endpoint, ChatWebhook)> {
    let endpoints = app.directory(workspace).map(|known| known.endpoints()).unwrap_or_default();
    let mut webhooks: Vec<(Endpoint, ChatWebhook)> = endpoints
        .into_iter()
        .filter_map(|endpoint| {
            let webhook = endpoint.chat_webhook.clone()?;
            (webhook.owner_client_id == owner).then_some((endpoint, webhook))
        })
        .collect();
    webhooks.sort_by_key(|(endpoint, _)| endpoint.id);
    webhooks
}

/// `list_webhooks`; the keys are not shown.
pub fn list(app: &App, actor: &Actor, owner: Option<&str>) -> Result<Value, Failure> {
    let owner = client(actor, owner)?;
    Ok(of_client(app, actor.workspace, &owner)
        .into_iter()
        .map(|(endpoint, webhook)| {
            json!({
                "id": endpoint.id,
                "url": endpoint.url,
                "description": endpoint.description,
                "action": webhook.action,
                "filters": webhook.filters,
                "owner_client_id": webhook.owner_client_id,
                "type": webhook.scope,
                "additional_data": webhook.additional_data,
            })
        })
        .collect())
}

/// `unregister_webhook`. What it was owed is not tried again.
pub async fn unregister(
    app: &App,
    actor: &Actor,
    id: &str,
    owner: Option<&str>,
) -> Result<Value, Failure> {
    let owner = client(actor, owner)?;
    let known = of_client(app, actor.workspace, &owner);
    let found = known.iter().find(|(endpoint, _)| endpoint.id.to_string() == id);
    let (endpoint, _) =
        found.ok_or_else(|| Failure::new(ErrorType::NotFound, "there is no such webhook"))?;
    let mut batch = Batch::new(actor.workspace);
    let key = DocKey::new(Kind::Endpoint, endpoint.id);
    batch.deletes.push(Delete { key, expected: None });
    app.commit(batch).await.map_err(|error| customers::not_written(&error))?;
    refresh(app, actor.workspace).await?;
    Ok(json!({}))
}

/// `list_webhook_names`.
pub fn names() -> Value {
    let shown = |(action, area): &(&str, Area)| {
        json!({
            "action": action,
            "filters": area.filters(),
            "additional_data": area.additional_data(),
        })
    };
    ACTIONS.iter().map(shown).collect()
}

/// `enable_license_webhooks` and `disable_license_webhooks`.
pub async fn switch(
    app: &App,
    actor: &Actor,
    owner: Option<&str>,
    on: bool,
) -> Result<Value, Failure> {
    let owner = client(actor, owner)?;
    license::change(app, actor, "webhooks_off", |workspace| {
        if on {
            workspace.webhooks_off.remove(&owner);
        } else {
            workspace.webhooks_off.insert(owner.clone());
        }
    })
    .await?;
    let failed = |error: AdminError| {
        tracing::error!("a webhook could not be switched: {error}");
        Failure::from(ErrorType::Internal)
    };
    for (endpoint, webhook) in of_client(app, actor.workspace, &owner) {
        if webhook.scope == WebhookScope::License && endpoint.enabled != on {
            let key = DocKey::new(Kind::Endpoint, endpoint.id);
            let changed = Endpoint { enabled: on, disabled_reason: None, ..endpoint };
            listed::write(app, actor.workspace, key, &changed, None).await.map_err(failed)?;
        }
    }
    Ok(json!({}))
}

/// `get_license_webhooks_state`.
pub async fn state(app: &App, actor: &Actor, owner: Option<&str>) -> Result<Value, Failure> {
    let owner = client(actor, owner)?;
    let workspace = license::read(app, actor).await?.value;
    Ok(json!({ "license_webhooks_enabled": !workspace.webhooks_off.contains(&owner) }))
}

async fn refresh(app: &App, workspace: WorkspaceId) -> Result<(), Failure> {
    let Some(directory) = app.directory(workspace) else { return Ok(()) };
    directory.refresh(app).await.map_err(unreadable)
}

/// What a webhook gets of an event: the body, or nothing.
pub(crate) async fn body(
    app: &App,
    directory: &Directory,
    event: &std::sync::Arc<Event>,
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
    let Ok(secret_key) = app.sealer.open(&webhook.sealed_key) else { return Ok(None) };
    let mut additional = Map::new();
    if let Some(chat) = chat {
        let wants = |name: &str| webhook.additional_data.iter().any(|data| data == name);
        if wants("chat_properties") {
            additional.insert("chat_properties".into(), json!(chat.properties));
        }
        if wants("chat_presence_user_ids") {
            additional.insert("chat_presence_user_ids".into(), json!(present(chat)));
        }
    }
    Ok(Some(json!({
        "webhook_id": endpoint.id,
        "secret_key": secret_key,
        "action": webhook.action,
        "organization_id": event.workspace,
        "payload": payload,
        "additional_data": additional,
    })))
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
    let of = event.properties.get(SOURCE_NAMESPACE).and_then(|of| of.get(SOURCE_CLIENT));
    let source = match (of.and_then(Value::as_str), event.author.kind) {
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
