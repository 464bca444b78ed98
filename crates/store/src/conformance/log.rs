//! Reading the log: by number, id, chat and type.

use std::sync::Arc;

use tidings_model::{Draft, Event, EventId, Seq, Timestamp, TypeName};

use super::world::World;
use crate::read::EVENTS_READ_MAX;
use crate::{Batch, EventQuery};

fn name(text: &str) -> TypeName {
    text.parse().expect("a good name")
}

async fn texts(world: &World, query: EventQuery) -> Vec<String> {
    let events = world.store.events(world.workspace, query).await.expect("events can be read");
    events.iter().map(|event| event.data["text"].as_str().expect("a text").to_owned()).collect()
}

/// An event comes back as it was written, by its id.
pub async fn an_event_is_found_by_its_id(world: World) {
    let mut draft = world.message("hello");
    draft.unknown.insert("of_a_later_version".into(), serde_json::json!([1, { "deep": null }]));
    draft.properties.insert("raw".into(), serde_json::json!({ "b": 1, "a": 2 }));
    let committed = world
        .store
        .commit(Batch { events: vec![draft.clone()], ..world.batch() })
        .await
        .expect("written");
    let found = world.store.event(world.workspace, draft.id).await.expect("read").expect("there");
    assert_eq!(found, committed.events[0]);
    assert_eq!(**found, draft);
    assert_eq!(
        found.body(),
        tidings_model::envelope::write(&draft),
        "byte for byte as it was accepted"
    );
    let nobody = EventId::new(world.workspace.uuid());
    assert_eq!(world.store.event(world.workspace, nobody).await.expect("read"), None);
    world.store.close().await;
}

/// Pages are no longer than asked for, nor than the ceiling, and lead through the whole log.
pub async fn events_come_in_pages_in_order(world: World) {
    let count = EVENTS_READ_MAX + 5;
    let events = (0..count).map(|number| world.message(&number.to_string())).collect();
    world.store.commit(Batch { events, ..world.batch() }).await.expect("written");
    let query = |after, limit| EventQuery { after: Seq(after), limit, ..EventQuery::default() };
    assert_eq!(
        texts(&world, query(0, usize::MAX)).await.len(),
        EVENTS_READ_MAX,
        "there is a ceiling"
    );
    assert_eq!(texts(&world, query(0, 2)).await, ["0", "1"]);
    assert_eq!(texts(&world, query(1_003, 10)).await, ["1003", "1004"]);
    assert_eq!(texts(&world, query(1_005, 10)).await, [""; 0]);
    assert_eq!(texts(&world, query(u64::MAX, 10)).await, [""; 0]);
    assert_eq!(world.store.last_seq(world.workspace).await.expect("read"), Seq(count as u64));
    world.store.close().await;
}

