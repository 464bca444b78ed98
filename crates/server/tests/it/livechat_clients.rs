//! LiveChat's own published clients, as they are published, against the real server: `tests/sdk/python` and
//! `tests/sdk/node`. They need Python, Node, and the packages that are pinned there; `cargo xtask test` installs them.
//!
//! Each version of the API has a server of its own, so that they run side by side.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::installation::{Installation, TOKEN};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name)
}

/// What tells a suite where the server is. Nothing may go through a proxy: the server is on this computer.
fn pointed<'a>(command: &'a mut Command, installation: &Installation) -> &'a mut Command {
    command
        .env("TIDINGS_HOST", &installation.address)
        .env("TIDINGS_TOKEN", TOKEN)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("no_proxy", "127.0.0.1,localhost")
        .stdin(Stdio::null())
}

fn well(what: &str, output: &Output, installation: &Installation) {
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let log = installation.log();
    let lines: Vec<&str> = log.lines().collect();
    let end = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n");
    assert!(output.status.success(), "{what}\n{said}{complained}\nthe server's log ends:\n{end}");
}

/// The Python that has LiveChat's client.
pub(crate) fn interpreter() -> PathBuf {
    let folder = folder("python");
    let interpreter = folder.join(".venv/bin/python");
    assert!(
        interpreter.is_file(),
        "LiveChat's Python client is not installed: cargo xtask test does it, or in {}: \
         python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
        folder.display()
    );
    interpreter
}

/// The folder with LiveChat's clients for Node.
pub(crate) fn packages_of_node() -> PathBuf {
    let packages = folder("node").join("node_modules");
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status();
    assert!(node.is_ok(), "LiveChat's clients need Node: install it, at least version 20");
    assert!(
        packages.join("@livechat").is_dir(),
        "LiveChat's clients for Node are not installed: npm ci --prefix crates/server/tests/sdk/node"
    );
    packages
}

async fn python(version: &str) {
    let installation = Installation::new();
    let server = installation.start().await;
    let mut command = Command::new(interpreter());
    command.args(["-m", "pytest"]).current_dir(folder("python"));
    command.env("LIVECHAT_VERSION", version).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = pointed(&mut command, &installation).output().expect("python starts");
    well(&format!("lc-sdk-python speaks {version}"), &output, &installation);
    server.stop().await;
}

#[tokio::test]
async fn the_python_client_speaks_3_5() {
    python("3.5").await;
}

#[tokio::test]
async fn the_python_client_speaks_3_6() {
    python("3.6").await;
}

#[tokio::test]
async fn the_python_client_speaks_3_7() {
    python("3.7").await;
}

async fn node(suite: &str) {
    packages_of_node();
    let installation = Installation::new();
    let server = installation.start().await;
    let mut command = Command::new("node");
    command.args(["--test", suite]).current_dir(folder("node"));
    let output = pointed(&mut command, &installation).output().expect("node starts");
    well(suite, &output, &installation);
    server.stop().await;
}

#[tokio::test]
async fn the_browser_client_for_customers_works() {
    node("customer-sdk.test.js").await;
}

#[tokio::test]
async fn the_node_client_works() {
    node("lc-sdk-js.test.js").await;
}

#[tokio::test]
async fn every_method_of_the_node_client_works() {
    node("lc-sdk-js.methods.test.js").await;
}
