//! A claim is taken once.

use std::sync::Arc;

use super::world::{World, claim, customer, put};
use crate::{Batch, Claim, CommitError, Put, Version};
use serde_json::json;

/// Callers that ask for the same at once.
const CALLERS: usize = 32;

/// Of many that claim the same at once, one is written; all others are told what it was taken for.
pub async fn a_claim_is_taken_once_whoever_asks(world: World) {
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let draft = world.message("hello");
            let claims = vec![Claim { name: "telegram:1".into(), outcome: Some(draft.id) }];
            let batch = Batch { claims, events: vec![draft], ..world.batch() };
            let store = Arc::clone(&world.store);
            tokio::spawn(async move { store.commit(batch).await })
        })
        .collect();
    let mut winners = Vec::new();
    let mut told = Vec::new();
    for caller in callers {
        match caller.await.expect("a caller ends") {
            Ok(committed) => winners.push(committed.events[0].id),
            Err(CommitError::Claimed { name, outcome }) => {
                assert_eq!(name, "telegram:1");
                told.push(outcome);
            }
            Err(other) => panic!("refused for another reason: {other:?}"),
        }
    }
    assert_eq!(winners.len(), 1, "one was written");
    assert_eq!(told, vec![Some(winners[0]); CALLERS - 1], "the others are told of it");
    assert_eq!(world.log().await.len(), 1);
    world.store.close().await;
}

/// A batch that is sent again hears of its claim, not of the documents that it has moved on itself.
pub async fn a_repeated_batch_is_told_of_its_claim(mut world: World) {
    let draft = world.message("hello");
    let batch = Batch {
        claims: vec![claim("step:1"), Claim { name: "key:1".into(), outcome: Some(draft.id) }],
        events: vec![draft.clone()],
        puts: vec![Put { expected: Some(Version::ABSENT), ..put(&customer("alice"), json!({})) }],
        ..world.batch()
    };
    world.store.commit(batch.clone()).await.expect("written");
    for _ in 0..2 {
        match world.store.commit(batch.clone()).await {
            Err(CommitError::Claimed { name, outcome: None }) => {
                assert_eq!(name, "step:1", "the first one is named")
            }
            other => panic!("not told of the claim: {other:?}"),
        }
        world.reopen().await;
    }
    // A batch of which one claim is free takes none.
    let mixed = Batch { claims: vec![claim("telegram:1"), claim("key:1")], ..world.batch() };
    match world.store.commit(mixed).await {
        Err(CommitError::Claimed { name, outcome }) => {
            assert_eq!((name.as_str(), outcome), ("key:1", Some(draft.id)))
        }
        other => panic!("not told of the claim: {other:?}"),
    }
    world
        .store
        .commit(Batch { claims: vec![claim("telegram:1")], ..world.batch() })
        .await
        .expect("it is still free");
    world.store.close().await;
}

/// Taken is taken, also for nothing in particular.
pub async fn a_claim_may_have_no_outcome(world: World) {
    world
        .store
        .commit(Batch { claims: vec![claim("key:1")], ..world.batch() })
        .await
        .expect("taken");
    let again = world.store.commit(Batch { claims: vec![claim("key:1")], ..world.batch() }).await;
    assert!(matches!(again, Err(CommitError::Claimed { outcome: None, .. })), "{again:?}");
    world.store.close().await;
}
