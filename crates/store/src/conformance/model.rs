//! Any history of batches reads as a simple model in memory says.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use tidings_model::{
    ChatId, Clock, Draft, Event, Order, Seq, ThreadId, Timestamp, WorkspaceId, envelope,
};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::everything::{CLAIMS, READERS};
use super::world::{World, claim, customer, put};
use super::{Everything, everything};
use crate::{
    Advance, Batch, Claim, CommitError, Committed, CountOf, Delete, DocKey, Document,
    DocumentQuery, Expect, Kind, Put, Scan, Store, Timer, TimerChange, TimerName, Version,
};

/// Histories that are tried; each is some ten batches, each batch a disk sync.
const HISTORIES: u32 = 24;

/// Batches of a history.
const BATCHES_MAX: usize = 14;

/// The names that a history chooses from: few, so that batches meet.
const CUSTOMERS: [&str; 3] = ["alice", "bob", "carol"];
const GROUPS: [&str; 2] = ["sales", "support"];
const NAMES: [&str; 2] = ["group", "access"];
const TIMERS: [&str; 2] = ["run:1", "run:2"];
const TYPES: [&str; 2] = ["chat.message", "note.added"];

/// What a generated batch does, by places in the lists above. It becomes a batch when the clock gives ids.
#[derive(Clone, Debug)]
struct Plan {
    second_workspace: bool,
    claims: Vec<usize>,
    expects: Vec<(usize, u64)>,
    events: Vec<PlannedEvent>,
    puts: BTreeMap<usize, PlannedPut>,
    deletes: BTreeMap<usize, Option<u64>>,
    timers: Vec<PlannedTimer>,
    cursors: Vec<(usize, u64)>,
}

#[derive(Clone, Debug)]
struct PlannedEvent {
    event_type: usize,
    thread: Option<u8>,
    /// Repeats the id of the first event of the history.
    repeated: bool,
    text: String,
}

#[derive(Clone, Debug)]
struct PlannedPut {
    expected: Option<u64>,
    /// What it is called by: a tallied name, and one that is not.
    name: usize,
    groups: Vec<usize>,
    body: u32,
}

#[derive(Clone, Debug)]
enum PlannedTimer {
    Set(usize, i64),
    Cancel(usize),
    Take(usize, i64),
}

/// Whatever the batches of a history are, in whatever order: the store answers and reads as the model.
pub async fn any_history_reads_as_the_model_says(mut world: World) {
    let handle = Handle::current();
    // The runner is not asynchronous, so it runs beside and asks in.
    let outcome = tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config {
            cases: HISTORIES,
            failure_persistence: None,
            ..Config::default()
        });
        let world_in_use = tokio::sync::Mutex::new(&mut world);
        let result = runner.run(&prop::collection::vec(plan(), 1..BATCHES_MAX), |plans| {
            handle.block_on(async { run(&mut **world_in_use.lock().await, plans).await })
        });
        handle.block_on(world.store.close());
        result.map_err(|error| error.to_string())
    });
    outcome.await.expect("the runner ends").expect("every history reads as the model says");
}

fn plan() -> impl Strategy<Value = Plan> {
    let event =
        (0..TYPES.len(), prop::option::of(0u8..2), prop::bool::weighted(0.03), "[ -~ä😀]{0,8}")
            .prop_map(|(event_type, thread, repeated, text)| PlannedEvent {
                event_type,
                thread,
                repeated,
                text,
            });
    let version = || prop::option::weighted(0.4, 0u64..3);
    let groups = prop::sample::subsequence((0..GROUPS.len()).collect::<Vec<_>>(), 0..=GROUPS.len());
    let put = (version(), 0..NAMES.len(), groups.prop_shuffle(), any::<u32>())
        .prop_map(|(expected, name, groups, body)| PlannedPut { expected, name, groups, body });
    let timer = (0..TIMERS.len(), 1i64..4);
    let timer = prop_oneof![
        timer.clone().prop_map(|(name, due)| PlannedTimer::Set(name, due)),
        timer.clone().prop_map(|(name, _)| PlannedTimer::Cancel(name)),
        timer.prop_map(|(name, due)| PlannedTimer::Take(name, due)),
    ];
    let claims = prop_oneof![3 => Just(Vec::new()), 2 => prop::sample::subsequence((0..CLAIMS.len()).collect::<Vec<_>>(), 0..3)];
    (
        any::<bool>(),
        claims,
        prop::collection::vec((0..CUSTOMERS.len(), 0u64..3), 0..2),
        prop::collection::vec(event, 0..4),
        prop::collection::btree_map(0..CUSTOMERS.len(), put, 0..3),
        prop::collection::btree_map(0..CUSTOMERS.len(), version(), 0..2),
        prop::collection::vec(timer, 0..3),
        prop::collection::vec((0..READERS.len(), 0u64..20), 0..3),
    )
        .prop_map(
            |(second_workspace, claims, expects, events, puts, deletes, timers, cursors)| Plan {
                second_workspace,
                claims,
                expects,
                events,
                puts,
                deletes,
                timers,
                cursors,
            },
        )
}

