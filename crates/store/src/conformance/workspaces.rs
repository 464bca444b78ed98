//! Workspaces are apart.

use serde_json::json;
use tidings_model::{Seq, Timestamp, WorkspaceId};

use super::world::{World, claim, customer, put};
use super::{Everything, everything};
use crate::{
    Advance, Batch, DocumentQuery, EventQuery, Kind, Put, Scan, Store, TimerChange, TimerName,
};

fn workspace(world: &World) -> WorkspaceId {
    WorkspaceId::new(tidings_model::Clock::next_id(&*world.clock))
}

/// The same names, threads and chats in two workspaces do not meet; a third, between them, sees nothing.
pub async fn nothing_of_one_is_seen_from_another(world: World) {
    let (chat, thread) = (world.chat(), world.thread());
    let names = [workspace(&world), workspace(&world)];
    let stranger = workspace(&world);
    let mut seen: Vec<Everything> = Vec::new();
    for (index, &name) in names.iter().enumerate() {
        let mut draft = world.draft(name, "chat.message", "hello");
        (draft.chat, draft.thread) = (Some(chat), Some(thread));
        let due = Timestamp::from_second(index as i64).expect("near 1970");
        let batch = Batch {
            claims: vec![claim("key:1")],
            events: vec![draft],
            puts: vec![Put {
                index: vec![("group", "sales".into())],
                ..put(&customer("alice"), json!(index))
            }],
            timers: vec![TimerChange::Set {
                name: TimerName("run:1".into()),
                due,
                body: json!(index),
            }],
            cursors: vec![Advance { reader: "react".into(), to: Seq(index as u64 + 1) }],
            ..Batch::new(name)
        };
        let committed =
            world.store.commit(batch).await.expect("the same names are free in another workspace");
        assert_eq!(
            (committed.events[0].seq, committed.events[0].order.map(|order| order.0)),
            (Seq(1), Some(1))
        );
        seen.push(everything(&*world.store, name).await);
    }
    for (index, name) in names.into_iter().enumerate() {
        let now = everything(&*world.store, name).await;
        assert_eq!(now, seen[index], "the other workspace changed nothing");
        assert_eq!(now.events.len(), 1);
        assert_eq!(now.documents.len(), 1);
        assert_eq!(now.documents[0].body, json!(index));
        assert_eq!(now.timers.len(), 1);
        let in_chat = world.store.chat_events(name, chat, None, 10).await.expect("read");
        assert_eq!(in_chat, now.events, "a chat is read within its workspace");
        for types in [vec![], vec!["chat.message".parse().expect("a good name")]] {
            for chat in [None, Some(chat)] {
                let query =
                    EventQuery { limit: 10, types: types.clone(), chat, ..EventQuery::default() };
                assert_eq!(world.store.events(name, query).await.expect("read"), now.events);
            }
        }
        let scan = Scan::Equal { name: "group", value: "sales".into() };
        let query = DocumentQuery { kind: Kind::Customer, scan, after: None, limit: 10 };
        assert_eq!(
            world.store.documents(name, query).await.expect("read").documents,
            now.documents
        );
        let other = &seen[1 - index].events[0];
        assert_eq!(
            world.store.event(name, other.id).await.expect("read"),
            None,
            "an id leads nowhere else"
        );
    }
    let nothing = everything(&*world.store, stranger).await;
    assert!(
        nothing.events.is_empty()
            && nothing.documents.is_empty()
            && nothing.timers.is_empty()
            && !nothing.listed
    );
    assert_eq!(nothing.last_seq, Seq::START);
    assert_eq!(world.store.tail(stranger).head(), Seq::START);
    // Forgetting in one takes nothing from the other.
    world.store.forget(names[0], Seq(1), Timestamp::MAX).await.expect("forgotten");
    assert_eq!(everything(&*world.store, names[1]).await, seen[1]);
    world.store.close().await;
}

/// In the order of their first batches.
pub async fn workspaces_are_listed_oldest_first(mut world: World) {
    let mut names: Vec<WorkspaceId> = (0..5).map(|_| workspace(&world)).collect();
    names.reverse();
    for &name in &names {
        let events = vec![world.draft(name, "chat.message", "hello")];
        world.store.commit(Batch { events, ..Batch::new(name) }).await.expect("written");
    }
    assert_eq!(listed(&*world.store).await, names);
    world.reopen().await;
    let events = vec![world.draft(names[3], "chat.message", "hello")];
    world.store.commit(Batch { events, ..Batch::new(names[3]) }).await.expect("written");
    assert_eq!(listed(&*world.store).await, names);
    world.store.close().await;
}

async fn listed(store: &dyn Store) -> Vec<WorkspaceId> {
    store.workspaces().await.expect("workspaces can be listed")
}
