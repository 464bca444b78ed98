//! Switching an endpoint off, and what is left of it then.

use std::sync::Arc;

use serde_json::json;
use tidings_model::{
    Attempt, Delivery, DeliveryId, DeliveryStatus, Destination, Draft, Endpoint, EndpointId,
    EventId, HealthState, Seq, Visibility,
};
use tidings_store::{Batch, CommitError, Delete, DocKey, Kind, Put, ReadError};

use super::progress;
use super::record;
use crate::App;
use crate::directory::Directory;
use crate::nodes::hold::Under;
use crate::pipeline::mail;
use crate::pipeline::reader::{StepFailed, chain};
use crate::pipeline::scene::{Seen, seen};

/// What a delivery says that was given up.
const GIVEN_UP: &str = "the endpoint was switched off or removed before this was taken";

/// The receiver wants nothing any more, or took nothing for days: its endpoint is switched off, and the log tells of it.
/// Returns whether there is nothing more to do about it.
pub(super) async fn switch_off(
    app: &Arc<App>,
    directory: &Directory,
    under: &Under,
    id: EndpointId,
    reason: &str,
) -> bool {
    match under.run(write(app, directory, id, reason)).await {
        Some(Err(StepFailed::Commit(CommitError::Fenced { .. }))) | None | Some(Ok(())) => true,
        Some(Err(error)) => {
            tracing::warn!("an endpoint could not be switched off: {}", chain(&error));
            false
        }
    }
}

async fn write(
    app: &App,
    directory: &Directory,
    id: EndpointId,
    reason: &str,
) -> Result<(), StepFailed> {
    let workspace = directory.workspace();
    let key = DocKey::new(Kind::Endpoint, id);
    let Some(found) = app.store.document(workspace, &key).await? else { return Ok(()) };
    let mut endpoint: Seen<Endpoint> = seen(found)?;
    if !endpoint.value.enabled {
        return Ok(());
    }
    endpoint.value.enabled = false;
    endpoint.value.disabled_reason = Some(reason.into());
    let mut batch = Batch::new(workspace);
    batch.puts.push(endpoint.put(key, Vec::new()));
    let data = json!({ "endpoint": id, "reason": reason });
    let name = "endpoint.disabled".parse().expect("a good name");
    let event_id = EventId::new(app.clock.next_id());
    let mut draft = Draft::new(event_id, name, workspace, app.now(), data);
    draft.visibility = Visibility::Agents;
    batch.events.push(draft);
    batch.timers.extend(mail::about(app, id, HealthState::Disabled, Some(reason)));
    app.commit(batch).await?;
    directory.refresh(app).await?;
    Ok(())
}

/// What follows when what an endpoint was owed is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It was switched off or removed: its place in the log is forgotten.
    Forget,
    /// It was switched off and on again while nobody looked: it goes on from there.
    GoOn,
}

/// Gives up what an endpoint was owed. What cannot be written stays as it is kept.
pub(super) async fn give_up(
    app: &App,
    directory: &Directory,
    under: &Under,
    id: EndpointId,
    heads: &[Seq],
    then: Then,
) {
    if let Some(Err(error)) = under.run(write_given_up(app, directory, id, heads, then)).await {
        tracing::warn!("what an endpoint was owed is still kept: {}", chain(&error));
    }
}

async fn write_given_up(
    app: &App,
    directory: &Directory,
    id: EndpointId,
    heads: &[Seq],
    then: Then,
) -> Result<(), StepFailed> {
    let mut batch = Batch::new(directory.workspace());
    batch.puts = given_up(app, directory, id, heads).await?;
    if then == Then::Forget {
        batch.deletes.push(Delete { key: progress::key(id), expected: None });
    }
    app.commit(batch).await?;
    Ok(())
}

/// The writes that show what is given up, and why.
async fn given_up(
    app: &App,
    directory: &Directory,
    id: EndpointId,
    heads: &[Seq],
) -> Result<Vec<Put>, ReadError> {
    let workspace = directory.workspace();
    let to = Destination::Endpoint { id };
    let mut puts = Vec::new();
    for head in heads {
        let key = DocKey::new(Kind::Delivery, DeliveryId::of(*head, to));
        let Some(found) = app.store.document(workspace, &key).await? else { continue };
        let mut delivery: Seen<Delivery> = seen(found)?;
        if delivery.value.status == DeliveryStatus::Pending {
            delivery.value.status = DeliveryStatus::Failed;
            delivery.value.next_at = None;
            let why = Some(GIVEN_UP.to_owned());
            delivery.value.add(Attempt { error: why, ..Attempt::at(app.now()) });
            puts.push(record::put_one(&delivery));
        }
    }
    Ok(puts)
}
