//! Many nodes on one database: each is a store of its own, as in a process of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidings_bus::{Alone, Bus, Topic};
use tidings_model::{Clock, Event, EventId, NodeId, Seq, WorkspaceId};
use tidings_services::{Database, Postgres, Proxy};
use tidings_store::conformance::HandClock;
use tidings_store::{Batch, Claim, CommitError, Follower, Node, Nodes, Store};
use tidings_store_postgres::{ListenBus, Options, PostgresStore};
use tokio::time::timeout;

use crate::deaf::HalfDeaf;

/// Far more than a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn node(clock: &HandClock) -> NodeId {
    NodeId::new(clock.next_id())
}

pub(crate) async fn open(
    url: &str,
    clock: &Arc<HandClock>,
    bus: Arc<dyn Bus>,
) -> Arc<PostgresStore> {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Arc::new(PostgresStore::open(Options::new(url), clock, bus).await.expect("the store opens"))
}

pub(crate) async fn alone(url: &str, clock: &Arc<HandClock>) -> Arc<PostgresStore> {
    open(url, clock, Arc::new(Alone::default())).await
}

pub(crate) fn message(clock: &HandClock, workspace: WorkspaceId) -> Batch {
    let id = EventId::new(clock.next_id());
    let event_type = "chat.message".parse().expect("a good name");
    let data = serde_json::json!({ "text": "hello" });
    let draft = tidings_model::Draft::new(id, event_type, workspace, clock.now(), data);
    let claim = Claim { name: format!("key:{id}"), outcome: Some(id) };
    Batch { claims: vec![claim], events: vec![draft], ..Batch::new(workspace) }
}

/// Commits until it is done, as callers do: a claim that is taken says that an earlier try went through.
pub(crate) async fn insist(store: &PostgresStore, batch: &Batch) {
    let all = async {
        loop {
            match store.commit(batch.clone()).await {
                Ok(_) => return,
                Err(CommitError::Claimed { outcome, .. }) => {
                    assert_eq!(outcome, batch.events.first().map(|draft| draft.id));
                    return;
                }
                Err(error) if error.is_passing() => {}
                Err(error) => panic!("refused for good: {error:?}"),
            }
        }
    };
    timeout(PATIENCE, all).await.expect("written in time");
}

/// All events up to a number, each once and in order.
async fn gather(store: Arc<PostgresStore>, workspace: WorkspaceId, last: u64) -> Vec<Arc<Event>> {
    let mut follower = Follower::new(store, workspace, Seq::START);
    let mut events: Vec<Arc<Event>> = Vec::new();
    while follower.after() < Seq(last) {
        let page = timeout(PATIENCE, follower.next(100)).await.expect("told in time");
        for event in page.expect("the log can be read") {
            assert_eq!(event.seq.0, events.len() as u64 + 1, "each event once, in order");
            events.push(event);
        }
    }
    events
}

