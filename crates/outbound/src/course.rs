//! What a call learns of its own way: which connection it took, who made that, and how long each part took.
//!
//! The HTTP library makes connections behind a call's back, and hands a call one that became free while its own was still
//! coming about. So the connector writes into the [`Dial`] of the call that asked for it, every connection carries the
//! `Dial` by which it came about, and the call compares.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use http::{Extensions, Request, response};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tokio::time::Instant;

use crate::error::{Failed, Fault, SendError, Trail, Why};
use crate::phases::{Phase, Phases};
use crate::request::Answer;

tokio::task_local! {
    /// The dial of the call that runs in this task. The library begins to connect in the task of the call.
    static DIAL: Arc<Dial>;
}

/// How a connection comes about, or came about. Lives as long as the connection.
#[derive(Debug, Default)]
pub(crate) struct Dial {
    steps: Mutex<Steps>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    now: Option<(Phase, Instant)>,
    /// Of the connection only: neither the first byte nor the total.
    took: Phases,
    ready: Option<Instant>,
    address: Option<SocketAddr>,
}

impl Dial {
    /// That of the call that runs now; a new one where none runs.
    pub(crate) fn of_this_call() -> Arc<Self> {
        DIAL.try_with(Arc::clone).unwrap_or_default()
    }

    /// Begins anew: a kept connection was dead, and the library makes another.
    pub(crate) fn begin(&self) {
        *self.steps() = Steps::default();
    }

    /// The part before is over, this one begins.
    pub(crate) fn enter(&self, phase: Phase) {
        let now = Instant::now();
        let mut steps = self.steps();
        steps.end_part(now);
        steps.now = Some((phase, now));
    }

    /// Whom we are connected to.
    pub(crate) fn reached(&self, address: Option<SocketAddr>) {
        self.steps().address = address;
    }

    /// The connection stands.
    pub(crate) fn ready(&self) {
        let now = Instant::now();
        let mut steps = self.steps();
        steps.end_part(now);
        steps.ready = Some(now);
    }

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Steps {
    fn end_part(&mut self, now: Instant) {
        let Some((phase, since)) = self.now.take() else { return };
        let part = match phase {
            Phase::Dns => &mut self.took.dns,
            Phase::Connect => &mut self.took.connect,
            Phase::Tls => &mut self.took.tls,
            Phase::FirstByte | Phase::Body => return,
        };
        // With a proxy a part comes twice.
        *part = Some(part.unwrap_or_default() + (now - since));
    }
}

/// The mark that a connection carries.
#[derive(Clone, Debug)]
pub(crate) struct MadeBy(pub(crate) Arc<Dial>);

/// One call on its way.
pub(crate) struct Course {
    started: Instant,
    dial: Arc<Dial>,
    connection: OnceLock<CaptureConnection>,
    head: OnceLock<Instant>,
}

impl Course {
    pub(crate) fn begin() -> Self {
        Self {
            started: Instant::now(),
            dial: Arc::default(),
            connection: OnceLock::new(),
            head: OnceLock::new(),
        }
    }

    /// Runs the call so that the connector finds its dial.
    pub(crate) async fn run<F: Future>(&self, call: F) -> F::Output {
        DIAL.scope(Arc::clone(&self.dial), call).await
    }

    /// Watches which connection the request takes.
    pub(crate) fn watch<B>(&self, request: &mut Request<B>) {
        self.connection.get_or_init(|| capture_connection(request));
    }

    /// The head of the answer is there.
    pub(crate) fn answered(&self) {
        self.head.get_or_init(Instant::now);
    }

    /// What can be told of the call now: where it is, how long each part took, and who is at the other end.
    pub(crate) fn so_far(&self) -> (Phase, Phases, Option<SocketAddr>) {
        let now = Instant::now();
        let mut own = *self.dial.steps();
        let Some(taken) = self.taken() else {
            let phase = own.now.map_or(Phase::Connect, |(phase, _)| phase);
            own.end_part(now);
            let phases = Phases { total: Some(now - self.started), ..own.took };
            return (phase, phases, own.address);
        };
        let is_own = Arc::ptr_eq(&taken, &self.dial);
        let (took, began, address) = if is_own {
            (own.took, own.ready.unwrap_or(self.started), own.address)
        } else {
            (Phases::default(), self.started, taken.steps().address)
        };
        let head = self.head.get().copied();
        let phases = Phases {
            first_byte: Some(head.unwrap_or(now) - began),
            total: Some(now - self.started),
            ..took
        };
        let phase = if head.is_some() { Phase::Body } else { Phase::FirstByte };
        (phase, phases, address)
    }

    /// The call ends here, with an answer.
    pub(crate) fn answer(
        &self,
        head: response::Parts,
        body_head: Bytes,
        truncated: bool,
    ) -> Answer {
        let (_, phases, address) = self.so_far();
        Answer {
            status: head.status,
            headers: head.headers,
            body_head,
            truncated,
            duration: phases.total.unwrap_or_default(),
            phases,
            address,
        }
    }

    /// The dial of the connection that the request took; `None` while it waits for one.
    fn taken(&self) -> Option<Arc<Dial>> {
        let captured = self.connection.get()?.connection_metadata();
        let mut marks = Extensions::new();
        captured.as_ref()?.get_extras(&mut marks);
        marks.remove::<MadeBy>().map(|MadeBy(dial)| dial)
    }

    /// The call ends here, without one.
    pub(crate) fn failed(&self, fault: Fault) -> SendError {
        let kind = match fault.why {
            Why::Refused(refused) => return SendError::Refused(refused),
            Why::Failed(kind) => kind,
        };
        let (phase, phases, address) = self.so_far();
        let trail = Trail { phase, phases, address, source: fault.source };
        SendError::Failed(Failed { kind, trail: Box::new(trail) })
    }
}
