//! From a send over one connection until another one hears it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::super::book::Book;
use super::super::ceilings::{RawDisk, start_part};
use super::fan_out::{Pace, at_pace};
use super::lines::Kind;
use super::place::Place;
use super::{Plan, WITHIN, note_times};
use crate::figures::Times;

/// How many sends come before those that count.
const FIRST_SENDS: usize = 20;

/// One at a time; nothing else happens. On the bare broadcast as well, to see what is the way alone.
pub(super) async fn one_at_a_time(
    book: &mut Book,
    place: &Place,
    plan: &Plan,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut disk = RawDisk::open(folder)?;
    let at = [place.address(); 2];
    let took = send(&place.kind(), at, plan.sends, &mut disk).await?;
    note_times(book, "disk sync", &took.synced);
    note_times(book, "send_event, heard", &took.heard);
    note_times(book, "send_event, answered", &took.answered);
    let bare = start_part(&["broadcast"])?;
    let took = send(&Kind::Bare, [bare.address; 2], plan.sends, &mut disk).await?;
    note_times(book, "bare broadcast, heard", &took.heard);
    Ok(())
}

/// One at a time, heard by the node that it is said to, and by another one.
pub(in crate::bench) async fn across(
    book: &mut Book,
    place: &Place,
    count: usize,
    folder: &Path,
) -> anyhow::Result<()> {
    let mut disk = RawDisk::open(folder)?;
    let here = place.address();
    let there = *place.installation.addresses().last().context("there is no other node")?;
    for (title, hears) in [("heard by the same node", here), ("heard by another node", there)] {
        let took = send(&place.kind(), [here, hears], count, &mut disk).await?;
        note_times(book, title, &took.heard);
    }
    Ok(())
}

/// How long things took.
struct Took {
    /// Until the disk had synced a page; between the sends, as a disk that others use changes from moment to moment.
    synced: Times,
    heard: Times,
    /// Until it was answered, where it is.
    answered: Times,
}

/// Says at one address and hears at another.
async fn send(
    kind: &Kind,
    [says, hears]: [SocketAddr; 2],
    count: usize,
    disk: &mut RawDisk,
) -> anyhow::Result<Took> {
    let (mut says, mut hears) = (kind.says(says).await?, kind.hears(hears).await?);
    let text = kind.text(0);
    let (mut synced, mut heard, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..FIRST_SENDS + count {
        let began = Instant::now();
        says.say(&text).await?;
        let answer = async { says.is_answered().await.map(|()| began.elapsed()) };
        let push = async { hears.hear().await.map(|_| began.elapsed()) };
        let both = async { tokio::try_join!(answer, push) };
        let (answer, push) = tokio::time::timeout(WITHIN, both).await.context("no push came")??;
        let sync = disk.sync_once()?;
        if number >= FIRST_SENDS {
            synced.push(sync);
            answered.push(answer);
            heard.push(push);
        }
    }
    Ok(Took {
        synced: Times::new(synced),
        heard: Times::new(heard),
        answered: Times::new(answered),
    })
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
