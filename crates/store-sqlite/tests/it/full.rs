//! A full disk, and a full queue: the caller is told, and it goes on as soon as there is room.

use std::sync::Arc;

use serde_json::json;
use tidings_model::{Seq, Timestamp};
use tidings_store::conformance::world::{customer, put};
use tidings_store::conformance::{HandClock, Place, World, everything};
use tidings_store::{Batch, CommitError, Store};
use tidings_store_sqlite::{Options, SqliteStore};

use crate::place::Folder;

/// Enough for the tables and some hundred events.
const SMALL: Options = Options {
    synchronous: tidings_store_sqlite::Synchronous::Full,
    readers: 2,
    queue: 64,
    pages_max: Some(80),
};

struct SmallFolder(Folder);

impl Place for SmallFolder {
    fn open(&self, clock: Arc<dyn tidings_model::Clock>) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.0.file(), SMALL, clock).expect("the store opens"))
    }

    fn open_copy(
        &self,
        copy: &std::path::Path,
        clock: Arc<dyn tidings_model::Clock>,
    ) -> Arc<dyn Store> {
        self.0.open_copy(copy, clock)
    }

    fn copy_path(&self) -> std::path::PathBuf {
        self.0.copy_path()
    }
}

fn large(world: &World) -> Batch {
    let mut draft = world.message(&"hello ".repeat(300));
    draft.thread = Some(tidings_model::ThreadId::new(world.workspace.uuid()));
    Batch { events: vec![draft], ..world.batch() }
}

/// Writes until the disk is full, and returns what had been written by then.
async fn fill(world: &World) -> u64 {
    for written in world.store.last_seq(world.workspace).await.expect("read").0.. {
        match world.store.commit(large(world)).await {
            Ok(committed) => assert_eq!(committed.events[0].seq, Seq(written + 1)),
            Err(CommitError::DiskFull) => return written,
            Err(other) => panic!("refused for another reason: {other:?}"),
        }
    }
    unreachable!("the disk is never full");
}

#[tokio::test]
async fn a_full_disk_is_told_and_writes_resume() {
    let mut world = World::new(Box::new(SmallFolder(Folder::new())));
    let written = fill(&world).await;
    let before = everything(&*world.store, world.workspace).await;
    assert_eq!(before.events.len() as u64, written, "reads go on");
    // Many at once: all of the transaction are told, and nothing of it stays.
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (store, batch) = (Arc::clone(&world.store), large(&world));
            tokio::spawn(async move { store.commit(batch).await })
        })
        .collect();
    for caller in callers {
        let answer = caller.await.expect("a caller ends");
        assert!(matches!(answer, Err(CommitError::DiskFull)), "{answer:?}");
    }
    assert_eq!(everything(&*world.store, world.workspace).await, before);
    assert_eq!(world.store.tail(world.workspace).head(), Seq(written));

    // Room is made while the store runs.
    world
        .store
        .forget(world.workspace, Seq(written / 2), Timestamp::UNIX_EPOCH)
        .await
        .expect("forgotten");
    let committed = world.store.commit(large(&world)).await.expect("writes resume by themselves");
    assert_eq!(committed.events[0].seq, Seq(written + 1), "no number was lost");
    assert_eq!(
        committed.events[0].order.map(|order| order.0),
        Some(written + 1),
        "no order was lost"
    );
    assert!(fill(&world).await > written);

    world.reopen().await;
    assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
    assert!(matches!(world.store.commit(large(&world)).await, Err(CommitError::DiskFull)));
    world.store.close().await;
}

#[tokio::test]
async fn more_room_after_a_full_disk_lets_writes_resume() {
    let folder = Folder::new();
    let file = folder.file();
    let mut world = World::new(Box::new(SmallFolder(folder)));
    let written = fill(&world).await;
    world.store.close().await;
    world.store = Arc::new(
        SqliteStore::open(&file, Options::default(), HandClock::new()).expect("the store opens"),
    );
    let committed = world.store.commit(large(&world)).await.expect("there is room");
    assert_eq!(committed.events[0].seq, Seq(written + 1));
    world.store.close().await;
}

/// A batch that was good fails with the one after it, when both are in one transaction; its numbers are free again.
#[tokio::test]
async fn a_failed_transaction_moves_no_counter() {
    let folder = Folder::new();
    let file = folder.file();
    let world = World::new(Box::new(SmallFolder(folder)));
    world.say("before").await;
    let holder = rusqlite::Connection::open(&file).expect("opened beside");
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    // Whatever the writer took already: the last two are in one transaction.
    let batches =
        ["hello".into(), "hello".into(), "too large for the disk ".repeat(100_000)].map(|text| {
            let mut draft = world.message(&text);
            draft.thread = Some(tidings_model::ThreadId::new(world.workspace.uuid()));
            Batch { events: vec![draft], ..world.batch() }
        });
    let mut callers = Vec::new();
    for batch in batches {
        let store = Arc::clone(&world.store);
        let mut commit = Box::pin(async move { store.commit(batch).await });
        assert!(poll_once(&mut commit).await.is_none(), "the file is held");
        callers.push(commit);
    }
    holder.execute_batch("ROLLBACK").expect("let go");
    let mut written = 1;
    let mut failed = 0;
    for caller in callers {
        match caller.await {
            Ok(_) => written += 1,
            Err(CommitError::DiskFull) => failed += 1,
            Err(other) => panic!("refused for another reason: {other:?}"),
        }
    }
    assert!(failed > 0, "the large one does not fit");
    assert_eq!(world.log().await.len(), written);
    let mut draft = world.message("after");
    draft.thread = Some(tidings_model::ThreadId::new(world.workspace.uuid()));
    let committed =
        world.store.commit(Batch { events: vec![draft], ..world.batch() }).await.expect("it fits");
    assert_eq!(committed.events[0].seq, Seq(written as u64 + 1), "no number was lost");
    assert_eq!(
        committed.events[0].order.map(|order| order.0),
        Some(written as u64),
        "no order was lost"
    );
    world.store.close().await;
}

#[tokio::test]
async fn a_full_queue_is_told_and_what_waits_is_written() {
    let folder = Folder::new();
    let file = folder.file();
    let world = World::new(Box::new(SmallFolder(folder)));
    // Holds the writer up: it takes a group, and waits for the file.
    let holder = rusqlite::Connection::open(&file).expect("opened beside");
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    let puts = |number: usize| vec![put(&customer(&number.to_string()), json!(number))];
    let mut callers = Vec::new();
    let mut overloaded = 0;
    for number in 0..1_000 {
        let batch = Batch { puts: puts(number), ..world.batch() };
        let mut commit = Box::pin({
            let store = Arc::clone(&world.store);
            async move { store.commit(batch).await }
        });
        // Once is enough to put it in line.
        match poll_once(&mut commit).await {
            None => callers.push(commit),
            Some(Err(CommitError::Overloaded)) => {
                overloaded += 1;
                break;
            }
            Some(other) => panic!("answered while the file was held: {other:?}"),
        }
    }
    assert_eq!(overloaded, 1, "a full queue is told");
    assert!(callers.len() >= SMALL.queue, "the queue takes what it promises");
    holder.execute_batch("ROLLBACK").expect("let go");
    let waiting = callers.len();
    for caller in callers {
        caller.await.expect("what waited is written");
    }
    let stats = world.store.stats().await.expect("counted");
    assert_eq!(stats.documents, waiting as u64);
    world.store.close().await;
}

/// Asks a future once.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
