//! `POST /channels/{channel}`: what an outside service tells us. Thin: the door itself is `app::pipeline::telegram`.
//!
//! 200 means that it is durable. Anything else makes Telegram send it again, so only what may pass later is answered
//! otherwise: see [`WebhookRefused`].

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use tidings_app::pipeline::telegram::{WebhookRefused, webhook};
use tidings_model::ChannelId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::RawBody;
use crate::params::Id;
use crate::problem::{Code, Problem};
use crate::state::Api;

/// What Telegram says to show that it is Telegram (Bot API, setWebhook: `secret_token`).
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// When a service is to send again what could not be taken now, in seconds.
const RETRY_S: u64 = 5;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(take))
}

/// Take an update of Telegram
///
/// Called by Telegram, not by you. The answer comes when the update is durable.
#[utoipa::path(
    post, path = "/channels/{channel}", tag = "channels", operation_id = "take_update",
    params(
        ("channel" = Uuid, Path, description = "The channel's id."),
        ("X-Telegram-Bot-Api-Secret-Token" = String, Header, description = "The channel's `secret_token`."),
    ),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "It is durable.")),
)]
async fn take(
    Id(channel): Id<ChannelId>,
    State(api): State<Api>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    let secret = headers.get(SECRET_HEADER).map(http::HeaderValue::as_bytes);
    match webhook(&api.app, channel, secret, &body).await {
        Ok(_) => Ok(StatusCode::OK),
        Err(WebhookRefused::UnknownChannel { .. }) => {
            Err(Problem::new(Code::ChannelUnknown, "there is no such channel"))
        }
        Err(error @ WebhookRefused::WrongSecret) => {
            Err(Problem::new(Code::SecretWrong, error.to_string()))
        }
        Err(error @ WebhookRefused::Unusable(_)) => {
            Err(Problem::new(Code::ChannelUnusable, error.to_string()).after(RETRY_S))
        }
        Err(WebhookRefused::Receive(error)) => Err(error.into()),
    }
}
