//! The work of `http`: a call to another system, by the guarded client. Any status is an answer; only what gave no answer
//! is a failure.
//!
//! A call that changes something carries the order's name as `Idempotency-Key`, also when it is repeated after a crash.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_behaviors::WorkFailed;
use tidings_model::{NESTING_MAX, nesting};
use tidings_outbound::{Answer, Request, SendError};

use super::{Job, Outcome, keys};
use crate::admin::accounts;
use crate::pipeline::reader::StepFailed;

/// How long a call may take unless the step says.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that a step may let a call take.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// How often a call is repeated at most: with its pauses that is half a minute.
const RETRIES_MAX: u32 = 5;

/// The pause before the first repetition; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// How much of an answer is read, in bytes: what a behavior can keep.
const ANSWER_BYTES_MAX: usize = 48 * 1024;

/// The header by which a receiver tells a repeated call from a new one (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How we name ourselves to others.
const USER_AGENT: &str = concat!("Tidings/", env!("CARGO_PKG_VERSION"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    query: BTreeMap<String, Value>,
    #[serde(default)]
    json: Option<Value>,
    #[serde(default)]
    form: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    xml: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    timeout: Option<String>,
    #[serde(default)]
    retries: u32,
}

/// Calls, and repeats it as often as asked while nothing or a passing trouble is answered.
pub(super) async fn call(job: &Job<'_>, with: &Value) -> Result<Outcome, StepFailed> {
    let with: With = match keys(with) {
        Ok(with) => with,
        Err(failed) => return Ok(Err(failed)),
    };
    let credentials = match &with.account {
        None => HeaderMap::new(),
        Some(name) => {
            let workspace = job.cause.workspace;
            match accounts::headers_for(job.app, workspace, name, &with.url).await? {
                Ok(headers) => headers,
                Err(refused) => {
                    return Ok(Err(WorkFailed::new(refused.code(), refused.to_string())));
                }
            }
        }
    };
    let prepared = match prepare(job, &with, credentials) {
        Ok(prepared) => prepared,
        Err(failed) => return Ok(Err(failed)),
    };
    let mut pause = PAUSE;
    for left in (0..=with.retries.min(RETRIES_MAX)).rev() {
        let sent = job.app.guarded.send(prepared.request()).await;
        let may_pass = match &sent {
            Ok(answer) => answer.status.is_server_error() || answer.status.as_u16() == 429,
            Err(SendError::Failed(_)) => true,
            Err(SendError::Refused(_)) => false,
        };
        if left == 0 || !may_pass {
            return Ok(sent.map_err(failed).and_then(|answer| shown(&answer)));
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    Ok(Err(WorkFailed::new("not_sent", "the call was not made")))
}

struct Prepared {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
    deadline: Duration,
}

impl Prepared {
    fn request(&self) -> Request<'_> {
        Request {
            method: self.method.clone(),
            url: &self.url,
            headers: self.headers.clone(),
            body: self.body.clone(),
            deadline: self.deadline,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
    }
}

fn prepare(job: &Job<'_>, with: &With, credentials: HeaderMap) -> Result<Prepared, WorkFailed> {
    let (content_type, body) = body(with)?;
    let method = match &with.method {
        Some(method) => Method::from_bytes(method.trim().to_uppercase().as_bytes())
            .map_err(|_| WorkFailed::new("wrong_value", format!("method: {method:?} is none")))?,
        None if content_type.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if !method.is_safe()
        && let Ok(key) = HeaderValue::from_str(&job.name())
    {
        headers.insert(IDEMPOTENCY_KEY, key);
    }
    for (name, value) in &with.headers {
        let wrong = || WorkFailed::new("wrong_value", format!("headers: {name:?} is no header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        headers.insert(name, HeaderValue::from_str(&plain(value)).map_err(|_| wrong())?);
    }
    // What a step writes never takes the place of an account's credentials.
    headers.extend(credentials);
    let mut url = url::Url::parse(with.url.trim())
        .map_err(|error| WorkFailed::new("wrong_value", format!("url: {error}")))?;
    if !with.query.is_empty() {
        let pairs = with.query.iter().filter(|(_, value)| !value.is_null());
        url.query_pairs_mut().extend_pairs(pairs.map(|(name, value)| (name, plain(value))));
    }
    let deadline = deadline(with.timeout.as_deref())?;
    Ok(Prepared { method, url: url.into(), headers, body, deadline })
}

fn body(with: &With) -> Result<(Option<&'static str>, Bytes), WorkFailed> {
    if let Some(json) = &with.json {
        let bytes = serde_json::to_vec(json)
            .map_err(|error| WorkFailed::new("wrong_value", format!("json: {error}")))?;
        return Ok((Some("application/json"), bytes.into()));
    }
    if let Some(form) = &with.form {
        let mut fields = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in form.iter().filter(|(_, value)| !value.is_null()) {
            fields.append_pair(name, &plain(value));
        }
        return Ok((Some("application/x-www-form-urlencoded"), fields.finish().into()));
    }
    if let Some(xml) = &with.xml {
        return Ok((Some("application/xml"), xml.clone().into()));
    }
    Ok(match &with.text {
        Some(text) => (Some("text/plain; charset=utf-8"), text.clone().into()),
        None => (None, Bytes::new()),
    })
}

fn deadline(timeout: Option<&str>) -> Result<Duration, WorkFailed> {
    let Some(text) = timeout else { return Ok(TIMEOUT) };
    let wrong = || {
        let message =
            format!("timeout: {text:?} is no time from 1s to {} s", TIMEOUT_MAX.as_secs());
        WorkFailed::new("wrong_value", message)
    };
    let length: SignedDuration = tidings_behaviors::parse_duration(text).map_err(|_| wrong())?;
    let length = Duration::try_from(length).map_err(|_| wrong())?;
    (length <= TIMEOUT_MAX).then_some(length).ok_or_else(wrong)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn failed(error: SendError) -> WorkFailed {
    WorkFailed::new(error.code(), error.to_string())
}

/// The answer as a behavior sees it.
fn shown(answer: &Answer) -> Outcome {
    if answer.truncated {
        let message = format!("the answer has more than {ANSWER_BYTES_MAX} bytes");
        return Err(WorkFailed::new("answer_too_long", message));
    }
    let mut headers = Map::new();
    for (name, value) in &answer.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(name.as_str().to_owned(), value.into());
        }
    }
    let content_type = answer.headers.get(header::CONTENT_TYPE);
    let is_json = content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().ends_with("json"));
    let status = answer.status.as_u16();
    let is_read = is_json && nesting(&answer.body_head) <= NESTING_MAX;
    if is_read && let Ok(json) = serde_json::from_slice::<Value>(&answer.body_head) {
        return Ok(json!({ "status": status, "headers": headers, "json": json }));
    }
    Ok(json!({ "status": status, "headers": headers, "text": answer.text_head() }))
}
