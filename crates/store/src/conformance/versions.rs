//! Documents change only as their writers saw them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::world::{World, customer, put};
use crate::{Batch, CommitError, Delete, Expect, Put, Version};

/// 1 after the first write, one more with each.
pub async fn a_document_counts_its_writes(mut world: World) {
    let key = customer("alice");
    assert_eq!(world.document(&key).await, None);
    for version in 1..=3 {
        let puts = vec![Put { expected: Some(Version(version - 1)), ..put(&key, json!(version)) }];
        world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
        world.reopen().await;
        assert_eq!(world.document(&key).await, Some((Version(version), json!(version))));
    }
    world.store.close().await;
}

/// Put, delete and expect refuse a document that is not at their version, in either direction.
pub async fn a_wrong_version_is_refused(world: World) {
    let key = customer("alice");
    world
        .store
        .commit(Batch { puts: vec![put(&key, json!(1))], ..world.batch() })
        .await
        .expect("written");
    let right = Version(1);
    for wrong in [Version::ABSENT, Version(2)] {
        let batches = [
            Batch {
                puts: vec![Put { expected: Some(wrong), ..put(&key, json!(2)) }],
                ..world.batch()
            },
            Batch {
                deletes: vec![Delete { key: key.clone(), expected: Some(wrong) }],
                ..world.batch()
            },
            Batch { expects: vec![Expect { key: key.clone(), version: wrong }], ..world.batch() },
        ];
        for batch in batches {
            match world.store.commit(batch).await {
                Err(CommitError::Conflict { key: named }) => assert_eq!(named, key),
                other => panic!("not a conflict: {other:?}"),
            }
        }
    }
    assert_eq!(world.document(&key).await, Some((right, json!(1))));
    let expects = vec![Expect { key: key.clone(), version: right }];
    let deletes = vec![Delete { key: key.clone(), expected: Some(right) }];
    world
        .store
        .commit(Batch { expects, deletes, ..world.batch() })
        .await
        .expect("the right version goes through");
    assert_eq!(world.document(&key).await, None);
    world.store.close().await;
}

/// Many tasks count up one document; who comes too late looks again. Nothing is lost.
pub async fn no_update_is_lost_among_many_writers(world: World) {
    let key = customer("alice");
    let (tasks, rounds) = (8, 10);
    let writers: Vec<_> = (0..tasks)
        .map(|_| {
            let (store, workspace, key) = (Arc::clone(&world.store), world.workspace, key.clone());
            tokio::spawn(async move {
                let mut written = 0;
                while written < rounds {
                    let document = store.document(workspace, &key).await.expect("read");
                    let (version, count) = document.map_or((Version::ABSENT, 0), |document| {
                        (document.version, document.body.as_u64().expect("a number"))
                    });
                    let puts = vec![Put { expected: Some(version), ..put(&key, json!(count + 1)) }];
                    match store.commit(Batch { puts, ..Batch::new(workspace) }).await {
                        Ok(_) => written += 1,
                        Err(error) => {
                            assert!(matches!(error, CommitError::Conflict { .. }), "{error:?}")
                        }
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    let total: u64 = tasks * rounds;
    assert_eq!(world.document(&key).await, Some((Version(total), Value::from(total))));
    world.store.close().await;
}
