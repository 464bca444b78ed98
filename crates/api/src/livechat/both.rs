//! What agents and customers do alike: the same methods in both APIs.

pub(super) mod chats;
pub(super) mod events;
pub(super) mod files;
pub(super) mod lists;
pub(super) mod opening;
pub(super) mod properties;
