//! The house's walls, as a test over `cargo metadata`: which crate may use which, and which outside crate lives where.
//!
//! The table is DESIGN's "Layout". A new arrow here is a change of the design: change `ARCHITECTURE.md` in the same
//! commit, and say why. What cargo cannot see (clock, randomness, environment) is held by `clippy.toml`.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crates of level 0 and 1: what the pipeline in `app` may stand on.
const LEVELS_0_AND_1: &[&str] = &[
    "tidings-model",
    "tidings-catalogue",
    "tidings-behaviors",
    "tidings-channels",
    "tidings-wire",
    "tidings-outbound",
    "tidings-mail",
    "tidings-script",
    "tidings-nlu",
    "tidings-brokers",
    "tidings-bus",
    "tidings-store",
];

/// Every crate of the workspace, and what it may use of the others.
const ARROWS: &[(&str, &[&str])] = &[
    ("tidings-model", &[]),
    ("tidings-catalogue", &["tidings-model"]),
    ("tidings-behaviors", &["tidings-model"]),
    ("tidings-channels", &["tidings-model"]),
    ("tidings-wire", &["tidings-model"]),
    ("tidings-outbound", &["tidings-model"]),
    ("tidings-mail", &[]),
    ("tidings-script", &[]),
    ("tidings-import", &["tidings-model"]),
    ("tidings-nlu", &[]),
    ("tidings-brokers", &[]),
    ("tidings-bus", &["tidings-model"]),
    ("tidings-bus-nats", &["tidings-model", "tidings-bus"]),
    ("tidings-store", &["tidings-model"]),
    ("tidings-store-sqlite", &["tidings-model", "tidings-store"]),
    ("tidings-store-postgres", &["tidings-model", "tidings-store", "tidings-bus"]),
    // Servers of others, for tests.
    ("tidings-services", &[]),
    ("tidings-app", LEVELS_0_AND_1),
    (
        "tidings-api",
        // It shows the runs of behaviors, so it knows what a run looks like.
        &[
            "tidings-model",
            "tidings-catalogue",
            "tidings-behaviors",
            "tidings-wire",
            "tidings-store",
            "tidings-app",
        ],
    ),
    ("tidings-server", EVERYTHING),
    ("tidings-testkit", EVERYTHING),
    (
        // The benchmark feeds the stores and the HTTP client directly, to know its ceilings, and asks the interpreter by
        // itself; the cluster test runs servers of others.
        "xtask",
        &[
            "tidings-model",
            "tidings-behaviors",
            "tidings-outbound",
            "tidings-bus",
            "tidings-store",
            "tidings-store-sqlite",
            "tidings-store-postgres",
            "tidings-services",
        ],
    ),
];

/// What `server`, which wires, and `testkit`, which imitates it, may use.
const EVERYTHING: &[&str] = &[
    "tidings-model",
    "tidings-catalogue",
    "tidings-behaviors",
    "tidings-channels",
    "tidings-wire",
    "tidings-outbound",
    "tidings-mail",
    "tidings-script",
    "tidings-import",
    "tidings-nlu",
    "tidings-brokers",
    "tidings-bus",
    "tidings-store",
    "tidings-store-sqlite",
    "tidings-store-postgres",
    "tidings-bus-nats",
    "tidings-app",
    "tidings-api",
];

/// Crates whose tests may use the world of `testkit`. Nobody uses it outside tests.
const TESTED_IN_THE_WORLD: &[&str] = &["tidings-app", "tidings-api", "tidings-server"];

/// Crates whose tests may start servers of others. Beside them, only `xtask` does.
const TESTED_WITH_SERVICES: &[&str] = &[
    "tidings-store-postgres",
    "tidings-brokers",
    "tidings-bus-nats",
    "tidings-server",
    "tidings-testkit",
];

/// Crates whose tests load what they write by the language of bots.
const TESTED_BY_LOADING: &[&str] = &["tidings-import"];

/// An outside crate that has a home.
struct Housed {
    /// The names that begin with this.
    prefix: &'static str,
    /// Who may use it.
    homes: &'static [&'static str],
    /// Who may use it in tests as well.
    test_homes: &'static [&'static str],
}

