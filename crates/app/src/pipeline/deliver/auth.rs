//! Access tokens for an endpoint's receiver: OAuth 2.0 by client credentials (RFC 6749, 4.4).
//!
//! A token is kept in memory until shortly before it expires, or until its receiver answers 401. It is fetched by one at a
//! time; who waited while a fetch failed fails with it, so a token server that is away costs one call per round of tries.
//! An endpoint that is changed begins without a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use tidings_model::endpoint::{ClientAuthentication, EndpointAuth};
use tidings_model::{Endpoint, Timestamp};
use tidings_outbound::{Answer, Call, Target};
use tokio::sync::Mutex;
use url::form_urlencoded;

use super::prepared::Unready;
use crate::App;
use crate::pipeline::reader::chain;
use crate::pipeline::tries::later;
use crate::seal::Sealer;

/// How long fetching a token may take; less, where a delivery may take less.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much of a token server's answer is read, in bytes: tokens with many claims have some thousands.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;

/// How long a token is kept whose server does not say how long it is good.
const GOOD_FOR_UNSAID: Duration = Duration::from_secs(300);

/// The longest time for which one is kept, whatever its server says: a year.
const GOOD_FOR_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

/// How long before it expires a token is fetched anew: a delivery with it may be under way for so long. One that is good
/// for less than twice that is used for half of its time.
const MARGIN: Duration = Duration::from_secs(60);

/// The longest word of an error that is told of a token server.
const ERROR_WORD_BYTES_MAX: usize = 60;

/// Where an endpoint's tokens come from.
pub(crate) struct TokenSource {
    target: Target,
    /// Who we are to the token server, where a header says it.
    credentials: Option<HeaderValue>,
    /// What is asked for; it says who we are where no header does.
    form: Bytes,
    kept: Mutex<Kept>,
    /// How many fetches failed.
    failures: AtomicU64,
}

#[derive(Default)]
struct Kept {
    token: Option<Token>,
    /// Why the last fetch failed.
    failed: Option<NoToken>,
}

struct Token {
    /// The whole header.
    authorization: HeaderValue,
    until: Timestamp,
}

impl std::fmt::Debug for TokenSource {
    /// Without anything that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSource")
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoToken {
    /// The token server was not reached.
    #[error("no access token: the token server was not reached: {0}")]
    NotReached(Arc<str>),
    /// It gave none.
    #[error("no access token: the token server answered {status}{}", in_brackets(.word.as_deref()))]
    Refused {
        /// Its status.
        status: u16,
        /// What it calls the reason (RFC 6749, 5.2).
        word: Option<String>,
    },
    /// Its answer cannot be used.
    #[error("no access token: the token server answered 200 and no bearer token")]
    NotBearer,
}

fn in_brackets(word: Option<&str>) -> String {
    word.map(|word| format!(" ({word})")).unwrap_or_default()
}

/// What a token server answers (RFC 6749, 5.1).
#[derive(Deserialize)]
struct Answered {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Value>,
}

impl TokenSource {
    /// The one of an endpoint, if it has one.
    pub(super) fn of(sealer: &Sealer, endpoint: &Endpoint) -> Result<Option<Self>, Unready> {
        let Some(auth) = &endpoint.auth else { return Ok(None) };
        let secret = sealer.open(&auth.sealed_client_secret).map_err(|_| Unready::Sealed)?;
        Ok(Some(Self {
            target: Target::parse(&auth.token_url).map_err(|_| Unready::NoAddress)?,
            credentials: credentials(auth, &secret)?,
            form: form(auth, &secret),
            kept: Mutex::default(),
            failures: AtomicU64::new(0),
        }))
    }

