//! `/api/v1/channels`: connections to outside services. Secrets among their settings are taken, never given.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_app::admin::channels::{self, ChannelChange, shown_settings};
use tidings_model::{BotName, Channel, ChannelId, ChannelKind};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller, Read};
use crate::body::{JsonBody, given};
use crate::params::{Id, Params};
use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change, remove))
        .routes(routes!(renew_identity_secret))
}

/// A connection to an outside service.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelView {
    /// Its id; part of its address, `/channels/{id}`.
    id: Uuid,
    /// Which service.
    kind: ChannelKindBody,
    /// Its name, for people.
    name: String,
    /// The bot that holds new chats.
    bot: Option<String>,
    /// Whether it takes and sends.
    enabled: bool,
    /// The settings of its kind; a secret reads `(set)`.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
}

/// The outside services.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChannelKindBody {
    /// The Telegram Bot API.
    Telegram,
    /// The chat page.
    Web,
}

impl From<ChannelKindBody> for ChannelKind {
    fn from(body: ChannelKindBody) -> Self {
        match body {
            ChannelKindBody::Telegram => Self::Telegram,
            ChannelKindBody::Web => Self::Web,
        }
    }
}

impl From<ChannelKind> for ChannelKindBody {
    fn from(kind: ChannelKind) -> Self {
        match kind {
            ChannelKind::Telegram => Self::Telegram,
            ChannelKind::Web => Self::Web,
        }
    }
}

impl From<Channel> for ChannelView {
    fn from(channel: Channel) -> Self {
        Self {
            settings: shown_settings(&channel),
            id: channel.id.uuid(),
            kind: channel.kind.into(),
            name: channel.name,
            bot: channel.bot.map(String::from),
            enabled: channel.enabled,
        }
    }
}

/// List channels
#[utoipa::path(
    get, path = "/api/v1/channels", tag = "channels", operation_id = "list_channels",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The channels.", body = Page<ChannelView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    answer::documents(&api, &caller, params, Kind::Channel, Scan::All, |channel: Channel| {
        Some(ChannelView::from(channel))
    })
    .await
}

/// A channel to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateChannel {
    /// Which service.
    kind: ChannelKindBody,
    /// Its name, for people.
    name: String,
    /// The bot that holds new chats; without one the first who speaks does.
    #[serde(default)]
    bot: Option<String>,
    /// The settings of its kind.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
}

/// Connect an outside service
#[utoipa::path(
    post, path = "/api/v1/channels", tag = "channels", operation_id = "create_channel", request_body = CreateChannel,
    responses((status = 201, description = "The channel.", body = ChannelView)),
    security(("token" = ["admin"])),
)]
async fn create(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<CreateChannel>,
) -> Answer {
    let change = ChannelChange {
        name: Some(body.name),
        bot: Some(body.bot.map(bot).transpose()?),
        enabled: None,
        settings: Some(body.settings),
    };
    let channel = channels::create(&api.app, caller.workspace(), body.kind.into(), change).await?;
    Ok(answer::json(StatusCode::CREATED, &ChannelView::from(channel)))
}

/// Read a channel
#[utoipa::path(
    get, path = "/api/v1/channels/{id}", tag = "channels", operation_id = "get_channel",
    params(("id" = Uuid, Path, description = "The channel's id.")),
    responses((status = 200, description = "The channel.", body = ChannelView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<ChannelId>) -> Answer {
    let channel: Channel = answer::document(&api, &caller, Kind::Channel, id, "channel").await?;
    Ok(answer::json(StatusCode::OK, &ChannelView::from(channel)))
}

/// What to change of a channel; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeChannel {
    /// Its name, for people.
    #[serde(default)]
    name: Option<String>,
    /// The bot that holds new chats; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    bot: Option<Option<String>>,
    /// Whether it takes and sends.
    #[serde(default)]
    enabled: Option<bool>,
    /// The settings of its kind, all of them.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Option<Map<String, Value>>,
}

/// Change a channel
#[utoipa::path(
    patch, path = "/api/v1/channels/{id}", tag = "channels", operation_id = "change_channel",
    request_body = ChangeChannel,
    params(("id" = Uuid, Path, description = "The channel's id.")),
    responses((status = 200, description = "The channel, as it is now.", body = ChannelView)),
    security(("token" = ["admin"])),
)]
async fn change(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<ChannelId>,
    JsonBody(body): JsonBody<ChangeChannel>,
) -> Answer {
    let bot = body.bot.map(|name| name.map(bot).transpose()).transpose()?;
    let change =
        ChannelChange { name: body.name, bot, enabled: body.enabled, settings: body.settings };
    let channel = channels::change(&api.app, caller.workspace(), id, change).await?;
    Ok(answer::json(StatusCode::OK, &ChannelView::from(channel)))
}

/// A web channel's new identity secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct IdentitySecretView {
    /// What a site signs its users' identities with (JWT, HS256); shown this once.
    identity_secret: String,
}

/// Renew a web channel's identity secret
///
/// The answer shows it, once. What was signed with the one before is refused from now on.
#[utoipa::path(
    post, path = "/api/v1/channels/{id}/identity-secret", tag = "channels",
    operation_id = "renew_identity_secret",
    params(("id" = Uuid, Path, description = "The channel's id.")),
    responses((status = 200, description = "The new secret.", body = IdentitySecretView)),
    security(("token" = ["admin"])),
)]
async fn renew_identity_secret(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<ChannelId>,
) -> Answer {
    let identity_secret = channels::renew_identity_secret(&api.app, caller.workspace(), id).await?;
    Ok(answer::json(StatusCode::OK, &IdentitySecretView { identity_secret }))
}

/// Remove a channel
///
/// Its chats and events stay.
#[utoipa::path(
    delete, path = "/api/v1/channels/{id}", tag = "channels", operation_id = "delete_channel",
    params(("id" = Uuid, Path, description = "The channel's id.")),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["admin"])),
)]
async fn remove(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<ChannelId>) -> Answer {
    channels::remove(&api.app, caller.workspace(), id).await?;
    Ok(answer::done())
}

fn bot(name: String) -> Result<BotName, Problem> {
    name.parse().map_err(|error: tidings_model::id::InvalidId| {
        Problem::new(Code::InvalidField, error.to_string()).at("/bot", error.to_string())
    })
}
