//! Makes a million chats: written through the store into the folder of a server that was there and is not running.
//!
//! Each is a chat that was answered and closed: a customer, a thread of two messages, and its row in the archive.
//! Entries and facets are those of `app::pipeline`'s `written` and `index`; that they are right is shown by the lists,
//! which must be whole.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tidings_model::{
    AgentId, Author, ChannelId, Chat, ChatId, ChatStatus, Clock, Customer, CustomerId, Draft,
    EventId, GroupNumber, Identity, Member, Participant, ThreadId, Timestamp, WorkspaceId,
};
use tidings_store::archive::{Archive, ArchivedThread, Facet, Texts, facet};
use tidings_store::{Advance, Batch, Body, DocKey, Kind, Put};
use tidings_store_sqlite::SqliteArchive;

use super::super::ceilings::{SystemClock, open_store, this_program};
use super::super::footprint::READERS;

/// How many chats one batch has.
const BATCH: usize = 1_000;

/// How many seconds lie between the beginnings of two chats.
const APART_S: i64 = 30;

/// How many words customers ask for: each is in so many chats as the others.
pub(super) const WORDS: usize = 1_000;

#[derive(clap::Args, Debug)]
pub(crate) struct MillionPart {
    /// The server's data folder; the server has been there once and is not running.
    #[arg(long)]
    folder: PathBuf,
    /// The channel of the chats.
    #[arg(long)]
    channel: ChannelId,
    /// The agent who answered.
    #[arg(long)]
    agent: AgentId,
    /// How many.
    #[arg(long)]
    chats: usize,
}

/// Makes chats in a process of its own. Gives how long it took.
pub(super) fn make_in(
    data: &Path,
    channel: &str,
    agent: &str,
    chats: usize,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let chats = chats.to_string();
    let arguments = ["million", "--channel", channel, "--agent", agent, "--chats", &chats];
    let status = this_program(&arguments)?.arg("--folder").arg(data).status();
    ensure!(status.context("cannot start the maker")?.success(), "the maker failed");
    Ok(began.elapsed())
}

/// Makes them. The archive is fed beside the store: each has a thread of its own.
pub(in crate::bench) async fn make(part: &MillionPart) -> anyhow::Result<()> {
    let store = open_store(&part.folder)?;
    let archive = SqliteArchive::open(&part.folder.join("archive.db"))?;
    let workspaces = store.workspaces().await.context("cannot list the workspaces")?;
    let workspace = *workspaces.first().context("the server has not made its workspace yet")?;
    let mut written = store.last_seq(workspace).await.context("cannot read the log's end")?;
    for first in (0..part.chats).step_by(BATCH) {
        let mut batch = Batch::new(workspace);
        let mut rows = Vec::with_capacity(BATCH);
        for number in first..part.chats.min(first + BATCH) {
            let answered = Answered::new(part, workspace, number);
            batch.puts.extend(answered.documents());
            batch.events.extend(answered.events());
            rows.push(answered.row());
        }
        let count = batch.events.len() as u64;
        written.0 += count;
        let read = READERS.iter();
        batch.cursors =
            read.map(|reader| Advance { reader: (*reader).to_owned(), to: written }).collect();
        let (stored, archived) =
            tokio::join!(store.commit(batch), archive.put(workspace, written, rows));
        let committed = stored.context("the store refused a batch")?;
        archived.context("the archive refused a batch")?;
        let last = committed.events.last().context("a batch gave no events")?.seq;
        ensure!(last == written, "somebody else writes to the store");
    }
    archive.close().await;
    store.close().await;
    Ok(())
}

/// A chat that was answered and closed.
struct Answered {
    workspace: WorkspaceId,
    chat: Chat,
    customer: Customer,
    agent: AgentId,
    question: String,
}

