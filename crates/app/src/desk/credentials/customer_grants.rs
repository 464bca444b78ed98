//! How somebody gets a customer's token: as a new visitor, as one who was here before, in an agent's name, by moving from
//! another device, or because their site vouches for them.
//!
//! Nothing is stored for a visitor; a known user's document is written when their site says who they are, and so is that of
//! a customer whom an agent asks a token for. A transfer's code
//! is a claim when it is used, so it is used once.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tidings_model::{
    Author, Channel, ChannelId, ChannelKind, CustomerId, GroupNumber, Timestamp, WorkspaceId,
};
use tidings_store::{Batch, Claim, CommitError};
use uuid::Uuid;

use super::customer_token::{CustomerToken, LIFETIME};
use super::identity;
use crate::admin::channels::opened_settings;
use crate::admin::web_settings::IDENTITY_SECRET;
use crate::desk::customers::bans;
use crate::desk::find::unreadable;
use crate::desk::{ErrorType, Failure, customers};
use crate::seal::Sealer;
use crate::{App, known};

/// The longest life of a token that a server asks for in an agent's name: 30 days. Longer ones would outlive what people
/// remember of them; the server can always ask again.
pub const LIFETIME_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The shortest: a minute, for a call or two.
pub const LIFETIME_MIN: Duration = Duration::from_secs(60);

/// How long a browser is known: the vendor's two years.
pub const BROWSER_LIFETIME: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// How long a browser is taken for a known user without a new signed identity: as long as people stay signed in on sites.
pub const KNOWN_USER_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a transfer's code is good: the vendor's 3,600 seconds.
pub const TRANSFER_LIFETIME: Duration = Duration::from_secs(3_600);

/// Where somebody comes to: a web channel, and the group whose identities are kept apart, where there is one.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The web channel.
    pub channel: Arc<Channel>,
    /// The group of `/v2/customer/<organization>/<group>/token`.
    pub group: Option<GroupNumber>,
}

/// The web channel of a workspace that is asked for, or its first.
pub async fn entrance(
    app: &App,
    organization: &str,
    channel: Option<&str>,
    group: Option<GroupNumber>,
) -> Result<Entrance, Failure> {
    let unknown = || Failure::new(ErrorType::LicenseNotFound, "there is no such organization_id");
    let workspace: WorkspaceId = organization.parse().map_err(|_| unknown())?;
    let named = channel.and_then(|name| name.parse::<ChannelId>().ok());
    let sought = known::seek(app, workspace, |directory| {
        named.is_none_or(|id| directory.channel(id).is_some())
            && group.is_none_or(|number| directory.group(number).is_some())
    });
    sought.await.map_err(unreadable)?;
    let directory = app.directory(workspace).ok_or_else(unknown)?;
    if let Some(number) = group
        && directory.group(number).is_none()
    {
        return Err(Failure::new(ErrorType::GroupNotFound, "there is no such group"));
    }
    let named = named.and_then(|id| directory.channel(id));
    let is_web = |channel: &Arc<Channel>| channel.kind == ChannelKind::Web;
    let first = || {
        let open =
            directory.channels().into_iter().filter(|channel| is_web(channel) && channel.enabled);
        open.min_by_key(|channel| channel.id)
    };
    let channel = named.filter(is_web).or_else(first).ok_or_else(|| {
        Failure::new(ErrorType::NotFound, "the workspace has no web channel that is switched on")
    })?;
    if !channel.enabled {
        return Err(Failure::new(ErrorType::NotAllowed, "this channel is switched off"));
    }
    Ok(Entrance { workspace, channel, group })
}

/// What somebody is given.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The token.
    pub token: String,
    /// The customer.
    pub customer: CustomerId,
    /// How long the token lives.
    pub expires_in: Duration,
    /// What the browser keeps, to be known again; with how long it is good.
    pub browser: Option<(String, Duration)>,
}

impl Entrance {
    fn token(&self, app: &App, customer: CustomerId, expires_in: Duration) -> String {
        let Self { workspace, channel, .. } = self;
        let expires_at = app.now() + expires_in;
        CustomerToken { workspace: *workspace, channel: channel.id, customer, expires_at }
            .token(app.sealer())
    }

    fn browser(&self, app: &App, customer: CustomerId, known: bool) -> (String, Duration) {
        let lifetime = if known { KNOWN_USER_LIFETIME } else { BROWSER_LIFETIME };
        let kept = Browser {
            workspace: self.workspace,
            group: self.group,
            customer,
            known,
            expires_at: app.now() + lifetime,
        };
        (kept.write(app.sealer()), lifetime)
    }

    fn granted(&self, app: &App, customer: CustomerId, known: bool) -> Granted {
        Granted {
            token: self.token(app, customer, LIFETIME),
            customer,
            expires_in: LIFETIME,
            browser: Some(self.browser(app, customer, known)),
        }
    }
}

