//! Keeps this node's leases: looks at those of every workspace, takes what it should hold, lets go of what others should,
//! and ends all work when it cannot say in time that it lives.
//!
//! What to do is decided in [`super::next`]; here it is done. A share that was taken begins to be worked on at once, with
//! the others that were taken by the same commit: they are a *grant*. Where a share is let go, its work is finished first.
//! What makes a second run harmless: every write expects the lease as it was seen.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tidings_model::WorkspaceId;
use tidings_store::{
    Batch, CommitError, DocumentQuery, Kind, Nodes, ReadError, SHARES, Scan, Share, Shares, Version,
};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::beat::{self, Beats, Present};
use super::hold::{Hold, InHand, Phase};
use super::lease::{self, Lease, SeenLease};
use super::next::{Action, Mine, Stage, View, is_settled, next};
use crate::App;
use crate::admin::{AdminError, bots};
use crate::directory::Directory;
use crate::pipeline::hands::Place;
use crate::pipeline::office::{Loads, Office, Offices};
use crate::pipeline::reader::{Part, STOP_GRACE, chain, stopped};
use crate::pipeline::start::start_here;

/// How often leases are looked at while nothing seems to change.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How often we look for workspaces that another node made.
const WORKSPACES_INTERVAL: Duration = Duration::from_secs(5);

/// How long readers may take to write their last cursors, after their steps have ended.
const LAST_WRITES_TIME_MAX: Duration = Duration::from_secs(2);

/// How long a node that leaves may take to let everything go: a little more than its work may take to end.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(7);

/// How long after a grant could not be opened it is tried again.
const OPEN_PAUSE: Duration = Duration::from_millis(500);

