//! What somebody missed who comes back: the pushes after the number that they name, up to where their seat begins.
//!
//! Taken from memory where the pushes of the last events are kept, else made again from the log. When many come back at
//! once, as after a restart, the first reads for all.

use std::sync::Arc;

use tidings_model::Seq;
use tidings_store::{EventQuery, ReadError};

use super::listener::{Queued, Seat};
use super::reader::said;
use super::said::Said;
use crate::App;
use crate::directory::Directory;

/// How many events are replayed at most: who missed more reads the lists anew, which is less work for both.
pub const REPLAY_EVENTS_MAX: u64 = 10_000;

/// How many events one read takes.
const PAGE: usize = 512;

/// What somebody missed.
#[derive(Clone, Debug)]
pub enum Missed {
    /// These, in order.
    Pushes(Vec<Queued>),
    /// Too much, or what is no longer kept: they must read the lists anew.
    Gap,
}

impl Seat {
    /// What was missed after a number; what follows is heard from now on. For a seat that was taken to catch up.
    ///
    /// The log moves on while it is read. Nothing of it waits for this seat meanwhile: it is read up to where memory begins,
    /// and in that moment the seat begins to hear.
    pub async fn missed(
        &mut self,
        app: &App,
        directory: &Directory,
        since: Seq,
    ) -> Result<Missed, ReadError> {
        let workspace = directory.workspace();
        // A number that is not reached yet is one of a log that was restored; one that only this node has not come to yet
        // was heard at another.
        let is_of_this_log = since <= self.joined_at()
            || since <= app.store().tail(workspace).head()
            || since <= app.store().last_seq(workspace).await?;
        if !is_of_this_log {
            return Ok(self.gap());
        }
        let hub = Arc::clone(self.hub());
        let mut alone = None;
        let mut read: Vec<Arc<Said>> = Vec::new();
        let mut after = since;
        loop {
            let first = {
                let mut room = hub.room();
                let place = room.place().unwrap_or(self.joined_at());
                if since >= place {
                    self.listener().knows(since);
                    self.has_caught_up(place);
                    return Ok(Missed::Pushes(Vec::new()));
                }
                if place.0 - since.0 > REPLAY_EVENTS_MAX {
                    self.has_caught_up(place);
                    return Ok(Missed::Gap);
                }
                match room.kept_after(after) {
                    Ok(kept) => {
                        room.keep_before(&read);
                        let mut frames = Vec::new();
                        for said in read.iter().chain(&kept) {
                            room.heard_by(self.listener(), said, directory, &mut frames);
                        }
                        self.has_caught_up(place);
                        return Ok(Missed::Pushes(frames));
                    }
                    Err(first) => first,
                }
            };
            if alone.is_none() {
                alone = Some(hub.reading_back.lock().await);
                continue;
            }
            let query = EventQuery { after, limit: PAGE, ..EventQuery::default() };
            let events = app.store().events(workspace, query).await?;
            if events.first().is_none_or(|event| event.seq != after.next()) {
                // Some of it is no longer kept.
                return Ok(self.gap());
            }
            for event in events.iter().filter(|event| event.seq < first) {
                read.push(Arc::new(said(app, directory, event, None).await?));
                after = event.seq;
            }
        }
    }

    /// They hear from where the room is now.
    fn gap(&mut self) -> Missed {
        let hub = Arc::clone(self.hub());
        let room = hub.room();
        self.has_caught_up(room.place().unwrap_or(self.joined_at()));
        Missed::Gap
    }
}