/// Outside crates that have a home.
const HOUSED: &[Housed] = &[
    // SQL lives in the engines.
    Housed { prefix: "rusqlite", homes: &["tidings-store-sqlite"], test_homes: &[] },
    Housed { prefix: "libsqlite3", homes: &["tidings-store-sqlite"], test_homes: &[] },
    Housed { prefix: "tokio-postgres", homes: &["tidings-store-postgres"], test_homes: &[] },
    Housed { prefix: "deadpool", homes: &["tidings-store-postgres"], test_homes: &[] },
    // Hints between nodes, and what is delivered to brokers; stories read there what came.
    Housed {
        prefix: "async-nats",
        homes: &["tidings-bus-nats", "tidings-brokers"],
        test_homes: &["tidings-testkit"],
    },
    Housed { prefix: "krafka", homes: &["tidings-brokers"], test_homes: &[] },
    Housed { prefix: "rdkafka", homes: &[], test_homes: &["tidings-brokers"] },
    Housed { prefix: "lapin", homes: &["tidings-brokers"], test_homes: &["tidings-testkit"] },
    Housed { prefix: "redis", homes: &["tidings-brokers"], test_homes: &["tidings-testkit"] },
    Housed { prefix: "lettre", homes: &["tidings-mail"], test_homes: &[] },
    Housed { prefix: "rquickjs", homes: &["tidings-script"], test_homes: &[] },
    Housed { prefix: "sqlx", homes: &[], test_homes: &[] },
    // The web framework; in `xtask` it is the ceiling of the benchmark and the receiver of the crash test.
    Housed {
        prefix: "axum",
        homes: &["tidings-api", "tidings-server", "tidings-testkit", "xtask"],
        test_homes: &["tidings-outbound"],
    },
    Housed { prefix: "utoipa", homes: &["tidings-api", "tidings-server"], test_homes: &[] },
    // The way out needs its trait, by which hyper asks for a connection.
    Housed {
        prefix: "tower",
        homes: &["tidings-outbound", "tidings-api", "tidings-server", "tidings-testkit"],
        test_homes: &[],
    },
    // For who calls a server of ours: the command line and tests. The guard of the way out goes below it, to hyper.
    Housed {
        prefix: "reqwest",
        homes: &["tidings-server", "tidings-testkit"],
        test_homes: &["tidings-api"],
    },
    // The door of open connections takes the bare socket from it; the way out makes connections of its own for its pool;
    // `tidings bin` takes the socket back to misbehave on it.
    Housed {
        prefix: "hyper",
        homes: &["tidings-api", "tidings-outbound", "tidings-server"],
        test_homes: &[],
    },
];

/// One line of a Cargo.toml: a crate of ours uses something.
#[derive(Debug)]
struct Arrow {
    from: String,
    to: String,
    /// Only in tests.
    in_tests: bool,
}

/// What is wrong with a set of arrows, in words. Empty when the house stands as drawn.
fn faults(crates: &BTreeSet<String>, arrows: &[Arrow]) -> Vec<String> {
    let mut faults = Vec::new();
    for name in crates {
        if !ARROWS.iter().any(|(known, _)| known == name) {
            faults.push(format!("{name} is not in the table of levels"));
        }
    }
    for arrow in arrows {
        let Arrow { from, to, in_tests } = arrow;
        if crates.contains(to) {
            let allowed =
                ARROWS.iter().any(|(name, uses)| name == from && uses.contains(&to.as_str()));
            let world = to == "tidings-testkit"
                && *in_tests
                && TESTED_IN_THE_WORLD.contains(&from.as_str());
            let services = to == "tidings-services"
                && *in_tests
                && TESTED_WITH_SERVICES.contains(&from.as_str());
            let loading = ["tidings-behaviors", "tidings-catalogue"].contains(&to.as_str())
                && *in_tests
                && TESTED_BY_LOADING.contains(&from.as_str());
            if !allowed && !world && !services && !loading {
                faults.push(format!("{from} must not use {to}"));
            }
        }
        for housed in HOUSED.iter().filter(|housed| to.starts_with(housed.prefix)) {
            let at_home = housed.homes.contains(&from.as_str());
            let in_test = *in_tests && housed.test_homes.contains(&from.as_str());
            if !at_home && !in_test {
                faults.push(format!("{to} has no home in {from}"));
            }
        }
    }
    faults
}

/// The crates of the workspace and all their arrows, as cargo sees them.
fn the_house() -> (BTreeSet<String>, Vec<Arrow>) {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata runs where cargo test runs");
    let mut crates = BTreeSet::new();
    let mut arrows = Vec::new();
    for package in metadata.workspace_packages() {
        crates.insert(package.name.to_string());
        for dependency in &package.dependencies {
            arrows.push(Arrow {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                in_tests: dependency.kind == DependencyKind::Development,
            });
        }
    }
    (crates, arrows)
}

#[test]
fn the_house_stands_as_drawn() {
    let (crates, arrows) = the_house();
    assert!(
        arrows.iter().any(|a| a.from == "tidings-app" && a.to == "tidings-store"),
        "cargo metadata was read"
    );
    let faults = faults(&crates, &arrows);
    assert!(faults.is_empty(), "arrows that ARCHITECTURE.md does not have:\n{}", faults.join("\n"));
}

#[test]
fn a_new_arrow_is_refused() {
    let (crates, _) = the_house();
    for (from, to, in_tests, fault) in [
        ("tidings-model", "tidings-store", false, "tidings-model must not use tidings-store"),
        ("tidings-wire", "tidings-catalogue", false, "tidings-wire must not use tidings-catalogue"),
        (
            "tidings-app",
            "tidings-store-sqlite",
            true,
            "tidings-app must not use tidings-store-sqlite",
        ),
        ("tidings-api", "tidings-outbound", false, "tidings-api must not use tidings-outbound"),
        ("tidings-server", "tidings-testkit", false, "tidings-server must not use tidings-testkit"),
        ("tidings-app", "rusqlite", false, "rusqlite has no home in tidings-app"),
        ("tidings-app", "axum", true, "axum has no home in tidings-app"),
        ("tidings-outbound", "axum", false, "axum has no home in tidings-outbound"),
        ("tidings-channels", "reqwest", false, "reqwest has no home in tidings-channels"),
    ] {
        let arrow = Arrow { from: from.into(), to: to.into(), in_tests };
        assert_eq!(faults(&crates, &[arrow]), vec![fault.to_owned()]);
    }
}

#[test]
fn a_new_crate_needs_a_level() {
    let crates = BTreeSet::from(["tidings-attic".to_owned()]);
    assert_eq!(
        faults(&crates, &[]),
        vec!["tidings-attic is not in the table of levels".to_owned()]
    );
}