    /// The header for a request to the receiver.
    pub(super) async fn authorization(
        &self,
        app: &App,
        deadline: Duration,
    ) -> Result<HeaderValue, NoToken> {
        let failures_before = self.failures.load(Ordering::Acquire);
        let mut kept = self.kept.lock().await;
        if let Some(token) = kept.token.as_ref().filter(|token| token.until > app.now()) {
            return Ok(token.authorization.clone());
        }
        // The token server was asked while we waited.
        if let Some(failed) = &kept.failed
            && self.failures.load(Ordering::Acquire) != failures_before
        {
            return Err(failed.clone());
        }
        match self.fetch(app, deadline.min(DEADLINE)).await {
            Ok(token) => {
                let authorization = token.authorization.clone();
                *kept = Kept { token: Some(token), failed: None };
                Ok(authorization)
            }
            Err(error) => {
                *kept = Kept { token: None, failed: Some(error.clone()) };
                self.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    /// The receiver did not take this one: the next request has another. One that came meanwhile stays.
    pub(super) async fn forget(&self, authorization: &HeaderValue) {
        let mut kept = self.kept.lock().await;
        kept.token.take_if(|token| token.authorization == *authorization);
    }

    async fn fetch(&self, app: &App, deadline: Duration) -> Result<Token, NoToken> {
        // The time that the call takes is not the token's to live.
        let began = app.now();
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(credentials) = &self.credentials {
            headers.insert(header::AUTHORIZATION, credentials.clone());
        }
        let call = Call {
            method: Method::POST,
            headers,
            body: self.form.clone(),
            deadline,
            answer_bytes_max: ANSWER_BYTES_MAX,
            identity: None,
        };
        let answer = app.guarded.send_to(&self.target, call).await;
        token(&answer.map_err(|error| NoToken::NotReached(chain(&error).into()))?, began)
    }
}

/// The token of an answer.
fn token(answer: &Answer, began: Timestamp) -> Result<Token, NoToken> {
    if answer.status != StatusCode::OK {
        let word = error_word(answer);
        return Err(NoToken::Refused { status: answer.status.as_u16(), word });
    }
    let answered: Answered = answer.json().map_err(|_| NoToken::NotBearer)?;
    let is_bearer = answered.token_type.is_none_or(|named| named.eq_ignore_ascii_case("bearer"));
    if !is_bearer || answered.access_token.is_empty() {
        return Err(NoToken::NotBearer);
    }
    let authorization = format!("Bearer {}", answered.access_token);
    let mut authorization =
        HeaderValue::from_str(&authorization).map_err(|_| NoToken::NotBearer)?;
    authorization.set_sensitive(true);
    let good_for = match answered.expires_in {
        // Some write the number as a text.
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_f64().map(|seconds| seconds.max(0.0) as u64),
        Some(_) | None => None,
    };
    let good_for = good_for.map_or(GOOD_FOR_UNSAID, Duration::from_secs).min(GOOD_FOR_MAX);
    let until = later(began, good_for - MARGIN.min(good_for / 2));
    Ok(Token { authorization, until })
}

/// What a token server calls the reason; nothing else of its answer is told.
fn error_word(answer: &Answer) -> Option<String> {
    let answered: Value = answer.json().ok()?;
    let word = answered.get("error")?.as_str()?;
    let is_word = (1..=ERROR_WORD_BYTES_MAX).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    is_word.then(|| word.to_owned())
}

/// The header that proves who we are. A request must not prove it in two ways (RFC 6749, 2.3).
fn credentials(auth: &EndpointAuth, secret: &str) -> Result<Option<HeaderValue>, Unready> {
    match auth.client_authentication {
        ClientAuthentication::Post => Ok(None),
        ClientAuthentication::Basic => {
            let mut header = HeaderValue::from_str(&basic(&auth.client_id, secret))
                .map_err(|_| Unready::WrongHeader)?;
            header.set_sensitive(true);
            Ok(Some(header))
        }
    }
}

fn basic(client_id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret))))
}

fn form(auth: &EndpointAuth, secret: &str) -> Bytes {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if auth.client_authentication == ClientAuthentication::Post {
        form.append_pair("client_id", &auth.client_id).append_pair("client_secret", secret);
    }
    for (name, value) in [("scope", &auth.scope), ("audience", &auth.audience)] {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    form.finish().into()
}

#[cfg(test)]
mod tests {
    use tidings_outbound::Phases;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    fn answered(status: u16, body: &str) -> Result<(String, Timestamp), String> {
        let answer = Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body_head: Bytes::copy_from_slice(body.as_bytes()),
            truncated: false,
            duration: Duration::ZERO,
            phases: Phases::default(),
            address: None,
        };
        let token = token(&answer, at(0)).map_err(|error| error.to_string())?;
        Ok((token.authorization.to_str().expect("text").to_owned(), token.until))
    }

    #[test]
    fn a_token_is_kept_until_shortly_before_it_expires() {
        for (expires, until) in [
            (r#""expires_in":3600"#, 3_540),
            (r#""expires_in":"3600""#, 3_540),
            (r#""expires_in":100"#, 50),
            (r#""expires_in":0"#, 0),
            (r#""expires_in":-5"#, 0),
            (r#""token_type":"bearer""#, 240),
            (r#""expires_in":1e300"#, 365 * 24 * 3_600 - 60),
        ] {
            let body = format!(r#"{{"access_token":"abc",{expires}}}"#);
            assert_eq!(answered(200, &body), Ok(("Bearer abc".into(), at(until))), "{expires}");
        }
    }

    #[test]
    fn what_is_no_token_is_told() {
        let why = |status, body| answered(status, body).expect_err("no token");
        let refused = why(401, r#"{"error":"invalid_client","error_description":"secret x"}"#);
        assert_eq!(refused, "no access token: the token server answered 401 (invalid_client)");
        for near in ["", "<html>", r#"{"error":"two words"}"#, r#"{"error":7}"#] {
            assert_eq!(why(500, near), "no access token: the token server answered 500");
        }
        for near in [
            "",
            "abc",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a\nb"}"#,
            r#"{"access_token":"abc","token_type":"mac"}"#,
        ] {
            assert!(why(200, near).ends_with("answered 200 and no bearer token"), "{near}");
        }
    }

    #[test]
    fn credentials_are_written_as_the_rfc_says() {
        // `a%3Ab:c+d` in base64.
        assert_eq!(basic("a:b", "c d"), "Basic YSUzQWI6Yytk");
    }
}
