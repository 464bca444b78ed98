//! How an endpoint stands, for who asks.

use tidings_model::{EndpointId, HealthState, Timestamp, WorkspaceId};
use tidings_store::ReadError;

use super::progress::{Progress, key};
use crate::App;
use crate::pipeline::scene::seen;

/// How an endpoint stands, as it was last written: at most a second ago while something moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How its receiver is.
    pub health: HealthState,
    /// Since when its receiver takes nothing.
    pub failing_since: Option<Timestamp>,
    /// How many chats, and events that stand alone, wait for another try.
    pub parked: usize,
    /// How many events of the log were not looked at for it; more than a few only while it does not keep up.
    pub behind: u64,
}

/// How an endpoint stands.
pub async fn standing(
    app: &App,
    workspace: WorkspaceId,
    id: EndpointId,
) -> Result<Standing, ReadError> {
    let Some(found) = app.store.document(workspace, &key(id)).await? else {
        return Ok(Standing::default());
    };
    let progress = seen::<Progress>(found)?.value;
    let head = app.store.tail(workspace).head().0;
    Ok(Standing {
        health: progress.health.state,
        failing_since: progress.health.failing_since,
        parked: progress.parked.len(),
        behind: if progress.behind { head.saturating_sub(progress.taken) } else { 0 },
    })
}
