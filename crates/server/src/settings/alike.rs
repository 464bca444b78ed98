//! The settings that all nodes of an installation must be told alike. Each node says with its beats what it was told, and
//! `tidings doctor` compares.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Settings;

/// They, as `topic.key`, beside the names of brokers: where a difference makes the answer depend on which node is asked, or a file invisible. None of
/// them is a secret. How a node reaches the shared folder, and what it can carry, is its own.
const ALIKE: [&str; 22] = [
    "http.public_url",
    "limits.body_bytes_max",
    "files.store",
    "files.upload_bytes_max",
    "files.bucket",
    "files.region",
    "files.endpoint",
    "files.prefix",
    "outbound.allow",
    "delivery.retry_delays_s",
    "delivery.deadline_s",
    "chat_api.webhooks_per_action_max",
    "retention.days",
    "retention.events",
    "retention.deliveries_days",
    "retention.runs_days",
    "bots.failure_answer",
    "bots.messages_per_minute_max",
    "bots.pause_after_failures",
    "mail.from",
    "mail.to",
    "nats.installation",
];

/// What this node was told of them, unset ones as `null`.
pub(super) fn told(
    settings: &Settings,
    public_url: &str,
) -> serde_json::Result<BTreeMap<String, Value>> {
    let all = serde_json::to_value(settings)?;
    let value = |name: &str| {
        let (topic, key) = name.split_once('.')?;
        all.get(topic)?.get(key).cloned()
    };
    let told = ALIKE.into_iter().map(|name| (name.to_owned(), value(name).unwrap_or_default()));
    let mut told: BTreeMap<String, Value> = told.collect();
    // Unset, it is the node's own address, which differs.
    told.insert("http.public_url".into(), public_url.into());
    // Where they lead is secret, and may be another way for each node.
    told.insert("brokers".into(), settings.brokers.keys().cloned().collect());
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::super::REFERENCE;
    use super::*;

    #[test]
    fn each_is_a_setting_and_is_told() {
        for name in ALIKE {
            let (topic, key) = name.split_once('.').expect("a topic and a key");
            let topic = REFERENCE.iter().find(|known| known.name == topic).expect("a topic");
            assert!(topic.keys.iter().any(|(known, _)| *known == key), "{name}");
        }
        let told = told(&Settings::default(), "http://here").expect("it is written");
        assert_eq!(told.len(), ALIKE.len() + 1);
        assert_eq!(told.get("brokers"), Some(&serde_json::json!([])));
        assert_eq!(told.get("http.public_url"), Some(&"http://here".into()));
        assert_eq!(told.get("files.store"), Some(&"folder".into()));
    }
}
