//! `/api/v1/endpoints/{id}/handshake`: whether a receiver wants deliveries, and what it said. The token is never shown.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::endpoints::{self, HandshakeChange};
use tidings_model::endpoint::{Handshake, HandshakeFailed, HandshakeKind};
use tidings_model::{EndpointId, Timestamp};
use utoipa::ToSchema;

use super::EndpointView;
use crate::answer::{self, Answer};
use crate::auth::{Admin, Caller};
use crate::params::Id;
use crate::state::Api;

/// How a receiver is asked whether it wants deliveries, and what it said.
#[derive(Serialize, ToSchema)]
pub(crate) struct HandshakeView {
    /// `none`, `token_echo`, `cloudevents`, `slack` or `meta`.
    #[schema(value_type = String, example = "cloudevents")]
    kind: HandshakeWord,
    /// When the receiver consented, if that is what it said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    passed_at: Option<Timestamp>,
    /// How many deliveries a minute it takes, if it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_minute: Option<u32>,
    /// What came back instead of consent, if that was so last.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<HandshakeFailedView>,
}

/// A handshake that was no consent.
#[derive(Serialize, ToSchema)]
pub(crate) struct HandshakeFailedView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The status of the answer, if there was one.
    status: Option<u16>,
    /// The beginning of the answer, without the token.
    answer: Option<String>,
    /// Why it is no consent.
    error: String,
}

/// A kind, or none.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HandshakeWord {
    None,
    TokenEcho,
    Cloudevents,
    Slack,
    Meta,
}

impl From<HandshakeKind> for HandshakeWord {
    fn from(kind: HandshakeKind) -> Self {
        match kind {
            HandshakeKind::TokenEcho => Self::TokenEcho,
            HandshakeKind::Cloudevents => Self::Cloudevents,
            HandshakeKind::Slack => Self::Slack,
            HandshakeKind::Meta => Self::Meta,
        }
    }
}

impl HandshakeWord {
    const fn kind(self) -> Option<HandshakeKind> {
        match self {
            Self::None => None,
            Self::TokenEcho => Some(HandshakeKind::TokenEcho),
            Self::Cloudevents => Some(HandshakeKind::Cloudevents),
            Self::Slack => Some(HandshakeKind::Slack),
            Self::Meta => Some(HandshakeKind::Meta),
        }
    }
}

impl From<Option<Handshake>> for HandshakeView {
    fn from(handshake: Option<Handshake>) -> Self {
        let Some(handshake) = handshake else {
            let kind = HandshakeWord::None;
            return Self { kind, passed_at: None, rate_per_minute: None, failed: None };
        };
        Self {
            kind: handshake.kind.into(),
            passed_at: handshake.passed_at,
            rate_per_minute: handshake.rate_per_minute,
            failed: handshake.failed.map(|failed| {
                let HandshakeFailed { at, status, answer, error } = failed;
                HandshakeFailedView { at, status, answer, error }
            }),
        }
    }
}

/// How a receiver is to be asked whether it wants deliveries.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaidHandshake {
    /// `none`, `token_echo` (WotNot), `cloudevents` (HTTP 1.1 Web Hooks for Event Delivery), `slack` or `meta`.
    #[schema(value_type = String, example = "cloudevents")]
    kind: HandshakeWord,
    /// What the receiver knows us by: 1 to 512 visible ASCII characters. `token_echo` and `meta` need one, `slack` may
    /// have one; left out in a change, it stays. It is never shown again.
    #[serde(default)]
    token: Option<String>,
}

impl From<SaidHandshake> for HandshakeChange {
    fn from(said: SaidHandshake) -> Self {
        Self { kind: said.kind.kind(), token: said.token }
    }
}

/// Ask the receiver again whether it wants deliveries
///
/// One that waited for consent is enabled when it is given; one that is on is switched off when it is not.
#[utoipa::path(
    post, path = "/api/v1/endpoints/{id}/handshake", tag = "endpoints", operation_id = "ask_endpoint",
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 200, description = "The endpoint, with what its receiver said.", body = EndpointView)),
    security(("token" = ["admin"])),
)]
pub(super) async fn ask_again(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<EndpointId>,
) -> Answer {
    let endpoint = endpoints::ask_again(&api.app, caller.workspace(), id).await?;
    Ok(answer::json(StatusCode::OK, &EndpointView::of(&api.app, endpoint)))
}
