//! What a request can fail with: a type that programs read, a message that people read.
//!
//! The types are the published ones. The HTTP codes are ours, since none are published; they are a promise now.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

/// What kind of failure, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorType {
    /// The agent is offline.
    AgentOffline,
    /// There is one already.
    AlreadyExists,
    /// The token is missing, wrong, expired or of the wrong kind.
    Authentication,
    /// The token is good, but may not do this.
    Authorization,
    /// The chat to resume is active.
    ChatAlreadyActive,
    /// The content of the chat was removed.
    ChatAnonymized,
    /// The chat has no active thread.
    ChatInactive,
    /// The customer has a chat already.
    ChatLimitReached,
    /// The customer is banned.
    CustomerBanned,
    /// Too many session fields.
    CustomerSessionFieldsLimitReached,
    /// The file is larger than allowed.
    EntityTooLarge,
    /// There is no such greeting.
    GreetingNotFound,
    /// There is no such group.
    GroupNotFound,
    /// Nobody in the group takes chats now.
    GroupOffline,
    /// Nobody can be assigned in the group now.
    GroupUnavailable,
    /// Nobody in any group takes chats now.
    GroupsOffline,
    /// We failed.
    Internal,
    /// The workspace is closed.
    LicenseExpired,
    /// There is no such workspace.
    LicenseNotFound,
    /// There is a limit on how many there may be.
    LimitReached,
    /// The token belongs to another server.
    MisdirectedRequest,
    /// The requester has no access to the chat.
    MissingAccess,
    /// A customer may not do this.
    NotAllowed,
    /// There is no such thing.
    NotFound,
    /// The ownership cannot be transferred so (Configuration API).
    OwnershipTransfer,
    /// Too many requests of this connection are not answered yet.
    PendingRequestsLimitReached,
    /// The answer took too long.
    RequestTimeout,
    /// The requester has logged out already.
    RequesterAlreadyOffline,
    /// The requester is not approved yet.
    RequesterAwaitingApproval,
    /// The requester is offline (3.0).
    RequesterOffline,
    /// The requester is suspended.
    RequesterSuspended,
    /// All seats are taken.
    SeatsLimitExceeded,
    /// The server is stopping or overloaded.
    ServiceUnavailable,
    /// Too many requests in a short time.
    TooManyRequests,
    /// The ownership cannot be transferred so.
    TransferOwnership,
    /// This version cannot be used here.
    UnsupportedVersion,
    /// Too many customers are connected.
    UsersLimitReached,
    /// The request is not as the method wants it.
    Validation,
    /// The workspace has another product.
    WrongProductVersion,
}

