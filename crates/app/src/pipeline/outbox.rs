//! What is owed to somebody outside, tried until it is taken: the common part of [`super::deliver`] and [`super::send`].
//!
//! A first try goes out at once, straight from the log. When it fails, or when its destination has too much in hand, the
//! delivery becomes a pending document and its lane is *parked*: what follows in the lane becomes pending too, without a
//! try, and a timer takes the lane up again, in order. Other lanes go on, and so do other destinations.
//!
//! What makes a second run harmless: a delivery's id is made of its event and its destination, and an event from before
//! these lanes came here is looked up before it is tried. A crash between the try and its record repeats that one try, with
//! the same id.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tidings_model::{
    Attempt, Delivery, DeliveryId, DeliveryStatus, Destination, Event, Seq, Timestamp, WorkspaceId,
};
use tidings_store::{
    Batch, DocKey, DocumentQuery, Kind, Put, ReadError, Scan, Share, Shares, Timer, TimerChange,
    TimerName,
};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::reader::{Handler, Lane, StepFailed};
use super::scene::{Seen, seen};
use super::written::to_body;
use crate::App;
use crate::nodes::hold;

/// How many first tries one destination may have in hand; what comes on top is parked, so that a destination that hangs
/// holds up nobody else.
pub const IN_HAND_MAX: usize = 64;

/// How many pending deliveries of a lane one look takes up.
const LANE_LOOK_MAX: usize = 50;

/// How many locks keep lanes apart; two lanes that share one only wait a little longer.
const LOCKS: usize = 256;

/// The shortest pause that a destination may ask for: one that asks for none is not asked again without an end.
const PAUSE_ASKED_MIN: Duration = Duration::from_secs(1);

/// How many parked lanes of one destination may be taken up at once: half of the timers that may be in hand, so that
/// the lanes of a destination that hangs leave room for everything else that is due.
const TAKEN_UP_MAX: usize = super::timers::IN_HAND_MAX / 2;

/// How long a parked lane waits when so many of its destination are taken up already.
const PAUSE_TAKEN_UP: Duration = Duration::from_secs(1);

/// The longest pause that a destination may ask for.
const PAUSE_ASKED_MAX: Duration = Duration::from_secs(24 * 3600);

/// Who carries what is owed to a kind of destination.
pub trait Carrier: Send + Sync + 'static {
    /// The reader's name; part of the names of its timers.
    const NAME: &'static str;

    /// Adds to whom this event is owed.
    fn destinations(&self, event: &Event, to: &mut Vec<Destination>);

    /// What is owed when one looks closer: what [`Carrier::destinations`] cannot tell without reading.
    fn owed(
        &self,
        _event: &Arc<Event>,
        _to: Destination,
    ) -> impl Future<Output = Result<Owed, ReadError>> + Send {
        async { Ok(Owed::Event) }
    }

    /// Tries once. `delivery` says what was taken already.
    fn try_once(
        &self,
        event: &Arc<Event>,
        delivery: &Delivery,
    ) -> impl Future<Output = Tried> + Send;

    /// Adds to the batch what follows from how it went.
    fn follow_up(&self, event: &Event, delivery: &Delivery, tried: &Tried, batch: &mut Batch);

    /// Looks again at what a recorded try may have changed. Only a hint: without it, it is seen a little later.
    fn recorded(&self, _tried: &Tried) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// What is owed to a destination.
#[derive(Clone, Debug, PartialEq)]
pub enum Owed {
    /// Nothing.
    Nothing,
    /// The event: what goes out is made of it alone.
    Event,
    /// This, as it was decided now.
    Decided(Value),
}

/// How a try went.
#[derive(Clone, Debug)]
pub struct Tried {
    /// For the record.
    pub attempt: Attempt,
    /// What it means.
    pub outcome: Outcome,
    /// How many parts are taken now.
    pub parts_taken: u32,
    /// What the provider calls it, where it says so.
    pub provider_id: Option<String>,
    /// What kind of failure it was, for the follow-up.
    pub failed_call: Option<FailedCall>,
}

/// A call that a provider refused.
#[derive(Clone, Debug, Default)]
pub struct FailedCall {
    /// The provider's method.
    pub method: String,
    /// Its code for the failure.
    pub code: Option<i64>,
    /// Its words.
    pub message: String,
    /// The pause it asked for, in seconds.
    pub retry_after_s: Option<u64>,
    /// The customer cannot be reached any more, and the log does not say so yet.
    pub customer_left: bool,
}

