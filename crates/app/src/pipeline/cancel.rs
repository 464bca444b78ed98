//! A pending delivery to an endpoint that somebody gives up by hand: what waits behind it goes on. Called by `api`.
//!
//! What is written is what counts: the endpoint's reader looks at the document before it tries again, and after a try
//! that was not taken. It is told by a timer ([`look`]), at whichever node it is, and looks at once.

use tidings_model::{
    Delivery, DeliveryId, DeliveryStatus, Destination, EndpointId, Seq, WorkspaceId,
};
use tidings_store::{Batch, CommitError, DocKey, Kind, Put, ReadError};

use super::deliver::{look, record};
use super::scene::{Seen, seen};
use crate::App;

/// Why it failed, where somebody gave it up.
pub const CANCELLED: &str = "cancelled";

/// Why it cannot be given up.
#[derive(Debug, thiserror::Error)]
pub enum NotCancelled {
    /// It goes to a customer: their message would be lost in silence.
    #[error("only deliveries to endpoints can be given up")]
    Channel,
    /// There is nothing to give up.
    #[error("it is {} already", .status.as_str())]
    Ended {
        /// How it stands.
        status: DeliveryStatus,
    },
    /// It was not written.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// Gives a pending delivery up.
pub async fn cancel(
    app: &App,
    workspace: WorkspaceId,
    mut found: Seen<Delivery>,
) -> Result<Delivery, NotCancelled> {
    let Destination::Endpoint { id } = found.value.to else { return Err(NotCancelled::Channel) };
    if found.value.status != DeliveryStatus::Pending {
        return Err(NotCancelled::Ended { status: found.value.status });
    }
    found.value.status = DeliveryStatus::Failed;
    found.value.reason = Some(CANCELLED.into());
    found.value.next_at = None;
    let mut batch = Batch::new(workspace);
    batch.puts.push(Put { expected: Some(found.version), ..record::put_one(&found) });
    batch.timers.push(look::at(app, id, Seq(found.value.seq)));
    app.commit(batch).await?;
    Ok(found.value)
}

/// Whether a delivery was given up meanwhile: who tried it asks before they say when it is tried again.
pub(super) async fn is_given_up(
    app: &App,
    workspace: WorkspaceId,
    endpoint: EndpointId,
    head: Seq,
) -> Result<bool, ReadError> {
    let id = DeliveryId::of(head, Destination::Endpoint { id: endpoint });
    let found = app.store.document(workspace, &DocKey::new(Kind::Delivery, id)).await?;
    let found = found.map(seen::<Delivery>).transpose()?;
    Ok(found.is_some_and(|found| found.value.status == DeliveryStatus::Failed))
}
