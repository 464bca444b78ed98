//! One data folder: the store's file, the installation's key, the files of customers. Opened by every command that needs
//! more than the API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tidings_app::seal::{KEY_BYTES, Sealer};
use tidings_app::{App, Parts};
use tidings_bus::Alone;
use tidings_catalogue::Catalogue;
use tidings_model::{Clock, NodeId};
use tidings_outbound::{Client, Policy};
use tidings_store_sqlite::{Options, SqliteArchive, SqliteStore};

use crate::clock::SystemClock;
use crate::settings::{Settings, Synchronous};

/// A page of the store's file: SQLite's default, which we keep.
const PAGE_BYTES: u64 = 4_096;

/// One data folder.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    folder: PathBuf,
}

impl Installation {
    /// A data folder, made if it is not there; one that is made can be read by its owner only.
    pub(crate) fn at(folder: &Path) -> anyhow::Result<Self> {
        let mut private = std::fs::DirBuilder::new();
        private.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
        private
            .create(folder)
            .with_context(|| format!("cannot make the data folder {}", folder.display()))?;
        let folder =
            folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store's file.
    pub(crate) fn store_file(&self) -> PathBuf {
        self.folder.join("tidings.db")
    }

    /// The archive's file: made again from the log when it is removed.
    fn archive_file(&self) -> PathBuf {
        self.folder.join("archive.db")
    }

    /// The installation's key. Who has it can open every sealed secret.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.join("secret.key")
    }

    /// Where the bots' texts are.
    pub(crate) fn bots_folder(&self, settings: &Settings) -> PathBuf {
        settings.bots.folder.clone().unwrap_or_else(|| self.folder.join("bots"))
    }

    /// Opens the store.
    pub(crate) fn open_store(&self, settings: &Settings) -> anyhow::Result<SqliteStore> {
        let synchronous = match settings.storage.synchronous {
            Synchronous::Full => tidings_store_sqlite::Synchronous::Full,
            Synchronous::Normal => tidings_store_sqlite::Synchronous::Normal,
        };
        let pages_max = settings
            .storage
            .bytes_max
            .map(|bytes| u32::try_from(bytes / PAGE_BYTES).unwrap_or(u32::MAX));
        let options = Options { synchronous, pages_max, ..Options::default() };
        Ok(SqliteStore::open(&self.store_file(), options, Arc::new(SystemClock))?)
    }

    /// Opens everything that the pipeline needs.
    pub(crate) async fn open_app(
        &self,
        settings: &Settings,
        catalogue: Arc<Catalogue>,
        listens_on: std::net::SocketAddr,
    ) -> anyhow::Result<Arc<App>> {
        let parts = Parts {
            store: Arc::new(self.open_store(settings)?),
            archive: Arc::new(SqliteArchive::open(&self.archive_file())?),
            clock: Arc::new(SystemClock),
            catalogue,
            guarded: Client::new(Policy::new(settings.allow_rules()?))?,
            providers: Client::for_settings()?,
            sealer: Sealer::new(&self.key()?),
            settings: settings.pipeline(&self.folder, listens_on)?,
            node: NodeId::new(SystemClock.next_id()),
            bus: Arc::new(Alone::default()),
        };
        Ok(App::open(parts).await?)
    }

    /// Reads the key, or makes it on the first start: only its owner may read the file.
    fn key(&self) -> anyhow::Result<[u8; KEY_BYTES]> {
        let path = self.key_file();
        match std::fs::read(&path) {
            Ok(bytes) => <[u8; KEY_BYTES]>::try_from(bytes).map_err(|bytes| {
                anyhow::anyhow!("{} has {} bytes, not {KEY_BYTES}", path.display(), bytes.len())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut key = [0; KEY_BYTES];
                aws_lc_rs::rand::fill(&mut key).map_err(|_| anyhow::anyhow!("no random bytes"))?;
                write_private(&path, &key)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

/// Writes a file that only its owner may read: whole or not at all, because a key that is cut short opens nothing.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    // The name is on disk once its folder is.
    let folder = path.parent().unwrap_or(path);
    std::fs::File::open(folder)?.sync_all()
}