impl ErrorType {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 39] = [
        Self::AgentOffline,
        Self::AlreadyExists,
        Self::Authentication,
        Self::Authorization,
        Self::ChatAlreadyActive,
        Self::ChatAnonymized,
        Self::ChatInactive,
        Self::ChatLimitReached,
        Self::CustomerBanned,
        Self::CustomerSessionFieldsLimitReached,
        Self::EntityTooLarge,
        Self::GreetingNotFound,
        Self::GroupNotFound,
        Self::GroupOffline,
        Self::GroupUnavailable,
        Self::GroupsOffline,
        Self::Internal,
        Self::LicenseExpired,
        Self::LicenseNotFound,
        Self::LimitReached,
        Self::MisdirectedRequest,
        Self::MissingAccess,
        Self::NotAllowed,
        Self::NotFound,
        Self::OwnershipTransfer,
        Self::PendingRequestsLimitReached,
        Self::RequestTimeout,
        Self::RequesterAlreadyOffline,
        Self::RequesterAwaitingApproval,
        Self::RequesterOffline,
        Self::RequesterSuspended,
        Self::SeatsLimitExceeded,
        Self::ServiceUnavailable,
        Self::TooManyRequests,
        Self::TransferOwnership,
        Self::UnsupportedVersion,
        Self::UsersLimitReached,
        Self::Validation,
        Self::WrongProductVersion,
    ];

    /// The word in `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentOffline => "agent_offline",
            Self::AlreadyExists => "already_exists",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::ChatAlreadyActive => "chat_already_active",
            Self::ChatAnonymized => "chat_anonymized",
            Self::ChatInactive => "chat_inactive",
            Self::ChatLimitReached => "chat_limit_reached",
            Self::CustomerBanned => "customer_banned",
            Self::CustomerSessionFieldsLimitReached => "customer_session_fields_limit_reached",
            Self::EntityTooLarge => "entity_too_large",
            Self::GreetingNotFound => "greeting_not_found",
            Self::GroupNotFound => "group_not_found",
            Self::GroupOffline => "group_offline",
            Self::GroupUnavailable => "group_unavailable",
            Self::GroupsOffline => "groups_offline",
            Self::Internal => "internal",
            Self::LicenseExpired => "license_expired",
            Self::LicenseNotFound => "license_not_found",
            Self::LimitReached => "limit_reached",
            Self::MisdirectedRequest => "misdirected_request",
            Self::MissingAccess => "missing_access",
            Self::NotAllowed => "not_allowed",
            Self::NotFound => "not_found",
            Self::OwnershipTransfer => "ownership_transfer",
            Self::PendingRequestsLimitReached => "pending_requests_limit_reached",
            Self::RequestTimeout => "request_timeout",
            Self::RequesterAlreadyOffline => "requester_already_offline",
            Self::RequesterAwaitingApproval => "requester_awaiting_approval",
            Self::RequesterOffline => "requester_offline",
            Self::RequesterSuspended => "requester_suspended",
            Self::SeatsLimitExceeded => "seats_limit_exceeded",
            Self::ServiceUnavailable => "service_unavailable",
            Self::TooManyRequests => "too_many_requests",
            Self::TransferOwnership => "transfer_ownership",
            Self::UnsupportedVersion => "unsupported_version",
            Self::UsersLimitReached => "users_limit_reached",
            Self::Validation => "validation",
            Self::WrongProductVersion => "wrong_product_version",
        }
    }

    /// The HTTP code of a Web answer with this error.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::ChatAnonymized
            | Self::CustomerSessionFieldsLimitReached
            | Self::LicenseExpired
            | Self::OwnershipTransfer
            | Self::PendingRequestsLimitReached
            | Self::RequesterAlreadyOffline
            | Self::RequesterAwaitingApproval
            | Self::RequesterSuspended
            | Self::SeatsLimitExceeded
            | Self::TransferOwnership
            | Self::UnsupportedVersion
            | Self::UsersLimitReached
            | Self::Validation
            | Self::WrongProductVersion => 400,
            Self::Authentication => 401,
            Self::Authorization | Self::CustomerBanned | Self::MissingAccess | Self::NotAllowed => {
                403
            }
            Self::GreetingNotFound
            | Self::GroupNotFound
            | Self::LicenseNotFound
            | Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::EntityTooLarge => 413,
            Self::MisdirectedRequest => 421,
            Self::AgentOffline
            | Self::ChatAlreadyActive
            | Self::ChatInactive
            | Self::ChatLimitReached
            | Self::GroupOffline
            | Self::GroupUnavailable
            | Self::GroupsOffline
            | Self::LimitReached
            | Self::RequesterOffline => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::ServiceUnavailable => 503,
            Self::RequestTimeout => 504,
        }
    }

    /// What to say where there is nothing better.
    pub const fn default_message(self) -> &'static str {
        match self {
            Self::AgentOffline => "The agent is offline",
            Self::AlreadyExists => "It exists already",
            Self::Authentication => "The access token is not accepted",
            Self::Authorization => "This is not allowed",
            Self::ChatAlreadyActive => "The chat is active already",
            Self::ChatAnonymized => "The chat was anonymized",
            Self::ChatInactive => "The chat is inactive",
            Self::ChatLimitReached => "The customer has a chat already",
            Self::CustomerBanned => "The customer is banned",
            Self::CustomerSessionFieldsLimitReached => "Too many session fields",
            Self::EntityTooLarge => "The file is too large",
            Self::GreetingNotFound => "There is no such greeting",
            Self::GroupNotFound => "There is no such group",
            Self::GroupOffline => "The group is offline",
            Self::GroupUnavailable => "No agent of the group is available",
            Self::GroupsOffline => "All groups are offline",
            Self::Internal => "The server failed",
            Self::LicenseExpired => "The license has expired",
            Self::LicenseNotFound => "There is no such license",
            Self::LimitReached => "A limit is reached",
            Self::MisdirectedRequest => "The request came to the wrong region",
            Self::MissingAccess => "No access to the chat",
            Self::NotAllowed => "This is not allowed",
            Self::NotFound => "Not found",
            Self::OwnershipTransfer => "The ownership cannot be transferred",
            Self::PendingRequestsLimitReached => "Too many unanswered requests",
            Self::RequestTimeout => "The request timed out",
            Self::RequesterAlreadyOffline => "The requester is offline already",
            Self::RequesterAwaitingApproval => "The requester awaits approval",
            Self::RequesterOffline => "The requester is offline",
            Self::RequesterSuspended => "The requester is suspended",
            Self::SeatsLimitExceeded => "All seats are taken",
            Self::ServiceUnavailable => "The service is not available now",
            Self::TooManyRequests => "Too many requests",
            Self::TransferOwnership => "The ownership cannot be transferred",
            Self::UnsupportedVersion => "This version of the API is not supported",
            Self::UsersLimitReached => "Too many users",
            Self::Validation => "The request is not valid",
            Self::WrongProductVersion => "Wrong product version",
        }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ErrorType {
    type Err = UnknownErrorType;

    fn from_str(text: &str) -> Result<Self, UnknownErrorType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownErrorType)
    }
}

