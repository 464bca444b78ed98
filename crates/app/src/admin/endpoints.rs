//! Endpoints: who subscribed to which events.

mod auth;
mod broker;
mod handshake;
mod said;

use std::sync::Arc;
use std::time::Duration;

use tidings_model::endpoint::FormerKey;
use tidings_model::{Endpoint, EndpointId, WorkspaceId};
use tidings_store::{DocKey, Kind};
use tidings_wire::standard_webhooks::{KeyPair, Secret, SigningKey};

pub use self::auth::{AuthChange, CertificateChange, certificate};
pub use self::handshake::{HandshakeChange, ask_again};
pub use self::said::{EndpointChange, FILTER_ENTRIES_MAX, HEADERS_MAX};
use self::said::{apply, check_named, filter_of, wrong_expression};

use super::{AdminError, listed, tokens};
use crate::App;
use crate::directory::Subscriber;
use crate::pipeline::deliver::prepared::Prepared;
use crate::pipeline::deliver::preview::{self, Preview};
use crate::pipeline::deliver::wish::Wish;
use crate::pipeline::scene::Seen;
use crate::pipeline::tries::later;

/// How long a former key signs beside the new one, unless something else is said, and at most.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3_600);
pub const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How many former keys sign at most, beside the present one.
const FORMER_KEYS_MAX: usize = 4;

/// The address of an endpoint that is previewed without one: a name that leads nowhere (RFC 6761).
const NO_URL_YET: &str = "https://receiver.invalid/";

/// How deliveries are signed, by the Standard Webhooks specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    /// `v1`: HMAC-SHA256 with a secret that both sides know.
    #[default]
    V1,
    /// `v1a`: ed25519; the receiver knows the public key only.
    V1a,
}

/// Makes an endpoint; the second value is its signing secret, for the one time that it is shown.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    change: EndpointChange,
    signature: Signature,
) -> Result<(Endpoint, String), AdminError> {
    let signing = new_key(signature)?;
    let after_seq = app.store.last_seq(workspace).await?.0;
    let mut endpoint = draft(app, &signing, after_seq);
    check_named(app, workspace, &change).await?;
    if change.url.is_none() && change.broker.is_none() {
        return Err(AdminError::invalid("/url", "is missing: say a url, or a broker"));
    }
    apply(app, &app.catalogue_of(workspace), &mut endpoint, change)?;
    handshake::after_change(app, None, &mut endpoint).await?;
    let key = DocKey::new(Kind::Endpoint, endpoint.id);
    let endpoint = Seen::absent(endpoint);
    listed::write(app, workspace, key, &endpoint).await?;
    Ok((endpoint.value, shown(&signing)))
}

/// An endpoint of which nothing was said yet.
fn draft(app: &App, signing: &SigningKey, after_seq: u64) -> Endpoint {
    let (id, secret) = (EndpointId::new(app.clock.next_id()), app.sealer.seal(&signing.expose()));
    Endpoint::new(id, String::new(), secret, (app.now(), after_seq))
}

/// What an endpoint would get that somebody speaks of: the last events are looked at, nothing is saved.
pub async fn preview(
    app: &Arc<App>,
    workspace: WorkspaceId,
    change: EndpointChange,
) -> Result<Preview, AdminError> {
    let mut endpoint = draft(app, &new_key(Signature::V1)?, 0);
    endpoint.url = NO_URL_YET.into();
    check_named(app, workspace, &change).await?;
    apply(app, &app.catalogue_of(workspace), &mut endpoint, change)?;
    let filter = filter_of(&app.catalogue_of(workspace), &endpoint.events)?;
    let wish = Wish::of(&endpoint.only).map_err(wrong_expression)?;
    let prepared = Prepared::of(&app.sealer, &endpoint, app.now());
    let subscriber = Subscriber { endpoint: Seen::absent(endpoint), filter, wish, prepared };
    match app.directory(workspace) {
        Some(directory) => Ok(preview::preview(app, &directory, subscriber).await?),
        None => Ok(Preview::default()),
    }
}

/// A new secret, as the Standard Webhooks specification writes it.
pub(crate) fn new_signing_secret() -> Result<String, AdminError> {
    Ok(new_key(Signature::V1)?.expose())
}

