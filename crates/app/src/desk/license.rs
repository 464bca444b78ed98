//! The workspace as the Configuration API knows it: its channels, company, plan, and whose webhooks are on.

use serde_json::{Map, Value, json};
use tidings_store::{Batch, CommitError, DocKey, Kind};

use super::find::unreadable;
use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::admin::workspaces::Workspace;
use crate::pipeline::scene::{Seen, seen};

/// How often a change is decided anew because the workspace was changed meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// The workspace's document.
pub(crate) async fn read(app: &App, actor: &Actor) -> Result<Seen<Workspace>, Failure> {
    let key = DocKey::new(Kind::Workspace, actor.workspace);
    let found = app.store().document(actor.workspace, &key).await.map_err(unreadable)?;
    let found = found.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    seen(found).map_err(unreadable)
}

/// Changes the workspace, and tells what of it. A change that changes nothing writes nothing.
pub(crate) async fn change(
    app: &App,
    actor: &Actor,
    what: &'static str,
    apply: impl Fn(&mut Workspace) + Send + Sync,
) -> Result<(), Failure> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let found = read(app, actor).await?;
        let mut changed = found.clone();
        apply(&mut changed.value);
        if changed == found {
            return Ok(());
        }
        let mut batch = Batch::new(actor.workspace);
        let key = DocKey::new(Kind::Workspace, actor.workspace);
        batch.puts.push(changed.put(key, Vec::new()));
        let data = json!({ "changed": [what] });
        batch.events.push(actor.tells(app, "workspace.updated", data));
        match app.commit(batch).await {
            Ok(_) => return Ok(()),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(super::change::unwritable(app, actor, error).await),
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the workspace changes too fast; try again"))
}

/// `update_company_details`: what is left out stays.
pub async fn update_company(
    app: &App,
    actor: &Actor,
    details: &Map<String, Value>,
) -> Result<Value, Failure> {
    change(app, actor, "company", |workspace| {
        for (name, value) in details.iter().filter(|(name, _)| *name != "enrich") {
            workspace.company.insert(name.clone(), value.clone());
        }
    })
    .await?;
    Ok(json!({}))
}

/// `get_company_details`.
pub async fn company(app: &App, actor: &Actor) -> Result<Value, Failure> {
    Ok(Value::Object(read(app, actor).await?.value.company))
}

/// `list_channels`: the kinds of channels that the workspace has, as the vendor's `{channel_type, channel_subtype,
/// first_activity_timestamp}`.
pub async fn channels(app: &App, actor: &Actor) -> Result<Value, Failure> {
    let since = read(app, actor).await?.value.created_at;
    let directory = app.directory(actor.workspace);
    let directory = directory.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let mut channels = directory.channels();
    channels.sort_by_key(|channel| channel.id);
    Ok(channels
        .iter()
        .map(|channel| {
            let kind = match channel.kind {
                tidings_model::ChannelKind::Web => "code",
                tidings_model::ChannelKind::Telegram => "integration",
            };
            json!({
                "channel_type": kind,
                "channel_subtype": channel.kind.as_str(),
                "channel_id": channel.id,
                "name": channel.name,
                "first_activity_timestamp": since,
            })
        })
        .collect())
}

/// `check_product_limits_for_plan`: there are no plans here, so none is exceeded.
pub fn plan_limits() -> Value {
    json!([])
}

/// `get_product_source`.
pub fn product_source() -> Value {
    json!({ "source": { "type": "self_hosted", "product": "tidings" } })
}
