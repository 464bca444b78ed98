//! A receiver of `docs/receivers`: how it is started, spoken to, killed, and read.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderValue;
use tidings_testkit::receiver_cases::{Case, keys, signed};

use crate::installation::{TOKEN, eventually, free_address, http};
use crate::livechat_clients::interpreter;

/// A receiver in one language.
pub(super) struct Kit {
    pub(super) name: &'static str,
    /// What is started, with its arguments; `ADDRESS` stands for where it listens.
    programs: Vec<Vec<String>>,
    /// What it was built into, where it was built.
    _built: Option<tempfile::TempDir>,
}

/// One that runs. Killed when it is dropped.
pub(super) struct Receiver {
    folder: tempfile::TempDir,
    address: String,
    commands: Vec<Command>,
    running: Vec<Child>,
    /// How many events only show how far it is.
    settled: u32,
}

/// How the ids of such events begin.
const SETTLE: &str = "settle-";

/// Where Debian puts Java's library for JSON.
const GSON: &str = "/usr/share/java/gson.jar";

fn source(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/receivers");
    docs.join(name).to_str().expect("a path of text").to_owned()
}

fn place_to_build() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder for the program");
    let path = folder.path().to_str().expect("a path of text").to_owned();
    (folder, path)
}

fn built(compiler: &mut Command) {
    let status = compiler.stdin(Stdio::null()).status();
    let status = status.unwrap_or_else(|error| {
        panic!("{compiler:?}: {error}; cargo xtask test installs what is missing")
    });
    assert!(status.success(), "{compiler:?}: {status}");
}

pub(super) fn now_s() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "receivers look at the real clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("a sensible time")
}

impl Kit {
    fn of(name: &'static str, programs: &[&[&str]]) -> Self {
        let owned = |program: &&[&str]| program.iter().map(|&part| part.to_owned()).collect();
        Self { name, programs: programs.iter().map(owned).collect(), _built: None }
    }

    pub(super) fn javascript() -> Self {
        Self::of("JavaScript", &[&["node", &source("receiver.mjs")]])
    }

    /// The Python of the other tests, which has `cryptography`.
    pub(super) fn python() -> Self {
        let python = interpreter().to_str().expect("a path of text").to_owned();
        Self::of("Python", &[&[&python, &source("receiver.py")]])
    }

    pub(super) fn php() -> Self {
        let source = source("receiver.php");
        Self::of("PHP", &[&["php", "-S", "ADDRESS", &source], &["php", &source]])
    }

    pub(super) fn ruby() -> Self {
        Self::of("Ruby", &[&["ruby", &source("receiver.rb")]])
    }

    /// Built once, as each start would wait for the compiler.
    pub(super) fn java() -> Self {
        assert!(Path::new(GSON).is_file(), "Gson is not installed: cargo xtask test does it");
        let (folder, path) = place_to_build();
        built(Command::new("javac").args(["-cp", GSON, "-d", &path, &source("Receiver.java")]));
        let found = format!("{GSON}:{path}");
        Self { _built: Some(folder), ..Self::of("Java", &[&["java", "-cp", &found, "Receiver"]]) }
    }

    /// Built once, as each start would wait for the compiler.
    pub(super) fn go() -> Self {
        let (folder, path) = place_to_build();
        let program = format!("{path}/receiver");
        let mut go = Command::new("go");
        go.env("GOTOOLCHAIN", "local").env("GO111MODULE", "off");
        built(go.args(["build", "-o", &program, &source("receiver.go")]));
        Self { _built: Some(folder), ..Self::of("Go", &[&[&program]]) }
    }

    /// Starts it in a folder of its own, and waits until it answers.
    pub(super) async fn start(&self, settings: &[(&str, &str)]) -> Receiver {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let address = free_address();
        let port = address.rsplit(':').next().expect("a port");
        let commands = self
            .programs
            .iter()
            .map(|program| {
                let (name, arguments) = program.split_first().expect("a program");
                let mut command = Command::new(name);
                let said = |argument: &String| argument.replace("ADDRESS", &address);
                command.args(arguments.iter().map(said)).stdin(Stdio::null());
                command.env("WEBHOOK_KEYS", keys().join(" ")).env("PORT", port);
                command.env("DATA", folder.path()).env("TIDINGS_TOKEN", TOKEN);
                command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
                command.env("PYTHONDONTWRITEBYTECODE", "1").envs(settings.iter().copied());
                command
            })
            .collect();
        let mut receiver = Receiver { folder, address, commands, running: Vec::new(), settled: 0 };
        receiver.start_again().await;
        receiver
    }
}

impl Receiver {
    /// Starts it in the folder that it had before.
    pub(super) async fn start_again(&mut self) {
        let log = |name: &str| {
            let file =
                File::options().create(true).append(true).open(self.folder.path().join(name));
            file.expect("the log can be opened")
        };
        for command in &mut self.commands {
            let child = command.stdout(log("out")).stderr(log("log")).spawn();
            let name = command.get_program().to_owned();
            self.running.push(child.unwrap_or_else(|error| {
                panic!("{} does not start: {error}; cargo xtask test installs it", name.display())
            }));
        }
        let url = format!("http://{}/", self.address);
        let mut running = std::mem::take(&mut self.running);
        eventually("the receiver answers", async || {
            for child in &mut running {
                let ended = child.try_wait().expect("asked");
                assert!(ended.is_none(), "the receiver ended with {ended:?}: {}", self.log());
            }
            http().get(&url).send().await.is_ok()
        })
        .await;
        self.running = running;
    }

    /// Kills it where it stands.
    pub(super) fn crash(&mut self) {
        for child in &mut self.running {
            // It may have ended by itself, which the next start tells.
            drop(child.kill());
            drop(child.wait());
        }
        self.running.clear();
    }

    /// Delivers, and returns the status of the answer.
    pub(super) async fn post(&self, case: &Case) -> u16 {
        let mut request = http().post(format!("http://{}/hook", self.address));
        for (name, value) in &case.headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("bytes of a header");
            request = request.header(name, value);
        }
        // Of an empty body the client would say no length.
        request = request.header("content-length", case.body.len());
        let answer = request.body(case.body.clone()).send().await;
        answer
            .unwrap_or_else(|error| panic!("{error:?} {case:?}: {}", self.log()))
            .status()
            .as_u16()
    }

    /// Waits until everything that was delivered before is done, and noted as done: so a crash repeats nothing of it.
    pub(super) async fn settle(&mut self) {
        for _ in 0..2 {
            self.settled += 1;
            let id = format!("{SETTLE}{}", self.settled);
            let case = signed(&id, &format!(r#"{{"id":"{id}"}}"#), now_s());
            assert_eq!(self.post(&case).await, 204);
            eventually("the last one is handled", async || {
                self.lines().iter().any(|(handled, _)| *handled == id)
            })
            .await;
        }
    }

    /// What it worked on, in its order: ids and their place in the thread, or 0.
    pub(super) fn handled(&self) -> Vec<(String, u64)> {
        let mut lines = self.lines();
        lines.retain(|(id, _)| !id.starts_with(SETTLE));
        lines
    }

    fn lines(&self) -> Vec<(String, u64)> {
        let text = std::fs::read_to_string(self.folder.path().join("out")).unwrap_or_default();
        text.split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n')?.strip_prefix("handled "))
            .map(|line| {
                let (id, order) = line.split_once(' ').expect("id and order");
                (id.to_owned(), order.parse().unwrap_or(0))
            })
            .collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.crash();
    }
}
