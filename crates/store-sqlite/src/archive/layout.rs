//! How numbers are packed, and what fits.
//!
//! A thread's position is `workspace number << 27 | local number`, the row of one of its texts is
//! `position << 18 | piece`: what a workspace or a thread has is one range.

use tidings_store::archive::ArchiveError;

const NUMBER_BITS: u32 = 27;
const PIECE_BITS: u32 = 18;

/// The most workspaces: as many as leave a row of a text positive.
pub(crate) const WORKSPACES_MAX: i64 = (1 << (63 - NUMBER_BITS - PIECE_BITS)) - 1;

/// The most threads of a workspace.
pub(crate) const THREADS_MAX: u32 = 1 << NUMBER_BITS;

/// The most texts of a thread, over all its life: a message every minute for half a year.
pub(crate) const PIECES_MAX: i64 = 1 << PIECE_BITS;

/// Where the threads of a workspace lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shelf {
    /// The workspace's local number, from 1.
    pub(crate) workspace: i64,
}

impl Shelf {
    /// Refuses a workspace that does not fit.
    pub(crate) fn new(workspace: i64) -> Result<Self, ArchiveError> {
        if workspace > WORKSPACES_MAX {
            return Err(ArchiveError::Full { what: "workspaces" });
        }
        Ok(Self { workspace })
    }

    pub(crate) const fn position(self, number: u32) -> i64 {
        self.workspace << NUMBER_BITS | number as i64
    }

    /// The first and the last position that the workspace can have.
    pub(crate) const fn positions(self) -> (i64, i64) {
        (self.position(0), self.position(THREADS_MAX - 1))
    }
}

/// The local number of a thread.
pub(crate) const fn number_at(position: i64) -> u32 {
    // Masked, so it fits.
    (position & (THREADS_MAX as i64 - 1)) as u32
}

/// The row of a text.
pub(crate) const fn piece_row(position: i64, piece: i64) -> i64 {
    position << PIECE_BITS | piece
}

/// The local number of the thread that a row of a text belongs to.
pub(crate) const fn number_of_row(row: i64) -> u32 {
    number_at(row >> PIECE_BITS)
}