/// The keeper, at work.
pub(crate) struct Keeping {
    leave: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Keeping {
    /// Finishes what is in hand, lets go of all leases, and says that this node goes.
    pub(crate) async fn stop(mut self) {
        self.leave.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Starts the keeper and the beats.
pub(crate) fn start(app: &Arc<App>, nodes: &Arc<dyn Nodes>, offices: &Arc<Offices>) -> Keeping {
    let (leave, leaving) = watch::channel(false);
    let beats = Arc::new(Beats::new());
    let mut beating = JoinSet::new();
    let (of, there) = (Arc::clone(nodes), Arc::clone(offices));
    beating.spawn(beat::run(Arc::clone(app), of, there, Arc::clone(&beats)));
    beating.spawn(guard(Arc::clone(app), Arc::clone(&beats)));
    let (stop_here, _) = watch::channel(false);
    let keeper = Keeper {
        app: Arc::clone(app),
        nodes: Arc::clone(nodes),
        offices: Arc::clone(offices),
        beats,
        beating,
        alarm: Arc::new(Notify::new()),
        sites: HashMap::new(),
        grants: JoinSet::new(),
        drains: JoinSet::new(),
        here: JoinSet::new(),
        stop_here,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(keeper.run(leaving));
    Keeping { leave, tasks }
}

/// How often it is looked whether leases are trusted, when they were not a moment ago.
const GUARD_PAUSE: Duration = Duration::from_millis(100);

/// Ends all work in time when no beat succeeds, also while the keeper waits for the store.
async fn guard(app: Arc<App>, beats: Arc<Beats>) {
    loop {
        let soonest = Instant::now() + GUARD_PAUSE;
        let ends_at = beats.trust.ends_at().unwrap_or(soonest).max(soonest);
        tokio::time::sleep_until(ends_at).await;
        app.holdings().lose_what_is_not_trusted();
    }
}

struct Keeper {
    app: Arc<App>,
    nodes: Arc<dyn Nodes>,
    offices: Arc<Offices>,
    beats: Arc<Beats>,
    /// The beats, and the guard of the trust.
    beating: JoinSet<()>,
    /// Rung when a commit was refused because of a lease.
    alarm: Arc<Notify>,
    sites: HashMap<WorkspaceId, Site>,
    /// Each works on its shares until all of them have gone.
    grants: JoinSet<()>,
    /// Each waits until the work of a share has ended.
    drains: JoinSet<(WorkspaceId, Share, Version)>,
    /// What each node does for itself.
    here: JoinSet<()>,
    stop_here: watch::Sender<bool>,
}

/// A workspace.
struct Site {
    directory: Arc<Directory>,
    loads: Loads,
    mine: BTreeMap<Share, Kept>,
    /// Who was there when there was nothing to do any more, and when that was.
    settled: Option<(Present, Instant)>,
}

/// A share that we hold.
struct Kept {
    mine: Mine,
    hold: Arc<Hold>,
}

impl Keeper {
    async fn run(mut self, mut leaving: watch::Receiver<bool>) {
        let mut present = self.beats.present.subscribe();
        let mut workspaces_at = Instant::now();
        loop {
            if Instant::now() >= workspaces_at {
                self.look_for_workspaces().await;
                workspaces_at = Instant::now() + WORKSPACES_INTERVAL;
            }
            let now = present.borrow_and_update().clone();
            self.look(&now).await;
            let ends_at = self.trust_ends_at();
            tokio::select! {
                () = stopped(&mut leaving) => break,
                _ = present.changed() => {}
                () = self.alarm.notified() => self.look_again(),
                Some(drained) = self.drains.join_next(), if !self.drains.is_empty() => {
                    self.drained(drained.ok());
                }
                Some(_) = self.grants.join_next(), if !self.grants.is_empty() => {}
                () = tokio::time::sleep_until(ends_at) => {}
            }
        }
        if tokio::time::timeout(LEAVE_TIME_MAX, self.leave(&mut present)).await.is_err() {
            tracing::warn!(
                "not all work was let go in time; others take it when they miss this node"
            );
        }
        self.stop_here.send_replace(true);
        while self.here.join_next().await.is_some() {}
        while self.grants.join_next().await.is_some() {}
    }

    /// Lets everything go, and says so.
    async fn leave(&mut self, present: &mut watch::Receiver<Present>) {
        self.beats.leaving.send_replace(true);
        self.beats.now.notify_one();
        loop {
            let mut now = present.borrow_and_update().clone();
            now.leaving.insert(self.app.node());
            self.look_again();
            self.look(&now).await;
            if self.sites.values().all(|site| site.mine.is_empty()) {
                break;
            }
            tokio::select! {
                _ = present.changed() => {}
                Some(drained) = self.drains.join_next(), if !self.drains.is_empty() => {
                    self.drained(drained.ok());
                }
            }
        }
        // A beat after it would bring this node back.
        self.beating.shutdown().await;
        if let Err(error) = self.nodes.leave(self.app.node()).await {
            tracing::warn!("this node could not say that it goes: {}", chain(&error));
        }
    }

    /// When all work is to end unless a beat succeeds before; far away while nothing is held.
    fn trust_ends_at(&self) -> Instant {
        let holds_something = self.sites.values().any(|site| !site.mine.is_empty());
        let ends_at = self.beats.trust.ends_at().filter(|_| holds_something);
        ends_at.unwrap_or_else(|| Instant::now() + LOOK_INTERVAL)
    }

    /// Serves workspaces that are new, also those that another node made.
    async fn look_for_workspaces(&mut self) {
        match self.app.store.workspaces().await {
            Ok(there) => {
                for workspace in there {
                    if !self.sites.contains_key(&workspace)
                        && let Err(error) = self.open_site(workspace).await
                    {
                        tracing::warn!(workspace.id = %workspace, "a workspace cannot be served yet: {}", chain(&error));
                    }
                }
            }
            Err(error) => tracing::warn!("the workspaces cannot be read: {}", chain(&error)),
        }
    }

    async fn open_site(&mut self, workspace: WorkspaceId) -> Result<(), AdminError> {
        let directory = match self.app.directory(workspace) {
            Some(directory) => directory,
            None => self.app.open_workspace(workspace).await?,
        };
        if directory.bots().bots().is_empty() {
            bots::load_live(&self.app, workspace).await?;
        }
        let stop = self.stop_here.subscribe();
        start_here(&mut self.here, &self.app, &directory, &stop);
        let site =
            Site { directory, loads: Loads::default(), mine: BTreeMap::new(), settled: None };
        self.sites.insert(workspace, site);
        Ok(())
    }

    /// Makes the next look look at everything.
    fn look_again(&mut self) {
        for site in self.sites.values_mut() {
            site.settled = None;
        }
    }

    /// Looks at the leases of each workspace where something may be to do, and does it.
    async fn look(&mut self, present: &Present) {
        if present.live.is_empty() {
            return;
        }
        while let Some(drained) = self.drains.try_join_next() {
            self.drained(drained.ok());
        }
        let workspaces: Vec<WorkspaceId> = self.sites.keys().copied().collect();
        for workspace in workspaces {
            if let Err(error) = self.look_at(workspace, present).await {
                tracing::warn!(workspace.id = %workspace, "leases could not be looked at: {}", chain(&error));
            }
        }
    }

    async fn look_at(
        &mut self,
        workspace: WorkspaceId,
        present: &Present,
    ) -> Result<(), LookFailed> {
        self.drop_what_is_lost(workspace);
        let Some(site) = self.sites.get(&workspace) else { return Ok(()) };
        let is_settled_still = site
            .settled
            .as_ref()
            .is_some_and(|(then, at)| then == present && at.elapsed() < LOOK_INTERVAL);
        if is_settled_still {
            return Ok(());
        }
        let query = DocumentQuery {
            kind: Kind::Lease,
            scan: Scan::All,
            after: None,
            limit: usize::from(SHARES),
        };
        let page = self.app.store.documents(workspace, query).await?;
        let leases = lease::read(page.documents);
        let lapses = self.beats.trust.lapses();
        let view = View {
            me: self.app.node(),
            workspace,
            live: &present.live,
            leaving: &present.leaving,
            leases: &leases,
            trusted: self.beats.trust.is_good(lapses),
        };
        let Some(site) = self.sites.get_mut(&workspace) else { return Ok(()) };
        let mine = site.mine.iter().map(|(share, kept)| (*share, kept.mine)).collect();
        let actions = next(&mine, &view);
        let settled = actions.is_empty() && is_settled(&view);
        site.settled = settled.then(|| (present.clone(), Instant::now()));
        self.act(workspace, actions, lapses).await?;
        Ok(())
    }

    /// Ends what a beat that came too late, or a refused commit, made void.
    fn drop_what_is_lost(&mut self, workspace: WorkspaceId) {
        let Some(site) = self.sites.get(&workspace) else { return };
        let lost: Vec<Share> = site
            .mine
            .iter()
            .filter(|(_, kept)| !kept.hold.is_trusted())
            .map(|(share, _)| *share)
            .collect();
        for share in lost {
            self.drop_share(workspace, share);
        }
    }

    async fn act(
        &mut self,
        workspace: WorkspaceId,
        actions: Vec<Action>,
        lapses: u64,
    ) -> Result<(), CommitError> {
        let (mut takes, mut releases) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Take { share, seen } => takes.push((share, seen)),
                Action::Release { share, epoch } => releases.push((share, epoch)),
                Action::Drain { share } => self.drain(workspace, share),
                Action::Drop { share } => self.drop_share(workspace, share),
            }
        }
        if !releases.is_empty() {
            self.release(workspace, releases).await?;
        }
        if !takes.is_empty() {
            self.take(workspace, takes, lapses).await?;
        }
        Ok(())
    }

    /// Takes shares, all or none, and begins to work on them.
    async fn take(
        &mut self,
        workspace: WorkspaceId,
        takes: Vec<(Share, SeenLease)>,
        lapses: u64,
    ) -> Result<(), CommitError> {
        let (node, name) = (Some(self.app.node()), self.app.node_name.clone());
        let lease = Lease { node, name, since: Some(self.app.now()) };
        let mut batch = Batch::new(workspace);
        batch.puts =
            takes.iter().map(|(share, seen)| lease::put(*share, &lease, seen.epoch)).collect();
        match self.app.commit(batch).await {
            Ok(_) => {}
            // Somebody was faster; the next look tells.
            Err(CommitError::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
        let Some(site) = self.sites.get_mut(&workspace) else { return Ok(()) };
        let moved = Arc::new(watch::Sender::new(0));
        let mut holds = Vec::new();
        for (share, seen) in takes {
            let epoch = seen.epoch.next();
            let of = (workspace, share, epoch);
            let hold = Hold::new(of, lapses, &self.beats.trust, &self.alarm, &moved);
            let mine = Mine { epoch, stage: Stage::Works };
            site.mine.insert(share, Kept { mine, hold: Arc::clone(&hold) });
            if seen.holder.is_some() {
                metrics::counter!("tidings_leases_taken_over_total").increment(1);
            }
            self.app.holdings().put(Arc::clone(&hold));
            holds.push(hold);
        }
        tracing::info!(workspace.id = %workspace, shares = holds.len(), "this node works on {} more shares of workspace {workspace}", holds.len());
        let grant = Grant {
            app: Arc::clone(&self.app),
            offices: Arc::clone(&self.offices),
            directory: Arc::clone(&site.directory),
            loads: site.loads.clone(),
            moved,
            holds,
        };
        // Counted before anybody can end them: who ends a lease waits until its grant has seen it.
        let in_hand: Vec<InHand> = grant.holds.iter().filter_map(Hold::enter).collect();
        self.grants.spawn(async move {
            grant.work(in_hand).await;
        });
        Ok(())
    }

    /// Writes that nobody holds these shares.
    async fn release(
        &mut self,
        workspace: WorkspaceId,
        releases: Vec<(Share, Version)>,
    ) -> Result<(), CommitError> {
        let mut batch = Batch::new(workspace);
        batch.puts = releases
            .iter()
            .map(|(share, epoch)| lease::put(*share, &Lease::default(), *epoch))
            .collect();
        match self.app.commit(batch).await {
            // After a conflict the next look tells which are not ours any more.
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => {
                for (share, _) in releases {
                    self.drop_share(workspace, share);
                }
            }
        }
        Ok(())
    }

    /// Begins to end the work of a share.
    fn drain(&mut self, workspace: WorkspaceId, share: Share) {
        let Some(kept) = self.sites.get_mut(&workspace).and_then(|site| site.mine.get_mut(&share))
        else {
            return;
        };
        kept.mine.stage = Stage::Drains;
        let (hold, epoch) = (Arc::clone(&kept.hold), kept.mine.epoch);
        hold.set_phase(Phase::Drains);
        self.app.holdings().tell();
        self.drains.spawn(async move {
            if tokio::time::timeout(STOP_GRACE, hold.idle()).await.is_err() {
                tracing::warn!(share = %share, "share {share} is let go with work in hand; it is done again where it goes");
            }
            hold.set_phase(Phase::Over);
            if tokio::time::timeout(LAST_WRITES_TIME_MAX, hold.idle()).await.is_err() {
                tracing::warn!(share = %share, "the cursors of share {share} were not written in time");
            }
            (workspace, share, epoch)
        });
    }

    fn drained(&mut self, drained: Option<(WorkspaceId, Share, Version)>) {
        let Some((workspace, share, epoch)) = drained else { return };
        let Some(site) = self.sites.get_mut(&workspace) else { return };
        if let Some(kept) = site.mine.get_mut(&share).filter(|kept| kept.mine.epoch == epoch) {
            kept.mine.stage = Stage::Drained;
            site.settled = None;
        }
    }

    /// Ends all work of a share at once.
    fn drop_share(&mut self, workspace: WorkspaceId, share: Share) {
        let Some(site) = self.sites.get_mut(&workspace) else { return };
        site.settled = None;
        if let Some(kept) = site.mine.remove(&share) {
            kept.hold.lose();
            self.app.holdings().remove(workspace, share);
        }
    }
}

/// Leases could not be looked at now; the next look tries again.
#[derive(Debug, thiserror::Error)]
enum LookFailed {
    #[error("leases could not be read")]
    Read(#[from] ReadError),
    #[error("a lease could not be written")]
    Commit(#[from] CommitError),
}

/// Shares that were taken by one commit, and the work on them.
struct Grant {
    app: Arc<App>,
    offices: Arc<Offices>,
    directory: Arc<Directory>,
    loads: Loads,
    moved: Arc<watch::Sender<u64>>,
    holds: Vec<Arc<Hold>>,
}

impl Grant {
    /// Works until all shares have gone.
    async fn work(self, in_hand: Vec<InHand>) {
        let Some(office) = self.open().await else { return };
        let mut loops = JoinSet::new();
        office.start(&mut loops, || Part::Shares {
            holds: self
                .holds
                .iter()
                .filter_map(|hold| Some((Arc::clone(hold), hold.enter()?)))
                .collect(),
            moved: self.moved.subscribe(),
        });
        let office = Arc::new(office);
        self.offices.put(&office, self.holds.iter().map(|hold| Place::Share(hold.share())));
        drop(in_hand);
        // Timers that are due may wait for this office.
        self.app.look_at_timers();
        while loops.join_next().await.is_some() {}
        self.offices.remove(&office);
    }

    /// Opens the office; `None` when all shares went before that was done.
    async fn open(&self) -> Option<Office> {
        let shares: Shares = self.holds.iter().map(|hold| hold.share()).collect();
        loop {
            if self.holds.iter().all(|hold| hold.phase() > Phase::Works) {
                return None;
            }
            let directory = Arc::clone(&self.directory);
            match Office::open(&self.app, directory, shares, &self.loads).await {
                Ok(office) => return Some(office),
                Err(error) => {
                    tracing::warn!("work on new shares cannot begin yet: {}", chain(&error));
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
            }
        }
    }
}
