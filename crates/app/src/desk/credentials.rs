//! How people show who they are: agents and programs by a token, customers by theirs, a site's users by what it signed.

pub mod agent_token;
pub mod customer_grants;
pub mod customer_token;
pub mod identity;
