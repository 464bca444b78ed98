//! How much each channel has in hand.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tidings_model::ChannelId;

/// How much each channel has in hand, however many outboxes of a node send to it.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(super) in_hand: Counts,
    pub(super) taken_up: Counts,
}

/// How many each channel has.
pub(super) type Counts = Mutex<HashMap<ChannelId, usize>>;

/// Counts one more; `None` when the channel has enough.
pub(super) fn take(counts: &Counts, to: ChannelId, max: usize) -> Option<InHand<'_>> {
    let mut of = counts.lock().unwrap_or_else(PoisonError::into_inner);
    let count = of.entry(to).or_default();
    if *count >= max {
        return None;
    }
    *count += 1;
    Some(InHand { counts, to })
}

/// Something in hand; counted until it is dropped.
pub(super) struct InHand<'a> {
    counts: &'a Counts,
    to: ChannelId,
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