impl Answered {
    fn new(part: &MillionPart, workspace: WorkspaceId, number: usize) -> Self {
        let seconds = APART_S * i64::try_from(number).unwrap_or_default();
        let at = Timestamp::from_second(1_700_000_000 + seconds).expect("a time of our years");
        let mut customer = Customer::new(CustomerId::new(SystemClock.next_id()), at);
        let address = format!("visitor-{number}");
        customer.name = Some(format!("Visitor {number}"));
        customer.email = Some(format!("visitor{number}@example.com"));
        customer.identities = vec![Identity { channel: part.channel, id: address.clone() }];
        let (id, thread) =
            (ChatId::new(SystemClock.next_id()), ThreadId::new(SystemClock.next_id()));
        let mut chat = Chat::begin(id, part.channel, address, thread, at);
        chat.customer = Some(customer.id);
        let agent = Participant::Agent { id: part.agent.clone() };
        chat.enter(Member::new(Participant::Customer { id: customer.id }));
        chat.enter(Member::new(agent.clone()));
        chat.leave(&agent);
        chat.status = ChatStatus::Closed;
        chat.thread.closed_at = Some(at);
        let question = format!("Where is my parcel? It is about {}.", word(number));
        Self { workspace, chat, customer, agent: part.agent.clone(), question }
    }

    fn documents(&self) -> [Put; 2] {
        let Self { chat, customer, .. } = self;
        let recent = sortable(chat.thread.created_at);
        let everyone = GroupNumber::EVERYONE;
        let index = vec![
            ("status", "closed".into()),
            ("code", chat.id.code().to_string()),
            ("thread", chat.thread.id.code().to_string()),
            ("customer", customer.id.to_string()),
            ("access", everyone.to_string()),
            ("recent_of", format!("g{everyone}:{recent}")),
            ("recent", recent),
        ];
        let identity = format!("{}:{}", chat.channel, chat.address);
        let known = vec![("created", sortable(customer.created_at)), ("identity", identity)];
        [
            put(DocKey::new(Kind::Chat, chat.id), Body::of(chat), index),
            put(DocKey::new(Kind::Customer, customer.id), Body::of(customer), known),
        ]
    }

    fn events(&self) -> [Draft; 2] {
        let said = |author: Author, text: &str| {
            let event_type = "chat.message".parse().expect("it is the name of a type");
            let id = EventId::new(SystemClock.next_id());
            let at = self.chat.thread.created_at;
            let mut draft = Draft::new(id, event_type, self.workspace, at, json!({ "text": text }));
            draft.author = author;
            draft.channel = Some(self.chat.channel);
            draft.chat = Some(self.chat.id);
            draft.thread = Some(self.chat.thread.id);
            draft
        };
        [
            said(Author::customer(self.customer.id), &self.question),
            said(Author::agent(&self.agent), ANSWER),
        ]
    }

    fn row(&self) -> ArchivedThread {
        let group = GroupNumber::EVERYONE.to_string();
        let agent = self.agent.to_string();
        let facets = vec![
            Facet::new(facet::AGENT, agent.clone()),
            Facet::new(facet::AGENT_TYPE, "human"),
            Facet::new(facet::CUSTOMER, self.customer.id.to_string()),
            Facet::new(facet::EVENT_TYPE, "message"),
            Facet::new(facet::FIRST_RESPONSE, agent.clone()).in_group(group.clone()),
            Facet::new(facet::LAST_RESPONSE, agent).in_group(group.clone()),
            Facet::new(facet::GROUP, group),
            Facet::new("last", "closed"),
        ];
        ArchivedThread {
            thread: self.chat.thread.id,
            chat: self.chat.id,
            created_at: self.chat.thread.created_at,
            texts: Texts::Append(vec![self.question.clone(), ANSWER.to_owned()]),
            facets,
        }
    }
}

/// What every agent answers.
const ANSWER: &str = "It comes tomorrow.";

fn put(key: DocKey, body: serde_json::Result<Body>, index: Vec<(&'static str, String)>) -> Put {
    Put { key, expected: None, body: body.expect("documents have text keys only"), index }
}

/// A time as text that sorts, as in the entries of documents.
fn sortable(time: Timestamp) -> String {
    format!("{:020}", time.as_nanosecond().max(0))
}

/// The word that a chat is about; none is the beginning of another.
pub(super) fn word(number: usize) -> String {
    format!("matter{:03}", number % WORDS)
}
