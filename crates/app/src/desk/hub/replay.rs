//! What somebody missed who comes back: the pushes after the number that they name, up to where their seat begins.
//!
//! Taken from memory where the pushes of the last events are kept, else made again from the log. When many come back at
//! once, as after a restart, the first reads for all.

use std::sync::Arc;

use tidings_model::{Event, Seq};
use tidings_store::{EventQuery, ReadError};

use super::listener::{Queued, Seat};
use super::reader::said;
use super::room::RING_EVENTS_MAX;
use super::said::Said;
use crate::App;
use crate::directory::Directory;

/// How many events are replayed at most: who missed more reads the lists anew, which is less work for both.
pub const REPLAY_EVENTS_MAX: u64 = 10_000;

/// How many events one read takes.
const PAGE: usize = 512;

/// How often the log is read on: what was kept is mostly still there after a reading, unless so much happened meanwhile that
/// it went, or the hub let go of it because the store could not be read.
const READINGS_MAX: usize = 4;

/// What somebody missed.
#[derive(Clone, Debug)]
pub enum Missed {
    /// These, in order.
    Pushes(Vec<Queued>),
    /// Too much, or what is no longer kept: they must read the lists anew.
    Gap,
}

impl Seat {
    /// What was missed after a number.
    pub async fn missed(
        &self,
        app: &App,
        directory: &Directory,
        since: Seq,
    ) -> Result<Missed, ReadError> {
        let upto = self.joined_at();
        if since == upto {
            return Ok(Missed::Pushes(Vec::new()));
        }
        // A number that is not reached yet is one of a log that was restored; one that only this node has not come to yet
        // was heard at another.
        if since > upto
            && since > app.store().tail(directory.workspace()).head()
            && since > app.store().last_seq(directory.workspace()).await?
        {
            return Ok(Missed::Gap);
        }
        if since > upto {
            self.listener().knows(since);
            return Ok(Missed::Pushes(Vec::new()));
        }
        if upto.0 - since.0 > REPLAY_EVENTS_MAX {
            return Ok(Missed::Gap);
        }
        let Some(said) = self.said_after(app, directory, since).await? else {
            return Ok(Missed::Gap);
        };
        let mut frames = Vec::new();
        let mut room = self.hub().room();
        for said in said.iter().filter(|said| said.seq.is_some_and(|seq| seq <= upto)) {
            room.heard_by(self.listener(), said, directory, &mut frames);
        }
        Ok(Missed::Pushes(frames))
    }

    /// All that was said after a number; `None` when some of it is no longer kept.
    async fn said_after(
        &self,
        app: &App,
        directory: &Directory,
        since: Seq,
    ) -> Result<Option<Vec<Arc<Said>>>, ReadError> {
        if let Ok(said) = self.hub().room().kept_after(since) {
            return Ok(Some(said));
        }
        let _alone = self.hub().reading_back.lock().await;
        let mut read: Vec<Arc<Said>> = Vec::new();
        let mut after = since;
        for _ in 0..READINGS_MAX {
            let kept = self.hub().room().kept_after(after);
            let first = match kept {
                Ok(more) => {
                    read.extend(more);
                    return Ok(Some(read));
                }
                Err(first) => first,
            };
            while after.next() < first {
                let query = EventQuery { after, limit: PAGE, ..EventQuery::default() };
                let events = app.store().events(directory.workspace(), query).await?;
                let is_whole = events.first().is_some_and(|event| event.seq == after.next());
                if !is_whole {
                    return Ok(None);
                }
                for event in events.iter().filter(|event| event.seq < first) {
                    read.push(Arc::new(self.said_again(app, directory, event).await?));
                    after = event.seq;
                }
            }
            if read.len() <= RING_EVENTS_MAX {
                self.hub().room().keep_before(&read);
            }
        }
        Ok(None)
    }

    async fn said_again(
        &self,
        app: &App,
        directory: &Directory,
        event: &Arc<Event>,
    ) -> Result<Said, ReadError> {
        said(app, directory, event, None).await
    }
}
