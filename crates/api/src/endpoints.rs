//! `/api/v1/endpoints`: who subscribed to which events. A signing secret is shown once, when it is made.

mod auth;
mod handshake;
mod preview;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::App;
use tidings_app::admin::endpoints::{self, EndpointChange, OVERLAP, Signature};
use tidings_app::pipeline::deliver::standing::{Standing, standing};
use tidings_model::endpoint::{Batching, BrokerPlace, Framing, Only};
use tidings_model::{
    AuthorKind, Endpoint, EndpointId, Format, FormatKind, GroupNumber, HealthState, Ordering,
    Timestamp,
};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::auth::{AuthView, CertificateView, SaidAuth, SaidCertificate};
use self::handshake::{HandshakeView, SaidHandshake};
use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller, Read};
use crate::body::{JsonBody, given};
use crate::params::{Id, Params};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change, remove))
        .routes(routes!(preview::preview))
        .routes(routes!(rotate))
        .routes(routes!(handshake::ask_again))
}

/// An address that subscribed to events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndpointView {
    /// Its id.
    id: Uuid,
    /// Where deliveries go; null where they go to a broker.
    url: Option<String>,
    /// The broker that deliveries go to; null where they go to a URL.
    broker: Option<BrokerView>,
    /// For people.
    description: String,
    /// The types, aliases, areas (`chat.*`) and systems (`wotnot:*`) that it wants, and behind a `!` what it does not.
    events: Vec<String>,
    /// Which events of these types it wants.
    only: OnlyView,
    /// Whether deliveries are made.
    enabled: bool,
    /// Why it was switched off, when Tidings did it.
    disabled_reason: Option<String>,
    /// When it was made. Events from before are not owed.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// In which form events go out.
    format: FormatView,
    /// `by_chat`: those of one chat one after the other, so that one that fails holds up its chat; or `none`.
    #[schema(value_type = String, example = "by_chat")]
    ordering: Ordering,
    /// When a failed delivery is tried again, in seconds; null: as the installation does.
    retry_delays_s: Option<Vec<u64>>,
    /// How long one delivery may take, in milliseconds; null: as the installation does.
    deadline_ms: Option<u64>,
    /// How many deliveries may be under way at once; null: as the installation does.
    in_flight_max: Option<usize>,
    /// When a request with several events goes out; null: each goes by itself.
    batch: Option<BatchView>,
    /// How its receiver is asked whether it wants deliveries, and what it said.
    handshake: HandshakeView,
    /// How deliveries are authorized, beside headers of its own.
    auth: AuthView,
    /// What is shown to a receiver that asks for a certificate.
    client_certificate: Option<CertificateView>,
    /// The names of its own headers; the values are not shown.
    headers: Vec<String>,
    /// The key that receivers verify `v1a` signatures with (`whpk_...`), if it signs so.
    public_key: Option<String>,
    /// Until when the key before signs as well, after a rotation.
    #[schema(value_type = Option<String>, format = DateTime)]
    former_key_until: Option<Timestamp>,
    /// How its receiver is and what it is owed; where one endpoint is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<StandingView>,
    /// The signing secret (`whsec_...`), or the public key (`whpk_...`) of a new pair, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// How an endpoint stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct StandingView {
    /// `healthy`, `degraded`, `paused` (it is only looked whether it is back) or `disabled`.
    #[schema(value_type = String, example = "healthy")]
    health: HealthState,
    /// Since when its receiver takes nothing.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// How many chats, and events that stand alone, wait for another try.
    parked: usize,
    /// How many events of the log were not looked at for it yet.
    behind: u64,
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        let Standing { health, failing_since, parked, behind } = standing;
        Self { health, failing_since, parked, behind }
    }
}

/// A place at a broker of the operator's settings.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrokerView {
    /// What the settings call the broker.
    #[schema(example = "events")]
    name: String,
    /// Where at it: `nats:subject`, `rabbitmq:exchange/routing.key`, `rabbitmq:/queue`, `redis:stream` or
    /// `redis:stream?max_len=10000`, `kafka:topic`, `file:name`.
    #[schema(example = "nats:tidings.chats")]
    address: String,
}

impl From<BrokerPlace> for BrokerView {
    fn from(BrokerPlace { name, address }: BrokerPlace) -> Self {
        Self { name, address }
    }
}

impl From<BrokerView> for BrokerPlace {
    fn from(BrokerView { name, address }: BrokerView) -> Self {
        Self { name, address }
    }
}

