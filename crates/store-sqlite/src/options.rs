//! What an installation may choose. The defaults are right for a server that must not lose what it acknowledged.

/// How a store runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When a commit counts as written.
    pub synchronous: Synchronous,
    /// Read-only connections; so many reads run at once, further ones wait.
    pub readers: usize,
    /// Batches that may wait to be written; one more is refused as overload.
    pub queue: usize,
    /// The most pages (of 4 KiB) that the file may grow to; further writes see a full disk. `None` leaves it to the disk.
    pub pages_max: Option<u32>,
}

/// When a commit counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// When the disk says so: nothing acknowledged is lost, even if the power goes.
    #[default]
    Full,
    /// When the operating system has it: a killed process loses nothing, a power cut may lose the last moments.
    Normal,
}

/// Reads are short and mostly from memory; four keep two to four cores busy while one waits for the disk.
const READERS_DEFAULT: usize = 4;

/// At 30 000 batches per second a full queue is a quarter of a second of work: a caller hears "overloaded" before its
/// own caller gives up.
const QUEUE_DEFAULT: usize = 8_192;

impl Default for Options {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::default(),
            readers: READERS_DEFAULT,
            queue: QUEUE_DEFAULT,
            pages_max: None,
        }
    }
}
