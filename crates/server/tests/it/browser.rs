//! The demo and the widget in a real browser: each story is a script of `tests/browser`. They need Node, Chromium and the
//! packages of `tests/browser/package-lock.json`; `cargo xtask test` installs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::installation::{Installation, TIDINGS, TOKEN};

/// Where Debian puts it; other systems say where in `CHROMIUM`.
const CHROMIUM: &str = "/usr/bin/chromium";

#[test]
fn alice_chats_in_the_demo() {
    tell("demo");
}

#[test]
fn alice_talks_to_bob_by_the_widget() {
    tell("talk");
}

#[test]
fn every_transport_brings_everything_once() {
    tell("transports");
}

#[test]
fn a_lost_network_and_sleep_lose_nothing() {
    tell("lost");
}

#[test]
fn files_are_sent() {
    tell("files");
}

#[test]
fn the_desk_and_the_customer_see_each_other() {
    tell("desk");
}

#[test]
fn a_bots_form_is_filled_in() {
    tell("forms");
}

#[test]
fn greetings_sounds_and_numbers_draw_the_eye() {
    tell("attention");
}

#[test]
fn keys_and_screen_readers_reach_everything() {
    tell("access");
}

#[test]
fn known_users_visitors_and_strange_sites_are_told_apart() {
    tell("people");
}

#[test]
fn the_widget_fits_in() {
    tell("looks");
}

/// Runs a script of `tests/browser`; its pictures stay in a folder of its name.
fn tell(name: &str) {
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
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser").join(name);
    let story = Command::new("node")
        .arg(folder.join(format!("{name}.js")))
        .args([TIDINGS, &installation.address])
        .arg(installation.data())
        .arg(chromium)
        .arg(&pictures)
        .arg(TOKEN)
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
