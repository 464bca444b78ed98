//! The hub's line to the other nodes. A node that is alone has none, and makes nothing ready to be told.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use tidings_bus::{Bus, Topic};
use tidings_model::{AgentId, CustomerId, Timestamp, WorkspaceId};

use super::listener::Cut;
use crate::desk::push::Push;
use crate::hints::{self, Close, Signalled, There};

/// The hub's line to the other nodes.
pub(super) struct Line(Option<(WorkspaceId, Arc<dyn Bus>)>);

impl Line {
    pub(super) fn of(workspace: WorkspaceId, bus: &Arc<dyn Bus>) -> Self {
        Self((!bus.is_alone()).then(|| (workspace, Arc::clone(bus))))
    }

    /// Whether there may be other nodes.
    pub(super) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// A push that nobody keeps.
    pub(super) fn signal(&self, push: &Push) {
        self.tell(Topic::Signal, || Signalled::of(push));
    }

    /// Who is there.
    pub(super) fn there(&self, told: &There) {
        self.tell(Topic::Presence, || told);
    }

    /// An agent's connections are to be closed.
    pub(super) fn close_agent(&self, agent: &AgentId, cut: Cut, upto: Timestamp) {
        self.tell(Topic::Cut, || Close::Agent { agent: agent.clone(), cut, upto });
    }

    /// The connections of a customer who is banned are to be closed.
    pub(super) fn close_banned(&self, customer: CustomerId, ip: Option<IpAddr>) {
        self.tell(Topic::Cut, || Close::Banned { customer, ip });
    }

    fn tell<T: Serialize>(&self, topic: Topic, told: impl FnOnce() -> T) {
        if let Some((workspace, bus)) = &self.0 {
            bus.tell(*workspace, topic, hints::write(&told()));
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Line").field(&self.is_open()).finish()
    }
}
