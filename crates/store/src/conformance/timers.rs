//! Timers.

use std::sync::Arc;

use serde_json::json;
use tidings_model::{Clock, Timestamp};

use super::world::World;
use crate::{Batch, CommitError, Held, Share, Shares, TimerChange, TimerName};

fn name(text: &str) -> TimerName {
    TimerName(text.into())
}

fn at(second: i64) -> Timestamp {
    Timestamp::new(second, 123_456_789).expect("tests stay near 1970")
}

fn set(text: &str, due: Timestamp) -> TimerChange {
    TimerChange::Set { name: name(text), due, body: json!({ "of": text }) }
}

fn take(text: &str, due: Timestamp) -> TimerChange {
    TimerChange::Take { name: name(text), due }
}

async fn change(world: &World, timers: Vec<TimerChange>) -> Result<(), CommitError> {
    world.store.commit(Batch { timers, ..world.batch() }).await.map(drop)
}

async fn due(world: &World, now: Timestamp, limit: usize) -> Vec<(String, Timestamp)> {
    let timers = world.store.due_timers(now, limit, &Held::All).await.expect("timers can be read");
    for timer in &timers {
        assert_eq!(timer.workspace, world.workspace);
        assert_eq!(timer.body, json!({ "of": timer.name.0 }));
    }
    timers.into_iter().map(|timer| (timer.name.0, timer.due)).collect()
}

/// Set, set anew, cancelled, cancelled again.
pub async fn a_timer_is_set_moved_and_cancelled(mut world: World) {
    assert_eq!(world.store.next_timer(&Held::All).await.expect("read"), None);
    change(&world, vec![set("run:1", at(10))]).await.expect("set");
    assert_eq!(due(&world, at(9), 10).await, []);
    assert_eq!(due(&world, at(10), 10).await, [("run:1".into(), at(10))], "due to the nanosecond");
    change(&world, vec![set("run:1", at(20))]).await.expect("moved");
    world.reopen().await;
    assert_eq!(due(&world, at(19), 10).await, []);
    assert_eq!(world.store.next_timer(&Held::All).await.expect("read"), Some(at(20)));
    for _ in 0..2 {
        change(&world, vec![TimerChange::Cancel { name: name("run:1") }]).await.expect("cancelled");
        assert_eq!(world.store.next_timer(&Held::All).await.expect("read"), None);
    }
    world.store.close().await;
}

/// Of many that take it at once, one does its work.
pub async fn a_timer_is_taken_once(world: World) {
    change(&world, vec![set("run:1", at(10))]).await.expect("set");
    let takers: Vec<_> = (0..16)
        .map(|_| {
            let batch = Batch {
                timers: vec![take("run:1", at(10))],
                events: vec![world.message("due")],
                ..world.batch()
            };
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { store.commit(batch).await })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        match taker.await.expect("a taker ends") {
            Ok(_) => taken += 1,
            Err(CommitError::TimerGone { .. }) => {}
            Err(other) => panic!("refused for another reason: {other:?}"),
        }
    }
    assert_eq!((taken, world.log().await.len()), (1, 1));
    world.store.close().await;
}

/// One that was moved meanwhile stays; one that is taken may be set anew in the same batch.
pub async fn a_timer_is_taken_only_as_it_was_seen(world: World) {
    change(&world, vec![set("run:1", at(10))]).await.expect("set");
    let moved = change(&world, vec![take("run:1", at(11))]).await;
    assert!(matches!(moved, Err(CommitError::TimerGone { .. })), "{moved:?}");
    assert_eq!(due(&world, at(10), 10).await.len(), 1);
    change(&world, vec![take("run:1", at(10)), set("run:1", at(30))])
        .await
        .expect("taken and set anew");
    assert_eq!(due(&world, at(30), 10).await, [("run:1".into(), at(30))]);
    assert!(matches!(
        change(&world, vec![take("run:2", at(10))]).await,
        Err(CommitError::TimerGone { .. })
    ));
    world.store.close().await;
}

/// The earliest first, and no more than asked for.
pub async fn due_timers_come_earliest_first(world: World) {
    let timers = [5, 3, 4, 1, 2].map(|second| set(&format!("run:{second}"), at(second))).into();
    change(&world, timers).await.expect("set");
    assert_eq!(world.store.next_timer(&Held::All).await.expect("read"), Some(at(1)));
    let first = due(&world, at(4), 3).await;
    assert_eq!(first, [1, 2, 3].map(|second| (format!("run:{second}"), at(second))));
    assert_eq!(due(&world, world.clock.now(), 10).await.len(), 5);
    world.store.close().await;
}

/// A node asks for the timers of its shares, and is not kept from them by those of others.
pub async fn timers_are_asked_for_by_share(world: World) {
    let names: Vec<String> = (0..64).map(|number| format!("run:{number}")).collect();
    let timers = names.iter().zip(1..).map(|(name, second)| set(name, at(second))).collect();
    change(&world, timers).await.expect("set");
    let mut found = Vec::new();
    for share in Share::all() {
        let held = Held::These(vec![(world.workspace, Shares::NONE.with(share))]);
        let of_share: Vec<_> =
            names.iter().filter(|text| Share::of_timer(&name(text)) == share).collect();
        let due = world.store.due_timers(Timestamp::MAX, 1, &held).await.expect("read");
        assert_eq!(due.first().map(|timer| &timer.name.0), of_share.first().copied());
        let next = world.store.next_timer(&held).await.expect("read");
        assert_eq!(next, due.first().map(|timer| timer.due));
        let due = world.store.due_timers(Timestamp::MAX, 100, &held).await.expect("read");
        assert_eq!(due.len(), of_share.len());
        found.extend(due.into_iter().map(|timer| timer.name.0));
    }
    found.sort();
    let mut names = names;
    names.sort();
    assert_eq!(found, names);
    let nothing = Held::These(vec![(world.workspace, Shares::NONE)]);
    assert_eq!(world.store.due_timers(Timestamp::MAX, 9, &nothing).await.expect("read"), []);
    assert_eq!(world.store.next_timer(&nothing).await.expect("read"), None);
    world.store.close().await;
}
