//! What is owed to customers, tried until it is taken.
//!
//! A first try goes out at once, straight from the log. When it fails, or when its channel has too much in hand, the
//! delivery becomes a pending document and its lane is *parked*: what follows in the lane becomes pending too, without a
//! try, and a timer takes the lane up again, in order. Other lanes go on, and so do other channels.
//!
//! What makes a second run harmless: a delivery's id is made of its event and its channel, and an event from before
//! these lanes came here is looked up before it is tried. A crash between the try and its record repeats that one try, with
//! the same id.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tidings_model::{Delivery, DeliveryId, DeliveryStatus, Destination, Event, Seq, WorkspaceId};
use tidings_store::{
    Batch, DocKey, DocumentQuery, Kind, ReadError, Scan, Share, Shares, Timer, TimerChange,
};
use tokio::sync::Mutex;

use super::NAME;
use super::load::{Load, take};
use super::record::{self, is_untried, lane_of, lane_of_timer, lane_text, set_timer};
use super::to_channels::ToChannels;
use crate::directory::Directory;
use crate::nodes::hold;
use crate::pipeline::reader::{Handler, Lane, StepFailed};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::tries::later;
use crate::{App, known};

/// How many first tries one channel may have in hand; what comes on top is parked, so that a channel that hangs
/// holds up nobody else.
const IN_HAND_MAX: usize = 64;

/// How many pending deliveries of a lane one look takes up.
const LANE_LOOK_MAX: usize = 50;

/// How many locks keep lanes apart; two lanes that share one only wait a little longer.
const LOCKS: usize = 256;

/// How many parked lanes of one channel may be taken up at once: half of the timers that may be in hand, so that
/// the lanes of a channel that hangs leave room for everything else that is due.
const TAKEN_UP_MAX: usize = crate::pipeline::timers::IN_HAND_MAX / 2;

/// How long a parked lane waits when so many of its channel are taken up already.
const PAUSE_TAKEN_UP: Duration = Duration::from_secs(1);

