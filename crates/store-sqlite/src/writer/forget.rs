//! One step of forgetting, within a transaction: some events from the start of a log, and some old claims.
//!
//! Safe to run twice: what is gone is gone. Numbers are never used again, because the workspace's row and the threads'
//! rows keep the last ones.

use super::counters::Group;
use super::statements::Statements;
use super::{Failure, ForgetStep, Forgotten};
use crate::position::seq_at;

/// Does one step.
pub(super) fn forget(
    sql: &mut Statements<'_>,
    group: &mut Group<'_>,
    step: &ForgetStep,
) -> Result<Forgotten, Failure> {
    let Some(mut workspace) = group.workspace(sql, step.workspace)? else {
        return Ok(Forgotten::default());
    };
    for claim in &step.claims {
        sql.delete_claim(workspace.number, claim)?;
    }
    let first = workspace.number.position(tidings_model::Seq(1));
    let last = workspace.number.position(step.up_to.min(workspace.last_seq));
    let Some(to) = sql.end_of_step(first, last)? else { return Ok(Forgotten::default()) };
    let events = sql.delete_events(first, to)?;
    workspace.events = workspace.events.saturating_sub(events);
    group.set_workspace(step.workspace, workspace);
    tracing::debug!(events, up_to = seq_at(to).0, "events were forgotten");
    Ok(Forgotten { events })
}
