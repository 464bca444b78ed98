//! What works on lanes of one workspace: on all of them where this node is alone, or on those of some shares.
//!
//! Shares that a node gains at the same time get an office of their own, with readers of their own: what was handled
//! before is what was in the log when they came. Where a share goes again, the other shares of its office go on.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tidings_model::{RunId, WorkspaceId};
use tidings_store::{ReadError, Share, Shares, Timer, TimerChange};
use tokio::task::JoinSet;

use super::deliver::{self, feed};
use super::fresh;
use super::hands::Place;
use super::react::React;
use super::reader::{self, Handler, Pace, Part, StepFailed, chain};
use super::route::{self, Route};
use super::send::{self, Load, Outbox};
use super::tries::later;
use super::{files, mail, question, schedule, telegram};
use crate::App;
use crate::desk::customers::greet;
use crate::desk::routing::silence;
use crate::desk::{service_levels, snooze};
use crate::directory::Directory;
use crate::nodes::hold::Under;

/// The readers that have a cursor.
pub const READERS: [&str; 4] = [REACT, route::NAME, deliver::NAME, send::NAME];

const REACT: &str = "react";

/// For how long a timer is put off that only a newer release can serve.
const PUT_OFF: Duration = Duration::from_secs(10);

/// How much channels have in hand, of all offices of a workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loads {
    send: Arc<Load>,
}

/// What works on lanes of one workspace.
pub(crate) struct Office {
    app: Arc<App>,
    directory: Arc<Directory>,
    react: Arc<React>,
    route: Arc<Route>,
    send: Arc<Outbox>,
    paces: [Arc<Pace>; 4],
}

impl Office {
    /// Opens an office for these shares. They must be its own already: what was done before is what the log holds now.
    pub(crate) async fn open(
        app: &Arc<App>,
        directory: Arc<Directory>,
        shares: Shares,
        loads: &Loads,
    ) -> Result<Self, ReadError> {
        let workspace = directory.workspace();
        let head = app.store.last_seq(workspace).await?;
        let load = Arc::clone(&loads.send);
        let send = Outbox::open(app, Arc::clone(&directory), (head, shares), load).await?;
        Ok(Self {
            react: Arc::new(React::new(Arc::clone(app), Arc::clone(&directory), head)),
            route: Arc::new(Route::new(Arc::clone(app), workspace)),
            send: Arc::new(send),
            paces: std::array::from_fn(|_| Arc::new(Pace::new())),
            app: Arc::clone(app),
            directory,
        })
    }

    /// Starts the readers; `part` says for each whose lanes it handles.
    pub(crate) fn start(&self, loops: &mut JoinSet<()>, mut part: impl FnMut() -> Part) {
        let [react, route, deliver, send] = &self.paces;
        self.start_one(loops, REACT, &self.react, part(), react);
        self.start_one(loops, route::NAME, &self.route, part(), route);
        self.start_feeds(loops, part(), deliver);
        self.start_one(loops, send::NAME, &self.send, part(), send);
    }

    fn start_one<H: Handler>(
        &self,
        loops: &mut JoinSet<()>,
        name: &'static str,
        handler: &Arc<H>,
        part: Part,
        pace: &Arc<Pace>,
    ) {
        let (app, workspace) = (Arc::clone(&self.app), self.directory.workspace());
        let (handler, pace) = (Arc::clone(handler), Arc::clone(pace));
        loops.spawn(reader::run(app, workspace, name, handler, part, pace));
    }

    /// The endpoints of a share are fed by themselves: each share may go to another node.
    fn start_feeds(&self, loops: &mut JoinSet<()>, part: Part, pace: &Arc<Pace>) {
        let parts: Vec<feed::Part> = match part {
            Part::Whole { stop } => {
                let (place, under) = (Place::Whole, Under::Alone);
                vec![feed::Part { place, under, stop: Some(stop), in_hand: None }]
            }
            Part::Shares { holds, .. } => holds
                .into_iter()
                .map(|(hold, in_hand)| {
                    let (place, under) = (Place::Share(hold.share()), Under::Lease(hold));
                    feed::Part { place, under, stop: None, in_hand: Some(in_hand) }
                })
                .collect(),
        };
        for part in parts {
            let (app, directory) = (Arc::clone(&self.app), Arc::clone(&self.directory));
            loops.spawn(feed::run(app, directory, part, Arc::clone(pace)));
        }
    }