/// Both workspaces of a history are new, so that histories share a store.
async fn run(world: &mut World, plans: Vec<Plan>) -> Result<(), TestCaseError> {
    let mut models = [Model::new(world), Model::new(world)];
    for plan in plans {
        world.clock.advance(1);
        let model = &mut models[usize::from(plan.second_workspace)];
        let batch = batch(world, model, plan);
        let answer = world.store.commit(batch.clone()).await;
        model.take(batch, answer, world.clock.now())?;
    }
    for model in &models {
        model.compare(&*world.store).await?;
    }
    world.reopen().await;
    for model in &models {
        model.compare(&*world.store).await?;
    }
    Ok(())
}

fn due(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("near 1970")
}

fn batch(world: &World, model: &Model, plan: Plan) -> Batch {
    let mut repeated = model.events.first().map(|event| event.id);
    let events = plan.events.into_iter().map(|planned| {
        let mut draft = world.draft(model.workspace, TYPES[planned.event_type], &planned.text);
        if let Some(id) = repeated.take_if(|_| planned.repeated) {
            (draft.id, draft.root) = (id, id);
        }
        (draft.chat, draft.thread) = planned.thread.map(chat_and_thread).unzip();
        draft
    });
    let events: Vec<Draft> = events.collect();
    let outcome = events.first().map(|draft| draft.id);
    let puts = plan.puts.iter().map(|(&at, planned)| Put {
        expected: planned.expected.map(Version),
        index: (planned.groups.iter())
            .map(|group| (NAMES[planned.name], GROUPS[*group].into()))
            .collect(),
        ..put(&customer(CUSTOMERS[at]), json!(planned.body))
    });
    let deletes = plan.deletes.iter().filter(|(at, _)| !plan.puts.contains_key(at));
    Batch {
        claims: plan.claims.into_iter().map(|at| Claim { outcome, ..claim(CLAIMS[at]) }).collect(),
        expects: (plan.expects.into_iter())
            .map(|(at, version)| Expect { key: customer(CUSTOMERS[at]), version: Version(version) })
            .collect(),
        events,
        puts: puts.collect(),
        deletes: deletes
            .map(|(&at, expected)| Delete {
                key: customer(CUSTOMERS[at]),
                expected: expected.map(Version),
            })
            .collect(),
        timers: plan.timers.into_iter().map(timer_change).collect(),
        cursors: (plan.cursors.into_iter())
            .map(|(at, to)| Advance { reader: READERS[at].into(), to: Seq(to) })
            .collect(),
        ..Batch::new(model.workspace)
    }
}

fn timer_change(planned: PlannedTimer) -> TimerChange {
    let name = |at: usize| TimerName(TIMERS[at].into());
    match planned {
        PlannedTimer::Set(at, second) => {
            TimerChange::Set { name: name(at), due: due(second), body: json!(second) }
        }
        PlannedTimer::Cancel(at) => TimerChange::Cancel { name: name(at) },
        PlannedTimer::Take(at, second) => TimerChange::Take { name: name(at), due: due(second) },
    }
}