/// The last events of a chat come first, and lead back to its beginning; forwards it reads as the log does.
pub async fn a_chat_is_read_from_its_end(world: World) {
    let (alice, carol) = (world.chat(), world.chat());
    let events: Vec<Draft> = (0..9)
        .map(|number| Draft {
            chat: [Some(alice), Some(carol), None][number % 3],
            ..world.draft(
                world.workspace,
                ["chat.message", "note.added"][number % 2],
                &number.to_string(),
            )
        })
        .collect();
    world.store.commit(Batch { events, ..world.batch() }).await.expect("written");
    let page = async |before: Option<u64>, limit| {
        let page = world.store.chat_events(world.workspace, alice, before.map(Seq), limit).await;
        page.expect("a chat can be read").iter().map(|event| event.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, [7, 4]);
    assert_eq!(page(Some(4), 2).await, [1]);
    assert_eq!(page(Some(1), 2).await, [0; 0]);
    let of_alice = EventQuery { limit: 10, chat: Some(alice), ..EventQuery::default() };
    assert_eq!(texts(&world, of_alice.clone()).await, ["0", "3", "6"]);
    assert_eq!(
        texts(&world, EventQuery { after: Seq(1), limit: 1, ..of_alice.clone() }).await,
        ["3"]
    );
    assert_eq!(
        texts(&world, EventQuery { types: vec![name("note.added")], ..of_alice }).await,
        ["3"]
    );
    let of_nobody = EventQuery { limit: 10, chat: Some(world.chat()), ..EventQuery::default() };
    assert_eq!(texts(&world, of_nobody).await, [""; 0]);
    world.store.close().await;
}

/// However its threads overlap, and whatever is forgotten: each event once, in both directions, from any number on.
pub async fn a_chat_of_many_threads_is_read_in_the_order_of_the_log(world: World) {
    let (chat, other) = (world.chat(), world.chat());
    let threads: Vec<_> = (0..7).map(|_| world.thread()).collect();
    // Whose event comes next looks random and repeats itself: long stretches of one thread, late words in old ones,
    // words in no thread and in another chat. One thread speaks in both chats, though none should.
    let mut turn = 1_u64;
    let drafts: Vec<Draft> = (0..400_usize)
        .map(|number| {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = usize::try_from(turn >> 33).unwrap_or_default();
            let thread = match place % 5 {
                0 => None,
                1 => threads.get(place / 5 % 7),
                2.. => threads.get(number / 60),
            };
            let chat = if place / 35 % 6 == 0 { other } else { chat };
            let event_type = ["chat.message", "note.added"][usize::from(place % 11 == 0)];
            Draft {
                chat: Some(chat),
                thread: thread.copied(),
                ..world.draft(world.workspace, event_type, &number.to_string())
            }
        })
        .collect();
    let mut log = Vec::new();
    for part in drafts.chunks(90) {
        let batch = Batch { events: part.to_vec(), ..world.batch() };
        log.extend(world.store.commit(batch).await.expect("written").events);
    }
    let of_chat = |log: &[Arc<Event>]| -> Vec<u64> {
        log.iter().filter(|event| event.chat == Some(chat)).map(|event| event.seq.0).collect()
    };
    let seqs = |events: Vec<Arc<Event>>| events.iter().map(|it| it.seq.0).collect::<Vec<u64>>();
    for forgotten in [0, 150] {
        world.store.forget(world.workspace, Seq(forgotten), Timestamp::MIN).await.expect("gone");
        log.retain(|event| event.seq.0 > forgotten);
        let all = of_chat(&log);
        assert!(all.len() > 100);
        for (at, limit) in (0..=401).zip([1, 2, 3, 10, 1_000].into_iter().cycle()) {
            let mut expected: Vec<u64> = all.iter().copied().filter(|seq| *seq > at).collect();
            expected.truncate(limit);
            let query = EventQuery { after: Seq(at), limit, chat: Some(chat), types: Vec::new() };
            let found = world.store.events(world.workspace, query).await.expect("read");
            assert_eq!(seqs(found), expected, "{limit} after {at}");
            let mut expected: Vec<u64> = all.iter().copied().filter(|seq| *seq < at).collect();
            expected.reverse();
            expected.truncate(limit);
            let found = world.store.chat_events(world.workspace, chat, Some(Seq(at)), limit).await;
            assert_eq!(seqs(found.expect("read")), expected, "{limit} before {at}");
        }
        let notes: Vec<u64> = (log.iter())
            .filter(|it| it.chat == Some(chat) && it.event_type.as_str() == "note.added")
            .map(|it| it.seq.0)
            .collect();
        let types = vec![name("note.added"), name("never.seen")];
        let query = EventQuery { after: Seq(0), limit: 5, chat: Some(chat), types };
        let found = world.store.events(world.workspace, query).await.expect("read");
        assert_eq!(seqs(found), notes[..5]);
    }
    world.store.close().await;
}

/// A type that comes once in a long log is found by one call; several types are merged in the order of the log.
pub async fn rare_types_are_found(world: World) {
    for part in 0..3 {
        let mut events: Vec<Draft> = (0..EVENTS_READ_MAX).map(|_| world.message("often")).collect();
        events.push(world.draft(world.workspace, "note.added", &format!("note {part}")));
        events.push(world.draft(world.workspace, "chat.closed", &format!("closed {part}")));
        world.store.commit(Batch { events, ..world.batch() }).await.expect("written");
    }
    let query = |after: u64, limit, types: &[&str]| EventQuery {
        after: Seq(after),
        limit,
        types: types.iter().map(|text| name(text)).collect(),
        chat: None,
    };
    assert_eq!(texts(&world, query(0, 10, &["note.added"])).await, ["note 0", "note 1", "note 2"]);
    let both = query(1_500, 3, &["chat.closed", "note.added", "chat.closed"]);
    assert_eq!(texts(&world, both).await, ["note 1", "closed 1", "note 2"]);
    assert_eq!(texts(&world, query(0, 10, &["never.seen"])).await, [""; 0]);
    world.store.close().await;
}
