//! The versions of a bot: every publishing has a number, and says which text, by whom, when, and why.
//!
//! A publishing is a document of its own ([`Publication`]) and never changes; texts are kept beside by their hash, so one
//! that is published again is kept once, and a run finds the text that it began with. Who publishes expects the live bot's
//! document as it was seen, so a number is given once.

use serde::{Deserialize, Serialize};
use tidings_model::{Author, BotName, Timestamp, TokenId, WorkspaceId};
use tidings_store::{
    Batch, Delete, DocKey, DocumentQuery, Kind, Put, ReadError, Scan, Version as Written,
};

use super::{LiveBot, StoredVersion};
use crate::App;
use crate::admin::AdminError;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_body;

/// How many versions of a bot are kept; older ones go when a new one is published. Most of a year, at one a day.
pub const VERSIONS_KEPT_MAX: u64 = 200;

/// The longest note of a version, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_000;

/// The length of a text's hash, in hex.
const HASH_CHARS: usize = 64;

/// One publishing of a bot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    /// The bot.
    pub bot: BotName,
    /// Its number, from 1.
    pub number: u64,
    /// The hash of the text, as runs name it.
    pub version: String,
    /// By whom.
    pub by: PublishedBy,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The version whose text this brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
    /// When.
    pub at: Timestamp,
}

impl Publication {
    /// The key of a version's document: the numbers have one width, so that ids are in their order.
    pub fn key(bot: &BotName, number: u64) -> DocKey {
        DocKey::new(Kind::Publication, format!("{bot}@{number:010}"))
    }

    /// How the versions of a bot are found, the newest first.
    pub fn scan(bot: &BotName) -> Scan {
        Scan::EqualNewest { name: "bot", value: bot.to_string() }
    }

    pub(super) fn put(&self) -> Put {
        Put {
            key: Self::key(&self.bot, self.number),
            expected: Some(Written::ABSENT),
            body: to_body(self),
            index: vec![
                ("bot", self.bot.to_string()),
                ("version", StoredVersion::id(&self.bot, &self.version)),
            ],
        }
    }
}

/// Who published a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PublishedBy {
    /// The folder of bots' texts.
    Files,
    /// A token of the API.
    Token {
        /// Which one.
        id: TokenId,
        /// Its name then.
        name: String,
    },
}

/// How a text is published.
#[derive(Clone, Debug)]
pub struct Publishing {
    pub(super) by: PublishedBy,
    pub(super) author: Option<Author>,
    pub(super) note: Option<String>,
    pub(super) rolled_back_to: Option<u64>,
}

impl Publishing {
    /// By the folder of bots' texts.
    pub const fn by_files() -> Self {
        Self { by: PublishedBy::Files, author: None, note: None, rolled_back_to: None }
    }

    /// By a token of the API, for whom the log names this author.
    pub fn by_token(
        (id, name): (TokenId, &str),
        author: Author,
        note: Option<String>,
    ) -> Result<Self, AdminError> {
        if note.as_ref().is_some_and(|note| note.len() > NOTE_BYTES_MAX) {
            return Err(AdminError::invalid(
                "/note",
                format!("has at most {NOTE_BYTES_MAX} bytes"),
            ));
        }
        let by = PublishedBy::Token { id, name: name.to_owned() };
        let note = note.filter(|note| !note.trim().is_empty());
        Ok(Self { by, author: Some(author), note, rolled_back_to: None })
    }

    /// The same, bringing back the text of a version.
    #[must_use]
    pub const fn of_version(mut self, number: u64) -> Self {
        self.rolled_back_to = Some(number);
        self
    }
}

/// A version, by its number or by the hash of its text, as a run names it: of several with one text the newest.
pub async fn find(
    app: &App,
    workspace: WorkspaceId,
    bot: &BotName,
    version: &str,
) -> Result<Publication, AdminError> {
    let is_hash = version.len() == HASH_CHARS && version.bytes().all(|b| b.is_ascii_hexdigit());
    let found = if is_hash {
        let value = StoredVersion::id(bot, version);
        first(app, workspace, Scan::EqualNewest { name: "version", value }).await?
    } else if let Ok(number) = version.parse() {
        let found = app.store.document(workspace, &Publication::key(bot, number)).await?;
        found.map(seen::<Publication>).transpose()?.map(|seen| seen.value)
    } else {
        None
    };
    let missing = || AdminError::NotFound { what: "version", id: format!("{bot}@{version}") };
    found.ok_or_else(missing)
}

/// The text of a version: names of files, and what stands in them, byte for byte.
pub async fn text(
    app: &App,
    workspace: WorkspaceId,
    publication: &Publication,
) -> Result<Vec<(String, String)>, AdminError> {
    let id = StoredVersion::id(&publication.bot, &publication.version);
    let found = app.store.document(workspace, &DocKey::new(Kind::BotVersion, &id)).await?;
    let found = found.ok_or(AdminError::NotFound { what: "text of a version", id })?;
    Ok(seen::<StoredVersion>(found)?.value.files)
}

/// The number of the next version; and what was published before there were numbers, which is then the first.
pub(super) async fn next(
    app: &App,
    workspace: WorkspaceId,
    bot: &BotName,
    found: Option<&Seen<LiveBot>>,
) -> Result<(u64, Option<Publication>), ReadError> {
    if let Some(live) = found.map(|found| &found.value).filter(|live| live.number > 0) {
        return Ok((live.number + 1, None));
    }
    // One that was taken off goes on counting where it was.
    let last = first(app, workspace, Publication::scan(bot)).await?.map_or(0, |last| last.number);
    let before = found.map(|found| unnumbered(&found.value, last + 1));
    Ok((last + 1 + u64::from(before.is_some()), before))
}

/// What is live since before there were numbers: only files were published then.
pub(super) fn unnumbered(live: &LiveBot, number: u64) -> Publication {
    Publication {
        bot: live.bot.clone(),
        number,
        version: live.version.clone(),
        by: PublishedBy::Files,
        note: None,
        rolled_back_to: None,
        at: live.since,
    }
}

/// Forgets the version that is one too many, with its text where no other version has it. A run that still waits on a text
/// that old ends where it is, as runs of a bot that was taken off do.
pub(super) async fn forget_oldest(
    app: &App,
    batch: &mut Batch,
    newest: &Publication,
) -> Result<(), ReadError> {
    let Some(number) = newest.number.checked_sub(VERSIONS_KEPT_MAX).filter(|number| *number > 0)
    else {
        return Ok(());
    };
    let key = Publication::key(&newest.bot, number);
    let Some(found) = app.store.document(batch.workspace, &key).await? else { return Ok(()) };
    let gone: Publication = seen(found)?.value;
    batch.deletes.push(Delete { key, expected: None });
    let id = StoredVersion::id(&gone.bot, &gone.version);
    let scan = Scan::Equal { name: "version", value: id.clone() };
    let query = DocumentQuery { kind: Kind::Publication, scan, after: None, limit: 2 };
    let with_this_text = app.store.documents(batch.workspace, query).await?.documents.len();
    if with_this_text < 2 && gone.version != newest.version {
        batch.deletes.push(Delete { key: DocKey::new(Kind::BotVersion, id), expected: None });
    }
    Ok(())
}

async fn first(
    app: &App,
    workspace: WorkspaceId,
    scan: Scan,
) -> Result<Option<Publication>, ReadError> {
    let query = DocumentQuery { kind: Kind::Publication, scan, after: None, limit: 1 };
    let page = app.store.documents(workspace, query).await?;
    let found = page.documents.into_iter().next().map(seen::<Publication>).transpose()?;
    Ok(found.map(|found| found.value))
}
