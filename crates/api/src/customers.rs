//! `/api/v1/customers`: the people on the other side.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use tidings_model::{Customer, CustomerId, Identity, Timestamp};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read};
use crate::params::{Id, Params};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// A person on the other side.
#[derive(Serialize, ToSchema)]
pub(crate) struct CustomerView {
    /// Their id.
    id: Uuid,
    /// What they call themselves, where the channel tells.
    name: Option<String>,
    /// Their language as a BCP 47 tag, where the channel tells.
    language: Option<String>,
    /// By which names the channels know them.
    identities: Vec<IdentityView>,
    /// What bots keep about them, by bot.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
    /// When they first came.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// By which name one channel knows a customer.
#[derive(Serialize, ToSchema)]
pub(crate) struct IdentityView {
    /// The channel.
    channel: Uuid,
    /// The outside service's id of the person.
    id: String,
}

impl From<Customer> for CustomerView {
    fn from(customer: Customer) -> Self {
        let identity = |Identity { channel, id }| IdentityView { channel: channel.uuid(), id };
        Self {
            id: customer.id.uuid(),
            name: customer.name,
            language: customer.language,
            identities: customer.identities.into_iter().map(identity).collect(),
            data: customer.data,
            created_at: customer.created_at,
        }
    }
}

/// List customers
#[utoipa::path(
    get, path = "/api/v1/customers", tag = "customers", operation_id = "list_customers",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The customers.", body = Page<CustomerView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    answer::documents(&api, &caller, params, Kind::Customer, Scan::Newest, |customer: Customer| {
        Some(CustomerView::from(customer))
    })
    .await
}

/// Read a customer
#[utoipa::path(
    get, path = "/api/v1/customers/{id}", tag = "customers", operation_id = "get_customer",
    params(("id" = Uuid, Path, description = "The customer's id.")),
    responses((status = 200, description = "The customer.", body = CustomerView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<CustomerId>) -> Answer {
    let customer: Customer =
        answer::document(&api, &caller, Kind::Customer, id, "customer").await?;
    Ok(answer::json(StatusCode::OK, &CustomerView::from(customer)))
}
