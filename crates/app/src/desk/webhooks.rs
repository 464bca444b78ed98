//! Webhooks of the Chat API: registered by programs, delivered by the same readers as all others.
//!
//! A webhook is an endpoint with a [`ChatWebhook`]. Its deliveries are made of pushes ([`payload`]): one event of the log
//! gives at most one push of an action. Beside the body that the vendor's receivers know, ours carry the signature headers of the
//! Standard Webhooks specification, by the webhook's own signing secret.

pub(crate) mod payload;

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_model::endpoint::{ChatWebhook, WebhookFilters, WebhookScope};
use tidings_model::{Endpoint, EndpointId, WorkspaceId};
use tidings_store::{Batch, Delete, DocKey, Kind};
use tidings_wire::livechat::push::name_of;
use tidings_wire::livechat::{Side, Version as ApiVersion};

use super::credentials::agent_token;
use super::find::unreadable;
use super::{Actor, ErrorType, Failure, customers, license};
use crate::App;
use crate::admin::AdminError;
use crate::admin::endpoints::{begin_anew, new_signing_secret};
use crate::admin::listed;
use crate::pipeline::scene::Seen;

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
            Self::Summary => &[],
            // Beside the others in the vendor's bodies, where published parsers break on it: told to who asks.
            Self::Configuration => &["requester"],
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
    let most = app.settings.webhooks_per_action_max;
    if same_action.count() >= most {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("a client has at most {most} webhooks for one action"),
        ));
    }
    let failed = |error: AdminError| {
        tracing::error!("a webhook could not be registered: {error}");
        Failure::from(ErrorType::Internal)
    };
    let workspace = license::read(app, actor).await?.value;
    let is_on = said.scope == WebhookScope::Bot || !workspace.webhooks_off.contains(&owner);
    let after = app.store.last_seq(actor.workspace).await.map_err(unreadable)?;
    let sealed = app.sealer.seal(&new_signing_secret().map_err(failed)?);
    let id = EndpointId::new(app.clock.next_id());
    let mut endpoint = Endpoint::new(id, said.url.clone(), sealed, (app.now(), after.0));
    endpoint.description = said.description.clone().unwrap_or_default();
    endpoint.enabled = is_on;
    endpoint.chat_webhook = Some(ChatWebhook {
        action: said.action.clone(),
        owner_client_id: owner,
        scope: said.scope,
        sealed_key: app.sealer.seal(&said.secret_key),
        filters: said.filters.clone(),
        additional_data: said.additional_data.clone(),
    });
    let key = DocKey::new(Kind::Endpoint, endpoint.id);
    let endpoint = Seen::absent(endpoint);
    listed::write(app, actor.workspace, key, &endpoint).await.map_err(failed)?;
    Ok(json!({ "id": endpoint.value.id }))
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

/// `list_webhook_names`: those of a version, as it calls them.
pub fn names(version: ApiVersion) -> Value {
    let shown = |(action, area): &(&'static str, Area)| {
        // The one that is no push has one name in every version.
        let name =
            if *area == Area::Customer { action } else { name_of(Side::Agent, version, action)? };
        Some(json!({
            "action": name,
            "filters": area.filters(),
            "additional_data": area.additional_data(),
        }))
    };
    ACTIONS.iter().filter_map(shown).collect()
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
            let mut found: Seen<Endpoint> =
                listed::find(app, actor.workspace, &key).await.map_err(failed)?;
            (found.value.enabled, found.value.disabled_reason) = (on, None);
            if on {
                begin_anew(app, actor.workspace, &mut found.value).await.map_err(unreadable)?;
            }
            listed::write(app, actor.workspace, key, &found).await.map_err(failed)?;
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