/// A document's index entries.
type Entries = Vec<(&'static str, String)>;

/// A workspace, as plain maps.
struct Model {
    workspace: WorkspaceId,
    written: bool,
    events: Vec<Arc<Event>>,
    orders: BTreeMap<ThreadId, u64>,
    documents: BTreeMap<DocKey, (Document, Entries)>,
    timers: BTreeMap<String, (Timestamp, Value)>,
    cursors: BTreeMap<String, Seq>,
    claims: BTreeMap<String, Claim>,
}

impl Model {
    fn new(world: &World) -> Self {
        Self {
            workspace: WorkspaceId::new(world.clock.next_id()),
            written: false,
            events: Vec::new(),
            orders: BTreeMap::new(),
            documents: BTreeMap::new(),
            timers: BTreeMap::new(),
            cursors: BTreeMap::new(),
            claims: BTreeMap::new(),
        }
    }

    fn version(&self, key: &DocKey) -> Version {
        self.documents.get(key).map_or(Version::ABSENT, |(document, _)| document.version)
    }

    /// Whether a refusal is right. Which of several reasons is told is open, but for claims, which come first.
    fn refuses(&self, batch: &Batch, error: &CommitError) -> bool {
        let claimed = batch.claims.iter().find(|claim| self.claims.contains_key(&claim.name));
        match error {
            CommitError::Claimed { name, outcome } => claimed
                .is_some_and(|claim| claim.name == *name && self.claims[name].outcome == *outcome),
            CommitError::Conflict { key } => claimed.is_none() && self.conflicts(batch, key),
            CommitError::TimerGone { name } => claimed.is_none() && self.is_gone(batch, name),
            CommitError::EventExists { id } => {
                claimed.is_none() && self.events.iter().any(|event| event.id == *id)
            }
            CommitError::Overloaded
            | CommitError::Fenced { .. }
            | CommitError::DiskFull
            | CommitError::Malformed { .. }
            | CommitError::Closed
            | CommitError::Engine { .. } => false,
        }
    }

    fn conflicts(&self, batch: &Batch, key: &DocKey) -> bool {
        let is = self.version(key);
        batch.expects.iter().any(|expect| expect.key == *key && expect.version != is)
            || batch
                .puts
                .iter()
                .any(|put| put.key == *key && put.expected.is_some_and(|expected| expected != is))
            || batch.deletes.iter().any(|delete| {
                delete.key == *key && delete.expected.is_some_and(|expected| expected != is)
            })
    }

    fn is_gone(&self, batch: &Batch, wanted: &TimerName) -> bool {
        batch.timers.iter().any(|change| match change {
            TimerChange::Take { name, due } => {
                name == wanted && self.timers.get(&name.0).is_none_or(|(is, _)| is != due)
            }
            TimerChange::Set { .. } | TimerChange::Cancel { .. } => false,
        })
    }

    fn is_acceptable(&self, batch: &Batch) -> bool {
        let keys = (batch.expects.iter().map(|expect| &expect.key))
            .chain(batch.puts.iter().map(|put| &put.key))
            .chain(batch.deletes.iter().map(|delete| &delete.key));
        let names = batch.timers.iter().map(|change| match change {
            TimerChange::Set { name, .. }
            | TimerChange::Cancel { name }
            | TimerChange::Take { name, .. } => name,
        });
        batch.claims.iter().all(|claim| !self.claims.contains_key(&claim.name))
            && keys.into_iter().all(|key| !self.conflicts(batch, key))
            && names.into_iter().all(|name| !self.is_gone(batch, name))
            && batch.events.iter().all(|draft| self.events.iter().all(|event| event.id != draft.id))
    }

    /// Compares the store's answer, and does what the batch says if it was written.
    fn take(
        &mut self,
        batch: Batch,
        answer: Result<Committed, CommitError>,
        now: Timestamp,
    ) -> Result<(), TestCaseError> {
        let committed = match answer {
            Ok(committed) => committed,
            Err(error) if self.refuses(&batch, &error) => return Ok(()),
            Err(error) => {
                return Err(TestCaseError::fail(format!("{batch:?} was refused: {error:?}")));
            }
        };
        if !self.is_acceptable(&batch) {
            return Err(TestCaseError::fail(format!("{batch:?} was not refused")));
        }
        self.written |= !batch.is_empty();
        let numbered: Vec<Arc<Event>> =
            batch.events.into_iter().map(|draft| self.number(draft)).collect();
        same(&committed.events, &numbered)?;
        for claim in batch.claims {
            self.claims.insert(claim.name.clone(), claim);
        }
        for Put { key, body, index, .. } in batch.puts {
            let body = body.value();
            let version = self.version(&key).next();
            self.documents
                .insert(key.clone(), (Document { key, version, body, updated_at: now }, index));
        }
        for delete in batch.deletes {
            self.documents.remove(&delete.key);
        }
        for change in batch.timers {
            match change {
                TimerChange::Set { name, due, body } => {
                    self.timers.insert(name.0, (due, body));
                }
                TimerChange::Cancel { name } | TimerChange::Take { name, .. } => {
                    self.timers.remove(&name.0);
                }
            }
        }
        for Advance { reader, to } in batch.cursors {
            let cursor = self.cursors.entry(reader).or_insert(to);
            *cursor = to.max(*cursor);
        }
        Ok(())
    }

    fn number(&mut self, draft: Draft) -> Arc<Event> {
        let order = draft.thread.map(|thread| {
            let last = self.orders.entry(thread).or_default();
            *last += 1;
            Order(*last)
        });
        let body = envelope::write(&draft).into();
        let event = Arc::new(Event::new(Seq(self.events.len() as u64 + 1), order, draft, body));
        self.events.push(Arc::clone(&event));
        event
    }

    async fn compare(&self, store: &dyn Store) -> Result<(), TestCaseError> {
        let mut timers: Vec<Timer> = (self.timers.iter())
            .map(|(name, (due, body))| Timer {
                workspace: self.workspace,
                name: TimerName(name.clone()),
                due: *due,
                body: body.clone(),
            })
            .collect();
        timers.sort_by_key(|timer| timer.due);
        let expected = Everything {
            events: self.events.clone(),
            last_seq: Seq(self.events.len() as u64),
            documents: self.documents.values().map(|(document, _)| document.clone()).collect(),
            timers,
            cursors: READERS.map(|reader| self.cursors.get(reader).copied()).into(),
            claims: CLAIMS.map(|name| self.claims.get(name).and_then(|claim| claim.outcome)).into(),
            listed: self.written,
        };
        same(&everything(store, self.workspace).await, &expected)?;
        for name in NAMES {
            for group in GROUPS {
                self.compare_entry(store, name, group).await?;
            }
            self.compare_name(store, name).await?;
        }
        let all = store.count(self.workspace, Kind::Customer, CountOf::All).await;
        same(&all.expect("documents can be counted"), &(self.documents.len() as u64))?;
        for number in 0..2 {
            let (chat, thread) = chat_and_thread(number);
            let found = store.thread_events(self.workspace, chat, thread, None, 100).await;
            let expected: Vec<Arc<Event>> = (self.events.iter())
                .filter(|event| event.thread == Some(thread))
                .cloned()
                .collect();
            same(&found.expect("threads can be read"), &expected)?;
            let second = store.thread_event(self.workspace, chat, thread, Order(2)).await;
            same(&second.expect("threads can be read"), &expected.get(1).cloned())?;
        }
        same(&store.verify().await.expect("verified"), &Vec::new())
    }

    async fn compare_entry(
        &self,
        store: &dyn Store,
        name: &'static str,
        group: &str,
    ) -> Result<(), TestCaseError> {
        let scan = Scan::EqualNewest { name, value: group.into() };
        let query = DocumentQuery { kind: Kind::Customer, scan, after: None, limit: 10 };
        let found = store.documents(self.workspace, query).await.expect("documents can be read");
        let entry = (name, group.to_owned());
        let expected: Vec<Document> = (self.documents.values().rev())
            .filter(|(_, index)| index.contains(&entry))
            .map(|(document, _)| document.clone())
            .collect();
        same(&found.documents, &expected)?;
        let of = CountOf::Equal { name, value: group.into() };
        let count = store.count(self.workspace, Kind::Customer, of).await;
        same(&count.expect("documents can be counted"), &(expected.len() as u64))
    }

    async fn compare_name(
        &self,
        store: &dyn Store,
        name: &'static str,
    ) -> Result<(), TestCaseError> {
        let scan = Scan::Range { name, from: None, to: None, newest_first: true };
        let query = DocumentQuery { kind: Kind::Customer, scan, after: None, limit: 10 };
        let found = store.documents(self.workspace, query).await.expect("documents can be read");
        let mut expected: Vec<(&str, Document)> = (self.documents.values())
            .flat_map(|(document, index)| index.iter().map(move |entry| (entry, document)))
            .filter(|((known, _), _)| *known == name)
            .map(|((_, value), document)| (value.as_str(), document.clone()))
            .collect();
        expected.sort_by(|one, other| (other.0, &other.1.key).cmp(&(one.0, &one.1.key)));
        let expected: Vec<Document> = expected.into_iter().map(|(_, document)| document).collect();
        same(&found.documents, &expected)?;
        let named = self
            .documents
            .values()
            .filter(|(_, index)| index.iter().any(|(known, _)| *known == name));
        let count = store.count(self.workspace, Kind::Customer, CountOf::Named { name }).await;
        same(&count.expect("documents can be counted"), &(named.count() as u64))
    }
}

/// The chat and thread of a history with a number.
fn chat_and_thread(number: u8) -> (ChatId, ThreadId) {
    let id = Uuid::from_u128(u128::from(number));
    (ChatId::new(id), ThreadId::new(id))
}

fn same<T: PartialEq + std::fmt::Debug>(is: &T, should_be: &T) -> Result<(), TestCaseError> {
    if is == should_be {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("the store says {is:#?}, the model says {should_be:#?}")))
}