    /// The workspace, and how far each reader is.
    pub(crate) fn paces(&self) -> (WorkspaceId, impl Iterator<Item = (&'static str, &Arc<Pace>)>) {
        (self.directory.workspace(), READERS.into_iter().zip(&self.paces))
    }

    /// Does what a timer is for.
    pub(crate) async fn ring(&self, timer: &Timer) -> Result<(), StepFailed> {
        if let Err(unread) = fresh::whole(&self.app, timer.workspace) {
            return self.put_off(timer, &chain(&unread)).await;
        }
        let area = timer.name.0.split(':').next().unwrap_or_default();
        match area {
            "run" => match timer
                .body
                .get("run")
                .and_then(Value::as_str)
                .and_then(|id| id.parse::<RunId>().ok())
            {
                Some(run) => self.react.time_up(timer, run).await,
                None => self.put_off(timer, "this release does not know it").await,
            },
            send::NAME => self.send.take_up(timer).await,
            silence::NAME => silence::ring(&self.app, timer).await,
            service_levels::TIMER => {
                service_levels::ring(&self.app, self.route.rings(), timer).await
            }
            service_levels::CHANGED_TIMER => service_levels::ring_changed(&self.app, timer).await,
            snooze::TIMER => snooze::ring(&self.app, timer).await,
            greet::TIMER => greet::ring(&self.app, timer).await,
            deliver::by_hand::TIMER => {
                deliver::by_hand::ring(&self.app, &self.directory, timer).await
            }
            deliver::job::TIMER => deliver::job::ring(&self.app, &self.directory, timer).await,
            deliver::look::TIMER => deliver::look::ring(&self.app, &self.directory, timer).await,
            "file" => files::copy::copy(&self.app, &self.directory, timer).await,
            files::upload::TIMER => files::upload::remove(&self.app, timer).await,
            "album" => telegram::albums::ring(&self.app, &self.directory, timer).await,
            "precheckout" => telegram::precheckout::ring(&self.app, &self.directory, timer).await,
            mail::TIMER => mail::ring(&self.app, timer).await,
            schedule::TIMER => schedule::ring(&self.app, &self.directory, timer).await,
            question::TIMER => question::ring(&self.app, timer).await,
            _ => self.put_off(timer, "this release does not know it").await,
        }
    }

    /// A newer release knows what to do: the timer waits for a node of it.
    async fn put_off(&self, timer: &Timer, why: &str) -> Result<(), StepFailed> {
        tracing::error!(timer = %timer.name, "the timer {} is put off: {why}", timer.name);
        let mut batch = tidings_store::Batch::new(timer.workspace);
        let (name, due) = (timer.name.clone(), later(self.app.now(), PUT_OFF));
        batch.timers.push(TimerChange::Set { name, due, body: timer.body.clone() });
        self.app.commit(batch).await?;
        Ok(())
    }
}

/// The offices of this node, by the lanes that they work on.
#[derive(Default)]
pub(crate) struct Offices {
    of: RwLock<HashMap<(WorkspaceId, Place), Arc<Office>>>,
}

impl Offices {
    /// The office that works on a share.
    pub(crate) fn find(&self, workspace: WorkspaceId, share: Share) -> Option<Arc<Office>> {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        let whole = || of.get(&(workspace, Place::Whole));
        of.get(&(workspace, Place::Share(share))).or_else(whole).cloned()
    }

    /// Each place that is worked on.
    pub(crate) fn places(&self) -> Vec<(WorkspaceId, Place)> {
        self.of.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Each office once.
    pub(crate) fn all(&self) -> Vec<Arc<Office>> {
        let mut all: Vec<Arc<Office>> = Vec::new();
        for office in self.of.read().unwrap_or_else(PoisonError::into_inner).values() {
            if !all.iter().any(|known| Arc::ptr_eq(known, office)) {
                all.push(Arc::clone(office));
            }
        }
        all
    }

    pub(crate) fn put(&self, office: &Arc<Office>, places: impl IntoIterator<Item = Place>) {
        let workspace = office.directory.workspace();
        let mut of = self.of.write().unwrap_or_else(PoisonError::into_inner);
        of.extend(places.into_iter().map(|place| ((workspace, place), Arc::clone(office))));
    }

    pub(crate) fn remove(&self, office: &Arc<Office>) {
        let mut of = self.of.write().unwrap_or_else(PoisonError::into_inner);
        of.retain(|_, known| !Arc::ptr_eq(known, office));
    }
}
