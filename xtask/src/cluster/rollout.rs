//! A rolling upgrade: the nodes of an older build are replaced by a newer one while they work, as docs/how-to/upgrade.md says.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::NODES;

/// How long two builds work side by side after each step, at least: past the leases of a node that went.
pub(super) const BETWEEN: Duration = Duration::from_secs(4);

/// A node is stopped, and starts again of a build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    /// From 0.
    pub(super) node: usize,
    pub(super) build: &'a Path,
    says: &'static str,
}

/// One node after the other becomes new. The second one goes back once, with a new one and an old one beside it.
pub(super) fn steps<'a>(older: &'a Path, newer: &'a Path) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> =
        (0..NODES).map(|node| Step { node, build: newer, says: "becomes new" }).collect();
    let back = [
        Step { node: 1, build: older, says: "goes back" },
        Step { node: 1, build: newer, says: "becomes new again" },
    ];
    steps.splice(2..2, back);
    steps
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upgrade   node {} {}", self.node + 1, self.says)
    }
}
