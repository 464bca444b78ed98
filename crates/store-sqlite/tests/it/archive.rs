//! Every promise of the archive, and what becomes of a file that cannot be used.

use std::path::PathBuf;
use std::sync::Arc;

use tidings_model::{ChatId, Seq, ThreadId, Timestamp, WorkspaceId};
use tidings_store::archive::{
    Archive, ArchiveOrder, ArchiveQuery, ArchivedThread, Facet, FacetFilter, Rule, Texts, facet,
};
use tidings_store::conformance::Shelf;
use tidings_store_sqlite::{OpenError, SqliteArchive};
use uuid::Uuid;

struct Drawer(tempfile::TempDir);

impl Drawer {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("archive.db")
    }
}

impl Shelf for Drawer {
    fn open(&self) -> Arc<dyn Archive> {
        Arc::new(SqliteArchive::open(&self.file()).expect("the archive opens"))
    }
}

tidings_store::archive_conformance_tests!(Drawer::new());

fn workspace() -> WorkspaceId {
    WorkspaceId::new(Uuid::from_u128(1))
}

/// The cursor after an archive was put aside, changed, and opened again.
async fn cursor_after(change: impl FnOnce(&std::path::Path)) -> Option<Seq> {
    let drawer = Drawer::new();
    let archive = drawer.open();
    archive.put(workspace(), Seq(7), Vec::new()).await.expect("put");
    archive.close().await;
    change(&drawer.file());
    let archive = drawer.open();
    let cursor = archive.cursor(workspace()).await.expect("read");
    archive.put(workspace(), Seq(8), Vec::new()).await.expect("put");
    archive.close().await;
    cursor
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_made_anew() {
    assert_eq!(cursor_after(|_| ()).await, Some(Seq(7)));
    let other_version = |file: &std::path::Path| {
        let connection = rusqlite::Connection::open(file).expect("opened beside");
        connection.pragma_update(None, "user_version", 99).expect("changed");
        connection.close().expect("closed");
    };
    assert_eq!(cursor_after(other_version).await, None);
    let damaged = |file: &std::path::Path| {
        std::fs::write(file, "Dear Alice, ".repeat(1_000)).expect("written");
    };
    assert_eq!(cursor_after(damaged).await, None);
}

#[tokio::test]
async fn an_archive_is_opened_once() {
    let drawer = Drawer::new();
    let archive = drawer.open();
    let again = SqliteArchive::open(&drawer.file());
    assert!(matches!(again.err(), Some(OpenError::Locked { .. })));
    archive.close().await;
    drawer.open().close().await;
}

/// More threads than lie side by side in the file, made in an order that is not that of their times.
#[tokio::test]
async fn many_threads_are_found_in_the_order_of_their_times() {
    const THREADS: u64 = 6_500;
    let drawer = Drawer::new();
    let archive = drawer.open();
    let made = |number: u64| match number {
        // Nearly in order, then all over the past, then long ago.
        0..3_000 => 100_000 + number / 3 * 2 - number % 7,
        3_000..5_000 => number * 7_919 % 200_000,
        5_000.. => number / 2,
    };
    let tags = |number: u64| {
        let rare = number.is_multiple_of(301).then(|| "rare".to_owned());
        let often = (!number.is_multiple_of(3)).then(|| "often".to_owned());
        rare.into_iter().chain(often).collect::<Vec<String>>()
    };
    let at = |second: u64| Timestamp::from_second(second as i64).expect("near 1970");
    let rows = (0..THREADS).map(|number| ArchivedThread {
        thread: ThreadId::new(Uuid::from_u128(u128::from(number * 31 % THREADS))),
        chat: ChatId::new(Uuid::from_u128(u128::from(number % 10))),
        created_at: at(made(number)),
        texts: Texts::Append(tags(number)),
        facets: tags(number).into_iter().map(|tag| Facet::new(facet::TAG, tag)).collect(),
    });
    let rows: Vec<ArchivedThread> = rows.collect();
    for (cursor, rows) in rows.chunks(1_999).enumerate() {
        archive.put(workspace(), Seq(cursor as u64 + 1), rows.to_vec()).await.expect("put");
    }
    let tagged = |tag: &str| FacetFilter::new(facet::TAG, Rule::AnyOf(vec![tag.into()]));
    let all = ArchiveQuery::default();
    let queries = [
        (None, all.clone()),
        (Some("rare"), all.clone()),
        (Some("often"), all.clone()),
        (None, ArchiveQuery { text: Some("rare".into()), ..all.clone() }),
        (None, ArchiveQuery { from: Some(at(1_700)), to: Some(at(101_000)), ..all.clone() }),
        (Some("rare"), ArchiveQuery { from: Some(at(2_600)), ..all }),
    ];
    for (tag, query) in queries {
        let query = ArchiveQuery { facets: tag.map(tagged).into_iter().collect(), ..query };
        let wanted = |row: &&ArchivedThread| {
            let has = |tag: &str| row.facets.iter().any(|facet| facet.value == tag);
            tag.is_none_or(has)
                && query.text.as_ref().is_none_or(|text| has(text))
                && query.from.is_none_or(|from| row.created_at >= from)
                && query.to.is_none_or(|to| row.created_at < to)
        };
        let mut expected: Vec<_> =
            rows.iter().filter(wanted).map(|row| (row.created_at, row.thread)).collect();
        expected.sort();
        for order in [ArchiveOrder::OldestFirst, ArchiveOrder::NewestFirst] {
            let mut there = Vec::new();
            let mut asked = ArchiveQuery { order, limit: 700, ..query.clone() };
            let mut page = archive.search(workspace(), asked.clone()).await.expect("searched");
            loop {
                assert_eq!(page.total, expected.len() as u64);
                there.extend(page.rows.iter().map(|hit| (hit.created_at, hit.thread)));
                asked.place = page.next.clone();
                if asked.place.is_none() {
                    break;
                }
                page = archive.search(workspace(), asked.clone()).await.expect("searched");
            }
            assert!(there == expected, "{query:?} {order:?}");
            let mut back: Vec<_> =
                page.rows.iter().map(|hit| (hit.created_at, hit.thread)).collect();
            while page.previous.is_some() {
                asked.place = page.previous;
                page = archive.search(workspace(), asked.clone()).await.expect("searched");
                back.splice(0..0, page.rows.iter().map(|hit| (hit.created_at, hit.thread)));
            }
            assert!(back == expected, "back: {query:?} {order:?}");
            expected.reverse();
        }
    }
    archive.close().await;
}
