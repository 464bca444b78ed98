//! What lists and counts cost in a store of many documents, and threads in a long chat.
//!
//! `cargo run --release -p tidings-store-sqlite --example reads -- FOLDER [DOCUMENTS]`
//!
//! Prints the median of each read, through the contract, as a caller sees it.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring program prints, and reads the clock"
)]
#![expect(clippy::expect_used, reason = "a measuring program may end early")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tidings_model::{ChatId, Clock, Draft, EventId, Order, Seq, ThreadId, Timestamp, WorkspaceId};
use tidings_store::{Batch, CountOf, DocKey, DocumentQuery, EventQuery, Kind, Put, Scan, Store};
use tidings_store_sqlite::{Options, SqliteStore};
use uuid::Uuid;

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn next_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Documents in one batch while the store is filled.
const BATCH: usize = 1_000;

/// Times that each read is measured.
const TIMES: u32 = 101;

/// The long chat: so many threads of so many events.
const THREADS: usize = 1_000;
const EVENTS: usize = 20;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder to write to");
    let documents: usize =
        arguments.next().map_or(1_000_000, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir_in(folder).expect("a folder to write to");
    let path = folder.path().join("reads.db");
    let store = SqliteStore::open(&path, Options::default(), Arc::new(RealClock));
    let store = store.expect("the store opens");
    let workspace = WorkspaceId::new(Uuid::now_v7());
    let begin = Instant::now();
    fill(&store, workspace, documents).await;
    println!("{documents} documents written in {:?}", begin.elapsed());
    lists(&store, workspace, documents).await;
    threads(&store, workspace).await;
    let begin = Instant::now();
    let findings = store.verify().await.expect("verified");
    println!("verified in {:?}: {} findings", begin.elapsed(), findings.len());
    store.close().await;
}

/// Chats of 20 groups, one in a hundred live, each with the time of its last thread.
async fn fill(store: &SqliteStore, workspace: WorkspaceId, documents: usize) {
    for batch in 0..documents.div_ceil(BATCH) {
        let puts = (batch * BATCH..documents.min((batch + 1) * BATCH)).map(|number| {
            let mut index = vec![
                ("last_thread", format!("{:012}", number * 7_919 % documents)),
                ("access", (number % 20).to_string()),
                ("customer_chats", format!("customer-{}", number / 2)),
            ];
            if number % 100 == 0 {
                index.push(("live", "yes".into()));
            }
            let body = json!({ "customer": number, "last": "Where is my parcel?" });
            Put {
                key: DocKey::new(Kind::Chat, Uuid::now_v7()),
                expected: None,
                body: body.into(),
                index,
            }
        });
        let batch = Batch { puts: puts.collect(), ..Batch::new(workspace) };
        store.commit(batch).await.expect("written");
    }
}

async fn lists(store: &SqliteStore, workspace: WorkspaceId, documents: usize) {
    let range = |from: Option<usize>, to: Option<usize>, newest_first| Scan::Range {
        name: "last_thread",
        from: from.map(|number| format!("{number:012}")),
        to: to.map(|number| format!("{number:012}")),
        newest_first,
    };
    let middle = Some(documents / 2);
    for (what, scan) in [
        ("newest first", range(None, None, true)),
        ("oldest first", range(None, None, false)),
        ("from the middle, oldest first", range(middle, None, false)),
        ("before the middle, newest first", range(None, middle, true)),
    ] {
        let query = DocumentQuery { kind: Kind::Chat, scan, after: None, limit: 100 };
        let read = async || {
            let page = store.documents(workspace, query.clone()).await.expect("read");
            assert!(!page.documents.is_empty());
        };
        println!("first 100 chats, {what}: {:?}", median(read).await);
    }
    let equal = |name, value: &str| CountOf::Equal { name, value: value.into() };
    for (what, of) in [
        ("all", CountOf::All),
        ("live", CountOf::Named { name: "live" }),
        ("of a group", equal("access", "7")),
        ("of a customer", equal("customer_chats", "customer-5")),
    ] {
        let read = async || {
            let count = store.count(workspace, Kind::Chat, of.clone()).await.expect("counted");
            assert!(count > 0);
        };
        println!("count of chats, {what}: {:?}", median(read).await);
    }
}

async fn threads(store: &SqliteStore, workspace: WorkspaceId) {
    let chat = ChatId::new(Uuid::now_v7());
    let threads: Vec<ThreadId> = (0..THREADS).map(|_| ThreadId::new(Uuid::now_v7())).collect();
    for thread in &threads {
        let event_type: tidings_model::TypeName = "chat.message".parse().expect("a good name");
        let events = (0..EVENTS).map(|_| {
            let id = EventId::new(Uuid::now_v7());
            let data = json!({ "text": "Where is my parcel?" });
            let draft = Draft::new(id, event_type.clone(), workspace, Timestamp::now(), data);
            Draft { chat: Some(chat), thread: Some(*thread), ..draft }
        });
        let batch = Batch { events: events.collect(), ..Batch::new(workspace) };
        store.commit(batch).await.expect("written");
    }
    let thread = *threads.get(THREADS / 2).expect("there");
    let whole = async || {
        let read = store.thread_events(workspace, chat, thread, None, 100).await.expect("read");
        assert_eq!(read.len(), EVENTS);
    };
    println!("a thread of {EVENTS} events of {THREADS} threads: {:?}", median(whole).await);
    let one = async || {
        let read = store.thread_event(workspace, chat, thread, Order(7)).await;
        assert!(read.expect("read").is_some());
    };
    println!("one event of it: {:?}", median(one).await);
    let end = async || {
        let read = store.chat_events(workspace, chat, None, 100).await.expect("read");
        assert_eq!(read.len(), 100);
    };
    println!("the last 100 events of the chat: {:?}", median(end).await);
    let middle = Seq((THREADS * EVENTS / 2) as u64);
    let query = EventQuery { after: middle, limit: 100, chat: Some(chat), types: Vec::new() };
    let from = async || {
        let read = store.events(workspace, query.clone()).await.expect("read");
        assert_eq!(read.len(), 100);
    };
    println!("100 events from its middle: {:?}", median(from).await);
}

async fn median(read: impl AsyncFn()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begin = Instant::now();
        read().await;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
