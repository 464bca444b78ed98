//! How far the time of a chat's targets has run, by what happened in its last thread.
//!
//! Pure: events of the thread are heard in their order, time runs in between, and what falls due is told once. So however
//! late somebody looks, they find what would have been told in time, with the time when it was due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_model::{AuthorKind, Event, ThreadId, Timestamp, Visibility};

use super::levels::{Level, Target};
use crate::pipeline::chat_change::are_words;

/// The time of one thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceClock {
    /// Which thread.
    pub(crate) thread: ThreadId,
    /// Up to which of its events all were heard.
    pub(crate) order: u64,
    /// Up to when time was counted.
    at: Timestamp,
    /// What is counted now.
    #[serde(default)]
    watches: BTreeMap<Target, Watch>,
    /// Whether there was a first reply.
    #[serde(default)]
    replied: bool,
    /// Whether the customer waits for a reply.
    #[serde(default)]
    waits: bool,
    /// Whether an agent has the chat.
    #[serde(default)]
    with_agent: bool,
    /// Whether the chat is put aside.
    #[serde(default)]
    snoozed: bool,
    /// The labels on the chat.
    #[serde(default)]
    labels: BTreeSet<String>,
    /// Whether the thread is over.
    #[serde(default)]
    closed: bool,
}

/// One target that is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Watch {
    /// Since when.
    since: Timestamp,
    /// How much time has counted until the clock's `at`.
    spent: SignedDuration,
    /// Whether it was told that it is due soon.
    #[serde(default)]
    warned: bool,
    /// Whether it was told that it was missed.
    #[serde(default)]
    missed: bool,
}

/// Something fell due.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// What.
    pub(crate) target: Target,
    /// Whether it was missed; else it will be soon.
    pub(crate) missed: bool,
    /// Since when it was counted.
    pub(crate) since: Timestamp,
    /// When it is due.
    pub(crate) due: Timestamp,
}

/// Who wrote something to everybody in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// The customer.
    Customer,
    /// A person who answers.
    Agent,
    /// A bot, or another program.
    Program,
}

/// Who wrote an event; `None` where it is not words for everybody. `is_program` tells of agents that are programs.
pub(crate) fn who_wrote(event: &Event, is_program: impl Fn(&str) -> bool) -> Option<Wrote> {
    if event.visibility != Visibility::All || !are_words(&event.event_type) {
        return None;
    }
    match event.author.kind {
        AuthorKind::Customer => Some(Wrote::Customer),
        AuthorKind::Agent if is_program(&event.author.id) => Some(Wrote::Program),
        AuthorKind::Agent => Some(Wrote::Agent),
        AuthorKind::Bot | AuthorKind::Integration => Some(Wrote::Program),
        AuthorKind::System => None,
    }
}

impl ServiceClock {
    /// The clock of a thread that begins: the customer has not written yet, so it is their turn.
    pub(crate) fn begin(thread: ThreadId, at: Timestamp, before: Before) -> Self {
        let Before { labels, with_agent } = before;
        let mut clock = Self {
            thread,
            order: 0,
            at,
            watches: BTreeMap::new(),
            replied: false,
            waits: false,
            with_agent,
            snoozed: false,
            labels,
            closed: false,
        };
        clock.watches.insert(Target::Resolution, Watch::begin(at));
        clock.watches.insert(Target::CustomerIdle, Watch::begin(at));
        clock
    }

    /// Lets time run by a level, and tells what falls due meanwhile. What is missed by then is not told to be due soon.
    pub(crate) fn run(&mut self, level: &Level, to: Timestamp, told: &mut Vec<Told>) {
        let from = self.at;
        if to < from {
            return;
        }
        self.at = to;
        if self.is_paused(level) {
            return;
        }
        let first = told.len();
        for (target, watch) in &mut self.watches {
            let time = level.time(*target);
            let tell =
                |missed: bool, due| Told { target: *target, missed, since: watch.since, due };
            let falls = |limit: SignedDuration| {
                time.add(from, limit.saturating_sub(watch.spent)).filter(|due| *due <= to)
            };
            let missed = level.limit(*target).filter(|_| !watch.missed).and_then(&falls);
            let soon = level.warning(*target).filter(|_| !watch.missed && !watch.warned);
            if let Some(due) = missed {
                told.push(tell(true, due));
                watch.missed = true;
            } else if soon.and_then(&falls).is_some() {
                let left = level.limit(*target).map(|limit| limit.saturating_sub(watch.spent));
                if let Some(due) = left.and_then(|left| time.add(from, left)) {
                    told.push(tell(false, due));
                }
                watch.warned = true;
            }
            watch.spent = watch.spent.saturating_add(time.between(from, to));
        }
        if let Some(now) = told.get_mut(first..) {
            now.sort_by_key(|told| told.due);
        }
    }

