//! Judges what came over open connections: whoever listens hears every message that they may hear, once and in order,
//! however often the connection broke. Pure; called by [`super::checker`].

use std::collections::{HashMap, HashSet};

use super::fault::Fault;
use super::history::{History, Listener, Logged};

/// What is a message to who hears it, and to whom.
const TO_ALL: &str = "chat.message";
const TO_AGENTS: &str = "note.added";

/// How many events are told again to who comes back; as `REPLAY_EVENTS_MAX` of the server.
const REPLAYED_MAX: u64 = 10_000;

pub(super) fn check(history: &History, faults: &mut Vec<Fault>) {
    let by_seq: HashMap<u64, &Logged> =
        history.log.iter().map(|event| (event.seq, event)).collect();
    for listener in &history.listeners {
        let came = check_what_came(listener, &by_seq, faults);
        let name = || listener.name.clone();
        for event in &history.log {
            if is_owed(listener, event) && !came.contains(&event.seq) {
                faults.push(Fault::Unheard { listener: name(), seq: event.seq });
            }
        }
        for &(after, upto) in &listener.gaps {
            if upto.saturating_sub(after) <= REPLAYED_MAX {
                faults.push(Fault::ToldOfGap { listener: name(), after, upto });
            }
        }
    }
}

/// Whether somebody is to hear of an event.
fn is_owed(listener: &Listener, event: &Logged) -> bool {
    let is_for_them = match (&listener.chat, &event.chat_code) {
        (_, None) => false,
        (None, Some(_)) => [TO_ALL, TO_AGENTS].contains(&event.event_type.as_str()),
        (Some(chat), Some(of)) => chat == of && event.event_type == TO_ALL,
    };
    // Who missed more than is replayed is told so, and reads the lists anew.
    let is_read_anew = |(after, upto): &(u64, u64)| {
        upto.saturating_sub(*after) > REPLAYED_MAX && *after < event.seq && event.seq <= *upto
    };
    is_for_them && event.seq > listener.since && !listener.gaps.iter().any(is_read_anew)
}

/// Looks at what came; gives the numbers.
fn check_what_came(
    listener: &Listener,
    by_seq: &HashMap<u64, &Logged>,
    faults: &mut Vec<Fault>,
) -> HashSet<u64> {
    let mut came = HashSet::new();
    let mut last = 0;
    for heard in &listener.heard {
        let (name, seq) = (listener.name.clone(), heard.seq);
        let is_in_log = by_seq.get(&seq).is_some_and(|event| {
            is_owed(listener, event)
                && event.text == heard.text
                && event.name.as_ref() == Some(&heard.name)
        });
        if !is_in_log {
            faults.push(Fault::HeardWrong { listener: name, seq });
        } else if !came.insert(seq) {
            faults.push(Fault::HeardTwice { listener: name, seq });
        } else if seq < last {
            faults.push(Fault::HeardOutOfOrder { listener: name, seq });
        }
        last = last.max(seq);
    }
    came
}

#[cfg(test)]
mod tests {
    use super::super::history::Heard;
    use super::*;

    /// Bob hears of two chats, Alice of hers; both came when the first message had been said.
    fn good() -> History {
        let said = |seq: u64, chat: &str| Logged {
            seq,
            event_type: TO_ALL.to_owned(),
            text: format!("text {seq}"),
            name: Some(format!("{chat}_{seq}")),
            chat_code: Some(chat.to_owned()),
            ..Logged::default()
        };
        let log = vec![said(1, "A"), said(2, "A"), said(3, "B"), said(4, "A")];
        let listener = |name: &str, chat: Option<&str>, seqs: &[usize]| Listener {
            name: name.to_owned(),
            chat: chat.map(ToOwned::to_owned),
            since: 1,
            heard: seqs
                .iter()
                .map(|seq| Heard {
                    seq: *seq as u64,
                    name: log[seq - 1].name.clone().expect("it is in a thread"),
                    text: log[seq - 1].text.clone(),
                })
                .collect(),
            gaps: Vec::new(),
        };
        let listeners =
            vec![listener("Bob", None, &[2, 3, 4]), listener("Alice", Some("A"), &[2, 4])];
        History { log, listeners, ..History::default() }
    }

    fn after(change: impl FnOnce(&mut History)) -> Vec<Fault> {
        let mut history = good();
        change(&mut history);
        let mut faults = Vec::new();
        check(&history, &mut faults);
        faults
    }

    #[test]
    fn who_heard_all_that_they_may_hear_has_no_fault() {
        assert_eq!(after(|_| {}), vec![]);
    }

    #[test]
    fn notes_come_to_agents_only() {
        let faults = after(|history| history.log[3].event_type = TO_AGENTS.to_owned());
        assert_eq!(faults, vec![Fault::HeardWrong { listener: "Alice".to_owned(), seq: 4 }]);
    }

    #[test]
    fn what_never_came_is_found() {
        let faults = after(|history| {
            history.listeners[1].heard.pop();
        });
        assert_eq!(faults, vec![Fault::Unheard { listener: "Alice".to_owned(), seq: 4 }]);
        assert!(faults.iter().all(Fault::may_pass), "it may still come");
    }

    #[test]
    fn what_came_twice_or_late_is_found() {
        let bob = || "Bob".to_owned();
        let faults = after(|history| {
            let again = history.listeners[0].heard[1].clone();
            history.listeners[0].heard.push(again);
        });
        assert_eq!(faults, vec![Fault::HeardTwice { listener: bob(), seq: 3 }]);
        let faults = after(|history| history.listeners[0].heard.swap(0, 1));
        assert_eq!(faults, vec![Fault::HeardOutOfOrder { listener: bob(), seq: 2 }]);
    }

    #[test]
    fn what_the_log_does_not_have_is_found() {
        let wrong = |seq| vec![Fault::HeardWrong { listener: "Alice".to_owned(), seq }];
        let unheard = Fault::Unheard { listener: "Alice".to_owned(), seq: 2 };
        let faults = after(|history| history.listeners[1].heard[0].text.push('!'));
        assert_eq!(faults, [wrong(2), vec![unheard]].concat());
        let faults = after(|history| {
            let others = history.listeners[0].heard[1].clone();
            history.listeners[1].heard.insert(1, others);
        });
        assert_eq!(faults, wrong(3), "it is of a chat that is not theirs");
        assert_eq!(
            after(|history| history.listeners[1].gaps = vec![(3, 5)]),
            vec![Fault::ToldOfGap { listener: "Alice".to_owned(), after: 3, upto: 5 }]
        );
    }
}
