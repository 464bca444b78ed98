//! `tidings serve`: one data folder, until told to stop.
//!
//! Stopping drains: `/readyz` says so, streams end, requests in hand are answered, the readers finish what they hold, and
//! the store closes; all within [`DRAIN_TIME_MAX`]. What is not done by then is found again at the next start. Who asks a
//! second time does not want to wait: the process ends at once, and what was acknowledged is on disk in any case.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tidings_api::{ApiState, Limits, Rate, Readiness};
use tidings_app::App;
use tidings_app::admin::tokens;
use tidings_app::admin::{bots, channels, workspaces};
use tidings_app::pipeline::{self, Running};
use tidings_catalogue::Catalogue;
use tidings_model::WorkspaceId;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::say;
use crate::bots_folder::BotsFolder;
use crate::cli::Serve;
use crate::engine::Shared;
use crate::installation::Installation;
use crate::logs;
use crate::settings::Settings;
use crate::types_folder::TypesFolder;

/// How long stopping may take: below the ten seconds after which container runtimes kill.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(9);

/// How much of it is for requests in hand: a connection that is slow must not take the readers' time.
const REQUESTS_TIME_MAX: Duration = Duration::from_secs(5);

/// For how long at most a start looks for no damage, since what waited goes out first.
const DAMAGE_WAITS_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether that is out.
const DAMAGE_WAITS_EACH: Duration = Duration::from_secs(1);

/// How often measured times are gathered. Without it they pile up until somebody asks for the metrics.
const GATHER_INTERVAL: Duration = Duration::from_secs(5);

/// The upper ends of the ranges that times are counted in, in seconds: a commit takes some milliseconds, a slow disk or a
/// subscriber some seconds.
const SECONDS_RANGES: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The first token, when an operator or a script wants to choose it.
const BOOTSTRAP_TOKEN: &str = "TIDINGS_BOOTSTRAP_TOKEN";

pub(super) async fn serve(options: Serve) -> anyhow::Result<ExitCode> {
    let installation = Installation::at(&options.data)?;
    let config = options.config.as_deref();
    let mut settings = Settings::read(installation.folder(), config, options.shared.said())?;
    if let Some(listen) = options.listen {
        settings.http.listen = listen;
    }
    if options.bots.is_some() {
        settings.bots.folder = options.bots;
    }
    if options.types.is_some() {
        settings.types.folder = options.types;
    }
    logs::start(&settings.log)?;
    let server = Server::open(&installation, settings).await?;
    if let Some(token) = server.first_token().await? {
        say(format_args!("Made a new workspace. Its token, shown this once:\n\n  {token}\n"))?;
    }
    let served = server.start(None).await?;
    say(format_args!("Tidings {} serves http://{}", env!("CARGO_PKG_VERSION"), served.address))?;
    told_to_stop().await?;
    served.stop_unless_hurried().await
}

/// How many connections may wait to be taken. When thousands of clients come back at once, those beyond it try again after
/// a second and longer. The machine has a limit of its own: `net.core.somaxconn`.
const WAITING_MAX: u32 = 16_384;

fn listen(on: SocketAddr) -> io::Result<TcpListener> {
    let socket = if on.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart may take the port while connections of the run before fade away.
    socket.set_reuseaddr(true)?;
    socket.bind(on)?;
    socket.listen(WAITING_MAX)
}

/// An installation that is open, and does not serve yet.
pub(super) struct Server {
    app: Arc<App>,
    shared: Option<Shared>,
    listener: TcpListener,
    address: SocketAddr,
    settings: Settings,
    bots_folder: PathBuf,
    types_folder: PathBuf,
    readiness: Arc<Readiness>,
}

/// A server that serves.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    /// How long it says that it goes before it goes.
    drain_time: Duration,
    app: Arc<App>,
    readiness: Arc<Readiness>,
    stop: watch::Sender<bool>,
    http: JoinHandle<()>,
    watching: Vec<JoinHandle<()>>,
    running: Running,
}

