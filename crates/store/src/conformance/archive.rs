//! The promises of the archive.

mod model;

pub use model::any_archive_reads_as_the_model_says;

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_model::{ChatId, Seq, ThreadId, Timestamp, WorkspaceId};
use uuid::Uuid;

use crate::archive::{
    Archive, ArchiveError, ArchiveOrder, ArchiveQuery, ArchivedThread, Facet, FacetFilter, Rule,
    Texts, facet,
};

/// Where one archive lies; fresh and empty at first.
pub trait Shelf: Send + Sync {
    /// Opens the archive. It is closed before it is opened again.
    fn open(&self) -> Arc<dyn Archive>;
}

/// Alice's shop.
fn workspace(number: u128) -> WorkspaceId {
    WorkspaceId::new(Uuid::from_u128(7 << 76 | 2 << 62 | number))
}

fn chat(number: u8) -> ChatId {
    ChatId::new(Uuid::from_u128(100 + u128::from(number)))
}

fn thread(number: u8) -> ThreadId {
    ThreadId::new(Uuid::from_u128(u128::from(number)))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("near 1970")
}

/// A thread of its own chat, made in the second of its number.
fn row(number: u8, texts: &[&str], facets: &[(&str, &str)]) -> ArchivedThread {
    ArchivedThread {
        thread: thread(number),
        chat: chat(number),
        created_at: at(i64::from(number)),
        texts: Texts::Append(texts.iter().map(|text| (*text).to_owned()).collect()),
        facets: facets.iter().map(|(name, value)| Facet::new(*name, *value)).collect(),
    }
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn query() -> ArchiveQuery {
    ArchiveQuery { order: ArchiveOrder::OldestFirst, limit: 100, ..ArchiveQuery::default() }
}

/// An archive and how far it was fed.
struct Fed {
    archive: Arc<dyn Archive>,
    cursor: u64,
}

impl Fed {
    fn new(shelf: &dyn Shelf) -> Self {
        Self { archive: shelf.open(), cursor: 0 }
    }

    async fn put(&mut self, rows: Vec<ArchivedThread>) {
        self.cursor += 1;
        self.archive.put(workspace(1), Seq(self.cursor), rows).await.expect("put");
    }

    /// The numbers of the threads that are found, all on one page.
    async fn found(&self, query: ArchiveQuery) -> Vec<u128> {
        let page = self.archive.search(workspace(1), query).await.expect("searched");
        assert_eq!(page.total, page.rows.len() as u64);
        assert_eq!((page.next, page.previous), (None, None));
        page.rows.iter().map(|hit| hit.thread.uuid().as_u128()).collect()
    }

    async fn said(&self, text: &str) -> Vec<u128> {
        self.found(ArchiveQuery { text: Some(text.into()), ..query() }).await
    }

    async fn with(&self, filter: FacetFilter) -> Vec<u128> {
        self.found(ArchiveQuery { facets: vec![filter], ..query() }).await
    }

    async fn reopen(&mut self, shelf: &dyn Shelf) {
        self.archive.close().await;
        self.archive = shelf.open();
    }
}

/// Words anywhere in the thread, phrases in one text, the last word by its beginning; also what was added later.
pub async fn what_was_said_is_found(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    let texts = ["Where is my parcel?", "It came on Tuesday. Crème brûlée!"];
    fed.put(vec![row(1, &texts, &[]), row(2, &["my parcel is here"], &[]), row(3, &[], &[])]).await;
    for _ in 0..2 {
        assert_eq!(fed.said("parcel").await, [1, 2]);
        assert_eq!(fed.said("PARC").await, [1, 2], "the beginning of the last word");
        assert_eq!(fed.said("parc is").await, [0; 0], "others are whole");
        assert_eq!(fed.said("tuesday parcel").await, [1], "across texts, in any order");
        assert_eq!(fed.said("\"is my\"").await, [1]);
        assert_eq!(fed.said("\"my parcel\"").await, [1, 2]);
        assert_eq!(fed.said("\"parcel it\"").await, [0; 0], "not across texts");
        assert_eq!(fed.said("creme BRULEE").await, [1]);
        assert_eq!(fed.said("").await, [1, 2, 3], "asks for nothing");
        fed.reopen(&*shelf).await;
    }
    for number in 0..50 {
        let text = if number == 7 { "the driver had a puncture" } else { "still waiting" };
        fed.put(vec![row(3, &[text], &[]), row(2, &[], &[])]).await;
    }
    assert_eq!(fed.said("still puncture").await, [3]);
    assert_eq!(fed.said("parcel here").await, [2], "what was said before stays");
    fed.archive.close().await;
}

/// Also from a thread that says nothing any more.
pub async fn what_was_said_before_is_found_no_more_when_it_is_replaced(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    fed.put(vec![row(1, &["my number is 1234", "thanks"], &[]), row(2, &["1234"], &[])]).await;
    let replaced = |texts: &[&str]| ArchivedThread {
        texts: Texts::Replace(strings(texts)),
        ..row(1, &[], &[])
    };
    fed.put(vec![replaced(&["thanks"])]).await;
    assert_eq!(fed.said("1234").await, [2]);
    assert_eq!(fed.said("thanks").await, [1]);
    fed.put(vec![row(1, &["bye"], &[])]).await;
    assert_eq!(fed.said("thanks bye").await, [1]);
    fed.put(vec![replaced(&[])]).await;
    fed.reopen(&*shelf).await;
    assert_eq!(fed.said("thanks").await, [0; 0]);
    fed.archive.close().await;
}

/// Whatever people type.
pub async fn no_query_is_an_error(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    fed.put(vec![row(1, &["a AND b OR c NOT d NEAR e"], &[])]).await;
    for text in [
        "AND",
        "a AND",
        "NOT a",
        "NEAR(a b)",
        "a OR b",
        "(a",
        "a)",
        "a:b",
        "-a",
        "^a",
        "a*",
        "*",
        "a + b",
        "{a}",
        "\"",
        "\"a",
        "a\"",
        "\"\"",
        "\"\"\"",
        "'",
        "''a",
        ";",
        "a;--",
        "\\",
        "\0",
        "a\0b",
        "ä€😀",
        "\u{301}",
    ] {
        fed.archive
            .search(workspace(1), ArchiveQuery { text: Some(text.into()), ..query() })
            .await
            .unwrap_or_else(|error| panic!("{text:?} is an error: {error:?}"));
    }
    assert_eq!(fed.said("a AND b").await, [1], "words as any other");
    assert_eq!(fed.said("a XOR b").await, [0; 0]);
    fed.archive.close().await;
}

/// All pages hold all threads, each once, in order, also those of one time, also when others are made meanwhile.
pub async fn pages_lead_there_and_back(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    let made = |number: u8| ArchivedThread {
        created_at: at(i64::from(number / 3)),
        ..row(number, &[], &[])
    };
    // Not in the order of their times.
    fed.put((0..20).rev().map(made).collect()).await;
    for order in [ArchiveOrder::NewestFirst, ArchiveOrder::OldestFirst] {
        let mut all: Vec<u128> = (0..20).collect();
        if order == ArchiveOrder::NewestFirst {
            all.reverse();
        }
        for limit in [1, 7, 10, 20, 21] {
            let mut query = ArchiveQuery { order, limit, ..ArchiveQuery::default() };
            let mut there = Vec::new();
            let mut back = Vec::new();
            loop {
                let page = fed.archive.search(workspace(1), query.clone()).await.expect("searched");
                assert_eq!(page.total, 20);
                assert_eq!(page.previous.is_some(), !there.is_empty());
                there.extend(page.rows.iter().map(|hit| hit.thread.uuid().as_u128()));
                let Some(next) = page.next else { break };
                assert_eq!(page.rows.len(), limit);
                query.place = Some(next);
            }
            assert_eq!(there, all);
            let mut page = fed.archive.search(workspace(1), query.clone()).await.expect("searched");
            let last = page.rows.len();
            while let Some(previous) = page.previous.take() {
                query.place = Some(previous);
                page = fed.archive.search(workspace(1), query.clone()).await.expect("searched");
                assert!(page.next.is_some());
                back.splice(0..0, page.rows.iter().map(|hit| hit.thread.uuid().as_u128()));
            }
            assert_eq!(back, all[..20 - last]);
        }
    }
    let first = ArchiveQuery { limit: 3, ..ArchiveQuery::default() };
    let page = fed.archive.search(workspace(1), first.clone()).await.expect("searched");
    fed.put(vec![row(100, &[], &[])]).await;
    let second = ArchiveQuery { place: page.next, ..first };
    let page = fed.archive.search(workspace(1), second.clone()).await.expect("searched");
    assert_eq!(page.rows[0].thread, thread(16));
    assert_eq!(page.total, 21);
    let before = ArchiveQuery { place: page.previous, ..second };
    let page = fed.archive.search(workspace(1), before).await.expect("searched");
    assert_eq!(page.rows[0].thread, thread(19));
    assert!(page.previous.is_some(), "a younger one was made");
    fed.archive.close().await;
}

/// As a place that another query told is not: it is one in time.
pub async fn a_place_that_no_page_told_is_refused(shelf: Box<dyn Shelf>) {
    let fed = Fed::new(&*shelf);
    for place in ["", "1", "00000000000000000000000000000000000000000000000000000000000000000000"] {
        let odd = ArchiveQuery { place: Some(place.into()), ..query() };
        let refused = fed.archive.search(workspace(1), odd).await;
        assert!(matches!(refused, Err(ArchiveError::Place(_))), "{refused:?}");
    }
    fed.archive.close().await;
}

/// Facets are replaced as a whole when a thread is put again.
pub async fn facets_are_asked_for_by_every_rule(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    let tagged = |number, tags: &[&str]| {
        let facets: Vec<(&str, &str)> = tags.iter().map(|tag| (facet::TAG, *tag)).collect();
        row(number, &[], &facets)
    };
    fed.put(vec![tagged(1, &["a"]), tagged(2, &["a", "b"]), tagged(3, &["b", "c", "*"])]).await;
    fed.put(vec![tagged(4, &[]), tagged(5, &["c", "d"])]).await;
    fed.put(vec![tagged(5, &["", "a"]), row(6, &[], &[(facet::SALE, "a")])]).await;
    let with = |rule| fed.with(FacetFilter::new(facet::TAG, rule));
    assert_eq!(with(Rule::Exists).await, [1, 2, 3, 5]);
    assert_eq!(with(Rule::Absent).await, [4, 6]);
    assert_eq!(with(Rule::AnyOf(strings(&["a", "c", "x"]))).await, [1, 2, 3, 5]);
    assert_eq!(with(Rule::AllOf(strings(&["a", "b"]))).await, [2]);
    assert_eq!(with(Rule::AllOf(strings(&["a", "x"]))).await, [0; 0]);
    assert_eq!(with(Rule::NoneOf(strings(&["b", "x"]))).await, [1, 4, 5, 6]);
    assert_eq!(with(Rule::NotAllOf(strings(&["a", "b"]))).await, [1, 3, 4, 5, 6]);
    assert_eq!(with(Rule::AnyOf(strings(&["d"]))).await, [0; 0], "it has that no more");
    assert_eq!(with(Rule::AnyOf(strings(&[""]))).await, [5]);
    assert_eq!(with(Rule::AnyOf(strings(&["*"]))).await, [3]);
    assert_eq!(with(Rule::AnyOf(Vec::new())).await, [0; 0]);
    assert_eq!(with(Rule::NoneOf(Vec::new())).await, [1, 2, 3, 4, 5, 6]);
    let both = ArchiveQuery {
        facets: vec![
            FacetFilter::new(facet::TAG, Rule::AnyOf(strings(&["a"]))),
            FacetFilter::new(facet::TAG, Rule::NoneOf(strings(&["b"]))),
        ],
        ..query()
    };
    assert_eq!(fed.found(both).await, [1, 5]);
    let property = facet::property("routing", "vip");
    fed.put(vec![row(7, &[], &[(&property, "true")])]).await;
    assert_eq!(fed.with(FacetFilter::new(property, Rule::AnyOf(strings(&["true"])))).await, [7]);
    fed.archive.close().await;
}

/// Not of two that have a half each.
pub async fn a_group_and_a_time_are_asked_of_one_facet(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    let form = |value: &str, group: &str, second| {
        Facet::new(facet::POST_CHAT_FORM, value).in_group(group).at(at(second))
    };
    let filled = |number, facets: Vec<Facet>| ArchivedThread { facets, ..row(number, &[], &[]) };
    fed.put(vec![
        filled(1, vec![form("good", "1", 10), form("bad", "2", 20)]),
        filled(2, vec![form("good", "2", 20)]),
        filled(3, vec![Facet::new(facet::POST_CHAT_FORM, "good")]),
    ])
    .await;
    let asked =
        |groups: Option<&[&str]>, from: Option<i64>, to: Option<i64>, rule: Rule| FacetFilter {
            groups: groups.map(strings),
            from: from.map(at),
            to: to.map(at),
            ..FacetFilter::new(facet::POST_CHAT_FORM, rule)
        };
    let good = || Rule::AnyOf(strings(&["good"]));
    assert_eq!(fed.with(asked(None, None, None, good())).await, [1, 2, 3]);
    assert_eq!(fed.with(asked(Some(&["2"]), None, None, good())).await, [2]);
    assert_eq!(fed.with(asked(Some(&["2", "1"]), None, None, good())).await, [1, 2]);
    assert_eq!(fed.with(asked(Some(&[]), None, None, good())).await, [0; 0]);
    assert_eq!(fed.with(asked(None, Some(20), None, good())).await, [2]);
    assert_eq!(fed.with(asked(None, None, Some(20), good())).await, [1]);
    assert_eq!(fed.with(asked(Some(&["2"]), None, Some(20), Rule::Exists)).await, [0; 0]);
    assert_eq!(fed.with(asked(Some(&["2"]), None, Some(21), Rule::Exists)).await, [1, 2]);
    assert_eq!(fed.with(asked(Some(&["1"]), None, None, Rule::Absent)).await, [2, 3]);
    assert_eq!(fed.with(asked(None, Some(11), None, Rule::Absent)).await, [3]);
    let both = || strings(&["good", "bad"]);
    assert_eq!(fed.with(asked(None, Some(10), Some(21), Rule::AllOf(both()))).await, [1]);
    assert_eq!(fed.with(asked(None, Some(11), None, Rule::AllOf(both()))).await, [0; 0]);
    assert_eq!(fed.with(asked(Some(&["2"]), None, None, Rule::NotAllOf(both()))).await, [1, 2, 3]);
    fed.put(vec![filled(1, vec![form("good", "1", 30)])]).await;
    assert_eq!(fed.with(asked(None, None, Some(25), Rule::Exists)).await, [2], "replaced");
    fed.archive.close().await;
}

/// On top of everything that is asked.
pub async fn only_visible_groups_are_seen(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    let of = |number, groups: &[&str]| {
        let facets: Vec<(&str, &str)> = groups.iter().map(|group| (facet::GROUP, *group)).collect();
        row(number, &["hello"], &facets)
    };
    fed.put(vec![of(1, &["1"]), of(2, &["1", "2"]), of(3, &["3"]), of(4, &[])]).await;
    let seen = |groups: &[&str]| ArchiveQuery {
        visible_groups: Some(
            groups.iter().map(|group| (*group).to_owned()).collect::<BTreeSet<_>>(),
        ),
        ..query()
    };
    assert_eq!(fed.found(seen(&["1", "3"])).await, [1, 2, 3]);
    assert_eq!(fed.found(seen(&[])).await, [0; 0]);
    let asked = vec![FacetFilter::new(facet::GROUP, Rule::AnyOf(strings(&["1"])))];
    assert_eq!(fed.found(ArchiveQuery { facets: asked, ..seen(&["2"]) }).await, [2]);
    let said = Some("hello".to_owned());
    assert_eq!(fed.found(ArchiveQuery { text: said, ..seen(&["3"]) }).await, [3]);
    fed.archive.close().await;
}

/// Bounds of time are the first one in and the second one out.
pub async fn chats_threads_and_times_are_asked_for(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    let of =
        |number, of_chat| ArchivedThread { chat: chat(of_chat), ..row(number, &["hello"], &[]) };
    fed.put(vec![of(1, 1), of(2, 2), of(3, 1), of(4, 3)]).await;
    let chats = |chats: &[u8]| ArchiveQuery {
        chats: Some(chats.iter().copied().map(chat).collect()),
        ..query()
    };
    assert_eq!(fed.found(chats(&[1])).await, [1, 3]);
    assert_eq!(fed.found(chats(&[3, 9, 2])).await, [2, 4]);
    assert_eq!(fed.found(chats(&[])).await, [0; 0]);
    let threads = |numbers: &[u8]| Some(numbers.iter().copied().map(thread).collect());
    assert_eq!(fed.found(ArchiveQuery { threads: threads(&[2, 3, 99]), ..query() }).await, [2, 3]);
    assert_eq!(fed.found(ArchiveQuery { threads: threads(&[2, 3]), ..chats(&[1]) }).await, [3]);
    assert_eq!(fed.found(ArchiveQuery { threads: threads(&[]), ..query() }).await, [0; 0]);
    let made = |from: Option<i64>, to: Option<i64>| ArchiveQuery {
        from: from.map(at),
        to: to.map(at),
        ..query()
    };
    assert_eq!(fed.found(made(Some(2), Some(4))).await, [2, 3]);
    assert_eq!(fed.found(made(Some(4), None)).await, [4]);
    assert_eq!(fed.found(made(None, Some(2))).await, [1]);
    assert_eq!(fed.found(made(Some(3), Some(3))).await, [0; 0]);
    // Moved to another chat and time.
    fed.put(vec![ArchivedThread { created_at: at(9), ..of(2, 1) }]).await;
    assert_eq!(fed.found(chats(&[1])).await, [1, 3, 2]);
    assert_eq!(fed.found(chats(&[2])).await, [0; 0]);
    assert_eq!(fed.found(made(Some(2), Some(5))).await, [3, 4]);
    fed.archive.close().await;
}

/// A feeder that begins again at its cursor changes nothing.
pub async fn what_comes_twice_is_passed_over(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    assert_eq!(fed.archive.cursor(workspace(1)).await.expect("read"), None);
    fed.put(vec![row(1, &["hello"], &[(facet::TAG, "a")])]).await;
    fed.put(Vec::new()).await;
    for cursor in [1, 2] {
        let rows = vec![row(1, &["again"], &[]), row(2, &[], &[])];
        fed.archive.put(workspace(1), Seq(cursor), rows).await.expect("passed over");
        assert_eq!(fed.archive.cursor(workspace(1)).await.expect("read"), Some(Seq(2)));
        assert_eq!(fed.said("again").await, [0; 0]);
        assert_eq!(fed.with(FacetFilter::new(facet::TAG, Rule::Exists)).await, [1]);
        fed.reopen(&*shelf).await;
    }
    // The same thread twice in one go: one after the other.
    fed.put(vec![row(3, &["one"], &[(facet::TAG, "b")]), row(3, &["two"], &[(facet::TAG, "c")])])
        .await;
    assert_eq!(fed.said("one two").await, [3]);
    assert_eq!(fed.with(FacetFilter::new(facet::TAG, Rule::NoneOf(strings(&["b"])))).await, [1, 3]);
    fed.archive.close().await;
}

/// Nor is it cleared with it.
pub async fn nothing_of_one_workspace_is_seen_from_another(shelf: Box<dyn Shelf>) {
    let mut fed = Fed::new(&*shelf);
    fed.put(vec![row(1, &["hello"], &[(facet::TAG, "a")])]).await;
    let (other, nobody) = (workspace(2), workspace(3));
    let theirs = vec![row(1, &["hello theirs"], &[(facet::TAG, "a")]), row(2, &[], &[])];
    fed.archive.put(other, Seq(9), theirs).await.expect("put");
    assert_eq!(fed.said("hello").await, [1]);
    assert_eq!(fed.said("theirs").await, [0; 0]);
    assert_eq!(fed.with(FacetFilter::new(facet::TAG, Rule::Absent)).await, [0; 0]);
    let empty = fed.archive.search(nobody, query()).await.expect("searched");
    assert_eq!((empty.rows.len(), empty.total), (0, 0));

    fed.archive.clear(other).await.expect("cleared");
    fed.archive.clear(nobody).await.expect("cleared");
    assert_eq!(fed.archive.cursor(other).await.expect("read"), None);
    assert_eq!(fed.archive.search(other, query()).await.expect("searched").total, 0);
    assert_eq!(fed.said("hello").await, [1]);
    assert_eq!(fed.archive.cursor(workspace(1)).await.expect("read"), Some(Seq(1)));
    // Fed anew from the start.
    fed.archive.put(other, Seq(1), vec![row(5, &["new"], &[])]).await.expect("put");
    let page = fed.archive.search(other, query()).await.expect("searched");
    assert_eq!(page.rows.iter().map(|hit| hit.thread).collect::<Vec<_>>(), [thread(5)]);
    let old = ArchiveQuery { text: Some("theirs".into()), ..query() };
    assert_eq!(fed.archive.search(other, old).await.expect("searched").total, 0);
    fed.archive.close().await;
}

/// Closing again is harmless.
pub async fn a_closed_archive_says_so(shelf: Box<dyn Shelf>) {
    let fed = Fed::new(&*shelf);
    fed.archive.close().await;
    fed.archive.close().await;
    let searched = fed.archive.search(workspace(1), query()).await;
    assert!(matches!(searched, Err(ArchiveError::Closed)), "{searched:?}");
    let put = fed.archive.put(workspace(1), Seq(1), Vec::new()).await;
    assert!(matches!(put, Err(ArchiveError::Closed)), "{put:?}");
    let cursor = fed.archive.cursor(workspace(1)).await;
    assert!(matches!(cursor, Err(ArchiveError::Closed)), "{cursor:?}");
}
