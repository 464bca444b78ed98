//! How many single-event batches per second the store takes.
//!
//! `cargo run --release -p tidings-store-postgres --example throughput -- URL [CALLERS] [SECONDS] [NODES] [WORKSPACES]`
//!
//! The database at the URL is written to; give it an empty one. So many stores are opened in this process as there are
//! nodes, the callers are spread over them, and each commits one event at a time.
//! Beside it, `pgbench` may insert the same row singly: `examples/pgbench.sql` says how.

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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tidings_bus::Alone;
use tidings_model::{
    Author, ChatId, Clock, CustomerId, Draft, EventId, ThreadId, Timestamp, WorkspaceId,
};
use tidings_store::{Batch, Store};
use tidings_store_postgres::{Options, PostgresStore};
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

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of an empty database");
    let mut number =
        |default: usize| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (callers, seconds, nodes, workspaces) = (number(64), number(5), number(1), number(1));
    let mut stores: Vec<Arc<dyn Store>> = Vec::new();
    for _ in 0..nodes {
        let bus = Arc::new(Alone::default());
        let store = PostgresStore::open(Options::new(&url), Arc::new(RealClock), bus).await;
        stores.push(Arc::new(store.expect("the store opens")));
    }
    let workspaces: Vec<WorkspaceId> =
        (0..workspaces).map(|_| WorkspaceId::new(Uuid::now_v7())).collect();
    let chats: Arc<[(ChatId, ThreadId)]> =
        (0..1_000).map(|_| (ChatId::new(Uuid::now_v7()), ThreadId::new(Uuid::now_v7()))).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let store = Arc::clone(&stores[caller % stores.len()]);
            let workspace = workspaces[caller % workspaces.len()];
            let (chats, stop) = (Arc::clone(&chats), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                let mut turn = caller * 7_919;
                while !stop.load(Ordering::Relaxed) {
                    turn = turn
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let (chat, thread) = chats[(turn >> 33) % chats.len()];
                    let batch = batch(workspace, chat, thread);
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
    println!(
        "{callers} callers, {nodes} nodes, {} workspaces: {} batches/s, p50 {:?}, p99 {:?}",
        workspaces.len(),
        latencies.len() / seconds.max(1),
        percentile(latencies.clone(), 50),
        percentile(latencies, 99),
    );
    for store in stores {
        store.close().await;
    }
}

fn batch(workspace: WorkspaceId, chat: ChatId, thread: ThreadId) -> Batch {
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
    Batch { events: vec![draft], ..Batch::new(workspace) }
}

fn percentile(mut latencies: Vec<Duration>, percent: usize) -> Duration {
    latencies.sort_unstable();
    latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default()
}
