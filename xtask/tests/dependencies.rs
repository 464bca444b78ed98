//! What comes into the house from outside, held against `deny.toml`: licences, sources, and crates that we do without.
//!
//! `cargo deny check bans licenses sources` reads the same file and looks deeper; this test needs nothing installed, so it
//! is never left out.

use std::collections::BTreeSet;

use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The only place that crates come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn metadata() -> Metadata {
    MetadataCommand::new().exec().expect("cargo tells of the workspace")
}

fn from_outside(metadata: &Metadata) -> Vec<&Package> {
    let ours: BTreeSet<_> = metadata.workspace_members.iter().collect();
    metadata.packages.iter().filter(|package| !ours.contains(&package.id)).collect()
}

fn policy(metadata: &Metadata) -> toml::Table {
    let path = metadata.workspace_root.join("deny.toml");
    let text = std::fs::read_to_string(path).expect("deny.toml is there");
    text.parse().expect("deny.toml is TOML")
}

fn names(policy: &toml::Table, section: &str, list: &str, key: Option<&str>) -> BTreeSet<String> {
    let list =
        policy.get(section).and_then(|section| section.get(list)?.as_array()).expect("a list");
    let name = |entry: &toml::Value| {
        let name = key.map_or(Some(entry), |key| entry.get(key))?;
        name.as_str().map(str::to_owned)
    };
    list.iter().map(|entry| name(entry).expect("a name")).collect()
}

/// Whether an expression (SPDX, or the old form with a slash) can be met by licences that are allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    expression.split(" AND ").all(|part| {
        let part = part.trim().trim_matches(['(', ')']);
        part.split(" OR ").any(|licence| allowed.contains(licence.trim().trim_matches(['(', ')'])))
    })
}

#[test]
fn every_licence_is_allowed() {
    let metadata = metadata();
    let allowed = names(&policy(&metadata), "licenses", "allow", None);
    let refused: Vec<String> = from_outside(&metadata)
        .into_iter()
        .filter(|package| {
            !package.license.as_deref().is_some_and(|text| is_allowed(text, &allowed))
        })
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "licences that deny.toml does not allow: {refused:#?}");
}

#[test]
fn every_crate_comes_from_the_registry() {
    let metadata = metadata();
    let elsewhere: Vec<&str> = from_outside(&metadata)
        .into_iter()
        .filter(|package| package.source.as_ref().is_none_or(|source| source.repr != REGISTRY))
        .map(|package| package.name.as_str())
        .collect();
    assert!(elsewhere.is_empty(), "crates from elsewhere: {elsewhere:?}");
}

#[test]
fn what_we_do_without_stays_out() {
    let metadata = metadata();
    let banned = names(&policy(&metadata), "bans", "deny", Some("crate"));
    let found: Vec<String> = used().into_iter().filter(|name| banned.contains(name)).collect();
    assert!(found.is_empty(), "deny.toml says why we do without: {found:?}");
}

/// The crates that are built, for any target. `cargo metadata` also lists optional ones that nothing turns on.
fn used() -> BTreeSet<String> {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--target", "all", "--prefix", "none", "--format", "{p}"])
        .output()
        .expect("cargo draws the tree");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("names are text");
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn an_expression_is_met_as_a_whole() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for good in ["MIT", "MIT OR GPL-3.0", "Apache-2.0/MIT", "ISC AND (GPL-2.0 OR MIT)"] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", ""] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}
