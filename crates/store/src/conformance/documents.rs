//! Documents are listed by id and by their index entries.

use serde_json::json;

use super::world::{World, customer, put};
use crate::{
    Batch, CountOf, Delete, DocKey, DocumentQuery, Kind, Place, Put, ReadError, Scan, TALLIED,
    Version,
};

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

fn in_groups(id: &str, name: &'static str, groups: &[&str]) -> Put {
    let index = groups.iter().map(|group| (name, (*group).to_owned())).collect();
    Put { index, ..put(&customer(id), json!({})) }
}

/// It is found by each, and no more by those that it has lost.
pub async fn a_document_has_several_entries_of_one_name(mut world: World) {
    let write = async |world: &World, puts: Vec<Put>| {
        world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
    };
    write(&world, vec![in_groups("alice", "group", &["sales", "support"])]).await;
    write(&world, vec![in_groups("bob", "group", &["support"])]).await;
    assert_eq!(ids(&world, equal("sales"), 10).await.0, ["alice"]);
    assert_eq!(ids(&world, equal("support"), 1).await.0, ["alice", "bob"]);
    write(&world, vec![in_groups("alice", "group", &["support", "night", "sales"])]).await;
    write(&world, vec![in_groups("alice", "group", &["night", "support"])]).await;
    world.reopen().await;
    assert_eq!(ids(&world, equal("sales"), 10).await.0, [""; 0]);
    assert_eq!(ids(&world, equal("night"), 10).await.0, ["alice"]);
    assert_eq!(ids(&world, newest("support"), 1).await.0, ["bob", "alice"]);
    let deletes = vec![Delete { key: customer("alice"), expected: None }];
    world.store.commit(Batch { deletes, ..world.batch() }).await.expect("removed");
    assert_eq!(ids(&world, equal("night"), 10).await.0, [""; 0]);
    assert_eq!(ids(&world, equal("support"), 10).await.0, ["bob"]);
    world.store.close().await;
}

fn range(from: Option<&str>, to: Option<&str>, newest_first: bool) -> Scan {
    let (from, to) = (from.map(Into::into), to.map(Into::into));
    Scan::Range { name: "at", from, to, newest_first }
}

/// By value, then by id; from the first bound up to before the second; a place leads on in both directions, also when
/// what lies there has moved meanwhile.
pub async fn a_range_is_paged_in_both_directions(world: World) {
    let mut puts: Vec<Put> =
        [("a", "3"), ("b", "1"), ("c", "2"), ("d", "2"), ("e", "20"), ("f", "ä:")]
            .map(|(id, at)| in_groups(id, "at", &[at]))
            .into();
    puts.push(in_groups("twice", "at", &["1", "4"]));
    puts.push(in_groups("elsewhere", "a", &["t2"]));
    puts.push(Put {
        index: vec![("at", "2".into())],
        ..put(&DocKey::new(Kind::Chat, "x"), json!({}))
    });
    world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
    let whole = ["b", "twice", "c", "d", "e", "a", "twice", "f"];
    let mut backwards = whole;
    backwards.reverse();
    for limit in [1, 2, 3, 8, 100] {
        let pages = whole.len().div_ceil(limit);
        let rising = ids(&world, range(None, None, false), limit).await;
        assert_eq!(rising, (whole.map(String::from).into(), pages), "{limit} a page");
        let falling = ids(&world, range(None, None, true), limit).await;
        assert_eq!(falling, (backwards.map(String::from).into(), pages), "{limit} a page");
    }
    assert_eq!(ids(&world, range(Some("2"), Some("3"), false), 2).await.0, ["c", "d", "e"]);
    assert_eq!(ids(&world, range(Some("2"), Some("3"), true), 2).await.0, ["e", "d", "c"]);
    assert_eq!(ids(&world, range(Some("20"), None, true), 1).await.0, ["f", "twice", "a", "e"]);
    assert_eq!(ids(&world, range(None, Some("2"), true), 9).await.0, ["twice", "b"]);
    assert_eq!(ids(&world, range(Some("3"), Some("2"), true), 9).await.0, [""; 0]);

    // Read on after a place, there and back, while its document moves.
    let query = |newest_first, after: Option<Place>| DocumentQuery {
        kind: Kind::Customer,
        scan: range(Some("2"), None, newest_first),
        after: after.map(|place| place.to_string()),
        limit: 2,
    };
    let page = async |newest_first, after| {
        let page = world.store.documents(world.workspace, query(newest_first, after)).await;
        let page = page.expect("documents can be read");
        let ids: Vec<String> = page.documents.into_iter().map(|it| it.key.id).collect();
        (ids.join(" "), page.next.map(|next| next.parse::<Place>().expect("a place")))
    };
    let (first, next) = page(false, None).await;
    assert_eq!(first, "c d");
    let place = Place { value: "2".into(), id: "d".into() };
    assert_eq!(next, Some(place.clone()));
    world
        .store
        .commit(Batch { puts: vec![in_groups("d", "at", &["0"])], ..world.batch() })
        .await
        .expect("moved");
    assert_eq!(page(false, Some(place.clone())).await.0, "e a");
    assert_eq!(page(true, Some(place)).await, ("c".into(), None));
    let odd = DocumentQuery { after: Some("nowhere".into()), ..query(true, None) };
    let refused = world.store.documents(world.workspace, odd).await;
    assert!(matches!(refused, Err(ReadError::Engine { .. })), "{refused:?}");
    world.store.close().await;
}

