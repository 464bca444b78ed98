//! Whatever is put and whatever is asked: the archive answers as a plain list that is looked through.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tidings_model::{Seq, ThreadId, WorkspaceId};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{Shelf, at, chat, thread};
use crate::archive::words::{terms, words};
use crate::archive::{
    Archive, ArchiveHit, ArchiveOrder, ArchivePage, ArchiveQuery, ArchivedThread, Facet,
    FacetFilter, Rule, Texts,
};

/// Archives that are tried.
const ARCHIVES: u32 = 32;

/// Writes into one, and questions to it.
const PUTS_MAX: usize = 6;
const QUERIES_MAX: usize = 24;

/// What is chosen from: little, so that things meet.
const WORDS: [&str; 7] = ["parcel", "Parc", "où", "OU", "est", "a-b", "東京"];
const NAMES: [&str; 2] = ["tag", "group"];
const VALUES: [&str; 3] = ["a", "b", ""];

/// Whatever was put, in whatever order, every query finds what it should, by whatever pages.
pub async fn any_archive_reads_as_the_model_says(shelf: Box<dyn Shelf>) {
    let archive = shelf.open();
    let handle = Handle::current();
    let asked = std::sync::Arc::clone(&archive);
    // The runner is not asynchronous, so it runs beside and asks in.
    let outcome = tokio::task::spawn_blocking(move || {
        let config = Config { cases: ARCHIVES, failure_persistence: None, ..Config::default() };
        let puts = prop::collection::vec(prop::collection::vec(row(), 0..5), 1..PUTS_MAX);
        let queries = prop::collection::vec(query(), 1..QUERIES_MAX);
        let count = std::cell::Cell::new(0);
        let result = TestRunner::new(config).run(&(puts, queries), |(puts, queries)| {
            // A workspace of its own for each history, so that they share an archive.
            count.set(count.get() + 1);
            let workspace = WorkspaceId::new(Uuid::from_u128(1 << 64 | count.get()));
            handle.block_on(run(&*asked, workspace, puts, queries))
        });
        result.map_err(|error| error.to_string())
    });
    outcome.await.expect("the runner ends").expect("every archive reads as the model says");
    archive.close().await;
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4).prop_map(|words| words.join(" "))
}

fn row() -> impl Strategy<Value = ArchivedThread> {
    let facet = (
        prop::sample::select(&NAMES[..]),
        prop::sample::select(&VALUES[..]),
        prop::option::of(prop::sample::select(&VALUES[..])),
        prop::option::of(0i64..4),
    )
        .prop_map(|(name, value, group, second)| Facet {
            group: group.map(str::to_owned),
            at: second.map(at),
            ..Facet::new(name, value)
        });
    let texts = prop::collection::vec(text(), 0..3);
    let texts = (any::<bool>(), texts).prop_map(|(append, texts)| {
        if append { Texts::Append(texts) } else { Texts::Replace(texts) }
    });
    (0u8..8, 0u8..3, 0i64..5, texts, prop::collection::vec(facet, 0..4)).prop_map(
        |(number, of_chat, second, texts, facets)| ArchivedThread {
            thread: thread(number),
            chat: chat(of_chat),
            created_at: at(second),
            texts,
            facets,
        },
    )
}

fn query() -> impl Strategy<Value = ArchiveQuery> {
    let second = || prop::option::weighted(0.2, (0i64..5).prop_map(at));
    let values =
        || prop::collection::vec(prop::sample::select(&VALUES[..]).prop_map(str::to_owned), 0..3);
    let rule = prop_oneof![
        any::<bool>().prop_map(|there| if there { Rule::Exists } else { Rule::Absent }),
        values().prop_map(Rule::AnyOf),
        values().prop_map(Rule::AllOf),
        values().prop_map(Rule::NoneOf),
        values().prop_map(Rule::NotAllOf),
    ];
    let filter = (
        prop::sample::select(&NAMES[..]),
        prop::option::weighted(0.3, values()),
        second(),
        second(),
        rule,
    )
        .prop_map(|(name, groups, from, to, rule)| FacetFilter {
            groups,
            from,
            to,
            ..FacetFilter::new(name, rule)
        });
    let asked = (text(), any::<bool>())
        .prop_map(|(text, quoted)| if quoted { format!("\"{text}\"") } else { text });
    let few = |most: u8| prop::option::weighted(0.1, prop::collection::vec(0..most, 0..3));
    (
        prop::option::weighted(0.4, asked),
        (second(), second()),
        (few(3), few(8)),
        prop::collection::vec(filter, 0..3),
        prop::option::weighted(0.3, values()),
        any::<bool>(),
        1usize..4,
    )
        .prop_map(|(text, (from, to), (chats, threads), facets, visible, newest, limit)| {
            ArchiveQuery {
                text,
                from,
                to,
                chats: chats.map(|chats| chats.into_iter().map(chat).collect()),
                threads: threads.map(|threads| threads.into_iter().map(thread).collect()),
                facets,
                visible_groups: visible.map(|groups| groups.into_iter().collect()),
                order: if newest { ArchiveOrder::NewestFirst } else { ArchiveOrder::OldestFirst },
                limit,
                place: None,
            }
        })
}

