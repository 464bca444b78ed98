//! `/api/v1/deliveries`: what was owed to whom, every attempt, and another one by hand.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use tidings_app::pipeline::redeliver::redeliver;
use tidings_app::pipeline::scene::seen;
use tidings_model::{
    Attempt, ChannelId, ChatId, Delivery, DeliveryId, DeliveryStatus, Destination, EndpointId,
    Timestamp,
};
use tidings_store::{DocKey, Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read, Write};
use crate::params::{Id, Params, wrong};
use crate::problem::{Code, Problem, from_step};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(again))
}

/// One event owed to one destination.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// Its id.
    id: Uuid,
    /// To whom: `{kind: endpoint, id}` or `{kind: channel, id}`.
    #[schema(value_type = Object)]
    to: Destination,
    /// What; to an endpoint it goes out as `webhook-id`.
    event: Uuid,
    /// The event's number.
    seq: u64,
    /// The event's type.
    event_type: String,
    /// The chat of the event: those of one chat go out in order.
    chat: Option<Uuid>,
    /// `pending`, `delivered` or `failed`.
    #[schema(value_type = String, example = "delivered")]
    status: DeliveryStatus,
    /// How many tries there were in all.
    tries: u32,
    /// When the next try is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// The tries, oldest first; the last 20.
    attempts: Vec<AttemptView>,
}

/// One try.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// The receiver's HTTP status, if it answered.
    status: Option<u16>,
    /// Why there was no answer.
    error: Option<String>,
    /// The head of the receiver's answer, as text.
    answer: Option<String>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let attempt = |Attempt { at, duration_ms, status, error, answer }| AttemptView {
            at,
            duration_ms,
            status,
            error,
            answer,
        };
        Self {
            id: delivery.id.uuid(),
            to: delivery.to,
            event: delivery.event.uuid(),
            seq: delivery.seq,
            event_type: delivery.event_type,
            chat: delivery.chat.map(ChatId::uuid),
            status: delivery.status,
            tries: delivery.tries,
            next_at: delivery.next_at,
            attempts: delivery.attempts.into_iter().map(attempt).collect(),
        }
    }
}

/// List deliveries
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/v1/deliveries", tag = "deliveries", operation_id = "list_deliveries",
    params(
        ("endpoint" = Option<Uuid>, Query, description = "Only those to this endpoint."),
        ("channel" = Option<Uuid>, Query, description = "Only those by way of this channel."),
        ("status" = Option<String>, Query, description = "Only those that are `pending`, `delivered` or `failed`."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The deliveries.", body = Page<DeliveryView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, mut params: Params) -> Answer {
    let endpoint = params.one::<EndpointId>("endpoint")?.map(EndpointId::uuid);
    let channel = params.one::<ChannelId>("channel")?.map(ChannelId::uuid);
    let status = params.one::<String>("status")?;
    if !matches!(status.as_deref(), None | Some("pending" | "delivered" | "failed")) {
        return Err(wrong("status", "must be pending, delivered or failed"));
    }
    if endpoint.is_some() && channel.is_some() {
        return Err(wrong(
            "channel",
            "a delivery goes to an endpoint or to a channel: give one of them",
        ));
    }
    let scan = match (endpoint.or(channel), status) {
        (Some(to), Some(status)) => {
            Scan::EqualNewest { name: "to_status", value: format!("{to}:{status}") }
        }
        (Some(to), None) => Scan::EqualNewest { name: "to", value: to.to_string() },
        (None, Some(status)) => Scan::EqualNewest { name: "status", value: status },
        (None, None) => Scan::Newest,
    };
    answer::documents(&api, &caller, params, Kind::Delivery, scan, |delivery: Delivery| {
        Some(DeliveryView::from(delivery))
    })
    .await
}

/// Read a delivery
#[utoipa::path(
    get, path = "/api/v1/deliveries/{id}", tag = "deliveries", operation_id = "get_delivery",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery, with its attempts.", body = DeliveryView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<DeliveryId>) -> Answer {
    let delivery: Delivery =
        answer::document(&api, &caller, Kind::Delivery, id, "delivery").await?;
    Ok(answer::json(StatusCode::OK, &DeliveryView::from(delivery)))
}

/// Deliver again
///
/// Tries once, now, whatever its state, and answers with how it went. A failure changes nothing in the schedule.
#[utoipa::path(
    post, path = "/api/v1/deliveries/{id}/redeliver", tag = "deliveries", operation_id = "redeliver",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery, with the new attempt.", body = DeliveryView)),
    security(("token" = ["write"])),
)]
async fn again(caller: Caller<Write>, State(api): State<Api>, Id(id): Id<DeliveryId>) -> Answer {
    let store = api.app.store();
    let found = store.document(caller.workspace(), &DocKey::new(Kind::Delivery, id)).await?;
    let found = seen::<Delivery>(found.ok_or_else(|| Problem::not_found("delivery"))?)?;
    let event = store.event(caller.workspace(), found.value.event).await?;
    let event = event.ok_or_else(|| {
        Problem::new(Code::EventForgotten, "the event of this delivery is no longer kept")
    })?;
    let delivery = redeliver(&api.app, &event, found).await;
    let delivery = delivery.map_err(from_step)?;
    Ok(answer::json(StatusCode::OK, &DeliveryView::from(delivery)))
}
