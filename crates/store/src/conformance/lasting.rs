//! What stays, what is forgotten, and copies.

use std::sync::Arc;

use serde_json::json;
use tidings_model::{Clock, Seq, Timestamp};

use super::world::{World, claim, customer, put};
use super::{Everything, everything};
use crate::{
    Advance, Batch, Claim, CommitError, Delete, EventQuery, Put, ReadError, Stats, TimerChange,
    TimerName,
};

/// Some of everything, with changes, so that tables and counters have moved.
async fn live(world: &World) -> Everything {
    let (chat, thread) = (world.chat(), world.thread());
    for round in 0..5 {
        let mut draft = world.message(&format!("round {round}"));
        (draft.chat, draft.thread) = (Some(chat), Some(thread));
        let name = ["telegram:1", "telegram:2", "key:1", "step:1", "step:2"][round];
        let batch = Batch {
            claims: vec![Claim { name: name.into(), outcome: Some(draft.id) }],
            events: vec![draft, world.message("beside")],
            puts: vec![
                Put {
                    index: vec![("group", round.to_string())],
                    ..put(&customer("alice"), json!({ "round": round }))
                },
                put(&customer(&round.to_string()), json!(null)),
            ],
            deletes: vec![Delete { key: customer("0"), expected: None }]
                .into_iter()
                .skip(usize::from(round == 0))
                .collect(),
            timers: vec![TimerChange::Set {
                name: TimerName(name.into()),
                due: world.clock.now(),
                body: json!(round),
            }],
            cursors: vec![Advance { reader: "react".into(), to: Seq(round as u64) }],
            ..world.batch()
        };
        world.store.commit(batch).await.expect("written");
        world.clock.advance(60);
    }
    everything(&*world.store, world.workspace).await
}

/// Closed and opened again, everything reads the same.
pub async fn everything_is_there_after_reopening(mut world: World) {
    let before = live(&world).await;
    assert_eq!((before.events.len(), before.documents.len(), before.timers.len()), (10, 5, 5));
    for _ in 0..3 {
        world.reopen().await;
        assert_eq!(everything(&*world.store, world.workspace).await, before);
        assert_eq!(world.store.tail(world.workspace).head(), Seq(10));
    }
    assert_eq!(world.say("and on").await.seq, Seq(11));
    world.store.close().await;
}

/// No write and no read goes through after closing; closing again is harmless.
pub async fn a_closed_store_says_so(world: World) {
    world.say("hello").await;
    world.store.close().await;
    world.store.close().await;
    let batch = Batch { events: vec![world.message("too late")], ..world.batch() };
    assert!(matches!(world.store.commit(batch).await, Err(CommitError::Closed)));
    let read =
        world.store.events(world.workspace, EventQuery { limit: 1, ..EventQuery::default() }).await;
    assert!(matches!(read, Err(ReadError::Closed)));
}

/// Each batch that was given in before the close is either written, or its caller was told that it was not.
pub async fn what_waits_at_closing_is_written(mut world: World) {
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let draft = world.message("hello");
            let id = draft.id;
            let batch = Batch { events: vec![draft], ..world.batch() };
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { store.commit(batch).await.map(|_| id) })
        })
        .collect();
    world.say("the last one").await;
    world.reopen().await;
    let mut written = Vec::new();
    for caller in callers {
        match caller.await.expect("a caller ends") {
            Ok(id) => written.push(id),
            Err(error) => assert!(matches!(error, CommitError::Closed), "{error:?}"),
        }
    }
    let log = world.log().await;
    assert_eq!(log.len(), written.len() + 1);
    assert!(written.iter().all(|id| log.iter().any(|event| event.id == *id)));
    world.store.close().await;
}

/// Up to a number events are gone, for every way of reading; numbers and orders go on after them, also when all are gone.
pub async fn forgotten_events_are_gone_and_their_numbers_too(mut world: World) {
    let before = live(&world).await;
    let first = &before.events[0];
    let gone = world
        .store
        .forget(world.workspace, Seq(3), Timestamp::UNIX_EPOCH)
        .await
        .expect("forgotten");
    assert_eq!(gone, 3);
    assert_eq!(
        world.store.forget(world.workspace, Seq(3), Timestamp::UNIX_EPOCH).await.expect("again"),
        0
    );
    let after = everything(&*world.store, world.workspace).await;
    assert_eq!(after.events, before.events[3..]);
    assert_eq!(
        (after.documents, after.timers, after.claims),
        (before.documents, before.timers, before.claims)
    );
    assert_eq!(world.store.event(world.workspace, first.id).await.expect("read"), None);
    let chat = first.chat.expect("the first event is in a chat");
    let of_chat = world.store.chat_events(world.workspace, chat, None, 10).await.expect("read");
    assert_eq!(of_chat.len(), 3);
    assert!(of_chat.iter().all(|event| event.seq > Seq(3)));

    let rest = world
        .store
        .forget(world.workspace, Seq(u64::MAX), Timestamp::UNIX_EPOCH)
        .await
        .expect("forgotten");
    assert_eq!(rest, 7);
    world.reopen().await;
    assert_eq!(world.log().await, []);
    assert_eq!(world.store.last_seq(world.workspace).await.expect("read"), Seq(10));
    let draft = tidings_model::Draft { thread: first.thread, ..world.message("and on") };
    let committed =
        world.store.commit(Batch { events: vec![draft], ..world.batch() }).await.expect("written");
    assert_eq!(committed.events[0].seq, Seq(11), "numbers are never used again");
    assert_eq!(committed.events[0].order.map(|order| order.0), Some(6), "nor are orders");
    world.store.close().await;
}

