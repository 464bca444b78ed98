//! Which jobs run: one document of a workspace, so that no two requests begin a second one of an endpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidings_model::{EndpointId, JobId, WorkspaceId};
use tidings_store::{DocKey, Kind, Put, ReadError};

use crate::App;
use crate::pipeline::scene::{Seen, seen};

/// How many jobs of a workspace may run at once; of an endpoint one.
pub const RUNNING_MAX: usize = 10;

/// Which jobs run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Register {
    running: BTreeMap<EndpointId, JobId>,
}

impl Register {
    /// The job of an endpoint.
    pub(super) fn of(&self, endpoint: EndpointId) -> Option<JobId> {
        self.running.get(&endpoint).copied()
    }

    pub(super) fn is_full(&self) -> bool {
        self.running.len() >= RUNNING_MAX
    }

    pub(super) fn begin(&mut self, endpoint: EndpointId, job: JobId) {
        self.running.insert(endpoint, job);
    }

    /// Whether it was in it.
    pub(super) fn end(&mut self, endpoint: EndpointId, job: JobId) -> bool {
        let is_in = self.of(endpoint) == Some(job);
        if is_in {
            self.running.remove(&endpoint);
        }
        is_in
    }
}

/// No job has this id.
fn key() -> DocKey {
    DocKey::new(Kind::Job, "running")
}

pub(super) async fn read(app: &App, workspace: WorkspaceId) -> Result<Seen<Register>, ReadError> {
    let found = app.store.document(workspace, &key()).await?;
    Ok(found.map(seen).transpose()?.unwrap_or_else(|| Seen::absent(Register::default())))
}

pub(super) fn put(register: &Seen<Register>) -> Put {
    register.put(key(), Vec::new())
}
