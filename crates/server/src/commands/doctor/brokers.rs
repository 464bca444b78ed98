//! What `tidings doctor` says of brokers: whether each can be reached with what the settings say of it.

use std::time::Duration;

use tidings_brokers::Brokers;

/// How long one may take to answer.
const REACHED_WITHIN: Duration = Duration::from_secs(10);

/// Looks at each. What is said of one has no secrets.
pub(super) async fn look(brokers: &Brokers) -> Vec<(String, anyhow::Result<String>)> {
    let mut found = Vec::new();
    for (name, kind) in brokers.names() {
        let reached = brokers.reach(name, REACHED_WITHIN).await;
        let said = reached.map(|()| format!("{kind} is reached")).map_err(anyhow::Error::from);
        found.push((format!("broker {name}"), said));
    }
    found
}