    /// When something falls due next, if nothing happens before. Time was let run until now.
    pub(crate) fn next(&self, level: &Level) -> Option<Timestamp> {
        if self.is_paused(level) {
            return None;
        }
        let times = self.watches.iter().flat_map(|(target, watch)| {
            let at = |limit: SignedDuration| {
                level.time(*target).add(self.at, limit.saturating_sub(watch.spent))
            };
            let missed = level.limit(*target).filter(|_| !watch.missed);
            let soon = level.warning(*target).filter(|_| !watch.missed && !watch.warned);
            [missed.and_then(&at), soon.and_then(&at)]
        });
        times.flatten().min()
    }

    /// Hears an event of its thread. Time was let run until then.
    pub(crate) fn hear(&mut self, level: &Level, event: &Event, wrote: Option<Wrote>) {
        let at = event.received_at;
        match wrote {
            Some(Wrote::Customer) => self.customer_wrote(level, at),
            Some(Wrote::Agent) => self.replied(level, at),
            Some(Wrote::Program) if level.says.bots_count => self.replied(level, at),
            Some(Wrote::Program) => self.turn_of_customer(level, at),
            None => self.changed(level, event),
        }
    }

    fn changed(&mut self, level: &Level, event: &Event) {
        match event.event_type.as_str() {
            "chat.closed" => {
                self.closed = true;
                self.watches.clear();
            }
            "control.changed" => {
                let to = event.data.pointer("/to/kind").and_then(Value::as_str);
                self.with_agent = to == Some("agent");
                self.watches.remove(&Target::AgentIdle);
                self.turn_of_agent(level, event.received_at);
            }
            "chat.labels_changed" => {
                let labels = event.data.get("labels").and_then(Value::as_array);
                let labels = labels.into_iter().flatten().filter_map(Value::as_str);
                self.labels = labels.map(str::to_owned).collect();
            }
            "chat.snoozed" => self.snoozed = true,
            "chat.snooze_ended" => self.snoozed = false,
            _ => {}
        }
    }

    fn customer_wrote(&mut self, level: &Level, at: Timestamp) {
        if self.closed {
            return;
        }
        self.waits = true;
        self.watches.remove(&Target::CustomerIdle);
        let reply = if self.replied { Target::NextReply } else { Target::FirstReply };
        self.count(level, reply, at);
        self.turn_of_agent(level, at);
    }

    fn replied(&mut self, level: &Level, at: Timestamp) {
        self.replied = true;
        self.waits = false;
        for target in [Target::FirstReply, Target::NextReply, Target::AgentIdle] {
            self.watches.remove(&target);
        }
        self.turn_of_customer(level, at);
    }

    /// The customer's silence is counted from what was said to them last; that they are silent is told once, until they
    /// write.
    fn turn_of_customer(&mut self, level: &Level, at: Timestamp) {
        if self.closed || self.watches.get(&Target::CustomerIdle).is_some_and(|watch| watch.missed)
        {
            return;
        }
        self.watches.remove(&Target::CustomerIdle);
        self.count(level, Target::CustomerIdle, at);
    }

    fn turn_of_agent(&mut self, level: &Level, at: Timestamp) {
        if self.with_agent && self.waits && !self.closed {
            self.count(level, Target::AgentIdle, at);
        }
    }

    /// Begins to count, unless it is counted already. An event of another node may be a little older than time was let
    /// run.
    fn count(&mut self, level: &Level, target: Target, since: Timestamp) {
        let (now, time) = (self.at, level.time(target));
        self.watches
            .entry(target)
            .or_insert_with(|| Watch { spent: time.between(since, now), ..Watch::begin(since) });
    }

    fn is_paused(&self, level: &Level) -> bool {
        let when = &level.says.pause_when;
        (when.snoozed && self.snoozed) || !when.labels.is_disjoint(&self.labels)
    }
}

impl Watch {
    const fn begin(since: Timestamp) -> Self {
        Self { since, spent: SignedDuration::ZERO, warned: false, missed: false }
    }
}

/// How a chat was when a thread of it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// The labels on it.
    pub(crate) labels: BTreeSet<String>,
    /// Whether an agent had it.
    pub(crate) with_agent: bool,
}

impl Before {
    /// By how the chat is now, and the first events of its thread.
    pub(crate) fn of(now: Self, events: &[Arc<Event>]) -> Self {
        let first = |name: &str| events.iter().find(|event| event.event_type.as_str() == name);
        let labels = match first("chat.labels_changed") {
            None => now.labels,
            Some(changed) => {
                let named = |name: &str| {
                    let labels = changed.data.get(name).and_then(Value::as_array);
                    let labels = labels.into_iter().flatten().filter_map(Value::as_str);
                    labels.map(str::to_owned).collect::<BTreeSet<String>>()
                };
                let (after, added) = (named("labels"), named("added"));
                after.difference(&added).cloned().chain(named("removed")).collect()
            }
        };
        let with_agent = first("control.changed").map_or(now.with_agent, |changed| {
            changed.data.pointer("/from/kind").and_then(Value::as_str) == Some("agent")
        });
        Self { labels, with_agent }
    }
}

#[cfg(test)]
mod tests;
