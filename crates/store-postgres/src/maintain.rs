//! What is done beside the daily work.

pub(crate) mod backup;
pub(crate) mod forget;
pub(crate) mod restore;
pub(crate) mod verify;