/// A visitor: known by what their page gives or their browser kept, or new. What a page gives must be good; what a browser
/// kept may be old, or another server's.
pub async fn by_browser(
    app: &App,
    entrance: &Entrance,
    given: Option<&str>,
    kept: &[String],
) -> Result<Granted, Failure> {
    let good = |text: &str| {
        Browser::read(text, app.sealer()).filter(|browser| {
            browser.workspace == entrance.workspace
                && browser.group == entrance.group
                && browser.expires_at > app.now()
        })
    };
    let known = match given {
        Some(text) => Some(good(text).ok_or_else(|| {
            Failure::new(ErrorType::Authentication, "the customer_token is not good any more")
        })?),
        None => kept.iter().find_map(|text| good(text)),
    };
    let Some(browser) = known else {
        let customer = CustomerId::new(app.clock.next_id());
        return Ok(entrance.granted(app, customer, false));
    };
    bans::check(app, entrance.workspace, Some(browser.customer), None).await?;
    let mut granted = entrance.granted(app, browser.customer, browser.known);
    if browser.known {
        // A known user's time runs from their site's word, not from their last visit.
        let left = browser.expires_at.duration_since(app.now());
        let left = Duration::try_from(left).unwrap_or_default();
        granted.browser = Some((browser.write(app.sealer()), left));
    }
    Ok(granted)
}

/// In an agent's name: a new customer, or this one.
pub async fn by_agent(
    app: &App,
    entrance: &Entrance,
    entity: Option<&str>,
    expires_in: Option<u64>,
) -> Result<Granted, Failure> {
    let expires_in = match expires_in.map(Duration::from_secs) {
        None => LIFETIME,
        Some(asked) if (LIFETIME_MIN..=LIFETIME_MAX).contains(&asked) => asked,
        Some(_) => {
            return Err(Failure::field(
                "expires_in",
                format!("must be {} to {} seconds", LIFETIME_MIN.as_secs(), LIFETIME_MAX.as_secs()),
            ));
        }
    };
    let customer = match entity {
        None => CustomerId::new(app.clock.next_id()),
        Some(text) => {
            text.parse().map_err(|_| Failure::field("entity_id", "is not the id of a customer"))?
        }
    };
    bans::check(app, entrance.workspace, Some(customer), None).await?;
    // Unlike a visitor who may never say a word, this one is meant: the agent may begin a chat with them at once.
    let channel = entrance.channel.id;
    customers::change(app, entrance.workspace, customer, &Author::system(), |customer| {
        customers::know_by(customer, channel);
        Ok(())
    })
    .await?;
    let token = entrance.token(app, customer, expires_in);
    Ok(Granted { token, customer, expires_in, browser: None })
}

/// A known user: their site vouches for them.
pub async fn by_identity(app: &App, entrance: &Entrance, signed: &str) -> Result<Granted, Failure> {
    let refused = |problem: String| Failure::new(ErrorType::Authentication, problem);
    let settings = opened_settings(app, &entrance.channel).map_err(|error| {
        tracing::error!("an identity secret does not open: {error}");
        Failure::from(ErrorType::Internal)
    })?;
    let secret = settings.get(IDENTITY_SECRET).and_then(serde_json::Value::as_str);
    let secret = secret.ok_or_else(|| {
        refused("this channel has no identity secret, so nobody can vouch for a user".into())
    })?;
    let identity = identity::read(signed, secret, app.now())
        .map_err(|not_taken| refused(not_taken.to_string()))?;
    let customer = known_user(&entrance.channel, entrance.group, &identity.subject);
    bans::check(app, entrance.workspace, Some(customer), None).await?;
    let channel = entrance.channel.id;
    customers::change(app, entrance.workspace, customer, &Author::system(), |customer| {
        customers::know_by(customer, channel);
        customer.verified_as = Some(identity.subject.clone());
        if let Some(name) = &identity.name {
            customer.name = Some(name.clone());
        }
        if let Some(email) = &identity.email {
            customer.email = Some(email.clone());
            customer.email_verified = true;
        }
        if let Some(avatar) = &identity.avatar {
            customer.avatar = Some(avatar.clone());
        }
        Ok(())
    })
    .await?;
    Ok(entrance.granted(app, customer, true))
}

/// The customer that a site's user is: made of the channel and the subject, so that a visitor is never taken for them.
fn known_user(channel: &Channel, group: Option<GroupNumber>, subject: &str) -> CustomerId {
    let of_group = group.map(|group| format!("{group}:")).unwrap_or_default();
    let name = format!("identity:{of_group}{subject}");
    CustomerId::new(Uuid::new_v5(&channel.id.uuid(), name.as_bytes()))
}

/// A code with which another device becomes this customer, once. With a challenge (RFC 7636, S256), only the device that
/// knows its verifier.
pub fn transfer_code(
    app: &App,
    workspace: WorkspaceId,
    customer: CustomerId,
    challenge: Option<&str>,
) -> Result<String, Failure> {
    let is_challenge =
        |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
    if challenge.is_some_and(|text| !is_challenge(text)) {
        return Err(Failure::field("code_challenge", "must be a SHA-256 in base64url (S256)"));
    }
    let ends = (app.now() + TRANSFER_LIFETIME).as_second();
    let nonce = app.clock.next_id();
    let challenge = challenge.unwrap_or("-");
    let text = format!("t1.{workspace}.{customer}.{ends}.{nonce}.{challenge}");
    let signature = app.sealer().sign(&text);
    Ok(format!("{text}.{signature}"))
}

