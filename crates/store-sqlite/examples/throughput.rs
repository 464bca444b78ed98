//! How many single-event batches per second the store takes, and what one costs.
//!
//! `cargo run --release -p tidings-store-sqlite --example throughput -- FOLDER [CALLERS] [SECONDS] [CHATS]`
//!
//! Prints: batches per second of so many concurrent callers, processor time per event (of the whole process, callers
//! included), commit latency of one caller in an idle store, and what a bare 4 KiB append with `fdatasync` takes beside.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring program prints, and reads the clock"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measuring program may end early"
)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tidings_model::{
    Author, ChatId, Clock, CustomerId, Draft, EventId, ThreadId, Timestamp, WorkspaceId,
};
use tidings_store::{Batch, Claim, Store};
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

#[derive(Clone, Copy)]
enum Work {
    /// One event.
    Event,
    /// One event and a claim, as an accepted webhook.
    Claimed,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder to write to");
    let mut number =
        |default: usize| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (callers, seconds, chats) = (number(64), number(5), number(1_000));
    let folder = tempfile::tempdir_in(folder).expect("a folder to write to");

    println!("bare append of 4 KiB + fdatasync, p50: {:?}", bare_sync(folder.path()));
    for work in [Work::Event, Work::Claimed] {
        let path = folder.path().join(match work {
            Work::Event => "event.db",
            Work::Claimed => "claimed.db",
        });
        let store = SqliteStore::open(&path, Options::default(), Arc::new(RealClock))
            .expect("the store opens");
        let store: Arc<dyn Store> = Arc::new(store);
        let workspace = WorkspaceId::new(Uuid::now_v7());
        let chats: Arc<[(ChatId, ThreadId)]> = (0..chats)
            .map(|_| (ChatId::new(Uuid::now_v7()), ThreadId::new(Uuid::now_v7())))
            .collect();
        let (idle_count, idle) = measure(&store, workspace, &chats, 1, 1, work).await;
        println!("1 caller: {idle_count} batches/s, p50 {:?}", percentile(idle, 50));
        let before = processor_time();
        let (count, latencies) = measure(&store, workspace, &chats, callers, seconds, work).await;
        let spent = processor_time().saturating_sub(before);
        println!(
            "{}, {callers} callers: {} batches/s, p50 {:?}, p99 {:?}, {:.1} us of processor per event",
            match work {
                Work::Event => "event",
                Work::Claimed => "event + claim",
            },
            count / seconds,
            percentile(latencies.clone(), 50),
            percentile(latencies, 99),
            spent.as_micros() as f64 / count as f64,
        );
        let begin = Instant::now();
        let findings = store.verify().await.expect("verified");
        let stats = store.stats().await.expect("sizes");
        println!(
            "verified {} events in {:?}: {} findings; {} bytes per event",
            stats.events,
            begin.elapsed(),
            findings.len(),
            stats.bytes / stats.events.max(1)
        );
        store.close().await;
    }
}

async fn measure(
    store: &Arc<dyn Store>,
    workspace: WorkspaceId,
    chats: &Arc<[(ChatId, ThreadId)]>,
    callers: usize,
    seconds: usize,
    work: Work,
) -> (usize, Vec<Duration>) {
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (store, chats, stop) = (Arc::clone(store), Arc::clone(chats), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                let mut turn = caller * 7_919;
                while !stop.load(Ordering::Relaxed) {
                    turn = turn
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let (chat, thread) = chats[(turn >> 33) % chats.len()];
                    let batch = batch(workspace, chat, thread, work);
                    let begin = Instant::now();
                    store.commit(batch).await.expect("written");
                    latencies.push(begin.elapsed());
                }
                latencies
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("a caller ends"));
    }
    (latencies.len(), latencies)
}

fn batch(workspace: WorkspaceId, chat: ChatId, thread: ThreadId, work: Work) -> Batch {
    let id = EventId::new(Uuid::now_v7());
    let data = json!({ "text": "Where is my parcel? It was to come on Tuesday and nobody rang." });
    let mut draft = Draft::new(
        id,
        "chat.message".parse().expect("a good name"),
        workspace,
        Timestamp::now(),
        data,
    );
    draft.chat = Some(chat);
    draft.thread = Some(thread);
    draft.author = Author::customer(CustomerId::new(chat.uuid()));
    let claims = match work {
        Work::Event => Vec::new(),
        Work::Claimed => vec![Claim {
            name: format!("telegram:{}:{}", chat.uuid(), id.uuid()),
            outcome: Some(id),
        }],
    };
    Batch { claims, events: vec![draft], ..Batch::new(workspace) }
}

fn percentile(mut latencies: Vec<Duration>, percent: usize) -> Duration {
    latencies.sort_unstable();
    latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default()
}

fn bare_sync(folder: &Path) -> Duration {
    let mut file = std::fs::File::create(folder.join("bare")).expect("a file");
    let latencies = (0..500)
        .map(|_| {
            let begin = Instant::now();
            file.write_all(&[7; 4_096]).and_then(|()| file.sync_data()).expect("written");
            begin.elapsed()
        })
        .collect();
    percentile(latencies, 50)
}

/// User and system time of this process; Linux counts it in hundredths of a second.
fn processor_time() -> Duration {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return Duration::ZERO };
    let ticks: u64 = stat
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