/// Writers on three nodes, followers on each.
async fn append_at_once(stores: &[Arc<PostgresStore>], clock: &Arc<HandClock>) {
    const WRITERS: usize = 6;
    const BATCHES: usize = 50;
    let workspace = WorkspaceId::new(clock.next_id());
    let total = (WRITERS * BATCHES) as u64;
    let followers: Vec<_> = stores
        .iter()
        .map(|store| tokio::spawn(gather(Arc::clone(store), workspace, total)))
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, clock) = (Arc::clone(&stores[writer % stores.len()]), Arc::clone(clock));
            tokio::spawn(async move {
                for _ in 0..BATCHES {
                    store.commit(message(&clock, workspace)).await.expect("written");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    let mut seen = Vec::new();
    for follower in followers {
        seen.push(follower.await.expect("a follower ends"));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "all nodes saw the same log");
    for store in stores {
        assert_eq!(store.verify().await.expect("verified"), [""; 0]);
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_on_every_node_see_every_event_once_and_in_order() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let mut stores = Vec::new();
    for _ in 0..3 {
        let listen = ListenBus::open(&database.url(), node(&clock), Arc::clone(&clock) as _).await;
        let bus = Arc::new(listen.expect("the bus opens"));
        stores.push(open(&database.url(), &clock, bus).await);
    }
    append_at_once(&stores, &clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_hints_cost_time_only() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let mut stores = Vec::new();
    for _ in 0..3 {
        let listen = ListenBus::open(&database.url(), node(&clock), Arc::clone(&clock) as _).await;
        let bus = HalfDeaf::new(listen.expect("the bus opens"));
        stores.push(open(&database.url(), &clock, Arc::new(bus)).await);
    }
    append_at_once(&stores, &clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hints_at_all_cost_time_only() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(alone(&database.url(), &clock).await);
    }
    append_at_once(&stores, &clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_migrate_once() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let opened: Vec<_> = (0..4)
        .map(|_| {
            let (url, clock) = (database.url(), Arc::clone(&clock));
            tokio::spawn(async move { alone(&url, &clock).await })
        })
        .collect();
    for opened in opened {
        opened.await.expect("a node opens").close().await;
    }
    let count = database.query("SELECT count(*) = max(number) FROM schema_versions").await;
    assert_eq!(count.expect("counted").trim(), "t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_know_of_each_other() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let (one, other) = (alone(&database.url(), &clock).await, alone(&database.url(), &clock).await);
    let of = |name: &str| Node {
        id: node(&clock),
        name: name.into(),
        version: "1.2.3".into(),
        started_at: clock.now(),
        clock: clock.now(),
        state: serde_json::json!({ "holds": name }),
    };
    let (first, second) = (of("first"), of("second"));
    assert_eq!(one.beat(&first).await.expect("said").len(), 1);
    let peers = other.beat(&second).await.expect("said");
    let mut nodes: Vec<&Node> = peers.iter().map(|peer| &peer.node).collect();
    nodes.sort_by_key(|node| node.id);
    assert_eq!(nodes, [&first, &second]);
    assert!(peers.iter().all(|peer| peer.age < PATIENCE));
    // The clock of the test is in 2023.
    assert!(peers.iter().all(|peer| peer.clock_ahead_ms < -1_000));
    one.leave(first.id).await.expect("left");
    let left = other.nodes().await.expect("read");
    assert_eq!(left.iter().map(|peer| &peer.node).collect::<Vec<_>>(), [&second]);
    one.close().await;
    other.close().await;
}

/// Whatever becomes of the connections, what was acknowledged is there, and nothing is there twice.
pub(crate) async fn write_while(
    stores: Vec<Arc<PostgresStore>>,
    clock: &Arc<HandClock>,
    trouble: impl AsyncFn(usize),
    rounds: usize,
) {
    const WRITERS: usize = 8;
    let workspace = WorkspaceId::new(clock.next_id());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, clock) = (Arc::clone(&stores[writer % stores.len()]), Arc::clone(clock));
            let stopped = stopped.clone();
            tokio::spawn(async move {
                let mut written = Vec::new();
                while !*stopped.borrow() {
                    let batch = message(&clock, workspace);
                    insist(&store, &batch).await;
                    written.extend(batch.events.iter().map(|draft| draft.id));
                }
                written
            })
        })
        .collect();
    for round in 0..rounds {
        trouble(round).await;
    }
    stop.send_replace(true);
    let mut written = BTreeSet::new();
    for writer in writers {
        written.extend(writer.await.expect("a writer ends"));
    }
    assert!(!written.is_empty());
    for store in stores {
        let log = gather(Arc::clone(&store), workspace, written.len() as u64).await;
        let ids: BTreeSet<EventId> = log.iter().map(|event| event.id).collect();
        assert_eq!(ids, written, "all that was acknowledged, and each once");
        assert_eq!(store.last_seq(workspace).await.expect("read"), Seq(written.len() as u64));
        assert_eq!(store.verify().await.expect("verified"), [""; 0]);
        store.close().await;
    }
}

/// Ends all other connections to a database, whatever they are doing.
const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_lose_nothing_and_double_nothing() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let stores = vec![alone(&database.url(), &clock).await, alone(&database.url(), &clock).await];
    let kill = async |_| {
        database.query(TERMINATE).await.expect("ended");
    };
    write_while(stores, &clock, kill, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing_and_double_nothing() {
    let database = tidings_services::database().await.expect("a database");
    let proxy = Proxy::start(database.address()).await.expect("a proxy");
    let clock = HandClock::new();
    let url = Postgres::url_by(proxy.address(), database.name());
    let stores = vec![alone(&url, &clock).await, alone(&database.url(), &clock).await];
    let cut = async |round| {
        // A connection is cut wherever it happens to be: between the flights, in one, in the commit.
        tokio::time::sleep(Duration::from_millis(7 + round as u64 % 13)).await;
        proxy.cut();
    };
    write_while(stores, &clock, cut, 100).await;
}

/// A node that freezes with a workspace's lock in its hands holds the others up for seconds only, and does no harm when it
/// goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_node_holds_nobody_for_long() {
    let database = tidings_services::database().await.expect("a database");
    let proxy = Proxy::start(database.address()).await.expect("a proxy");
    let clock = HandClock::new();
    let url = Postgres::url_by(proxy.address(), database.name());
    let (frozen, other) = (alone(&url, &clock).await, alone(&database.url(), &clock).await);
    let workspace = WorkspaceId::new(clock.next_id());
    other.commit(message(&clock, workspace)).await.expect("written");
    // A row lock that nobody gives back: as a node that stopped after its first flight.
    let held = {
        let (frozen, clock) = (Arc::clone(&frozen), Arc::clone(&clock));
        tokio::spawn(async move {
            loop {
                insist(&frozen, &message(&clock, workspace)).await;
            }
        })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    proxy.pause();
    let begin = tokio::time::Instant::now();
    insist(&other, &message(&clock, workspace)).await;
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    proxy.heal();
    insist(&frozen, &message(&clock, workspace)).await;
    held.abort();
    assert_eq!(other.verify().await.expect("verified"), [""; 0]);
    frozen.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_of_any_size_are_heard_by_the_others() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let listen = async || {
        let bus = ListenBus::open(&database.url(), node(&clock), Arc::clone(&clock) as _).await;
        bus.expect("the bus opens")
    };
    let (one, other) = (listen().await, listen().await);
    let (mut own, mut heard) = (one.hear(), other.hear());
    let workspace = WorkspaceId::new(clock.next_id());
    for (bytes, topic) in [0, 1, 5_000, 6_000, 60_000].into_iter().zip(Topic::ALL) {
        let said: Vec<u8> = (0..bytes).map(|place| (place % 251) as u8).collect();
        one.tell(workspace, topic, said.clone().into());
        let hint = timeout(PATIENCE, heard.recv()).await.expect("heard in time").expect("heard");
        assert_eq!((hint.workspace, hint.topic), (workspace, topic));
        assert_eq!(hint.bytes, said);
    }
    assert!(own.try_recv().is_err(), "nobody hears themselves");
    one.tell(workspace, Topic::Signal, vec![0; 200_000].into());
    assert_eq!(one.dropped(), 1, "what is too large is dropped, and counted");
    // The connection is lost: hints are heard again some time later.
    database.query(TERMINATE).await.expect("ended");
    let again = async {
        loop {
            one.tell(workspace, Topic::Signal, "again".into());
            if timeout(Duration::from_millis(50), heard.recv()).await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, again).await.expect("heard again");
}

/// Waits for a database that is used by nobody else, so that it may be stopped.
pub(crate) async fn own_server() -> Postgres {
    tidings_services::postgres().await.expect("a server")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_loses_nothing() {
    use tidings_services::Shutdown;
    let server = own_server().await;
    let clock = HandClock::new();
    let stores = vec![alone(&server.url(), &clock).await, alone(&server.url(), &clock).await];
    let server = tokio::sync::Mutex::new(server);
    let restart = async |round: usize| {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let how = if round.is_multiple_of(2) { Shutdown::Immediate } else { Shutdown::Fast };
        server.lock().await.restart(how).await.expect("started again");
    };
    write_while(stores, &clock, restart, 4).await;
}

/// While the database is away, callers are told so in time; when it is back, all goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_ever_for_a_database_that_is_away() {
    use tidings_services::Shutdown;
    let mut server = own_server().await;
    let clock = HandClock::new();
    let store = alone(&server.url(), &clock).await;
    let workspace = WorkspaceId::new(clock.next_id());
    store.commit(message(&clock, workspace)).await.expect("written");
    server.stop(Shutdown::Fast).await.expect("stopped");
    let (written, read) = tokio::join!(
        timeout(PATIENCE, store.commit(message(&clock, workspace))),
        timeout(PATIENCE, store.last_seq(workspace)),
    );
    let refused = written.expect("told in time").expect_err("nothing can be written");
    assert!(refused.is_passing(), "{refused:?}");
    read.expect("told in time").expect_err("nothing can be read");
    server.start_again().await.expect("started");
    insist(&store, &message(&clock, workspace)).await;
    assert_eq!(store.last_seq(workspace).await.expect("read"), Seq(2));
    store.close().await;
}

/// What the database answers when its disk is full, or when it asks to try again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_of_the_database_are_understood() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    let store = alone(&database.url(), &clock).await;
    let workspace = WorkspaceId::new(clock.next_id());
    store.commit(message(&clock, workspace)).await.expect("written");
    fail_with(&database, "53100", 1).await;
    let full = store.commit(message(&clock, workspace)).await;
    assert!(matches!(full, Err(CommitError::DiskFull)), "{full:?}");
    for code in ["40001", "40P01", "55P03", "57014", "57P01"] {
        fail_with(&database, code, 3).await;
        store.commit(message(&clock, workspace)).await.expect(code);
    }
    // Refused outright: the neighbours in the same transaction go through.
    fail_with(&database, "22000", 1_000).await;
    let refused = store.commit(message(&clock, workspace)).await;
    assert!(matches!(refused, Err(CommitError::Engine { .. })), "{refused:?}");
    assert_eq!(store.last_seq(workspace).await.expect("read"), Seq(6));
    store.close().await;
}

/// Lets the next inserts of events fail with a code.
async fn fail_with(database: &Database, code: &str, times: u32) {
    let sql = format!(
        "DROP SEQUENCE IF EXISTS failures CASCADE;
         CREATE SEQUENCE failures;
         CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('failures') <= {times} THEN
                 RAISE EXCEPTION 'for the test' USING ERRCODE = '{code}';
             END IF;
             RETURN NULL;
         END $$;
         CREATE OR REPLACE TRIGGER fail AFTER INSERT ON events EXECUTE FUNCTION fail()"
    );
    database.query(&sql).await.expect("the next inserts fail");
}