/// What a try means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// Try again later, as the schedule says.
    Again,
    /// The destination asked for a pause; that is no failure of ours, and is not counted as a try.
    AfterPause(Duration),
    /// It will never be taken.
    Refused,
    /// The destination wants nothing any more.
    Gone,
}

/// A reader that owes.
pub struct Outbox<C> {
    app: Arc<App>,
    workspace: WorkspaceId,
    carrier: C,
    /// Events up to this one may have been tried by an earlier process or another node.
    handled_before: Seq,
    parked: StdMutex<HashSet<Lane>>,
    load: Arc<Load>,
    locks: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl<C: Carrier> Outbox<C> {
    /// Reads which lanes of these shares are parked. `head` is the end of the log as it was found.
    pub(crate) async fn open(
        app: &Arc<App>,
        workspace: WorkspaceId,
        carrier: C,
        (head, shares): (Seq, Shares),
        load: Arc<Load>,
    ) -> Result<Self, ReadError> {
        let mut parked = HashSet::new();
        let mut after = None;
        loop {
            let scan = Scan::Equal { name: "parked", value: C::NAME.into() };
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
            carrier,
            handled_before: head,
            parked: StdMutex::new(parked),
            load,
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        })
    }

    /// Who carries.
    pub fn carrier(&self) -> &C {
        &self.carrier
    }

    /// Takes up a parked lane whose pause is over. What makes a second call harmless: it looks at the documents, tries
    /// what is pending in order, and the last look unparks the lane only when nothing is.
    pub async fn take_up(&self, timer: &Timer) -> Result<(), StepFailed> {
        let Some(lane) = lane_of_timer(C::NAME, &timer.name) else { return Ok(()) };
        let Some(_taken_up) = lane.to.and_then(|to| take(&self.load.taken_up, to, TAKEN_UP_MAX))
        else {
            let mut batch = Batch::new(self.workspace);
            batch.timers.push(set_timer(C::NAME, lane, later(self.app.now(), PAUSE_TAKEN_UP)));
            self.app.commit(batch).await?;
            return Ok(());
        };
        let pending = self.pending(lane).await?;
        for Seen { value: mut delivery, version } in pending {
            let Some(event) = self.app.store.event(self.workspace, delivery.event).await? else {
                delivery.status = DeliveryStatus::Failed;
                delivery.next_at = None;
                let mut batch = Batch::new(self.workspace);
                batch.puts.push(put_delivery(C::NAME, &delivery, Some(version)));
                self.app.commit(batch).await?;
                continue;
            };
            hold::may_go_out()?;
            let tried = self.carrier.try_once(&event, &delivery).await;
            let mut batch = Batch::new(self.workspace);
            let goes_on =
                record(&self.app, &self.carrier, &event, &mut delivery, &tried, &mut batch);
            batch.puts.push(put_delivery(C::NAME, &delivery, Some(version)));
            self.app.commit(batch).await?;
            self.carrier.recorded(&tried).await;
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
            batch.timers.push(set_timer(C::NAME, lane, self.app.now()));
            self.app.commit(batch).await?;
        }
        Ok(())
    }

    async fn first_try(
        &self,
        event: &Arc<Event>,
        lane: Lane,
        mut delivery: Delivery,
    ) -> Result<(), StepFailed> {
        hold::may_go_out()?;
        let tried = self.carrier.try_once(event, &delivery).await;
        let mut batch = Batch::new(self.workspace);
        record(&self.app, &self.carrier, event, &mut delivery, &tried, &mut batch);
        batch.puts.push(put_delivery(C::NAME, &delivery, None));
        if delivery.status != DeliveryStatus::Pending {
            self.app.commit(batch).await?;
            self.carrier.recorded(&tried).await;
            return Ok(());
        }
        let _lock = self.lock(lane).lock().await;
        self.app.commit(batch).await?;
        self.parked().insert(lane);
        Ok(())
    }

    /// The delivery of an event as it was written before.
    async fn known(&self, event: &Event, to: Destination) -> Result<Option<Delivery>, ReadError> {
        let key = DocKey::new(Kind::Delivery, DeliveryId::of(event.seq, to));
        let found = self.app.store.document(self.workspace, &key).await?;
        Ok(found.map(seen::<Delivery>).transpose()?.map(|seen| seen.value))
    }

    /// Writes down what goes out before anything does: who comes again, after a failure or a crash, sends the same.
    async fn decided(
        &self,
        event: &Event,
        to: Destination,
        body: Value,
    ) -> Result<Delivery, StepFailed> {
        if let Some(known) = self.known(event, to).await? {
            return Ok(known);
        }
        let delivery = Delivery { decided: Some(body), ..new_delivery(event, to) };
        let mut batch = Batch::new(self.workspace);
        batch.puts.push(put_delivery(C::NAME, &delivery, None));
        self.app.commit(batch).await?;
        Ok(delivery)
    }

