//! Opening a store: lock, look for damage, bring the schema up to date, start the writer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidings_model::Clock;

use crate::maintain::verify;
use crate::readers::Readers;
use crate::row::is_damage;
use crate::store::SqliteStore;
use crate::tails::Tails;
use crate::{Options, connection, lock, migrate, writer};

/// Up to this size a file is checked before it is used: about a second. A larger one is checked by `verify`, beside the
/// work; a damaged row is named by every read of it in any case.
pub const CHECKED_AT_OPEN_BYTES_MAX: u64 = 256 << 20;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has it open.
    #[error("{} is in use by {}", path.display(), name_of(*holder))]
    Locked {
        /// The file.
        path: PathBuf,
        /// The number of the process that has it, where that is known.
        holder: Option<u32>,
    },
    /// A newer version of Tidings has written it.
    #[error(
        "the file's schema is number {found}, this binary knows numbers up to {known}: use a newer one"
    )]
    Newer {
        /// The number in the file.
        found: i64,
        /// The highest known one.
        known: i64,
    },
    /// It is a database, but not one of Tidings.
    #[error("the file is a database of another program")]
    Foreign,
    /// It is damaged; each finding names a page, table or index.
    #[error("the file is damaged: {}", findings.join("; "))]
    Damaged {
        /// What was found.
        findings: Vec<String>,
    },
    /// A migration failed; the file is as it was.
    #[error("migration {name} failed")]
    Migration {
        /// Which one.
        name: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file system said no.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine failed.
    #[error("the store could not be opened")]
    Engine {
        /// Why.
        source: rusqlite::Error,
    },
}

fn name_of(holder: Option<u32>) -> String {
    match holder {
        Some(process) => format!("process {process}"),
        None => "another process".into(),
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(source: rusqlite::Error) -> Self {
        if is_damage(&source) {
            return Self::Damaged { findings: vec![source.to_string()] };
        }
        Self::Engine { source }
    }
}

impl SqliteStore {
    /// Opens the store in the file at `path`, and creates it if it is not there; the folder must be.
    ///
    /// Blocks for as long as the check takes, see [`CHECKED_AT_OPEN_BYTES_MAX`].
    pub fn open(path: &Path, options: Options, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = real(path)?;
        let io = |source| OpenError::Io { path: path.clone(), source };
        let lock = lock::take(&path)?;
        let mut connection = connection::writer(&path, &options)?;
        if path.metadata().map_err(io)?.len() <= CHECKED_AT_OPEN_BYTES_MAX {
            let findings = verify::quick(&connection)?;
            if !findings.is_empty() {
                return Err(OpenError::Damaged { findings });
            }
        }
        migrate::run(&mut connection, clock.now())?;
        let readers = Readers::open(&path, options.readers)?;
        let tails = Arc::new(Tails::open(&path)?);
        let (queue, thread) =
            writer::start(connection, lock, Arc::clone(&tails), clock, options.queue)
                .map_err(io)?;
        Ok(Self::new(path, readers, tails, queue, thread))
    }
}

/// The file behind links, so that two names of one file take one lock.
fn real(path: &Path) -> Result<PathBuf, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    if path.exists() {
        return path.canonicalize().map_err(io);
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
    Ok(folder.canonicalize().map_err(io)?.join(name))
}
