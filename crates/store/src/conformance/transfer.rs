//! A store that moved is equal to the one that it was.

use std::sync::Arc;

use serde_json::json;
use tidings_model::{Clock, Draft, Order, Seq, Timestamp, WorkspaceId};

use super::world::{Place, World, claim, customer, put};
use super::{Everything, HandClock, everything};
use crate::transfer::{Cursors, Load, LoadError, Movable, Part, Sums, move_all, sum_up};
use crate::{
    Advance, Batch, Claim, CommitError, CountOf, DocKey, Kind, Put, Store, TimerChange, TimerName,
};

/// A place from which a store moves, and one beside it to which it goes.
pub trait Yard: Place {
    /// Opens the store of the place to be moved away.
    fn open_movable(&self, clock: Arc<dyn Clock>) -> Arc<dyn Movable>;
    /// Begins to fill the place beside.
    fn load(&self, clock: Arc<dyn Clock>) -> Result<Box<dyn Load>, LoadError>;
    /// Opens what was filled.
    fn open_loaded(&self, clock: Arc<dyn Clock>) -> Arc<dyn Movable>;
}

/// A yard whose store is open for a test.
struct Shared(Arc<dyn Yard>);

impl Place for Shared {
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        self.0.open(clock)
    }

    fn open_copy(&self, copy: &std::path::Path, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        self.0.open_copy(copy, clock)
    }

    fn copy_path(&self) -> std::path::PathBuf {
        self.0.copy_path()
    }
}

/// More than one page of everything that can be many.
const MANY: usize = 1_100;

/// Two workspaces with some of everything, forgotten events among it; closed again.
async fn fill(yard: &Arc<dyn Yard>) -> (Arc<HandClock>, [WorkspaceId; 2], [Everything; 2]) {
    let world = World::new(Box::new(Shared(Arc::clone(yard))));
    let other = WorkspaceId::new(world.clock.next_id());
    let (chat, thread, over) = (world.chat(), world.thread(), world.thread());
    for workspace in [other, world.workspace] {
        let said = |thread, text: &str| Draft {
            chat: Some(chat),
            thread: Some(thread),
            ..world.draft(workspace, "chat.message", text)
        };
        let first = said(over, "first");
        let batch = Batch {
            claims: vec![Claim { name: "telegram:1".into(), outcome: Some(first.id) }],
            events: vec![first, said(over, "second"), said(thread, "third")],
            cursors: vec![
                Advance { reader: "react".into(), to: Seq(2) },
                Advance { reader: "deliver".into(), to: Seq(3) },
            ],
            ..Batch::new(workspace)
        };
        world.store.commit(batch).await.expect("written");
        world.clock.advance(60);
        let numbered = |number: usize| format!("{number:05}");
        let batch = Batch {
            claims: (0..MANY).map(|number| claim(&format!("key:{number}"))).collect(),
            events: (0..MANY).map(|_| world.draft(workspace, "note.added", "beside")).collect(),
            puts: (0..MANY)
                .map(|number| Put {
                    index: vec![("access", (number % 3).to_string()), ("group", numbered(number))],
                    ..put(&customer(&numbered(number)), json!({ "z": number, "a": 0.5 }))
                })
                .chain([put(&DocKey::new(Kind::Lease, 3), json!({ "node": "gone" }))])
                .collect(),
            timers: (0..MANY)
                .map(|number| TimerChange::Set {
                    name: TimerName(format!("run:{number}")),
                    due: world.clock.now() + std::time::Duration::from_nanos(number as u64),
                    body: json!([number]),
                })
                .collect(),
            ..Batch::new(workspace)
        };
        world.store.commit(batch).await.expect("written");
        world.clock.advance(60);
        let again = put(&customer("00000"), json!({ "again": true }));
        let batch = Batch { puts: vec![again], ..Batch::new(workspace) };
        world.store.commit(batch).await.expect("written");
        world.store.forget(workspace, Seq(2), Timestamp::UNIX_EPOCH).await.expect("forgotten");
    }
    let mut before = Vec::new();
    for workspace in [other, world.workspace] {
        let mut all = everything(&*world.store, workspace).await;
        all.documents.retain(|document| document.key.kind != Kind::Lease);
        before.push(all);
    }
    world.store.close().await;
    let before = before.try_into().expect("two workspaces");
    (Arc::clone(&world.clock), [other, world.workspace], before)
}

async fn move_over(yard: &Arc<dyn Yard>, clock: &Arc<HandClock>) -> Sums {
    let from = yard.open_movable(Arc::clone(clock) as Arc<dyn Clock>);
    let mut load = yard.load(Arc::clone(clock) as Arc<dyn Clock>).expect("it is empty");
    let mut told = 0;
    let moved = move_all(&*from, &mut *load, Cursors::Whole, &mut |_| told += 1).await;
    let moved = moved.expect("moved");
    load.finish().await.expect("finished");
    assert!(told > 10, "progress is told page by page");
    let again = sum_up(&*from, Cursors::Whole, &mut |_| {}).await.expect("summed up");
    assert_eq!(again, moved, "the same store has the same sums");
    from.close().await;
    moved
}

