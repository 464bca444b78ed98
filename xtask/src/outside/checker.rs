//! Judges a history: which promises of the server were broken.
//!
//! Pure. Called at the end of a crash test, and to see whether the server is done: then nothing is missing any more.
//! Its tests break a good history in every way that it knows, and demand that it notices.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::batches;
use super::fault::Fault;
use super::heard;
use super::history::{Arrival, History, Kind, Logged};

/// Everything that is wrong with a history. Empty when every promise was kept.
pub(super) fn check(history: &History) -> Vec<Fault> {
    let mut faults = Vec::new();
    check_promises(history, &mut faults);
    check_numbers(&history.log, &mut faults);
    check_orders(&history.log, &mut faults);
    check_replies(history, &mut faults);
    check_deliveries(history, &history.arrivals, &mut faults);
    batches::check(history, &mut faults);
    heard::check(history, &mut faults);
    faults
}

/// How many answers of the server were thanks for something new.
pub(super) fn acknowledged(history: &History) -> usize {
    history.promises.iter().filter(|promise| !promise.answers.is_empty()).count()
}

fn check_promises(history: &History, faults: &mut Vec<Fault>) {
    let mut by_key: HashMap<&str, Vec<&Logged>> = HashMap::new();
    for event in &history.log {
        if let Some(key) = &event.custom_id {
            by_key.entry(key).or_default().push(event);
        }
    }
    for (key, events) in &by_key {
        if events.len() > 1 {
            faults.push(Fault::Doubled { key: (*key).to_owned(), times: events.len() });
        }
    }
    for promise in &history.promises {
        let Some(first) = promise.answers.first() else { continue };
        if promise.answers.iter().any(|answer| answer != first) {
            faults.push(Fault::AnsweredDifferently { key: promise.key.clone() });
        }
        match by_key.get(promise.key.as_str()).and_then(|events| events.first()) {
            None => {
                let (key, answer) = (promise.key.clone(), first.clone());
                faults.push(Fault::Lost { key, answer });
            }
            Some(event) if !first.is_of(event) => {
                let (key, answer) = (promise.key.clone(), first.clone());
                faults.push(Fault::Renumbered { key, answer, logged: event.seq });
            }
            Some(_) => {}
        }
    }
}

fn check_numbers(log: &[Logged], faults: &mut Vec<Fault>) {
    let mut last = 0;
    for event in log {
        if event.seq != last + 1 {
            faults.push(Fault::Gap { after: last, next: event.seq });
        }
        last = event.seq;
    }
}

fn check_orders(log: &[Logged], faults: &mut Vec<Fault>) {
    let mut orders: HashMap<&str, u64> = HashMap::new();
    for event in log {
        let Some(thread) = &event.thread else { continue };
        let order = orders.entry(thread).or_default();
        let expected = *order + 1;
        if event.order != Some(expected) {
            faults.push(Fault::OrderBreak { thread: thread.clone(), expected, found: event.order });
        }
        *order = event.order.unwrap_or(expected);
    }
}

fn check_replies(history: &History, faults: &mut Vec<Fault>) {
    let mut messages: HashMap<&str, u64> = HashMap::new();
    for event in history.log.iter().filter(|event| event.author_kind == "customer") {
        if let Some(key) = &event.custom_id {
            messages.insert(key, event.seq);
        }
    }
    let mut replies: HashMap<&str, usize> = HashMap::new();
    // For each chat, the number of the message whose reply came last.
    let mut answered: HashMap<&str, u64> = HashMap::new();
    for reply in &history.log {
        let Some(key) = reply.replies_to() else { continue };
        let times = replies.entry(key).or_default();
        *times += 1;
        let Some(message) = messages.get(key).copied() else { continue };
        if message >= reply.seq {
            faults.push(Fault::ReplyEarly { key: key.to_owned() });
        }
        let chat = reply.chat.as_deref().unwrap_or_default();
        let before = answered.entry(chat).or_default();
        if message < *before {
            faults.push(Fault::RepliesOutOfOrder { chat: chat.to_owned(), key: key.to_owned() });
        }
        *before = (*before).max(message);
    }
    for promise in history.promises.iter().filter(|promise| promise.kind == Kind::Message) {
        let key = promise.key.as_str();
        if !messages.contains_key(key) {
            continue; // Lost, or never written: that is told elsewhere.
        }
        match replies.get(key).copied().unwrap_or_default() {
            0 => faults.push(Fault::ReplyMissing { key: key.to_owned() }),
            1 => {}
            times => faults.push(Fault::ReplyDoubled { key: key.to_owned(), times }),
        }
    }
}

