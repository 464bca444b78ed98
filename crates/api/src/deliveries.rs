//! `/api/v1/deliveries`: what was owed to whom, every attempt, and another one by hand.

mod attempt;
mod request;

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use tidings_app::pipeline::cancel::{NotCancelled, cancel};
use tidings_app::pipeline::deliver::log::{self, DeliveryQuery, NoPlace};
use tidings_app::pipeline::redeliver::{NotRedelivered, Redelivered, redeliver};
use tidings_app::pipeline::scene::Seen;
use tidings_model::{ChatId, Delivery, DeliveryId, DeliveryStatus, Destination, Event, Timestamp};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use self::attempt::AttemptView;
use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read, Write};
use crate::params::{Id, Params, wrong};
use crate::problem::{Code, Problem, from_step};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(request::request))
        .routes(routes!(again))
        .routes(routes!(give_up))
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
    /// Why it failed, where no try says so: `cancelled`.
    reason: Option<String>,
    /// How many tries there were in all.
    tries: u32,
    /// When the next try is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// The tries, oldest first; the last 20.
    attempts: Vec<AttemptView>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.uuid(),
            to: delivery.to,
            event: delivery.event.uuid(),
            seq: delivery.seq,
            event_type: delivery.event_type,
            chat: delivery.chat.map(ChatId::uuid),
            status: delivery.status,
            reason: delivery.reason.filter(|_| delivery.status == DeliveryStatus::Failed),
            tries: delivery.tries,
            next_at: delivery.next_at,
            attempts: delivery.attempts.into_iter().map(AttemptView::from).collect(),
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
    let query = DeliveryQuery {
        endpoint: params.one("endpoint")?,
        channel: params.one("channel")?,
        status: params.one::<String>("status")?.map(|status| status_of(&status)).transpose()?,
        after: match params.one::<String>("cursor")? {
            Some(text) => {
                Some(text.parse().map_err(|error: NoPlace| wrong("cursor", error.to_string()))?)
            }
            None => None,
        },
        limit: params.limit()?,
    };
    params.finish()?;
    if query.endpoint.is_some() && query.channel.is_some() {
        return Err(wrong(
            "channel",
            "a delivery goes to an endpoint or to a channel: give one of them",
        ));
    }
    let (deliveries, next) = log::list(&api.app, caller.workspace(), &query).await?;
    let items: Vec<DeliveryView> = deliveries.into_iter().map(DeliveryView::from).collect();
    let next = next.map(|next| next.to_string());
    Ok(answer::json(StatusCode::OK, &Page { items, next }))
}

fn status_of(word: &str) -> Result<DeliveryStatus, Problem> {
    match word {
        "pending" => Ok(DeliveryStatus::Pending),
        "delivered" => Ok(DeliveryStatus::Delivered),
        "failed" => Ok(DeliveryStatus::Failed),
        _ => Err(wrong("status", "must be pending, delivered or failed")),
    }
}

/// Read a delivery
#[utoipa::path(
    get, path = "/api/v1/deliveries/{id}", tag = "deliveries", operation_id = "get_delivery",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery, with its attempts.", body = DeliveryView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<DeliveryId>) -> Answer {
    let found = find(&caller, &api, id).await?;
    Ok(answer::json(StatusCode::OK, &DeliveryView::from(found.value)))
}

async fn find<R>(caller: &Caller<R>, api: &Api, id: DeliveryId) -> Result<Seen<Delivery>, Problem> {
    let found = log::find(&api.app, caller.workspace(), id).await?;
    found.ok_or_else(|| Problem::not_found("delivery"))
}

/// The event that is owed.
async fn event_of<R>(
    caller: &Caller<R>,
    api: &Api,
    delivery: &Delivery,
) -> Result<Arc<Event>, Problem> {
    let event = api.app.store().event(caller.workspace(), delivery.event).await?;
    event.ok_or_else(|| {
        Problem::new(Code::EventForgotten, "the event of this delivery is no longer kept")
    })
}

/// Give a delivery up
///
/// A pending delivery to an endpoint becomes `failed`, with the reason `cancelled`, and what waits behind it in its chat
/// goes on. A try that is under way may still be taken.
#[utoipa::path(
    post, path = "/api/v1/deliveries/{id}/cancel", tag = "deliveries", operation_id = "cancel_delivery",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses((status = 200, description = "The delivery.", body = DeliveryView)),
    security(("token" = ["write"])),
)]
async fn give_up(caller: Caller<Write>, State(api): State<Api>, Id(id): Id<DeliveryId>) -> Answer {
    let found = find(&caller, &api, id).await?;
    match cancel(&api.app, caller.workspace(), found).await {
        Ok(delivery) => Ok(answer::json(StatusCode::OK, &DeliveryView::from(delivery))),
        Err(NotCancelled::Commit(error)) => Err(error.into()),
        Err(why) => Err(Problem::new(Code::NotPending, why.to_string())),
    }
}

/// Deliver again
///
/// Tries once, now, whatever its state, and answers with how it went. A failure changes nothing in the schedule. Where the
/// receiver said how many it takes a minute (`handshake.rate_per_minute`), it is tried when its turn comes: the answer is
/// 202, and the delivery has the attempt a little later.
#[utoipa::path(
    post, path = "/api/v1/deliveries/{id}/redeliver", tag = "deliveries", operation_id = "redeliver",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses(
        (status = 200, description = "The delivery, with the new attempt.", body = DeliveryView),
        (status = 202, description = "The delivery: it is tried when its turn comes.", body = DeliveryView),
    ),
    security(("token" = ["write"])),
)]
async fn again(caller: Caller<Write>, State(api): State<Api>, Id(id): Id<DeliveryId>) -> Answer {
    let found = find(&caller, &api, id).await?;
    let event = event_of(&caller, &api, &found.value).await?;
    let (status, delivery) = match redeliver(&api.app, &event, found).await {
        Ok(Redelivered::Tried(delivery)) => (StatusCode::OK, delivery),
        Ok(Redelivered::Waits(delivery)) => (StatusCode::ACCEPTED, delivery),
        Err(off @ NotRedelivered::Off) => {
            return Err(Problem::new(Code::EndpointOff, off.to_string()));
        }
        Err(NotRedelivered::Step(failed)) => return Err(from_step(failed)),
    };
    Ok(answer::json(status, &DeliveryView::from(delivery)))
}
