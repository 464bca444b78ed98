//! Who calls the Chat API: an agent by a bearer token or a personal access token, a customer by a bearer token.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidings_app::App;
use tidings_app::desk::Actor;
use tidings_app::desk::credentials::{agent_token, customer_token};
use tidings_app::desk::customers::bans;
use tidings_model::ChannelId;
use tidings_wire::livechat::{ErrorType, Failure, Side};

/// The longest credentials that are looked at, in bytes.
const CREDENTIALS_BYTES_MAX: usize = 2_048;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) actor: Actor,
    /// The web channel that a customer came by.
    pub(crate) channel: Option<ChannelId>,
}

/// The one method that is left to who is suspended.
const FOR_SUSPENDED: &str = "request_agent_unsuspension";

/// Signs in for one method: who is suspended may ask to be let in again.
pub(crate) async fn sign_in_for(
    app: &App,
    side: Side,
    action: &str,
    credentials: &str,
    ip: Option<IpAddr>,
) -> Result<SignedIn, Failure> {
    let refused = match sign_in(app, side, credentials, ip).await {
        Err(failure)
            if failure.error_type == ErrorType::RequesterSuspended && action == FOR_SUSPENDED =>
        {
            failure
        }
        other => return other,
    };
    let (scheme, value) = credentials.split_once(' ').unwrap_or(("Bearer", credentials));
    let (account, secret) = if scheme.eq_ignore_ascii_case("basic") {
        let (account, secret) = account_and_secret(value.trim())?;
        (Some(account), secret)
    } else {
        (None, value.trim().to_owned())
    };
    let actor = agent_token::sign_in_though_suspended(app, &secret, account.as_deref()).await;
    actor.map(|actor| SignedIn { actor, channel: None }).map_err(|_| refused)
}

/// Signs in by what stands in `Authorization`, or in the `token` of an RTM login. A customer who is banned is refused, and
/// any who comes from a banned address.
pub(crate) async fn sign_in(
    app: &App,
    side: Side,
    credentials: &str,
    ip: Option<IpAddr>,
) -> Result<SignedIn, Failure> {
    if credentials.is_empty() || credentials.len() > CREDENTIALS_BYTES_MAX {
        return Err(wrong());
    }
    let (scheme, value) = credentials.split_once(' ').unwrap_or(("Bearer", credentials));
    let value = value.trim();
    // The vendor's tokens begin with their region; ours have none, and one that is pasted before does no harm.
    let value =
        ["dal:", "fra:"].iter().find_map(|region| value.strip_prefix(region)).unwrap_or(value);
    match side {
        Side::Customer => {
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(Failure::new(
                    ErrorType::Authentication,
                    "customers sign in with a customer's bearer token",
                ));
            }
            let (actor, token) = customer_token::sign_in(app, value)?;
            bans::check(app, token.workspace, Some(token.customer), ip).await?;
            Ok(SignedIn { actor, channel: Some(token.channel) })
        }
        Side::Agent | Side::Configuration => {
            let actor = if scheme.eq_ignore_ascii_case("basic") {
                let (account, secret) = account_and_secret(value)?;
                agent_token::sign_in(app, &secret, Some(&account)).await?
            } else if scheme.eq_ignore_ascii_case("bearer") {
                agent_token::sign_in(app, value, None).await?
            } else {
                return Err(wrong());
            };
            Ok(SignedIn { actor, channel: None })
        }
    }
}

fn wrong() -> Failure {
    Failure::new(ErrorType::Authentication, "Invalid access token")
}

fn account_and_secret(encoded: &str) -> Result<(String, String), Failure> {
    let decoded = STANDARD.decode(encoded).map_err(|_| wrong())?;
    let text = String::from_utf8(decoded).map_err(|_| wrong())?;
    let (account, secret) = text.split_once(':').ok_or_else(wrong)?;
    Ok((account.into(), secret.into()))
}