    async fn park(&self, mut delivery: Delivery, lane: Lane) -> Result<(), StepFailed> {
        delivery.next_at = Some(self.app.now());
        let mut batch = Batch::new(self.workspace);
        if self.parked().insert(lane) {
            batch.timers.push(set_timer(C::NAME, lane, self.app.now()));
        }
        batch.puts.push(put_delivery(C::NAME, &delivery, None));
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

/// Tries a delivery again now, whatever its state, because somebody asked for it. Any node may: what it writes expects the
/// delivery as it was found.
pub async fn redeliver<C: Carrier>(
    app: &App,
    carrier: &C,
    event: &Arc<Event>,
    found: Seen<Delivery>,
) -> Result<Delivery, StepFailed> {
    let Seen { value: mut delivery, version } = found;
    let (status, tries, next_at) = (delivery.status, delivery.tries, delivery.next_at);
    let tried = carrier.try_once(event, &delivery).await;
    let mut batch = Batch::new(event.workspace);
    record(app, carrier, event, &mut delivery, &tried, &mut batch);
    batch.timers.clear();
    if tried.outcome != Outcome::Taken {
        // Asked by hand: a failure changes nothing but the record of attempts.
        (delivery.status, delivery.tries, delivery.next_at) = (status, tries, next_at);
    }
    batch.puts.push(put_delivery(C::NAME, &delivery, Some(version)));
    app.commit(batch).await?;
    carrier.recorded(&tried).await;
    Ok(delivery)
}

/// Notes a try. Returns whether the lane goes on with what follows.
fn record<C: Carrier>(
    app: &App,
    carrier: &C,
    event: &Event,
    delivery: &mut Delivery,
    tried: &Tried,
    batch: &mut Batch,
) -> bool {
    let now = app.now();
    delivery.attempts.push(tried.attempt.clone());
    let surplus =
        delivery.attempts.len().saturating_sub(tidings_model::delivery::ATTEMPTS_KEPT_MAX);
    delivery.attempts.drain(..surplus);
    delivery.parts_taken = tried.parts_taken;
    let mut charge = || {
        delivery.tries += 1;
        usize::try_from(delivery.tries)
            .ok()
            .and_then(|tries| app.settings.retry_delays.get(tries - 1))
    };
    let pause = match tried.outcome {
        Outcome::Taken => {
            delivery.tries += 1;
            delivery.status = DeliveryStatus::Delivered;
            None
        }
        Outcome::Refused | Outcome::Gone => {
            delivery.tries += 1;
            delivery.status = DeliveryStatus::Failed;
            None
        }
        Outcome::AfterPause(pause) => Some(pause.clamp(PAUSE_ASKED_MIN, PAUSE_ASKED_MAX)),
        Outcome::Again => {
            let delay = charge().copied();
            if delay.is_none() {
                delivery.status = DeliveryStatus::Failed;
            }
            delay.map(|delay| jittered(app, delay))
        }
    };
    delivery.next_at = pause.map(|pause| later(now, pause));
    if let Some(next_at) = delivery.next_at {
        delivery.status = DeliveryStatus::Pending;
        batch.timers.push(set_timer(C::NAME, lane_of(delivery), next_at));
    }
    let outcome = match delivery.status {
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Pending => "again",
        DeliveryStatus::Failed => "failed",
    };
    metrics::counter!("tidings_attempts_total", "reader" => C::NAME, "outcome" => outcome)
        .increment(1);
    carrier.follow_up(event, delivery, tried, batch);
    delivery.next_at.is_none()
}

/// Up to a tenth longer, so that many that failed together do not come back together.
fn jittered(app: &App, delay: Duration) -> Duration {
    let (_, random) = app.clock.next_id().as_u64_pair();
    let tenth = u64::try_from(delay.as_millis() / 10).unwrap_or(u64::MAX);
    delay + Duration::from_millis(random % (tenth + 1))
}

/// How much each destination has in hand, however many outboxes of a node send to it.
#[derive(Debug, Default)]
pub(crate) struct Load {
    in_hand: Counts,
    taken_up: Counts,
}

/// How many each destination has.
type Counts = StdMutex<HashMap<Destination, usize>>;

/// Counts one more; `None` when the destination has enough.
fn take(counts: &Counts, to: Destination, max: usize) -> Option<InHand<'_>> {
    let mut of = counts.lock().unwrap_or_else(PoisonError::into_inner);
    let count = of.entry(to).or_default();
    if *count >= max {
        return None;
    }
    *count += 1;
    Some(InHand { counts, to })
}

impl<C: Carrier> Handler for Outbox<C> {
    fn lanes(&self, event: &Event, lanes: &mut Vec<Lane>) {
        let mut to = Vec::new();
        self.carrier.destinations(event, &mut to);
        lanes.extend(to.into_iter().map(|to| Lane::of(event).towards(to)));
    }

