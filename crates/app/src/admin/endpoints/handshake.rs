//! Asks receivers whether they want deliveries: before the first one, after their address or token changed, and when
//! their endpoint is switched on. What they said is noted at the endpoint.
//!
//! An endpoint whose receiver did not consent is not enabled; it is remembered that it was to be, so that it is as soon
//! as the receiver consents. The receiver is asked before anything is written, so nothing is ever sent without consent;
//! who asks twice at once is told of a conflict, and the receiver was asked twice, which harms nobody.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method};
use tidings_model::endpoint::{Handshake, HandshakeFailed, HandshakeKind};
use tidings_model::{Endpoint, EndpointId, WorkspaceId};
use tidings_outbound::{Answer, Call, Target};
use tidings_store::{DocKey, Kind};
use tidings_wire::handshake::{
    self as wire, ANSWER_BYTES_MAX, Consent, DEADLINE_S, Given, HandshakeCall,
};

use super::{AdminError, begin_anew, listed, tokens};
use crate::App;
use crate::pipeline::deliver::origin;
use crate::pipeline::deliver::prepared::Prepared;
use crate::pipeline::reader::chain;

/// The longest token: what fits into a header and into the address beside all else.
const TOKEN_BYTES_MAX: usize = 512;

/// How much of an answer is kept, in bytes. At least a token less than what is read, so that none is kept in part.
const KEPT_ANSWER_BYTES_MAX: usize = 1_024;

const _: () = assert!(KEPT_ANSWER_BYTES_MAX + TOKEN_BYTES_MAX <= ANSWER_BYTES_MAX);

/// What stands for a token in what is kept of an answer.
const HIDDEN: &str = "[the token]";

/// What somebody says of an endpoint's handshake.
#[derive(Clone, Debug, Default)]
pub struct HandshakeChange {
    /// Which one; `None` is no handshake.
    pub kind: Option<HandshakeKind>,
    /// What the receiver knows us by; left out, it stays.
    pub token: Option<String>,
}

/// Applies what was said. Nobody is asked yet.
pub(super) fn apply(
    app: &App,
    endpoint: &mut Endpoint,
    said: HandshakeChange,
) -> Result<(), AdminError> {
    let Some(kind) = said.kind else {
        if said.token.is_some() {
            return Err(AdminError::invalid("/handshake/token", "`none` has no token"));
        }
        // Who waited for consent waits no more.
        if endpoint.handshake.take().is_some_and(|before| before.switches_on) {
            endpoint.enabled = true;
            endpoint.disabled_reason = None;
        }
        return Ok(());
    };
    if endpoint.chat_webhook.is_some() {
        let why = "a webhook of the Chat API has no handshake";
        return Err(AdminError::invalid("/handshake", why));
    }
    let before = endpoint.handshake.take();
    let kept = before.as_ref().and_then(|before| before.sealed_token.clone());
    let sealed_token = match (kind, said.token) {
        (HandshakeKind::Cloudevents, Some(_)) => {
            return Err(AdminError::invalid("/handshake/token", "`cloudevents` has no token"));
        }
        (HandshakeKind::Cloudevents, None) => None,
        (_, Some(token)) => Some(app.sealer.seal(checked_token(&token)?)),
        (_, None) => kept,
    };
    if sealed_token.is_none() && needs_token(kind) {
        return Err(AdminError::invalid("/handshake/token", "is missing"));
    }
    let is_same = before
        .as_ref()
        .is_some_and(|before| before.kind == kind && before.sealed_token == sealed_token);
    endpoint.handshake = match before {
        Some(before) if is_same => Some(before),
        before => Some(Handshake {
            kind,
            sealed_token,
            switches_on: before.is_some_and(|before| before.switches_on),
            passed_at: None,
            rate_per_minute: None,
            failed: None,
        }),
    };
    Ok(())
}

/// Whether it is to be on was said anew: what was said before waits no more.
pub(super) fn is_said_anew(endpoint: &mut Endpoint) {
    if let Some(handshake) = &mut endpoint.handshake {
        handshake.switches_on = false;
    }
}