/// How many deliveries of an endpoint may be under way or unwritten when its server dies.
const UNWRITTEN_MAX: usize = 256;

/// How many deliveries came again.
pub(crate) fn delivered_again(history: &History) -> usize {
    repeats(&history.arrivals)
}

pub(super) fn repeats(arrivals: &[Arrival]) -> usize {
    let ids: HashSet<&str> = arrivals.iter().map(|arrival| arrival.webhook_id.as_str()).collect();
    arrivals.len() - ids.len()
}

/// Whether more came again than so many deaths excuse.
pub(crate) fn check_repeats(history: &History, deaths: usize) -> Vec<Fault> {
    let again = |times, at_once| {
        let most = deaths * at_once;
        (times > most).then_some(Fault::DeliveredAgain { times, most })
    };
    // A whole request may be under way beside what is unwritten.
    let at_once = UNWRITTEN_MAX + batches::EVENTS_MAX;
    let in_batches = again(batches::delivered_again(history), at_once);
    let in_batches = in_batches.map(|fault| Fault::InBatches(Box::new(fault)));
    again(delivered_again(history), UNWRITTEN_MAX).into_iter().chain(in_batches).collect()
}

/// Whether everything came to a receiver, in order and as it should.
pub(super) fn check_deliveries(history: &History, arrivals: &[Arrival], faults: &mut Vec<Fault>) {
    let by_id: HashMap<&str, &Logged> =
        history.log.iter().map(|event| (event.id.as_str(), event)).collect();
    let mut firsts: BTreeMap<&str, &Arrival> = BTreeMap::new();
    // For each chat, the number of the last event that came for the first time.
    let mut arrived: HashMap<&str, u64> = HashMap::new();
    let mut changed: HashSet<&str> = HashSet::new();
    for arrival in arrivals {
        let id = arrival.webhook_id.as_str();
        if !arrival.signed {
            faults.push(Fault::DeliveryUnsigned { webhook_id: id.to_owned() });
        }
        if let Some(first) = firsts.get(id) {
            if first.body != arrival.body && changed.insert(id) {
                faults.push(Fault::DeliveryChanged { webhook_id: id.to_owned() });
            }
            continue;
        }
        firsts.insert(id, arrival);
        let Some(event) = by_id.get(id) else {
            faults.push(Fault::DeliveryUnknown { webhook_id: id.to_owned() });
            continue;
        };
        let Some(chat) = event.chat.as_deref() else { continue };
        let before = arrived.entry(chat).or_default();
        if event.seq < *before {
            faults.push(Fault::DeliveryOutOfOrder { chat: chat.to_owned(), seq: event.seq });
        }
        *before = (*before).max(event.seq);
    }
    for event in history.log.iter().filter(|event| event.event_type == history.subscribed) {
        if !firsts.contains_key(event.id.as_str()) {
            faults.push(Fault::DeliveryMissing { seq: event.seq });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Column;
    use super::super::history::{Acknowledgement, Batch, ECHO, InBatch, Promise};
    use super::*;

    fn written(seq: u64) -> Acknowledgement {
        Acknowledgement::Written { id: format!("e{seq}"), seq }
    }

    /// Alice writes twice in her chat, a program notes something in between, and the echo bot answers both.
    fn good() -> History {
        let event = |seq: u64, author: &str, key: Option<&str>, text: &str| Logged {
            seq,
            id: format!("e{seq}"),
            event_type: if author == "integration" {
                "note.added".to_owned()
            } else {
                "chat.message".to_owned()
            },
            chat: Some("alice".to_owned()),
            thread: Some("t1".to_owned()),
            order: Some(seq),
            author_kind: author.to_owned(),
            custom_id: key.map(ToOwned::to_owned),
            text: text.to_owned(),
            ..Logged::default()
        };
        let promise = |key: &str, kind, seq: u64| Promise {
            key: key.to_owned(),
            kind,
            answers: vec![written(seq)],
        };
        let arrival = |seq: u64| Arrival { webhook_id: format!("e{seq}"), body: seq, signed: true };
        History {
            promises: vec![
                promise("a1", Kind::Message, 1),
                promise("n1", Kind::Fact, 2),
                promise("a2", Kind::Message, 3),
            ],
            log: vec![
                event(1, "customer", Some("a1"), "a1"),
                event(2, "integration", Some("n1"), "n1"),
                event(3, "customer", Some("a2"), "a2"),
                event(4, "bot", None, &format!("{ECHO}a1")),
                event(5, "bot", None, &format!("{ECHO}a2")),
            ],
            arrivals: vec![arrival(1), arrival(3), arrival(1), arrival(4), arrival(5)],
            subscribed: "chat.message".to_owned(),
            ..History::default()
        }
    }

    /// What is wrong with a history in which all is well with the requests of several events.
    fn judge(mut history: History) -> Vec<Fault> {
        let mut owed: Vec<&Logged> =
            history.log.iter().filter(|event| event.event_type == history.subscribed).collect();
        owed.sort_by_key(|event| event.seq);
        let alone = |event: &&Logged| Batch {
            webhook_id: event.id.clone(),
            events: vec![InBatch { id: event.id.clone(), body: 0 }],
            signed: true,
        };
        history.batches = owed.iter().map(alone).collect();
        check(&history)
    }

    /// What is wrong after one change of the good history.
    fn after(change: impl FnOnce(&mut History)) -> Vec<Fault> {
        let mut history = good();
        change(&mut history);
        judge(history)
    }

    #[test]
    fn a_good_history_has_no_faults() {
        assert_eq!(judge(good()), vec![]);
        assert_eq!(acknowledged(&good()), 3);
    }

    #[test]
    fn what_nobody_thanked_for_may_be_missing() {
        let unanswered = Promise { key: "a3".to_owned(), kind: Kind::Message, answers: vec![] };
        assert_eq!(after(|history| history.promises.push(unanswered)), vec![]);
    }

    #[test]
    fn a_lost_event_is_found() {
        let faults = after(|history| {
            // Numbers closed up again, as a store would that forgot the last of them.
            history.promises.push(Promise {
                key: "a3".to_owned(),
                kind: Kind::Message,
                answers: vec![written(6)],
            });
        });
        assert_eq!(faults, vec![Fault::Lost { key: "a3".to_owned(), answer: written(6) }]);
    }

    #[test]
    fn a_doubled_event_is_found() {
        let faults = after(|history| {
            let mut again = history.log[1].clone();
            (again.seq, again.id, again.order) = (6, "e6".to_owned(), Some(6));
            history.log.push(again);
        });
        assert_eq!(faults, vec![Fault::Doubled { key: "n1".to_owned(), times: 2 }]);
    }

    #[test]
    fn another_number_than_the_acknowledged_one_is_found() {
        for other in [
            written(2),
            Acknowledgement::Written { id: "other".to_owned(), seq: 1 },
            Acknowledgement::Named("T1_2".to_owned()),
        ] {
            let faults = after(|history| history.promises[0].answers[0] = other.clone());
            let key = "a1".to_owned();
            assert_eq!(faults, vec![Fault::Renumbered { key, answer: other, logged: 1 }]);
        }
    }

    #[test]
    fn two_answers_to_one_key_are_found() {
        let faults = after(|history| {
            history.promises[0].answers.push(written(9));
        });
        assert_eq!(faults, vec![Fault::AnsweredDifferently { key: "a1".to_owned() }]);
    }

    #[test]
    fn a_gap_in_the_numbers_is_found() {
        let faults = after(|history| history.log[4].seq = 7);
        assert_eq!(faults, vec![Fault::Gap { after: 4, next: 7 }]);
        assert!(
            after(|history| history.log.swap(0, 1)).contains(&Fault::Gap { after: 0, next: 2 })
        );
    }

    #[test]
    fn a_break_of_the_order_in_a_thread_is_found() {
        let thread = || "t1".to_owned();
        let faults = after(|history| history.log[4].order = Some(6));
        assert_eq!(
            faults,
            vec![Fault::OrderBreak { thread: thread(), expected: 5, found: Some(6) }]
        );
        let faults = after(|history| history.log[4].order = Some(4));
        assert_eq!(
            faults,
            vec![Fault::OrderBreak { thread: thread(), expected: 5, found: Some(4) }]
        );
        let faults = after(|history| history.log[4].order = None);
        assert_eq!(faults, vec![Fault::OrderBreak { thread: thread(), expected: 5, found: None }]);
    }

    #[test]
    fn a_missing_reply_is_found() {
        let faults = after(|history| {
            history.log.pop();
            history.arrivals.pop();
        });
        assert_eq!(faults, vec![Fault::ReplyMissing { key: "a2".to_owned() }]);
    }

    #[test]
    fn a_doubled_reply_is_found() {
        let faults = after(|history| {
            history.log[4].text = format!("{ECHO}a1");
            let mut last = history.log[4].clone();
            (last.seq, last.id, last.order) = (6, "e6".to_owned(), Some(6));
            last.text = format!("{ECHO}a2");
            history.log.push(last);
            history.arrivals.push(Arrival { webhook_id: "e6".to_owned(), body: 6, signed: true });
        });
        assert_eq!(faults, vec![Fault::ReplyDoubled { key: "a1".to_owned(), times: 2 }]);
    }

    #[test]
    fn replies_out_of_order_are_found() {
        let faults = after(|history| {
            history.log[3].text = format!("{ECHO}a2");
            history.log[4].text = format!("{ECHO}a1");
        });
        assert_eq!(
            faults,
            vec![Fault::RepliesOutOfOrder { chat: "alice".to_owned(), key: "a1".to_owned() }]
        );
    }

    #[test]
    fn a_reply_before_its_message_is_found() {
        let faults = after(|history| {
            let (message, reply) = (history.log[2].clone(), history.log[4].clone());
            (history.log[2].author_kind, history.log[2].text) = (reply.author_kind, reply.text);
            history.log[2].custom_id = None;
            (history.log[4].author_kind, history.log[4].text) = (message.author_kind, message.text);
            history.log[4].custom_id = message.custom_id;
            history.promises[2].answers[0] = written(5);
        });
        assert!(faults.contains(&Fault::ReplyEarly { key: "a2".to_owned() }), "{faults:?}");
    }

    #[test]
    fn a_missing_delivery_is_found() {
        let faults = after(|history| {
            history.arrivals.pop();
        });
        assert_eq!(faults, vec![Fault::DeliveryMissing { seq: 5 }]);
    }

    #[test]
    fn deliveries_out_of_order_are_found() {
        let faults = after(|history| history.arrivals.swap(3, 4));
        assert_eq!(faults, vec![Fault::DeliveryOutOfOrder { chat: "alice".to_owned(), seq: 4 }]);
    }

    #[test]
    fn wrong_deliveries_are_found() {
        let id = || "e1".to_owned();
        let faults = after(|history| history.arrivals[2].body = 77);
        assert_eq!(faults, vec![Fault::DeliveryChanged { webhook_id: id() }]);
        let faults = after(|history| history.arrivals[2].signed = false);
        assert_eq!(faults, vec![Fault::DeliveryUnsigned { webhook_id: id() }]);
        let faults = after(|history| {
            history.arrivals.push(Arrival {
                webhook_id: "ghost".to_owned(),
                body: 1,
                signed: true,
            });
        });
        assert_eq!(faults, vec![Fault::DeliveryUnknown { webhook_id: "ghost".to_owned() }]);
    }

    #[test]
    fn a_death_excuses_what_was_under_way() {
        let mut history = good();
        let again = history.arrivals.last().expect("some came").clone();
        let before = delivered_again(&history);
        history.arrivals.extend(vec![again; UNWRITTEN_MAX - before]);
        assert_eq!(check_repeats(&history, 1), []);
        let fault = Fault::DeliveredAgain { times: UNWRITTEN_MAX, most: 0 };
        assert_eq!(check_repeats(&history, 0), [fault]);
    }

    #[test]
    fn every_fault_has_a_column_and_says_what_it_is() {
        for fault in after(|history| {
            history.log.remove(1);
            history.arrivals.clear();
        }) {
            assert!(Column::ALL.contains(&fault.column()));
            assert!(!fault.to_string().is_empty());
        }
    }
}