async fn run(
    archive: &dyn Archive,
    workspace: WorkspaceId,
    puts: Vec<Vec<ArchivedThread>>,
    queries: Vec<ArchiveQuery>,
) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    for (number, rows) in puts.into_iter().enumerate() {
        let cursor = Seq(number as u64 + 1);
        archive.put(workspace, cursor, rows.clone()).await.expect("put");
        rows.into_iter().for_each(|row| model.put(row));
    }
    for query in queries {
        let expected = model.search(&query);
        let found = pages(archive, workspace, &query, expected.len() as u64).await?;
        same(&query, &found, &expected)?;
    }
    archive.clear(workspace).await.expect("cleared");
    Ok(())
}

/// All pages, there and back again.
async fn pages(
    archive: &dyn Archive,
    workspace: WorkspaceId,
    query: &ArchiveQuery,
    total: u64,
) -> Result<Vec<ArchiveHit>, TestCaseError> {
    let page = async |place: Option<String>| -> Result<ArchivePage, TestCaseError> {
        let query = ArchiveQuery { place, ..query.clone() };
        let page = archive.search(workspace, query.clone()).await.expect("searched");
        same(&query, &page.total, &total)?;
        Ok(page)
    };
    let mut there = Vec::new();
    let mut last = page(None).await?;
    same(query, &last.previous, &None)?;
    loop {
        there.extend_from_slice(&last.rows);
        let Some(next) = last.next.clone() else { break };
        last = page(Some(next)).await?;
    }
    let mut back = last.rows.clone();
    while let Some(previous) = last.previous.clone() {
        last = page(Some(previous)).await?;
        back.splice(0..0, last.rows.iter().copied());
    }
    same(query, &back, &there)?;
    Ok(there)
}

fn same<T: PartialEq + std::fmt::Debug>(
    query: &ArchiveQuery,
    is: &T,
    should_be: &T,
) -> Result<(), TestCaseError> {
    if is == should_be {
        return Ok(());
    }
    let told = format!("{query:#?}: the archive says {is:#?}, the model says {should_be:#?}");
    Err(TestCaseError::fail(told))
}

/// Threads as they were put, each with all its texts.
#[derive(Default)]
struct Model {
    threads: BTreeMap<ThreadId, (ArchivedThread, Vec<String>)>,
}

impl Model {
    fn put(&mut self, row: ArchivedThread) {
        let known = self.threads.remove(&row.thread);
        let mut said = known.map(|(_, said)| said).unwrap_or_default();
        match &row.texts {
            Texts::Append(texts) => said.extend_from_slice(texts),
            Texts::Replace(texts) => said.clone_from(texts),
        }
        self.threads.insert(row.thread, (row, said));
    }

    fn search(&self, query: &ArchiveQuery) -> Vec<ArchiveHit> {
        let mut hits: Vec<ArchiveHit> = (self.threads.values())
            .filter(|(row, said)| fits(query, row, said))
            .map(|(row, _)| ArchiveHit {
                thread: row.thread,
                chat: row.chat,
                created_at: row.created_at,
            })
            .collect();
        hits.sort_by_key(|hit| (hit.created_at, hit.thread));
        if query.order == ArchiveOrder::NewestFirst {
            hits.reverse();
        }
        hits
    }
}

fn fits(query: &ArchiveQuery, row: &ArchivedThread, said: &[String]) -> bool {
    let asked = terms(query.text.as_deref().unwrap_or_default());
    asked.iter().all(|term| said.iter().any(|text| term.is_in(&words(text))))
        && query.from.is_none_or(|from| row.created_at >= from)
        && query.to.is_none_or(|to| row.created_at < to)
        && query.chats.as_ref().is_none_or(|chats| chats.contains(&row.chat))
        && query.threads.as_ref().is_none_or(|threads| threads.contains(&row.thread))
        && query.facets.iter().all(|filter| passes(filter, &row.facets))
        && query.visible_groups.as_ref().is_none_or(|groups| {
            row.facets.iter().any(|facet| facet.name == "group" && groups.contains(&facet.value))
        })
}

fn passes(filter: &FacetFilter, facets: &[Facet]) -> bool {
    let counting: Vec<&Facet> = facets.iter().filter(|facet| filter.counts(facet)).collect();
    let has = |value: &String| counting.iter().any(|facet| facet.value == *value);
    match &filter.rule {
        Rule::Exists => !counting.is_empty(),
        Rule::Absent => counting.is_empty(),
        Rule::AnyOf(values) => values.iter().any(has),
        Rule::AllOf(values) => values.iter().all(has),
        Rule::NoneOf(values) => !values.iter().any(has),
        Rule::NotAllOf(values) => !values.iter().all(has),
    }
}
