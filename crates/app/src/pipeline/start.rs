//! Starts the readers and the timers of every workspace, and stops them in order.

use std::sync::Arc;

use serde_json::Value;
use tidings_model::{RunId, WorkspaceId};
use tidings_store::archive::Archive;
use tidings_store::{ReadError, Timer, TimerChange};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::deliver::ToEndpoints;
use super::outbox::{Carrier, Outbox};
use super::react::React;
use super::reader::{self, StepFailed, chain, stopped};
use super::route::{self, Route};
use super::send::ToChannels;
use super::{files, forget, index, telegram, timers};
use crate::admin::bots;
use crate::desk::customers::{greet, leave};
use crate::desk::hub;
use crate::desk::routing::{come, silence};
use crate::directory::{Directory, REFRESH_INTERVAL};
use crate::{App, hints};

/// The readers that have a cursor.
pub const READERS: [&str; 4] = [REACT, route::NAME, ToEndpoints::NAME, ToChannels::NAME];

const REACT: &str = "react";

/// What runs for one workspace.
pub struct Office {
    app: Arc<App>,
    directory: Arc<Directory>,
    react: Arc<React>,
    route: Arc<Route>,
    deliver: Arc<Outbox<ToEndpoints>>,
    send: Arc<Outbox<ToChannels>>,
}

impl Office {
    async fn open(app: &Arc<App>, directory: Arc<Directory>) -> Result<Self, ReadError> {
        let workspace = directory.workspace();
        let head = app.store.last_seq(workspace).await?;
        let to_endpoints = ToEndpoints::new(Arc::clone(app), Arc::clone(&directory));
        let to_channels = ToChannels::new(Arc::clone(app), Arc::clone(&directory));
        Ok(Self {
            react: Arc::new(React::new(Arc::clone(app), Arc::clone(&directory), head)),
            route: Arc::new(Route::new(Arc::clone(app), workspace)),
            deliver: Arc::new(Outbox::open(Arc::clone(app), workspace, to_endpoints, head).await?),
            send: Arc::new(Outbox::open(Arc::clone(app), workspace, to_channels, head).await?),
            app: Arc::clone(app),
            directory,
        })
    }

    /// The tenant.
    pub fn workspace(&self) -> WorkspaceId {
        self.directory.workspace()
    }

    /// The webhooks.
    pub fn deliver(&self) -> &Arc<Outbox<ToEndpoints>> {
        &self.deliver
    }

    /// The messages to channels.
    pub fn send(&self) -> &Arc<Outbox<ToChannels>> {
        &self.send
    }

    /// Does what a timer is for.
    pub(crate) async fn ring(&self, timer: &Timer) -> Result<(), StepFailed> {
        let area = timer.name.0.split(':').next().unwrap_or_default();
        match area {
            "run" => match timer
                .body
                .get("run")
                .and_then(Value::as_str)
                .and_then(|id| id.parse::<RunId>().ok())
            {
                Some(run) => self.react.time_up(timer, run).await,
                None => self.drop_unknown(timer).await,
            },
            ToEndpoints::NAME => self.deliver.take_up(timer).await,
            ToChannels::NAME => self.send.take_up(timer).await,
            silence::NAME => silence::ring(&self.app, timer).await,
            greet::TIMER => greet::ring(&self.app, timer).await,
            "file" => files::copy::copy(&self.app, &self.directory, timer).await,
            files::upload::TIMER => files::upload::remove(&self.app, timer).await,
            "album" => telegram::albums::ring(&self.app, &self.directory, timer).await,
            "precheckout" => telegram::precheckout::ring(&self.app, &self.directory, timer).await,
            _ => self.drop_unknown(timer).await,
        }
    }

    async fn drop_unknown(&self, timer: &Timer) -> Result<(), StepFailed> {
        tracing::error!(timer = %timer.name, "nobody knows the timer {}: it is dropped", timer.name);
        let mut batch = tidings_store::Batch::new(timer.workspace);
        batch.timers.push(TimerChange::Cancel { name: timer.name.clone() });
        self.app.commit(batch).await?;
        Ok(())
    }
}

/// Everything that runs until it is stopped.
pub struct Running {
    offices: Vec<Arc<Office>>,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
    archive: Arc<dyn Archive>,
}

/// Starts everything.
pub async fn start(app: &Arc<App>) -> Result<Running, ReadError> {
    files::upload::clear(app).await;
    let (stop, stopped) = watch::channel(false);
    let mut offices = Vec::new();
    let mut loops = JoinSet::new();
    for workspace in app.workspaces() {
        let Some(directory) = app.directory(workspace) else { continue };
        let office = Arc::new(Office::open(app, directory).await?);
        spawn_reader(&mut loops, app, workspace, REACT, &office.react, &stopped);
        spawn_reader(&mut loops, app, workspace, route::NAME, &office.route, &stopped);
        spawn_reader(&mut loops, app, workspace, ToEndpoints::NAME, &office.deliver, &stopped);
        spawn_reader(&mut loops, app, workspace, ToChannels::NAME, &office.send, &stopped);
        loops.spawn(keep_fresh(Arc::clone(app), Arc::clone(&office.directory), stopped.clone()));
        loops.spawn(hub::reader::run(Arc::clone(app), workspace, stopped.clone()));
        loops.spawn(hub::totals::run(Arc::clone(app), workspace, stopped.clone()));
        loops.spawn(index::run(Arc::clone(app), workspace, stopped.clone()));
        loops.spawn(come::run(Arc::clone(app), workspace, stopped.clone()));
        loops.spawn(leave::run(Arc::clone(app), workspace, stopped.clone()));
        let (app, directory) = (Arc::clone(app), Arc::clone(&office.directory));
        loops.spawn(telegram::connect::run(app, directory, stopped.clone()));
        offices.push(office);
    }
    loops.spawn(timers::run(Arc::clone(app), offices.clone(), stopped.clone()));
    loops.spawn(hints::hearing::run(Arc::clone(app), stopped.clone()));
    loops.spawn(forget::run(Arc::clone(app), stopped));
    let archive = Arc::clone(&app.archive);
    Ok(Running { offices, stop, loops, archive })
}

impl Running {
    /// What runs for a workspace.
    pub fn office(&self, workspace: WorkspaceId) -> Option<&Arc<Office>> {
        self.offices.iter().find(|office| office.workspace() == workspace)
    }

    /// Stops: what is in hand is finished, and every cursor is written.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
        self.archive.close().await;
    }
}

fn spawn_reader<H: reader::Handler>(
    loops: &mut JoinSet<()>,
    app: &Arc<App>,
    workspace: WorkspaceId,
    name: &'static str,
    handler: &Arc<H>,
    stopped: &watch::Receiver<bool>,
) {
    let (app, handler, stopped) = (Arc::clone(app), Arc::clone(handler), stopped.clone());
    loops.spawn(async move {
        if let Err(error) = reader::run(app, workspace, name, handler, stopped).await {
            tracing::error!(reader = name, "the reader {name} could not start: {}", chain(&error));
        }
    });
}

async fn keep_fresh(app: Arc<App>, directory: Arc<Directory>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(REFRESH_INTERVAL) => {}
            () = directory.stale() => {}
        }
        if let Err(error) = directory.refresh(&app).await {
            tracing::warn!("the directory could not be read again: {}", chain(&error));
        }
        if !app.bus.is_alone()
            && let Err(error) = bots::load_changed(&app, directory.workspace()).await
        {
            tracing::warn!("the live bots could not be read again: {}", chain(&error));
        }
    }
}
