//! Why a file is not taken for Cerb's: told to whoever imports it, with the place.

/// The longest file, in bytes: Cerb's largest packages have some hundred KB, most of it pictures.
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// How deep the nodes of a behavior may nest: each level is three or two of YAML, of which a bot's file has 64 at most.
pub const NODE_DEPTH_MAX: usize = 16;

/// The most nodes of one file.
pub const NODES_MAX: usize = 10_000;

/// The most behaviors of one file.
pub const BEHAVIORS_MAX: usize = 1_000;

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is too long.
    #[error("{file} has {bytes} bytes, and at most {FILE_BYTES_MAX} are read")]
    TooLong {
        /// The file.
        file: String,
        /// How many bytes it has.
        bytes: usize,
    },
    /// It is not JSON.
    #[error("{file}:{line}:{column}: this is not JSON: {why}")]
    NotJson {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// It nests too deep.
    #[error("{file}: {path} nests too deep: {what}")]
    TooDeep {
        /// The file.
        file: String,
        /// The place in it.
        path: String,
        /// The limit.
        what: String,
    },
    /// There is too much of something.
    #[error("{file}: {path} has more than {most} {what}")]
    TooMany {
        /// The file.
        file: String,
        /// The place in it.
        path: String,
        /// The most.
        most: usize,
        /// Of what.
        what: &'static str,
    },
    /// It is JSON of another shape.
    #[error("{file}: {path} {why}")]
    WrongShape {
        /// The file.
        file: String,
        /// The place in it.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Refusal {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "file_too_long",
            Self::NotJson { .. } => "not_json",
            Self::TooDeep { .. } => "too_deep",
            Self::TooMany { .. } => "too_many",
            Self::WrongShape { .. } => "not_cerb",
        }
    }
}
