//! A store whose process is killed at any moment keeps all that it acknowledged.
//!
//! The test starts itself again as a child that writes without end and tells of each acknowledged batch, kills it, and
//! looks at the file; several rounds on the same file, so that what one crash leaves is what the next begins with.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidings_model::{Clock, Draft, EventId, Seq, ThreadId, Timestamp, WorkspaceId};
use tidings_store::conformance::{HandClock, Place, everything};
use tidings_store::{Batch, Claim, DocKey, Kind, Put, Store};
use tidings_store_sqlite::{Options, SqliteStore};
use uuid::Uuid;

use crate::place::Folder;

/// Tells the child where to write; set by the test itself.
const CHILD: &str = "TIDINGS_TEST_CRASH_CHILD";

/// Times that the child is killed.
const ROUNDS: u64 = 6;

/// Tasks of the child that write at once.
const WRITERS: u128 = 8;

const WORKSPACE: WorkspaceId = WorkspaceId::new(Uuid::from_u128(0xA11CE));

#[test]
fn a_killed_store_keeps_what_it_acknowledged() {
    if let Some(file) = std::env::var_os(CHILD) {
        write_until_killed(Path::new(&file));
    }
    let folder = Folder::new();
    // What was acknowledged: the event's id and its number.
    let mut acknowledged: BTreeMap<u128, u64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().expect("the test's own file"))
            .args(["--exact", "crash::a_killed_store_keeps_what_it_acknowledged", "--nocapture"])
            .env(CHILD, folder.file())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        // Differently long, in batches instead of time: the kill falls anywhere within a commit.
        let mut left = 40 + round * 137;
        for line in lines {
            let Ok(line) = line else { break };
            let Some((id, seq)) =
                line.strip_prefix("acknowledged ").and_then(|told| told.split_once(' '))
            else {
                continue;
            };
            acknowledged.insert(id.parse().expect("an id"), seq.parse().expect("a number"));
            left = left.saturating_sub(1);
            if left == 0 {
                // What is in the pipe is read to its end: it was acknowledged before the kill.
                child.kill().expect("killed");
            }
        }
        child.wait().expect("ended");
        assert_eq!(left, 0, "the child wrote until it was killed");
        check(&folder, &acknowledged);
    }
}

fn check(folder: &Folder, acknowledged: &BTreeMap<u128, u64>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = folder.open(HandClock::new());
        assert_eq!(store.verify().await.expect("verified"), [""; 0]);
        let all = everything(&*store, WORKSPACE).await;
        let mut orders: BTreeMap<ThreadId, u64> = BTreeMap::new();
        let mut found: BTreeMap<u128, u64> = BTreeMap::new();
        for (index, event) in all.events.iter().enumerate() {
            assert_eq!(event.seq, Seq(index as u64 + 1), "numbers have no gap");
            let last = orders.entry(event.thread.expect("all are in a thread")).or_default();
            *last += 1;
            assert_eq!(event.order.map(|order| order.0), Some(*last), "orders have no gap");
            assert!(
                found.insert(event.id.uuid().as_u128(), event.seq.0).is_none(),
                "no event is there twice"
            );
        }
        for (id, seq) in acknowledged {
            assert_eq!(found.get(id), Some(seq), "an acknowledged event is there, with its number");
            let document = DocKey::new(Kind::Run, id);
            assert!(
                store.document(WORKSPACE, &document).await.expect("read").is_some(),
                "with its document"
            );
            let claim = store.claim(WORKSPACE, &id.to_string()).await.expect("read");
            assert_eq!(claim.map(|event| event.uuid().as_u128()), Some(*id), "with its claim");
        }
        assert_eq!(all.documents.len(), found.len(), "a batch is whole or not there");
        store.close().await;
    });
}

/// The child: never returns.
fn write_until_killed(file: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let clock: Arc<dyn Clock> = HandClock::new();
        let store =
            Arc::new(SqliteStore::open(file, Options::default(), clock).expect("the store opens"));
        let begin = u128::from(store.last_seq(WORKSPACE).await.expect("read").0) << 32;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    for count in 0.. {
                        let id = begin + count * WRITERS + writer + 1;
                        let committed = store.commit(batch(id)).await.expect("written");
                        let seq = committed.events[0].seq;
                        // One write, so that a line is whole.
                        let line = format!("acknowledged {id} {seq}\n");
                        std::io::stdout().write_all(line.as_bytes()).expect("told");
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.expect("writes until it is killed");
        }
    });
    std::thread::sleep(Duration::MAX);
}

fn batch(id: u128) -> Batch {
    let event = EventId::new(Uuid::from_u128(id));
    let event_type = "chat.message".parse().expect("a good name");
    let mut draft =
        Draft::new(event, event_type, WORKSPACE, Timestamp::UNIX_EPOCH, json!({ "text": "hello" }));
    draft.thread = Some(ThreadId::new(Uuid::from_u128(id % 3)));
    let key = DocKey::new(Kind::Run, id);
    Batch {
        claims: vec![Claim { name: id.to_string(), outcome: Some(event) }],
        events: vec![draft],
        puts: vec![Put {
            key,
            expected: None,
            body: json!({ "of": "the event" }).into(),
            index: Vec::new(),
        }],
        ..Batch::new(WORKSPACE)
    }
}
