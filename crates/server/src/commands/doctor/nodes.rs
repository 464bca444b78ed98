//! What `tidings doctor` says of many nodes: who lives, whether their clocks and versions agree, who holds the work, and
//! how far it is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tidings_app::nodes::list::{self, Standing};
use tidings_model::NodeId;
use tidings_store::{Peer, SHARES, Store};

/// How far clocks may differ: beyond it timers and times of events are visibly wrong. The way to the database is in it.
const CLOCK_DIFFERS_MAX_MS: i64 = 1_000;

/// How long the oldest event may wait for a reader: what takes longer is not a busy moment.
const LAG_MAX: Duration = Duration::from_secs(60);

/// What was found; the names are those of the checks.
pub(super) type Found = Vec<(&'static str, anyhow::Result<String>)>;

/// Looks at the nodes, as they told of themselves.
pub(super) fn look(peers: &[Peer]) -> Found {
    let (live, gone): (Vec<&Peer>, Vec<&Peer>) =
        peers.iter().partition(|peer| list::standing(peer) != Standing::Gone);
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
    found.push(("same settings", settings(&live)));
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

/// Whether all were told alike. A node of a release that says less of them is not compared.
fn settings(live: &[&Peer]) -> anyhow::Result<String> {
    let mut told: BTreeMap<&str, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for peer in live {
        let settings = peer.node.state.get("settings").and_then(Value::as_object);
        for (name, value) in settings.into_iter().flatten() {
            let by_value = told.entry(name).or_default();
            by_value.entry(value.to_string()).or_default().push(&peer.node.name);
        }
    }
    let differs = |(name, by_value): (&&str, &BTreeMap<String, Vec<&str>>)| {
        let told = by_value.iter().map(|(value, nodes)| format!("{value} at {}", nodes.join(", ")));
        (by_value.len() > 1)
            .then(|| format!("{name} is {}", told.collect::<Vec<_>>().join(" and ")))
    };
    let different: Vec<String> = told.iter().filter_map(differs).collect();
    anyhow::ensure!(
        different.is_empty(),
        "they differ: {}; tell all nodes the same",
        different.join("; ")
    );
    Ok(format!("{} of them are the same everywhere", told.len()))
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
        .filter(|peer| list::standing(peer) != Standing::Gone)
        .map(|peer| (peer.node.id, peer.node.name.as_str()))
        .collect();
    let workspaces = store.workspaces().await?;
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unheld = 0;
    for workspace in &workspaces {
        let mut of_live = 0;
        for (holder, shares) in list::leased(store, *workspace).await? {
            if let Some(name) = live.get(&holder) {
                *held.entry(name).or_default() += shares.len();
                of_live += shares.len();
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_model::Timestamp;
    use tidings_store::Node;

    use super::*;

    fn peer(name: &str, settings: Value) -> Peer {
        let node = Node {
            id: NodeId::new(uuid::Uuid::nil()),
            name: name.into(),
            version: "1".into(),
            started_at: Timestamp::UNIX_EPOCH,
            clock: Timestamp::UNIX_EPOCH,
            state: json!({ "settings": settings }),
        };
        Peer { node, age: Duration::ZERO, clock_ahead_ms: 0 }
    }

    #[test]
    fn settings_that_differ_are_named_with_the_nodes() {
        let one = peer("one", json!({ "files.store": "s3", "retention.days": null }));
        let two = peer("two", json!({ "files.store": "s3", "retention.days": 30 }));
        let older = peer("older", Value::Null);
        let alike = settings(&[&one, &one, &older]).expect("they are alike");
        assert_eq!(alike, "2 of them are the same everywhere");
        let differ = settings(&[&one, &two, &older]).expect_err("they differ").to_string();
        assert!(differ.contains("retention.days is 30 at two and null at one"), "{differ}");
        assert!(!differ.contains("files.store"), "{differ}");
    }
}
