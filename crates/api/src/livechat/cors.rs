//! Which sites may call the Customer Chat API from a browser: those that the web channel allows. Agents' APIs are for
//! programs, so browsers of other sites get no leave for them.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tidings_app::App;
use tidings_app::admin::web_settings::WebSettings;
use tidings_app::desk::credentials::customer_grants;
use tidings_app::desk::credentials::customer_token::CustomerToken;
use tidings_app::desk::find::unreadable;
use tidings_app::known;
use tidings_model::{ChannelId, WorkspaceId};
use tidings_wire::livechat::{ErrorType, Failure};

use super::web::{refused, text};
use crate::state::Api;

/// How long a browser may believe that it may ask, in seconds: two hours, the most that Chromium takes.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("7200");

/// The headers that clients of the Customer Chat API send.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, last-event-id, x-api-version, x-region, x-request-id",
);

/// What pages may read of an answer's head.
const SHOWN: HeaderValue = HeaderValue::from_static("retry-after, x-request-id");

/// Every page may ask this: its answer says whether the page may carry the chat.
const ASKS_WHETHER: &str = "/get_dynamic_configuration";

/// Goes around the Chat API.
pub(super) async fn around(State(api): State<Api>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return next.run(request).await;
    };
    if !is_customers(request.uri().path()) {
        return next.run(request).await;
    }
    let is_preflight = *request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight {
        // A preflight has no token, so it cannot be told which channel it is about; the call itself is checked.
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        allow(headers, origin);
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PUT, DELETE"),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
        return response;
    }
    let asked = channel_of(&api.app, request.headers(), request.uri().query()).await;
    if let Some((workspace, channel)) = asked
        && !request.uri().path().ends_with(ASKS_WHETHER)
        && let Err(refusal) =
            check(&api.app, workspace, channel, origin.to_str().unwrap_or_default()).await
    {
        return refused(&refusal);
    }
    let mut response = next.run(request).await;
    // Where the door itself looked at the site and refused it, its answer is not for that site.
    if response.extensions().get::<NotForThisSite>().is_none() {
        allow(response.headers_mut(), origin);
    }
    response
}

/// Marks an answer that the calling site must not read.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotForThisSite;

/// The site may not carry this chat.
pub(super) fn not_allowed() -> Failure {
    Failure::new(
        ErrorType::Authorization,
        "this site is not on the web channel's list of allowed origins",
    )
}

/// Refuses a page whose site may not carry the chat of a channel.
pub(super) async fn check(
    app: &App,
    workspace: WorkspaceId,
    channel: ChannelId,
    origin: &str,
) -> Result<(), Failure> {
    let sought = known::seek(app, workspace, |directory| directory.channel(channel).is_some());
    sought.await.map_err(unreadable)?;
    let channel = app.directory(workspace).and_then(|directory| directory.channel(channel));
    let own = &app.settings().public_url;
    match channel.is_some_and(|channel| WebSettings::of(&channel).allows(origin, own)) {
        true => Ok(()),
        false => Err(not_allowed()),
    }
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
    headers.append(VARY, HeaderValue::from_static("origin"));
}

/// Whether an address is of the Customer Chat API: `/v3.6/customer/...` or `/v2/customer/...`.
fn is_customers(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    parts.next().is_some_and(|version| version.starts_with('v')) && parts.next() == Some("customer")
}

/// The channel that a call is about: its token's, or the one that the address names.
async fn channel_of(
    app: &App,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Option<(WorkspaceId, ChannelId)> {
    let bearer = text(headers, &AUTHORIZATION);
    let token = bearer.as_deref().and_then(|value| {
        let (_, token) = value.split_once(' ').unwrap_or(("", value));
        CustomerToken::read(token.trim(), app.sealer())
    });
    if let Some(token) = token {
        return Some((token.workspace, token.channel));
    }
    let mut organization = None;
    let mut channel = None;
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "organization_id" => organization = Some(value),
            "channel_id" => channel = Some(value),
            _ => {}
        }
    }
    let organization = organization?;
    let entrance = customer_grants::entrance(app, &organization, channel.as_deref(), None);
    let entrance = entrance.await.ok()?;
    Some((entrance.workspace, entrance.channel.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_customers_addresses_are_opened_to_sites() {
        assert!(is_customers("/v3.6/customer/action/start_chat"));
        assert!(is_customers("/v2/customer/token"));
        assert!(!is_customers("/v3.6/agent/action/list_chats"));
        assert!(!is_customers("/v3.6/configuration/action/create_agent"));
        assert!(!is_customers("/api/v1/customers"));
    }
}
