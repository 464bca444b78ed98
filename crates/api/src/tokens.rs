//! `/api/v1/tokens`: who may use this API. A token is shown once, when it is made.

use std::collections::BTreeSet;

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::tokens::{self, Right, Token};
use tidings_model::{Timestamp, TokenId};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller};
use crate::body::JsonBody;
use crate::params::{Id, Params};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// A token.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// Its id, by which it is revoked.
    id: Uuid,
    /// Its name, for people: the author of what it sends.
    name: String,
    /// What it may do.
    rights: Vec<RightBody>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The token itself, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RightBody {
    /// Read events, chats, customers, runs, deliveries, endpoints, channels, agents and bots.
    Read,
    /// Send events and messages, move control leases, redeliver.
    Write,
    /// Change channels, endpoints and agents; make and revoke tokens of any right.
    Admin,
}

impl From<RightBody> for Right {
    fn from(body: RightBody) -> Self {
        match body {
            RightBody::Read => Self::Read,
            RightBody::Write => Self::Write,
            RightBody::Admin => Self::Admin,
        }
    }
}

impl From<Right> for RightBody {
    fn from(right: Right) -> Self {
        match right {
            Right::Read => Self::Read,
            Right::Write => Self::Write,
            Right::Admin => Self::Admin,
        }
    }
}

fn view(token: Token, secret: Option<String>) -> TokenView {
    TokenView {
        id: token.id.uuid(),
        name: token.name,
        rights: token.rights.into_iter().map(RightBody::from).collect(),
        created_at: token.created_at,
        token: secret,
    }
}

/// List tokens
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", operation_id = "list_tokens",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The tokens, without the tokens themselves.", body = Page<TokenView>)),
    security(("token" = ["admin"])),
)]
async fn list(caller: Caller<Admin>, State(api): State<Api>, params: Params) -> Answer {
    answer::documents(&api, &caller, params, Kind::Token, Scan::All, |token: Token| {
        Some(view(token, None))
    })
    .await
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateToken {
    /// Its name, for people: the author of what it sends.
    name: String,
    /// What it may do.
    rights: Vec<RightBody>,
}

/// Make a token
///
/// The answer shows it, once.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", operation_id = "create_token", request_body = CreateToken,
    responses((status = 201, description = "The token.", body = TokenView)),
    security(("token" = ["admin"])),
)]
async fn create(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<CreateToken>,
) -> Answer {
    let rights: BTreeSet<Right> = body.rights.into_iter().map(Right::from).collect();
    let (token, secret) =
        tokens::create(&api.app, caller.workspace(), &body.name, rights, None).await?;
    Ok(answer::json(StatusCode::CREATED, &view(token, Some(secret))))
}

/// Revoke a token
///
/// It stops working at once on this server.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = Uuid, Path, description = "The token's id.")),
    responses((status = 204, description = "It is revoked.")),
    security(("token" = ["admin"])),
)]
async fn revoke(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<TokenId>) -> Answer {
    tokens::revoke(&api.app, caller.workspace(), id).await?;
    api.tokens.forget(id);
    Ok(answer::done())
}
