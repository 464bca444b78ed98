//! `/api/v1/hooks`: addresses that outside systems call; and `/hooks/{id}`, where they do.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_app::admin::hooks::{self, HookChange};
use tidings_app::pipeline::hook::{Call, NotTaken, Reply, take};
use tidings_app::pipeline::question::AskError;
use tidings_model::{Hook, HookId, HookScheme, Timestamp};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::address::address;
use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller};
use crate::body::{JsonBody, RawBody, given};
use crate::params::{Id, Params};
use crate::problem::{Code, Problem};
use crate::state::Api;

/// How many parameters of a call are kept.
const QUERY_MAX: usize = 100;

/// Headers that belong to one connection, or that we write: an answer does not set them (RFC 9110, 7.6.1).
const NOT_ANSWERED: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::SET_COOKIE,
    header::DATE,
];

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(one, change, remove))
}

/// Where outside systems call: any method.
pub(crate) fn doors() -> Router<Api> {
    Router::new().route("/hooks/{id}", any(called)).route("/hooks/{id}/{*path}", any(called_below))
}

/// An address that outside systems call.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookView {
    /// Its id.
    id: Uuid,
    /// Its name: `event.hook` in a behavior.
    name: String,
    /// Its address. Who knows it may call, unless a signature is wanted as well.
    url: String,
    /// Whether it takes calls.
    enabled: bool,
    /// How calls are signed; the secret is not given.
    signature: Option<SchemeBody>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// How calls are signed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub(crate) enum SchemeBody {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// A header holds the HMAC-SHA256 of the body in hex.
    HmacSha256 {
        /// The header, as `X-Hub-Signature-256`.
        header: String,
        /// What stands before the digits, as `sha256=`.
        #[serde(default)]
        prefix: String,
    },
    /// A header holds the secret itself.
    Token {
        /// The header, as `X-Gitlab-Token`.
        header: String,
    },
}

impl From<SchemeBody> for HookScheme {
    fn from(body: SchemeBody) -> Self {
        match body {
            SchemeBody::Standard => Self::Standard,
            SchemeBody::HmacSha256 { header, prefix } => Self::HmacSha256 { header, prefix },
            SchemeBody::Token { header } => Self::Token { header },
        }
    }
}

impl From<HookScheme> for SchemeBody {
    fn from(scheme: HookScheme) -> Self {
        match scheme {
            HookScheme::Standard => Self::Standard,
            HookScheme::HmacSha256 { header, prefix } => Self::HmacSha256 { header, prefix },
            HookScheme::Token { header } => Self::Token { header },
        }
    }
}

fn view(api: &Api, hook: Hook) -> HookView {
    HookView {
        id: hook.id.uuid(),
        name: hook.name,
        url: format!("{}/hooks/{}", api.app.settings().public_url, hook.id),
        enabled: hook.enabled,
        signature: hook.signature.map(|signature| signature.scheme.into()),
        created_at: hook.created_at,
    }
}

/// List hooks
#[utoipa::path(
    get, path = "/api/v1/hooks", tag = "hooks", operation_id = "list_hooks",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The hooks.", body = Page<HookView>)),
    security(("token" = ["admin"])),
)]
async fn list(caller: Caller<Admin>, State(api): State<Api>, params: Params) -> Answer {
    let view = |hook: Hook| Some(view(&api, hook));
    answer::documents(&api, &caller, params, Kind::Hook, Scan::All, view).await
}

/// A hook to make, or what is changed of one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookBody {
    /// Its name: `event.hook` in a behavior.
    #[serde(default)]
    name: Option<String>,
    /// Whether it takes calls.
    #[serde(default)]
    enabled: Option<bool>,
    /// How calls are signed; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<SignatureBody>)]
    signature: Option<Option<SignatureBody>>,
}

/// How calls are signed, with the secret.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SignatureBody {
    /// The rule.
    #[serde(flatten)]
    scheme: SchemeBody,
    /// The secret that the caller has as well: for `standard` it begins with `whsec_`.
    secret: String,
}

impl From<HookBody> for HookChange {
    fn from(body: HookBody) -> Self {
        let signature = body.signature.map(|signature| {
            signature.map(|SignatureBody { scheme, secret }| (scheme.into(), secret))
        });
        Self { name: body.name, enabled: body.enabled, signature }
    }
}

/// Make a hook
#[utoipa::path(
    post, path = "/api/v1/hooks", tag = "hooks", operation_id = "create_hook", request_body = HookBody,
    responses((status = 201, description = "The hook.", body = HookView)),
    security(("token" = ["admin"])),
)]
async fn create(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<HookBody>,
) -> Answer {
    let hook = hooks::create(&api.app, caller.workspace(), body.into()).await?;
    Ok(answer::json(StatusCode::CREATED, &view(&api, hook)))
}

