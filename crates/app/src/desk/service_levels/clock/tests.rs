//! The time of a thread by what happens in it, without a server.

use proptest::prelude::*;
use serde_json::json;
use tidings_model::{
    AppliesTo, Author, CustomerId, Draft, EventId, Order, PauseWhen, Seq, ServiceLevel,
    ServiceLevelId, WorkspaceId, envelope,
};
use uuid::Uuid;

use super::*;
use crate::desk::service_levels::levels::Levels;

const NOON: i64 = 1_790_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOON + second).expect("a time")
}

/// First reply in 60 seconds, others in 100, closed in 1000; told 10 before; idle after 300 and 200.
fn promise() -> ServiceLevel {
    ServiceLevel {
        id: ServiceLevelId::new(Uuid::from_u128(1)),
        name: "gold".into(),
        enabled: true,
        priority: 0,
        applies_to: AppliesTo::default(),
        first_reply_s: Some(60),
        next_reply_s: Some(100),
        resolution_s: Some(1_000),
        due_soon_s: Some(10),
        customer_idle_s: Some(300),
        agent_idle_s: Some(200),
        hours: None,
        pause_when: PauseWhen { snoozed: true, labels: BTreeSet::from(["waiting".to_owned()]) },
        bots_count: false,
        created_at: at(0),
    }
}

fn event(name: &str, author: Author, second: i64, data: Value) -> Event {
    let workspace = WorkspaceId::new(Uuid::from_u128(2));
    let id = EventId::new(Uuid::from_u128(3));
    let mut draft = Draft::new(id, name.parse().expect("a good name"), workspace, at(second), data);
    draft.author = author;
    let body = envelope::write(&draft).into();
    Event::new(Seq(1), Some(Order(1)), draft, body)
}

/// What happens in a thread, at a second.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Alice,
    Bob,
    Bot,
    BobTakes,
    Snooze,
    Back,
    Wait,
    GoOn,
    Close,
}

impl Doing {
    fn event(self, second: i64) -> Event {
        let words = json!({ "text": "words" });
        let (alice, bob) = (
            Author::customer(CustomerId::new(Uuid::from_u128(4))),
            Author::agent(&"bob@example.com".parse().expect("a name")),
        );
        let (name, author, data) = match self {
            Self::Alice => ("chat.message", alice, words),
            Self::Bob => ("chat.message", bob, words),
            Self::Bot => ("chat.message", Author::bot(&"bot".parse().expect("a name")), words),
            Self::BobTakes => ("control.changed", bob, json!({ "to": { "kind": "agent" } })),
            Self::Snooze => ("chat.snoozed", bob, json!({})),
            Self::Back => ("chat.snooze_ended", bob, json!({})),
            Self::Wait => ("chat.labels_changed", bob, json!({ "labels": ["waiting"] })),
            Self::GoOn => ("chat.labels_changed", bob, json!({ "labels": [] })),
            Self::Close => ("chat.closed", bob, json!({})),
        };
        event(name, author, second, data)
    }
}

/// Lets a thread run, and looks at it at some seconds as well; gives what is told.
fn told(level: &ServiceLevel, doings: &[(i64, Doing)], looks: &[i64], until: i64) -> Vec<String> {
    let levels = Levels::of(std::iter::once(level.clone()));
    let level = levels.first().expect("it counts");
    let thread = ThreadId::new(Uuid::from_u128(5));
    let mut clock = ServiceClock::begin(thread, at(0), Before::default());
    let mut told = Vec::new();
    let mut steps: Vec<(i64, Option<Doing>)> =
        doings.iter().map(|(second, doing)| (*second, Some(*doing))).collect();
    steps.extend(looks.iter().chain([&until]).map(|second| (*second, None)));
    steps.sort_by_key(|(second, doing)| (*second, doing.is_some()));
    for (second, doing) in steps {
        clock.run(level, at(second), &mut told);
        if let Some(doing) = doing {
            let event = doing.event(second);
            clock.hear(level, &event, who_wrote(&event, |_| false));
        }
        if let Some(next) = clock.next(level) {
            assert!(next > at(second), "what is due next is still to come");
        }
        let kept = serde_json::to_value(&clock).expect("it is written");
        clock = serde_json::from_value(kept).expect("it is read");
    }
    told.iter()
        .map(|one| {
            let seconds = one.due.duration_since(at(0)).as_secs();
            let what = if one.missed { "missed" } else { "soon" };
            format!("{} {what} {seconds}", one.target.as_str())
        })
        .collect()
}