/// Which events of the wanted types an endpoint wants; what is empty means all.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OnlyView {
    /// Kinds of channels, as `telegram`, or ids of channels.
    channels: Vec<String>,
    /// Who wrote: `customer`, `agent`, `bot`, `integration` or `system`.
    #[schema(value_type = Vec<String>)]
    authors: Vec<AuthorKind>,
    /// Numbers of teams that see the chat when its event is sent; 0 is everyone's.
    #[schema(value_type = Vec<u32>)]
    groups: BTreeSet<GroupNumber>,
    /// A condition, as `data.rating <= 2 and channel.kind == "telegram"`. What is absent never matches.
    #[schema(example = "data.text contains \"refund\"")]
    expression: Option<String>,
}

impl From<Only> for OnlyView {
    fn from(Only { channels, authors, groups, expression }: Only) -> Self {
        Self { channels, authors, groups, expression }
    }
}

impl From<OnlyView> for Only {
    fn from(OnlyView { channels, authors, groups, expression }: OnlyView) -> Self {
        Self { channels, authors, groups, expression }
    }
}

/// In which form events go out.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormatView {
    /// `cloudevents`, `cloudevents_binary`, `cloudevents_batched`, `native`, `wotnot` or `template`.
    #[schema(value_type = String, example = "cloudevents")]
    kind: FormatKind,
    /// Of `wotnot`: `as_documented`, `envelope` or `bare`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "as_documented")]
    framing: Option<Framing>,
    /// Of `wotnot`: whether `message_id`, `event_id`, `occurred_at` and `seq` are put in.
    #[serde(default)]
    extensions: bool,
    /// Of `template`: a MiniJinja template over `event`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// Of `template`: the content type of what it writes; JSON, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
}

impl From<Format> for FormatView {
    fn from(format: Format) -> Self {
        let Format { kind, framing, extensions, template, content_type } = format;
        Self { kind, framing, extensions, template, content_type }
    }
}

impl From<FormatView> for Format {
    fn from(view: FormatView) -> Self {
        let FormatView { kind, framing, extensions, template, content_type } = view;
        Self { kind, framing, extensions, template, content_type }
    }
}

/// When a request with several events goes out: when one of these is reached.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchView {
    /// So many events: 1 to 1000; 100, unless given.
    #[serde(default = "batch_events")]
    events_max: usize,
    /// So many bytes of body: 1024 to 10485760; a MiB, unless given. One event alone may have more.
    #[serde(default = "batch_bytes")]
    bytes_max: usize,
    /// So many milliseconds after its first event came: 0 to 60000; 1000, unless given.
    #[serde(default = "batch_wait")]
    wait_ms: u64,
}

const fn batch_events() -> usize {
    100
}

const fn batch_bytes() -> usize {
    1_024 * 1_024
}

const fn batch_wait() -> u64 {
    1_000
}

impl From<Batching> for BatchView {
    fn from(Batching { events_max, bytes_max, wait_ms }: Batching) -> Self {
        Self { events_max, bytes_max, wait_ms }
    }
}

impl From<BatchView> for Batching {
    fn from(BatchView { events_max, bytes_max, wait_ms }: BatchView) -> Self {
        Self { events_max, bytes_max, wait_ms }
    }
}

impl EndpointView {
    fn of(app: &App, endpoint: Endpoint) -> Self {
        let client_certificate = CertificateView::of(&endpoint);
        let former = endpoint.former_keys.iter().map(|former| former.until).max();
        Self {
            headers: endpoints::header_names(app, &endpoint),
            public_key: endpoints::public_key(app, &endpoint),
            id: endpoint.id.uuid(),
            url: endpoint.broker.is_none().then_some(endpoint.url),
            broker: endpoint.broker.map(BrokerView::from),
            description: endpoint.description,
            events: endpoint.events,
            only: endpoint.only.into(),
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled_reason,
            created_at: endpoint.created_at,
            format: endpoint.format.into(),
            ordering: endpoint.ordering,
            retry_delays_s: endpoint.retry_delays_s,
            deadline_ms: endpoint.deadline_ms,
            in_flight_max: endpoint.in_flight_max,
            batch: endpoint.batch.map(BatchView::from),
            handshake: endpoint.handshake.into(),
            auth: endpoint.auth.into(),
            client_certificate,
            former_key_until: former.filter(|until| *until > app.now()),
            standing: None,
            secret: None,
        }
    }
}

/// List endpoints
#[utoipa::path(
    get, path = "/api/v1/endpoints", tag = "endpoints", operation_id = "list_endpoints",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The endpoints.", body = Page<EndpointView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    let view = |endpoint: Endpoint| Some(EndpointView::of(&api.app, endpoint));
    answer::documents(&api, &caller, params, Kind::Endpoint, Scan::All, view).await
}

