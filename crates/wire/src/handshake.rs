//! Asks a receiver whether it wants our deliveries, before the first one and after its address or token changed.
//!
//! Pure: says what is sent, and judges what came back. The caller sends it once, follows no redirect, waits
//! [`DEADLINE_S`] and reads [`ANSWER_BYTES_MAX`]. What counts as consent is exact to the byte: an echo in other letters,
//! with a line end behind it or behind a redirect is none.
//!
//! | kind | we send | consent |
//! | --- | --- | --- |
//! | `token_echo` | POST `{"token":"T"}` and the header `x-wotnot-token: T` | 200 and `T`, or a JSON object whose `token` is `T` |
//! | `cloudevents` | OPTIONS, `WebHook-Request-Origin`, `-Rate` | `WebHook-Allowed-Origin` with our name or `*`, and `-Rate`; any status |
//! | `slack` | POST `{"token":"T","challenge":"C","type":"url_verification"}` | 200 and `C` as text, or as `challenge` of JSON or a form |
//! | `meta` | GET, `hub.mode=subscribe`, `hub.verify_token=T`, `hub.challenge=C` | 200 and `C` |
//!
//! WotNot's page says "the same token back with 200 OK" and not where it travels, so it travels both ways that receivers
//! look for it. `cloudevents` is HTTP 1.1 Web Hooks for Event Delivery 1.0.2, section 4.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

/// How long an answer may take, in seconds.
pub const DEADLINE_S: u64 = 5;

/// How much of an answer is read: an echo with JSON around it.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// The header with the token of `token_echo`.
pub const TOKEN_HEADER: &str = "x-wotnot-token";
/// The header with our name; after consent it goes with every delivery.
pub const REQUEST_ORIGIN_HEADER: &str = "webhook-request-origin";
/// The header with the rate that we ask for, in requests per minute.
const REQUEST_RATE_HEADER: &str = "webhook-request-rate";
/// The header with the name that may send.
const ALLOWED_ORIGIN_HEADER: &str = "webhook-allowed-origin";
/// The header with the rate that is granted, in requests per minute.
const ALLOWED_RATE_HEADER: &str = "webhook-allowed-rate";

/// The kinds of handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeKind {
    /// A token comes back.
    TokenEcho,
    /// Headers allow our name.
    CloudEvents,
    /// A challenge comes back, as Slack asks.
    Slack,
    /// A challenge comes back, as Meta asks.
    Meta,
}

impl HandshakeKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::TokenEcho, Self::CloudEvents, Self::Slack, Self::Meta];

    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenEcho => "token_echo",
            Self::CloudEvents => "cloudevents",
            Self::Slack => "slack",
            Self::Meta => "meta",
        }
    }
}

/// What a handshake is made of; each kind takes its own.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The endpoint's address.
    pub url: &'a str,
    /// What the receiver knows us by; visible ASCII, as it goes into a header.
    pub token: &'a str,
    /// Drawn at random for this one handshake; visible ASCII.
    pub challenge: &'a str,
    /// Our DNS name.
    pub origin: &'a str,
    /// How many requests per minute we would like to make; `None` asks for none in particular.
    pub rate_per_minute: Option<u32>,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeCall {
    /// `GET`, `POST` or `OPTIONS`.
    pub method: &'static str,
    /// The address, with the query that the kind asks for.
    pub url: String,
    /// Headers by lower-case name.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for all but POST.
    pub body: Vec<u8>,
}

/// The receiver wants our deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// How many requests per minute it grants; `None` is any.
    pub rate_per_minute: Option<u32>,
}

/// The receiver did not say that it wants our deliveries. The texts repeat nothing of its answer, nor of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another status than 200; redirects are not followed.
    #[error("the receiver answered {status}, and only 200 is consent")]
    Status {
        /// Which.
        status: u16,
    },
    /// The body is not the echo.
    #[error("the receiver did not answer with exactly the {what} that it was sent")]
    Echo {
        /// `token` or `challenge`.
        what: &'static str,
    },
    /// The header that allows us is missing, is there twice, or names somebody else.
    #[error("the receiver's header WebHook-Allowed-Origin is neither our name nor *")]
    Origin,
    /// The header with the rate is missing or no rate.
    #[error("the receiver's header WebHook-Allowed-Rate is neither a number from 1 nor *")]
    Rate,
}

