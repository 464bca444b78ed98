//! What can be said of imports.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Options of `import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Of which system.
    #[command(subcommand)]
    pub from: From,
}

/// The systems that bots come from.
#[derive(Debug, Subcommand)]
pub(crate) enum From {
    /// Cerb: exported behaviors, and packages.
    Cerb(Cerb),
}

/// Options of `import cerb`.
#[derive(Debug, Args)]
pub(crate) struct Cerb {
    /// Files of JSON that Cerb exported.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The folder of bots that they go into, a folder for each.
    #[arg(long, default_value = "bots", value_name = "DIR")]
    pub into: PathBuf,
    /// Write over files that are there.
    #[arg(long)]
    pub replace: bool,
}