/// Without a token there is nothing to echo, or nothing to know us by.
const fn needs_token(kind: HandshakeKind) -> bool {
    match kind {
        HandshakeKind::TokenEcho | HandshakeKind::Meta => true,
        HandshakeKind::Slack | HandshakeKind::Cloudevents => false,
    }
}

fn checked_token(token: &str) -> Result<&str, AdminError> {
    let is_good = (1..=TOKEN_BYTES_MAX).contains(&token.len())
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good {
        return Ok(token);
    }
    let problem = format!("must have 1 to {TOKEN_BYTES_MAX} visible ASCII characters, no spaces");
    Err(AdminError::invalid("/handshake/token", problem))
}

/// Asks, if something changed that the receiver must consent to. `before` is `None` for a new endpoint.
pub(super) async fn after_change(
    app: &App,
    before: Option<&Endpoint>,
    endpoint: &mut Endpoint,
) -> Result<(), AdminError> {
    let Some(handshake) = &endpoint.handshake else { return Ok(()) };
    let Some(before) = before else { return ask(app, endpoint).await };
    let is_other = before.handshake.as_ref().is_none_or(|before| {
        before.kind != handshake.kind || before.sealed_token != handshake.sealed_token
    });
    let is_switched_on = endpoint.enabled && !before.enabled;
    if is_other || is_switched_on || before.url != endpoint.url {
        return ask(app, endpoint).await;
    }
    Ok(())
}

/// Asks once more, because somebody wants it.
pub async fn ask_again(
    app: &App,
    workspace: WorkspaceId,
    id: EndpointId,
) -> Result<Endpoint, AdminError> {
    let key = DocKey::new(Kind::Endpoint, id);
    let mut found = listed::find::<Endpoint>(app, workspace, &key).await?;
    if found.value.handshake.is_none() {
        return Err(AdminError::invalid("/handshake", "the endpoint has none: say its kind first"));
    }
    let was_enabled = found.value.enabled;
    ask(app, &mut found.value).await?;
    if found.value.enabled && !was_enabled {
        begin_anew(app, workspace, &mut found.value).await?;
    }
    listed::write(app, workspace, key, &found).await?;
    Ok(found.value)
}

/// Asks, and notes what was said. An endpoint that is on, or waits to be, is on when its receiver consented.
async fn ask(app: &App, endpoint: &mut Endpoint) -> Result<(), AdminError> {
    let Some(mut handshake) = endpoint.handshake.take() else { return Ok(()) };
    let is_wanted = endpoint.enabled || handshake.switches_on;
    let said = said(app, endpoint, &handshake).await?;
    match said {
        Ok(consent) => {
            handshake.passed_at = Some(app.now());
            handshake.rate_per_minute = consent.rate_per_minute;
            handshake.failed = None;
            handshake.switches_on = false;
            if is_wanted {
                endpoint.enabled = true;
                endpoint.disabled_reason = None;
            }
        }
        Err(failed) => {
            if is_wanted {
                endpoint.disabled_reason = Some(reason(&failed));
            }
            handshake.passed_at = None;
            handshake.rate_per_minute = None;
            handshake.failed = Some(failed);
            handshake.switches_on = is_wanted;
            endpoint.enabled = false;
        }
    }
    endpoint.handshake = Some(handshake);
    Ok(())
}

fn reason(failed: &HandshakeFailed) -> String {
    let came = match (failed.status, failed.answer.as_deref()) {
        (Some(status), None) => format!(" (it answered {status} without a body)"),
        (Some(status), Some(answer)) => format!(" (it answered {status} {answer:?})"),
        (None, _) => String::new(),
    };
    format!("no consent by handshake: {}{came}", failed.error)
}

