//! Reading a thread: by its orders.

use std::sync::Arc;

use tidings_model::{ChatId, Draft, Event, Order, Seq, ThreadId, Timestamp, WorkspaceId};

use super::world::{World, claim};
use crate::Batch;
use crate::read::EVENTS_READ_MAX;

fn said(world: &World, chat: ChatId, thread: Option<ThreadId>, text: &str) -> Draft {
    Draft { chat: Some(chat), thread, ..world.message(text) }
}

async fn write(world: &World, events: Vec<Draft>) -> Vec<Arc<Event>> {
    world.store.commit(Batch { events, ..world.batch() }).await.expect("written").events
}

async fn page(
    world: &World,
    (chat, thread): (ChatId, ThreadId),
    after: Option<u64>,
    limit: usize,
) -> Vec<Arc<Event>> {
    let page = world
        .store
        .thread_events(world.workspace, chat, thread, after.map(Order), limit)
        .await
        .expect("a thread can be read");
    for event in &page {
        let order = event.order.expect("an event of a thread has an order");
        let alone = world.store.thread_event(world.workspace, chat, thread, order).await;
        assert_eq!(alone.expect("an event can be read").as_ref(), Some(event));
    }
    page
}

fn orders(events: &[Arc<Event>]) -> Vec<u64> {
    events.iter().filter_map(|event| event.order).map(|order| order.0).collect()
}

/// Pages in rising order lead through the whole thread; it is nobody else's.
pub async fn a_thread_is_read_by_its_orders(mut world: World) {
    let (chat, thread) = (world.chat(), world.thread());
    let count = EVENTS_READ_MAX + 3;
    let drafts = (0..count).map(|n| said(&world, chat, Some(thread), &n.to_string())).collect();
    let written = write(&world, drafts).await;
    for _ in 0..2 {
        assert_eq!(page(&world, (chat, thread), None, 3).await, written[..3]);
        assert_eq!(page(&world, (chat, thread), Some(0), 3).await, written[..3]);
        assert_eq!(page(&world, (chat, thread), Some(7), 2).await, written[7..9]);
        assert_eq!(page(&world, (chat, thread), Some(1_002), 10).await, written[1_002..]);
        assert_eq!(page(&world, (chat, thread), Some(1_003), 10).await, []);
        assert_eq!(page(&world, (chat, thread), Some(u64::MAX), 10).await, []);
        world.reopen().await;
    }
    let all = world.store.thread_events(world.workspace, chat, thread, None, usize::MAX).await;
    assert_eq!(all.expect("read").len(), EVENTS_READ_MAX, "there is a ceiling");
    assert_eq!(page(&world, (world.chat(), thread), None, 10).await, [], "of another chat");
    assert_eq!(page(&world, (chat, world.thread()), None, 10).await, [], "a thread of nothing");
    let stranger = WorkspaceId::new(chat.uuid());
    let elsewhere = world.store.thread_events(stranger, chat, thread, None, 10).await;
    assert_eq!(elsewhere.expect("read"), []);
    for order in [0, 1_004, u64::MAX] {
        let none = world.store.thread_event(world.workspace, chat, thread, Order(order)).await;
        assert_eq!(none.expect("read"), None);
    }
    let elsewhere = world.store.thread_event(stranger, chat, thread, Order(1)).await;
    assert_eq!(elsewhere.expect("read"), None);
    world.store.close().await;
}

/// Threads of one chat that mix, events of the chat in no thread, and forgotten events.
pub async fn a_thread_is_read_whatever_happens_beside_it(mut world: World) {
    let (chat, old, new) = (world.chat(), world.thread(), world.thread());
    for round in 0..4 {
        let text = round.to_string();
        let drafts = vec![
            said(&world, chat, Some(old), &text),
            said(&world, chat, None, &text),
            said(&world, chat, Some(new), &text),
            said(&world, chat, Some(old), &text),
        ];
        write(&world, drafts).await;
    }
    let seqs = |events: Vec<Arc<Event>>| events.iter().map(|event| event.seq.0).collect::<Vec<_>>();
    assert_eq!(seqs(page(&world, (chat, old), Some(3), 3).await), [8, 9, 12]);
    assert_eq!(seqs(page(&world, (chat, new), None, 10).await), [3, 7, 11, 15]);
    let whole = world.store.chat_events(world.workspace, chat, None, 100).await.expect("read");
    assert_eq!(whole.len(), 16, "the chat has them all");
    world.store.forget(world.workspace, Seq(8), Timestamp::UNIX_EPOCH).await.expect("forgotten");
    for _ in 0..2 {
        let left = page(&world, (chat, old), None, 10).await;
        assert_eq!(orders(&left), [5, 6, 7, 8], "orders stay as they were");
        let gone = world.store.thread_event(world.workspace, chat, old, Order(4)).await;
        assert_eq!(gone.expect("read"), None);
        world.reopen().await;
    }
    let next = write(&world, vec![said(&world, chat, Some(old), "and on")]).await;
    assert_eq!(page(&world, (chat, old), Some(8), 10).await, next);
    assert_eq!(orders(&next), [9]);
    world.store.close().await;
}

/// Whatever a refused batch wanted to say in old and new threads, what comes after it is found in its own thread.
pub async fn a_refused_batch_leaves_threads_as_they_were(world: World) {
    let (chat, old, new, other) = (world.chat(), world.thread(), world.thread(), world.thread());
    let first = write(&world, vec![said(&world, chat, Some(old), "hello")]).await;
    let twice = Draft { id: first[0].id, ..said(&world, chat, None, "again") };
    let events =
        vec![said(&world, chat, Some(new), "never"), said(&world, chat, Some(old), "never"), twice];
    let refused = Batch { claims: vec![claim("key:1")], events, ..world.batch() };
    world.store.commit(refused).await.expect_err("an event that is there");
    let drafts = vec![
        said(&world, chat, Some(other), "one"),
        said(&world, chat, Some(old), "two"),
        said(&world, chat, Some(new), "three"),
    ];
    let written = write(&world, drafts).await;
    assert_eq!(page(&world, (chat, other), None, 10).await, written[..1]);
    assert_eq!(page(&world, (chat, old), Some(1), 10).await, written[1..2]);
    assert_eq!(page(&world, (chat, new), None, 10).await, written[2..]);
    assert_eq!(orders(&written), [1, 2, 1]);
    world.store.close().await;
}