    async fn handle(&self, event: &Arc<Event>, lane: Lane) -> Result<(), StepFailed> {
        let Some(to) = lane.to else { return Ok(()) };
        let known = match event.seq <= self.handled_before {
            true => self.known(event, to).await?,
            false => None,
        };
        let delivery = match known {
            Some(known) if is_untried(&known) => known,
            Some(_) => return Ok(()),
            None => match self.carrier.owed(event, to).await? {
                Owed::Nothing => return Ok(()),
                Owed::Event => new_delivery(event, to),
                Owed::Decided(body) => self.decided(event, to, body).await?,
            },
        };
        {
            let _lock = self.lock(lane).lock().await;
            if self.parked().contains(&lane) {
                return self.park(delivery, lane).await;
            }
        }
        let Some(_in_hand) = take(&self.load.in_hand, to, IN_HAND_MAX) else {
            let _lock = self.lock(lane).lock().await;
            return self.park(delivery, lane).await;
        };
        self.first_try(event, lane, delivery).await
    }
}

/// Something in hand; counted until it is dropped.
struct InHand<'a> {
    counts: &'a Counts,
    to: Destination,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.to) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.to);
            }
        }
    }
}

/// The write of a delivery's document, with the entries that it is found by.
fn put_delivery(
    reader: &str,
    delivery: &Delivery,
    expected: Option<tidings_store::Version>,
) -> Put {
    let to = delivery.to.uuid();
    let status = match delivery.status {
        DeliveryStatus::Pending => "pending",
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Failed => "failed",
    };
    let mut index = vec![
        ("to", to.to_string()),
        ("status", status.into()),
        ("to_status", format!("{to}:{status}")),
    ];
    if delivery.status == DeliveryStatus::Pending && !is_untried(delivery) {
        index.push(("lane", lane_text(lane_of(delivery))));
        index.push(("parked", reader.into()));
    }
    Put { key: DocKey::new(Kind::Delivery, delivery.id), expected, body: to_body(delivery), index }
}

fn new_delivery(event: &Event, to: Destination) -> Delivery {
    Delivery {
        id: DeliveryId::of(event.seq, to),
        to,
        event: event.id,
        seq: event.seq.0,
        event_type: event.event_type.to_string(),
        chat: event.chat,
        decided: None,
        status: DeliveryStatus::Pending,
        attempts: Vec::new(),
        tries: 0,
        parts_taken: 0,
        next_at: None,
    }
}

/// Whether nothing was done with a delivery but to write it down: its reader comes to it.
fn is_untried(delivery: &Delivery) -> bool {
    delivery.status == DeliveryStatus::Pending && delivery.next_at.is_none()
}

fn lane_of(delivery: &Delivery) -> Lane {
    let of = delivery.chat.map_or_else(|| delivery.event.uuid(), tidings_model::ChatId::uuid);
    Lane { of, to: Some(delivery.to) }
}

fn lane_text(lane: Lane) -> String {
    match lane.to {
        Some(Destination::Endpoint { id }) => format!("endpoint:{id}:{}", lane.of),
        Some(Destination::Channel { id }) => format!("channel:{id}:{}", lane.of),
        None => lane.of.to_string(),
    }
}

fn set_timer(reader: &str, lane: Lane, due: Timestamp) -> TimerChange {
    let name = TimerName(format!("{reader}:{}", lane_text(lane)));
    TimerChange::Set { name, due, body: Value::Null }
}

fn lane_of_timer(reader: &str, name: &TimerName) -> Option<Lane> {
    let mut parts = name.0.strip_prefix(reader)?.strip_prefix(':')?.split(':');
    let (kind, id, of) = (parts.next()?, parts.next()?, parts.next()?);
    let id: Uuid = id.parse().ok()?;
    let to = match kind {
        "endpoint" => Destination::Endpoint { id: tidings_model::EndpointId::new(id) },
        "channel" => Destination::Channel { id: tidings_model::ChannelId::new(id) },
        _ => return None,
    };
    Some(Lane { of: of.parse().ok()?, to: Some(to) })
}

/// A time later by so much; the far end of time when that is out of range.
pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
