//! What an installation runs on: the file in its data folder, or a database that many nodes share, with what carries
//! hints between them.

use std::sync::Arc;

use anyhow::Context;
use tidings_app::seal::Sealer;
use tidings_bus::{Alone, Bus};
use tidings_model::{Clock, NodeId, WorkspaceId};
use tidings_store::agree::Agree;
use tidings_store::{Nodes, Store};
use tidings_store_postgres::PostgresStore;
use uuid::Uuid;

use crate::clock::SystemClock;
use crate::installation::{Installation, KEY_VARIABLE};
use crate::settings::{SecretText, Settings};

/// Under this name the nodes keep which key they seal with.
const KEY: &str = "key";

/// Under this name they keep which workspace is the first.
const FIRST_WORKSPACE: &str = "first workspace";

/// An engine, open.
pub(crate) struct Engine {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// How other nodes are told of what is new.
    pub(crate) bus: Arc<dyn Bus>,
    /// Which run of which node this is.
    pub(crate) node: NodeId,
    /// What the nodes share; nothing where there is one.
    pub(crate) shared: Option<Shared>,
}

/// What the nodes of an installation share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<PostgresStore>);

impl Engine {
    /// Opens what the settings name.
    pub(crate) async fn open(
        installation: &Installation,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let node = NodeId::new(SystemClock.next_id());
        let Some(SecretText(url)) = &settings.database.url else {
            let store = Arc::new(installation.open_store(settings)?);
            return Ok(Self { store, bus: Arc::new(Alone::default()), node, shared: None });
        };
        let options = tidings_store_postgres::Options {
            writers: settings.database.writers,
            readers: settings.database.readers,
            ..tidings_store_postgres::Options::new(url)
        };
        if !settings.nats.urls.is_empty() {
            tracing::warn!("nats.urls: this version looks into the database instead");
        }
        let bus: Arc<dyn Bus> = Arc::new(Alone::default());
        let store = PostgresStore::open(options, Arc::new(SystemClock), Arc::clone(&bus))
            .await
            .context("database.url: the database cannot be used")?;
        let store = Arc::new(store);
        let shared = Some(Shared(Arc::clone(&store)));
        Ok(Self { store, bus, node, shared })
    }
}

impl Shared {
    /// All nodes, for who divides the work with them.
    pub(crate) fn nodes(&self) -> Arc<dyn Nodes> {
        Arc::clone(&self.0) as Arc<dyn Nodes>
    }

    /// Makes sure that all nodes have one key. The first one's counts.
    pub(crate) async fn agree_on_key(&self, installation: &Installation) -> anyhow::Result<Sealer> {
        let (key, is_new) = installation.key()?;
        let sealer = Sealer::new(&key);
        let print = fingerprint(&sealer);
        let agreed = self.0.agree(KEY, &print).await.context("the database could not be asked")?;
        if agreed == print {
            return Ok(sealer);
        }
        let path = installation.key_file();
        if is_new {
            // It was made a moment ago and has sealed nothing.
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            anyhow::bail!(
                "this database has nodes with a key already, and there is none here: copy secret.key \
                 from the data folder of one of them to {}, or say it in {KEY_VARIABLE}",
                path.display()
            );
        }
        anyhow::bail!(
            "the key of this node (from {KEY_VARIABLE} or {}) is not the one that the other nodes of \
             the database seal with, so it could not open what they seal: copy secret.key from one of \
             them",
            path.display()
        )
    }

    /// Which workspace is the first, where none is there: the same for all nodes that ask.
    pub(crate) async fn first_workspace(&self) -> anyhow::Result<WorkspaceId> {
        let proposed = SystemClock.next_id().to_string();
        let agreed = self.0.agree(FIRST_WORKSPACE, &proposed).await;
        let agreed = agreed.context("the nodes could not agree on a first workspace")?;
        let agreed = Uuid::try_parse(&agreed)
            .with_context(|| format!("{agreed:?} is no id of a workspace"))?;
        Ok(WorkspaceId::new(agreed))
    }
}

/// Tells keys apart, and tells nothing of the key.
fn fingerprint(sealer: &Sealer) -> String {
    let tag = sealer.tag("tidings key fingerprint");
    tag.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