/// What is sent.
pub fn request(kind: HandshakeKind, given: &Given<'_>) -> HandshakeCall {
    let url = given.url.to_owned();
    let json_type = ("content-type", "application/json".to_owned());
    match kind {
        HandshakeKind::TokenEcho => HandshakeCall {
            method: "POST",
            url,
            headers: vec![json_type, (TOKEN_HEADER, given.token.to_owned())],
            body: json!({ "token": given.token }).to_string().into_bytes(),
        },
        HandshakeKind::CloudEvents => {
            let mut headers = vec![(REQUEST_ORIGIN_HEADER, given.origin.to_owned())];
            headers
                .extend(given.rate_per_minute.map(|rate| (REQUEST_RATE_HEADER, rate.to_string())));
            HandshakeCall { method: "OPTIONS", url, headers, body: Vec::new() }
        }
        HandshakeKind::Slack => {
            let body = json!({
                "token": given.token, "challenge": given.challenge, "type": "url_verification",
            });
            let body = body.to_string().into_bytes();
            HandshakeCall { method: "POST", url, headers: vec![json_type], body }
        }
        HandshakeKind::Meta => {
            let url = with_query(given);
            HandshakeCall { method: "GET", url, headers: Vec::new(), body: Vec::new() }
        }
    }
}

/// What came back, as it came. `headers` by name in any case.
pub fn judge(
    kind: HandshakeKind,
    given: &Given<'_>,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Consent, Refusal> {
    let content_type = one(headers, "content-type").unwrap_or_default().to_ascii_lowercase();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let echoed = match kind {
        HandshakeKind::CloudEvents => return judge_headers(given, headers),
        HandshakeKind::TokenEcho => {
            is(body, given.token)
                || json_field(body, "token").is_some_and(|token| is(token.as_bytes(), given.token))
        }
        HandshakeKind::Slack => match content_type {
            "application/json" => {
                json_field(body, "challenge").is_some_and(|echo| echo == given.challenge)
            }
            "application/x-www-form-urlencoded" => {
                form_challenge(body).is_some_and(|echo| echo == given.challenge)
            }
            _ => is(body, given.challenge),
        },
        HandshakeKind::Meta => is(body, given.challenge),
    };
    let what = if kind == HandshakeKind::TokenEcho { "token" } else { "challenge" };
    if status != 200 {
        return Err(Refusal::Status { status });
    }
    if echoed { Ok(Consent { rate_per_minute: None }) } else { Err(Refusal::Echo { what }) }
}

/// By headers alone: who handles OPTIONS for another purpose answers 200 as well.
fn judge_headers(given: &Given<'_>, headers: &[(&str, &str)]) -> Result<Consent, Refusal> {
    let origin = one(headers, ALLOWED_ORIGIN_HEADER).ok_or(Refusal::Origin)?;
    // Names of DNS are the same in either case.
    if origin != "*" && !origin.eq_ignore_ascii_case(given.origin) {
        return Err(Refusal::Origin);
    }
    let rate_per_minute = match one(headers, ALLOWED_RATE_HEADER) {
        Some("*") => None,
        Some(rate) if rate.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(rate.parse().ok().filter(|rate| *rate > 0).ok_or(Refusal::Rate)?)
        }
        None if given.rate_per_minute.is_none() => None,
        Some(_) | None => return Err(Refusal::Rate),
    };
    Ok(Consent { rate_per_minute })
}

/// The value of a header that is there once.
fn one<'h>(headers: &[(&str, &'h str)], wanted: &str) -> Option<&'h str> {
    let mut found = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value.trim())
}

/// Whether the bytes are the text; how long it takes does not tell how much of it is right.
fn is(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && verify_slices_are_equal(bytes, text.as_bytes()).is_ok()
}

fn json_field(body: &[u8], name: &str) -> Option<String> {
    let Value::Object(mut fields) = serde_json::from_slice(body).ok()? else { return None };
    fields.remove(name)?.as_str().map(str::to_owned)
}

