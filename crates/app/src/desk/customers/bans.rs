//! Who is refused: a customer, and the address that they came from, until a time.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tidings_model::{AgentId, CustomerId, Timestamp, WorkspaceId};
use tidings_store::{DocKey, Kind};

use crate::App;
use crate::desk::find::unreadable;
use crate::desk::{ErrorType, Failure};

/// A customer who is refused; their document's key is their id, or the address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ban {
    /// The address that they came from.
    #[serde(default)]
    pub ip: Option<String>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<CustomerId>,
    /// Who refused them.
    pub agent: AgentId,
    /// In which thread.
    #[serde(default)]
    pub thread: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The document of a customer's ban.
pub(crate) fn key_of_customer(customer: CustomerId) -> DocKey {
    DocKey::new(Kind::Ban, format!("customer:{customer}"))
}

/// The document of an address's ban.
pub(crate) fn key_of_address(ip: &str) -> DocKey {
    DocKey::new(Kind::Ban, format!("ip:{ip}"))
}

/// Refuses a customer who is banned now, and who comes from an address of somebody who is.
pub async fn check(
    app: &App,
    workspace: WorkspaceId,
    customer: Option<CustomerId>,
    ip: Option<IpAddr>,
) -> Result<(), Failure> {
    let of_address = ip.map(|ip| key_of_address(&ip.to_string()));
    for key in customer.map(key_of_customer).into_iter().chain(of_address) {
        let ban = app.passes().ban(&app.store, workspace, key).await.map_err(unreadable)?;
        if ban.is_some_and(|ban| ban.expires_at > app.now()) {
            return Err(Failure::from(ErrorType::CustomerBanned));
        }
    }
    Ok(())
}
