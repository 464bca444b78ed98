//! What searches of a large archive cost.
//!
//! `cargo run --release -p tidings-store-sqlite --example archive -- FOLDER [THREADS]`
//!
//! Fills an archive with made-up threads, then prints the median of each search for its first page, through the contract,
//! as a caller sees it.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring program prints, and reads the clock"
)]
#![expect(clippy::expect_used, reason = "a measuring program may end early")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tidings_model::{ChatId, Seq, ThreadId, Timestamp, WorkspaceId};
use tidings_store::archive::{
    Archive, ArchiveQuery, ArchivedThread, Facet, FacetFilter, Rule, Texts, facet,
};
use tidings_store_sqlite::SqliteArchive;
use uuid::Uuid;

/// Threads in one write.
const BATCH: usize = 2_000;

/// Times that each search is measured.
const TIMES: usize = 51;

/// Words that are said; the first ones often, the last ones rarely.
const WORDS: u64 = 50_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder to write to");
    let threads: usize = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir_in(folder).expect("a folder to write to");
    let path = folder.path().join("archive.db");
    let archive = SqliteArchive::open(&path).expect("the archive opens");
    let workspace = WorkspaceId::new(Uuid::now_v7());

    let begin = Instant::now();
    let mut random = Random(1);
    for batch in 0..threads.div_ceil(BATCH) {
        let rows = (batch * BATCH..threads.min((batch + 1) * BATCH))
            .map(|number| thread(number, &mut random));
        archive.put(workspace, Seq(batch as u64 + 1), rows.collect()).await.expect("put");
    }
    let bytes = path.metadata().expect("there").len();
    println!(
        "{threads} threads put in {:?}, {} bytes each",
        begin.elapsed(),
        bytes / threads as u64
    );

    searches(&archive, workspace, threads).await;

    let mut times = Vec::new();
    for number in 0..TIMES {
        let row = ArchivedThread {
            texts: Texts::Append(vec!["and one thing more".into()]),
            ..thread(number * threads / TIMES, &mut random)
        };
        let begin = Instant::now();
        archive.put(workspace, Seq((threads + number) as u64), vec![row]).await.expect("put");
        times.push(begin.elapsed());
    }
    println!("one message more: {:?}", median(times));
    archive.close().await;
}

async fn searches(archive: &SqliteArchive, workspace: WorkspaceId, threads: usize) {
    let query = || ArchiveQuery { limit: 25, ..ArchiveQuery::default() };
    let with = |name: &str, value: &str| ArchiveQuery {
        facets: vec![FacetFilter::new(name, Rule::AnyOf(vec![value.into()]))],
        ..query()
    };
    let said = |text: &str| ArchiveQuery { text: Some(text.into()), ..query() };
    let visible = ["group 3", "group 7", "group 12"].map(str::to_owned);
    let visible = Some(visible.into_iter().collect::<BTreeSet<String>>());
    let middle = made_at(threads / 2);
    let (often, rarely) = (word(3), word(WORDS - 5));
    for (what, query) in [
        ("no filter", query()),
        ("a group", with(facet::GROUP, "group 7")),
        ("three visible groups", ArchiveQuery { visible_groups: visible.clone(), ..query() }),
        ("a tag", with(facet::TAG, "tag 5")),
        (
            "not a tag",
            ArchiveQuery {
                facets: vec![FacetFilter::new(facet::TAG, Rule::NoneOf(vec!["tag 5".into()]))],
                ..query()
            },
        ),
        (
            "an agent in visible groups",
            ArchiveQuery { visible_groups: visible, ..with(facet::AGENT, "agent 42") },
        ),
        ("a customer", with(facet::CUSTOMER, "customer 12")),
        ("from the middle on", ArchiveQuery { from: Some(middle), ..query() }),
        ("before the middle", ArchiveQuery { to: Some(middle), ..query() }),
        ("a rare word", said(&rarely)),
        ("a word in every tenth thread", said(&often)),
        ("its beginning", said(often.get(..3).unwrap_or(&often))),
        ("two words", said(&format!("{often} {rarely}"))),
        (
            "a word in a group",
            ArchiveQuery { text: Some(often.clone()), ..with(facet::GROUP, "group 7") },
        ),
    ] {
        let mut times = Vec::new();
        let mut total = 0;
        for _ in 0..TIMES {
            let begin = Instant::now();
            let page = archive.search(workspace, query.clone()).await.expect("searched");
            times.push(begin.elapsed());
            total = page.total;
        }
        println!("{what}: {:?} ({total} threads)", median(times));
    }
    let mut times = Vec::new();
    let mut place = None;
    for _ in 0..TIMES {
        let begin = Instant::now();
        let query = ArchiveQuery { place, ..with(facet::GROUP, "group 7") };
        place = archive.search(workspace, query).await.expect("searched").next;
        times.push(begin.elapsed());
    }
    println!("the next page of a group: {:?}", median(times));
}

/// Twenty groups, two hundred agents, a tag on every other thread, a customer for two threads each.
fn thread(number: usize, random: &mut Random) -> ArchivedThread {
    let group = format!("group {}", random.below(20));
    let agent = format!("agent {}", random.below(200));
    let mut facets = vec![
        Facet::new(facet::GROUP, group.clone()),
        Facet::new(facet::AGENT, agent.clone()),
        Facet::new(facet::AGENT_TYPE, "human"),
        Facet::new(facet::CUSTOMER, format!("customer {}", number / 2)),
        Facet::new(facet::CUSTOMER_EMAIL, format!("customer{}@example.com", number / 2)),
        Facet::new(
            facet::COUNTRY,
            ["PL", "DE", "US", "BR"].get(number % 4).copied().unwrap_or("PL"),
        ),
        Facet::new(facet::EVENT_TYPE, "message"),
        Facet::new(facet::FIRST_RESPONSE, agent).in_group(group),
    ];
    if random.below(2) == 0 {
        facets.push(Facet::new(facet::TAG, format!("tag {}", random.below(30))));
    }
    let texts = (0..2).map(|_| {
        let words: Vec<String> = (0..8).map(|_| word(random.often(WORDS))).collect();
        words.join(" ")
    });
    ArchivedThread {
        thread: ThreadId::new(Uuid::from_u128(number as u128 + 1)),
        chat: ChatId::new(Uuid::from_u128(number as u128 / 2 + 1)),
        created_at: made_at(number),
        texts: Texts::Append(texts.collect()),
        facets,
    }
}

/// A thread each half a minute.
fn made_at(number: usize) -> Timestamp {
    Timestamp::from_second(1_600_000_000 + 30 * number as i64).expect("a time of this century")
}

/// A word that reads like one, for a number.
fn word(mut number: u64) -> String {
    let mut word = String::new();
    loop {
        for letters in ["bdfgklmnprstvz", "aeiou"] {
            let count = letters.len() as u64;
            word.extend(letters.chars().nth((number % count) as usize));
            number /= count;
        }
        if number == 0 {
            return word;
        }
    }
}

/// Numbers that look random and repeat themselves.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// As people choose words: half of them are among a few.
    fn often(&mut self, bound: u64) -> u64 {
        let bound =
            [bound, bound / 10, bound / 100, bound / 400].get(self.below(4) as usize).copied();
        self.below(bound.unwrap_or(1))
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