fn form_challenge(body: &[u8]) -> Option<String> {
    let value = std::str::from_utf8(body).ok()?.strip_prefix("challenge=")?;
    percent_decode_str(value).decode_utf8().ok().map(Into::into)
}

/// The address with the three parameters behind its own query, and before its fragment.
fn with_query(given: &Given<'_>) -> String {
    let base = given.url.split('#').next().unwrap_or_default();
    let join = if !base.contains('?') {
        "?"
    } else if base.ends_with(['?', '&']) {
        ""
    } else {
        "&"
    };
    let token = utf8_percent_encode(given.token, NON_ALPHANUMERIC);
    let challenge = utf8_percent_encode(given.challenge, NON_ALPHANUMERIC);
    format!("{base}{join}hub.mode=subscribe&hub.verify_token={token}&hub.challenge={challenge}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GIVEN: Given<'_> = Given {
        url: "https://example.com/hook?a=1#top",
        token: "Tok-1_x",
        challenge: "Ch4llenge",
        origin: "events.example.com",
        rate_per_minute: Some(120),
    };

    fn asked(
        kind: HandshakeKind,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Consent, Refusal> {
        judge(kind, &GIVEN, status, headers, body.as_bytes())
    }

    const YES: Result<Consent, Refusal> = Ok(Consent { rate_per_minute: None });

    #[test]
    fn what_is_sent() {
        let call = request(HandshakeKind::TokenEcho, &GIVEN);
        assert_eq!((call.method, call.body.as_slice()), ("POST", &br#"{"token":"Tok-1_x"}"#[..]));
        assert!(call.headers.contains(&("x-wotnot-token", "Tok-1_x".to_owned())));
        assert!(call.headers.contains(&("content-type", "application/json".to_owned())));

        let call = request(HandshakeKind::CloudEvents, &GIVEN);
        assert_eq!((call.method, call.url.as_str(), call.body.len()), ("OPTIONS", GIVEN.url, 0));
        let expected =
            [("webhook-request-origin", "events.example.com"), ("webhook-request-rate", "120")];
        assert_eq!(call.headers, expected.map(|(name, value)| (name, value.to_owned())));

        let call = request(HandshakeKind::Slack, &GIVEN);
        let body = br#"{"token":"Tok-1_x","challenge":"Ch4llenge","type":"url_verification"}"#;
        assert_eq!((call.method, call.body.as_slice()), ("POST", &body[..]));

        let call = request(HandshakeKind::Meta, &Given { challenge: "a&b=c d", ..GIVEN });
        let query = "hub.mode=subscribe&hub.verify_token=Tok%2D1%5Fx&hub.challenge=a%26b%3Dc%20d";
        assert_eq!(
            (call.method, call.url),
            ("GET", format!("https://example.com/hook?a=1&{query}"))
        );
        let bare = request(HandshakeKind::Meta, &Given { url: "https://example.com/h", ..GIVEN });
        assert!(bare.url.starts_with("https://example.com/h?hub.mode=subscribe&"));
    }

    #[test]
    fn a_token_comes_back_exactly() {
        let kind = HandshakeKind::TokenEcho;
        for good in
            ["Tok-1_x", "{\"token\":\"Tok-1_x\"}", "{ \"token\": \"Tok-1_x\", \"ok\": true }\n"]
        {
            assert_eq!(asked(kind, 200, &[], good), YES, "{good:?}");
        }
        for near in [
            "",
            "Tok-1_x\n",
            " Tok-1_x",
            "tok-1_x",
            "Tok-1_",
            "\"Tok-1_x\"",
            "{\"token\":\"Tok-1_x \"}",
            "{\"token\":1}",
            "{\"Token\":\"Tok-1_x\"}",
            "[\"Tok-1_x\"]",
        ] {
            assert_eq!(
                asked(kind, 200, &[], near),
                Err(Refusal::Echo { what: "token" }),
                "{near:?}"
            );
        }
        for status in [201, 202, 204, 301, 302, 307, 400, 401, 404, 500] {
            assert_eq!(asked(kind, status, &[], "Tok-1_x"), Err(Refusal::Status { status }));
        }
        let empty = judge(kind, &Given { token: "", ..GIVEN }, 200, &[], b"");
        assert_eq!(empty, Err(Refusal::Echo { what: "token" }), "no token is no handshake");
    }

    #[test]
    fn a_challenge_comes_back_as_slack_takes_it() {
        let kind = HandshakeKind::Slack;
        let json = [("Content-Type", "application/json; charset=utf-8")];
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(asked(kind, 200, &[("content-type", "text/plain")], "Ch4llenge"), YES);
        assert_eq!(asked(kind, 200, &[], "Ch4llenge"), YES);
        assert_eq!(asked(kind, 200, &json, "{\"challenge\":\"Ch4llenge\"}"), YES);
        assert_eq!(asked(kind, 200, &form, "challenge=Ch4llenge"), YES);
        let no = Err(Refusal::Echo { what: "challenge" });
        for (headers, near) in [
            (&[][..], "Ch4llenge\n"),
            (&[], "ch4llenge"),
            (&[], "Tok-1_x"),
            (&json, "Ch4llenge"),
            (&json, "{\"challenge\":\"Ch4llenge\\n\"}"),
            (&form, "Challenge=Ch4llenge"),
            (&form, "challenge=Ch4llenge\n"),
            (&form, "Ch4llenge"),
        ] {
            assert_eq!(asked(kind, 200, headers, near), no, "{near:?}");
        }
        assert_eq!(asked(kind, 302, &[], "Ch4llenge"), Err(Refusal::Status { status: 302 }));
    }

    #[test]
    fn a_challenge_comes_back_as_meta_takes_it() {
        let kind = HandshakeKind::Meta;
        assert_eq!(asked(kind, 200, &[], "Ch4llenge"), YES);
        for near in
            ["Ch4llenge\r\n", "\"Ch4llenge\"", "CH4LLENGE", "{\"hub.challenge\":\"Ch4llenge\"}"]
        {
            assert_eq!(asked(kind, 200, &[], near), Err(Refusal::Echo { what: "challenge" }));
        }
        assert_eq!(asked(kind, 403, &[], "Ch4llenge"), Err(Refusal::Status { status: 403 }));
    }

    #[test]
    fn headers_allow_us_whatever_the_status() {
        let kind = HandshakeKind::CloudEvents;
        let allow = |origin: &str, rate: &str| {
            asked(
                kind,
                405,
                &[("WebHook-Allowed-Origin", origin), ("webhook-allowed-rate", rate)],
                "",
            )
        };
        assert_eq!(allow("events.example.com", "*"), YES);
        assert_eq!(allow("*", "*"), YES);
        assert_eq!(allow("Events.Example.COM", "60"), Ok(Consent { rate_per_minute: Some(60) }));
        for origin in [
            "",
            "example.com",
            "events.example.com.evil.test",
            "https://events.example.com",
            "*, *",
            "*.example.com",
        ] {
            assert_eq!(allow(origin, "*"), Err(Refusal::Origin), "{origin:?}");
        }
        for rate in ["", "0", "-1", "+1", "1.5", "1/s", "99999999999"] {
            assert_eq!(allow("*", rate), Err(Refusal::Rate), "{rate:?}");
        }
        assert_eq!(asked(kind, 200, &[("allow", "POST")], ""), Err(Refusal::Origin));
        let origin = [("webhook-allowed-origin", "*")];
        assert_eq!(asked(kind, 200, &origin, ""), Err(Refusal::Rate), "we asked for a rate");
        let twice = [origin[0], origin[0]];
        assert_eq!(asked(kind, 200, &twice, ""), Err(Refusal::Origin));
        let unasked = Given { rate_per_minute: None, ..GIVEN };
        assert_eq!(judge(kind, &unasked, 204, &origin, b""), YES);
    }

    proptest! {
        #[test]
        fn no_answer_breaks_it(status in any::<u16>(), value in ".{0,20}", body in any::<Vec<u8>>()) {
            for kind in HandshakeKind::ALL {
                for name in ["content-type", "webhook-allowed-origin", "webhook-allowed-rate"] {
                    let outcome = judge(kind, &GIVEN, status, &[(name, &value)], &body);
                    prop_assert!(outcome.is_err());
                }
            }
        }
    }
}
