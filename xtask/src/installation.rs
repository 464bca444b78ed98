//! An installation of the server for a chore: its folder, its settings, and the process while it runs.
//!
//! The crash test, the cluster test and the benchmark start the shipped binary with it, kill it, and start it again at the same address.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use tidings_services::Signal;

use crate::http::{self, Client, Doors};

/// How long the server may take until it is ready: a million events to look through on a slow disk, with room.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How often readiness is asked for; the measured time is exact to this.
const READY_POLL: Duration = Duration::from_millis(1);

/// How long a polite stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// The token of the chores' installations, which live as long as the chore does.
const TOKEN: &str = "tdg_xtask_0000000000000000000000000000000000000000";

/// The header's value that shows [`TOKEN`].
const BEARER: &str = "Bearer tdg_xtask_0000000000000000000000000000000000000000";

/// Where a server lives and how it is set up: one node, unless more are added.
#[derive(Debug)]
pub(crate) struct Installation {
    binary: PathBuf,
    folder: PathBuf,
    bots: PathBuf,
    settings: Vec<(String, String)>,
    first: Node,
    /// Those beside the first one.
    others: Vec<Node>,
}

/// One node of an installation.
#[derive(Debug)]
struct Node {
    data: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    /// What is set on this node only.
    settings: Vec<(String, String)>,
}

/// A server that runs. When it is dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// How long it took from the start of the process until it was ready.
    pub(crate) ready_after: Duration,
}

