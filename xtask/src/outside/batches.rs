//! Judges what the subscriber got who takes several events in one request: the same promises as for single deliveries,
//! and those of the request itself.
//!
//! Pure; a part of [`super::checker`].

use std::collections::HashMap;

use super::checker::{check_deliveries, repeats};
use super::fault::Fault;
use super::history::{Arrival, Batch, History, InBatch};

/// How many events a request has at most.
pub(super) const EVENTS_MAX: usize = 50;

/// How many events that came in a request with others came again.
pub(super) fn delivered_again(history: &History) -> usize {
    repeats(&one_by_one(&history.batches))
}

/// What is wrong with the requests of several events.
pub(super) fn check(history: &History, faults: &mut Vec<Fault>) {
    check_requests(&history.batches, faults);
    let mut of_events = Vec::new();
    check_deliveries(history, &one_by_one(&history.batches), &mut of_events);
    faults.extend(of_events.into_iter().map(|fault| Fault::InBatches(Box::new(fault))));
}

/// A request is known by its event where it has one only; others are known by what is in them.
fn check_requests(batches: &[Batch], faults: &mut Vec<Fault>) {
    let mut known: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut names: HashMap<Vec<&str>, &str> = HashMap::new();
    for batch in batches {
        let name = batch.webhook_id.as_str();
        let webhook_id = || name.to_owned();
        let events: Vec<&str> = batch.events.iter().map(|event| event.id.as_str()).collect();
        if events.is_empty() || events.len() > EVENTS_MAX {
            faults.push(Fault::BatchOfWrongSize { webhook_id: webhook_id(), events: events.len() });
            continue;
        }
        let is_of_one = events.len() > 1 || events == [name];
        let is_of_these = *known.entry(name).or_insert_with(|| events.clone()) == events;
        let is_named_so = *names.entry(events).or_insert(name) == name;
        if !is_of_one || !is_of_these || !is_named_so {
            faults.push(Fault::BatchMisnamed { webhook_id: webhook_id() });
        }
    }
}

/// The events of all requests, as if each had come by itself.
fn one_by_one(batches: &[Batch]) -> Vec<Arrival> {
    let of = |batch: &Batch| {
        let signed = batch.signed;
        let arrival =
            |event: &InBatch| Arrival { webhook_id: event.id.clone(), body: event.body, signed };
        batch.events.iter().map(arrival).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fault::Column;
    use super::super::history::Logged;
    use super::*;

    fn batch(name: &str, seqs: &[u64]) -> Batch {
        let event = |seq: &u64| InBatch { id: format!("e{seq}"), body: *seq };
        let events = seqs.iter().map(event).collect();
        Batch { webhook_id: name.to_owned(), events, signed: true }
    }

    /// Alice and Ben write in turn; after a death some of it comes again, in other company.
    fn good() -> History {
        let event = |seq: u64| Logged {
            seq,
            id: format!("e{seq}"),
            event_type: "chat.message".to_owned(),
            chat: Some(if seq % 2 == 1 { "alice" } else { "ben" }.to_owned()),
            ..Logged::default()
        };
        History {
            log: (1..=6).map(event).collect(),
            batches: vec![
                batch("b1", &[1, 2, 3]),
                batch("e4", &[4]),
                batch("b1", &[1, 2, 3]),
                batch("b2", &[3, 4, 5, 6]),
            ],
            subscribed: "chat.message".to_owned(),
            ..History::default()
        }
    }

    /// What is wrong after one change of the good history.
    fn after(change: impl FnOnce(&mut Vec<Batch>)) -> Vec<Fault> {
        let mut history = good();
        change(&mut history.batches);
        let mut faults = Vec::new();
        check(&history, &mut faults);
        faults
    }

    fn in_batches(fault: Fault) -> Vec<Fault> {
        vec![Fault::InBatches(Box::new(fault))]
    }

    #[test]
    fn good_batches_have_no_faults() {
        assert_eq!(after(|_| {}), vec![]);
        assert_eq!(delivered_again(&good()), 5);
    }

    #[test]
    fn a_missing_event_is_found() {
        let faults = after(|batches| {
            batches[3].events.pop();
        });
        assert_eq!(faults, in_batches(Fault::DeliveryMissing { seq: 6 }));
        assert!(faults[0].may_pass(), "it may still come");
        assert_eq!(faults[0].column(), Column::DeliveriesMissing);
    }

    #[test]
    fn an_order_that_broke_in_a_batch_or_between_two_is_found() {
        let out_of_order =
            |chat: &str, seq| in_batches(Fault::DeliveryOutOfOrder { chat: chat.to_owned(), seq });
        assert_eq!(after(|batches| batches[3].events.swap(0, 2)), []);
        let faults = after(|batches| {
            batches.truncate(2);
            batches.push(batch("b2", &[5, 6]));
            batches[0] = batch("b1", &[3, 2, 1]);
        });
        assert_eq!(faults, out_of_order("alice", 1));
        let faults =
            after(|batches| *batches = vec![batch("b2", &[1, 3, 4, 5, 6]), batch("e2", &[2])]);
        assert_eq!(faults, out_of_order("ben", 2));
        assert_eq!(faults[0].column(), Column::OrderBreaks);
    }

    #[test]
    fn wrong_signatures_bodies_and_strangers_are_found() {
        let unsigned = after(|batches| batches[1].signed = false);
        let webhook_id = || "e4".to_owned();
        assert_eq!(unsigned, in_batches(Fault::DeliveryUnsigned { webhook_id: webhook_id() }));
        let changed = after(|batches| batches[3].events[1].body = 77);
        assert_eq!(changed, in_batches(Fault::DeliveryChanged { webhook_id: webhook_id() }));
        let stranger = after(|batches| batches.push(batch("e9", &[9])));
        let webhook_id = "e9".to_owned();
        assert_eq!(stranger, in_batches(Fault::DeliveryUnknown { webhook_id }));
        assert!(!unsigned[0].may_pass() && !unsigned[0].to_string().is_empty());
    }

    #[test]
    fn requests_that_are_named_wrong_are_found() {
        let misnamed = |name: &str| vec![Fault::BatchMisnamed { webhook_id: name.to_owned() }];
        assert_eq!(after(|batches| batches[1].webhook_id = "b9".to_owned()), misnamed("b9"));
        assert_eq!(after(|batches| batches[2].webhook_id = "b9".to_owned()), misnamed("b9"));
        assert_eq!(after(|batches| batches[3].webhook_id = "b1".to_owned()), misnamed("b1"));
    }

    #[test]
    fn requests_of_a_wrong_size_are_found() {
        let wrong = |events| vec![Fault::BatchOfWrongSize { webhook_id: "b3".to_owned(), events }];
        assert_eq!(after(|batches| batches.push(batch("b3", &[]))), wrong(0));
        let many = [1; EVENTS_MAX + 1];
        assert_eq!(after(|batches| batches.push(batch("b3", &many))), wrong(EVENTS_MAX + 1));
    }
}
