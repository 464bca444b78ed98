//! The demo and the widget in a real browser, see `tests/browser/story.js` and `widget.js`. They need Node, Chromium and the
//! packages of `tests/browser/package-lock.json`; `cargo xtask test` installs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::installation::{Installation, TIDINGS, TOKEN};

/// Where Debian puts it; other systems say where in `CHROMIUM`.
const CHROMIUM: &str = "/usr/bin/chromium";

#[test]
fn alice_chats_in_a_browser() {
    tell("story.js", "browser", &[]);
}

#[test]
fn alice_chats_by_the_widget() {
    tell("widget.js", "widget", &[TOKEN]);
}

/// Runs a script of `tests/browser`; its pictures stay in a folder of this name.
fn tell(script: &str, name: &str, more: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let node = Command::new("node").arg("--version").stdout(Stdio::null()).status();
    assert!(node.is_ok(), "the browser story needs Node: install it, at least version 20");
    #[expect(clippy::disallowed_methods, reason = "the developer says where the browser is")]
    let chromium =
        std::env::var("CHROMIUM").map_or_else(|_| PathBuf::from(CHROMIUM), PathBuf::from);
    assert!(
        chromium.is_file(),
        "the browser story needs Chromium: apt-get install chromium, or say in CHROMIUM where it is"
    );
    assert!(
        folder.join("node_modules/playwright-core").is_dir(),
        "the browser story needs its packages: npm ci --prefix crates/server/tests/browser"
    );
    let installation = Installation::new();
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let story = Command::new("node")
        .arg(folder.join(script))
        .args([TIDINGS, &installation.address])
        .arg(installation.data())
        .arg(chromium)
        .arg(&pictures)
        .args(more)
        .output()
        .expect("node starts");
    assert!(
        story.status.success(),
        "the story failed; pictures are in {}\n{}{}",
        pictures.display(),
        String::from_utf8_lossy(&story.stdout),
        String::from_utf8_lossy(&story.stderr)
    );
}
