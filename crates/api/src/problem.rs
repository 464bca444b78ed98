//! What an answer says when something is wrong: RFC 9457 problem details with a stable code.
//!
//! [`Code`] is the one table of codes: the status, the title, and what to try. The reference page is made from it, and
//! a code never changes its meaning. Texts hold no secrets and nothing of what a stranger sent but names of fields.

mod convert;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use convert::{chat_missing, from_step};

macro_rules! codes {
    ($($name:ident = $code:literal, $status:ident, $title:literal, $advice:literal;)*) => {
        /// The stable code of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it stands in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status that it comes with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What it is, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to try.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON",
        "Line and column of the first fault are in `detail`.";
    InvalidUtf8 = "invalid_utf8", BAD_REQUEST, "The body is not UTF-8",
        "JSON is written in UTF-8; `detail` says at which byte it ends to be.";
    TooDeep = "too_deep", BAD_REQUEST, "The body is nested too deep",
        "Objects and arrays may lie 127 deep in each other.";
    InvalidBody = "invalid_body", BAD_REQUEST, "A field of the body is wrong",
        "`errors` names each field by a JSON pointer. Unknown fields are refused, so that a misspelt one is noticed.";
    InvalidId = "invalid_id", BAD_REQUEST, "The id in the address is not an id",
        "Ids are UUIDs, as they stand in other answers; names have 1 to 128 bytes.";
    InvalidParameter = "invalid_parameter", BAD_REQUEST, "A parameter of the address is wrong",
        "`errors` names it.";
    UnknownParameter = "unknown_parameter", BAD_REQUEST, "A parameter of the address is unknown",
        "Unknown ones are refused, so that a misspelt filter does not give everything.";
    InvalidKey = "invalid_key", BAD_REQUEST, "A key is empty or too long",
        "An `Idempotency-Key` has 1 to 200 visible ASCII characters, a `custom_id` 1 to 255 bytes.";
    TokenMissing = "token_missing", UNAUTHORIZED, "No token was sent",
        "Send the header `Authorization: Bearer <token>`.";
    TokenUnknown = "token_unknown", UNAUTHORIZED, "The token is not known",
        "It was revoked, or copied wrongly. An administrator can make a new one.";
    SecretWrong = "secret_wrong", UNAUTHORIZED, "The secret token is missing or wrong",
        "Only the channel's provider knows it; set the webhook again with the channel's `secret_token`.";
    SignatureWrong = "signature_wrong", UNAUTHORIZED, "The signature is missing or wrong",
        "Sign the body as it goes out, by the rule and with the secret that the hook was given.";
    RightMissing = "right_missing", FORBIDDEN, "The token may not do this",
        "`detail` names the right; an administrator can make a token that has it.";
    CustomerBanned = "customer_banned", FORBIDDEN, "The visitor is banned",
        "An agent banned them, or somebody with the same address; the ban ends by itself, or is lifted.";
    ChannelDisabled = "channel_disabled", FORBIDDEN, "The channel is switched off",
        "An administrator can switch it on.";
    NotFound = "not_found", NOT_FOUND, "There is no such thing",
        "It was removed, never was, or belongs to another workspace.";
    ChannelUnknown = "channel_unknown", NOT_FOUND, "There is no such channel",
        "It was removed, is switched off, or is one of another service.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The address does not take this method",
        "The header `Allow` says which it takes.";
    RequestTimedOut = "request_timed_out", REQUEST_TIMEOUT, "The request took too long",
        "Send it again, with the same idempotency key; large bodies need a faster line.";
    AlreadyAnswered = "already_answered", CONFLICT, "The event was answered before",
        "The first answer counts: somebody else's, or the default when the time was over.";
    NotInControl = "not_in_control", CONFLICT, "Somebody else may speak to the customer now",
        "Take the control lease first: `PUT /api/v1/chats/{id}/control`.";
    IdempotencyKeyReused = "idempotency_key_reused", CONFLICT, "The key was used for something else",
        "Use a new key for something new; the same key only to repeat the same call.";
    ChangedMeanwhile = "changed_meanwhile", CONFLICT, "Somebody else changed it meanwhile",
        "Read it again, then decide again.";
    ChatClosed = "chat_closed", CONFLICT, "The chat is closed",
        "Only an open chat can be put aside; the customer's next message opens it again.";
    NotPending = "not_pending", CONFLICT, "The delivery does not wait for a try",
        "Only a pending delivery to an endpoint can be given up; `detail` says how this one stands.";
    EndpointOff = "endpoint_off", CONFLICT, "The endpoint is switched off",
        "Nothing is sent to it: switch it on first.";
    JobsRunning = "jobs_running", CONFLICT, "Enough jobs are running",
        "One of an endpoint and ten of a workspace may run at once: wait for one, or cancel it.";
    JobEnded = "job_ended", CONFLICT, "The job has ended already",
        "There is nothing to cancel; `GET /api/v1/jobs/{id}` tells what became of it.";
    EventTypeExists = "event_type_exists", CONFLICT, "The workspace has a type of this name",
        "`PUT /api/v1/event-types/{name}` changes it.";
    EventTypeBuiltin = "event_type_builtin", CONFLICT, "The type is one of every workspace",
        "It is not changed here; give a type of your own another name.";
    EventTypeUsed = "event_type_used", CONFLICT, "Others need the type as it is",
        "`detail` names endpoints and bots that would not work: change them first.";
    EventTypeVersion = "event_type_version", CONFLICT, "The version does not go with the change",
        "A stable type's version is raised by one exactly when readers or senders break; `errors` names each change.";
    EventTypesFull = "event_types_full", CONFLICT, "The workspace has enough types of its own",
        "Remove one that nobody needs.";
    NoRequest = "no_request", CONFLICT, "There is no request to show",
        "`detail` says why: deliveries to customers are calls of their channel, and a removed endpoint has no address.";
    FileNotReady = "file_not_ready", CONFLICT, "The file is still being copied",
        "Ask again in a moment, as `Retry-After` says.";
    FileNotKept = "file_not_kept", GONE, "The file could not be kept",
        "It was larger than the channel's limit, or its provider did not give it.";
    EventForgotten = "event_forgotten", GONE, "The event is no longer kept",
        "It is older than the workspace keeps events.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "`detail` names the limit. Send files by their address.";
    WrongContentType = "wrong_content_type", UNSUPPORTED_MEDIA_TYPE, "The body is not declared as JSON",
        "Send the header `Content-Type: application/json`.";
    UnknownEventType = "unknown_event_type", UNPROCESSABLE_ENTITY, "The catalogue has no such event type",
        "`detail` names the nearest known one; `GET /api/v1/event-types` lists all, `POST /api/v1/event-types/drafts` drafts one of your own from a sample.";
    InvalidEventType = "invalid_event_type", UNPROCESSABLE_ENTITY, "The type cannot be taken",
        "`errors` names each field that is wrong, with a code.";
    NotAFact = "not_a_fact", UNPROCESSABLE_ENTITY, "Events of this type cannot be sent",
        "Somebody waits for an answer to them; only types of the kind `after` can be sent.";
    NotAQuestion = "not_a_question", UNPROCESSABLE_ENTITY, "Nobody waits for an answer to this event",
        "Only events of the kind `interactive` are answered, as payment.precheckout.";
    InvalidData = "invalid_data", UNPROCESSABLE_ENTITY, "The data does not fit the type's schema",
        "`errors` names each place by a JSON pointer; `GET /api/v1/event-types/{type}` shows the schema and a sample.";
    UnknownChat = "unknown_chat", UNPROCESSABLE_ENTITY, "There is no such chat",
        "Chats begin with a customer's first message; `GET /api/v1/chats` lists them.";
    RefusedByBehavior = "refused_by_behavior", UNPROCESSABLE_ENTITY, "A behavior refused it",
        "`detail` says why; `behavior.refused` in the log names the bot and its behavior.";
    BotRefused = "bot_refused", UNPROCESSABLE_ENTITY, "The bot's text has errors",
        "`errors` names each, with file, line and column; what ran before runs on. `tidings check` tells the same.";
    InvalidField = "invalid_field", UNPROCESSABLE_ENTITY, "A field's value cannot be taken",
        "`errors` names the field, and says what it may be.";
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests",
        "Wait as long as `Retry-After` says.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something failed on our side",
        "The server's log says more; look for the request's id, which is in the header `x-request-id`.";
    StorageDamaged = "storage_damaged", INTERNAL_SERVER_ERROR, "What is stored is damaged",
        "The server's log names the place. Restore a backup.";
    ChannelUnusable = "channel_unusable", SERVICE_UNAVAILABLE, "The channel cannot be used now",
        "Its settings do not open with this installation's key, or are wrong: change them.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server has too much to do",
        "Send the request again, with the same idempotency key, after the pause that `Retry-After` says.";
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE, "The server is stopping",
        "Send the request again, with the same idempotency key, when it is back.";
    StorageFull = "storage_full", INSUFFICIENT_STORAGE, "The disk is full",
        "Nothing of the request was kept. Make room; the server goes on by itself.";
}

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What is wrong with a request, or with us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which problem.
    pub code: Code,
    /// This occurrence of it, for people.
    pub detail: String,
    /// The fields that are wrong, where fields are.
    pub errors: Vec<FieldError>,
    /// After how many seconds to try again, where that helps.
    pub retry_after_s: Option<u64>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the body, or `?name` for a parameter of the address.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
    /// A stable code, where the fault has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub code: Option<&'static str>,
}

