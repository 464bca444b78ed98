//! Documents are listed by id and by their index entries.

use serde_json::json;

use super::world::{World, customer, put};
use crate::{Batch, Delete, DocKey, DocumentQuery, Kind, Put, Scan, Version};

fn equal(value: &str) -> Scan {
    Scan::Equal { name: "group", value: value.into() }
}

fn newest(value: &str) -> Scan {
    Scan::EqualNewest { name: "group", value: value.into() }
}

/// All ids that a scan gives, page by page, and how many pages that took.
async fn ids(world: &World, scan: Scan, limit: usize) -> (Vec<String>, usize) {
    let mut ids = Vec::new();
    let mut after = None;
    for pages in 1.. {
        let query = DocumentQuery { kind: Kind::Customer, scan: scan.clone(), after, limit };
        let page =
            world.store.documents(world.workspace, query).await.expect("documents can be read");
        assert!(page.documents.len() <= limit, "a page is no longer than asked for");
        ids.extend(page.documents.into_iter().map(|document| document.key.id));
        after = page.next;
        if after.is_none() {
            return (ids, pages);
        }
    }
    unreachable!("a scan ends");
}

fn in_group(id: &str, group: &str) -> Put {
    Put { index: vec![("group", group.into())], ..put(&customer(id), json!({ "group": group })) }
}

/// All documents of a kind come, each once, in order, in both directions.
pub async fn a_page_leads_to_the_next(world: World) {
    let names: Vec<String> = (0..7).map(|number| format!("customer-{number}")).collect();
    let mut puts: Vec<Put> =
        names.iter().rev().map(|name| put(&customer(name), json!({}))).collect();
    puts.push(put(&DocKey::new(Kind::Chat, "customer-3"), json!({})));
    world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
    let mut backwards = names.clone();
    backwards.reverse();
    for (limit, pages) in [(1, 7), (3, 3), (7, 1), (100, 1)] {
        assert_eq!(
            ids(&world, Scan::All, limit).await,
            (names.clone(), pages),
            "rising, {limit} a page"
        );
        assert_eq!(
            ids(&world, Scan::Newest, limit).await,
            (backwards.clone(), pages),
            "falling, {limit} a page"
        );
    }
    world.store.close().await;
}

/// A document is found by what it says now, not by what it said.
pub async fn an_index_entry_is_replaced_with_its_document(mut world: World) {
    let write = async |world: &World, puts: Vec<Put>| {
        world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
    };
    write(&world, vec![in_group("alice", "sales"), in_group("bob", "sales")]).await;
    assert_eq!(ids(&world, equal("sales"), 10).await.0, ["alice", "bob"]);
    write(&world, vec![in_group("alice", "support")]).await;
    assert_eq!(ids(&world, equal("sales"), 10).await.0, ["bob"]);
    assert_eq!(ids(&world, equal("support"), 10).await.0, ["alice"]);
    // Written again with the same entry, then without any.
    write(&world, vec![in_group("alice", "support")]).await;
    world.reopen().await;
    assert_eq!(ids(&world, equal("support"), 10).await.0, ["alice"]);
    write(&world, vec![put(&customer("alice"), json!({}))]).await;
    assert_eq!(ids(&world, equal("support"), 10).await.0, [""; 0]);
    let deletes = vec![Delete { key: customer("bob"), expected: None }];
    world.store.commit(Batch { deletes, ..world.batch() }).await.expect("removed");
    assert_eq!(ids(&world, equal("sales"), 10).await.0, [""; 0]);
    // Made anew: it counts from the start, and is found again.
    write(&world, vec![in_group("bob", "sales")]).await;
    assert_eq!(ids(&world, newest("sales"), 10).await.0, ["bob"]);
    assert_eq!(world.document(&customer("bob")).await.expect("there").0, Version(1));
    world.store.close().await;
}

/// The documents with one value come in pages, first or last id first; names and values that only begin alike are others.
pub async fn an_index_is_paged_in_both_directions(world: World) {
    let mut puts: Vec<Put> = (0..9)
        .map(|n| in_group(&format!("c{n}"), if n % 3 == 0 { "sales" } else { "s" }))
        .collect();
    puts.push(Put { index: vec![("grou", "psales".into())], ..put(&customer("c99"), json!({})) });
    world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
    assert_eq!(
        ids(&world, equal("sales"), 2).await,
        (vec!["c0".into(), "c3".into(), "c6".into()], 2)
    );
    assert_eq!(
        ids(&world, newest("sales"), 1).await,
        (vec!["c6".into(), "c3".into(), "c0".into()], 3)
    );
    assert_eq!(ids(&world, equal("s"), 4).await.0, ["c1", "c2", "c4", "c5", "c7", "c8"]);
    assert_eq!(ids(&world, equal(""), 4).await.0, [""; 0]);
    world.store.close().await;
}

/// By the store's clock.
pub async fn a_document_tells_when_it_was_written(world: World) {
    for _ in 0..2 {
        world.clock.advance(60);
        let puts = vec![put(&customer("alice"), json!({ "text": "ä😀", "number": 1.5 }))];
        world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
        let document = world
            .store
            .document(world.workspace, &customer("alice"))
            .await
            .expect("read")
            .expect("there");
        assert_eq!(document.updated_at, tidings_model::Clock::now(&*world.clock));
        assert_eq!(document.body, json!({ "text": "ä😀", "number": 1.5 }));
    }
    world.store.close().await;
}
