//! Somebody wrote something of a head that a chat waits behind: they gave it up, or it was taken when they asked for it by
//! hand. That may be at any node; a timer in the endpoint's share tells the reader, wherever it is.

use std::sync::Arc;

use tidings_model::{EndpointId, Seq};
use tidings_store::{Batch, Timer, TimerChange, TimerName};

use super::pulse::READER_WAIT;
use crate::App;
use crate::directory::Directory;
use crate::pipeline::reader::StepFailed;

/// The first word of the names of these timers.
pub(crate) const TIMER: &str = "look";

/// What a commit adds that writes something of a head.
pub(crate) fn at(app: &App, endpoint: EndpointId, head: Seq) -> TimerChange {
    // The endpoint comes last: its share is the timer's.
    let name = TimerName(format!("{TIMER}:{head}:{endpoint}"));
    TimerChange::Set { name, due: app.now(), body: serde_json::Value::Null }
}

fn told(name: &TimerName) -> Option<(Seq, EndpointId)> {
    let (head, endpoint) = name.0.strip_prefix(TIMER)?.strip_prefix(':')?.split_once(':')?;
    Some((Seq(head.parse().ok()?), endpoint.parse().ok()?))
}

/// Tells the reader, once it has begun. To look twice does no harm: it goes by what is written.
pub(crate) async fn ring(
    app: &App,
    directory: &Arc<Directory>,
    timer: &Timer,
) -> Result<(), StepFailed> {
    if let Some((head, endpoint)) = told(&timer.name)
        && !app.pulses.look_at(timer.workspace, endpoint, head)
    {
        let subscriber = directory.subscriber(endpoint);
        if subscriber.is_some_and(|subscriber| subscriber.endpoint.value.enabled) {
            // It rings again at once.
            tokio::time::sleep(READER_WAIT).await;
            return Ok(());
        }
    }
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Cancel { name: timer.name.clone() });
    app.commit(batch).await?;
    Ok(())
}
