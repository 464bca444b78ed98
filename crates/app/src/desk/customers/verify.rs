//! A customer proves that a mail address is theirs.
//!
//! We send no mails: the event `customer.email_verification_asked` carries the address of a page, and whoever sends the
//! workspace's mails (an endpoint of it) sends that. Who opens it has the mail; then the callbacks are called, once each.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use tidings_model::{Author, CustomerId, Timestamp, WorkspaceId};
use tidings_outbound::Request;

use super::{By, Chats, decide, find};
use crate::App;
use crate::desk::{Actor, ErrorType, Failure};

/// The detail of a customer that holds the callbacks.
pub(super) const CALLBACKS: &str = "email_callbacks";

/// How many callbacks are kept: the vendor's figure, the newest.
const CALLBACKS_MAX: usize = 10;

/// How long a link is good: the vendor's seven days.
pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long one callback may take.
const CALLBACK_DEADLINE: Duration = Duration::from_secs(10);

/// How much of its answer is read: nothing is done with it.
const ANSWER_BYTES_MAX: usize = 1_024;

/// `request_email_verification`.
pub async fn ask(app: &App, actor: &Actor, callback: &str) -> Result<Value, Failure> {
    let id = actor.needs_customer()?;
    app.guarded
        .check(callback)
        .map_err(|error| Failure::field("callback_uri", error.to_string()))?;
    let found = find(app, actor.workspace, id).await?;
    let email = found.and_then(|customer| customer.value.email);
    let email = email.ok_or_else(|| {
        Failure::new(ErrorType::Validation, "the customer has no mail address; set it first")
    })?;
    let ends = app.now() + LIFETIME;
    let text = text(actor.workspace, id, ends);
    let signature = app.sealer().sign(&format!("{text}.{email}"));
    let page =
        format!("{}/v2/customer/verify_email?code={text}.{signature}", app.settings().public_url);
    decide(app, &By::actor(actor), id, Chats::None, |change| {
        let details = &mut change.customer.details;
        let known = details.get(CALLBACKS).and_then(Value::as_array);
        let mut all = known.cloned().unwrap_or_default();
        all.retain(|one| one != callback);
        all.push(callback.into());
        let surplus = all.len().saturating_sub(CALLBACKS_MAX);
        all.drain(..surplus);
        details.insert(CALLBACKS.into(), all.into());
        let data = json!({ "customer": id, "email": email, "url": page, "until": ends });
        change.raise("customer.email_verification_asked", data);
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

fn text(workspace: WorkspaceId, customer: CustomerId, ends: Timestamp) -> String {
    format!("e1.{workspace}.{customer}.{}", ends.as_second())
}

/// Whether a link is good: whose it is, and the address that it proves.
async fn read(app: &App, code: &str) -> Result<(WorkspaceId, CustomerId, String), Failure> {
    let wrong = || Failure::new(ErrorType::Authentication, "this link is not good any more");
    let (text, signature) = code.rsplit_once('.').ok_or_else(wrong)?;
    let mut parts = text.strip_prefix("e1.").ok_or_else(wrong)?.split('.');
    let workspace: WorkspaceId =
        parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
    let id: CustomerId = parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
    let ends: i64 = parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
    let found = find(app, workspace, id).await?.ok_or_else(wrong)?;
    let email = found.value.email.ok_or_else(wrong)?;
    // The address is signed, not written: a link for an address that was changed since is good no more.
    let is_ours = app.sealer().is_signed(&format!("{text}.{email}"), signature);
    if !is_ours || ends <= app.now().as_second() {
        return Err(wrong());
    }
    Ok((workspace, id, email))
}

/// Somebody looks at the page of a link: whether it is good. Nothing is changed, because mail programs look too.
pub async fn looked_at(app: &App, code: &str) -> Result<(), Failure> {
    read(app, code).await.map(drop)
}

/// Who has the mail says so. Saying it again changes nothing; the callbacks are taken out with the change, so each is
/// called once at most.
pub async fn confirmed(app: &App, code: &str) -> Result<(), Failure> {
    let (workspace, id, email) = read(app, code).await?;
    let by = By::author(workspace, &Author::customer(id));
    let decided = decide(app, &by, id, Chats::None, |change| {
        let customer = &mut change.customer;
        if customer.email.as_ref() != Some(&email) {
            return Ok(Vec::new());
        }
        customer.email_verified = true;
        let callbacks = customer.details.shift_remove(CALLBACKS);
        Ok(callbacks.and_then(|all| all.as_array().cloned()).unwrap_or_default())
    })
    .await?;
    let callbacks: Vec<&str> = decided.value.iter().filter_map(Value::as_str).collect();
    for url in callbacks {
        let body = json!({ "customer_id": id, "email": email, "organization_id": workspace });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Request {
            method: Method::POST,
            url,
            headers,
            body: Bytes::from(body.to_string()),
            deadline: CALLBACK_DEADLINE,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        if let Err(error) = app.guarded.send(request).await {
            tracing::info!("a verification's callback was not taken: {error}");
        }
    }
    Ok(())
}
