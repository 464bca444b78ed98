//! What an installation may choose. The defaults are right for a node with a few cores.

/// How a store runs.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the database is: `postgres://user:password@host:port/database?sslmode=verify-full`.
    ///
    /// `sslmode` is `disable`, `prefer` (the default), `require` or `verify-full`; `sslrootcert` names a file of
    /// certificates to trust instead of the machine's. Several hosts may be given, separated by commas.
    pub url: String,
    /// Connections that write; so many workspaces are written at once.
    pub writers: usize,
    /// Connections that read; so many reads run at once, further ones wait.
    pub readers: usize,
    /// Batches that may wait to be written; one more is refused as overload.
    pub queue: usize,
}

/// A commit is mostly waiting for the disk and the network. Those that wait together share a disk sync, so more of them
/// write more workspaces at once.
const WRITERS_DEFAULT: usize = 8;

/// Reads are short. Five nodes with so many stay below the hundred connections that PostgreSQL takes unless told otherwise.
const READERS_DEFAULT: usize = 5;

/// At 10 000 batches per second a full queue is less than a second of work: a caller hears "overloaded" before its own
/// caller gives up.
const QUEUE_DEFAULT: usize = 8_192;

impl Options {
    /// The defaults, for a database.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            writers: WRITERS_DEFAULT,
            readers: READERS_DEFAULT,
            queue: QUEUE_DEFAULT,
        }
    }
}

impl std::fmt::Debug for Options {
    /// Without the URL: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("writers", &self.writers)
            .field("readers", &self.readers)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
