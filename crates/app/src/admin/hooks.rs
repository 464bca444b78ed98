//! Hooks: addresses that outside systems call, for behaviors to answer. Here they are made and changed; who calls one comes
//! by [`crate::pipeline::hook`].

use tidings_model::{Hook, HookId, HookScheme, HookSignature, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind};
use tidings_wire::standard_webhooks::Secret;
use uuid::Uuid;

use super::{AdminError, listed, tokens};
use crate::App;
use crate::pipeline::scene::Seen;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The shortest secret, in bytes: fewer can be guessed.
pub const SECRET_BYTES_MIN: usize = 16;

/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 256;

/// What somebody says of a hook.
#[derive(Clone, Default)]
pub struct HookChange {
    /// Its name.
    pub name: Option<String>,
    /// Whether it takes calls.
    pub enabled: Option<bool>,
    /// How calls are signed, with the secret; `Some(None)` takes it away.
    pub signature: Option<Option<(HookScheme, String)>>,
}

/// Makes a hook.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    change: HookChange,
) -> Result<Hook, AdminError> {
    // Who knows the address may call: none of its bits is made of the time.
    let mut random = [0; 16];
    tokens::random_bytes(&mut random)?;
    let id = HookId::new(uuid::Builder::from_random_bytes(random).into_uuid());
    let name = change.name.clone().ok_or_else(|| AdminError::invalid("/name", "is missing"))?;
    let created_at = app.now();
    let mut hook = Hook { id, name: String::new(), enabled: true, signature: None, created_at };
    apply(app, &mut hook, HookChange { name: Some(name), ..change })?;
    write(app, workspace, &Seen::absent(hook.clone())).await?;
    Ok(hook)
}

/// Changes a hook.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: HookId,
    change: HookChange,
) -> Result<Hook, AdminError> {
    let mut found = listed::find::<Hook>(app, workspace, &DocKey::new(Kind::Hook, id)).await?;
    apply(app, &mut found.value, change)?;
    write(app, workspace, &found).await?;
    Ok(found.value)
}

/// Removes a hook: its address is none from now on.
pub async fn remove(app: &App, workspace: WorkspaceId, id: HookId) -> Result<(), AdminError> {
    listed::remove(app, workspace, DocKey::new(Kind::Hook, id)).await
}

async fn write(app: &App, workspace: WorkspaceId, hook: &Seen<Hook>) -> Result<(), AdminError> {
    let mut batch = Batch::new(workspace);
    batch.puts.push(hook.put(DocKey::new(Kind::Hook, hook.value.id), Vec::new()));
    app.commit(batch).await?;
    Ok(())
}

fn apply(app: &App, hook: &mut Hook, change: HookChange) -> Result<(), AdminError> {
    if let Some(name) = change.name {
        let good = |c: char| !c.is_control();
        if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(good) {
            let problem = format!("has 1 to {NAME_BYTES_MAX} bytes");
            return Err(AdminError::invalid("/name", problem));
        }
        hook.name = name;
    }
    if let Some(enabled) = change.enabled {
        hook.enabled = enabled;
    }
    match change.signature {
        None => {}
        Some(None) => hook.signature = None,
        Some(Some((scheme, secret))) => {
            check(&scheme, &secret)?;
            hook.signature = Some(HookSignature { scheme, secret: app.sealer.seal(&secret) });
        }
    }
    Ok(())
}

fn check(scheme: &HookScheme, secret: &str) -> Result<(), AdminError> {
    if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
        let problem = format!("has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes");
        return Err(AdminError::invalid("/signature/secret", problem));
    }
    match scheme {
        HookScheme::Standard => {
            let read = secret.parse::<Secret>();
            read.map(drop)
                .map_err(|error| AdminError::invalid("/signature/secret", error.to_string()))
        }
        HookScheme::HmacSha256 { header, .. } | HookScheme::Token { header } => {
            let read = http::HeaderName::from_bytes(header.as_bytes());
            read.map(drop)
                .map_err(|_| AdminError::invalid("/signature/header", "is no header's name"))
        }
    }
}

/// The hook that an address names, with the workspace that it belongs to.
pub(crate) async fn find(
    app: &App,
    id: Uuid,
) -> Result<Option<(WorkspaceId, Hook)>, tidings_store::ReadError> {
    let key = DocKey::new(Kind::Hook, id);
    for workspace in app.workspaces() {
        if let Some(found) = app.store.document(workspace, &key).await? {
            return Ok(Some((workspace, crate::pipeline::scene::seen(found)?.value)));
        }
    }
    Ok(None)
}
