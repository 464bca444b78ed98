//! What the tests need beside Rust and Node themselves: what is missing is installed where this process may, and otherwise it says
//! exactly what to install.
//!
//! Looking and installing twice does nothing the second time.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::steps::Outcome;
use crate::building;

/// A Debian package that a test needs now.
struct Package {
    /// The program that shows that it is there already, under any of its names; or the path of a file.
    programs: &'static [&'static str],
    /// Its name in Debian.
    name: &'static str,
    /// What needs it.
    why: &'static str,
}

/// Debian packages that tests need now. Rust and Node are the developer's own.
const PACKAGES: &[Package] = &[
    Package { programs: &["cc"], name: "gcc", why: "SQLite and aws-lc are compiled from C" },
    Package { programs: &["c++"], name: "g++", why: "librdkafka, which plays Kafka, is compiled" },
    Package {
        programs: &["make"],
        name: "make",
        why: "librdkafka, which plays Kafka, is compiled",
    },
    Package { programs: &["chromium"], name: "chromium", why: "a story runs in a browser" },
    Package {
        programs: &["python3"],
        name: "python3-venv",
        why: "a client of others is in Python",
    },
    Package { programs: &["go"], name: "golang-go", why: "a receiver of webhooks is in Go" },
    Package { programs: &["php"], name: "php-cli", why: "a receiver of webhooks is in PHP" },
    Package { programs: &["ruby"], name: "ruby", why: "a receiver of webhooks is in Ruby" },
    Package {
        programs: &["javac"],
        name: "default-jdk-headless",
        why: "a receiver of webhooks is in Java",
    },
    Package {
        programs: &["/usr/share/java/gson.jar"],
        name: "libgoogle-gson-java",
        why: "Java reads JSON by it",
    },
    Package {
        programs: &["initdb", "pg_ctlcluster"],
        name: "postgresql",
        why: "many nodes keep their events in it",
    },
    Package { programs: &["nats-server"], name: "nats-server", why: "many nodes talk by it" },
    Package {
        programs: &["redis-server"],
        name: "redis-server",
        why: "events go into its streams",
    },
    Package {
        // The one in the path would start a server when it is asked for its version.
        programs: &["/usr/lib/rabbitmq/bin/rabbitmq-defaults"],
        name: "rabbitmq-server",
        why: "events go into its queues",
    },
    Package {
        programs: &["pgbouncer"],
        name: "pgbouncer",
        why: "the store must work behind a pooler",
    },
    Package {
        programs: &["/usr/lib/python3/dist-packages/aiosmtpd/smtp.py"],
        name: "python3-aiosmtpd",
        why: "it takes the mail of tests",
    },
    Package { programs: &["haproxy"], name: "haproxy", why: "its configuration is checked" },
    Package { programs: &["systemd-analyze"], name: "systemd", why: "the service is checked" },
    Package { programs: &["openssl"], name: "openssl", why: "a client of others speaks TLS only" },
];

/// Folders with a `package-lock.json` whose packages a test needs, from the root of the repository.
const NODE_FOLDERS: &[&str] = &[
    "widget",
    "crates/catalogue/tests/validators",
    "crates/server/tests/browser",
    "crates/server/tests/sdk/node",
];

/// Folders with a `requirements.txt` whose packages a test needs, in a virtual environment `.venv` beside it.
const PYTHON_FOLDERS: &[&str] = &["crates/server/tests/sdk/python"];

/// Programs of crates.io that tests start, with their versions and features. They are installed into `target/tools` and
/// are no dependencies of ours: `cargo deny` does not look at them, and nobody ships them.
const PROGRAMS: &[(&str, &str, &str)] = &[("s3s-fs", "0.14.1", "binary")];

/// Components of the Rust toolchain that the checks need.
const COMPONENTS: &[(&str, &str)] = &[("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")];

/// Which of the tools are there that a step can do without.
#[derive(Debug)]
pub(super) struct Tools {
    /// `cargo nextest`; without it `cargo test` runs the same tests.
    pub(super) nextest: bool,
    /// What is missing and could not be installed.
    missing: Vec<String>,
}

impl Tools {
    pub(super) fn outcome(&self) -> Outcome {
        if self.missing.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Failed(self.missing.join("; "))
        }
    }
}

