//! Which chat a code names, remembered for a while: a code never comes to name another chat.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tidings_model::{ChatId, Code, WorkspaceId};

/// How many are remembered; when there are more, all are looked up anew. One takes some forty bytes.
const CODES_MAX: usize = 50_000;

/// The codes that were looked up lately.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    known: Mutex<HashMap<(WorkspaceId, Code), ChatId>>,
}

impl Codes {
    /// The chat that a code names, if it was looked up before.
    pub(crate) fn chat(&self, workspace: WorkspaceId, code: Code) -> Option<ChatId> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(workspace, code)).copied()
    }

    /// Remembers one.
    pub(crate) fn keep(&self, workspace: WorkspaceId, code: Code, chat: ChatId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CODES_MAX {
            known.clear();
        }
        known.insert((workspace, code), chat);
    }
}