/// An answer that is not a success (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// The page about this code, relative to the server.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#not_found")]
    kind: String,
    /// What it is, in a few words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// The stable code.
    #[schema(example = "not_found")]
    code: &'a str,
    /// This occurrence of it, for people.
    detail: &'a str,
    /// The fields that are wrong, where fields are.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(value_type = Option<Vec<FieldError>>)]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem, with what happened this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after_s: None }
    }

    /// The same, at a field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        self.errors.push(FieldError { pointer, message, code: None });
        self
    }

    /// The same, at a field whose fault has a code of its own.
    #[must_use]
    pub fn at_with(
        mut self,
        pointer: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        self.errors.push(FieldError { pointer, message, code: Some(code) });
        self
    }

    /// The same, with a pause to keep.
    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = ProblemBody {
            kind: format!("/docs/errors#{}", self.code.as_str()),
            title: self.code.title(),
            status: status.as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&body)
            .expect("a problem has text keys only, so writing cannot fail");
        let mut response = (status, [(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON))], body)
            .into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The reference page of all codes, `docs/reference/errors.md`.
pub fn errors_reference() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         Every answer that is not a success is `application/problem+json` (RFC 9457) with a stable `code`.\n\
         This page is generated from the code; do not edit it.\n\n\
         | code | status | what it is | what to try |\n\
         | --- | --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let status = code.status().as_u16();
        page.push_str(&format!(
            "| <a id=\"{name}\"></a>`{name}` | {status} | {title} | {advice} |\n",
            name = code.as_str(),
            title = code.title(),
            advice = code.advice(),
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_say_what_to_try() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} is there twice", code.as_str());
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(!code.advice().is_empty() && !code.title().is_empty());
        }
        assert!(errors_reference().contains("`idempotency_key_reused` | 409"));
    }
}
