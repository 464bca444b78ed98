//! A message that somebody asks to be sent once more.

use std::sync::Arc;

use tidings_model::{Delivery, Event};
use tidings_store::Batch;

use super::record;
use super::to_channels::ToChannels;
use crate::App;
use crate::directory::Directory;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::Seen;
use crate::pipeline::tries::Outcome;

/// Tries a delivery again now, whatever its state. Any node may: what it writes expects the delivery as it was found.
pub(crate) async fn redeliver(
    app: &Arc<App>,
    directory: Arc<Directory>,
    event: &Arc<Event>,
    mut found: Seen<Delivery>,
) -> Result<Delivery, StepFailed> {
    let delivery = &mut found.value;
    let (status, tries, next_at) = (delivery.status, delivery.tries, delivery.next_at);
    let tried = ToChannels::new(Arc::clone(app), directory).try_once(event, delivery).await;
    let mut batch = Batch::new(event.workspace);
    record::note(app, event, delivery, &tried, &mut batch);
    batch.timers.clear();
    if tried.outcome != Outcome::Taken {
        // Asked by hand: a failure changes nothing but the record of attempts.
        (delivery.status, delivery.tries, delivery.next_at) = (status, tries, next_at);
    }
    batch.puts.push(record::put(&found));
    app.commit(batch).await?;
    Ok(found.value)
}