/// As somebody sees it who looks every five seconds.
fn watched(level: &ServiceLevel, doings: &[(i64, Doing)], until: i64) -> Vec<String> {
    told(level, doings, &(0..until).step_by(5).collect::<Vec<_>>(), until)
}

#[test]
fn each_reply_has_its_time_and_each_silence_is_told_once() {
    use Doing::{Alice, Bob, BobTakes};
    let doings = [(10, Alice), (20, BobTakes), (65, Bob), (100, Alice), (110, Alice), (900, Bob)];
    assert_eq!(
        watched(&promise(), &doings, 1_300),
        [
            "first_reply soon 70",
            "next_reply soon 200",
            "next_reply missed 200",
            "agent_idle missed 300",
            "resolution soon 1000",
            "resolution missed 1000",
            "customer_idle missed 1200",
        ]
    );
}

#[test]
fn who_looks_late_is_told_what_was_missed_and_when_it_was_due() {
    use Doing::{Alice, Bob};
    let doings = [(10, Alice), (500, Bob)];
    assert_eq!(
        told(&promise(), &doings, &[], 600),
        ["first_reply missed 70"],
        "the reply came too late; nobody looked before it"
    );
}

#[test]
fn time_stands_still_while_a_chat_is_put_aside_or_waits() {
    use Doing::{Alice, Back, Bob, GoOn, Snooze, Wait};
    let doings = [(0, Alice), (30, Snooze), (400, Back), (410, Wait), (500, GoOn), (516, Bob)];
    assert_eq!(watched(&promise(), &doings, 520), ["first_reply soon 520"]);
    let late = [(0, Alice), (30, Snooze), (400, Back)];
    assert_eq!(told(&promise(), &late, &[], 431), ["first_reply missed 430"]);
}

#[test]
fn a_bots_words_are_a_reply_only_where_the_level_says_so() {
    use Doing::{Alice, Bot};
    let doings = [(0, Alice), (5, Bot)];
    assert_eq!(
        told(&promise(), &doings, &[], 200),
        ["first_reply missed 60"],
        "Alice waits for a person"
    );
    let counts = ServiceLevel { bots_count: true, ..promise() };
    assert_eq!(told(&counts, &doings, &[], 200), [""; 0]);
    // It is her turn all the same.
    assert_eq!(
        told(&promise(), &doings, &[], 305).last().expect("one"),
        "customer_idle missed 305"
    );
}

#[test]
fn a_closed_thread_is_due_no_more() {
    use Doing::{Alice, Close};
    assert_eq!(told(&promise(), &[(0, Alice), (30, Close)], &[], 5_000), [""; 0]);
}

prop_compose! {
    fn some_doings()(doings in prop::collection::vec((0_i64..1_000, prop::sample::select(&[
        Doing::Alice, Doing::Bob, Doing::Bot, Doing::BobTakes, Doing::Snooze, Doing::Back,
        Doing::Wait, Doing::GoOn,
    ][..])), 0..20)) -> Vec<(i64, Doing)> {
        let mut doings = doings;
        doings.sort_by_key(|(second, _)| *second);
        doings.dedup_by_key(|(second, _)| *second);
        doings
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_missed_is_the_same_however_often_somebody_looks(
        doings in some_doings(), looks in prop::collection::vec(0_i64..1_500, 0..20),
    ) {
        let missed = |told: Vec<String>| {
            let mut missed: Vec<String> =
                told.into_iter().filter(|one| one.contains("missed")).collect();
            missed.sort();
            missed
        };
        let seldom = missed(told(&promise(), &doings, &looks, 1_500));
        prop_assert_eq!(&seldom, &missed(watched(&promise(), &doings, 1_500)));
    }

    #[test]
    fn nothing_is_told_twice(doings in some_doings()) {
        let all = watched(&promise(), &doings, 1_500);
        let once: BTreeSet<&String> = all.iter().collect();
        prop_assert_eq!(once.len(), all.len(), "{:?}", all);
    }
}
