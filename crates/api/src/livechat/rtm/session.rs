//! Calls of who is logged in. Who they are is looked at anew for each, so that a token that was taken back or a role that
//! was changed acts at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Value, json};
use tidings_app::desk::hub::{RequestMark, Seat};
use tidings_app::desk::team::bots;
use tidings_wire::livechat::{self, ErrorType, Failure, Side, Transport};

use super::Door;
use super::login::{Session, login};
use super::subscriptions;
use super::talk::{Request, answer, version_of};
use crate::livechat::call::{Call, needs_scope};
use crate::livechat::sign_in::sign_in;

/// How long a call may take; LiveChat's figure.
const CALL_WITHIN: Duration = Duration::from_secs(15);

/// What came of a request.
pub(super) enum Done {
    /// An answer.
    Answer(Bytes),
    /// They are logged in.
    LoggedIn(Box<Session>, Bytes),
    /// They signed in with another token.
    Renewed(Box<str>, Bytes),
}

/// What a call needs of its session.
pub(super) struct Signed {
    /// What it signed in with.
    pub(super) token: Box<str>,
    /// The place in the hub.
    pub(super) listener: Arc<tidings_app::desk::hub::Listener>,
    /// The hub.
    pub(super) hub: Arc<tidings_app::desk::hub::Hub>,
}

impl Signed {
    pub(super) fn of(session: &Session) -> Self {
        let seat: &Seat = &session.seat;
        Self {
            token: session.token.clone(),
            listener: Arc::clone(seat.listener()),
            hub: Arc::clone(seat.hub()),
        }
    }
}

/// Does what a request asks for. It always comes to an answer: also when it takes too long, or breaks.
pub(super) async fn serve(door: Arc<Door>, signed: Option<Signed>, request: Request) -> Done {
    let work = AssertUnwindSafe(act(&door, signed, &request)).catch_unwind();
    let result = match tokio::time::timeout(CALL_WITHIN, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_panic)) => {
            // The panic itself was told by the panic hook, with its place.
            tracing::error!("a call over an open connection failed by a panic");
            Err(Failure::from(ErrorType::Internal))
        }
        Err(_elapsed) => Err(Failure::from(ErrorType::RequestTimeout)),
    };
    let write = |result| answer(request.request_id.as_deref(), &request.action, result);
    match result {
        Ok(Acted::Answer(payload)) => Done::Answer(write(Ok(payload))),
        Ok(Acted::LoggedIn(session, payload)) => Done::LoggedIn(session, write(Ok(payload))),
        Ok(Acted::Renewed(token)) => Done::Renewed(token, write(Ok(json!({})))),
        Err(failure) => Done::Answer(write(Err(failure))),
    }
}

enum Acted {
    Answer(Value),
    LoggedIn(Box<Session>, Value),
    Renewed(Box<str>),
}

async fn act(door: &Door, signed: Option<Signed>, request: &Request) -> Result<Acted, Failure> {
    let version = version_of(request, door.version)?;
    if request.action == "login" {
        let (session, payload) = Box::pin(login(door, version, request)).await?;
        return Ok(Acted::LoggedIn(Box::new(session), payload));
    }
    let Some(signed) = signed else {
        return Err(Failure::new(
            ErrorType::Authentication,
            "log in first: the connection knows nobody yet",
        ));
    };
    let method = livechat::find(door.side, version, Transport::Rtm, &request.action)?;
    let payload = request.payload.clone().unwrap_or_default();
    let payload = livechat::request(method, version, payload)?;
    let signed_in = sign_in(&door.api.app, door.side, &signed.token, door.peer.ip).await?;
    let mut actor = signed_in.actor;
    needs_scope(door.side, &actor, method)?;
    match method.action {
        "update_session" => {
            let token = payload.get("token").and_then(Value::as_str).unwrap_or_default();
            let other = sign_in(&door.api.app, door.side, token, door.peer.ip).await?;
            if other.actor.id() != actor.id() || other.actor.workspace != actor.workspace {
                return Err(Failure::new(
                    ErrorType::Authentication,
                    "the token is somebody else's: a connection stays with who opened it",
                ));
            }
            return Ok(Acted::Renewed(token.into()));
        }
        "subscribe_customers" => {
            let answer = subscriptions::begin(door, &signed.listener, &actor, &payload).await?;
            return Ok(Acted::Answer(answer));
        }
        "unsubscribe_customers" => {
            return subscriptions::end(&signed.listener, &payload).map(Acted::Answer);
        }
        "set_away_status" => {
            let away = payload.get("away").and_then(Value::as_bool).unwrap_or_default();
            signed.hub.set_away(&signed.listener, away);
            return Ok(Acted::Answer(json!({})));
        }
        _ => {}
    }
    if let Some(bot) = request.author_id.as_deref().filter(|_| door.side == Side::Agent) {
        actor = bots::in_the_name_of(&door.api.app, &actor, bot).await?;
    }
    actor.request = request.request_id.as_deref().map(|request_id| RequestMark {
        connection: signed.listener.id,
        request_id: request_id.into(),
        action: method.action,
    });
    let call = Call {
        app: Arc::clone(&door.api.app),
        actor,
        side: door.side,
        version,
        transport: Transport::Rtm,
        payload,
        channel: signed_in.channel,
        peer: door.peer.clone(),
    };
    call.answer(method).await.map(Acted::Answer)
}
