//! Several events in one body, put together of their bytes: nothing is read or written anew.
//!
//! Called by the deliver reader for endpoints that asked for batches; `cloudevents` and `native` say what stands around.

/// How big a batch may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// How many events; at least one goes in.
    pub events_max: usize,
    /// How many bytes the body may have. One event alone may have more, since it could never be sent otherwise.
    pub bytes_max: usize,
}

/// A body that is being put together.
#[derive(Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    events: usize,
    end: &'static str,
    limits: BatchLimits,
}

impl Batch {
    pub(crate) fn new(begin: &'static str, end: &'static str, limits: BatchLimits) -> Self {
        Self { bytes: begin.as_bytes().to_vec(), events: 0, end, limits }
    }

    /// Puts the document of one more event behind the others. `false`: it is full, and the event belongs into the next.
    #[must_use]
    pub fn push(&mut self, event: &[u8]) -> bool {
        let bytes = self.bytes.len() + 1 + event.len() + self.end.len();
        let fits = self.events < self.limits.events_max && bytes <= self.limits.bytes_max;
        if self.events > 0 {
            if !fits {
                return false;
            }
            self.bytes.push(b',');
        }
        self.bytes.extend_from_slice(event);
        self.events += 1;
        true
    }

    /// How many events are in it.
    pub fn events(&self) -> usize {
        self.events
    }

    /// The whole body.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(self.end.as_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(events: &[&str], events_max: usize, bytes_max: usize) -> (usize, String) {
        let mut batch = Batch::new("[", "]", BatchLimits { events_max, bytes_max });
        let taken = events.iter().take_while(|event| batch.push(event.as_bytes())).count();
        assert_eq!(batch.events(), taken);
        (taken, String::from_utf8(batch.finish()).expect("text"))
    }

    #[test]
    fn it_ends_at_either_limit() {
        let events = ["{}", "{}", "{}"];
        assert_eq!(filled(&[], 9, 99), (0, "[]".into()));
        assert_eq!(filled(&events, 9, 99), (3, "[{},{},{}]".into()));
        assert_eq!(filled(&events, 2, 99), (2, "[{},{}]".into()));
        assert_eq!(filled(&events, 9, 10), (3, "[{},{},{}]".into()));
        assert_eq!(filled(&events, 9, 9), (2, "[{},{}]".into()));
    }

    #[test]
    fn one_event_goes_in_whatever_its_size() {
        assert_eq!(filled(&["{\"long\":1}", "{}"], 0, 0), (1, "[{\"long\":1}]".into()));
    }
}
