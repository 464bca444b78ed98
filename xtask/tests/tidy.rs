//! What a reader may rely on in every file: source files say what they are, and nothing tells of the machine that it
//! was written on.

use std::fs;
use std::path::{Path, PathBuf};

/// The only source of crates; cargo's own name for its default registry.
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What is made by building or running, or is git's own (a folder, or a file in a linked work tree).
const NOT_COMMITTED: &[&str] = &["target", ".git", "node_modules", "data", ".venv", "__pycache__"];

/// The biggest file that is searched, in bytes: what is bigger is a fixture or a picture.
const SEARCHED_BYTES_MAX: u64 = 4 << 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the repository")
        .to_owned()
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if NOT_COMMITTED.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every text file of the repository: its path from the root, and what it says.
fn texts() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    files(&root, &mut found);
    found
        .into_iter()
        .filter(|path| path.metadata().is_ok_and(|file| file.len() <= SEARCHED_BYTES_MAX))
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let name = path
                .strip_prefix(&root)
                .expect("it was found below the root")
                .display()
                .to_string();
            Some((name, text))
        })
        .collect()
}

/// The first lines of a file that hold one of the words, as `file:line: word`.
fn lines_with(texts: &[(String, String)], words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in texts {
        for (number, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                found.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    found
}

/// Words that only the machine of one developer knows.
fn words_of_a_machine() -> Vec<String> {
    // Put together here, so that this file does not hold them.
    ["work", "root"].iter().map(|folder| format!("/{folder}/")).collect()
}

#[test]
fn every_source_file_says_what_it_is() {
    let silent: Vec<String> = texts()
        .into_iter()
        .filter(|(name, text)| name.ends_with(".rs") && !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "files that do not open with `//!`:\n{}", silent.join("\n"));
}

#[test]
fn no_file_names_a_folder_of_a_developers_machine() {
    let found = lines_with(&texts(), &words_of_a_machine());
    assert!(found.is_empty(), "paths of one machine:\n{}", found.join("\n"));
}

#[test]
fn a_folder_of_a_machine_is_found() {
    let bad = vec![("a.md".to_owned(), format!("one\nsee {}x", words_of_a_machine().concat()))];
    assert_eq!(lines_with(&bad, &words_of_a_machine()).len(), 2);
}

#[test]
fn crates_come_from_the_default_registry_only() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is committed");
    let sources: Vec<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    assert!(!sources.is_empty(), "the lock file names its sources");
    let others: Vec<&&str> =
        sources.iter().filter(|source| source.trim_matches('"') != CRATES).collect();
    assert!(others.is_empty(), "sources that are not the default registry: {others:?}");
}

#[test]
fn node_packages_name_no_host() {
    let hosts: Vec<String> = texts()
        .into_iter()
        .filter(|(name, text)| {
            name.ends_with("package-lock.json") && text.contains("\"resolved\": \"http")
        })
        .map(|(name, _)| name)
        .collect();
    assert!(
        hosts.is_empty(),
        "lock files with the address of a package: {hosts:?} (npm: omit-lockfile-registry-resolved)"
    );
}