fn new_key(signature: Signature) -> Result<SigningKey, AdminError> {
    Ok(match signature {
        Signature::V1 => {
            let mut random = [0; Secret::NEW_BYTES];
            tokens::random_bytes(&mut random)?;
            SigningKey::Secret(Secret::generate(random))
        }
        Signature::V1a => {
            let mut random = [0; KeyPair::NEW_BYTES];
            tokens::random_bytes(&mut random)?;
            SigningKey::KeyPair(KeyPair::generate(random))
        }
    })
}

/// What a receiver verifies with: the secret itself, or the public key of a pair.
fn shown(key: &SigningKey) -> String {
    match key {
        SigningKey::Secret(secret) => secret.expose(),
        SigningKey::KeyPair(pair) => pair.public_key().to_string(),
    }
}

/// The public key of an endpoint that signs with a pair; it may be shown as often as one likes.
pub fn public_key(app: &App, endpoint: &Endpoint) -> Option<String> {
    let key: SigningKey = app.sealer.open(&endpoint.sealed_secret).ok()?.parse().ok()?;
    match &key {
        SigningKey::Secret(_) => None,
        SigningKey::KeyPair(_) => Some(shown(&key)),
    }
}

/// The names of the headers of one's own; their values are not shown.
pub fn header_names(app: &App, endpoint: &Endpoint) -> Vec<String> {
    let text = endpoint.sealed_headers.as_ref().and_then(|sealed| app.sealer.open(sealed).ok());
    let named = text.and_then(|text| {
        serde_json::from_str::<std::collections::BTreeMap<String, String>>(&text).ok()
    });
    named.unwrap_or_default().into_keys().collect()
}

/// Gives an endpoint a new key; the present one signs beside it for so long. The second value is what receivers verify
/// the new one with, for the one time that a secret is shown.
pub async fn rotate(
    app: &App,
    workspace: WorkspaceId,
    id: EndpointId,
    signature: Signature,
    overlap: Duration,
) -> Result<(Endpoint, String), AdminError> {
    if overlap > OVERLAP_MAX {
        return Err(AdminError::invalid("/overlap_s", "must be at most 604800, seven days"));
    }
    let key = DocKey::new(Kind::Endpoint, id);
    let mut found = listed::find::<Endpoint>(app, workspace, &key).await?;
    let (now, new) = (app.now(), new_key(signature)?);
    let endpoint = &mut found.value;
    endpoint.former_keys.retain(|former| former.until > now);
    let before = std::mem::replace(&mut endpoint.sealed_secret, app.sealer.seal(&new.expose()));
    if !overlap.is_zero() {
        let until = later(now, overlap);
        endpoint.former_keys.insert(0, FormerKey { sealed: before, until });
        endpoint.former_keys.truncate(FORMER_KEYS_MAX);
    }
    listed::write(app, workspace, key, &found).await?;
    Ok((found.value, shown(&new)))
}

/// Changes an endpoint.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: EndpointId,
    change: EndpointChange,
) -> Result<Endpoint, AdminError> {
    let key = DocKey::new(Kind::Endpoint, id);
    let mut found = listed::find::<Endpoint>(app, workspace, &key).await?;
    let before = found.value.clone();
    check_named(app, workspace, &change).await?;
    apply(app, &app.catalogue_of(workspace), &mut found.value, change)?;
    handshake::after_change(app, Some(&before), &mut found.value).await?;
    if found.value.enabled && !before.enabled {
        begin_anew(app, workspace, &mut found.value).await?;
    }
    listed::write(app, workspace, key, &found).await?;
    Ok(found.value)
}

/// Removes an endpoint. What it was owed is not tried again.
pub async fn remove(app: &App, workspace: WorkspaceId, id: EndpointId) -> Result<(), AdminError> {
    listed::remove(app, workspace, DocKey::new(Kind::Endpoint, id)).await
}

/// An endpoint that is switched on gets what comes from now on: what came while it was off can be sent from the log.
pub(crate) async fn begin_anew(
    app: &App,
    workspace: WorkspaceId,
    endpoint: &mut Endpoint,
) -> Result<(), tidings_store::ReadError> {
    endpoint.after_seq = app.store.last_seq(workspace).await?.0;
    Ok(())
}
