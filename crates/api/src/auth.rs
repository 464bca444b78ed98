//! Who is asking, and whether they may: a handler gets its workspace from a [`Caller`] and from nowhere else.
//!
//! A token that was found is remembered for [`REMEMBERED_FOR`], so that a busy caller costs no read of the store. One
//! that is revoked by this process is forgotten at once; in any other process it stops working within that time.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use tidings_app::admin::tokens::{self, Fingerprint, Right, Token};
use tidings_model::{Author, TokenId, WorkspaceId};
use tokio::time::Instant;

use crate::problem::{Code, Problem};
use crate::state::Api;

/// How long a token that was found is believed without looking again.
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_secs(2);

/// How many tokens are remembered; when there are more, all are looked up anew.
const REMEMBERED_MAX: usize = 10_000;

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 1_024;

/// A right, as a type: what a handler needs stands in its signature.
pub(crate) trait Needs: Send {
    const RIGHT: Right;
}

/// Needs [`Right::Read`].
pub(crate) struct Read;
/// Needs [`Right::Write`].
pub(crate) struct Write;
/// Needs [`Right::Admin`].
pub(crate) struct Admin;

impl Needs for Read {
    const RIGHT: Right = Right::Read;
}
impl Needs for Write {
    const RIGHT: Right = Right::Write;
}
impl Needs for Admin {
    const RIGHT: Right = Right::Admin;
}

/// Somebody with a token that has the right.
pub(crate) struct Caller<R> {
    token: Arc<Token>,
    right: PhantomData<R>,
}

impl<R> Caller<R> {
    /// The only workspace that they see.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.token.workspace
    }

    /// Their token's id.
    pub(crate) fn token(&self) -> TokenId {
        self.token.id
    }

    /// Their token's name.
    pub(crate) fn token_name(&self) -> &str {
        &self.token.name
    }

    /// Whether they have a right beside the one that everybody needs here.
    pub(crate) fn may(&self, right: Right) -> Result<(), Problem> {
        let missing = || {
            let message = format!("this needs a token with the right {:?}", word(right));
            Problem::new(Code::RightMissing, message)
        };
        self.token.rights.contains(&right).then_some(()).ok_or_else(missing)
    }

    /// The author of what they send, unless they name another.
    pub(crate) fn author(&self) -> Author {
        tidings_app::pipeline::accept::integration(&self.token.name)
    }
}

impl<R: Needs> FromRequestParts<Api> for Caller<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let secret = bearer(&parts.headers)?;
        let token = find(api, secret).await?;
        api.by_token.take(token.id.uuid())?;
        let caller = Self { token, right: PhantomData };
        caller.may(R::RIGHT).map(|()| caller)
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || {
        Problem::new(Code::TokenMissing, "the request has no header Authorization: Bearer <token>")
    };
    let value = headers.get(AUTHORIZATION).ok_or_else(missing)?.to_str().map_err(|_| unknown())?;
    let (scheme, secret) = value.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(secret.trim())
}

fn unknown() -> Problem {
    Problem::new(Code::TokenUnknown, "the token is not known")
}

/// The word of a right.
pub(crate) const fn word(right: Right) -> &'static str {
    match right {
        Right::Read => "read",
        Right::Write => "write",
        Right::Admin => "admin",
    }
}

async fn find(api: &Api, secret: &str) -> Result<Arc<Token>, Problem> {
    if secret.is_empty() || secret.len() > TOKEN_BYTES_MAX {
        return Err(unknown());
    }
    let fingerprint = tokens::fingerprint(secret);
    if let Some(token) = api.tokens.get(&fingerprint) {
        return Ok(token);
    }
    let generation = api.tokens.generation();
    let token = Arc::new(tokens::find(&api.app, secret).await?.ok_or_else(unknown)?);
    api.tokens.put(fingerprint, &token, generation);
    Ok(token)
}

/// Tokens that were found lately, by the hash of their secret.
#[derive(Default)]
pub(crate) struct TokenCache {
    inner: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    by_secret: HashMap<Fingerprint, (Arc<Token>, Instant)>,
    /// Moves with each revocation: what was read before one is not remembered after it.
    generation: u64,
}

impl TokenCache {
    fn get(&self, fingerprint: &Fingerprint) -> Option<Arc<Token>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, at) = inner.by_secret.get(fingerprint)?;
        (at.elapsed() < REMEMBERED_FOR).then(|| Arc::clone(token))
    }

    fn generation(&self) -> u64 {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).generation
    }

    fn put(&self, fingerprint: Fingerprint, token: &Arc<Token>, generation: u64) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.generation != generation {
            return;
        }
        if inner.by_secret.len() >= REMEMBERED_MAX {
            inner.by_secret.clear();
        }
        inner.by_secret.insert(fingerprint, (Arc::clone(token), Instant::now()));
    }

    /// Forgets a token, because it was revoked.
    pub(crate) fn forget(&self, id: TokenId) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.generation += 1;
        inner.by_secret.retain(|_, (token, _)| token.id != id);
    }
}
