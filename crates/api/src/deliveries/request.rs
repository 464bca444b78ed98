//! `/api/v1/deliveries/{id}/request`: what exactly a delivery sends, with its secrets left out.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use tidings_app::pipeline::deliver::as_sent::{AsSent, HIDDEN, NotShown, as_sent};
use tidings_model::{DeliveryId, Timestamp};
use utoipa::ToSchema;

use crate::answer::{self, Answer};
use crate::auth::{Caller, Read};
use crate::params::{Id, Params, wrong};
use crate::problem::{Code, Problem};
use crate::state::Api;

/// The request of a delivery, as its last try sent it, or as its first one will.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequestView {
    /// The method.
    #[schema(example = "POST")]
    method: String,
    /// Where to.
    url: String,
    /// The headers; those that are secrets have the value `***`. `host` and `content-length` come beside them.
    headers: BTreeMap<String, String>,
    /// The body, the same at each try. The key of a webhook of the Chat API is `***` in it.
    body: String,
    /// For when it is signed: when the last try began; now, where there was none.
    #[schema(value_type = String, format = DateTime)]
    signed_at: Timestamp,
}

impl From<AsSent> for RequestView {
    fn from(sent: AsSent) -> Self {
        let AsSent { method, url, headers, body, signed_at, .. } = sent;
        let headers = headers
            .into_iter()
            .map(|header| (header.name, header.value.unwrap_or_else(|| HIDDEN.into())))
            .collect();
        Self { method, url, headers, body, signed_at }
    }
}

/// Read the request of a delivery
///
/// What its last try sent, or its first one will: made again from what the endpoint says now, with the signature of the
/// last try. With `form=curl` the answer is a command for a shell, in which secrets are variables.
#[utoipa::path(
    get, path = "/api/v1/deliveries/{id}/request", tag = "deliveries", operation_id = "get_delivery_request",
    params(
        ("id" = Uuid, Path, description = "The delivery's id."),
        ("form" = Option<String>, Query, description = "`json`, or `curl` for a command; `json`, unless given."),
    ),
    responses((status = 200, description = "The request.", body = RequestView)),
    security(("token" = ["read"])),
)]
pub(super) async fn request(
    caller: Caller<Read>,
    State(api): State<Api>,
    Id(id): Id<DeliveryId>,
    mut params: Params,
) -> Answer {
    let form = params.one::<String>("form")?;
    params.finish()?;
    let as_curl = match form.as_deref() {
        None | Some("json") => false,
        Some("curl") => true,
        Some(_) => return Err(wrong("form", "must be json or curl")),
    };
    let delivery = super::find(&caller, &api, id).await?.value;
    let event = super::event_of(&caller, &api, &delivery).await?;
    let sent = as_sent(&api.app, caller.workspace(), &event, &delivery).await?;
    if as_curl {
        return Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], sent.curl()).into_response());
    }
    Ok(answer::json(StatusCode::OK, &RequestView::from(sent)))
}

impl From<NotShown> for Problem {
    fn from(why: NotShown) -> Self {
        match why {
            NotShown::ByChannel
            | NotShown::ByBroker
            | NotShown::NoEndpoint
            | NotShown::NotSent(_) => Self::new(Code::NoRequest, why.to_string()),
            NotShown::Read(error) => error.into(),
        }
    }
}