/// By kind, by name and by entry, after every change; a document counts once however many entries it has.
pub async fn documents_are_counted(mut world: World) {
    let counts = async |world: &World, name: &'static str| {
        let mut counts = Vec::new();
        let equal = |value: &str| CountOf::Equal { name, value: value.into() };
        for of in
            [CountOf::All, CountOf::Named { name }, equal("sales"), equal("support"), equal("")]
        {
            let count = world.store.count(world.workspace, Kind::Customer, of).await;
            counts.push(count.expect("documents can be counted"));
        }
        counts
    };
    assert!(TALLIED.contains(&"access") && !TALLIED.contains(&"group"));
    for name in ["access", "group"] {
        let write = async |world: &World, puts: Vec<Put>| {
            world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
        };
        assert_eq!(counts(&world, name).await, [0; 5], "{name}");
        write(&world, vec![in_groups("alice", name, &["sales", "support"])]).await;
        let others = vec![
            in_groups("bob", name, &["sales", ""]),
            in_groups("carol", name, &[]),
            Put {
                index: vec![(name, "sales".into())],
                ..put(&DocKey::new(Kind::Chat, "x"), json!({}))
            },
        ];
        write(&world, others).await;
        assert_eq!(counts(&world, name).await, [3, 2, 2, 1, 1], "{name}");
        // Refused batches count nothing.
        let refused = Put { expected: Some(Version(9)), ..in_groups("bob", name, &[]) };
        let batch =
            Batch { puts: vec![in_groups("dave", name, &["sales"]), refused], ..world.batch() };
        world.store.commit(batch).await.expect_err("a wrong version");
        assert_eq!(counts(&world, name).await, [3, 2, 2, 1, 1], "{name}");
        write(&world, vec![in_groups("alice", name, &["support"]), in_groups("bob", name, &[])])
            .await;
        world.reopen().await;
        assert_eq!(counts(&world, name).await, [3, 1, 0, 1, 0], "{name}");
        assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
        let deletes = ["alice", "bob", "carol", "dave"]
            .map(|id| Delete { key: customer(id), expected: None })
            .into();
        world.store.commit(Batch { deletes, ..world.batch() }).await.expect("removed");
        assert_eq!(counts(&world, name).await, [0; 5], "{name}");
    }
    assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
    world.store.close().await;
}
