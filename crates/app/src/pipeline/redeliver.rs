//! A delivery that somebody asks for once more. Called by `api`, on whichever node is asked.
//!
//! It holds no lane: what it writes expects the delivery as it was found, so nothing that others wrote is lost.

use std::sync::Arc;

use tidings_model::{Delivery, Destination, Event};
use tidings_store::CommitError;

use super::reader::StepFailed;
use super::scene::Seen;
use super::{deliver, send};
use crate::{App, known};

/// What came of it.
#[derive(Debug)]
pub enum Redelivered {
    /// It was tried.
    Tried(Delivery),
    /// It is tried when its turn comes: the receiver said how many it takes a minute.
    Waits(Delivery),
}

/// Why it is not tried.
#[derive(Debug, thiserror::Error)]
pub enum NotRedelivered {
    /// Nobody keeps to the rate of its receiver.
    #[error("the endpoint is switched off, and its receiver takes only so many a minute")]
    Off,
    /// It was not tried, or what came of it was not written.
    #[error(transparent)]
    Step(#[from] StepFailed),
}

/// Tries a delivery once: now, unless its receiver said how many it takes a minute.
pub async fn redeliver(
    app: &Arc<App>,
    event: &Arc<Event>,
    found: Seen<Delivery>,
) -> Result<Redelivered, NotRedelivered> {
    let Some(directory) = app.directory(event.workspace) else {
        return Err(StepFailed::from(CommitError::Closed).into());
    };
    let seek = known::seek(app, event.workspace, |directory| directory.has(found.value.to)).await;
    seek.map_err(StepFailed::from)?;
    match found.value.to {
        Destination::Endpoint { .. } => deliver::redeliver(app, &directory, event, found).await,
        Destination::Channel { .. } => {
            Ok(Redelivered::Tried(send::redeliver(app, directory, event, found).await?))
        }
    }
}
