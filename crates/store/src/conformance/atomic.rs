//! A batch is written whole, or nothing of it is.

use std::sync::Arc;

use serde_json::json;
use tidings_model::{EventId, Seq, Timestamp, WorkspaceId};

use super::everything;
use super::world::{World, claim, customer, put};
use crate::{
    Advance, Batch, Claim, CommitError, Delete, EventQuery, Expect, Put, TimerChange, TimerName,
    Version,
};

/// A batch with something of everything.
fn batch_of_everything(world: &World, seed: &str) -> Batch {
    let mut draft = world.message(seed);
    draft.thread = Some(world.thread());
    draft.chat = Some(world.chat());
    let outcome = Some(draft.id);
    Batch {
        claims: vec![Claim { name: format!("telegram:{seed}"), outcome }],
        events: vec![draft, world.message("and more")],
        puts: vec![Put {
            index: vec![("email", format!("{seed}@example.com"))],
            ..put(&customer(seed), json!({}))
        }],
        deletes: vec![Delete { key: customer("carol"), expected: None }],
        timers: vec![
            TimerChange::Set {
                name: TimerName(seed.into()),
                due: Timestamp::UNIX_EPOCH,
                body: json!({ "seed": seed }),
            },
            TimerChange::Cancel { name: TimerName("carol".into()) },
        ],
        cursors: vec![Advance { reader: "react".into(), to: Seq(100) }],
        ..world.batch()
    }
}

/// Whatever refuses a batch, nothing of it can be seen afterwards, and the next one gets the next numbers.
pub async fn a_refused_batch_leaves_no_trace(world: World) {
    let thread = world.thread();
    let mut first = world.message("hello");
    first.thread = Some(thread);
    let written = first.clone();
    let batch = Batch {
        claims: vec![claim("step:1")],
        events: vec![first],
        puts: vec![
            put(&customer("alice"), json!({ "name": "Alice" })),
            put(&customer("carol"), json!({ "name": "Carol" })),
        ],
        timers: vec![
            TimerChange::Set {
                name: TimerName("alice".into()),
                due: Timestamp::UNIX_EPOCH,
                body: json!(1),
            },
            TimerChange::Set {
                name: TimerName("carol".into()),
                due: Timestamp::UNIX_EPOCH,
                body: json!(2),
            },
        ],
        cursors: vec![Advance { reader: "react".into(), to: Seq(1) }],
        ..world.batch()
    };
    world.store.commit(batch).await.expect("the first batch is written");
    let before = everything(&*world.store, world.workspace).await;

    let mut refused = Vec::new();
    let good = || {
        let mut batch = batch_of_everything(&world, "1");
        batch.events[0].thread = Some(thread);
        batch
    };
    let mut batch = good();
    batch.claims.push(claim("step:1"));
    refused.push(("a taken claim", batch));
    for version in [Version::ABSENT, Version(2)] {
        let mut batch = good();
        batch.expects.push(Expect { key: customer("alice"), version });
        refused.push(("an expected version", batch));
        let mut batch = good();
        batch.puts.push(Put { expected: Some(version), ..put(&customer("alice"), json!({})) });
        refused.push(("a put's version", batch));
        let mut batch = good();
        batch.deletes.push(Delete { key: customer("alice"), expected: Some(version) });
        refused.push(("a delete's version", batch));
    }
    for (name, due) in [("bob", Timestamp::UNIX_EPOCH), ("alice", Timestamp::MAX)] {
        let mut batch = good();
        batch.timers.push(TimerChange::Take { name: TimerName(name.into()), due });
        refused.push(("a timer that is gone", batch));
    }
    let mut batch = good();
    batch.events.push(written);
    refused.push(("an event that is there", batch));

    for (why, batch) in refused {
        let error = world.store.commit(batch).await.expect_err(why);
        let fits = match why {
            "a taken claim" => matches!(error, CommitError::Claimed { .. }),
            "a timer that is gone" => matches!(error, CommitError::TimerGone { .. }),
            "an event that is there" => matches!(error, CommitError::EventExists { .. }),
            _ => matches!(error, CommitError::Conflict { .. }),
        };
        assert!(fits, "{why} was refused as {error:?}");
        assert_eq!(everything(&*world.store, world.workspace).await, before, "{why} left a trace");
    }
    let committed = world.store.commit(good()).await.expect("a good batch is written");
    assert_eq!(committed.events[0].seq, Seq(2), "refused batches took no numbers");
    assert_eq!(
        committed.events[0].order.map(|order| order.0),
        Some(2),
        "refused batches took no order"
    );
    world.store.close().await;
}

