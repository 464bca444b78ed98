//! What an installation runs on: the file in its data folder, or a database that many nodes share, with what carries
//! hints between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tidings_app::seal::Sealer;
use tidings_bus::{Alone, Bus};
use tidings_bus_nats::NatsBus;
use tidings_model::{Clock, NodeId, WorkspaceId};
use tidings_store::agree::Agree;
use tidings_store::{Nodes, Store};
use tidings_store_postgres::{ListenBus, PostgresStore};
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
    /// NATS, where it carries the hints.
    nats: Option<Arc<NatsBus>>,
}

/// How long `doctor` waits for NATS.
const NATS_PATIENCE: Duration = Duration::from_secs(3);

/// How often it looks.
const NATS_LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What the nodes of an installation share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<PostgresStore>);

impl Engine {
    /// What the settings say of the database; nothing without one.
    pub(crate) fn options(settings: &Settings) -> Option<tidings_store_postgres::Options> {
        let SecretText(url) = settings.database.url.as_ref()?;
        Some(tidings_store_postgres::Options {
            writers: settings.database.writers,
            readers: settings.database.readers,
            ..tidings_store_postgres::Options::new(url)
        })
    }

    /// Opens what the settings name.
    pub(crate) async fn open(
        installation: &Installation,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let node = NodeId::new(SystemClock.next_id());
        let Some(options) = Self::options(settings) else {
            let store = Arc::new(installation.open_store(settings)?);
            let bus = Arc::new(Alone::default());
            return Ok(Self { store, bus, node, shared: None, nats: None });
        };
        let (bus, nats) = bus(installation, settings, node).await?;
        let store = PostgresStore::open(options, Arc::new(SystemClock), Arc::clone(&bus))
            .await
            .context("database.url: the database cannot be used")?;
        let store = Arc::new(store);
        let shared = Some(Shared(Arc::clone(&store)));
        Ok(Self { store, bus, node, shared, nats })
    }

    /// Whether NATS is reached; it connects in the background, so it is given a moment.
    pub(crate) async fn reaches_nats(&self) -> anyhow::Result<String> {
        let Some(nats) = &self.nats else { return Ok("not used".into()) };
        let began = std::time::Instant::now();
        while !nats.is_connected() {
            anyhow::ensure!(
                began.elapsed() < NATS_PATIENCE,
                "none of nats.urls is reached: nodes go on by looking into the database, and are slower"
            );
            tokio::time::sleep(NATS_LOOK_INTERVAL).await;
        }
        Ok("reached".into())
    }
}

/// What carries hints between nodes.
async fn bus(
    installation: &Installation,
    settings: &Settings,
    node: NodeId,
) -> anyhow::Result<(Arc<dyn Bus>, Option<Arc<NatsBus>>)> {
    let nats = &settings.nats;
    if nats.urls.is_empty() {
        let url = settings.database.listen_url.as_ref().or(settings.database.url.as_ref());
        let SecretText(url) = url.context("without database.url there is nobody to hint to")?;
        let bus = ListenBus::open(url, node, Arc::new(SystemClock)).await.context(
            "hints cannot be heard from the database (name it in database.listen_url, or NATS in nats.urls)",
        )?;
        return Ok((Arc::new(bus), None));
    }
    let in_folder = |path: &std::path::PathBuf| installation.folder().join(path);
    let certificate = match (&nats.certificate, &nats.certificate_key) {
        (Some(certificate), Some(key)) => Some((in_folder(certificate), in_folder(key))),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            anyhow::bail!("nats.certificate and nats.certificate_key: say both or none")
        }
    };
    let options = tidings_bus_nats::Settings {
        urls: nats.urls.clone(),
        installation: nats.installation.clone(),
        credentials: nats.credentials.as_ref().map(in_folder),
        root_certificates: nats.root_certificates.as_ref().map(in_folder),
        certificate,
        require_tls: nats.require_tls,
    };
    let nats = Arc::new(NatsBus::open(&options, node).await.context("nats")?);
    Ok((Arc::clone(&nats) as Arc<dyn Bus>, Some(nats)))
}

impl Shared {
    /// Who else lives.
    pub(crate) fn nodes(&self) -> Arc<dyn Nodes> {
        Arc::clone(&self.0) as Arc<dyn Nodes>
    }

    /// Whether the key here is that of the other nodes; changes nothing.
    pub(crate) async fn has_our_key(&self, installation: &Installation) -> anyhow::Result<String> {
        let Some(agreed) = self.0.agreed(KEY).await? else {
            return Ok("no node has started yet".into());
        };
        anyhow::ensure!(
            installation.has_key(),
            "there is none here: copy secret.key from a node, or say it in {KEY_VARIABLE}"
        );
        let (key, _) = installation.key()?;
        anyhow::ensure!(
            fingerprint(&Sealer::new(&key)) == agreed,
            "it is another one than that of the nodes: copy secret.key from one of them"
        );
        Ok("that of all nodes".into())
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

/// Where the machine's name is.
const HOSTNAME_FILE: &str = "/proc/sys/kernel/hostname";

/// What people call this node: what the settings say, or the machine's name and where the node listens.
pub(crate) fn name_of_node(settings: &Settings, listens_on: SocketAddr) -> String {
    if let Some(name) = &settings.node.name {
        return name.clone();
    }
    let machine = std::fs::read_to_string(HOSTNAME_FILE).unwrap_or_default();
    format!("{} {listens_on}", machine.trim()).trim().to_owned()
}
