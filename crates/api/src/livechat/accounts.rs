//! Customers' tokens: `POST /v2/customer/token`, the same for a group with identities of its own, and the transfer of an
//! identity to another device.
//!
//! A browser is known by cookies, as with the vendor. As browsers refuse cookies of other sites more and more, the same
//! secret is in the answer too (`customer_token`), and is taken from the body.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{AUTHORIZATION, COOKIE, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_app::desk::Actor;
use tidings_app::desk::credentials::customer_grants::{self, Entrance, Granted};
use tidings_app::desk::credentials::customer_token;
use tidings_app::desk::customers::{bans, verify};
use tidings_model::GroupNumber;
use tidings_wire::livechat::{ErrorType, Failure, Side};

use super::cors::{NotForThisSite, check, not_allowed};
use super::sign_in::sign_in;
use super::web::{as_json, refused, text};
use crate::address::address;
use crate::state::Api;

/// The cookie with the customer's id; for people who look, never believed.
const ID_COOKIE: &str = "__lc_cid";

/// The cookie with what the browser is known by.
const SECRET_COOKIE: &str = "__lc_cst";

/// The grant by which an agent's program asks, from its own address.
const BY_AGENT: &str = "agent_token";

/// The scope that an agent's token needs to get customers' tokens.
const OWN_CUSTOMERS: &str = "customers:own";

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/v2/customer/token", post(token).options(asked_before))
        .route(
            "/v2/customer/{organization}/{group}/token",
            post(token_of_group).options(asked_before),
        )
        .route("/v2/customer/identity_transfer", post(identity_transfer).options(asked_before))
        .route("/v2/customer/verify_email", get(verify_email_page).post(verify_email))
}

/// Browsers ask whether they may ask, and [`super::cors`] answers; without a handler here they would not come to it.
async fn asked_before() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// What is asked for.
#[derive(Deserialize)]
struct Asked {
    grant_type: String,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    response_type: Option<String>,
    #[serde(default)]
    organization_id: Option<String>,
    #[serde(default)]
    channel_id: Option<String>,
    #[serde(default)]
    entity_id: Option<String>,
    #[serde(default)]
    expires_in: Option<Seconds>,
    #[serde(default)]
    customer_token: Option<String>,
    #[serde(default)]
    identity: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    code_verifier: Option<String>,
}

/// Seconds as a number, or as text: a form knows text only.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Value")]
struct Seconds(u64);

impl TryFrom<Value> for Seconds {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.map(Self).ok_or("is not a number of seconds")
    }
}

async fn token(State(api): State<Api>, request: Request) -> Response {
    answered(grant(&api, None, request).await)
}

async fn token_of_group(
    State(api): State<Api>,
    Path((organization, group)): Path<(String, String)>,
    request: Request,
) -> Response {
    answered(grant(&api, Some((organization, group)), request).await)
}

fn answered(answer: Result<Response, Failure>) -> Response {
    answer.unwrap_or_else(|failure| {
        let is_for_others = failure == not_allowed();
        let mut response = refused(&failure);
        if is_for_others {
            response.extensions_mut().insert(NotForThisSite);
        }
        response
    })
}

async fn grant(
    api: &Api,
    of_group: Option<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = body_of(api, request).await?;
    charge(api, &parts)?;
    let asked: Asked = read(body)?;
    if asked.response_type.as_deref().is_some_and(|kind| kind != "token") {
        return Err(Failure::field("response_type", "must be token"));
    }
    let entrance = entrance(api, of_group.as_ref(), &asked).await?;
    if let Some(origin) = text(&parts.headers, &ORIGIN) {
        check(&api.app, entrance.workspace, entrance.channel.id, &origin).await?;
    }
    let app = &api.app;
    if asked.grant_type != BY_AGENT {
        bans::check(app, entrance.workspace, None, address(&parts.extensions)).await?;
    }
    let needed = |name: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| Failure::field(name, "is missing"))
    };
    let granted = match asked.grant_type.as_str() {
        "cookie" => {
            let given = asked.customer_token.as_deref().filter(|text| !text.is_empty());
            let kept = cookies(&parts.headers, SECRET_COOKIE);
            customer_grants::by_browser(app, &entrance, given, &kept).await?
        }
        BY_AGENT => {
            let agent = agent(api, &parts.headers).await?;
            if agent.workspace != entrance.workspace {
                return Err(Failure::new(
                    ErrorType::Authorization,
                    "the agent is of another organization",
                ));
            }
            let entity = asked.entity_id.as_deref();
            let expires_in = asked.expires_in.map(|Seconds(seconds)| seconds);
            customer_grants::by_agent(app, &entrance, entity, expires_in).await?
        }
        "identity_token" => {
            let code = needed("code", &asked.code)?;
            let verifier = asked.code_verifier.as_deref();
            customer_grants::by_transfer(app, &entrance, &code, verifier).await?
        }
        "identity" => {
            let identity = needed("identity", &asked.identity)?;
            customer_grants::by_identity(app, &entrance, &identity).await?
        }
        _ => {
            return Err(Failure::field(
                "grant_type",
                "must be cookie, agent_token, identity_token or identity",
            ));
        }
    };
    Ok(given(api, &entrance, &asked, &granted))
}

