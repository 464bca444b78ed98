//! What somebody says of an endpoint, checked field by field.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use http::{HeaderName, HeaderValue};
use tidings_behaviors::template::payload::{ContentType, payload_as};
use tidings_catalogue::{Catalogue, Expression, ExpressionError, TypeFilter};
use tidings_model::endpoint::{Batching, BrokerPlace, Only};
use tidings_model::{Endpoint, Format, FormatKind, Ordering, WorkspaceId};
use tidings_wire::wotnot;

use super::auth::{self, AuthChange, CertificateChange};
use super::broker;
use super::handshake::{self, HandshakeChange};
use crate::admin::AdminError;
use crate::pipeline::deliver::IN_FLIGHT_ASKED_MAX;
use crate::{App, known};

/// The most entries of an endpoint's filter.
pub const FILTER_ENTRIES_MAX: usize = 200;

/// The longest description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 1_000;

/// The most headers of one's own, and the longest value in bytes.
pub const HEADERS_MAX: usize = 20;
const HEADER_VALUE_BYTES_MAX: usize = 4_096;

/// The longest template, in bytes.
const TEMPLATE_BYTES_MAX: usize = 64 * 1_024;

/// The most retries, and the longest pause before one: a week, in seconds.
const RETRIES_MAX: usize = 20;
const RETRY_DELAY_S_MAX: u64 = 7 * 24 * 3_600;

/// The shortest and the longest deadline of a delivery, in milliseconds.
const DEADLINE_MS: RangeInclusive<u64> = 500..=60_000;

/// How many events, and bytes, one request may have, and for how many milliseconds its first event may wait.
const BATCH_EVENTS: RangeInclusive<u64> = 1..=1_000;
const BATCH_BYTES: RangeInclusive<u64> = 1_024..=10 * 1_024 * 1_024;
const BATCH_WAIT_MS: RangeInclusive<u64> = 0..=60_000;

/// Headers that are ours to say.
const OWN_HEADERS: [&str; 16] = [
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "user-agent",
    "accept-encoding",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "webhook-request-origin",
    "webhook-skipped",
];

/// What somebody says of an endpoint; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    /// Where deliveries go; takes the place of a broker.
    pub url: Option<String>,
    /// The broker that deliveries go to; takes the place of a URL.
    pub broker: Option<BrokerPlace>,
    /// For people.
    pub description: Option<String>,
    /// The types and aliases that it wants.
    pub events: Option<Vec<String>>,
    /// Which events of these types it wants; all of it at once.
    pub only: Option<Only>,
    /// Whether deliveries are made.
    pub enabled: Option<bool>,
    /// In which form events go out.
    pub format: Option<Format>,
    /// In which order deliveries are made.
    pub ordering: Option<Ordering>,
    /// When a failed delivery is tried again; empty gives the installation's schedule back.
    pub retry_delays_s: Option<Vec<u64>>,
    /// How long one delivery may take, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// How many deliveries may be under way at once.
    pub in_flight_max: Option<usize>,
    /// Several events go out in one request; `Some(None)`: each by itself again.
    pub batch: Option<Option<Batching>>,
    /// Headers of one's own; all of them at once.
    pub headers: Option<BTreeMap<String, String>>,
    /// How the receiver is asked whether it wants deliveries.
    pub handshake: Option<HandshakeChange>,
    /// How deliveries are authorized; all of it at once.
    pub auth: Option<AuthChange>,
    /// What is shown to a receiver that asks for a certificate; `Some(None)` takes it away.
    pub client_certificate: Option<Option<CertificateChange>>,
}

