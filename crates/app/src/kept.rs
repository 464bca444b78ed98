//! What was read lately, kept in memory until a commit of this process changes it; where other nodes write as well, not
//! longer than it may be old.
//!
//! A value that was read before something was forgotten is not kept after it: it may be from before the change.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Values by key. When there are too many, all are read anew.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    most: usize,
    oldest: Option<Duration>,
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    slots: HashMap<K, Slot<V>>,
    /// Moves whenever something is forgotten.
    forgotten: u64,
    /// When all slots were cleared: what has none was forgotten then.
    cleared: u64,
}

/// What is kept of one key. An empty one remembers that something was forgotten.
#[derive(Debug)]
struct Slot<V> {
    /// With the time at which it was read, where that counts.
    value: Option<(V, Option<Instant>)>,
    /// The last time that it was forgotten.
    forgotten: u64,
}

/// When something was looked for, to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    forgotten: u64,
    at: Option<Instant>,
}

impl<K: Eq + Hash + Clone, V: Clone> Kept<K, V> {
    /// Keeps at most so many, each not longer than `oldest`.
    pub(crate) fn new(most: usize, oldest: Option<Duration>) -> Self {
        let inner = Inner { slots: HashMap::new(), forgotten: 0, cleared: 0 };
        Self { most, oldest, inner: Mutex::new(inner) }
    }

    /// The value that is kept, or since when it is read.
    pub(crate) fn find(&self, key: &K) -> Result<V, Moment> {
        let now = self.now();
        let inner = self.inner();
        let is_young = |read_at: &Option<Instant>| match (self.oldest, now, read_at) {
            (Some(oldest), Some(now), Some(read_at)) => now - *read_at < oldest,
            _ => true,
        };
        let found = inner.slots.get(key).and_then(|slot| slot.value.as_ref());
        let found = found.filter(|(_, read_at)| is_young(read_at));
        found.map(|(value, _)| value.clone()).ok_or_else(|| inner.moment(key, now))
    }

    /// Since when a value is read, whatever is kept.
    pub(crate) fn moment(&self, key: &K) -> Moment {
        self.inner().moment(key, self.now())
    }

    /// Keeps a value that was read since a moment.
    pub(crate) fn keep(&self, key: K, value: V, since: Moment) {
        let mut inner = self.inner();
        if inner.moment(&key, since.at) == since {
            let value = Some((value, since.at));
            inner.put(self.most, key, Slot { value, forgotten: since.forgotten });
        }
    }

    /// Forgets a value: it was an old one, or becomes one.
    pub(crate) fn forget(&self, key: &K) {
        let mut inner = self.inner();
        inner.forgotten += 1;
        let forgotten = inner.forgotten;
        inner.put(self.most, key.clone(), Slot { value: None, forgotten });
    }

    /// Forgets all values.
    pub(crate) fn forget_all(&self) {
        self.inner().clear();
    }

    fn now(&self) -> Option<Instant> {
        self.oldest.map(|_| Instant::now())
    }

    fn inner(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Inner<K, V> {
    fn moment(&self, key: &K, at: Option<Instant>) -> Moment {
        let forgotten = self.slots.get(key).map_or(self.cleared, |slot| slot.forgotten);
        Moment { forgotten, at }
    }

    fn put(&mut self, most: usize, key: K, slot: Slot<V>) {
        if self.slots.len() >= most && !self.slots.contains_key(&key) {
            self.clear();
        }
        self.slots.insert(key, slot);
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.forgotten += 1;
        self.cleared = self.forgotten;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let kept = Kept::new(3, None);
        let since = kept.find(&"a").expect_err("nothing is kept yet");
        kept.keep("a", 1, since);
        assert_eq!(kept.find(&"a"), Ok(1));
        let since = kept.find(&"b").expect_err("it was not read yet");
        let again = kept.moment(&"a");
        kept.forget(&"a");
        kept.keep("a", 1, again);
        kept.keep("b", 2, since);
        assert!(kept.find(&"a").is_err(), "it may be from before");
        assert_eq!(kept.find(&"b"), Ok(2), "others are as they were");
        let since = kept.find(&"c").expect_err("it was not read yet");
        kept.forget(&"c");
        kept.keep("c", 3, since);
        assert!(kept.find(&"c").is_err(), "it may be from before");
        let since = kept.moment(&"c");
        kept.forget_all();
        kept.keep("c", 3, since);
        assert!(kept.find(&"c").is_err(), "it may be from before");
    }

    #[test]
    fn too_many_are_read_anew() {
        let kept = Kept::new(2, None);
        let since = kept.find(&1).expect_err("nothing is kept yet");
        for key in 1..=3 {
            kept.keep(key, key, since);
        }
        assert!(kept.find(&1).is_err() && kept.find(&3) == Ok(3));
    }

    #[test]
    fn where_others_write_as_well_it_is_not_believed_for_long() {
        for (oldest, is_believed) in [(Duration::from_secs(3_600), true), (Duration::ZERO, false)] {
            let kept = Kept::new(2, Some(oldest));
            let since = kept.find(&"a").expect_err("nothing is kept yet");
            kept.keep("a", 1, since);
            assert_eq!(kept.find(&"a").is_ok(), is_believed);
        }
    }
}
