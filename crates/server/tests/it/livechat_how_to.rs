//! `docs/how-to/use-livechat-clients.md`, done as it says: every command, in one shell, with the clients as published.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::installation::{TIDINGS, free_address};
use crate::livechat_clients::{interpreter, packages_of_node};

/// The address that the page uses.
const ADDRESS: &str = "127.0.0.1:8080";

/// The fenced blocks of a page: the language and the text of each.
fn blocks(page: &str) -> Vec<(String, String)> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn the_page_for_users_of_livechats_clients_can_be_followed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/how-to/use-livechat-clients.md"));
    let page = page.expect("the page is there").replace(ADDRESS, &free_address());
    let folder = tempfile::tempdir().expect("a folder");
    let mut script = String::from("set -euo pipefail\ntrap 'kill $(jobs -p) || true' EXIT\n");
    for (language, text) in blocks(&page) {
        if language == "sh" {
            script.push_str(&text);
        } else {
            // A program names itself in its first line.
            let name = text.lines().next().and_then(|line| line.split_whitespace().last());
            let name = name.expect("a block of a program says its file");
            std::fs::write(folder.path().join(name), &text).expect("the program is written");
        }
    }
    assert!(script.contains("python3 agent.py") && script.contains("node visitor.mjs"));
    std::os::unix::fs::symlink(packages_of_node(), folder.path().join("node_modules"))
        .expect("the packages of Node are there");
    #[expect(clippy::disallowed_methods, reason = "the test finds programs as a user does")]
    let programs = std::env::var("PATH").unwrap_or_default();
    let ours = [Path::new(TIDINGS), &interpreter()]
        .map(|program| program.parent().expect("a program is in a folder").display().to_string());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", format!("{}:{programs}", ours.join(":")))
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default();
    assert!(
        output.status.success(),
        "{said}\n{}\nthe server says:\n{log}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("['Do you deliver?']"), "{said}");
    assert!(said.contains("And today?"), "{said}");
}
