//! One data folder: the store's file, the installation's key, the files of customers. Opened by every command that needs
//! more than the API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tidings_app::seal::{KEY_BYTES, Sealer};
use tidings_app::{App, Parts};
use tidings_catalogue::Catalogue;
use tidings_outbound::{Client, Options as Ways, Policy};
use tidings_store_sqlite::{Options, SqliteArchive, SqliteStore};

use crate::clock::SystemClock;
use crate::engine::{Engine, Shared, name_of_node};
use crate::settings::{Settings, Synchronous};

/// A page of the store's file: SQLite's default, which we keep.
const PAGE_BYTES: u64 = 4_096;

/// The installation's key, where it does not lie in the data folder: base64, or the path of a file.
pub(crate) const KEY_VARIABLE: &str = "TIDINGS_SECRET_KEY";

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

    /// Whether there is a key, in the environment or in the folder.
    pub(crate) fn has_key(&self) -> bool {
        std::env::var_os(KEY_VARIABLE).is_some() || self.key_file().exists()
    }

    /// Where the bots' texts are.
    pub(crate) fn bots_folder(&self, settings: &Settings) -> PathBuf {
        settings.bots.folder.clone().unwrap_or_else(|| self.folder.join("bots"))
    }

    /// Where the files of the workspace's own types are.
    pub(crate) fn types_folder(&self, settings: &Settings) -> PathBuf {
        settings.types.folder.clone().unwrap_or_else(|| self.folder.join("types"))
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
    ) -> anyhow::Result<(Arc<App>, Option<Shared>)> {
        let Engine { store, bus, node, shared, .. } = Engine::open(self, settings).await?;
        let sealer = match &shared {
            Some(shared) => shared.agree_on_key(self).await?,
            None => Sealer::new(&self.key()?.0),
        };
        let parts = Parts {
            store,
            archive: Arc::new(SqliteArchive::open(&self.archive_file())?),
            clock: Arc::new(SystemClock),
            catalogue,
            guarded: outbound(settings, &self.folder, Policy::new(settings.allow_rules()?))?,
            providers: outbound(settings, &self.folder, Policy::trusted())?,
            sealer,
            settings: settings.pipeline(&self.folder, listens_on)?,
            node,
            node_name: name_of_node(settings, listens_on),
            nodes: shared.as_ref().map(Shared::nodes),
            bus,
        };
        Ok((App::open(parts).await?, shared))
    }

    /// The key of the environment, or that of the folder, and whether it was made now, as on the first start: only its
    /// owner may read the file.
    pub(crate) fn key(&self) -> anyhow::Result<([u8; KEY_BYTES], bool)> {
        #[expect(clippy::disallowed_methods, reason = "this crate reads the environment")]
        if let Ok(given) = std::env::var(KEY_VARIABLE) {
            let key = given_key(&given).with_context(|| format!("{KEY_VARIABLE} holds no key"))?;
            return Ok((key, false));
        }
        let path = self.key_file();
        match std::fs::read(&path) {
            Ok(bytes) => {
                let key =
                    key_of(&bytes).with_context(|| format!("{} is no key", path.display()))?;
                Ok((key, false))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut key = [0; KEY_BYTES];
                aws_lc_rs::rand::fill(&mut key).map_err(|_| anyhow::anyhow!("no random bytes"))?;
                write_private(&path, &key)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Ok((key, true))
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

/// The way out, by the ways of the settings.
fn outbound(settings: &Settings, data: &Path, policy: Policy) -> anyhow::Result<Client> {
    let (proxy, roots) = (settings.proxy()?, settings.added_authorities(data)?);
    let ways = Ways { proxy, roots, ..Ways::default() };
    Ok(Client::with_options(policy, ways)?)
}

/// The key as base64, or the path of a file that holds it.
fn given_key(given: &str) -> anyhow::Result<[u8; KEY_BYTES]> {
    if let Ok(key) = key_of(given.as_bytes()) {
        return Ok(key);
    }
    let bytes = std::fs::read(given).context(
        "it is neither 32 bytes as base64 nor the path of a file (make one: head -c 32 /dev/urandom | base64)",
    )?;
    key_of(&bytes).with_context(|| format!("{given} is no key"))
}

/// A key as it lies in a file: its bytes, or base64 of them, as a line.
fn key_of(bytes: &[u8]) -> anyhow::Result<[u8; KEY_BYTES]> {
    if let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes) {
        return Ok(key);
    }
    let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    let key = decoded.ok().and_then(|decoded| <[u8; KEY_BYTES]>::try_from(decoded).ok());
    key.with_context(|| format!("it has {} bytes, and is not base64 of {KEY_BYTES}", bytes.len()))
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
