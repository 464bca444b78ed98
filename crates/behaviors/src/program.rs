//! The steps of a bot, compiled: lists of steps by their paths. Made by `load`, walked by `interpret`.
//!
//! A path (`behaviors/0/do/3/choose/0/do`) is a list's name within one version of a bot. A run that waits keeps paths, so
//! it finds its place again in the same version, wherever that was loaded.

use std::collections::HashMap;
use std::sync::Arc;

use crate::steps::Action;
use crate::steps::repeat::Loop;
use crate::template::Templates;

/// The steps of a bot.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) templates: Templates,
    pub(crate) lists: HashMap<String, Arc<List>>,
}

/// A list of steps.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) steps: Vec<Step>,
    pub(crate) role: Role,
}

/// What becomes of the run when it comes to the end of a list.
#[derive(Debug)]
pub(crate) enum Role {
    /// It goes on behind the step that the list belongs to; or returns, or ends, when it belongs to none.
    Branch,
    /// The loop may turn again.
    Loop(Loop),
    /// The run ends: nobody answered.
    LastWords,
}

/// A step.
#[derive(Debug)]
pub(crate) struct Step {
    /// File and line.
    pub(crate) place: String,
    /// Its word.
    pub(crate) word: &'static str,
    /// What it does.
    pub(crate) action: Action,
}
