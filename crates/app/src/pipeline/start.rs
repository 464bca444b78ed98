//! Starts the readers and the timers, and stops them in order.
//!
//! A node that is alone works on all lanes of every workspace. One of several works on the shares that it holds: then the
//! keeper ([`crate::nodes`]) opens and closes the offices, and only what each node needs for itself is started here.

use std::sync::Arc;

use tidings_store::archive::Archive;
use tidings_store::{ReadError, Shares};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::hands::Place;
use super::office::{Loads, Office, Offices};
use super::reader::Part;
use super::{files, forget, fresh, index, telegram, timers};
use crate::desk::customers::leave;
use crate::desk::hub;
use crate::desk::routing::come;
use crate::directory::Directory;
use crate::nodes::keeper::{self, Keeping};
use crate::{App, hints};

pub use super::office::READERS;

/// Everything that runs until it is stopped.
pub struct Running {
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
    keeping: Option<Keeping>,
    archive: Arc<dyn Archive>,
}

/// Starts everything.
pub async fn start(app: &Arc<App>) -> Result<Running, ReadError> {
    files::upload::clear(app).await;
    let (stop, stopped) = watch::channel(false);
    let offices = Arc::new(Offices::default());
    let mut loops = JoinSet::new();
    let mut keeping = None;
    match &app.nodes {
        Some(nodes) => keeping = Some(keeper::start(app, nodes, &offices)),
        None => {
            for workspace in app.workspaces() {
                let Some(directory) = app.directory(workspace) else { continue };
                start_here(&mut loops, app, &directory, &stopped);
                let loads = Loads::default();
                let office = Office::open(app, directory, Shares::ALL, &loads).await?;
                office.start(&mut loops, || Part::Whole { stop: stopped.clone() });
                offices.put(&Arc::new(office), [Place::Whole]);
            }
        }
    }
    loops.spawn(timers::run(Arc::clone(app), offices, stopped.clone()));
    loops.spawn(hints::hearing::run(Arc::clone(app), stopped.clone()));
    loops.spawn(forget::run(Arc::clone(app), stopped));
    Ok(Running { stop, loops, keeping, archive: Arc::clone(&app.archive) })
}

impl Running {
    /// Stops: what is in hand is finished, every cursor is written, and leases are let go.
    pub async fn stop(mut self) {
        if let Some(keeping) = self.keeping {
            keeping.stop().await;
        }
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
        self.archive.close().await;
    }
}

/// Starts what every node does for itself.
pub(crate) fn start_here(
    loops: &mut JoinSet<()>,
    app: &Arc<App>,
    directory: &Arc<Directory>,
    stopped: &watch::Receiver<bool>,
) {
    let workspace = directory.workspace();
    loops.spawn(fresh::run(Arc::clone(app), Arc::clone(directory), stopped.clone()));
    loops.spawn(hub::reader::run(Arc::clone(app), workspace, stopped.clone()));
    loops.spawn(hub::totals::run(Arc::clone(app), workspace, stopped.clone()));
    loops.spawn(index::run(Arc::clone(app), workspace, stopped.clone()));
    // Who comes is looked after where they are connected.
    loops.spawn(come::run(Arc::clone(app), workspace, stopped.clone()));
    loops.spawn(leave::run(Arc::clone(app), workspace, stopped.clone()));
    let (app, directory) = (Arc::clone(app), Arc::clone(directory));
    // It connects the channels whose shares are held here.
    loops.spawn(telegram::connect::run(app, directory, stopped.clone()));
}
