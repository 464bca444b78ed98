//! An installation for a test: a folder, a port, the process that serves it, and short ways to ask it things.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

/// How long anything may take that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// How often is looked.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// The first token of every installation here.
pub(crate) const TOKEN: &str = "tdg_tests_00000000000000000000000000000000000";

/// The binary under test.
pub(crate) const TIDINGS: &str = env!("CARGO_BIN_EXE_tidings");

/// One client for all: it keeps connections.
static HTTP: LazyLock<reqwest::Client> = LazyLock::new(|| {
    #[expect(clippy::disallowed_methods, reason = "the test calls its own server")]
    reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .pool_max_idle_per_host(0)
        .build()
        .expect("a client can be made")
});

/// A client that keeps no connection, so that a restarted server is asked anew.
pub(crate) fn http() -> &'static reqwest::Client {
    &HTTP
}

/// A folder, a port and settings; what serves it is a [`Running`].
pub(crate) struct Installation {
    folder: tempfile::TempDir,
    data: PathBuf,
    pub(crate) address: String,
    settings: Vec<(String, String)>,
}

/// A process that serves. Killed when it is dropped.
pub(crate) struct Running {
    child: Child,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A port that nobody has now.
pub(crate) fn free_address() -> String {
    tidings_services::free_address().expect("a free port").to_string()
}

impl Installation {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let data = folder.path().join("data");
        let settings = [
            ("TIDINGS_BOOTSTRAP_TOKEN", TOKEN),
            ("TIDINGS__OUTBOUND__ALLOW", "127.0.0.0/8"),
            ("TIDINGS__LIMITS__REQUESTS_PER_SECOND", "0"),
            ("TIDINGS__LIMITS__VISITOR_MESSAGES_PER_SECOND", "0"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { folder, data, address: free_address(), settings }
    }

    /// The same folder for tests, with the data elsewhere.
    pub(crate) fn with_data(mut self, data: &Path) -> Self {
        data.clone_into(&mut self.data);
        self
    }

    /// A setting by its environment variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A path beside the data.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where the log of all its servers is.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.beside("log")).unwrap_or_default()
    }

    pub(crate) fn write_bot(&self, bot: &str, text: &str) {
        let folder = self.data.join("bots").join(bot);
        std::fs::create_dir_all(&folder).expect("a folder for the bot");
        std::fs::write(folder.join("bot.yaml"), text).expect("the bot can be written");
    }

    /// `tidings serve`, as it would be started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(TIDINGS);
        command.arg("serve").arg("--data").arg(&self.data).args(["--listen", &self.address]);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Starts a server that is expected to refuse, and gives what it said.
    pub(crate) fn refused(&self) -> Output {
        refused(&mut self.command())
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn start(&self) -> Running {
        self.start_as("/readyz", &mut self.command()).await
    }

    /// Starts the server and waits until this path is answered well.
    pub(crate) async fn start_as(&self, path: &str, command: &mut Command) -> Running {
        let log = || {
            std::fs::create_dir_all(self.folder.path()).expect("the folder is there");
            let file = std::fs::File::options().create(true).append(true).open(self.beside("log"));
            file.expect("the log can be opened")
        };
        let child = command.stdout(log()).stderr(log()).spawn().expect("tidings starts");
        let mut running = Running { child };
        let url = format!("{}{path}", self.url());
        eventually("the server answers", async || {
            if let Some(status) = running.child.try_wait().expect("asked") {
                panic!("the server ended with {status}: {}", self.log());
            }
            http().get(&url).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        running
    }

    pub(crate) async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let mut request =
            http().request(method, format!("{}{path}", self.url())).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or_default() })
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_call(Method::GET, path, None).await.expect("the server answers")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_call(Method::POST, path, Some(body)).await.expect("the server answers")
    }

