//! What arrived: the last deliveries, and what is needed to tell a repeated one and one that came too late.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::delivery::Delivery;

/// How many deliveries are kept.
pub(super) const KEPT_MAX: usize = 200;

/// How many bytes of bodies are kept, in all.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// How many ids are remembered, to know a repeated delivery.
const IDS_MAX: usize = 10_000;

/// How many chats are remembered, to know a delivery that came too late.
const CHATS_MAX: usize = 10_000;

/// The longest id of a delivery or chat that is remembered, in bytes; ours have 36.
const KEY_BYTES_MAX: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    kept: VecDeque<Arc<Delivery>>,
    kept_bytes: usize,
    /// Counts what arrived.
    count: u64,
    /// How often each id came, and whether it was taken.
    ids: Recent<(u32, bool)>,
    /// The highest number that was taken of each chat.
    chats: Recent<u64>,
}

impl Ledger {
    /// Compares a delivery with those before it, and keeps it.
    pub(super) fn add(&mut self, mut delivery: Delivery) -> Arc<Delivery> {
        self.count += 1;
        delivery.number = self.count;
        if delivery.handshake.is_none() {
            self.compare(&mut delivery);
        }
        let delivery = Arc::new(delivery);
        self.kept_bytes += delivery.body_bytes;
        self.kept.push_back(Arc::clone(&delivery));
        while self.kept.len() > KEPT_MAX || self.kept_bytes > KEPT_BYTES_MAX {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.body_bytes;
        }
        delivery
    }

    fn compare(&mut self, delivery: &mut Delivery) {
        if let Some(key) = delivery.key().map(str::to_owned) {
            let (came, was_taken) = self.ids.get(&key).copied().unwrap_or_default();
            delivery.attempt = came.saturating_add(1);
            delivery.duplicate = was_taken;
            self.ids.put(key, (delivery.attempt, was_taken || delivery.taken), IDS_MAX);
        }
        if delivery.duplicate {
            return;
        }
        for event in &delivery.events {
            let (Some(chat), Some(seq)) = (&event.chat, event.seq) else { continue };
            let highest = self.chats.get(chat).copied().unwrap_or(0);
            delivery.out_of_order |= seq < highest;
            if delivery.taken {
                self.chats.put(chat.clone(), seq.max(highest), CHATS_MAX);
            }
        }
    }

    /// What is kept and came after a number, oldest first.
    pub(super) fn after(&self, number: u64) -> Vec<Arc<Delivery>> {
        self.kept.iter().filter(|delivery| delivery.number > number).cloned().collect()
    }

    /// Forgets everything but the count.
    pub(super) fn clear(&mut self) {
        *self = Self { count: self.count, ..Self::default() };
    }
}

/// A map that forgets the entries that were made first.
#[derive(Debug)]
struct Recent<V> {
    values: HashMap<String, V>,
    /// The keys in the order in which they came.
    keys: VecDeque<String>,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self { values: HashMap::new(), keys: VecDeque::new() }
    }
}

impl<V> Recent<V> {
    fn get(&self, key: &str) -> Option<&V> {
        self.values.get(key)
    }

    fn put(&mut self, key: String, value: V, most: usize) {
        if key.len() > KEY_BYTES_MAX {
            return;
        }
        if self.values.insert(key.clone(), value).is_none() {
            self.keys.push_back(key);
        }
        while self.keys.len() > most {
            if let Some(oldest) = self.keys.pop_front() {
                self.values.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Uri};
    use tidings_model::Timestamp;

    use super::*;

    fn delivery(id: &str, chat: &str, seq: u64, taken: bool) -> Delivery {
        let body =
            format!(r#"{{"type":"chat.message","id":"{id}","subject":"{chat}","seq":"{seq}"}}"#);
        let now = Timestamp::UNIX_EPOCH;
        let uri = Uri::from_static("/hook");
        let mut delivery = Delivery::read(now, &uri, &HeaderMap::new(), body.as_bytes(), &[]);
        delivery.taken = taken;
        delivery
    }

    #[test]
    fn a_retry_is_no_duplicate_until_it_was_taken() {
        let mut ledger = Ledger::default();
        let remarks = [false, true, true].map(|taken| {
            let delivery = ledger.add(delivery("a", "c", 1, taken));
            (delivery.attempt, delivery.duplicate, delivery.out_of_order)
        });
        assert_eq!(remarks, [(1, false, false), (2, false, false), (3, true, false)]);
    }

    #[test]
    fn order_is_that_of_a_chat() {
        let mut ledger = Ledger::default();
        let came = [("a", "c", 5), ("b", "d", 3), ("e", "c", 4), ("f", "c", 6)];
        let late =
            came.map(|(id, chat, seq)| ledger.add(delivery(id, chat, seq, true)).out_of_order);
        assert_eq!(late, [false, false, true, false]);
    }

    #[test]
    fn what_is_remembered_has_limits() {
        let mut ledger = Ledger::default();
        for number in 0..IDS_MAX + 10 {
            ledger.add(delivery(&number.to_string(), &number.to_string(), 1, true));
        }
        assert_eq!((ledger.kept.len(), ledger.ids.values.len()), (KEPT_MAX, IDS_MAX));
        assert_eq!((ledger.ids.keys.len(), ledger.chats.values.len()), (IDS_MAX, CHATS_MAX));
        assert_eq!(
            ledger.kept_bytes,
            ledger.kept.iter().map(|each| each.body_bytes).sum::<usize>()
        );
        ledger.clear();
        assert!(ledger.after(0).is_empty());
        assert_eq!(ledger.add(delivery("a", "c", 1, true)).number, IDS_MAX as u64 + 11);
    }
}