/// The messages that are owed to customers.
pub(crate) struct Outbox {
    app: Arc<App>,
    workspace: WorkspaceId,
    to_channels: ToChannels,
    /// Events up to this one may have been tried by an earlier process or another node.
    handled_before: Seq,
    parked: StdMutex<HashSet<Lane>>,
    load: Arc<Load>,
    locks: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Outbox {
    /// Reads which lanes of these shares are parked. `head` is the end of the log as it was found.
    pub(crate) async fn open(
        app: &Arc<App>,
        directory: Arc<Directory>,
        (head, shares): (Seq, Shares),
        load: Arc<Load>,
    ) -> Result<Self, ReadError> {
        let workspace = directory.workspace();
        let mut parked = HashSet::new();
        let mut after = None;
        loop {
            let scan = Scan::Equal { name: "parked", value: NAME.into() };
            let query = DocumentQuery { kind: Kind::Delivery, scan, after, limit: 1_000 };
            let page = app.store.documents(workspace, query).await?;
            for document in page.documents {
                let lane = lane_of(&seen::<Delivery>(document)?.value);
                if shares.contains(Share::of(lane.of)) {
                    parked.insert(lane);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(Self {
            app: Arc::clone(app),
            workspace,
            to_channels: ToChannels::new(Arc::clone(app), directory),
            handled_before: head,
            parked: StdMutex::new(parked),
            load,
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        })
    }

    /// Takes up a parked lane whose pause is over. What makes a second call harmless: it looks at the documents, tries
    /// what is pending in order, and the last look unparks the lane only when nothing is.
    pub(crate) async fn take_up(&self, timer: &Timer) -> Result<(), StepFailed> {
        let Some((lane, channel)) = lane_of_timer(&timer.name) else { return Ok(()) };
        let to = Destination::Channel { id: channel };
        known::seek(&self.app, self.workspace, |directory| directory.has(to)).await?;
        let Some(_taken_up) = take(&self.load.taken_up, channel, TAKEN_UP_MAX) else {
            let mut batch = Batch::new(self.workspace);
            batch.timers.push(set_timer(lane, later(self.app.now(), PAUSE_TAKEN_UP)));
            self.app.commit(batch).await?;
            return Ok(());
        };
        let pending = self.pending(lane).await?;
        for mut pending in pending {
            let delivery = &mut pending.value;
            let Some(event) = self.app.store.event(self.workspace, delivery.event).await? else {
                delivery.status = DeliveryStatus::Failed;
                delivery.next_at = None;
                let mut batch = Batch::new(self.workspace);
                batch.puts.push(record::put(&pending));
                self.app.commit(batch).await?;
                continue;
            };
            hold::may_go_out()?;
            let tried = self.to_channels.try_once(&event, delivery).await;
            let mut batch = Batch::new(self.workspace);
            let goes_on = record::note(&self.app, &event, delivery, &tried, &mut batch);
            batch.puts.push(record::put(&pending));
            self.app.commit(batch).await?;
            if !goes_on {
                return Ok(());
            }
        }
        self.unpark_if_done(timer, lane).await
    }

    async fn pending(&self, lane: Lane) -> Result<Vec<Seen<Delivery>>, ReadError> {
        let scan = Scan::Equal { name: "lane", value: lane_text(lane) };
        let query = DocumentQuery { kind: Kind::Delivery, scan, after: None, limit: LANE_LOOK_MAX };
        let page = self.app.store.documents(self.workspace, query).await?;
        page.documents.into_iter().map(seen).collect()
    }

    async fn unpark_if_done(&self, timer: &Timer, lane: Lane) -> Result<(), StepFailed> {
        let _lock = self.lock(lane).lock().await;
        let mut batch = Batch::new(self.workspace);
        if self.pending(lane).await?.is_empty() {
            batch.timers.push(TimerChange::Cancel { name: timer.name.clone() });
            self.app.commit(batch).await?;
            self.parked().remove(&lane);
        } else {
            batch.timers.push(set_timer(lane, self.app.now()));
            self.app.commit(batch).await?;
        }
        Ok(())
    }

    async fn first_try(
        &self,
        event: &Arc<Event>,
        lane: Lane,
        mut delivery: Seen<Delivery>,
    ) -> Result<(), StepFailed> {
        hold::may_go_out()?;
        let tried = self.to_channels.try_once(event, &delivery.value).await;
        let mut batch = Batch::new(self.workspace);
        record::note(&self.app, event, &mut delivery.value, &tried, &mut batch);
        batch.puts.push(record::put_first(&delivery));
        if delivery.value.status != DeliveryStatus::Pending {
            self.app.commit(batch).await?;
            return Ok(());
        }
        let _lock = self.lock(lane).lock().await;
        self.app.commit(batch).await?;
        self.parked().insert(lane);
        Ok(())
    }

    /// The delivery of an event as it was written before.
    async fn known(
        &self,
        event: &Event,
        to: Destination,
    ) -> Result<Option<Seen<Delivery>>, ReadError> {
        let key = DocKey::new(Kind::Delivery, DeliveryId::of(event.seq, to));
        let found = self.app.store.document(self.workspace, &key).await?;
        found.map(seen).transpose()
    }

    async fn park(&self, mut delivery: Seen<Delivery>, lane: Lane) -> Result<(), StepFailed> {
        delivery.value.next_at = Some(self.app.now());
        let mut batch = Batch::new(self.workspace);
        if self.parked().insert(lane) {
            batch.timers.push(set_timer(lane, self.app.now()));
        }
        batch.puts.push(record::put_first(&delivery));
        if let Err(error) = self.app.commit(batch).await {
            // The step is tried again, and must set the timer then.
            self.parked().remove(&lane);
            return Err(error.into());
        }
        Ok(())
    }

    fn parked(&self) -> std::sync::MutexGuard<'_, HashSet<Lane>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self, lane: Lane) -> &Mutex<()> {
        let place = usize::try_from(self.hasher.hash_one(lane) % LOCKS as u64).unwrap_or(0);
        self.locks.get(place).expect("the place is taken modulo the number of locks")
    }
}

impl Handler for Outbox {
    fn lanes(&self, event: &Event, lanes: &mut Vec<Lane>) {
        let to = self.to_channels.channel(event);
        lanes.extend(to.map(|id| Lane::of(event).towards(Destination::Channel { id })));
    }

    async fn handle(&self, event: &Arc<Event>, lane: Lane) -> Result<(), StepFailed> {
        let Some(to @ Destination::Channel { id: channel }) = lane.to else { return Ok(()) };
        let known = match event.seq <= self.handled_before {
            true => self.known(event, to).await?,
            false => None,
        };
        let delivery = match known {
            Some(known) if is_untried(&known.value) => known,
            Some(_) => return Ok(()),
            None => Seen::absent(Delivery::untried(event, to)),
        };
        {
            let _lock = self.lock(lane).lock().await;
            if self.parked().contains(&lane) {
                return self.park(delivery, lane).await;
            }
        }
        let Some(_in_hand) = take(&self.load.in_hand, channel, IN_HAND_MAX) else {
            let _lock = self.lock(lane).lock().await;
            return self.park(delivery, lane).await;
        };
        self.first_try(event, lane, delivery).await
    }
}