impl Installation {
    /// A new one in a folder, at a free port of this machine, with calls to this machine allowed, and without the limits
    /// that a load reaches: requests per second, a bot's messages per minute.
    pub(crate) fn new(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let this = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            bots: folder.join("bots"),
            settings: vec![
                ("TIDINGS_BOOTSTRAP_TOKEN".to_owned(), TOKEN.to_owned()),
                ("TIDINGS__OUTBOUND__ALLOW".to_owned(), "127.0.0.0/8".to_owned()),
                ("TIDINGS__LIMITS__REQUESTS_PER_SECOND".to_owned(), "0".to_owned()),
                ("TIDINGS__LIMITS__VISITOR_MESSAGES_PER_SECOND".to_owned(), "0".to_owned()),
                ("TIDINGS__BOTS__MESSAGES_PER_MINUTE_MAX".to_owned(), "1000000000".to_owned()),
                ("TIDINGS__LOG__LEVEL".to_owned(), "warn".to_owned()),
            ],
            first: Node::new(folder.join("data"), folder.join("server.log"))?,
            others: Vec::new(),
        };
        fs::create_dir_all(&this.bots).context("cannot make the folder of bots")?;
        Ok(this)
    }

    /// The same one with its data in another folder.
    pub(crate) fn move_data(&mut self, data: &Path) {
        data.clone_into(&mut self.first.data);
    }

    /// Sets a setting by the name of its environment variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Makes as many nodes of it as there are ways to the database and to NATS: a node has one of each.
    pub(crate) fn spread(&mut self, ways: &[(String, String)]) -> anyhow::Result<()> {
        let files = self.folder.join("files");
        fs::create_dir_all(&files).context("cannot make a folder for files")?;
        self.set("TIDINGS__FILES__SHARED_FOLDER", &files.to_string_lossy());
        // Nobody balances here: who is asked to end may end.
        self.set("TIDINGS__HTTP__DRAIN_S", "0");
        for number in 2..=ways.len() {
            let data = self.folder.join(format!("data-{number}"));
            self.others.push(Node::new(data, self.folder.join(format!("server-{number}.log")))?);
        }
        let nodes = std::iter::once(&mut self.first).chain(&mut self.others);
        for (number, (node, (database, nats))) in nodes.zip(ways).enumerate() {
            for (name, value) in [
                ("TIDINGS__DATABASE__URL", database.clone()),
                ("TIDINGS__NATS__URLS", nats.clone()),
                ("TIDINGS__NODE__NAME", format!("node-{}", number + 1)),
            ] {
                node.settings.push((name.to_owned(), value));
            }
        }
        Ok(())
    }

    /// Gives the key that the first node made for what it keeps sealed to the others.
    fn share_key(&self) -> anyhow::Result<()> {
        for node in &self.others {
            fs::copy(self.data().join("secret.key"), node.data.join("secret.key"))
                .context("cannot copy the key of the first node")?;
        }
        Ok(())
    }

    /// Where the first node listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.first.address
    }

    /// Where each node listens.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes().map(|node| node.address).collect()
    }

    /// All nodes, as somebody with a number asks them.
    pub(crate) fn doors(&self, number: usize) -> Doors {
        Doors::new(self.addresses(), number)
    }

    /// The data folder of the first node.
    pub(crate) fn data(&self) -> &Path {
        &self.first.data
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Writes a file of a bot.
    pub(crate) fn write_bot(&self, bot: &str, file: &str, text: &str) -> anyhow::Result<()> {
        let folder = self.bots.join(bot);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(file), text))
            .context("cannot write a bot")
    }

    /// The header that lets a request into the API.
    pub(crate) const fn authorization() -> (&'static str, &'static str) {
        ("authorization", BEARER)
    }

    /// Starts the server, and waits until it is ready.
    pub(crate) async fn start(&self) -> anyhow::Result<Running> {
        self.start_node(0).await
    }

    /// Starts all nodes one after another, and waits until they are ready.
    pub(crate) async fn start_all(&self) -> anyhow::Result<Vec<Running>> {
        let mut running = vec![self.start().await?];
        self.share_key()?;
        for number in 1..=self.others.len() {
            running.push(self.start_node(number).await?);
        }
        Ok(running)
    }

    /// Starts one of the nodes, and waits until it is ready.
    pub(crate) async fn start_node(&self, number: usize) -> anyhow::Result<Running> {
        self.start_node_of(number, &self.binary).await
    }

    /// The same, of another build.
    pub(crate) async fn start_node_of(
        &self,
        number: usize,
        binary: &Path,
    ) -> anyhow::Result<Running> {
        let node = self.nodes().nth(number).context("there are not so many nodes")?;
        let log = File::options().create(true).append(true).open(&node.log);
        let log = log.context("cannot open the server's log")?;
        let errors = log.try_clone().context("cannot open the server's log")?;
        let began = Instant::now();
        let settings = self.settings.iter().chain(&node.settings);
        let child = Command::new(binary)
            .arg("serve")
            .arg("--data")
            .arg(&node.data)
            .arg("--bots")
            .arg(&self.bots)
            .args(["--listen", &node.address.to_string()])
            .envs(settings.map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .context("cannot start the server")?;
        let mut running = Running { child, ready_after: Duration::ZERO };
        let ask = http::request("GET", "/readyz", &[], b"");
        loop {
            if let Ok(answer) = Client::new(node.address).send(&ask).await
                && answer.is_success()
            {
                running.ready_after = began.elapsed();
                return Ok(running);
            }
            if let Some(status) =
                running.child.try_wait().context("cannot ask for the server's state")?
            {
                bail!(
                    "the server ended while it started ({status}); its log ends with:\n{}",
                    node.end_of_log()
                );
            }
            ensure!(
                began.elapsed() < READY_WITHIN,
                "the server is not ready after {READY_WITHIN:?}; its log ends with:\n{}",
                node.end_of_log()
            );
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Calls the API once and wants a success.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = http::request(method, path, &[Self::authorization()], body.as_bytes());
        let answer = Client::new(self.address())
            .send(&request)
            .await
            .with_context(|| format!("{method} {path}"))?;
        ensure!(answer.is_success(), "{method} {path} was answered {}", answer.summary());
        Ok(answer.json())
    }

    /// Makes a chat page that a bot answers on. Returns the channel's id.
    pub(crate) async fn make_web_channel(&self, bot: Option<&str>) -> anyhow::Result<String> {
        let body = json!({"kind": "web", "name": "page", "bot": bot, "settings": {}});
        let channel = self.call("POST", "/api/v1/channels", Some(&body)).await?;
        text_of(&channel, "id")
    }

    /// Lets a visitor in. Returns their own token.
    pub(crate) async fn make_visitor(&self, channel: &str) -> anyhow::Result<String> {
        let session =
            self.call("POST", &format!("/channels/{channel}/session"), Some(&json!({}))).await?;
        text_of(&session, "token")
    }
}

impl Node {
    /// One at a free port of this machine.
    fn new(data: PathBuf, log: PathBuf) -> anyhow::Result<Self> {
        let address = tidings_services::free_address()?;
        fs::create_dir_all(&data).context("cannot make the data folder")?;
        Ok(Self { data, log, address, settings: Vec::new() })
    }

    /// The last lines of what it logged.
    fn end_of_log(&self) -> String {
        const LINES: usize = 20;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }
}

/// A field of an answer that must be text.
pub(crate) fn text_of(answer: &Value, field: &str) -> anyhow::Result<String> {
    let text = answer.get(field).and_then(Value::as_str);
    text.map(ToOwned::to_owned)
        .with_context(|| format!("an answer has no field {field:?}: {answer}"))
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a word (SIGKILL).
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().context("cannot kill the server")?;
        self.child.wait().context("cannot wait for the server's end")?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        Signal::Terminate.send(self.pid())?;
        let began = Instant::now();
        while self.child.try_wait().context("cannot wait for the server's end")?.is_none() {
            ensure!(began.elapsed() < STOP_WITHIN, "the server does not end when asked to");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already: then there is nobody to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
