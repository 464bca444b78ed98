//! The server dies, and its standby takes its place.

use tidings_services::{Postgres, Shutdown};
use tidings_store::conformance::HandClock;
use tokio::sync::Mutex;

use crate::nodes::{alone, own_server, write_while};

/// The URL as it is documented: both servers, the one that takes writes.
fn url_of(primary: &Postgres, standby: &Postgres) -> String {
    let (primary, standby) = (primary.address(), standby.address());
    format!("postgres://postgres@{primary},{standby}/postgres?target_session_attrs=read-write")
}

/// Nodes that found the first server go on at the second one by themselves: what was acknowledged is there, each once, and
/// the numbers have no gap. Commits that were under way are settled by who is asked now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_takes_over_and_nothing_is_lost() {
    let primary = own_server().await;
    let standby = primary.standby().await.expect("a standby");
    let (clock, url) = (HandClock::new(), url_of(&primary, &standby));
    let stores = vec![alone(&url, &clock).await, alone(&url, &clock).await];
    follow(&standby).await;
    let primary = Mutex::new(primary);
    let trouble = async |round| match round {
        1 => {
            primary.lock().await.stop(Shutdown::Immediate).await.expect("it ends");
            standby.promote().await.expect("promoted");
        }
        _ => write_on(&standby).await,
    };
    write_while(stores, &clock, trouble, 3).await;
}

/// Waits until the standby has the tables as well: it follows a little later.
async fn follow(standby: &Postgres) {
    let has_none = async || {
        let named = standby.query("postgres", "SELECT to_regclass('events')").await;
        named.expect("asked").trim().is_empty()
    };
    while has_none().await {}
}

/// Waits until so many more events are on the standby that every writer had its turn.
async fn write_on(standby: &Postgres) {
    const MORE: u64 = 200;
    let count = async || {
        let counted = standby.query("postgres", "SELECT count(*) FROM events").await;
        counted.expect("counted").trim().parse::<u64>().expect("a number")
    };
    let first = count().await;
    while count().await < first + MORE {}
}
