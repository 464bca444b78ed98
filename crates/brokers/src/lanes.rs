//! Sends the parcels of one call: those with one key one after the other, keys side by side.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::broker::Broker;
use crate::failed::{Failed, Taken, Why};
use crate::parcel::Parcel;

/// How many parcels of a call are sent; those after are held.
pub const PARCELS_MAX: usize = 1_000;

/// How many parcels of a call are under way at once.
pub const LANES_MAX: usize = 64;

type Answer = Result<Taken, Failed>;

/// Sends parcels until a time, and answers for each in its place.
pub(crate) async fn send(
    broker: &dyn Broker,
    to: &Address,
    parcels: &[Parcel],
    until: Instant,
) -> Vec<Answer> {
    let lanes = by_key(parcels.iter().take(PARCELS_MAX));
    // Boxed, so that callers may spawn what waits for this: lifetimes inside of streams are lost on the compiler.
    let sends: Vec<_> =
        lanes.into_iter().map(|lane| send_lane(broker, to, lane, until).boxed()).collect();
    let answered: Vec<Vec<(usize, Answer)>> =
        stream::iter(sends).buffer_unordered(LANES_MAX).collect().await;
    let mut answered: HashMap<usize, Answer> = answered.into_iter().flatten().collect();
    (0..parcels.len())
        .map(|at| {
            let beyond =
                || Err(Failed::held(format!("not sent: one call may bring {PARCELS_MAX} parcels")));
            answered.remove(&at).unwrap_or_else(beyond)
        })
        .collect()
}

/// The parcels of each key with their places, keys in the order of their first parcel.
fn by_key<'a>(parcels: impl Iterator<Item = &'a Parcel>) -> Vec<Vec<(usize, &'a Parcel)>> {
    let mut lanes: Vec<Vec<(usize, &Parcel)>> = Vec::new();
    let mut numbers = HashMap::new();
    for (at, parcel) in parcels.enumerate() {
        match numbers.entry(parcel.key.as_str()) {
            Entry::Vacant(vacant) => {
                vacant.insert(lanes.len());
                lanes.push(vec![(at, parcel)]);
            }
            Entry::Occupied(known) => {
                if let Some(lane) = lanes.get_mut(*known.get()) {
                    lane.push((at, parcel));
                }
            }
        }
    }
    lanes
}

async fn send_lane(
    broker: &dyn Broker,
    to: &Address,
    lane: Vec<(usize, &Parcel)>,
    until: Instant,
) -> Vec<(usize, Answer)> {
    let mut answers = Vec::with_capacity(lane.len());
    let mut held: Option<Failed> = None;
    for (at, parcel) in lane {
        let answer = match &held {
            Some(held) => Err(held.clone()),
            None => send_one(broker, to, parcel, until).await,
        };
        if let (None, Err(failed)) = (&held, &answer) {
            held = Some(match failed.why {
                Why::Held => failed.clone(),
                Why::UnknownConnection
                | Why::Refused
                | Why::Unfit
                | Why::Unreachable
                | Why::NotAcknowledged => Failed::held(format!(
                    "not sent: {} before it, of the same key, was not taken",
                    parcel.id
                )),
            });
        }
        answers.push((at, answer));
    }
    answers
}

async fn send_one(broker: &dyn Broker, to: &Address, parcel: &Parcel, until: Instant) -> Answer {
    parcel.check(broker.body_bytes_max())?;
    if Instant::now() >= until {
        return Err(Failed::held("not sent: there was no time left"));
    }
    // Connecting comes before sending, so that who was never reached is not said to have it perhaps.
    match timeout_at(until, broker.reach()).await {
        Ok(reached) => reached?,
        Err(_) => return Err(Failed::unreachable("was not reached in time")),
    }
    match timeout_at(until, broker.send(to, parcel)).await {
        Ok(answer) => answer,
        Err(_) => Err(Failed::not_acknowledged("no acknowledgement came in time")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;

    use super::*;

    /// Takes what has a body `good`, refuses `bad`, and is silent at `silent`.
    #[derive(Debug, Default)]
    struct Picky(Mutex<Vec<String>>);

    #[async_trait]
    impl Broker for Picky {
        fn body_bytes_max(&self) -> usize {
            10
        }

        async fn reach(&self) -> Result<(), Failed> {
            Ok(())
        }

        async fn send(&self, _: &Address, parcel: &Parcel) -> Answer {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(parcel.id.clone());
            match parcel.body.as_ref() {
                b"good" => Ok(Taken::at("here".into())),
                b"bad" => Err(Failed::refused("no")),
                _ => std::future::pending().await,
            }
        }
    }

    async fn answers(parcels: &[(&str, &str, &'static str)]) -> (Vec<String>, Vec<String>) {
        let parcel = |&(id, key, body): &(&str, &str, &'static str)| Parcel {
            id: id.into(),
            key: key.into(),
            headers: Vec::new(),
            body: Bytes::from_static(body.as_bytes()),
        };
        let parcels: Vec<Parcel> = parcels.iter().map(parcel).collect();
        let to = Address::File { name: "any".into() };
        let picky = Picky::default();
        let until = Instant::now() + Duration::from_secs(1);
        let answers = send(&picky, &to, &parcels, until).await;
        let word = |answer: Answer| match answer {
            Ok(_) => "taken".to_owned(),
            Err(failed) => format!("{:?}", failed.why),
        };
        let sent = picky.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (answers.into_iter().map(word).collect(), sent)
    }

    #[tokio::test(start_paused = true)]
    async fn what_follows_a_failure_with_the_same_key_is_held() {
        let (answers, mut sent) = answers(&[
            ("1", "a", "good"),
            ("2", "b", "bad"),
            ("3", "a", "silent"),
            ("4", "b", "good"),
            ("5", "a", "good"),
            ("6", "c", "good"),
            ("7", "d", "far too large"),
            ("8", "d", "good"),
        ])
        .await;
        assert_eq!(
            answers,
            ["taken", "Refused", "NotAcknowledged", "Held", "Held", "taken", "Unfit", "Held"]
        );
        sent.sort();
        assert_eq!(sent, ["1", "2", "3", "6"], "and nothing else was sent");
    }

    #[tokio::test]
    async fn one_call_has_a_limit() {
        let parcels: Vec<_> = (0..PARCELS_MAX + 2).map(|_| ("1", "a", "good")).collect();
        let (answers, sent) = answers(&parcels).await;
        assert_eq!(sent.len(), PARCELS_MAX);
        assert_eq!(answers.iter().filter(|answer| *answer == "taken").count(), PARCELS_MAX);
        assert_eq!(answers.last().map(String::as_str), Some("Held"));
    }
}
