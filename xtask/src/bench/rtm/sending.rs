//! From a send over one connection until another one hears it.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::book::Book;
use super::fan_out::{Pace, at_pace};
use super::place::{Place, answered};
use super::{Plan, TEXT_BYTES, WITHIN, note_times};
use crate::figures::Times;

/// One at a time; nothing else happens.
pub(super) async fn one_at_a_time(
    book: &mut Book,
    place: &Place,
    plan: &Plan,
) -> anyhow::Result<()> {
    let (mut says, mut hears) = (place.says().await?, place.hears().await?);
    let request = place.request(&"x".repeat(TEXT_BYTES));
    let (mut heard, mut thanked) = (Vec::new(), Vec::new());
    for _ in 0..plan.sends {
        let began = Instant::now();
        says.send(&request).await?;
        let answer = async { answered(&mut says).await.map(|_| began.elapsed()) };
        let push = async { hears.next().await.map(|_| began.elapsed()).map_err(Into::into) };
        let both = async { tokio::try_join!(answer, push) };
        let (answer, push) = tokio::time::timeout(WITHIN, both).await.context("no push came")??;
        thanked.push(answer);
        heard.push(push);
    }
    note_times(book, "send_event, heard", &Times::new(heard));
    note_times(book, "send_event, answered", &Times::new(thanked));
    Ok(())
}

/// At half of the most, which is found first: to a chat with one listener, from some connections side by side.
pub(super) async fn at_half(book: &mut Book, place: &Place, plan: &Plan) -> anyhow::Result<()> {
    let (address, pid) = (place.address(), place.running.pid());
    let kind = place.kind();
    let most = at_pace(Pace::TheMost, &kind, address, pid, 1, plan.sends_at_half).await?;
    book.note("send_event, the most", "/s", most.per_second());
    let pace = Pace::Every(Duration::from_secs_f64(2.0 / most.per_second()));
    let half = at_pace(pace, &kind, address, pid, 1, plan.sends_at_half).await?;
    book.note("send_event, half of the most", "/s", half.per_second());
    note_times(book, "send_event, half of the most, heard", &half.times);
    Ok(())
}
