//! Alice and the others: writers that send, and send the same again until the server has thanked for it.
//!
//! Each visitor waits for the thanks before the next message, so that the order of their messages is known. Every key
//! is used for one thing only, which is what makes sending again harmless.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::history::{Acknowledgement, Kind, Promise};
use crate::dice::Dice;
use crate::http::{self, Client};
use crate::installation::Installation;

/// How long a writer waits before it sends the same again.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(5);

/// How long a writer tries to get rid of one thing. Longer than a restart may take.
pub(super) const GIVE_UP_AFTER: Duration = Duration::from_secs(90);

/// One in so many keys is sent again after the thanks: the answer must be the same.
pub(super) const SENT_AGAIN_ONE_IN: u64 = 16;

/// What the writers share.
#[derive(Debug)]
pub(super) struct Desk {
    /// The longest pause of everybody between two things.
    pause_max: Duration,
    /// Set when no new thing shall begin.
    stop: AtomicBool,
    /// The chats that visitors have, by visitor.
    chats: Mutex<BTreeMap<usize, String>>,
    /// What the server was asked to write so far.
    promises: Mutex<Vec<Promise>>,
}

impl Desk {
    pub(super) fn new(pause_max: Duration) -> Self {
        Self {
            pause_max,
            stop: AtomicBool::default(),
            chats: Mutex::default(),
            promises: Mutex::default(),
        }
    }

    /// How long somebody pauses now.
    pub(super) fn pause(&self, dice: &mut Dice) -> Duration {
        dice.between(Duration::ZERO, self.pause_max)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits until so many visitors have a chat.
    pub(super) async fn all_have_chats(&self, visitors: usize) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.chats.lock().unwrap_or_else(PoisonError::into_inner).len() < visitors {
            ensure!(
                began.elapsed() < GIVE_UP_AFTER,
                "the visitors did not get their chats in {GIVE_UP_AFTER:?}"
            );
            tokio::time::sleep(RETRY_AFTER).await;
        }
        Ok(())
    }

    /// All that was promised.
    pub(super) fn promises(&self) -> Vec<Promise> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, promise: Promise) {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner).push(promise);
    }

    fn chat(&self, dice: &mut Dice) -> Option<String> {
        let chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        let index = dice.below(chats.len() as u64);
        chats.values().nth(usize::try_from(index).ok()?).cloned()
    }
}

/// A visitor of the chat page, who writes message after message.
pub(super) async fn visit(
    installation: Arc<Installation>,
    desk: Arc<Desk>,
    channel: String,
    number: usize,
    seed: u64,
) -> anyhow::Result<()> {
    let token = installation.make_visitor(&channel).await?;
    let bearer = format!("Bearer {token}");
    let path = format!("/channels/{channel}/messages");
    let mut client = Client::through(installation.doors(number));
    let mut dice = Dice::new(seed);
    for count in 0_u64.. {
        if desk.is_stopped() {
            break;
        }
        let key = format!("alice-{number}-{count}");
        let body = json!({"text": key, "custom_id": key}).to_string();
        let request = http::request("POST", &path, &[("authorization", &bearer)], body.as_bytes());
        let answers = send_until_thanked(&mut client, &request, &mut dice).await?;
        if let Some(chat) = answers.chat {
            desk.chats.lock().unwrap_or_else(PoisonError::into_inner).insert(number, chat);
        }
        desk.note(Promise { key, kind: Kind::Message, answers: answers.acknowledgements });
        tokio::time::sleep(desk.pause(&mut dice)).await;
    }
    Ok(())
}

/// A program that writes facts, some of them into the visitors' chats.
pub(super) async fn integrate(
    installation: Arc<Installation>,
    desk: Arc<Desk>,
    number: usize,
    seed: u64,
) -> anyhow::Result<()> {
    let mut client = Client::through(installation.doors(number));
    let mut dice = Dice::new(seed);
    for count in 0_u64.. {
        if desk.is_stopped() {
            break;
        }
        let key = format!("program-{number}-{count}");
        let mut body = json!({"type": "note.added", "data": {"text": key}, "custom_id": key});
        if let (Some(chat), Some(fields)) = (desk.chat(&mut dice), body.as_object_mut()) {
            fields.insert("chat".to_owned(), chat.into());
        }
        let headers = [Installation::authorization(), ("idempotency-key", key.as_str())];
        let request =
            http::request("POST", "/api/v1/events", &headers, body.to_string().as_bytes());
        let answers = send_until_thanked(&mut client, &request, &mut dice).await?;
        desk.note(Promise { key, kind: Kind::Fact, answers: answers.acknowledgements });
        tokio::time::sleep(desk.pause(&mut dice)).await;
    }
    Ok(())
}

/// What came back for one key.
struct Answers {
    acknowledgements: Vec<Acknowledgement>,
    chat: Option<String>,
}

/// Sends a request until the server has thanked for it; now and then once more.
async fn send_until_thanked(
    client: &mut Client,
    request: &[u8],
    dice: &mut Dice,
) -> anyhow::Result<Answers> {
    let began = Instant::now();
    let mut wanted = if dice.below(SENT_AGAIN_ONE_IN) == 0 { 2 } else { 1 };
    let mut answers = Answers { acknowledgements: Vec::new(), chat: None };
    while wanted > 0 {
        match client.send(request).await {
            Ok(answer) if answer.is_success() => {
                let envelope = answer.json();
                let thanks = Acknowledgement::of(&envelope);
                answers.acknowledgements.push(thanks.with_context(|| {
                    format!("an answer without `id` and `seq`: {}", answer.summary())
                })?);
                answers.chat =
                    envelope.get("chat").and_then(|chat| chat.as_str()).map(ToOwned::to_owned);
                wanted -= 1;
                continue;
            }
            Ok(answer) if answer.is_passing() => client.turn(),
            Ok(answer) => bail!("the server refused a writer: {}", answer.summary()),
            // The server is dead or dying; nobody knows whether the request arrived.
            Err(_) => {}
        }
        ensure!(began.elapsed() < GIVE_UP_AFTER, "a writer was not thanked in {GIVE_UP_AFTER:?}");
        tokio::time::sleep(RETRY_AFTER).await;
    }
    Ok(answers)
}
