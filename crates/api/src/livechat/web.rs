//! The Chat API over HTTP: `POST /v{version}/{agent|customer|configuration}/action/{name}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ORIGIN, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};
use tidings_app::desk::team::bots;
use tidings_model::{NESTING_MAX, nesting};
use tidings_wire::livechat::{self, ErrorType, Failure, Side, Transport, Version};

use super::call::{Call, Peer};
use super::configuration;
use super::organization::Organization;
use super::sign_in::sign_in_for;
use super::site;
use super::upload;
use crate::address::address as caller_address;
use crate::state::Api;

/// The bot that an agent speaks for, since 3.1.
const AUTHOR_ID: HeaderName = HeaderName::from_static("x-author-id");

/// The same in 3.0, where it stood beside the wrapped payload.
const BOT_OF_3_0: &str = "_author_id";

/// The routes of calls.
pub(super) fn routes(api: &Api) -> Router<Api> {
    let uploads = DefaultBodyLimit::max(upload::body_bytes_max(api));
    Router::new().route("/{version}/{side}/action/{action}", any(act)).layer(uploads)
}

/// The path of a call.
struct Address {
    version: String,
    side: String,
    action: String,
}

async fn act(
    State(api): State<Api>,
    Path((version, side, action)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let address = Address { version, side, action };
    match run(&api, &address, request).await {
        Ok(answer) => as_json(StatusCode::OK, &answer),
        Err(failure) => refused(&failure),
    }
}

async fn run(api: &Api, address: &Address, request: Request) -> Result<Value, Failure> {
    let not_found = |_| Failure::new(ErrorType::NotFound, "there is nothing at this address");
    let side: Side = address.side.parse().map_err(not_found)?;
    let version: Version =
        address.version.parse().map_err(|_| Failure::from(ErrorType::UnsupportedVersion))?;
    let credentials = text(request.headers(), &AUTHORIZATION);
    if site::is_ours(side, &address.action) && *request.method() == Method::POST {
        let (parts, body) = request.into_parts();
        let ip = caller_address(&parts.extensions);
        let payload = read(api, Request::from_parts(parts, body)).await?;
        return site::ours(api, &required(credentials)?, ip, &payload).await;
    }
    let mut method = livechat::find(side, version, Transport::Web, &address.action)?;
    let expected = if method.http_get { Method::GET } else { Method::POST };
    let may_be_get = *request.method() == Method::GET && method.may_be_get(version);
    if *request.method() != expected && !may_be_get {
        return Err(Failure::new(
            ErrorType::Validation,
            format!("{} is called with {expected}", address.action),
        ));
    }
    let (parts, body) = request.into_parts();
    let peer = peer(&parts);
    let organization = Organization::named(parts.uri.query());
    let bot = text(&parts.headers, &AUTHOR_ID);
    let request = Request::from_parts(parts, body);
    let (signed_in, payload) = if upload::takes_file(method) {
        // Nobody's bytes are written down before they are signed in.
        let signed_in =
            sign_in_for(&api.app, side, method.action, &required(credentials)?, peer.ip).await?;
        let received = upload::receive(api, &signed_in.actor, &address.action, request).await?;
        let mut payload = livechat::request(method, version, received.payload)?;
        if let Value::Object(payload) = &mut payload {
            payload.insert("file".into(), received.url.into());
        }
        (signed_in, payload)
    } else {
        let payload = read(api, request).await?;
        method = method.meant_by(&payload);
        let payload = livechat::request(method, version, payload)?;
        if let Some(answer) = site::answer(api, side, method.action, &payload, &peer).await {
            return Ok(livechat::answer(method, version, answer?));
        }
        if side == Side::Configuration && method.action == "issue_bot_token" {
            let answer = configuration::bots::issue_token(&api.app, &payload).await?;
            return Ok(livechat::answer(method, version, answer));
        }
        let credentials = required(credentials)?;
        (sign_in_for(&api.app, side, method.action, &credentials, peer.ip).await?, payload)
    };
    organization.check(signed_in.actor.workspace)?;
    let bot = bot.as_deref().or_else(|| payload.get(BOT_OF_3_0)?.as_str());
    let actor = match bot.filter(|_| side == Side::Agent) {
        Some(bot) => bots::in_the_name_of(&api.app, &signed_in.actor, bot).await?,
        None => signed_in.actor,
    };
    let call = Call {
        app: Arc::clone(&api.app),
        actor,
        side,
        version,
        transport: Transport::Web,
        payload,
        channel: signed_in.channel,
        peer,
    };
    call.answer(method).await
}

fn required(credentials: Option<String>) -> Result<String, Failure> {
    credentials.ok_or_else(|| {
        Failure::new(ErrorType::Authentication, "the request has no header Authorization")
    })
}

async fn read(api: &Api, request: Request) -> Result<Value, Failure> {
    let (parts, body) = request.into_parts();
    let limit = api.limits.body_bytes_max;
    #[expect(clippy::disallowed_methods, reason = "it is read up to the limit")]
    let body = axum::body::to_bytes(body, limit).await.map_err(|_| {
        Failure::new(ErrorType::EntityTooLarge, format!("the body is longer than {limit} bytes"))
    })?;
    payload(&parts.method, parts.uri.query(), &body)
}

pub(super) fn peer(parts: &Parts) -> Peer {
    Peer {
        ip: caller_address(&parts.extensions),
        user_agent: text(&parts.headers, &USER_AGENT),
        referrer: text(&parts.headers, &REFERER),
        origin: text(&parts.headers, &ORIGIN),
    }
}

/// The parameters: of the body, whatever type it says it has, or of the address.
fn payload(method: &Method, query: Option<&str>, body: &Bytes) -> Result<Value, Failure> {
    if *method == Method::GET {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let map: Map<String, Value> = pairs
            .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
            .collect();
        return Ok(Value::Object(map));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    if nesting(body) > NESTING_MAX {
        let why = format!("the body is nested deeper than {NESTING_MAX} levels");
        return Err(Failure::new(ErrorType::Validation, why));
    }
    serde_json::from_slice(body).map_err(|error| {
        Failure::new(ErrorType::Validation, format!("the body is not JSON: {error}"))
    })
}

pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

pub(super) fn as_json(status: StatusCode, value: &Value) -> Response {
    let bytes = Bytes::from(value.to_string());
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
}

/// `{"error": {"type", "message", "data"?}}` with the status of its type.
pub(super) fn refused(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.error_type.http_status())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    as_json(status, &json!({ "error": failure.to_json() }))
}
