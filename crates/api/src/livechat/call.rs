//! One call of the Chat API, signed in and checked, on its way to whoever answers it.

use std::net::IpAddr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidings_app::App;
use tidings_app::desk::Actor;
use tidings_app::desk::find::unreadable;
use tidings_app::known::Known;
use tidings_model::ChannelId;
use tidings_wire::livechat::{self, ErrorType, Failure, Method, Side, Transport, Version};

use super::{agent, configuration, customer};

/// A call that may be answered.
pub(crate) struct Call {
    /// What the server does.
    pub(crate) app: Arc<App>,
    /// Who calls.
    pub(crate) actor: Actor,
    /// Whose API it is.
    pub(crate) side: Side,
    /// The version that the client speaks; what is below is of today's.
    pub(crate) version: Version,
    /// How it came.
    pub(crate) transport: Transport,
    /// The parameters, in today's names, checked.
    pub(crate) payload: Value,
    /// The web channel that a customer came by.
    pub(crate) channel: Option<ChannelId>,
    /// What is known of the caller's machine.
    pub(crate) peer: Peer,
}

/// What is known of a caller's machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// Their address.
    pub(crate) ip: Option<IpAddr>,
    /// Their browser, as it calls itself.
    pub(crate) user_agent: Option<String>,
    /// The page that they call from.
    pub(crate) referrer: Option<String>,
    /// The site that their page is of.
    pub(crate) origin: Option<String>,
}

/// What a call is answered with, in today's names.
pub(crate) type Answer = Result<Value, Failure>;

impl Call {
    /// The parameters as a type.
    pub(crate) fn args<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        read_args(&self.payload)
    }

    /// The same caller with other parameters.
    pub(crate) fn with_payload(&self, payload: Value) -> Self {
        Self {
            app: Arc::clone(&self.app),
            actor: self.actor.clone(),
            side: self.side,
            version: self.version,
            transport: self.transport,
            payload,
            channel: self.channel,
            peer: self.peer.clone(),
        }
    }

    /// Checks the scopes, hands it to the file of its noun, and turns the answer into the client's version.
    ///
    /// A call that was refused wrote nothing. Where it named what another node made a moment ago, it is handed over once
    /// more.
    pub(crate) async fn answer(&self, method: &'static Method) -> Answer {
        needs_scope(self.side, &self.actor, method)?;
        let known = Known::now(&self.app, self.actor.workspace);
        let mut answer = self.handed_over(method.action).await;
        if let Err(failure) = &answer
            && may_be_for_what_is_not_known(failure.error_type)
            && known.is_outdated(&self.app).await.map_err(unreadable)?
        {
            answer = self.handed_over(method.action).await;
        }
        Ok(livechat::answer(method, self.version, answer?))
    }

    async fn handed_over(&self, action: &str) -> Answer {
        match self.side {
            Side::Agent => agent::answer(self, action).await,
            Side::Customer => customer::answer(self, action).await,
            Side::Configuration => configuration::answer(self, action).await,
        }
    }
}

/// Whether a refusal may come of an agent, a team, a channel, an endpoint or a property that is not known here yet.
const fn may_be_for_what_is_not_known(refusal: ErrorType) -> bool {
    matches!(
        refusal,
        ErrorType::Authentication
            | ErrorType::GroupNotFound
            | ErrorType::NotFound
            | ErrorType::Validation
    )
}

/// Refuses who has none of a method's scopes. Customers have none, and need none.
pub(crate) fn needs_scope(side: Side, actor: &Actor, method: &Method) -> Result<(), Failure> {
    if side == Side::Customer || actor.has_scope(&method.scopes) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::Authorization,
        format!("the token needs one of the scopes {}", method.scopes.join(", ")),
    ))
}

/// Parameters as a type.
pub(crate) fn read_args<T: DeserializeOwned>(payload: &Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        let field = error.path().to_string();
        Failure::field(&field, format!("is not as expected: {}", error.inner()))
    })
}

/// The method is in the table, but nobody answers it: a test sees to it that this never happens.
pub(crate) fn unanswered(side: Side, action: &str) -> Failure {
    tracing::error!("nobody answers {}/{action}", side.as_str());
    Failure::new(
        ErrorType::Internal,
        format!("{}/{action} is not answered by this server", side.as_str()),
    )
}
