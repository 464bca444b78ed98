//! The storage contract on embedded SQLite.
//!
//! One file, one process: a lock file beside it keeps a second server out. One thread writes, with group commit: all
//! that waits goes into one transaction and one disk sync. A few read-only connections read beside it (WAL).
//!
//! In reading order: [`Options`], `open` (and `lock`, `connection`, `migrate`), `position` (how numbers are laid out),
//! `row` (what is stored can be checked), `writer` (group commit), `readers` and `read` (what is asked), `tails`,
//! `tallies`, `maintain` (forget, backup, verify), `store` (the contract), `archive` (the
//! contract of threads as they are searched, in a file of its own).

mod archive;
mod connection;
mod lock;
mod maintain;
mod migrate;
mod open;
mod options;
mod position;
mod read;
mod readers;
mod row;
mod store;
mod tails;
mod tallies;
mod writer;

pub use archive::SqliteArchive;
pub use maintain::backup::backup;
pub use open::{CHECKED_AT_OPEN_BYTES_MAX, OpenError};
pub use options::{Options, Synchronous};
pub use store::SqliteStore;
pub use writer::load::SqliteLoad;