/// An endpoint to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateEndpoint {
    /// Where deliveries go; either this or `broker`. Only a preview needs neither.
    #[serde(default)]
    #[schema(example = "https://example.com/hooks/tidings")]
    url: Option<String>,
    /// The broker that deliveries go to, of those that the operator's settings name; either this or `url`.
    #[serde(default)]
    broker: Option<BrokerView>,
    /// The types, aliases, areas (`chat.*`) and systems (`wotnot:*`) that it wants; empty means all. Behind a `!`: what
    /// it does not want, whatever else includes it.
    #[serde(default)]
    events: Vec<String>,
    /// For people.
    #[serde(default)]
    description: String,
    /// `v1` (HMAC with a secret) or `v1a` (ed25519, verified with a public key), of the Standard Webhooks specification.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "v1")]
    signature: SignatureWord,
    /// Which events of these types it wants; all, unless given.
    #[serde(default)]
    only: Option<OnlyView>,
    /// In which form events go out; CloudEvents, unless given.
    #[serde(default)]
    format: Option<FormatView>,
    /// `by_chat` or `none`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "by_chat")]
    ordering: Option<Ordering>,
    /// When a failed delivery is tried again, in seconds, up to 20 times; empty gives the installation's schedule.
    #[serde(default)]
    retry_delays_s: Option<Vec<u64>>,
    /// How long one delivery may take: 500 to 60000 milliseconds.
    #[serde(default)]
    deadline_ms: Option<u64>,
    /// How many deliveries may be under way at once: 1 to 256.
    #[serde(default)]
    in_flight_max: Option<usize>,
    /// Several events go out in one request, of `cloudevents_batched` and `native`; each by itself, unless given.
    #[serde(default)]
    batch: Option<BatchView>,
    /// Headers of one's own, as `Authorization`, up to 20, all of them at once; their values are never shown again.
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    /// How the receiver is asked whether it wants deliveries, before the first one. It is asked again when the address,
    /// the kind or the token changes and when the endpoint is switched on; while it does not consent the endpoint is off.
    #[serde(default)]
    handshake: Option<SaidHandshake>,
    /// How deliveries are authorized, beside `headers`.
    #[serde(default)]
    auth: Option<SaidAuth>,
    /// What is shown to a receiver that asks for a certificate.
    #[serde(default)]
    client_certificate: Option<SaidCertificate>,
}

impl CreateEndpoint {
    /// What it says.
    fn said(self) -> EndpointChange {
        EndpointChange {
            url: self.url,
            broker: self.broker.map(BrokerPlace::from),
            description: Some(self.description),
            events: Some(self.events),
            enabled: None,
            only: self.only.map(Only::from),
            format: self.format.map(Format::from),
            ordering: self.ordering,
            retry_delays_s: self.retry_delays_s,
            deadline_ms: self.deadline_ms,
            in_flight_max: self.in_flight_max,
            batch: self.batch.map(|said| Some(said.into())),
            headers: self.headers,
            handshake: self.handshake.map(Into::into),
            auth: self.auth.map(Into::into),
            client_certificate: self.client_certificate.map(|said| Some(said.into())),
        }
    }
}

/// How deliveries are signed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SignatureWord {
    #[default]
    V1,
    V1a,
}

impl From<SignatureWord> for Signature {
    fn from(word: SignatureWord) -> Self {
        match word {
            SignatureWord::V1 => Self::V1,
            SignatureWord::V1a => Self::V1a,
        }
    }
}

/// Subscribe to events
///
/// The answer shows the signing secret, once.
#[utoipa::path(
    post, path = "/api/v1/endpoints", tag = "endpoints", operation_id = "create_endpoint", request_body = CreateEndpoint,
    responses((status = 201, description = "The endpoint, with its secret.", body = EndpointView)),
    security(("token" = ["admin"])),
)]
async fn create(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<CreateEndpoint>,
) -> Answer {
    let signature = body.signature.into();
    let (endpoint, secret) =
        endpoints::create(&api.app, caller.workspace(), body.said(), signature).await?;
    let view = EndpointView { secret: Some(secret), ..EndpointView::of(&api.app, endpoint) };
    Ok(answer::json(StatusCode::CREATED, &view))
}

/// Read an endpoint
#[utoipa::path(
    get, path = "/api/v1/endpoints/{id}", tag = "endpoints", operation_id = "get_endpoint",
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 200, description = "The endpoint.", body = EndpointView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<EndpointId>) -> Answer {
    let endpoint: Endpoint =
        answer::document(&api, &caller, Kind::Endpoint, id, "endpoint").await?;
    let standing = standing(&api.app, caller.workspace(), id).await?;
    let view = EndpointView::of(&api.app, endpoint);
    let view = EndpointView { standing: Some(standing.into()), ..view };
    Ok(answer::json(StatusCode::OK, &view))
}

