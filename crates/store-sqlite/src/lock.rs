//! Keeps a second process away from a store's file.
//!
//! The lock lies on a file of its own: closing any handle of the database file would drop the locks that SQLite itself
//! holds on it. The system takes the lock back when the process ends, however it ends. The file stays, and says which
//! process had it last: for people only, nothing relies on it.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

use crate::OpenError;

/// Held as long as the store is open.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock of the store at `path`.
pub(crate) fn take(path: &Path) -> Result<Lock, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let mut file =
        File::options().create(true).truncate(false).write(true).open(&name).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {
            // The disk may be full, and the lock is good all the same.
            let said = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            if let Err(error) = said {
                tracing::debug!("the lock does not say who holds it: {error}");
            }
            Ok(Lock { _file: file })
        }
        Err(TryLockError::WouldBlock) => {
            Err(OpenError::Locked { path: path.to_owned(), holder: holder(Path::new(&name)) })
        }
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// The process that holds a lock; `None` where its file does not say.
fn holder(lock: &Path) -> Option<u32> {
    std::fs::read_to_string(lock).ok()?.trim().parse().ok()
}