/// Read a hook
#[utoipa::path(
    get, path = "/api/v1/hooks/{id}", tag = "hooks", operation_id = "get_hook",
    params(("id" = Uuid, Path, description = "The hook's id.")),
    responses((status = 200, description = "The hook.", body = HookView)),
    security(("token" = ["admin"])),
)]
async fn one(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<HookId>) -> Answer {
    let hook: Hook = answer::document(&api, &caller, Kind::Hook, id, "hook").await?;
    Ok(answer::json(StatusCode::OK, &view(&api, hook)))
}

/// Change a hook
#[utoipa::path(
    patch, path = "/api/v1/hooks/{id}", tag = "hooks", operation_id = "change_hook", request_body = HookBody,
    params(("id" = Uuid, Path, description = "The hook's id.")),
    responses((status = 200, description = "The hook.", body = HookView)),
    security(("token" = ["admin"])),
)]
async fn change(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<HookId>,
    JsonBody(body): JsonBody<HookBody>,
) -> Answer {
    let hook = hooks::change(&api.app, caller.workspace(), id, body.into()).await?;
    Ok(answer::json(StatusCode::OK, &view(&api, hook)))
}

/// Remove a hook
#[utoipa::path(
    delete, path = "/api/v1/hooks/{id}", tag = "hooks", operation_id = "remove_hook",
    params(("id" = Uuid, Path, description = "The hook's id.")),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["admin"])),
)]
async fn remove(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<HookId>) -> Answer {
    hooks::remove(&api.app, caller.workspace(), id).await?;
    Ok(answer::done())
}

async fn called(
    Path(id): Path<String>,
    State(api): State<Api>,
    parts: Parts,
    body: RawBody,
) -> Answer {
    call(&api, &id, "/", parts, body).await
}

async fn called_below(
    Path((id, path)): Path<(String, String)>,
    State(api): State<Api>,
    parts: Parts,
    body: RawBody,
) -> Answer {
    call(&api, &id, &format!("/{path}"), parts, body).await
}

async fn call(api: &Api, id: &str, path: &str, parts: Parts, RawBody(body): RawBody) -> Answer {
    // What is no id is no hook either: an address is not told apart from a wrong one.
    let id: HookId = id.parse().map_err(|_| Problem::not_found("hook"))?;
    let Extended { address, query } = Extended::of(&parts.extensions, parts.uri.query());
    let call = Call {
        method: parts.method,
        path: path.to_owned(),
        query,
        headers: parts.headers,
        body,
        address,
    };
    match take(&api.app, id, call).await {
        Ok(reply) => Ok(answered(reply)),
        Err(NotTaken::Unknown) => Err(Problem::not_found("hook")),
        Err(error @ NotTaken::WrongSignature) => {
            Err(Problem::new(Code::SignatureWrong, error.to_string()))
        }
        Err(error @ NotTaken::TooLong) => Err(Problem::new(Code::BodyTooLarge, error.to_string())),
        Err(NotTaken::Read(error)) => Err(error.into()),
        Err(NotTaken::Ask(error)) => Err(error.into()),
    }
}

struct Extended {
    address: Option<std::net::IpAddr>,
    query: Vec<(String, String)>,
}

impl Extended {
    fn of(extensions: &Extensions, query: Option<&str>) -> Self {
        let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .take(QUERY_MAX)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self { address: address(extensions), query }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotAQuestion { .. } => Self::new(Code::NotAQuestion, error.to_string()),
            AskError::Invalid { .. } => Self::new(Code::InvalidData, error.to_string()),
            AskError::Read(error) => error.into(),
            AskError::Commit(error) => error.into(),
        }
    }
}

/// What a behavior answered, as HTTP.
fn answered(reply: Reply) -> Response {
    let mut headers = HeaderMap::new();
    let (kind, body) = match reply.body {
        None => (None, Vec::new()),
        Some(Value::String(text)) => (Some("text/plain; charset=utf-8"), text.into_bytes()),
        Some(json) => (Some("application/json"), json.to_string().into_bytes()),
    };
    if let Some(kind) = kind {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in &reply.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
            && !NOT_ANSWERED.contains(&name)
        {
            headers.insert(name, value);
        }
    }
    // A page of a stranger's making is never a page of ours.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox; default-src 'none'"),
    );
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    (status, headers, body).into_response()
}
