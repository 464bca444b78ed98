//! A talk that goes on while the server is stopped or killed, and what must be there afterwards. The long version of
//! this, with hundreds of kills, is `cargo xtask crash`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::installation::{Installation, assert_no_gap, eventually};
use crate::subscriber::Subscriber;

/// A bot that answers each message with its text.
pub(crate) const ECHO: &str = r#"
bot: echo
behaviors:
  - name: echo
    on: chat.message
    from: customer
    do:
      - say: "echo {{ event.text }}"
"#;

/// How many customers write at once.
const VISITORS: usize = 4;

/// Kills in a row.
const ROUNDS: usize = 3;

/// Customers who write without a pause, each message with an id of its own.
pub(crate) struct Talk {
    over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    written: Arc<Mutex<Written>>,
    tasks: Vec<JoinHandle<()>>,
}

/// What came of the messages, by their texts.
#[derive(Clone, Default)]
pub(crate) struct Written {
    /// Answered with a success.
    pub(crate) acknowledged: BTreeSet<String>,
    /// Sent to a server that was there, and never answered.
    pub(crate) cut: BTreeSet<String>,
}

impl Talk {
    pub(crate) async fn start(installation: Arc<Installation>) -> Self {
        let channel = installation.web_channel("echo").await;
        let over = Arc::new(AtomicBool::new(false));
        let acknowledged: Arc<AtomicUsize> = Arc::default();
        let written: Arc<Mutex<Written>> = Arc::default();
        let mut tasks = Vec::new();
        for visitor in 0..VISITORS {
            let token = installation.visitor(&channel).await;
            let (installation, channel) = (Arc::clone(&installation), channel.clone());
            let (over, acknowledged) = (Arc::clone(&over), Arc::clone(&acknowledged));
            let written = Arc::clone(&written);
            tasks.push(tokio::spawn(async move {
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let text = format!("{channel} {visitor}-{number}");
                    match installation.try_write(&channel, &token, &text).await {
                        Ok(200..=299) => {
                            written.lock().expect("not poisoned").acknowledged.insert(text);
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                        }
                        // Refused in so many words: nothing was promised.
                        Ok(_) => {}
                        Err(error) if error.is_connect() => return,
                        Err(_) => {
                            written.lock().expect("not poisoned").cut.insert(text);
                            return;
                        }
                    }
                }
            }));
        }
        Self { over, acknowledged, written, tasks }
    }

    pub(crate) async fn until_acknowledged(&self, count: usize) {
        eventually("messages are acknowledged", async || {
            self.acknowledged.load(Ordering::Relaxed) >= count
        })
        .await;
    }

    pub(crate) async fn stop(self) -> Written {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic");
        }
        self.written.lock().expect("not poisoned").clone()
    }
}

impl Written {
    /// Each acknowledged message is there once, is answered once, and the subscriber was told of both.
    pub(crate) async fn everything_is_there(
        &self,
        installation: &Installation,
        subscriber: &Subscriber,
    ) {
        let mut events = Vec::new();
        eventually("each message is answered, and told to the subscriber", async || {
            events = installation.events().await;
            let said = by_text(&events);
            self.acknowledged.iter().all(|text| said.contains_key(&format!("echo {text}")))
                && events
                    .iter()
                    .filter(|event| event["type"] == "chat.message")
                    .all(|event| subscriber.was_told(event["id"].as_str().expect("an id")))
        })
        .await;
        let said = by_text(&events);
        for text in &self.acknowledged {
            assert_eq!(said.get(text), Some(&1), "the message {text}");
            assert_eq!(said.get(&format!("echo {text}")), Some(&1), "the answer to {text}");
        }
        for text in &self.cut {
            let times = said.get(text).copied().unwrap_or(0);
            assert!(times <= 1, "{text} is there {times} times");
        }
    }
}

/// How often each text was said.
fn by_text(events: &[Value]) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == "chat.message") {
        let text = event["data"]["text"].as_str().expect("a text").to_owned();
        *said.entry(text).or_default() += 1;
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_what_it_acknowledged() {
    let installation = Arc::new(Installation::new());
    installation.write_bot("echo", ECHO);
    let subscriber = Subscriber::start().await;
    let server = installation.start().await;
    subscriber.expect(&installation.subscribe(&subscriber.url).await);
    server.kill();
    for round in 0..ROUNDS {
        let server = installation.start().await;
        let talk = Talk::start(Arc::clone(&installation)).await;
        talk.until_acknowledged(20 + 15 * round).await;
        server.kill();
        let written = talk.stop().await;
        let server = installation.start().await;
        written.everything_is_there(&installation, &subscriber).await;
        assert_no_gap(&installation.events().await);
        server.kill();
    }
}