/// Reads, counts, next numbers, claims, timers, cursors: all as before, and the sums of both are the same.
pub async fn a_moved_store_is_equal(yard: Arc<dyn Yard>) {
    let (clock, workspaces, before) = fill(&yard).await;
    let sums = move_over(&yard, &clock).await;
    assert_eq!(sums.of(Part::Workspaces).count, 2);
    assert_eq!(sums.of(Part::Events).count, 2 * (1 + MANY as u64));
    assert_eq!(sums.of(Part::Documents).count, 2 * MANY as u64, "leases stay behind");
    let store = yard.open_loaded(Arc::clone(&clock) as Arc<dyn Clock>);
    let found = sum_up(&*store, Cursors::Whole, &mut |_| {}).await.expect("summed up");
    assert_eq!(found.differences(&sums), []);
    assert_eq!(store.verify().await.expect("verified"), [""; 0]);
    assert_eq!(store.workspaces().await.expect("listed"), workspaces, "oldest first, as before");
    let stats = store.stats().await.expect("counted");
    assert_eq!(stats.documents, 2 * MANY as u64);
    assert_eq!(stats.timers, 2 * MANY as u64);
    assert_eq!(stats.events, 2 * (1 + MANY as u64));
    for (workspace, before) in workspaces.into_iter().zip(before) {
        assert_eq!(everything(&*store, workspace).await, before);
        for (of, expected) in [
            (CountOf::All, MANY),
            (CountOf::Named { name: "access" }, MANY - 1),
            (CountOf::Equal { name: "access", value: "1".into() }, MANY.div_ceil(3)),
        ] {
            let count = store.count(workspace, Kind::Customer, of.clone()).await.expect("counted");
            // The first document lost its entries when it was written again.
            assert_eq!(count, expected as u64, "{of:?}");
        }
        let taken = Batch { claims: vec![claim("key:7")], ..Batch::new(workspace) };
        assert!(matches!(store.commit(taken).await, Err(CommitError::Claimed { .. })));
        let said = before.events.first().expect("one is left of the chat");
        let draft = Draft::new(
            tidings_model::EventId::new(clock.next_id()),
            said.event_type.clone(),
            workspace,
            clock.now(),
            json!({}),
        );
        let draft = Draft { chat: said.chat, thread: said.thread, ..draft };
        let batch = Batch { events: vec![draft], ..Batch::new(workspace) };
        let event = store.commit(batch).await.expect("written").events.swap_remove(0);
        assert_eq!(event.seq, Seq(4 + MANY as u64), "numbers go on");
        assert_eq!(event.order, Some(Order(2)), "orders go on");
    }
    store.forget(workspaces[0], Seq::START, Timestamp::MAX).await.expect("old claims go");
    let freed = Batch { claims: vec![claim("key:7")], ..Batch::new(workspaces[0]) };
    store.commit(freed).await.expect("claims have kept the time when they were taken");
    store.close().await;
}

/// Nothing that is there is written over.
pub async fn a_store_that_is_not_empty_takes_no_load(yard: Arc<dyn Yard>) {
    let (clock, ..) = fill(&yard).await;
    move_over(&yard, &clock).await;
    let again = yard.load(Arc::clone(&clock) as Arc<dyn Clock>);
    assert!(matches!(again.map(drop), Err(LoadError::NotEmpty { .. })));
}

/// What a load left that was cut short is in nobody's way, and is no part of the next.
pub async fn a_load_that_was_cut_short_begins_again(yard: Arc<dyn Yard>) {
    let (clock, ..) = fill(&yard).await;
    {
        let from = yard.open_movable(Arc::clone(&clock) as Arc<dyn Clock>);
        let mut load = yard.load(Arc::clone(&clock) as Arc<dyn Clock>).expect("it is empty");
        let workspace = WorkspaceId::new(clock.next_id());
        let workspaces = from.workspaces().await.expect("listed");
        for (part, of) in [(Part::Workspaces, workspaces[0]), (Part::Threads, workspaces[0])] {
            let records = from.records(of, part, None).await.expect("read");
            load.load(workspace, records).await.expect("loaded");
        }
        from.close().await;
    }
    let sums = move_over(&yard, &clock).await;
    let store = yard.open_loaded(Arc::clone(&clock) as Arc<dyn Clock>);
    assert_eq!(sum_up(&*store, Cursors::Whole, &mut |_| {}).await.expect("summed up"), sums);
    assert_eq!(store.workspaces().await.expect("listed").len(), 2);
    store.close().await;
}