/// Looks for everything, and installs what is missing where that is allowed.
pub(super) fn provide() -> Tools {
    let mut missing = Vec::new();
    for (program, component) in COMPONENTS {
        if has(program) || (has("rustup") && run("rustup", &["component", "add", component])) {
            println!("have     {component}");
        } else {
            missing.push(format!("install {component}: rustup component add {component}"));
        }
    }
    provide_packages(&mut missing);
    provide_node_packages(&mut missing);
    provide_programs(&mut missing);
    provide_python_packages(&mut missing);
    for line in &missing {
        println!("MISSING  {line}");
    }
    Tools { nextest: provide_nextest(), missing }
}

fn provide_packages(missing: &mut Vec<String>) {
    let wanted: Vec<&Package> = PACKAGES
        .iter()
        .filter(|package| !package.programs.iter().any(|program| has(program)))
        .collect();
    for package in
        PACKAGES.iter().filter(|package| package.programs.iter().any(|program| has(program)))
    {
        println!("have     {} ({})", package.name, package.why);
    }
    if wanted.is_empty() {
        return;
    }
    let names: Vec<&str> = wanted.iter().map(|package| package.name).collect();
    let install = [&["install", "--yes", "--no-install-recommends"], names.as_slice()].concat();
    if is_root() && has("apt-get") && run("apt-get", &["update"]) && run("apt-get", &install) {
        return;
    }
    for package in wanted {
        missing.push(format!(
            "install {} ({}): apt-get install {}",
            package.name, package.why, package.name
        ));
    }
}

/// The packages of Node that the lock files name; npm says in `node_modules` which it installed.
fn provide_node_packages(missing: &mut Vec<String>) {
    for folder in NODE_FOLDERS {
        let path = building::root().join(folder);
        let time = |name: &str| path.join(name).metadata().and_then(|file| file.modified()).ok();
        let installed = time("node_modules/.package-lock.json");
        if installed.is_some() && installed >= time("package-lock.json") {
            println!("have     the packages of {folder}");
        } else if !run("npm", &["ci", "--prefix", folder]) {
            missing.push(format!("install the packages of {folder}: npm ci --prefix {folder}"));
        }
    }
}

/// Unoptimised, as building them takes longer than they run.
fn provide_programs(missing: &mut Vec<String>) {
    for (name, version, features) in PROGRAMS {
        let installed = building::root().join("target/tools/bin").join(name);
        let install = [
            "install",
            name,
            "--version",
            version,
            "--features",
            features,
            "--locked",
            "--debug",
            "--root",
            "target/tools",
        ];
        if installed.is_file() {
            println!("have     {name}");
        } else if !run("cargo", &install) {
            missing.push(format!("install {name}: cargo {}", install.join(" ")));
        }
    }
}

/// The packages of Python that the requirements name; a copy of the file inside says which were installed.
fn provide_python_packages(missing: &mut Vec<String>) {
    for folder in PYTHON_FOLDERS {
        let path = building::root().join(folder);
        let (wanted, installed) = (path.join("requirements.txt"), path.join(".venv/installed.txt"));
        let read = |file: &Path| fs::read_to_string(file).ok();
        if read(&installed).is_some() && read(&installed) == read(&wanted) {
            println!("have     the packages of {folder}");
            continue;
        }
        let environment = format!("{folder}/.venv");
        let requirements = format!("{folder}/requirements.txt");
        let pip = format!("{environment}/bin/pip");
        let done = run("python3", &["-m", "venv", &environment])
            && run(&pip, &["install", "--quiet", "--requirement", &requirements])
            && fs::copy(&wanted, &installed).is_ok();
        if !done {
            missing.push(format!(
                "install the packages of {folder}: apt-get install python3-venv; \
                 python3 -m venv {environment} && {pip} install --requirement {requirements}"
            ));
        }
    }
}

fn provide_nextest() -> bool {
    if has("cargo-nextest") {
        println!("have     cargo-nextest");
        return true;
    }
    println!("installing cargo-nextest, which takes some minutes");
    if run("cargo", &["install", "cargo-nextest", "--locked"]) {
        return true;
    }
    println!(
        "cargo-nextest could not be installed: `cargo test` runs the same tests, slower and without time-outs"
    );
    false
}

/// Whether a program can be found by its name, or is there as a file.
fn has(program: &str) -> bool {
    if program.starts_with('/') {
        return Path::new(program).is_file();
    }
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

fn run(program: &str, arguments: &[&str]) -> bool {
    println!("$ {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .current_dir(building::root())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Whether this process may install packages: user 0 owns what it has in `/proc`.
fn is_root() -> bool {
    let status = fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let user =
        status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_ascii_whitespace().nth(1));
    user == Some("0")
}