/// What a receiver says.
async fn said(
    app: &App,
    endpoint: &Endpoint,
    handshake: &Handshake,
) -> Result<Result<Consent, HandshakeFailed>, AdminError> {
    let at = app.now();
    let failed = |error: String| Ok(Err(HandshakeFailed { at, status: None, answer: None, error }));
    let token = match handshake.sealed_token.as_ref().map(|sealed| app.sealer.open(sealed)) {
        None => String::new(),
        Some(Ok(token)) => token,
        Some(Err(error)) => return failed(error.to_string()),
    };
    let challenge = tokens::generate_secret()?;
    let origin = origin(app);
    let given = Given {
        url: &endpoint.url,
        token: &token,
        challenge: &challenge,
        origin: &origin,
        // Receivers say how much they take without being asked for a number.
        rate_per_minute: None,
    };
    let kind = wire_kind(handshake.kind);
    let (target, call) = match call(app, endpoint, wire::request(kind, &given)).await {
        Ok(call) => call,
        Err(error) => return failed(error),
    };
    let answer = match app.guarded.send_to(&target, call).await {
        Ok(answer) => answer,
        Err(error) => return failed(chain(&error)),
    };
    let headers: Vec<(&str, &str)> = (answer.headers.iter())
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let status = answer.status.as_u16();
    let judged = wire::judge(kind, &given, status, &headers, &answer.body_head);
    Ok(judged.map_err(|refusal| HandshakeFailed {
        at,
        status: Some(status),
        answer: kept_answer(&answer, &token),
        error: refusal.to_string(),
    }))
}

/// The request, with the headers and the certificate that each delivery has: a receiver may let nobody in without.
async fn call(
    app: &App,
    endpoint: &Endpoint,
    asked: HandshakeCall,
) -> Result<(Target, Call), String> {
    let target = Target::parse(&asked.url).map_err(|refused| refused.to_string())?;
    let method: Method = asked.method.parse().expect("the three that there are");
    let deadline = Duration::from_secs(DEADLINE_S);
    let prepared = Prepared::of(&app.sealer, endpoint, app.now());
    let prepared = prepared.map_err(|unready| unready.to_string())?;
    let token = prepared.authorization(app, deadline).await;
    let mut headers = prepared.headers.clone();
    if let Some(token) = token.map_err(|no_token| no_token.to_string())? {
        headers.insert(AUTHORIZATION, token);
    }
    for (name, value) in &asked.headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the header {name} cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    let call = Call {
        method,
        headers,
        body: Bytes::from(asked.body),
        deadline,
        answer_bytes_max: ANSWER_BYTES_MAX,
        identity: prepared.identity.clone(),
    };
    Ok((target, call))
}

/// The beginning of an answer, for people. A token that came back otherwise than asked for is not shown.
fn kept_answer(answer: &Answer, token: &str) -> Option<String> {
    let text = answer.text_head();
    let mut text = without(token, &text);
    let end = text.floor_char_boundary(KEPT_ANSWER_BYTES_MAX);
    text.truncate(end);
    Some(text).filter(|text| !text.is_empty())
}

/// A text without a token, in whichever case it is written.
fn without(token: &str, text: &str) -> String {
    let (token, lower) = (token.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut shown = String::with_capacity(text.len());
    let mut after = 0;
    // Letters beyond ASCII are the same in `lower`, so places in one are places in the other.
    for (at, found) in lower.match_indices(token.as_str()).filter(|(_, found)| !found.is_empty()) {
        shown.push_str(text.get(after..at).unwrap_or_default());
        shown.push_str(HIDDEN);
        after = at + found.len();
    }
    shown.push_str(text.get(after..).unwrap_or_default());
    shown
}

const fn wire_kind(kind: HandshakeKind) -> wire::HandshakeKind {
    match kind {
        HandshakeKind::TokenEcho => wire::HandshakeKind::TokenEcho,
        HandshakeKind::Cloudevents => wire::HandshakeKind::CloudEvents,
        HandshakeKind::Slack => wire::HandshakeKind::Slack,
        HandshakeKind::Meta => wire::HandshakeKind::Meta,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_kept_of_an_answer() {
        assert_eq!(without("Se-same", "se-same, SE-SAME!"), "[the token], [the token]!");
        assert_eq!(without("sesame", "grüße, Ünsesame"), "grüße, Ün[the token]");
        assert_eq!(without("sesame", "sesam"), "sesam");
        assert_eq!(without("", "hello"), "hello");
    }

    #[test]
    fn a_token_goes_into_a_header() {
        for good in ["t", "a-b_c.d~e", &"x".repeat(TOKEN_BYTES_MAX)] {
            assert!(checked_token(good).is_ok(), "{good}");
        }
        for wrong in ["", "a b", "a\r\nb: c", "ä", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(checked_token(wrong).is_err(), "{wrong}");
        }
    }
}
