//! What `tidings doctor` says of many nodes: who lives, whether their clocks and versions agree, who holds the work, and
//! how far it is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tidings_app::nodes::DEAD_AFTER;
use tidings_app::nodes::lease;
use tidings_model::NodeId;
use tidings_store::read::DOCUMENTS_READ_MAX;
use tidings_store::{DocumentQuery, Kind, Peer, SHARES, Scan, Store};

/// How far clocks may differ: beyond it timers and times of events are visibly wrong. The way to the database is in it.
const CLOCK_DIFFERS_MAX_MS: i64 = 1_000;

/// How long the oldest event may wait for a reader: what takes longer is not a busy moment.
const LAG_MAX: Duration = Duration::from_secs(60);

/// What was found; the names are those of the checks.
pub(super) type Found = Vec<(&'static str, anyhow::Result<String>)>;

/// Looks at the nodes, as they told of themselves.
pub(super) fn look(peers: &[Peer]) -> Found {
    let (live, gone): (Vec<&Peer>, Vec<&Peer>) =
        peers.iter().partition(|peer| peer.age < DEAD_AFTER);
    let mut found = Found::new();
    let told: Vec<String> = live.iter().map(|peer| about(peer)).collect();
    let mut nodes = format!("{} live", live.len());
    if !told.is_empty() {
        nodes = format!("{nodes}: {}", told.join("; "));
    }
    if !gone.is_empty() {
        let names: Vec<&str> = gone.iter().map(|peer| peer.node.name.as_str()).collect();
        nodes = format!("{nodes}; went without a word within the last hour: {}", names.join(", "));
    }
    found.push(("nodes", Ok(nodes)));
    found.push(("clocks", clocks(&live)));
    found.push(("versions", Ok(versions(&live))));
    found.push(("lag", lag(&live)));
    found
}

fn about(peer: &Peer) -> String {
    let node = &peer.node;
    format!("{} ({}, heard of {} ms ago)", node.name, node.version, peer.age.as_millis())
}

fn clocks(live: &[&Peer]) -> anyhow::Result<String> {
    let off: Vec<String> = live
        .iter()
        .filter(|peer| peer.clock_ahead_ms.abs() > CLOCK_DIFFERS_MAX_MS)
        .map(|peer| format!("{} by {} ms", peer.node.name, peer.clock_ahead_ms))
        .collect();
    anyhow::ensure!(
        off.is_empty(),
        "they are ahead of the database's clock, or behind: {}; let all machines follow one time server",
        off.join(", ")
    );
    Ok(format!("within {CLOCK_DIFFERS_MAX_MS} ms of the database's"))
}

fn versions(live: &[&Peer]) -> String {
    let mut by_version: BTreeMap<&str, usize> = BTreeMap::new();
    for peer in live {
        *by_version.entry(&peer.node.version).or_default() += 1;
    }
    let told: Vec<String> =
        by_version.iter().map(|(version, count)| format!("{count} of {version}")).collect();
    match told.len() {
        0 => "no node lives".into(),
        1 => told.concat(),
        _ => format!("{}: an upgrade is under way, finish it", told.join(", ")),
    }
}

fn lag(live: &[&Peer]) -> anyhow::Result<String> {
    let mut worst: BTreeMap<&str, u64> = BTreeMap::new();
    let mut longest = 0;
    for peer in live {
        let state = &peer.node.state;
        longest = longest.max(state.get("lag_seconds").and_then(Value::as_u64).unwrap_or(0));
        for (reader, events) in
            state.get("lag_events").and_then(Value::as_object).into_iter().flatten()
        {
            let most = worst.entry(reader).or_default();
            *most = events.as_u64().unwrap_or(0).max(*most);
        }
    }
    let told: Vec<String> =
        worst.iter().map(|(reader, events)| format!("{reader} {events}")).collect();
    let told = format!("events behind: {}", told.join(", "));
    anyhow::ensure!(
        Duration::from_secs(longest) < LAG_MAX,
        "{told}; the oldest waits for {longest} s: see the log of the node that holds the work"
    );
    Ok(told)
}

/// Looks at who holds the shares of every workspace.
pub(super) async fn leases(store: &dyn Store, peers: &[Peer]) -> anyhow::Result<String> {
    let live: BTreeMap<NodeId, &str> = peers
        .iter()
        .filter(|peer| peer.age < DEAD_AFTER)
        .map(|peer| (peer.node.id, peer.node.name.as_str()))
        .collect();
    let workspaces = store.workspaces().await?;
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unheld = 0;
    for workspace in &workspaces {
        let query = DocumentQuery {
            kind: Kind::Lease,
            scan: Scan::All,
            after: None,
            limit: DOCUMENTS_READ_MAX,
        };
        let mut of_live = 0;
        for lease in lease::read(store.documents(*workspace, query).await?.documents).values() {
            if let Some(name) = lease.holder.and_then(|holder| live.get(&holder)) {
                *held.entry(name).or_default() += 1;
                of_live += 1;
            }
        }
        unheld += usize::from(SHARES).saturating_sub(of_live);
    }
    let told: Vec<String> = held.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let told = if told.is_empty() { "nobody holds any".to_owned() } else { told.join(", ") };
    anyhow::ensure!(
        unheld == 0 || live.is_empty(),
        "{told}; {unheld} are held by nobody who lives: look again after some seconds, and then at the nodes' logs"
    );
    Ok(told)
}
