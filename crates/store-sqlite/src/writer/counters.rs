//! The numbers that the writer gives: `seq` per workspace, `order` per thread, local numbers.
//!
//! [`Counters`] knows what is on disk, as far as it fits into memory; the tables know the rest. A [`Group`] holds what
//! the transaction that runs has changed; it is written at its end and taken over after the commit, so a transaction
//! that fails leaves the counters as they were.

use std::collections::HashMap;
use std::hash::Hash;

use tidings_model::{Order, Seq, ThreadId, TypeName, WorkspaceId};

use super::Failure;
use super::statements::Statements;
use crate::position::{WORKSPACE_NUMBER_MAX, WorkspaceNumber};

/// Workspaces in memory, in each of two generations.
const WORKSPACES_KEPT: usize = 8_192;

/// Threads in memory, in each of two generations: at some 60 bytes each, ten megabytes at most.
const THREADS_KEPT: usize = 65_536;

/// A workspace's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workspace {
    pub(super) number: WorkspaceNumber,
    pub(super) last_seq: Seq,
    pub(super) events: u64,
    pub(super) documents: u64,
    pub(super) timers: u64,
}

/// What is on disk.
pub(super) struct Counters {
    workspaces: Recent<WorkspaceId, Workspace>,
    threads: Recent<(WorkspaceNumber, ThreadId), Order>,
    /// All of them: the catalogue has some hundred.
    types: HashMap<TypeName, i64>,
    last_number: WorkspaceNumber,
}

impl Counters {
    pub(super) fn load(sql: &mut Statements<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            workspaces: Recent::new(WORKSPACES_KEPT),
            threads: Recent::new(THREADS_KEPT),
            types: sql.event_types()?,
            last_number: sql.last_workspace_number()?,
        })
    }
}

/// What the transaction that runs has changed.
pub(super) struct Group<'counters> {
    counters: &'counters mut Counters,
    workspaces: HashMap<WorkspaceId, Workspace>,
    threads: HashMap<(WorkspaceNumber, ThreadId), Order>,
    types: HashMap<TypeName, i64>,
    last_number: WorkspaceNumber,
}

impl<'counters> Group<'counters> {
    pub(super) fn new(counters: &'counters mut Counters) -> Self {
        let last_number = counters.last_number;
        Self {
            counters,
            workspaces: HashMap::new(),
            threads: HashMap::new(),
            types: HashMap::new(),
            last_number,
        }
    }

    /// The workspace as it is now, if it was ever written to.
    pub(super) fn workspace(
        &mut self,
        sql: &mut Statements<'_>,
        id: WorkspaceId,
    ) -> Result<Option<Workspace>, Failure> {
        if let Some(workspace) = self.workspaces.get(&id) {
            return Ok(Some(*workspace));
        }
        if let Some(workspace) = self.counters.workspaces.get(&id) {
            return Ok(Some(workspace));
        }
        Ok(sql.workspace(id)?)
    }

    /// A row for a workspace that has none. It counts from [`Group::set_workspace`] on.
    pub(super) fn new_workspace(&self) -> Result<Workspace, Failure> {
        let number = WorkspaceNumber(self.last_number.0 + 1);
        if number.0 > WORKSPACE_NUMBER_MAX {
            return Err(Failure::TooManyWorkspaces);
        }
        Ok(Workspace { number, last_seq: Seq::START, events: 0, documents: 0, timers: 0 })
    }

    pub(super) fn set_workspace(&mut self, id: WorkspaceId, workspace: Workspace) {
        self.last_number.0 = self.last_number.0.max(workspace.number.0);
        self.workspaces.insert(id, workspace);
    }

    /// The last order of a thread.
    pub(super) fn last_order(
        &mut self,
        sql: &mut Statements<'_>,
        workspace: WorkspaceNumber,
        thread: ThreadId,
    ) -> Result<Order, Failure> {
        let key = (workspace, thread);
        if let Some(order) = self.threads.get(&key) {
            return Ok(*order);
        }
        if let Some(order) = self.counters.threads.get(&key) {
            return Ok(order);
        }
        Ok(sql.last_order(workspace, thread)?)
    }

    pub(super) fn set_last_order(
        &mut self,
        workspace: WorkspaceNumber,
        thread: ThreadId,
        order: Order,
    ) {
        self.threads.insert((workspace, thread), order);
    }

    /// The number of an event type; a new one gets one.
    pub(super) fn type_number(
        &mut self,
        sql: &mut Statements<'_>,
        name: &TypeName,
    ) -> Result<i64, Failure> {
        if let Some(number) = self.counters.types.get(name).or_else(|| self.types.get(name)) {
            return Ok(*number);
        }
        let number = sql.insert_event_type(name)?;
        self.types.insert(name.clone(), number);
        Ok(number)
    }

    /// Writes each counter that changed, once per transaction.
    pub(super) fn write(&self, sql: &mut Statements<'_>) -> Result<(), Failure> {
        for (id, workspace) in &self.workspaces {
            sql.put_workspace(*id, workspace)?;
        }
        for ((workspace, thread), order) in &self.threads {
            sql.put_last_order(*workspace, *thread, *order)?;
        }
        Ok(())
    }

    /// The transaction is on disk: what it changed is what counts.
    pub(super) fn take_over(self) {
        for (id, workspace) in self.workspaces {
            self.counters.workspaces.insert(id, workspace);
        }
        for (thread, order) in self.threads {
            self.counters.threads.insert(thread, order);
        }
        self.counters.types.extend(self.types);
        self.counters.last_number = self.last_number;
    }
}

/// What was used lately: two generations, of which the older goes when the younger is full. Bounded, and one look-up.
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation_max: usize,
}

impl<K: Eq + Hash + Copy, V: Copy> Recent<K, V> {
    fn new(generation_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation_max }
    }

    fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(*value);
        }
        let value = self.old.remove(key)?;
        self.insert(*key, value);
        Some(value)
    }

    fn insert(&mut self, key: K, value: V) {
        // An older value of the key must never come back.
        self.old.remove(&key);
        if self.young.len() >= self.generation_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}
