//! Events are numbered without a gap: in their workspace, and in their thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::world::{World, claim};
use crate::{Batch, CommitError};
use tidings_model::{Order, Seq, ThreadId};

/// Tasks that write at once.
const WRITERS: usize = 16;

/// Batches of each.
const BATCHES: usize = 30;

/// Consecutive numbers, in the order of the batch; what comes back is what is read later.
pub async fn events_are_numbered_in_the_order_of_the_batch(mut world: World) {
    let (one, other) = (world.thread(), world.thread());
    let threads = [Some(one), None, Some(other), Some(one), Some(one), Some(other)];
    let orders = [Some(1), None, Some(1), Some(2), Some(3), Some(2)];
    let drafts = |world: &World| {
        threads.map(|thread| tidings_model::Draft { thread, ..world.message("hello") }).to_vec()
    };
    let events = drafts(&world);
    let committed = world
        .store
        .commit(Batch { events: events.clone(), ..world.batch() })
        .await
        .expect("written");
    for (index, event) in committed.events.iter().enumerate() {
        assert_eq!(event.id, events[index].id);
        assert_eq!(event.seq, Seq(index as u64 + 1));
        assert_eq!(event.order, orders[index].map(Order));
    }
    assert_eq!(world.log().await, committed.events);
    world.reopen().await;
    let events = drafts(&world);
    let again =
        world.store.commit(Batch { events, ..world.batch() }).await.expect("written").events;
    assert_eq!(again[0].seq, Seq(7), "numbers go on after reopening");
    assert_eq!(again[0].order, Some(Order(4)), "orders go on after reopening");
    assert_eq!(again[5].order, Some(Order(4)));
    world.store.close().await;
}

/// Many tasks write into few threads, some of their batches are refused: no number is missing, none is there twice.
pub async fn no_number_is_missing_while_many_write(world: World) {
    let threads: Vec<ThreadId> = (0..3).map(|_| world.thread()).collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let batches: Vec<Batch> = (0..BATCHES)
                .map(|round| {
                    let mut events = vec![world.message("one"), world.message("two")];
                    events[0].thread = Some(threads[(writer + round) % threads.len()]);
                    // Every claim is wanted by two tasks.
                    Batch {
                        claims: vec![claim(&format!("{}:{round}", writer / 2))],
                        events,
                        ..world.batch()
                    }
                })
                .collect();
            let store = Arc::clone(&world.store);
            tokio::spawn(async move {
                let mut written = 0;
                for batch in batches {
                    match store.commit(batch).await {
                        Ok(_) => written += 1,
                        Err(CommitError::Claimed { .. }) => {}
                        Err(other) => panic!("refused for another reason: {other:?}"),
                    }
                }
                written
            })
        })
        .collect();
    let mut written = 0;
    for writer in writers {
        written += writer.await.expect("a writer ends");
    }
    assert_eq!(written, WRITERS / 2 * BATCHES, "every claim was taken once");
    let log = world.log().await;
    assert_eq!(log.len(), written * 2);
    let mut orders: BTreeMap<ThreadId, u64> = BTreeMap::new();
    for (index, event) in log.iter().enumerate() {
        assert_eq!(event.seq, Seq(index as u64 + 1), "numbers have no gap");
        if let Some(thread) = event.thread {
            let last = orders.entry(thread).or_default();
            assert_eq!(event.order, Some(Order(*last + 1)), "orders have no gap");
            *last += 1;
        }
    }
    assert_eq!(orders.values().sum::<u64>() as usize, written);
    world.store.close().await;
}