/// What to change of an endpoint; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeEndpoint {
    /// Where deliveries go; takes the place of a broker.
    #[serde(default)]
    url: Option<String>,
    /// The broker that deliveries go to; takes the place of a URL.
    #[serde(default)]
    broker: Option<BrokerView>,
    /// The types, aliases, areas (`chat.*`) and systems (`wotnot:*`) that it wants, and behind a `!` what it does not.
    #[serde(default)]
    events: Option<Vec<String>>,
    /// For people.
    #[serde(default)]
    description: Option<String>,
    /// Whether deliveries are made. What comes while they are not is not owed.
    #[serde(default)]
    enabled: Option<bool>,
    /// Which events of these types it wants; all of it at once.
    #[serde(default)]
    only: Option<OnlyView>,
    /// In which form events go out.
    #[serde(default)]
    format: Option<FormatView>,
    /// `by_chat` or `none`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "by_chat")]
    ordering: Option<Ordering>,
    /// When a failed delivery is tried again, in seconds, up to 20 times; empty gives the installation's schedule.
    #[serde(default)]
    retry_delays_s: Option<Vec<u64>>,
    /// How long one delivery may take: 500 to 60000 milliseconds.
    #[serde(default)]
    deadline_ms: Option<u64>,
    /// How many deliveries may be under way at once: 1 to 256.
    #[serde(default)]
    in_flight_max: Option<usize>,
    /// Several events go out in one request, of `cloudevents_batched` and `native`; null: each by itself again.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<BatchView>)]
    batch: Option<Option<BatchView>>,
    /// Headers of one's own, as `Authorization`, up to 20, all of them at once; their values are never shown again.
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    /// How the receiver is asked whether it wants deliveries, before the first one. It is asked again when the address,
    /// the kind or the token changes and when the endpoint is switched on; while it does not consent the endpoint is off.
    #[serde(default)]
    handshake: Option<SaidHandshake>,
    /// How deliveries are authorized, beside `headers`; all of it at once.
    #[serde(default)]
    auth: Option<SaidAuth>,
    /// What is shown to a receiver that asks for a certificate; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<SaidCertificate>)]
    client_certificate: Option<Option<SaidCertificate>>,
}

/// Change an endpoint
#[utoipa::path(
    patch, path = "/api/v1/endpoints/{id}", tag = "endpoints", operation_id = "change_endpoint",
    request_body = ChangeEndpoint,
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 200, description = "The endpoint, as it is now.", body = EndpointView)),
    security(("token" = ["admin"])),
)]
async fn change(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<EndpointId>,
    JsonBody(body): JsonBody<ChangeEndpoint>,
) -> Answer {
    let change = EndpointChange {
        url: body.url,
        broker: body.broker.map(BrokerPlace::from),
        description: body.description,
        events: body.events,
        enabled: body.enabled,
        only: body.only.map(Only::from),
        format: body.format.map(Format::from),
        ordering: body.ordering,
        retry_delays_s: body.retry_delays_s,
        deadline_ms: body.deadline_ms,
        in_flight_max: body.in_flight_max,
        batch: body.batch.map(|said| said.map(Into::into)),
        headers: body.headers,
        handshake: body.handshake.map(Into::into),
        auth: body.auth.map(Into::into),
        client_certificate: body.client_certificate.map(|said| said.map(Into::into)),
    };
    let endpoint = endpoints::change(&api.app, caller.workspace(), id, change).await?;
    Ok(answer::json(StatusCode::OK, &EndpointView::of(&api.app, endpoint)))
}

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateSecret {
    /// For how many seconds the present key signs beside the new one: 0 to 604800; a day, unless given.
    #[serde(default)]
    overlap_s: Option<u64>,
    /// `v1` or `v1a`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "v1")]
    signature: SignatureWord,
}

/// Rotate the signing secret
///
/// Deliveries bear signatures by both keys until the overlap is over. The answer shows the new one, once.
#[utoipa::path(
    post, path = "/api/v1/endpoints/{id}/rotate_secret", tag = "endpoints", operation_id = "rotate_secret",
    request_body = RotateSecret,
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 200, description = "The endpoint, with its new secret.", body = EndpointView)),
    security(("token" = ["admin"])),
)]
async fn rotate(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<EndpointId>,
    JsonBody(body): JsonBody<RotateSecret>,
) -> Answer {
    let overlap = body.overlap_s.map_or(OVERLAP, Duration::from_secs);
    let (workspace, signature) = (caller.workspace(), body.signature.into());
    let (endpoint, secret) = endpoints::rotate(&api.app, workspace, id, signature, overlap).await?;
    let view = EndpointView { secret: Some(secret), ..EndpointView::of(&api.app, endpoint) };
    Ok(answer::json(StatusCode::OK, &view))
}

/// Remove an endpoint
///
/// What it was owed is not tried again.
#[utoipa::path(
    delete, path = "/api/v1/endpoints/{id}", tag = "endpoints", operation_id = "delete_endpoint",
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["admin"])),
)]
async fn remove(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<EndpointId>) -> Answer {
    endpoints::remove(&api.app, caller.workspace(), id).await?;
    Ok(answer::done())
}