    /// Sends an event that stands alone, and wants it taken.
    pub(crate) async fn raise(&self, text: &str) -> Value {
        let answer = self.post("/api/v1/events", &custom(text)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    }

    /// The whole log, page by page.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let page = self.get(&format!("/api/v1/events?limit=100&after={after}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            events.extend(page.body["items"].as_array().expect("items").iter().cloned());
            match page.body["next"].as_u64() {
                Some(next) => after = next,
                None => return events,
            }
        }
    }

    /// A web channel that a bot answers on. Returns its id.
    pub(crate) async fn web_channel(&self, bot: &str) -> String {
        let body = json!({ "kind": "web", "name": "page", "bot": bot, "settings": {} });
        let made = self.post("/api/v1/channels", &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.body["id"].as_str().expect("an id").to_owned()
    }

    /// A visitor's own token.
    pub(crate) async fn visitor(&self, channel: &str) -> String {
        let session = self.post(&format!("/channels/{channel}/session"), &json!({})).await;
        assert!(session.status < 300, "{session:?}");
        session.body["token"].as_str().expect("a token").to_owned()
    }

    /// Alice writes on the chat page; her text is the message's own id as well. Returns the answer's status.
    pub(crate) async fn try_write(
        &self,
        channel: &str,
        visitor: &str,
        text: &str,
    ) -> reqwest::Result<u16> {
        let request = http()
            .post(format!("{}/channels/{channel}/messages", self.url()))
            .bearer_auth(visitor)
            .json(&json!({ "text": text, "custom_id": text }));
        Ok(request.send().await?.status().as_u16())
    }

    /// Alice writes on the chat page, and it is taken.
    pub(crate) async fn write(&self, channel: &str, visitor: &str, text: &str) {
        let status = self.try_write(channel, visitor, text).await.expect("the server answers");
        assert_eq!(status, 201, "{text:?} was not taken");
    }

    /// Subscribes an address to all events, and returns the signing secret.
    pub(crate) async fn subscribe(&self, url: &str) -> String {
        let made = self.post("/api/v1/endpoints", &json!({ "url": url })).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.body["secret"].as_str().expect("a secret").to_owned()
    }

    /// Runs a command of `tidings` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(TIDINGS);
        command.args(arguments).current_dir(self.folder.path());
        command.env("TIDINGS_URL", self.url()).env("TIDINGS_TOKEN", TOKEN);
        command.stdin(Stdio::null()).output().expect("tidings starts")
    }
}

impl Installation {
    /// As [`Installation::run`], with the settings of the server.
    pub(crate) fn as_set(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(TIDINGS);
        command.args(arguments).current_dir(self.folder.path());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).output().expect("tidings starts")
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &command]).status().expect("sh starts");
        assert!(sent.success(), "the signal {name} was not sent");
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the server ends", async || {
            status = self.child.try_wait().expect("asked");
            status.is_some()
        })
        .await;
        status.expect("it ended")
    }

    /// Asks it to end, and waits until it has, well.
    pub(crate) async fn stop(mut self) {
        self.signal("TERM");
        let status = self.ended().await;
        assert!(status.success(), "{status}");
    }

    /// Ends it without a word.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An event that stands alone.
pub(crate) fn custom(text: &str) -> Value {
    json!({ "type": "chat.custom", "data": { "kind": "note", "content": { "text": text } } })
}

/// Runs a command that is expected to end by itself, with a failure.
pub(crate) fn refused(command: &mut Command) -> Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tidings starts");
    let began = Instant::now();
    while child.try_wait().expect("asked").is_none() {
        if began.elapsed() > PATIENCE {
            drop(child.kill());
            panic!("it serves, and should have refused");
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    let output = child.wait_with_output().expect("it ended");
    assert!(!output.status.success(), "it should have refused: {output:?}");
    output
}

/// What a command said on standard error.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command printed.
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a condition holds, and fails where it does not within [`PATIENCE`].
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Numbers without a gap, from 1.
pub(crate) fn assert_no_gap(events: &[Value]) {
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], json!(index + 1), "a gap before {event}");
    }
}
