//! The storage contract on PostgreSQL, for many nodes.
//!
//! A workspace is the partition: each transaction that writes holds the lock of the workspace's row, so numbers are given
//! without a gap in the order of commits, and no reader on any node sees 11 before 10. A node gathers what waits for one
//! workspace into one transaction; it looks at what could refuse a batch in one flight of pipelined statements,
//! decides in memory, and writes and commits in a second.
//!
//! In reading order: [`Options`], `connect` (pools, TLS), `untrusted` (why TLS keeps us out), `migrate`, `open`, `numbers`,
//! `text` and `row` (how things are stored, and that they can be checked), `writer` (group commit), `read` (what is asked),
//! `hint` and `tails` (how each node's end of the log is fed), `nodes`, `maintain` (forget, backup, verify), `store` (the
//! contract), [`ListenBus`] (hints by LISTEN and NOTIFY).

mod agree;
mod connect;
mod failure;
mod hint;
mod listen;
mod load;
mod maintain;
mod migrate;
mod nodes;
mod numbers;
mod open;
mod options;
mod read;
mod readers;
mod row;
mod store;
mod tails;
mod tallies;
mod text;
mod untrusted;
mod writer;

pub use connect::ConnectError;
pub use listen::{ListenBus, ListenError};
pub use load::PostgresLoad;
pub use maintain::restore::restore;
pub use migrate::Schema;
pub use open::OpenError;
pub use options::Options;
pub use store::PostgresStore;
pub use untrusted::Untrusted;
