//! Tokens of the API: shown once, stored as a hash, scoped to a workspace and to rights.
//!
//! A token has 256 random bits, so a plain SHA-256 of it cannot be searched; the hash is the document's key, and finding it
//! takes no time that tells anything about another token.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tidings_model::{Timestamp, TokenId, WorkspaceId};
use tidings_store::{
    Batch, CommitError, Delete, DocKey, Document, DocumentQuery, Kind, Put, Scan, Version,
};

use super::AdminError;
use super::workspaces::one_at_a_time;
use crate::App;
use crate::pipeline::scene::seen;
use crate::pipeline::written::to_body;

/// What every token begins with, so that scanners for leaked secrets know it.
pub const TOKEN_PREFIX: &str = "tdg_";

/// The shortest token that an operator may choose, in characters.
pub const TOKEN_CHARS_MIN: usize = 32;

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Read events, chats, customers, runs, deliveries.
    Read,
    /// Send events and messages, move control leases, redeliver.
    Write,
    /// Change channels, endpoints, agents and tokens.
    Admin,
}

/// A token, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its id, by which it is revoked.
    pub id: TokenId,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// Its name, for people: the author of what it sends.
    pub name: String,
    /// What it may do.
    pub rights: BTreeSet<Right>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Makes a token; the second value is the token itself, for the one time that it is shown. `given` is the operator's own
/// choice for it.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
    rights: BTreeSet<Right>,
    given: Option<String>,
) -> Result<(Token, String), AdminError> {
    let (batch, made) = prepared(app, workspace, name, rights, given)?;
    app.commit(batch).await?;
    Ok(made)
}

/// Makes a token of all rights where nobody has one, and says so; `None` where somebody has. Of several nodes that ask at
/// once one makes it.
pub async fn create_first(
    app: &App,
    workspace: WorkspaceId,
    given: Option<String>,
) -> Result<Option<String>, AdminError> {
    loop {
        let alone = one_at_a_time(app, workspace).await?;
        if !list(app, workspace).await?.is_empty() {
            return Ok(None);
        }
        let rights = BTreeSet::from([Right::Read, Right::Write, Right::Admin]);
        let (mut batch, (_, secret)) = prepared(app, workspace, "first", rights, given.clone())?;
        batch.puts.push(alone);
        match app.commit(batch).await {
            Ok(_) => return Ok(Some(secret)),
            // Somebody else was first: whoever refused us has written, so this comes to an end.
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A batch that makes a token, and the token.
fn prepared(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
    rights: BTreeSet<Right>,
    given: Option<String>,
) -> Result<(Batch, (Token, String)), AdminError> {
    if name.is_empty() || name.len() > 100 {
        return Err(AdminError::invalid("name", "must have 1 to 100 bytes"));
    }
    if rights.is_empty() {
        return Err(AdminError::invalid("rights", "must name at least one of read, write, admin"));
    }
    let secret = match given {
        Some(given) if given.chars().count() < TOKEN_CHARS_MIN => {
            return Err(AdminError::invalid(
                "token",
                format!("must have at least {TOKEN_CHARS_MIN} characters"),
            ));
        }
        Some(given) => given,
        None => generate()?,
    };
    let token = Token {
        id: TokenId::new(app.clock.next_id()),
        workspace,
        name: name.into(),
        rights,
        created_at: app.now(),
    };
    let mut batch = Batch::new(workspace);
    batch.puts.push(Put {
        key: key(&secret),
        expected: Some(Version::ABSENT),
        body: to_body(&token),
        index: vec![("id", token.id.to_string())],
    });
    Ok((batch, (token, secret)))
}

/// The token that this secret is, if it is one.
pub async fn find(app: &App, secret: &str) -> Result<Option<Token>, AdminError> {
    let key = key(secret);
    for workspace in app.workspaces() {
        if let Some(document) = app.store.document(workspace, &key).await? {
            return Ok(Some(seen(document)?.value));
        }
    }
    Ok(None)
}

/// The tokens of a workspace.
pub async fn list(app: &App, workspace: WorkspaceId) -> Result<Vec<Token>, AdminError> {
    Ok(crate::directory::all_of(app.store.as_ref(), workspace, Kind::Token).await?)
}

/// Takes a token's rights away, at once.
pub async fn revoke(app: &App, workspace: WorkspaceId, id: TokenId) -> Result<(), AdminError> {
    let found = by_id(app, workspace, id).await?;
    let found = found.ok_or(AdminError::NotFound { what: "token", id: id.to_string() })?;
    let mut batch = Batch::new(workspace);
    batch.deletes.push(Delete { key: found.key, expected: None });
    app.commit(batch).await?;
    Ok(())
}

async fn by_id(
    app: &App,
    workspace: WorkspaceId,
    id: TokenId,
) -> Result<Option<Document>, AdminError> {
    let scan = Scan::Equal { name: "id", value: id.to_string() };
    let query = DocumentQuery { kind: Kind::Token, scan, after: None, limit: 1 };
    Ok(app.store.documents(workspace, query).await?.documents.into_iter().next())
}

/// The hash of a token: what may be kept of one, and tells nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The hash of a token.
pub fn fingerprint(secret: &str) -> Fingerprint {
    let hash = digest(&SHA256, secret.as_bytes());
    Fingerprint(hash.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
}

fn key(secret: &str) -> DocKey {
    DocKey::new(Kind::Token, fingerprint_key(secret))
}

/// The hash of a token as a document's key.
pub(crate) fn fingerprint_key(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(fingerprint(secret).0)
}

/// A new token.
pub(crate) fn generate() -> Result<String, AdminError> {
    Ok(format!("{TOKEN_PREFIX}{}", generate_secret()?))
}

/// 256 random bits as text.
pub(crate) fn generate_secret() -> Result<String, AdminError> {
    let mut bytes = [0; 32];
    random_bytes(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Fills a buffer with random bytes of the operating system.
pub(crate) fn random_bytes(bytes: &mut [u8]) -> Result<(), AdminError> {
    aws_lc_rs::rand::fill(bytes)
        .map_err(|_| AdminError::invalid("random", "the operating system gives no random bytes"))
}
