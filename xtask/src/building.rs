//! Where the repository and its binaries are, and how a chore builds one.
//!
//! Called by every chore. Building what is built already does nothing, so a chore may always ask.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// Cargo's folder for what is built: the one that this binary lies in, so a changed `CARGO_TARGET_DIR` is followed.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this binary is")?;
    let target =
        this.parent().and_then(Path::parent).context("this binary lies outside cargo's folder")?;
    Ok(target.to_owned())
}

/// Cargo, in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root());
    cargo
}

/// Builds one binary of a package as it is shipped, and tells where it lies.
pub(crate) fn build(package: &str, binary: &str) -> anyhow::Result<PathBuf> {
    let arguments = ["build", "--quiet", "--release", "--package", package, "--bin", binary];
    let status = cargo().args(arguments).status().context("cannot start cargo")?;
    ensure!(status.success(), "{package} does not build");
    let path = target()?.join("release").join(binary);
    ensure!(path.is_file(), "cargo built {package}, but {} is not there", path.display());
    Ok(path)
}

/// The server that a chore was told to use, or the one that the code gives.
pub(crate) fn server(told: Option<&Path>) -> anyhow::Result<PathBuf> {
    told.map_or_else(|| build("tidings-server", "tidings"), |path| Ok(path.to_owned()))
}

/// A folder for what a chore writes, on the same disk as what is built: a folder for temporary files may lie in memory,
/// where a disk sync means nothing. It goes away when it is dropped.
pub(crate) fn scratch(name: &str) -> anyhow::Result<tempfile::TempDir> {
    let parent = target()?.join("xtask");
    std::fs::create_dir_all(&parent).context("cannot make a folder for what this chore writes")?;
    let folder = tempfile::Builder::new().prefix(name).tempdir_in(parent);
    folder.context("cannot make a folder for what this chore writes")
}
