//! Types that are not ours: of a workspace, given as JSON by the API or as TOML in a file.
//!
//! They are read with more care than the files of the binary, since they come from outside: every fault is told with the
//! field and a stable code, and a schema has limits, so that no event of such a type can stall or fill us. A type that
//! somebody relies on changes only by rules ([`judge`]).
//!
//! In reading order: [`read`] (JSON to a type, and back), `check` (its schema), [`compare`](mod@compare) (what a change
//! does to others), [`draft`] (a type from a sample), [`file`] (many types in one TOML file).

mod check;
pub mod compare;
pub mod draft;
pub mod file;
mod given;
pub mod read;
pub mod wrong;

pub use compare::{Change, ChangeCode, VersionFault, compare, judge};
pub use draft::draft_from_sample;
pub use file::read_file;
pub use read::{read, written};
pub use wrong::{Wrong, WrongCode};