async fn entrance(
    api: &Api,
    of_group: Option<&(String, String)>,
    asked: &Asked,
) -> Result<Entrance, Failure> {
    let no_group = || Failure::new(ErrorType::GroupNotFound, "there is no such group");
    let group = of_group
        .map(|(_, group)| group.parse().map(GroupNumber).map_err(|_| no_group()))
        .transpose()?;
    let organization = of_group
        .map(|(organization, _)| organization)
        .or(asked.organization_id.as_ref())
        .ok_or_else(|| Failure::field("organization_id", "is missing"))?;
    let channel = asked.channel_id.as_deref().or(asked.client_id.as_deref());
    customer_grants::entrance(&api.app, organization, channel, group).await
}

fn given(api: &Api, entrance: &Entrance, asked: &Asked, granted: &Granted) -> Response {
    let mut answer = json!({
        "access_token": granted.token,
        "client_id": asked.client_id,
        "entity_id": granted.customer,
        "expires_in": granted.expires_in.as_secs(),
        "organization_id": entrance.workspace,
        "token_type": "Bearer",
    });
    if asked.client_id.is_none()
        && let Some(answer) = answer.as_object_mut()
    {
        answer.remove("client_id");
    }
    let Some((kept, lifetime)) = &granted.browser else {
        return as_json(StatusCode::OK, &answer);
    };
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("customer_token".into(), kept.as_str().into());
    }
    let mut response = as_json(StatusCode::OK, &answer);
    let is_https = api.app.settings().public_url.starts_with("https://");
    // Browsers take SameSite=None from https only; on http the widget is on the same machine.
    let site = if is_https { "SameSite=None; Secure" } else { "SameSite=Lax" };
    let path = match entrance.group {
        None => "/v2/customer".to_owned(),
        Some(group) => format!("/v2/customer/{}/{group}", entrance.workspace),
    };
    let customer = granted.customer.to_string();
    for (name, value) in [(ID_COOKIE, customer.as_str()), (SECRET_COOKIE, kept.as_str())] {
        let seconds = lifetime.as_secs();
        let cookie = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; {site}");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

/// The agent in whose name a token is asked for: a bearer token with the scope; a personal access token as Basic is
/// for the other APIs.
async fn agent(api: &Api, headers: &HeaderMap) -> Result<Actor, Failure> {
    let refused = |problem: &str| Failure::new(ErrorType::Authentication, problem);
    let credentials = text(headers, &AUTHORIZATION)
        .ok_or_else(|| refused("the grant agent_token needs an agent's bearer token"))?;
    let (scheme, _) = credentials.split_once(' ').unwrap_or(("Bearer", ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused(
            "the grant agent_token takes a bearer token, not a personal access token",
        ));
    }
    let actor = sign_in(&api.app, Side::Agent, &credentials, None).await?.actor;
    if !actor.has_scope(&[OWN_CUSTOMERS]) {
        return Err(Failure::new(
            ErrorType::Authorization,
            format!("the token needs the scope {OWN_CUSTOMERS}"),
        ));
    }
    Ok(actor)
}

/// Who wants to move an identity.
#[derive(Deserialize)]
struct Transfer {
    bearer_type: String,
    #[serde(default)]
    customer_id: Option<String>,
    #[serde(default)]
    code_challenge: Option<String>,
    #[serde(default)]
    code_challenge_method: Option<String>,
}

async fn identity_transfer(State(api): State<Api>, request: Request) -> Response {
    answered(transfer(&api, request).await)
}

async fn transfer(api: &Api, request: Request) -> Result<Response, Failure> {
    let (parts, body) = body_of(api, request).await?;
    charge(api, &parts)?;
    let asked: Transfer = read(body)?;
    if asked.code_challenge_method.as_deref().is_some_and(|method| method != "S256") {
        return Err(Failure::field("code_challenge_method", "must be S256"));
    }
    let (workspace, customer) = match asked.bearer_type.as_str() {
        "agent" => {
            let agent = agent(api, &parts.headers).await?;
            let id = asked
                .customer_id
                .as_deref()
                .ok_or_else(|| Failure::field("customer_id", "is missing"))?;
            let id = id
                .parse()
                .map_err(|_| Failure::field("customer_id", "is not the id of a customer"))?;
            (agent.workspace, id)
        }
        "customer" => {
            let credentials = text(&parts.headers, &AUTHORIZATION).unwrap_or_default();
            let (_, token) = credentials.split_once(' ').unwrap_or(("", &credentials));
            let (_, token) = customer_token::sign_in(&api.app, token.trim())?;
            (token.workspace, token.customer)
        }
        _ => return Err(Failure::field("bearer_type", "must be agent or customer")),
    };
    let challenge = asked.code_challenge.as_deref();
    let code = customer_grants::transfer_code(&api.app, workspace, customer, challenge)?;
    Ok(as_json(
        StatusCode::OK,
        &json!({
            "identity_transfer_token": code,
            "expires_in": customer_grants::TRANSFER_LIFETIME.as_secs(),
        }),
    ))
}

/// The code of a link that was sent to a customer's address.
fn code(request: &Request) -> String {
    let query = request.uri().query().unwrap_or_default();
    let code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
    code.map(|(_, code)| code.into_owned()).unwrap_or_default()
}

/// The page of such a link. Looking at it confirms nothing, because mail programs look at links too.
async fn verify_email_page(State(api): State<Api>, request: Request) -> Response {
    match verify::looked_at(&api.app, &code(&request)).await {
        Ok(()) => page(
            "<p>Is this your address?</p>\
             <form method=\"post\"><button>Yes, it is mine</button></form>",
        ),
        Err(failure) => refused(&failure),
    }
}

/// The button on that page.
async fn verify_email(State(api): State<Api>, request: Request) -> Response {
    match verify::confirmed(&api.app, &code(&request)).await {
        Ok(()) => page("<p>Thank you. Your address is confirmed.</p>"),
        Err(failure) => refused(&failure),
    }
}

fn page(body: &str) -> Response {
    let whole = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Confirm your address</title>\
         <body>{body}</body></html>"
    );
    ([(http::header::CACHE_CONTROL, "no-store")], Html(whole)).into_response()
}

