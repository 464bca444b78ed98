//! `/api/v1/bots`: the bots, which version of each is live, and what is wrong with a newer text that was refused.

use axum::extract::State;
use serde::Serialize;
use tidings_app::admin::bots::LiveBot;
use tidings_model::Timestamp;
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read};
use crate::params::Params;
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A bot.
#[derive(Serialize, ToSchema)]
pub(crate) struct BotView {
    /// Its name.
    name: String,
    /// The version that runs: a hash of its text.
    version: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What is wrong with the newest text, when it was refused; what ran before runs on.
    refused: Vec<String>,
}

/// List bots
#[utoipa::path(
    get, path = "/api/v1/bots", tag = "bots", operation_id = "list_bots",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The bots.", body = Page<BotView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    answer::documents(&api, &caller, params, Kind::Bot, Scan::All, |live: LiveBot| {
        Some(BotView {
            name: live.bot.into(),
            version: live.version,
            since: live.since,
            refused: live.refused,
        })
    })
    .await
}