/// Batches that come at once may be written together: one with an event that is there fails none of the others.
pub async fn an_event_that_is_there_refuses_its_own_batch_alone(world: World) {
    let written = world.message("hello");
    let one = |event| Batch { events: vec![event], ..world.batch() };
    world.store.commit(one(written.clone())).await.expect("the first is written");
    let mut batches: Vec<Batch> = (0..30).map(|_| one(world.message("more"))).collect();
    batches.insert(20, one(written));
    let commits: Vec<_> = (batches.into_iter())
        .map(|batch| {
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { store.commit(batch).await })
        })
        .collect();
    for (at, commit) in commits.into_iter().enumerate() {
        match commit.await.expect("a commit ends") {
            Ok(_) => assert_ne!(at, 20, "it was written twice"),
            Err(CommitError::EventExists { .. }) => assert_eq!(at, 20, "it was not there"),
            Err(error) => panic!("{at} was refused as {error:?}"),
        }
    }
    let query = EventQuery { limit: 100, ..EventQuery::default() };
    let events = world.store.events(world.workspace, query).await.expect("they are read");
    let seqs: Vec<u64> = events.iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, (1..=31).collect::<Vec<u64>>());
    world.store.close().await;
}

/// What no engine could keep is refused before it is tried.
pub async fn a_batch_that_contradicts_itself_is_refused(world: World) {
    let draft = world.message("twice");
    let stranger = WorkspaceId::new(draft.id.uuid());
    let key = customer("alice");
    let batches = [
        Batch { events: vec![world.draft(stranger, "chat.message", "elsewhere")], ..world.batch() },
        Batch { events: vec![draft.clone(), draft], ..world.batch() },
        Batch { claims: vec![claim("key:1"), claim("key:1")], ..world.batch() },
        Batch { puts: vec![put(&key, json!(1)), put(&key, json!(2))], ..world.batch() },
        Batch {
            puts: vec![put(&key, json!(1))],
            deletes: vec![Delete { key: key.clone(), expected: None }],
            ..world.batch()
        },
        Batch {
            puts: vec![Put {
                index: vec![("email", "a".into()), ("name", "b".into()), ("email", "a".into())],
                ..put(&key, json!(1))
            }],
            ..world.batch()
        },
    ];
    for batch in batches {
        let error = world.store.commit(batch).await.expect_err("it contradicts itself");
        assert!(matches!(error, CommitError::Malformed { .. }), "{error:?}");
    }
    assert!(world.store.workspaces().await.expect("listed").is_empty(), "nothing was written");
    world.store.close().await;
}

/// Expectations alone are answered, and leave nothing behind.
pub async fn a_batch_that_only_looks_writes_nothing(world: World) {
    let expect = Expect { key: customer("alice"), version: Version::ABSENT };
    let committed =
        world.store.commit(Batch { expects: vec![expect.clone()], ..world.batch() }).await;
    assert!(committed.expect("nobody is there, as expected").events.is_empty());
    assert!(world.store.workspaces().await.expect("listed").is_empty(), "nothing was written");
    // Refused as the very first batch of its workspace.
    let outcome = Some(EventId::new(world.workspace.uuid()));
    let batch = Batch {
        claims: vec![Claim { name: "key:1".into(), outcome }],
        expects: vec![Expect { version: Version(1), ..expect }],
        events: vec![world.message("hello")],
        ..world.batch()
    };
    assert!(matches!(world.store.commit(batch).await, Err(CommitError::Conflict { .. })));
    assert!(
        world.store.workspaces().await.expect("listed").is_empty(),
        "a refused batch makes no workspace"
    );
    assert_eq!(world.store.claim(world.workspace, "key:1").await.expect("read"), None);
    world.store.close().await;
}
