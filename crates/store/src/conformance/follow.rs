//! A reader that follows the log.

use std::sync::Arc;
use std::time::Duration;

use super::world::World;
use crate::tail::TAIL_EVENTS_MAX;
use crate::{Batch, Follower};
use tidings_model::{ChatId, Clock, Draft, Event, Seq, Timestamp};

/// Tasks that write at once.
const WRITERS: usize = 8;

/// Batches of each.
const BATCHES: usize = 40;

/// Far more than a busy machine needs; a test that waits longer has lost an event.
const PATIENCE: Duration = Duration::from_secs(60);

fn follow(world: &World, after: Seq) -> Follower {
    Follower::new(Arc::clone(&world.store), world.workspace, after)
}

async fn next(follower: &mut Follower, limit: usize) -> Vec<Arc<Event>> {
    let events = tokio::time::timeout(PATIENCE, follower.next(limit)).await;
    events.expect("the follower is told in time").expect("the log can be read")
}

/// Gathers events up to a number and checks that none is missing, double or out of order.
async fn gather(mut follower: Follower, limit: usize, last: Seq) -> Vec<Arc<Event>> {
    let mut events: Vec<Arc<Event>> = Vec::new();
    while follower.after() < last {
        let before = follower.after();
        let page = next(&mut follower, limit).await;
        assert!(page.len() <= limit, "no more than asked for");
        for (index, event) in page.iter().enumerate() {
            assert_eq!(event.seq.0, before.0 + 1 + index as u64, "each event once, in order");
        }
        events.extend(page);
    }
    events
}

/// Readers of all paces get what the log says in the end, while many write.
pub async fn a_follower_sees_every_event_once_and_in_order(world: World) {
    let total = Seq((WRITERS * BATCHES * 2) as u64);
    let followers: Vec<_> = [1, 7, 1_000]
        .into_iter()
        .map(|limit| tokio::spawn(gather(follow(&world, Seq::START), limit, total)))
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let batches: Vec<Batch> = (0..BATCHES)
                .map(|_| Batch {
                    events: vec![world.message("one"), world.message("two")],
                    ..world.batch()
                })
                .collect();
            let store = Arc::clone(&world.store);
            tokio::spawn(async move {
                for batch in batches {
                    store.commit(batch).await.expect("written");
                }
            })
        })
        .collect();
    // Begins while the others write: what it gets is the end of what they get.
    world.say("in between").await;
    let late = tokio::spawn(gather(follow(&world, Seq(total.0 / 2)), 3, total));
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    let log = world.log().await;
    for follower in followers {
        let seen = follower.await.expect("a follower ends");
        assert_eq!(seen, log[..seen.len()], "a follower saw the log");
    }
    let seen = late.await.expect("a follower ends");
    assert_eq!(
        seen,
        log[total.0 as usize / 2..][..seen.len()],
        "a late follower saw the rest of the log"
    );
    world.store.close().await;
}

/// More events than memory holds: the store gives the first, the tail the last.
pub async fn a_follower_that_is_far_behind_catches_up(world: World) {
    let tail = world.store.tail(world.workspace);
    let per_batch = 500;
    let batches = TAIL_EVENTS_MAX / per_batch + 2;
    for _ in 0..batches {
        let events = (0..per_batch).map(|_| world.message("hello")).collect();
        world.store.commit(Batch { events, ..world.batch() }).await.expect("written");
    }
    let last = Seq((batches * per_batch) as u64);
    assert_eq!(tail.head(), last);
    let seen = gather(follow(&world, Seq::START), 700, last).await;
    assert_eq!(seen.len() as u64, last.0);
    world.store.close().await;
}

/// A reader of one chat gets that chat's events once and in order: from memory, past others' events, and from the store
/// when others' filled the memory meanwhile.
pub async fn a_follower_of_one_chat_sees_that_chat_only(world: World) {
    let chat = ChatId::new(world.clock.next_id());
    let mut follower =
        Follower::of_chat(Arc::clone(&world.store), world.workspace, chat, Seq::START);
    let say = async |text: &str| {
        let event = Draft { chat: Some(chat), ..world.message(text) };
        let batch = Batch { events: vec![world.message("other"), event], ..world.batch() };
        let committed = world.store.commit(batch).await.expect("written");
        Arc::clone(&committed.events[1])
    };
    for round in 0..3 {
        let given_up = tokio::time::timeout(Duration::ZERO, follower.next(10)).await;
        assert!(given_up.is_err(), "nothing of the chat is there in round {round}");
        let (one, two) = (say("one").await, say("two").await);
        assert_eq!(next(&mut follower, 1).await, [one]);
        assert_eq!(next(&mut follower, 1).await, [two]);
        world.say("others go on").await;
    }
    let events = (0..=TAIL_EVENTS_MAX).map(|_| world.message("other")).collect();
    world.store.commit(Batch { events, ..world.batch() }).await.expect("written");
    let event = say("after many").await;
    assert_eq!(next(&mut follower, 10).await, [event]);
    world.store.close().await;
}

/// A wait that is given up costs no event.
pub async fn a_follower_that_stops_waiting_misses_nothing(world: World) {
    let mut follower = follow(&world, Seq::START);
    for round in 0..20 {
        let given_up = tokio::time::timeout(Duration::ZERO, follower.next(10)).await;
        assert!(given_up.is_err(), "nothing is there in round {round}");
        let event = world.say("hello").await;
        assert_eq!(next(&mut follower, 10).await, [event]);
    }
    world.store.close().await;
}

/// Who asks for forgotten events gets the next that are left, and waits for new ones if none is.
pub async fn a_follower_passes_over_forgotten_events(world: World) {
    for _ in 0..6 {
        world.say("hello").await;
    }
    let mut from_start = follow(&world, Seq::START);
    world.store.forget(world.workspace, Seq(4), Timestamp::UNIX_EPOCH).await.expect("forgotten");
    assert_eq!(next(&mut from_start, 1).await[0].seq, Seq(5));
    world.store.forget(world.workspace, Seq(6), Timestamp::UNIX_EPOCH).await.expect("forgotten");
    let given_up = tokio::time::timeout(Duration::from_millis(50), from_start.next(10)).await;
    assert!(given_up.is_err(), "nothing is left");
    let event = world.say("new").await;
    assert_eq!(event.seq, Seq(7));
    assert_eq!(next(&mut from_start, 10).await, [event]);
    world.store.close().await;
}
