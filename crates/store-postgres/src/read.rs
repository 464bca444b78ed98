//! What can be asked of the database, each as a function of a connection.

pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod marks;
pub(crate) mod records;
pub(crate) mod tallies;