/// Applies what was said, or says what is wrong with it.
pub(super) fn apply(
    app: &App,
    catalogue: &Catalogue,
    endpoint: &mut Endpoint,
    change: EndpointChange,
) -> Result<(), AdminError> {
    if change.url.is_some() && change.broker.is_some() {
        return Err(AdminError::invalid("/broker", "stands beside a url: say one of them"));
    }
    if let Some(url) = change.url {
        app.guarded
            .check(&url)
            .map_err(|refused| AdminError::invalid("/url", refused.to_string()))?;
        endpoint.url = url;
        endpoint.broker = None;
    }
    if let Some(place) = change.broker {
        endpoint.broker = Some(broker::checked(app, endpoint, place)?);
        endpoint.url = String::new();
    }
    if let Some(description) = change.description {
        if description.len() > DESCRIPTION_BYTES_MAX {
            let most = format!("must have at most {DESCRIPTION_BYTES_MAX} bytes");
            return Err(AdminError::invalid("/description", most));
        }
        endpoint.description = description;
    }
    if let Some(format) = change.format {
        endpoint.format = checked_format(format)?;
    }
    if let Some(events) = change.events {
        endpoint.events = checked_events(catalogue, events)?;
    }
    if let Some(only) = change.only {
        endpoint.only = only;
    }
    check_only(catalogue, endpoint)?;
    has_a_form(catalogue, endpoint)?;
    if let Some(enabled) = change.enabled {
        endpoint.enabled = enabled;
        endpoint.disabled_reason = None;
        handshake::is_said_anew(endpoint);
    }
    if let Some(ordering) = change.ordering {
        endpoint.ordering = ordering;
    }
    if let Some(delays) = change.retry_delays_s {
        endpoint.retry_delays_s = checked_delays(delays)?;
    }
    if let Some(deadline) = change.deadline_ms {
        if !DEADLINE_MS.contains(&deadline) {
            let (least, most) = (DEADLINE_MS.start(), DEADLINE_MS.end());
            let range = format!("must be {least} to {most}");
            return Err(AdminError::invalid("/deadline_ms", range));
        }
        endpoint.deadline_ms = Some(deadline);
    }
    if let Some(most) = change.in_flight_max {
        if !(1..=IN_FLIGHT_ASKED_MAX).contains(&most) {
            let range = format!("must be 1 to {IN_FLIGHT_ASKED_MAX}");
            return Err(AdminError::invalid("/in_flight_max", range));
        }
        endpoint.in_flight_max = Some(most);
    }
    if let Some(batch) = change.batch {
        endpoint.batch = batch.map(checked_batch).transpose()?;
    }
    check_list(endpoint)?;
    if let Some(headers) = change.headers {
        endpoint.sealed_headers = sealed_headers(app, &headers)?;
    }
    if let Some(said) = change.auth {
        auth::apply_auth(app, endpoint, said)?;
    }
    auth::check_one_way(app, endpoint)?;
    if let Some(said) = change.client_certificate {
        auth::apply_certificate(app, endpoint, said)?;
    }
    if let Some(said) = change.handshake {
        handshake::apply(app, endpoint, said)?;
    }
    match &endpoint.broker {
        Some(_) => broker::check_rest(app, endpoint),
        None => Ok(()),
    }
}

fn checked_events(catalogue: &Catalogue, events: Vec<String>) -> Result<Vec<String>, AdminError> {
    if events.len() > FILTER_ENTRIES_MAX {
        let most = format!("must have at most {FILTER_ENTRIES_MAX} entries");
        return Err(AdminError::invalid("/events", most));
    }
    filter_of(catalogue, &events)?;
    Ok(events)
}

pub(super) fn filter_of(
    catalogue: &Catalogue,
    events: &[String],
) -> Result<TypeFilter, AdminError> {
    TypeFilter::parse(catalogue, events).map_err(|wrong| {
        let field = match wrong.place() {
            Some(place) => format!("/events/{place}"),
            None => "/events".into(),
        };
        AdminError::invalid(field, wrong.to_string())
    })
}

/// Types and teams that an endpoint asks for must be there; another node may have made one a moment ago.
pub(super) async fn check_named(
    app: &App,
    workspace: WorkspaceId,
    change: &EndpointChange,
) -> Result<(), AdminError> {
    if let Some(events) = &change.events {
        known::filter(app, workspace, events).await?;
    }
    for (place, number) in change.only.iter().flat_map(|only| &only.groups).enumerate() {
        known::seek(app, workspace, |directory| directory.group(*number).is_some()).await?;
        let directory = app.directory(workspace);
        if directory.is_none_or(|directory| directory.group(*number).is_none()) {
            let problem = format!("no team has the number {number}");
            return Err(AdminError::invalid(format!("/only/groups/{place}"), problem));
        }
    }
    Ok(())
}

/// What is wanted must be able to come: a condition on what no wanted type has is a mistake.
fn check_only(catalogue: &Catalogue, endpoint: &Endpoint) -> Result<(), AdminError> {
    for (list, name) in [
        (endpoint.only.channels.len(), "/only/channels"),
        (endpoint.only.authors.len(), "/only/authors"),
        (endpoint.only.groups.len(), "/only/groups"),
    ] {
        if list > FILTER_ENTRIES_MAX {
            let most = format!("must have at most {FILTER_ENTRIES_MAX} entries");
            return Err(AdminError::invalid(name, most));
        }
    }
    let Some(text) = &endpoint.only.expression else { return Ok(()) };
    let condition = Expression::parse(text).map_err(wrong_expression)?;
    let filter = filter_of(catalogue, &endpoint.events)?;
    condition.check(catalogue, &filter).map_err(wrong_expression)
}

pub(super) fn wrong_expression(error: ExpressionError) -> AdminError {
    AdminError::invalid("/only/expression", error.to_string())
}

