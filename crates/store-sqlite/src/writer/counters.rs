//! The numbers that the writer gives: `seq` per workspace, `order` per thread, local numbers; and the tallies.
//!
//! [`Counters`] knows what is on disk, as far as it fits into memory; the tables know the rest. A [`Group`] holds what
//! the transaction that runs has changed; it is written at its end and taken over after the commit, so a transaction
//! that fails leaves the counters as they were.

use std::collections::HashMap;
use std::hash::Hash;

use tidings_model::{ChatId, Order, Seq, ThreadId, TypeName, WorkspaceId};
use tidings_store::Kind;

use super::Failure;
use super::statements::Statements;
use crate::position::{WORKSPACE_NUMBER_MAX, WorkspaceNumber};

/// Workspaces in memory, in each of two generations.
const WORKSPACES_KEPT: usize = 8_192;

/// Chats in memory, in each of two generations: at some 50 bytes each, seven megabytes at most.
const CHATS_KEPT: usize = 65_536;

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

/// A thread's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub(super) number: i64,
    pub(super) last_order: Order,
}

/// The key of a row of `tallies`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tally {
    pub(super) workspace: WorkspaceNumber,
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// What is on disk.
pub(super) struct Counters {
    workspaces: Recent<WorkspaceId, Workspace>,
    chats: Recent<(WorkspaceNumber, ChatId), i64>,
    threads: Recent<(WorkspaceNumber, ThreadId), Thread>,
    /// All of them: the catalogue has some hundred.
    types: HashMap<TypeName, i64>,
    last_number: WorkspaceNumber,
    last_chat: i64,
    last_thread: i64,
}

impl Counters {
    pub(super) fn load(sql: &mut Statements<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            workspaces: Recent::new(WORKSPACES_KEPT),
            chats: Recent::new(CHATS_KEPT),
            threads: Recent::new(THREADS_KEPT),
            types: sql.event_types()?,
            last_number: sql.last_workspace_number()?,
            last_chat: sql.last_chat_number()?,
            last_thread: sql.last_thread_number()?,
        })
    }
}

/// What the transaction that runs has changed.
pub(super) struct Group<'counters> {
    counters: &'counters mut Counters,
    workspaces: HashMap<WorkspaceId, Workspace>,
    /// Those that the transaction has made.
    chats: HashMap<(WorkspaceNumber, ChatId), i64>,
    threads: HashMap<(WorkspaceNumber, ThreadId), Thread>,
    types: HashMap<TypeName, i64>,
    tallies: HashMap<Tally, i64>,
    last_number: WorkspaceNumber,
    last_chat: i64,
    last_thread: i64,
}

impl<'counters> Group<'counters> {
    pub(super) fn new(counters: &'counters mut Counters) -> Self {
        Self {
            last_number: counters.last_number,
            last_chat: counters.last_chat,
            last_thread: counters.last_thread,
            counters,
            workspaces: HashMap::new(),
            chats: HashMap::new(),
            threads: HashMap::new(),
            types: HashMap::new(),
            tallies: HashMap::new(),
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

    /// The local number of a chat; a new one gets one, and keeps it even if its batch is refused.
    pub(super) fn chat_number(
        &mut self,
        sql: &mut Statements<'_>,
        workspace: WorkspaceNumber,
        id: ChatId,
    ) -> Result<i64, Failure> {
        let key = (workspace, id);
        if let Some(number) = self.counters.chats.get(&key) {
            return Ok(number);
        }
        if let Some(number) = self.chats.get(&key) {
            return Ok(*number);
        }
        if let Some(number) = sql.chat(workspace, id)? {
            self.counters.chats.insert(key, number);
            return Ok(number);
        }
        let number = self.last_chat + 1;
        sql.insert_chat(workspace, id, number)?;
        self.last_chat = number;
        self.chats.insert(key, number);
        Ok(number)
    }

    /// The thread as it is now, if it ever had an event.
    pub(super) fn thread(
        &mut self,
        sql: &mut Statements<'_>,
        workspace: WorkspaceNumber,
        id: ThreadId,
    ) -> Result<Option<Thread>, Failure> {
        let key = (workspace, id);
        if let Some(thread) = self.threads.get(&key) {
            return Ok(Some(*thread));
        }
        if let Some(thread) = self.counters.threads.get(&key) {
            return Ok(Some(thread));
        }
        Ok(sql.thread(workspace, id)?)
    }

    /// A row for the `new`th thread of a batch that has none, from 0. It counts from [`Group::set_thread`] on.
    pub(super) fn new_thread(&self, new: usize) -> Thread {
        let number = self.last_thread.saturating_add(1).saturating_add_unsigned(new as u64);
        Thread { number, last_order: Order(0) }
    }

    pub(super) fn set_thread(&mut self, workspace: WorkspaceNumber, id: ThreadId, thread: Thread) {
        self.last_thread = self.last_thread.max(thread.number);
        self.threads.insert((workspace, id), thread);
    }

    /// More or fewer documents, of a kind or with an index entry.
    pub(super) fn tally(&mut self, tally: Tally, change: i64) {
        *self.tallies.entry(tally).or_default() += change;
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
        for ((workspace, id), thread) in &self.threads {
            sql.put_thread(*workspace, *id, *thread)?;
        }
        for (tally, change) in self.tallies.iter().filter(|(_, change)| **change != 0) {
            sql.add_to_tally(tally, *change)?;
        }
        Ok(())
    }

    /// The transaction is on disk: what it changed is what counts.
    pub(super) fn take_over(self) {
        for (id, workspace) in self.workspaces {
            self.counters.workspaces.insert(id, workspace);
        }
        for (id, number) in self.chats {
            self.counters.chats.insert(id, number);
        }
        for (id, thread) in self.threads {
            self.counters.threads.insert(id, thread);
        }
        self.counters.types.extend(self.types);
        self.counters.last_number = self.last_number;
        self.counters.last_chat = self.last_chat;
        self.counters.last_thread = self.last_thread;
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
