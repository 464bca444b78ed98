//! What the nodes of an installation must have alike before there is a workspace to keep it in: which key they seal with,
//! which workspace is the first.

use crate::{CommitError, ReadError};

/// Keeps a few short texts for all nodes.
#[async_trait::async_trait]
pub trait Agree: Send + Sync + 'static {
    /// Keeps a text under a name, unless one is kept already: who came first is right. Returns what is kept.
    ///
    /// Safe to run twice, and at once on many nodes: all are given the same.
    async fn agree(&self, name: &str, text: &str) -> Result<String, CommitError>;

    /// What is kept under a name.
    async fn agreed(&self, name: &str) -> Result<Option<String>, ReadError>;
}
