//! `/api/v1/accounts`: credentials for calls of behaviors to other systems. The secrets are taken, never given.

use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::accounts::{self, Account, AccountChange, Way};
use tidings_model::Timestamp;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller};
use crate::body::JsonBody;
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, remove))
}

/// Credentials for calls to another system.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// Its name: `account` of the step `http`.
    name: String,
    /// How it is shown to the other system.
    #[serde(flatten)]
    way: WayBody,
    /// The hosts that it goes to.
    hosts: Vec<String>,
    /// When it was last written.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// How credentials are shown.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum WayBody {
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// `Authorization: Basic`, with the secret as the password.
    Basic {
        /// The user.
        user: String,
    },
    /// A header with the secret.
    Header {
        /// Its name.
        header: String,
    },
}

impl From<WayBody> for Way {
    fn from(body: WayBody) -> Self {
        match body {
            WayBody::Bearer => Self::Bearer,
            WayBody::Basic { user } => Self::Basic { user },
            WayBody::Header { header } => Self::Header { name: header },
        }
    }
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        let way = match account.way {
            Way::Bearer => WayBody::Bearer,
            Way::Basic { user } => WayBody::Basic { user },
            Way::Header { name } => WayBody::Header { header: name },
        };
        Self { name: account.name, way, hosts: account.hosts, updated_at: account.updated_at }
    }
}

/// List accounts
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "accounts", operation_id = "list_accounts",
    responses((status = 200, description = "The accounts, without their secrets.", body = Page<AccountView>)),
    security(("token" = ["admin"])),
)]
async fn list(caller: Caller<Admin>, State(api): State<Api>) -> Answer {
    let accounts = accounts::list(&api.app, caller.workspace()).await?;
    let items: Vec<AccountView> = accounts.into_iter().map(AccountView::from).collect();
    Ok(answer::json(StatusCode::OK, &Page { items, next: None }))
}

/// An account to write.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AccountBody {
    /// How it is shown to the other system.
    #[serde(flatten)]
    way: WayBody,
    /// The hosts that it goes to, 1 to 20.
    hosts: Vec<String>,
    /// The secret; the one that is kept, unless given.
    #[serde(default)]
    secret: Option<String>,
}

/// Write an account
#[utoipa::path(
    put, path = "/api/v1/accounts/{name}", tag = "accounts", operation_id = "put_account", request_body = AccountBody,
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 200, description = "The account, without its secret.", body = AccountView)),
    security(("token" = ["admin"])),
)]
async fn put(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<AccountBody>,
) -> Answer {
    let change = AccountChange { way: body.way.into(), hosts: body.hosts, secret: body.secret };
    let account = accounts::put(&api.app, caller.workspace(), &name, change).await?;
    Ok(answer::json(StatusCode::OK, &AccountView::from(account)))
}

/// Remove an account
#[utoipa::path(
    delete, path = "/api/v1/accounts/{name}", tag = "accounts", operation_id = "remove_account",
    params(("name" = String, Path, description = "Its name.")),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["admin"])),
)]
async fn remove(caller: Caller<Admin>, State(api): State<Api>, Path(name): Path<String>) -> Answer {
    accounts::remove(&api.app, caller.workspace(), &name).await?;
    Ok(answer::done())
}
