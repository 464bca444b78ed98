//! Hooks: addresses that outside systems call, for behaviors to answer.

use serde::{Deserialize, Serialize};

use crate::id::HookId;
use crate::time::Timestamp;

/// An address that outside systems call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Its id: who knows it may call, unless a signature is wanted as well.
    pub id: HookId,
    /// Its name: behaviors tell hooks apart by it.
    pub name: String,
    /// Whether it takes calls.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How a call shows that it is from who was given the secret; without it the address is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<HookSignature>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// How a call is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookSignature {
    /// By which rule.
    pub scheme: HookScheme,
    /// The secret, sealed.
    pub secret: String,
}

/// The rules by which calls are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HookScheme {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    Standard,
    /// A header holds the HMAC-SHA256 of the body in hex, as GitHub's `X-Hub-Signature-256: sha256=...`.
    HmacSha256 {
        /// The header.
        header: String,
        /// What stands before the digits.
        #[serde(default)]
        prefix: String,
    },
    /// A header holds the secret itself, as GitLab's `X-Gitlab-Token`.
    Token {
        /// The header.
        header: String,
    },
}

const fn yes() -> bool {
    true
}
