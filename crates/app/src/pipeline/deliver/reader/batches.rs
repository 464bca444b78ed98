//! First tries of several events in one request: gathered from all chats in the order of the log until there are enough of
//! them, by number or by bytes, or until the first of them waited for as long as its endpoint allows.
//!
//! A chat has events in one request at a time, and in it an unbroken stretch from its head: so its order holds.

use std::sync::Arc;
use std::time::Duration;

use tidings_model::endpoint::Batching;
use tidings_model::{Event, Seq, Timestamp};
use uuid::Uuid;

use super::{Came, IN_HAND_MAX, Reader, Taken, UNWRITTEN_MAX, What, came};
use crate::directory::Subscriber;
use crate::pipeline::deliver::body;
use crate::pipeline::deliver::prepared::Prepared;
use crate::pipeline::deliver::together::EndedTogether;
use crate::pipeline::tries::later;

impl Reader {
    /// How its endpoint wants batches, if it does and its form has room for several.
    pub(super) fn batching(&self) -> Option<Batching> {
        batching_of(&self.subscriber)
    }

    /// How many events are in memory: a whole batch at least, unless it is full by its bytes before.
    pub(super) fn in_hand_max(&self) -> usize {
        match self.batching() {
            Some(batching)
                if batching.events_max > IN_HAND_MAX && self.ready_bytes() < batching.bytes_max =>
            {
                batching.events_max
            }
            Some(_) | None => IN_HAND_MAX,
        }
    }

    /// Whether so many more events may be under way. A whole batch always has its place in the end: nothing begins while
    /// [`UNWRITTEN_MAX`] are unwritten, and when no other batch is under way there is room for one beside them.
    pub(super) fn has_place_for(&self, events: usize) -> bool {
        let most = UNWRITTEN_MAX + self.batching().map_or(0, |batching| batching.events_max);
        let unwritten = self.unwritten.done.len() + self.being_written;
        unwritten + self.steps.len() + self.together_under_way + events <= most
    }

    /// How many bytes an event has in a body of several; nobody asks where each goes by itself.
    pub(super) fn bytes_together(&self, event: &Event) -> usize {
        match (self.batching(), &self.subscriber.prepared) {
            (Some(_), Ok(prepared)) => body::bytes_together(&prepared.form, event),
            (None, _) | (_, Err(_)) => 0,
        }
    }

    /// What is in hand may have another size now: its endpoint was changed, and was like this before.
    pub(super) fn measure_anew(&mut self, before: &Subscriber) {
        let form = |subscriber: &Subscriber| {
            batching_of(subscriber).map(|_| subscriber.endpoint.value.format.kind)
        };
        let Ok(prepared) = &self.subscriber.prepared else { return };
        if form(&self.subscriber) == form(before) {
            return;
        }
        for taken in self.work.in_hand_mut() {
            taken.bytes = body::bytes_together(&prepared.form, &taken.event);
        }
    }

    fn ready_bytes(&self) -> usize {
        let events = self.work.ready().map(|(_, _, taken)| taken.bytes);
        self.bytes_around() + events.sum::<usize>()
    }

    /// Until when more is waited for; `None` where nothing waits, or goes as soon as it may.
    pub(super) fn gathers_until(&self) -> Option<Timestamp> {
        let batching = self.batching()?;
        if self.marked().is_some() {
            return None;
        }
        let (mut events, mut bytes, mut came) = (0, self.bytes_around(), None::<Timestamp>);
        for (_, _, taken) in self.work.ready() {
            events += 1;
            bytes += taken.bytes;
            came = Some(came.map_or(taken.came, |earlier| earlier.min(taken.came)));
        }
        if events >= batching.events_max || bytes >= batching.bytes_max {
            return None;
        }
        let until = later(came?, Duration::from_millis(batching.wait_ms));
        (until > self.app.now()).then_some(until)
    }

    /// What stands around the events of a body.
    fn bytes_around(&self) -> usize {
        let prepared = self.subscriber.prepared.as_ref();
        // The first event has no comma.
        prepared.map_or(0, |prepared| body::together(&prepared.form, &[]).1.len() - 1)
    }

    /// The head of a chat of which something was given up, if one may go.
    fn marked(&self) -> Option<(Uuid, Seq, &Taken)> {
        let marked = self.given_up.marked();
        if marked.is_empty() {
            return None;
        }
        self.work.ready().find(|(lane, ..)| marked.contains(lane))
    }

    /// Begins to try such a head. It goes by itself and at once: its mark is of one chat, and stands at the request.
    pub(super) fn begin_marked(&mut self) -> bool {
        let Some((lane, seq, taken)) = self.marked() else { return false };
        let event = Arc::clone(&taken.event);
        self.work.begin_together(&[(lane, seq)]);
        let desk = self.desk(self.given_up.before(lane));
        self.spawn(lane, seq, What::First, async move { desk.first(&event).await.map(came) });
        true
    }

    /// Begins to try what goes together now, if there is enough of it or its time has come.
    pub(super) fn begin_together(&mut self, batching: Batching) -> bool {
        if self.gathers_until().is_some() {
            return false;
        }
        let mut ready: Vec<(Uuid, Seq, &Taken)> = self.work.ready().collect();
        ready.sort_unstable_by_key(|(_, seq, _)| *seq);
        let mut bytes = self.bytes_around();
        let mut fits = |(place, (_, _, taken)): (usize, &(Uuid, Seq, &Taken))| {
            bytes += taken.bytes;
            place == 0 || (place < batching.events_max && bytes <= batching.bytes_max)
        };
        let count = ready.iter().enumerate().take_while(|each| fits(*each)).count();
        ready.truncate(count);
        if ready.is_empty() || !self.has_place_for(ready.len()) {
            return false;
        }
        let events: Vec<(Uuid, Arc<Event>)> =
            ready.iter().map(|(lane, _, taken)| (*lane, Arc::clone(&taken.event))).collect();
        let these: Vec<(Uuid, Seq)> = ready.iter().map(|(lane, seq, _)| (*lane, *seq)).collect();
        self.work.begin_together(&these);
        self.together_under_way += these.len();
        let desk = self.desk(None);
        self.spawn_for(these, (Uuid::nil(), Seq::START, What::Together), async move {
            desk.first_together(&events).await.map(Came::EndedTogether)
        });
        true
    }

    /// A request of several ended: chats whose first event in it failed wait for that one, the others go on.
    pub(super) fn ended_together(&mut self, these: &[(Uuid, Seq)], ended: EndedTogether) {
        self.hear(ended.sign, self.app.now());
        for (lane, written) in &ended.written {
            self.given_up.note(*lane, &written.delivery.value, ended.sign);
        }
        for (lane, head, again_at) in ended.parks {
            self.work.park(lane, head, again_at);
        }
        self.work.done_together(these);
        for (_, written) in ended.written {
            self.note_written(written);
        }
        self.touch();
    }
}

fn batching_of(subscriber: &Subscriber) -> Option<Batching> {
    let takes_several = subscriber.prepared.as_ref().is_ok_and(Prepared::takes_several);
    subscriber.endpoint.value.batch.filter(|_| takes_several)
}
