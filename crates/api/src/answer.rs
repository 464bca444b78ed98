//! Answers: JSON from a value, events as the bytes that are in the log, lists with the place where the next page begins.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tidings_app::pipeline::accept::Accepted;
use tidings_app::pipeline::scene::seen;
use tidings_model::{Event, Seq, WorkspaceId, envelope};
use tidings_store::{DocumentPage, DocumentQuery, EventQuery, Kind, Scan};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::params::Params;
use crate::problem::{Code, Problem};
use crate::state::Api;

/// Says that the answer tells of an event that was there before.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a handler gives.
pub(crate) type Answer = Result<Response, Problem>;

/// One page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    pub(crate) next: Option<String>,
}

/// A value as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let body =
        serde_json::to_vec(value).expect("answers have text keys only, so writing cannot fail");
    bytes(status, body)
}

/// JSON that is written already.
pub(crate) fn bytes(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, JSON)], body).into_response()
}

/// Nothing to say but that it is done.
pub(crate) fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// One event.
pub(crate) fn event(event: &Event) -> Response {
    bytes(StatusCode::OK, envelope::render(event))
}

/// An event that was sent: 201 when it is new, 200 when it was there.
pub(crate) fn accepted(accepted: &Accepted) -> Response {
    accepted_as(accepted, envelope::render(&accepted.event))
}

/// The same, with the envelope as the caller may see it.
pub(crate) fn accepted_as(accepted: &Accepted, body: Vec<u8>) -> Response {
    if !accepted.replayed {
        return bytes(StatusCode::CREATED, body);
    }
    let mut response = bytes(StatusCode::OK, body);
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    response
}

/// A page of events; `next` is the number to go on after.
pub(crate) fn events(events: &[Arc<Event>], next: Option<Seq>) -> Response {
    let bytes_needed: usize = events.iter().map(|event| event.body().len() + 64).sum();
    let mut body = Vec::with_capacity(bytes_needed + 64);
    write_events(&mut body, events, next, envelope::render_into);
    bytes(StatusCode::OK, body)
}

/// Reads a page of events, and the number to go on after, if something follows now.
pub(crate) async fn page_of_events(
    api: &Api,
    workspace: WorkspaceId,
    query: EventQuery,
) -> Result<(Vec<Arc<Event>>, Option<Seq>), Problem> {
    let store = api.app.store();
    let events = store.events(workspace, query.clone()).await?;
    let Some(last) = events.last().map(|event| event.seq) else { return Ok((events, None)) };
    if events.len() == query.limit {
        return Ok((events, Some(last)));
    }
    // The store gives fewer where envelopes are large, so a short page is not always the last one.
    let rest = store.events(workspace, EventQuery { after: last, limit: 1, ..query }).await?;
    let next = (!rest.is_empty()).then_some(last);
    Ok((events, next))
}

/// Writes a page of events, each by `write`.
pub(crate) fn write_events(
    body: &mut Vec<u8>,
    events: &[Arc<Event>],
    next: Option<Seq>,
    mut write: impl FnMut(&Event, &mut Vec<u8>),
) {
    body.extend_from_slice(b"{\"items\":[");
    for (place, event) in events.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        write(event, body);
    }
    body.extend_from_slice(b"],\"next\":");
    match next {
        Some(seq) => body.extend_from_slice(seq.to_string().as_bytes()),
        None => body.extend_from_slice(b"null"),
    }
    body.push(b'}');
}

/// Reads a page of documents as the address asks for it, and gives each as `view` makes it; `None` leaves one out.
pub(crate) async fn documents<R, T, V>(
    api: &Api,
    caller: &Caller<R>,
    mut params: Params,
    kind: Kind,
    scan: Scan,
    view: impl Fn(T) -> Option<V>,
) -> Answer
where
    T: DeserializeOwned,
    V: Serialize,
{
    let limit = params.limit()?;
    let after = params.one::<String>("cursor")?;
    params.finish()?;
    let query = DocumentQuery { kind, scan, after, limit };
    let DocumentPage { documents, next } =
        api.app.store().documents(caller.workspace(), query).await?;
    let mut items = Vec::with_capacity(documents.len());
    for document in documents {
        items.extend(view(seen(document)?.value));
    }
    Ok(json(StatusCode::OK, &Page { items, next }))
}

/// Reads one document of the caller's workspace.
pub(crate) async fn document<R, T: DeserializeOwned>(
    api: &Api,
    caller: &Caller<R>,
    kind: Kind,
    id: impl std::fmt::Display,
    what: &str,
) -> Result<T, Problem> {
    let key = tidings_store::DocKey::new(kind, id);
    let found = api.app.store().document(caller.workspace(), &key).await?;
    let found = found.ok_or_else(|| Problem::not_found(what))?;
    Ok(seen(found)?.value)
}

/// The longest `Idempotency-Key`: with the token's id before it, it is as long as the app takes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 200;

/// The key that makes a call safe to repeat, bound to the token that uses it.
pub(crate) fn idempotency_key<R>(
    caller: &Caller<R>,
    headers: &http::HeaderMap,
) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_BYTES_MAX => {
            Ok(Some(format!("{}:{key}", caller.token())))
        }
        Ok(_) | Err(_) => Err(Problem::new(
            Code::InvalidKey,
            format!(
                "Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters"
            ),
        )),
    }
}
