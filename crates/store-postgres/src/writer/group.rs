//! One group: tried until it is written, or its patience ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use tidings_model::{Event, Seq, WorkspaceId};
use tidings_store::prepared::Prepared;
use tidings_store::{CommitError, Committed};
use tokio::time::{Instant, timeout};

use super::backoff::Backoff;
use super::look::Ids;
use super::scene::{Decided, Scene};
use super::{Context, Shared, Work, look, settle, write};
use crate::connect::discard;
use crate::failure::Failure;

/// How long one flight of statements may take, on our side of the wire. The database gives up earlier, see `look`.
const FLIGHT_PATIENCE: Duration = Duration::from_secs(8);

/// Writes a group, with what joins it; answers all whose fate is clear, gives back the others.
///
/// What the database refuses outright is tried batch by batch, so that one batch cannot fail its neighbours.
pub(super) async fn write(shared: &Shared, workspace: WorkspaceId, group: Vec<Work>) -> Vec<Work> {
    let context = &shared.context;
    let (mut grows, mut ids) = (true, Ids::Trusted);
    let mut groups = VecDeque::from([group]);
    let mut backoff = Backoff::new(Arc::clone(&context.clock));
    while let Some(mut group) = groups.pop_front() {
        match attempt(shared, workspace, &mut group, grows, ids).await {
            Ok(decided) => answer(context, workspace, group, decided),
            Err(Failure::Refused(_)) if group.len() > 1 => {
                grows = false;
                for work in group.into_iter().rev() {
                    groups.push_front(vec![work]);
                }
            }
            Err(Failure::EventExists(_)) if ids == Ids::Trusted => {
                ids = Ids::LookedAt;
                groups.push_front(group);
            }
            Err(failure @ (Failure::Away(_) | Failure::Again(_) | Failure::Late { .. })) => {
                let pause = backoff.next();
                tracing::debug!(
                    error = &failure as &dyn std::error::Error,
                    works = group.len(),
                    "a transaction is tried again"
                );
                let next_try = Instant::now() + pause;
                let (late, rest): (Vec<Work>, Vec<Work>) =
                    group.into_iter().partition(|work| work.end <= next_try);
                groups.push_front(rest);
                if !late.is_empty() {
                    fail(late, &failure);
                    // Other lanes have a turn.
                    return groups.into_iter().flatten().collect();
                }
                tokio::time::sleep(pause).await;
            }
            Err(failure) => fail(group, &failure),
        }
    }
    Vec::new()
}

/// One try: the connection goes back only when it is in order.
///
/// What gathered during the first flight joins the group if it is half as much again, as while another node had the
/// workspace: one more flight, instead of another turn with a disk sync of its own.
async fn attempt(
    shared: &Shared,
    workspace: WorkspaceId,
    group: &mut Vec<Work>,
    grows: bool,
    ids: Ids,
) -> Result<Vec<Decided>, Failure> {
    let context = &shared.context;
    let client = context.pool.get().await?;
    let looked =
        timeout(FLIGHT_PATIENCE, look::look(&client, workspace, &batches(group), ids)).await;
    let mut seen = match looked.unwrap_or(Err(late())) {
        Ok(seen) => seen,
        Err(failure) => return Err(give_up(client, failure)),
    };
    let known = group.len();
    if grows {
        shared.join(workspace, group);
    }
    let joined = batches(group.get(known..).unwrap_or_default());
    if !joined.is_empty() {
        let look_on = look::look_on(&client, workspace, &joined, ids, &mut seen);
        if let Err(failure) = timeout(FLIGHT_PATIENCE, look_on).await.unwrap_or(Err(late())) {
            return Err(give_up(client, failure));
        }
    }
    let batches = batches(group);
    let mut scene = Scene::new(&seen);
    let now = context.clock.now();
    let decided: Vec<Decided> = batches.iter().map(|batch| scene.decide(batch, now)).collect();
    let written = match write::Rows::new(workspace, &scene) {
        Ok(rows) if rows.is_empty() => {
            return match timeout(FLIGHT_PATIENCE, client.batch_execute("ROLLBACK")).await {
                Ok(Ok(())) => Ok(decided),
                // Nothing was to be written, so it does not matter what became of the transaction.
                Ok(Err(_)) | Err(_) => {
                    discard(client);
                    Ok(decided)
                }
            };
        }
        Ok(rows) => timeout(FLIGHT_PATIENCE, write::write(&client, &rows)).await,
        Err(failure) => return Err(give_up(client, failure)),
    };
    match written {
        Ok(Ok(())) => Ok(decided),
        Ok(Err(write::Unwritten::Failed(failure))) => Err(give_up(client, failure)),
        Ok(Err(write::Unwritten::Unknown)) | Err(_) => {
            discard(client);
            if settle::is_committed(context, workspace, &seen, &scene).await? {
                Ok(decided)
            } else {
                Err(Failure::Away(Arc::new(LostCommit)))
            }
        }
    }
}

fn batches(group: &[Work]) -> Vec<&Prepared> {
    group.iter().map(|work| &*work.batch).collect()
}

/// The connection was lost during the commit, and the transaction with it.
#[derive(Debug, thiserror::Error)]
#[error("the connection was lost during the commit, which did not happen")]
struct LostCommit;

const fn late() -> Failure {
    Failure::Late { seconds: FLIGHT_PATIENCE.as_secs() }
}

/// A transaction is open on this connection: closing it ends both, whatever state they are in.
fn give_up(client: Object, failure: Failure) -> Failure {
    discard(client);
    failure
}

fn fail(group: Vec<Work>, failure: &Failure) {
    tracing::error!(
        error = failure as &dyn std::error::Error,
        works = group.len(),
        "a transaction failed"
    );
    for work in group {
        work.tell(Err(failure.for_caller()));
    }
}

/// Feeds the tail, in order, then answers.
fn answer(context: &Context, workspace: WorkspaceId, group: Vec<Work>, decided: Vec<Decided>) {
    let mut all: Vec<Arc<Event>> = Vec::new();
    let mut answers = Vec::with_capacity(group.len());
    for (work, decided) in group.into_iter().zip(decided) {
        let Work { batch, reply, .. } = work;
        let answer = match decided {
            Decided::Written { first, orders } => {
                let events: Vec<Arc<Event>> = (batch.events.into_iter().zip(orders).zip(first.0..))
                    .map(|((event, order), seq)| {
                        Arc::new(Event::new(Seq(seq), order, event.draft, event.body))
                    })
                    .collect();
                all.extend_from_slice(&events);
                Ok(Committed { events })
            }
            Decided::Refused(refusal) => Err(refusal),
        };
        answers.push((reply, answer));
    }
    if !all.is_empty() {
        context.tails.committed(workspace, &all);
    }
    for (reply, answer) in answers {
        tell(reply, answer);
    }
}

fn tell(
    reply: tokio::sync::oneshot::Sender<Result<Committed, CommitError>>,
    answer: Result<Committed, CommitError>,
) {
    if reply.send(answer).is_err() {
        tracing::trace!("a caller of the store does not wait any more");
    }
}
