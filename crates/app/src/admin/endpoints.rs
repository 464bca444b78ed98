//! Endpoints: who subscribed to which events.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tidings_catalogue::TypeFilter;
use tidings_model::{Endpoint, EndpointId, WorkspaceId};
use tidings_store::{DocKey, Kind, Version};

use super::{AdminError, listed, tokens};
use crate::App;

/// How many random bytes a signing secret has; the Standard Webhooks specification asks for 24 to 64.
const SECRET_BYTES: usize = 32;

/// The most entries of an endpoint's filter.
pub const FILTER_ENTRIES_MAX: usize = 200;

/// What somebody says of an endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    /// Where deliveries go.
    pub url: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// The types and aliases that it wants.
    pub events: Option<Vec<String>>,
    /// Whether deliveries are made.
    pub enabled: Option<bool>,
}

/// Makes an endpoint; the second value is its signing secret, for the one time that it is shown.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    change: EndpointChange,
) -> Result<(Endpoint, String), AdminError> {
    let secret = new_signing_secret()?;
    let mut endpoint = Endpoint {
        id: EndpointId::new(app.clock.next_id()),
        url: String::new(),
        description: String::new(),
        events: Vec::new(),
        enabled: true,
        disabled_reason: None,
        sealed_secret: app.sealer.seal(&secret),
        created_at: app.now(),
        after_seq: app.store.last_seq(workspace).await?.0,
        chat_webhook: None,
    };
    let url = change.url.clone().ok_or_else(|| AdminError::invalid("/url", "is missing"))?;
    apply(app, &mut endpoint, EndpointChange { url: Some(url), ..change })?;
    let key = DocKey::new(Kind::Endpoint, endpoint.id);
    listed::write(app, workspace, key, &endpoint, Some(Version::ABSENT)).await?;
    Ok((endpoint, secret))
}

/// A new secret, as the Standard Webhooks specification writes it.
pub(crate) fn new_signing_secret() -> Result<String, AdminError> {
    let mut bytes = [0; SECRET_BYTES];
    tokens::random_bytes(&mut bytes)?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

/// Changes an endpoint.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: EndpointId,
    change: EndpointChange,
) -> Result<Endpoint, AdminError> {
    let key = DocKey::new(Kind::Endpoint, id);
    let found = listed::find::<Endpoint>(app, workspace, &key).await?;
    let mut endpoint = found.value;
    apply(app, &mut endpoint, change)?;
    listed::write(app, workspace, key, &endpoint, Some(found.version)).await?;
    Ok(endpoint)
}

/// Removes an endpoint. What it was owed is not tried again.
pub async fn remove(app: &App, workspace: WorkspaceId, id: EndpointId) -> Result<(), AdminError> {
    listed::remove(app, workspace, DocKey::new(Kind::Endpoint, id)).await
}

fn apply(app: &App, endpoint: &mut Endpoint, change: EndpointChange) -> Result<(), AdminError> {
    if let Some(url) = change.url {
        app.guarded
            .check(&url)
            .map_err(|refused| AdminError::invalid("/url", refused.to_string()))?;
        endpoint.url = url;
    }
    if let Some(description) = change.description {
        if description.len() > 1_000 {
            return Err(AdminError::invalid("/description", "must have at most 1000 bytes"));
        }
        endpoint.description = description;
    }
    if let Some(events) = change.events {
        if events.len() > FILTER_ENTRIES_MAX {
            return Err(AdminError::invalid(
                "/events",
                format!("must have at most {FILTER_ENTRIES_MAX} entries"),
            ));
        }
        TypeFilter::parse(&app.catalogue, &events)
            .map_err(|unknown| AdminError::invalid("/events", unknown.to_string()))?;
        endpoint.events = events;
    }
    if let Some(enabled) = change.enabled {
        endpoint.enabled = enabled;
        endpoint.disabled_reason = None;
    }
    Ok(())
}
