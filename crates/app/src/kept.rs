//! What was read lately, kept in memory until a commit of this process changes it.
//!
//! A value that was read before something was forgotten is not kept after it: it may be from before the change.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values by key. When there are too many, all are read anew.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    most: usize,
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    values: HashMap<K, V>,
    /// Moves whenever something is forgotten.
    moment: Moment,
}

/// When something was looked for and not found, so that it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(u64);

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        let inner = Inner { values: HashMap::new(), moment: Moment(0) };
        Self { most, inner: Mutex::new(inner) }
    }

    /// The value that is kept, or since when it is read.
    pub(crate) fn find(&self, key: &K) -> Result<V, Moment> {
        let inner = self.inner();
        inner.values.get(key).cloned().ok_or(inner.moment)
    }

    /// Keeps a value that was read since a moment.
    pub(crate) fn keep(&self, key: K, value: V, since: Moment) {
        let mut inner = self.inner();
        if inner.moment == since {
            if inner.values.len() >= self.most {
                inner.values.clear();
            }
            inner.values.insert(key, value);
        }
    }

    /// Forgets a value: it was an old one, or becomes one.
    pub(crate) fn forget(&self, key: &K) {
        let mut inner = self.inner();
        inner.moment.0 += 1;
        inner.values.remove(key);
    }

    fn inner(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let kept = Kept::new(2);
        let since = kept.find(&"a").expect_err("nothing is kept yet");
        kept.keep("a", 1, since);
        assert_eq!(kept.find(&"a"), Ok(1));
        let since = kept.find(&"b").expect_err("it was not read yet");
        kept.forget(&"a");
        kept.keep("b", 2, since);
        assert!(kept.find(&"a").is_err() && kept.find(&"b").is_err());
    }

    #[test]
    fn too_many_are_read_anew() {
        let kept = Kept::new(2);
        let since = kept.find(&1).expect_err("nothing is kept yet");
        for key in 1..=3 {
            kept.keep(key, key, since);
        }
        assert!(kept.find(&1).is_err() && kept.find(&3) == Ok(3));
    }
}