/// An endpoint that asks for a form in which nothing of what it wants can be said would wait for ever.
fn has_a_form(catalogue: &Catalogue, endpoint: &Endpoint) -> Result<(), AdminError> {
    if endpoint.format.kind != FormatKind::Wotnot || endpoint.events.is_empty() {
        return Ok(());
    }
    let filter = filter_of(catalogue, &endpoint.events)?;
    let mut wanted = catalogue.types().filter(|known| filter.includes(&known.name));
    if wanted.any(|known| wotnot::has_form(known.name.as_str())) {
        return Ok(());
    }
    Err(AdminError::invalid(
        "/events",
        "none of these types has a form at WotNot: choose others, or another format",
    ))
}

fn checked_batch(batch: Batching) -> Result<Batching, AdminError> {
    let within = |field: &str, value: u64, range: RangeInclusive<u64>| {
        if range.contains(&value) {
            return Ok(());
        }
        let range = format!("must be {} to {}", range.start(), range.end());
        Err(AdminError::invalid(format!("/batch/{field}"), range))
    };
    let number = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    within("events_max", number(batch.events_max), BATCH_EVENTS)?;
    within("bytes_max", number(batch.bytes_max), BATCH_BYTES)?;
    within("wait_ms", batch.wait_ms, BATCH_WAIT_MS)?;
    Ok(batch)
}

/// Who asks for batches needs a form that has room for several events.
fn check_list(endpoint: &Endpoint) -> Result<(), AdminError> {
    let is_list = match endpoint.format.kind {
        FormatKind::CloudeventsBatched | FormatKind::Native => true,
        FormatKind::Cloudevents
        | FormatKind::CloudeventsBinary
        | FormatKind::Wotnot
        | FormatKind::Template => false,
    };
    if endpoint.batch.is_none() || is_list {
        return Ok(());
    }
    Err(AdminError::invalid(
        "/batch",
        "only `cloudevents_batched` and `native` have room for several",
    ))
}

fn checked_format(format: Format) -> Result<Format, AdminError> {
    let is_template = format.kind == FormatKind::Template;
    let only_of = |field: &str, kind: &str| {
        Err(AdminError::invalid(format!("/format/{field}"), format!("only {kind} has it")))
    };
    if !is_template && format.template.is_some() {
        return only_of("template", "`template`");
    }
    if !is_template && format.content_type.is_some() {
        return only_of("content_type", "`template`");
    }
    if format.kind != FormatKind::Wotnot && format.framing.is_some() {
        return only_of("framing", "`wotnot`");
    }
    if format.kind != FormatKind::Wotnot && format.extensions {
        return only_of("extensions", "`wotnot`");
    }
    if is_template {
        check_template(&format)?;
    }
    Ok(format)
}

fn check_template(format: &Format) -> Result<(), AdminError> {
    let wrong = |problem: String| AdminError::invalid("/format/template", problem);
    let source = format.template.as_deref().ok_or_else(|| wrong("is missing".into()))?;
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(wrong(format!("must have at most {TEMPLATE_BYTES_MAX} bytes")));
    }
    let content_type = match &format.content_type {
        None => ContentType::json(),
        Some(named) => named.parse().map_err(
            |error: tidings_behaviors::template::payload::InvalidContentType| {
                AdminError::invalid("/format/content_type", error.to_string())
            },
        )?,
    };
    payload_as(source, content_type).map_err(|problem| wrong(problem.to_string()))?;
    Ok(())
}

fn checked_delays(delays: Vec<u64>) -> Result<Option<Vec<u64>>, AdminError> {
    if delays.len() > RETRIES_MAX {
        let most = format!("must have at most {RETRIES_MAX} entries");
        return Err(AdminError::invalid("/retry_delays_s", most));
    }
    let out = delays.iter().position(|delay| !(1..=RETRY_DELAY_S_MAX).contains(delay));
    if let Some(place) = out {
        let range = format!("must be 1 to {RETRY_DELAY_S_MAX} seconds");
        return Err(AdminError::invalid(format!("/retry_delays_s/{place}"), range));
    }
    Ok((!delays.is_empty()).then_some(delays))
}

fn sealed_headers(
    app: &App,
    headers: &BTreeMap<String, String>,
) -> Result<Option<String>, AdminError> {
    if headers.len() > HEADERS_MAX {
        let most = format!("must have at most {HEADERS_MAX} entries");
        return Err(AdminError::invalid("/headers", most));
    }
    for (name, value) in headers {
        let wrong = |problem: &str| AdminError::invalid(format!("/headers/{name}"), problem);
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("is no name of a header"))?;
        let lower = name.to_ascii_lowercase();
        if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("ce-") {
            return Err(wrong("is a header that Tidings sets itself: choose another name"));
        }
        if value.len() > HEADER_VALUE_BYTES_MAX || HeaderValue::from_str(value).is_err() {
            return Err(wrong("must have at most 4096 visible ASCII characters"));
        }
    }
    if headers.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_string(headers)
        .map_err(|_| AdminError::invalid("/headers", "cannot be written"))?;
    Ok(Some(app.sealer.seal(&text)))
}