/// There is no such type of error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such type of error")]
pub struct UnknownErrorType;

/// Why a request was refused. [`Failure::to_json`] is the object beside `error`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct Failure {
    /// For programs.
    pub error_type: ErrorType,
    /// For people: what was wrong and what is expected.
    pub message: String,
    /// More for programs, as `{"field": "limit"}`.
    pub data: Option<Value>,
}

impl Failure {
    /// A failure with a message of its own.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self { error_type, message: message.into(), data: None }
    }

    /// The same with something for programs.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// A field is not as expected. `expected` goes on after the field's name, as in "must be text".
    pub fn field(field: &str, expected: impl fmt::Display) -> Self {
        Self::new(ErrorType::Validation, format!("`{field}` {expected}"))
            .with_data(json!({ "field": field }))
    }

    /// The field that [`Failure::field`] named.
    pub fn field_name(&self) -> Option<&str> {
        self.data.as_ref()?.get("field")?.as_str()
    }

    /// `{"type", "message", "data"?}`: the value of `error` in an answer.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), self.error_type.as_str().into());
        object.insert("message".into(), self.message.as_str().into());
        if let Some(data) = &self.data {
            object.insert("data".into(), data.clone());
        }
        Value::Object(object)
    }
}

impl From<ErrorType> for Failure {
    fn from(error_type: ErrorType) -> Self {
        Self::new(error_type, error_type.default_message())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_type_has_a_word_of_its_own_and_a_code_of_http() {
        let words: BTreeSet<&str> = ErrorType::ALL.into_iter().map(ErrorType::as_str).collect();
        assert_eq!(words.len(), ErrorType::ALL.len());
        for kind in ErrorType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!((400..600).contains(&kind.http_status()), "{kind}");
        }
        assert_eq!(ErrorType::Validation.http_status(), 400);
        assert_eq!(ErrorType::Authentication.http_status(), 401);
        assert_eq!(ErrorType::ChatInactive.http_status(), 422);
    }

    #[test]
    fn a_failure_is_an_object_with_data_only_where_there_is_some() {
        assert_eq!(
            Failure::from(ErrorType::ChatInactive).to_json(),
            json!({ "type": "chat_inactive", "message": "The chat is inactive" })
        );
        let failure = Failure::field("limit", "must be a whole number");
        assert_eq!(
            failure.to_json(),
            json!({
                "type": "validation",
                "message": "`limit` must be a whole number",
                "data": { "field": "limit" },
            })
        );
        assert_eq!(failure.field_name(), Some("limit"));
    }
}
