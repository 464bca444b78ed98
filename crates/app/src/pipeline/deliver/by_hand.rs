//! A delivery to an endpoint that somebody asks for once more. It holds no lane: of two tries at once one is recorded.

use std::sync::Arc;

use tidings_model::{Delivery, DeliveryStatus, Destination, Event};
use tidings_store::{Batch, Put};

use super::look;
use super::post::post;
use super::record;
use crate::App;
use crate::directory::Directory;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::Seen;
use crate::pipeline::tries::Outcome;

/// Tries a delivery now, whatever its state. A failure changes nothing but the record of attempts.
pub(crate) async fn redeliver(
    app: &App,
    directory: &Directory,
    event: &Arc<Event>,
    mut found: Seen<Delivery>,
) -> Result<Delivery, StepFailed> {
    let Destination::Endpoint { id } = found.value.to else { return Ok(found.value) };
    let Some(subscriber) = directory.subscriber(id) else { return Ok(found.value) };
    let tried = post(app, &subscriber, event, &found.value).await;
    let was_pending = found.value.status == DeliveryStatus::Pending;
    found.value.add(tried.attempt);
    if tried.outcome == Outcome::Taken {
        found.value.tries += 1;
        found.value.status = DeliveryStatus::Delivered;
        found.value.next_at = None;
    }
    let mut batch = Batch::new(event.workspace);
    if was_pending && found.value.status == DeliveryStatus::Delivered {
        // What waits behind it goes on.
        batch.timers.push(look::at(app, id, event.seq));
    }
    batch.puts.push(Put { expected: Some(found.version), ..record::put_one(&found) });
    app.commit(batch).await?;
    Ok(found.value)
}