async fn body_of(api: &Api, request: Request) -> Result<(Parts, Value), Failure> {
    let (parts, body) = request.into_parts();
    let limit = api.limits.body_bytes_max;
    #[expect(clippy::disallowed_methods, reason = "it is read up to the limit")]
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|_| {
        Failure::new(ErrorType::EntityTooLarge, format!("the body is longer than {limit} bytes"))
    })?;
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if is_json {
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(ErrorType::Validation, format!("the body is not JSON: {error}"))
        })?;
        return Ok((parts, value));
    }
    let pairs = url::form_urlencoded::parse(&bytes);
    let map: Map<String, Value> =
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    Ok((parts, Value::Object(map)))
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let field = error.path().to_string();
        Failure::field(&field, format!("is not as expected: {}", error.inner()))
    })
}

/// Who makes visitors by the thousand is slowed down.
fn charge(api: &Api, parts: &Parts) -> Result<(), Failure> {
    let Some(address) = address(&parts.extensions) else { return Ok(()) };
    api.visitors_by_address
        .take(address)
        .map_err(|_| Failure::new(ErrorType::TooManyRequests, "too many tokens; try again soon"))
}

/// All cookies of a name: a more specific path comes first, and an old one may follow.
fn cookies(headers: &HeaderMap, name: &str) -> Vec<String> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs =
        all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(each, _)| *each == name).map(|(_, value)| value.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __lc_cst=one.two; __lc_cst=three"));
        assert_eq!(cookies(&headers, SECRET_COOKIE), ["one.two", "three"]);
        assert!(cookies(&headers, ID_COOKIE).is_empty());
    }
}