/// Claims older than a time can be taken again; younger ones cannot.
pub async fn old_claims_are_forgotten(world: World) {
    world
        .store
        .commit(Batch { claims: vec![claim("key:1")], ..world.batch() })
        .await
        .expect("taken");
    world.clock.advance(60);
    let between = world.clock.now();
    world
        .store
        .commit(Batch { claims: vec![claim("key:2")], ..world.batch() })
        .await
        .expect("taken");
    world.store.forget(world.workspace, Seq::START, between).await.expect("forgotten");
    let again = world.store.commit(Batch { claims: vec![claim("key:2")], ..world.batch() }).await;
    assert!(matches!(again, Err(CommitError::Claimed { .. })), "a young claim stays");
    world
        .store
        .commit(Batch { claims: vec![claim("key:1")], ..world.batch() })
        .await
        .expect("an old one is free");
    world.store.close().await;
}

/// Made while others write: it opens, and holds what was there, and a beginning of the rest.
pub async fn a_backup_is_a_store_with_the_same_content(world: World) {
    let before = live(&world).await;
    let writer = {
        let batches: Vec<Batch> = (0..100)
            .map(|_| Batch { events: vec![world.message("meanwhile")], ..world.batch() })
            .collect();
        let store = Arc::clone(&world.store);
        tokio::spawn(async move {
            for batch in batches {
                store.commit(batch).await.expect("written");
            }
        })
    };
    let path = world.place.copy_path();
    world.store.backup(&path).await.expect("copied");
    writer.await.expect("the writer ends");
    assert!(world.store.backup(&path).await.is_err(), "what is there is not overwritten");
    let copy = world.place.open_copy(&path, Arc::clone(&world.clock) as Arc<dyn Clock>);
    assert_eq!(copy.verify().await.expect("verified"), [""; 0]);
    let copied = everything(&*copy, world.workspace).await;
    let whole = everything(&*world.store, world.workspace).await;
    let count = copied.events.len();
    assert!(count >= before.events.len());
    assert_eq!(copied.events, whole.events[..count], "a copy is one moment of the log");
    assert_eq!(copied.last_seq, Seq(count as u64));
    assert_eq!(
        Everything { events: Vec::new(), last_seq: Seq::START, ..copied },
        Everything { events: Vec::new(), last_seq: Seq::START, ..before }
    );
    let events = vec![world.message("in the copy")];
    let committed =
        copy.commit(Batch { events, ..world.batch() }).await.expect("a copy can be written to");
    assert_eq!(committed.events[0].seq.0, count as u64 + 1);
    copy.close().await;
    world.store.close().await;
}

/// Nothing is found where nothing is damaged.
pub async fn a_sound_store_verifies(mut world: World) {
    live(&world).await;
    assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
    world.store.forget(world.workspace, Seq(4), Timestamp::MAX).await.expect("forgotten");
    world.reopen().await;
    assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
    world.store.close().await;
}

/// Over all workspaces, also after deleting and forgetting.
pub async fn sizes_are_counted(mut world: World) {
    assert_eq!(Stats { bytes: 0, ..world.store.stats().await.expect("counted") }, Stats::default());
    live(&world).await;
    world.store.forget(world.workspace, Seq(4), Timestamp::UNIX_EPOCH).await.expect("forgotten");
    let timers = vec![TimerChange::Cancel { name: TimerName("key:1".into()) }];
    world.store.commit(Batch { timers, ..world.batch() }).await.expect("cancelled");
    for _ in 0..2 {
        let stats = world.store.stats().await.expect("counted");
        assert_eq!((stats.events, stats.documents, stats.timers), (6, 5, 4));
        assert!(stats.bytes > 0);
        world.reopen().await;
    }
    world.store.close().await;
}
