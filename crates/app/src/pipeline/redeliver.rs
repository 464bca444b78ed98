//! A delivery that somebody asks for once more. Called by `api`, on whichever node is asked.
//!
//! It holds no lane: what it writes expects the delivery as it was found, so of two tries at once one is recorded.

use std::sync::Arc;

use tidings_model::{Delivery, Destination, Event};

use super::reader::StepFailed;
use super::scene::Seen;
use super::{deliver, send};
use crate::{App, known};

/// Tries a delivery once, now.
pub async fn redeliver(
    app: &Arc<App>,
    event: &Arc<Event>,
    found: Seen<Delivery>,
) -> Result<Delivery, StepFailed> {
    let Some(directory) = app.directory(event.workspace) else {
        return Err(tidings_store::CommitError::Closed.into());
    };
    known::seek(app, event.workspace, |directory| directory.has(found.value.to)).await?;
    match found.value.to {
        Destination::Endpoint { .. } => deliver::redeliver(app, &directory, event, found).await,
        Destination::Channel { .. } => send::redeliver(app, directory, event, found).await,
    }
}