impl Server {
    /// Opens an installation, and its port.
    pub(super) async fn open(
        installation: &Installation,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        let catalogue = Arc::new(Catalogue::builtin()?);
        let wanted = settings.http.listen;
        let listener = listen(wanted).with_context(|| format!("cannot listen on {wanted}"))?;
        let address = listener.local_addr()?;
        let (app, shared) = installation.open_app(&settings, catalogue, address).await?;
        let bots_folder = installation.bots_folder(&settings);
        let types_folder = installation.types_folder(&settings);
        let readiness = Readiness::starting();
        Ok(Self { app, shared, listener, address, settings, bots_folder, types_folder, readiness })
    }

    /// What the server does.
    pub(super) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether requests should come here.
    pub(super) fn readiness(&self) -> &Arc<Readiness> {
        &self.readiness
    }

    /// Where nobody has a token, as on the first start: makes one of all rights, and a workspace for it. A start that was cut
    /// short in between is made good by the next one.
    pub(super) async fn first_token(&self) -> anyhow::Result<Option<String>> {
        let there = self.app.workspaces().into_iter().min();
        if let Some(there) = there
            && !tokens::list(&self.app, there).await?.is_empty()
        {
            return Ok(None);
        }
        #[expect(clippy::disallowed_methods, reason = "this crate reads the environment")]
        let given = std::env::var(BOOTSTRAP_TOKEN).ok();
        if let Some(given) = &given {
            anyhow::ensure!(
                given.len() >= tokens::TOKEN_CHARS_MIN
                    && given.chars().all(|each| each.is_ascii_graphic()),
                "{BOOTSTRAP_TOKEN} must have at least {} characters, and none but visible ASCII",
                tokens::TOKEN_CHARS_MIN
            );
        }
        let workspace = match there {
            Some(there) => there,
            None => match &self.shared {
                Some(shared) => {
                    let id = shared.first_workspace().await?;
                    workspaces::create_as(&self.app, id, "main").await?.workspace()
                }
                None => workspaces::create(&self.app, "main").await?.workspace(),
            },
        };
        let made = tokens::create_first(&self.app, workspace, given).await;
        made.context("cannot make the first token")
    }

    /// The workspace that was made first.
    pub(super) fn workspace(&self) -> anyhow::Result<WorkspaceId> {
        self.app.workspaces().into_iter().min().context("there is no workspace")
    }

    /// Starts to serve.
    pub(super) async fn start(self, extra: Option<Router>) -> anyhow::Result<Served> {
        let (stop, stopped) = watch::channel(false);
        let workspace = self.workspace()?;
        for each in self.app.workspaces() {
            bots::load_live(&self.app, each).await?;
            channels::ensure_web(&self.app, each).await?;
        }
        let mut types = TypesFolder::default();
        types.look(&self.app, workspace, &self.types_folder).await?;
        let mut folder = BotsFolder::default();
        folder.look(&self.app, workspace, &self.bots_folder).await?;
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new();
        let metrics = metrics.set_buckets(&SECONDS_RANGES)?;
        let metrics = metrics.install_recorder().context("cannot start the metrics")?;
        let running = pipeline::start(&self.app).await?;
        let readiness = self.readiness;
        let gathered = metrics.clone();
        let state = ApiState {
            app: Arc::clone(&self.app),
            limits: limits(&self.settings),
            proxies: self.settings.trusted_proxies()?,
            readiness: Arc::clone(&readiness),
            metrics: Arc::new(move || metrics.render()),
            extra,
        };
        let router = tidings_api::router(state);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let mut closing = stopped.clone();
        let graceful = async move { drop(closing.wait_for(|stop| *stop).await) };
        let serving = axum::serve(self.listener, service).with_graceful_shutdown(graceful);
        let http = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!("the HTTP server failed: {error}");
            }
        });
        let mut watching = vec![
            tokio::spawn(folder.watch(
                Arc::clone(&self.app),
                workspace,
                self.bots_folder,
                (types, self.types_folder),
                stopped,
            )),
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(GATHER_INTERVAL).await;
                    gathered.run_upkeep();
                }
            }),
        ];
        // A database is looked through by `doctor`, not by each node at each start; every row is checked when it is read.
        if self.shared.is_none() {
            let looking = look_for_damage(Arc::clone(&self.app), Arc::clone(&readiness));
            watching.push(tokio::spawn(looking));
        }
        readiness.ready();
        Ok(Served {
            address: self.address,
            drain_time: self.settings.drain_time(),
            app: self.app,
            readiness,
            stop,
            http,
            watching,
            running,
        })
    }
}