/// Another device, with a code of [`transfer_code`].
pub async fn by_transfer(
    app: &App,
    entrance: &Entrance,
    code: &str,
    verifier: Option<&str>,
) -> Result<Granted, Failure> {
    let refused = |problem: &str| Failure::new(ErrorType::Authentication, problem);
    let transfer = Transfer::read(code, app.sealer())
        .filter(|transfer| transfer.workspace == entrance.workspace)
        .ok_or_else(|| refused("the code is not one of ours"))?;
    if transfer.expires_at <= app.now() {
        return Err(refused("the code has expired"));
    }
    if let Some(challenge) = &transfer.challenge {
        let hash = digest(&SHA256, verifier.unwrap_or_default().as_bytes());
        let answer = URL_SAFE_NO_PAD.encode(hash);
        if verify_slices_are_equal(answer.as_bytes(), challenge.as_bytes()).is_err() {
            return Err(refused("the code_verifier does not fit the code_challenge"));
        }
    }
    bans::check(app, entrance.workspace, Some(transfer.customer), None).await?;
    let mut batch = Batch::new(entrance.workspace);
    let name = format!("identity_transfer:{}", transfer.nonce);
    batch.claims.push(Claim { name, outcome: None });
    match app.commit(batch).await {
        Ok(_) => {}
        Err(CommitError::Claimed { .. }) => return Err(refused("the code was used before")),
        Err(error) => {
            tracing::error!("a transfer could not be written: {error}");
            return Err(Failure::from(ErrorType::ServiceUnavailable));
        }
    }
    let known = customers::find(app, entrance.workspace, transfer.customer).await?;
    let known = known.is_some_and(|customer| customer.value.verified_as.is_some());
    Ok(entrance.granted(app, transfer.customer, known))
}

/// What a browser keeps, to be known again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Browser {
    workspace: WorkspaceId,
    group: Option<GroupNumber>,
    customer: CustomerId,
    known: bool,
    expires_at: Timestamp,
}

impl Browser {
    /// `b1.<workspace>.<group or ->.<customer>.<k or v>.<seconds>.<signature>`.
    fn write(&self, sealer: &Sealer) -> String {
        let Self { workspace, group, customer, known, expires_at } = self;
        let group = group.map_or("-".into(), |group| group.to_string());
        let known = if *known { "k" } else { "v" };
        let text = format!("b1.{workspace}.{group}.{customer}.{known}.{}", expires_at.as_second());
        let signature = sealer.sign(&text);
        format!("{text}.{signature}")
    }

    fn read(kept: &str, sealer: &Sealer) -> Option<Self> {
        let (text, signature) = kept.rsplit_once('.')?;
        if !sealer.is_signed(text, signature) {
            return None;
        }
        let mut parts = text.strip_prefix("b1.")?.split('.');
        let read = Self {
            workspace: parts.next()?.parse().ok()?,
            group: match parts.next()? {
                "-" => None,
                number => Some(GroupNumber(number.parse().ok()?)),
            },
            customer: parts.next()?.parse().ok()?,
            known: parts.next()? == "k",
            expires_at: Timestamp::from_second(parts.next()?.parse().ok()?).ok()?,
        };
        parts.next().is_none().then_some(read)
    }
}

/// What a transfer's code says.
struct Transfer {
    workspace: WorkspaceId,
    customer: CustomerId,
    expires_at: Timestamp,
    nonce: Uuid,
    challenge: Option<String>,
}

impl Transfer {
    fn read(code: &str, sealer: &Sealer) -> Option<Self> {
        let (text, signature) = code.rsplit_once('.')?;
        if !sealer.is_signed(text, signature) {
            return None;
        }
        let mut parts = text.strip_prefix("t1.")?.split('.');
        let read = Self {
            workspace: parts.next()?.parse().ok()?,
            customer: parts.next()?.parse().ok()?,
            expires_at: Timestamp::from_second(parts.next()?.parse().ok()?).ok()?,
            nonce: parts.next()?.parse().ok()?,
            challenge: Some(parts.next()?.to_owned()).filter(|challenge| challenge != "-"),
        };
        parts.next().is_none().then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::KEY_BYTES;

    #[test]
    fn a_browser_is_known_by_what_we_signed_only() {
        let sealer = Sealer::new(&[3; KEY_BYTES]);
        let id = Uuid::from_u128(7);
        let browser = Browser {
            workspace: WorkspaceId::new(id),
            group: Some(GroupNumber(3)),
            customer: CustomerId::new(id),
            known: false,
            expires_at: Timestamp::from_second(2_000_000_000).expect("a good time"),
        };
        let kept = browser.write(&sealer);
        assert_eq!(Browser::read(&kept, &sealer), Some(browser));
        assert_eq!(Browser::read(&kept.replace(".v.", ".k."), &sealer), None);
        assert_eq!(Browser::read(&kept, &Sealer::new(&[4; KEY_BYTES])), None);
    }
}