impl Served {
    /// Stops in order, unless we are told to stop once more: then at once.
    pub(super) async fn stop_unless_hurried(self) -> anyhow::Result<ExitCode> {
        tokio::select! {
            () = self.stop() => Ok(ExitCode::SUCCESS),
            told = told_to_stop() => {
                told?;
                tracing::warn!("told to stop a second time: what is not finished is found again at the next start");
                Ok(ExitCode::FAILURE)
            }
        }
    }

    /// Stops, in order: balancers hear of it first, then streams go elsewhere, and what is in hand is finished.
    pub(super) async fn stop(self) {
        if !self.drain_time.is_zero() {
            tracing::info!(
                "leaving: /readyz says so for {:?} before anything ends",
                self.drain_time
            );
            self.readiness.leave();
            tokio::time::sleep(self.drain_time).await;
        }
        tracing::info!("stopping: what is in hand is finished first");
        self.readiness.drain();
        self.stop.send_replace(true);
        for watching in self.watching {
            watching.abort();
        }
        let (app, http, running) = (self.app, self.http, self.running);
        let orderly = async {
            match tokio::time::timeout(REQUESTS_TIME_MAX, http).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!("the HTTP server did not end well: {error}"),
                Err(_) => tracing::warn!(
                    "some requests were not finished within {REQUESTS_TIME_MAX:?}, and are cut off"
                ),
            }
            running.stop().await;
            app.close().await;
        };
        if tokio::time::timeout(DRAIN_TIME_MAX, orderly).await.is_err() {
            tracing::warn!(
                "not all was finished within {DRAIN_TIME_MAX:?}; it is found again at the next start"
            );
        }
    }
}

/// What was not checked before the start, as the rows and the pages of a large file, is checked while we serve; what waited
/// goes out first. Damage is never silent: `/readyz` fails.
async fn look_for_damage(app: Arc<App>, readiness: Arc<Readiness>) {
    let waited_is_out = async {
        tokio::time::sleep(DAMAGE_WAITS_EACH).await;
        while !app.deliveries_rest() {
            tokio::time::sleep(DAMAGE_WAITS_EACH).await;
        }
    };
    drop(tokio::time::timeout(DAMAGE_WAITS_MAX, waited_is_out).await);
    match app.store().verify().await {
        Ok(damage) if damage.is_empty() => {}
        Ok(damage) => {
            let first = damage.first().cloned().unwrap_or_default();
            tracing::error!("the store is damaged, restore a backup: {}", damage.join("; "));
            readiness.damaged(first);
        }
        Err(error) => tracing::warn!("the store could not be looked through: {error}"),
    }
}

fn limits(settings: &Settings) -> Limits {
    let requests = rate(settings.limits.requests_per_second, 2);
    let messages = settings.limits.visitor_messages_per_second;
    Limits {
        body_bytes_max: settings.limits.body_bytes_max,
        request_timeout: Duration::from_secs(settings.limits.request_timeout_s),
        upload_timeout: Duration::from_secs(settings.limits.upload_timeout_s),
        in_flight_max: settings.limits.in_flight_max,
        streams_max: settings.limits.streams_max,
        sockets_max: settings.limits.sockets_max,
        per_token: requests,
        per_address: requests,
        per_visitor: rate(messages, 6),
        // A family or an office shares an address.
        visitors_per_address: rate(messages.saturating_mul(10), 4),
    }
}

/// A rate, with so many seconds' worth of it at once: a page that opens asks for several things.
fn rate(per_second: u32, seconds_at_once: u32) -> Rate {
    Rate { per_second, burst: per_second.saturating_mul(seconds_at_once) }
}

/// Returns when the operating system, or Ctrl-C, says so.
pub(super) async fn told_to_stop() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
