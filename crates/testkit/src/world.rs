//! The real server on port 0, over real HTTP, with a store in a folder that goes away and a clock to turn.
//!
//! ```text
//! let world = World::start().await;
//! let sent = world.post("/api/v1/events", &json!({ "type": "custom.raised", "data": {} })).await;
//! assert_eq!(sent.status, 201);
//! world.stop().await;
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Value, json};
use tidings_api::{ApiState, Limits, Readiness};
use tidings_app::admin::bots::{self, Published};
use tidings_app::admin::tokens::{self, Right};
use tidings_app::admin::workspaces;
use tidings_app::pipeline::cursors;
use tidings_app::pipeline::start::READERS;
use tidings_app::pipeline::{self, Running};
use tidings_app::seal::{KEY_BYTES, Sealer};
use tidings_app::{App, Parts, Settings};
use tidings_behaviors::BotSource;
use tidings_bus::{Alone, Bus};
use tidings_catalogue::Catalogue;
use tidings_model::{
    ChannelId, Clock, Delivery, Destination, EndpointId, Event, NodeId, Seq, Timestamp, WorkspaceId,
};
use tidings_outbound::{Client, Options as Ways, Policy, Roots};
use tidings_store::{DocumentQuery, EventQuery, Held, Kind, Nodes, Scan, Share, Store, Timer};
use tidings_store_sqlite::{Options, SqliteArchive, SqliteStore};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::clock::HandClock;
use crate::store::Troubled;

/// How long a test waits for something that must come, before it fails.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// How often it looks meanwhile: less often than visitors of one address may ask in the long run.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// Puts something between the server and its store.
pub type Between = Box<dyn FnOnce(Arc<SqliteStore>) -> Arc<dyn Store> + Send>;

/// How a server for tests begins.
pub struct Start {
    /// The limits of its API.
    pub limits: Limits,
    /// What the operator set; the address and the folder of the files are the test's own.
    pub settings: Settings,
    /// Routes beside its own.
    pub routes: Option<axum::Router>,
    /// What stands between the server and its store; what says more in it than this release knows, unless given.
    pub between: Between,
    /// The networks beyond the open internet that webhooks may go to; this machine, unless given.
    pub allow: Vec<&'static str>,
    /// Who is trusted beside the machine's authorities when webhooks are sent.
    pub roots: Option<Roots>,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            settings: Settings::default(),
            routes: None,
            between: Box::new(Troubled::knows_more),
            allow: vec!["127.0.0.0/8"],
            roots: None,
        }
    }
}

/// A server for tests, with one workspace.
pub struct World {
    /// What the server does.
    pub app: Arc<App>,
    /// Everybody's clock.
    pub clock: Arc<HandClock>,
    /// The server's address, as `http://127.0.0.1:1234`.
    pub base_url: String,
    /// A token with all rights.
    pub token: String,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What the server says of itself.
    pub readiness: Arc<Readiness>,
    /// For calls that the short ways below do not make.
    pub http: reqwest::Client,
    running: Running,
    server: JoinHandle<()>,
    folder: Arc<tempfile::TempDir>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

impl Answer {
    /// The code of a problem; empty where the answer is none.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// Where the first field stands that a problem tells of.
    pub fn pointer(&self) -> &str {
        self.body.pointer("/errors/0/pointer").and_then(Value::as_str).unwrap_or_default()
    }

    /// The items of a list.
    pub fn items(&self) -> &[Value] {
        self.body.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// A header as text; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl World {
    /// Starts a server with the usual limits.
    pub async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    /// Starts a server with these limits.
    pub async fn start_with(limits: Limits) -> Self {
        Self::start_with_routes(limits, None).await
    }

    /// Starts a server with these limits, and routes beside its own.
    pub async fn start_with_routes(limits: Limits, extra: Option<axum::Router>) -> Self {
        Self::begin(Start { limits, routes: extra, ..Start::default() }).await
    }

    /// Starts a server in a fresh folder.
    pub async fn begin(start: Start) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder for the test"));
        let clock = HandClock::new();
        let (listener, base_url) = bind().await;
        let store = (start.between)(open_store(&folder, &clock));
        let node = OneNode::alone();
        let guarded = way_out(&start.allow, start.roots);
        let app = open(store, node, &folder, &clock, &base_url, start.settings, guarded).await;
        Self::founded(app, folder, clock, listener, base_url, start.limits, start.routes).await
    }

    /// Makes the workspace, and serves it.
    async fn founded(
        app: Arc<App>,
        folder: Arc<tempfile::TempDir>,
        clock: Arc<HandClock>,
        listener: TcpListener,
        base_url: String,
        limits: Limits,
        routes: Option<axum::Router>,
    ) -> Self {
        let directory = workspaces::create(&app, "test").await.expect("a workspace can be made");
        let workspace = directory.workspace();
        let all = BTreeSet::from([Right::Read, Right::Write, Right::Admin]);
        let (_, token) =
            tokens::create(&app, workspace, "tests", all, None).await.expect("a token can be made");
        let place = Place { folder, clock, listener, base_url, token, workspace };
        Self::serve(app, place, limits, routes).await
    }

    /// Stops in order, and opens the same folder again.
    pub async fn restart(self) -> Self {
        self.restart_as(Start::default()).await
    }

    /// Stops in order, and opens the same folder again with other settings.
    pub async fn restart_as(self, start: Start) -> Self {
        self.readiness.drain();
        self.server.await.expect("the server ends well");
        self.running.stop().await;
        self.app.close().await;
        let Self { clock, token, workspace, folder, app, http, .. } = self;
        drop((app, http));
        let (listener, base_url) = bind().await;
        let store = (start.between)(open_store(&folder, &clock));
        let node = OneNode::alone();
        let guarded = way_out(&start.allow, start.roots);
        let app = open(store, node, &folder, &clock, &base_url, start.settings, guarded).await;
        bots::load_live(&app, workspace).await.expect("the bots can be read");
        let place = Place { folder, clock, listener, base_url, token, workspace };
        Self::serve(app, place, start.limits, start.routes).await
    }

    /// Another node over the same store.
    pub(crate) async fn another(
        &self,
        bus: Arc<dyn Bus>,
        nodes: Arc<dyn Nodes>,
        node: NodeId,
    ) -> Self {
        let (listener, base_url) = bind().await;
        let (folder, clock) = (Arc::clone(&self.folder), Arc::clone(&self.clock));
        let node = OneNode { node, bus, nodes: Some(nodes), archive: format!("archive-{node}.db") };
        let store = Arc::clone(self.app.store());
        let start = Start::default();
        let guarded = way_out(&start.allow, start.roots);
        let app = open(store, node, &folder, &clock, &base_url, start.settings, guarded).await;
        bots::load_live(&app, self.workspace).await.expect("the bots can be read");
        let (token, workspace) = (self.token.clone(), self.workspace);
        let place = Place { folder, clock, listener, base_url, token, workspace };
        Self::serve(app, place, start.limits, start.routes).await
    }

    /// The first of several nodes.
    pub(crate) async fn first(
        bus: Arc<dyn Bus>,
        nodes: Arc<dyn Nodes>,
        node: NodeId,
        clock: Arc<HandClock>,
    ) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a folder for the test"));
        let (listener, base_url) = bind().await;
        let store: Arc<dyn Store> = open_store(&folder, &clock);
        let node = OneNode { node, bus, nodes: Some(nodes), archive: "archive.db".into() };
        let start = Start::default();
        let guarded = way_out(&start.allow, start.roots);
        let app = open(store, node, &folder, &clock, &base_url, start.settings, guarded).await;
        Self::founded(app, folder, clock, listener, base_url, start.limits, start.routes).await
    }

    /// Ends without a word: nothing of it is finished, and nobody is told.
    pub(crate) fn die(self) {
        self.server.abort();
        drop(self.running);
    }

    /// Stops in order, and leaves the store open: other nodes use it.
    pub(crate) async fn step_down(self) {
        self.readiness.drain();
        self.server.await.expect("the server ends well");
        self.running.stop().await;
    }

    async fn serve(
        app: Arc<App>,
        place: Place,
        limits: Limits,
        extra: Option<axum::Router>,
    ) -> Self {
        let Place { folder, clock, listener, base_url, token, workspace } = place;
        let running = pipeline::start(&app).await.expect("the pipeline starts");
        let readiness = Readiness::starting();
        let state = ApiState {
            app: Arc::clone(&app),
            limits,
            proxies: vec!["127.0.0.1".parse().expect("an address")],
            readiness: Arc::clone(&readiness),
            metrics: Arc::new(|| "# no metrics in tests\n".into()),
            extra,
        };
        let service =
            tidings_api::router(state).into_make_service_with_connect_info::<SocketAddr>();
        let draining = Arc::clone(&readiness);
        let serving = axum::serve(listener, service)
            .with_graceful_shutdown(async move { draining.draining().await });
        let server = tokio::spawn(async move { serving.await.expect("the server serves") });
        readiness.ready();
        #[expect(clippy::disallowed_methods, reason = "a test speaks to its own server")]
        let http = reqwest::Client::new();
        Self { app, clock, base_url, token, workspace, readiness, http, running, server, folder }
    }

    /// Stops in order: streams end, what is in hand is finished, the store is closed.
    pub async fn stop(self) {
        self.readiness.drain();
        self.server.await.expect("the server ends well");
        self.running.stop().await;
        self.app.close().await;
    }

    /// A call without a token.
    pub fn anonymous(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    /// A call with the token of all rights.
    pub fn call(&self, method: http::Method, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.token)
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        answer(self.call(http::Method::GET, path)).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.call(http::Method::POST, path).json(body)).await
    }

    /// A token with these rights only.
    pub async fn token_with(&self, rights: impl IntoIterator<Item = Right>) -> String {
        let rights = rights.into_iter().collect();
        let made = tokens::create(&self.app, self.workspace, "narrow", rights, None).await;
        made.expect("a token can be made").1
    }

    /// Puts JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.call(http::Method::PUT, path).json(body)).await
    }

    /// A new web channel, without a bot.
    pub async fn web_channel(&self) -> ChannelId {
        self.make_web_channel(json!({ "kind": "web", "name": "Chat page" })).await
    }

    /// A new web channel, whose chats a bot holds.
    pub async fn web_channel_of(&self, bot: &str) -> ChannelId {
        self.make_web_channel(json!({ "kind": "web", "name": "Chat page", "bot": bot })).await
    }

    async fn make_web_channel(&self, channel: Value) -> ChannelId {
        let made = self.post("/api/v1/channels", &channel).await;
        let id = made.body.get("id").and_then(Value::as_str).expect("the channel was made");
        id.parse().expect("ids of channels are ids")
    }

    /// Publishes a bot's text, of one file.
    pub async fn publish(&self, name: &str, text: &str) -> Published {
        let name = name.parse().expect("a good name");
        let source = BotSource { name, files: vec![("bot.yaml".into(), text.into())] };
        bots::publish(&self.app, self.workspace, source).await.expect("the store takes it")
    }

    /// Publishes a bot's text, which must be good.
    pub async fn publish_good(&self, name: &str, text: &str) {
        let published = self.publish(name, text).await;
        assert!(matches!(published, Published::Live { .. }), "{published:?}");
    }

    /// The whole log, as the API gives it.
    pub async fn events(&self) -> Vec<Value> {
        let mut events = Vec::new();
        let mut path = "/api/v1/events?limit=1000".to_owned();
        loop {
            let page = self.get(&path).await;
            assert_eq!(page.status, 200, "{page:?}");
            events.extend_from_slice(page.items());
            let Some(next) = page.body.get("next").and_then(Value::as_u64) else { return events };
            path = format!("/api/v1/events?limit=1000&after={next}");
        }
    }

    /// The events of a type so far, as the API gives them.
    pub async fn events_of(&self, event_type: &str) -> Vec<Value> {
        let page = self.get(&format!("/api/v1/events?limit=1000&type={event_type}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.items().to_vec()
    }

    /// Looks until it is there; fails the test after [`WAIT_MAX`].
    #[expect(clippy::panic, reason = "a test that waits in vain fails")]
    pub async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        match tokio::time::timeout(WAIT_MAX, search).await {
            Ok(found) => found,
            Err(_) => {
                let log: Vec<String> = self.events().await.iter().map(line).collect();
                panic!("waited in vain for {what}; the log:\n{}", log.join("\n"));
            }
        }
    }

    /// Turns the clock, and rings what is due.
    pub fn turn(&self, by: Duration) {
        self.clock.turn(by);
        self.app.look_at_timers();
    }

    /// How many shares this node works on.
    pub fn shares_held(&self) -> usize {
        Share::all().filter(|share| self.app.holds(self.workspace, *share)).count()
    }

    /// Waits until nothing is left to do now: every reader is at the end of the log, and no timer is due.
    pub async fn settle(&self) {
        let store = self.app.store();
        self.until("all work to be done", async || {
            for reader in READERS {
                let cursor = cursors::least(store.as_ref(), self.workspace, reader).await;
                let cursor = cursor.expect("it can be read");
                let last = store.last_seq(self.workspace).await.expect("it can be read");
                if cursor < last {
                    return None;
                }
            }
            let before = store.last_seq(self.workspace).await.expect("it can be read");
            let due =
                store.due_timers(self.app.now(), 1, &Held::All).await.expect("they can be read");
            let mut done = due.is_empty() && self.app.deliveries_rest();
            for reader in READERS {
                let cursor = cursors::least(store.as_ref(), self.workspace, reader).await;
                let cursor = cursor.expect("it can be read");
                done &= cursor >= before;
            }
            let after = store.last_seq(self.workspace).await.expect("it can be read");
            (done && before == after).then_some(())
        })
        .await;
    }

    /// Everything that is kept, but for how often it was written: what two ways to the same end must agree on.
    pub async fn kept(&self) -> Vec<String> {
        let mut kept: Vec<String> = self.events().await.iter().map(Value::to_string).collect();
        let told = [Kind::Chat, Kind::Control, Kind::Session, Kind::Customer, Kind::Run];
        for kind in told.into_iter().chain([Kind::Delivery, Kind::Endpoint]) {
            for document in self.documents(kind, Scan::All).await {
                kept.push(format!("{} {}", document.key, document.body));
            }
        }
        kept.extend(self.timers().await.iter().map(|timer| format!("{timer:?}")));
        kept
    }

    /// The end of every story: nothing is left to do, and what is in the store holds together.
    pub async fn finish(self) {
        self.settle().await;
        self.check().await;
        self.stop().await;
    }

    /// Every event is as the catalogue says, numbers have no gaps, and whatever waits has a timer or an answer to come.
    pub async fn check(&self) {
        self.check_log().await;
        self.check_waits().await;
    }

    #[expect(clippy::panic, reason = "a log that does not hold together fails the test")]
    async fn check_log(&self) {
        let log = self.log().await;
        let mut orders: BTreeMap<String, u64> = BTreeMap::new();
        for (place, event) in log.iter().enumerate() {
            let first = log.first().map_or(1, |first| first.seq.0);
            let place = u64::try_from(place).expect("a short log");
            assert_eq!(event.seq.0, first + place, "the log has a gap");
            let catalogue = self.app.catalogue_of(event.workspace);
            let known = catalogue.get(&event.event_type);
            let known = known.unwrap_or_else(|| panic!("no type {}", event.event_type));
            if let Err(violations) = known.validate(&event.data) {
                panic!("{} is not as the catalogue says: {violations:?}", event.event_type);
            }
            if let Some(thread) = event.thread {
                let order = event.order.expect("an event in a thread has an order").0;
                let before = orders.insert(thread.to_string(), order);
                assert!(
                    before.map_or(first > 1 || order == 1, |before| order == before + 1),
                    "{} has order {order} after {before:?}",
                    event.event_type
                );
            }
        }
    }

    async fn check_waits(&self) {
        let timers: BTreeSet<String> =
            self.timers().await.into_iter().map(|timer| timer.name.0).collect();
        let pending = Scan::Equal { name: "status", value: "pending".into() };
        for document in self.documents(Kind::Delivery, pending).await {
            let delivery: Delivery = serde_json::from_value(document.body).expect("a delivery");
            let of = delivery.chat.map_or_else(|| delivery.event.uuid(), |chat| chat.uuid());
            let lane = format!(":{}:{of}", delivery.to.uuid());
            let waits = match delivery.to {
                Destination::Endpoint { id } => self.waits_in_progress(id, delivery.seq).await,
                Destination::Channel { .. } => timers.iter().any(|timer| timer.ends_with(&lane)),
            };
            assert!(waits, "nobody comes back to a delivery: {delivery:?}; {timers:?}");
        }
        let running = Scan::Equal { name: "state", value: "running".into() };
        for job in self.documents(Kind::Job, running).await {
            let of = format!("job:{}:", job.key.id);
            let waits = timers.iter().any(|timer| timer.starts_with(&of));
            assert!(waits, "nobody comes back to a job: {job:?}; {timers:?}");
        }
        for document in self.documents(Kind::Run, Scan::All).await {
            let run: tidings_behaviors::Run = serde_json::from_value(document.body).expect("a run");
            let has_timer = timers.contains(&format!("run:{}", run.id));
            match &run.state {
                tidings_behaviors::RunState::Waiting { wait } => {
                    self.check_waiting(&run, wait, has_timer).await;
                }
                tidings_behaviors::RunState::Done | tidings_behaviors::RunState::Stopped { .. } => {
                    assert!(!has_timer, "a run that ended has a timer: {run:?}");
                }
            }
        }
    }

    /// Whether an endpoint's reader knows that it owes this event.
    async fn waits_in_progress(&self, endpoint: EndpointId, seq: u64) -> bool {
        let all = self.documents(Kind::Progress, Scan::All).await;
        let known = all.into_iter().find(|known| known.key.id == endpoint.to_string());
        let Some(known) = known else { return false };
        let items = |name: &str| {
            known.body.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
        };
        items("open").contains(&json!(seq))
            || items("parked").iter().any(|lane| lane.get("head") == Some(&json!(seq)))
    }

    async fn check_waiting(
        &self,
        run: &tidings_behaviors::Run,
        wait: &tidings_behaviors::Wait,
        has_timer: bool,
    ) {
        let until = match wait {
            tidings_behaviors::Wait::Time { until } => Some(*until),
            // Its timer is due at once.
            tidings_behaviors::Wait::Work { .. } => Some(run.moved_at),
            tidings_behaviors::Wait::Answer { until } => {
                let chat = run.chat.expect("who answers is in a chat");
                let key = tidings_store::DocKey::new(Kind::Session, chat);
                let session = self.app.store().document(self.workspace, &key).await;
                let session = session.expect("it can be read").expect("a session that waits");
                let waiting = session.body.get("waiting").and_then(Value::as_str);
                assert_eq!(waiting, Some(run.id.to_string().as_str()), "nobody answers {run:?}");
                *until
            }
        };
        assert_eq!(until.is_some(), has_timer, "{run:?}");
    }

    /// The whole log.
    pub async fn log(&self) -> Vec<Arc<Event>> {
        let mut log: Vec<Arc<Event>> = Vec::new();
        loop {
            let after = log.last().map_or(Seq::START, |event| event.seq);
            let query = EventQuery { after, limit: 1_000, ..EventQuery::default() };
            let more = self.app.store().events(self.workspace, query).await;
            let more = more.expect("the log can be read");
            if more.is_empty() {
                return log;
            }
            log.extend(more);
        }
    }

    /// The timers that are set.
    pub async fn timers(&self) -> Vec<Timer> {
        self.app
            .store()
            .due_timers(Timestamp::MAX, 1_000, &Held::All)
            .await
            .expect("timers can be read")
    }

    async fn documents(&self, kind: Kind, scan: Scan) -> Vec<tidings_store::Document> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let query = DocumentQuery { kind, scan: scan.clone(), after, limit: 1_000 };
            let page = self.app.store().documents(self.workspace, query).await;
            let page = page.expect("documents can be read");
            all.extend(page.documents);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }
}

/// An event in a line, for people: `3 bot pizzeria chat.message Hello`.
pub fn line(event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let order = event.get("order").map(ToString::to_string).unwrap_or_default();
    let who = match text("/author/kind") {
        "bot" | "agent" => format!("{} {}", text("/author/kind"), text("/author/id")),
        kind => kind.to_owned(),
    };
    let said = ["/data/text", "/data/value", "/data/reason", "/data/bot"]
        .into_iter()
        .map(text)
        .find(|said| !said.is_empty())
        .unwrap_or_default();
    format!("{order} {who} {} {said}", text("/type")).trim().to_owned()
}

/// Makes a call, and reads what comes back.
pub async fn answer(call: reqwest::RequestBuilder) -> Answer {
    let response = call.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the answer is read to its end");
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

/// The vocabulary: checked once for all servers of a process, as that takes longer than all else here.
static CATALOGUE: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| Arc::new(Catalogue::builtin().expect("the catalogue is right")));

/// What a server needs besides what it does.
struct Place {
    folder: Arc<tempfile::TempDir>,
    clock: Arc<HandClock>,
    listener: TcpListener,
    base_url: String,
    token: String,
    workspace: WorkspaceId,
}

async fn bind() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the listener has an address");
    (listener, format!("http://{address}"))
}

/// What a server is among others.
struct OneNode {
    node: NodeId,
    bus: Arc<dyn Bus>,
    /// Who else is there; `None` where it is alone.
    nodes: Option<Arc<dyn Nodes>>,
    /// The file of the archive: each node has its own.
    archive: String,
}

impl OneNode {
    fn alone() -> Self {
        let node = NodeId::new(Uuid::nil());
        Self { node, bus: Arc::new(Alone::default()), nodes: None, archive: "archive.db".into() }
    }
}

fn open_store(folder: &tempfile::TempDir, clock: &Arc<HandClock>) -> Arc<SqliteStore> {
    let path = folder.path().join("tidings.db");
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Arc::new(SqliteStore::open(&path, Options::default(), clock).expect("the store opens"))
}

/// The way out to addresses of others.
fn way_out(allow: &[&str], roots: Option<Roots>) -> Client {
    let policy = Policy::new(allow.iter().map(|rule| rule.parse().expect("a good rule")));
    Client::with_options(policy, Ways { roots, ..Ways::default() }).expect("a client can be made")
}

async fn open(
    store: Arc<dyn Store>,
    one: OneNode,
    folder: &tempfile::TempDir,
    clock: &Arc<HandClock>,
    base_url: &str,
    settings: Settings,
    guarded: Client,
) -> Arc<App> {
    let archive = SqliteArchive::open(&folder.path().join(one.archive)).expect("it opens");
    App::open(Parts {
        store,
        archive: Arc::new(archive),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        catalogue: Arc::clone(&CATALOGUE),
        guarded,
        providers: Client::for_settings().expect("a client can be made"),
        sealer: Sealer::new(&[7; KEY_BYTES]),
        settings: Settings {
            public_url: base_url.into(),
            files_folder: folder.path().join("files"),
            ..settings
        },
        node: one.node,
        node_name: format!("node {}", one.node),
        nodes: one.nodes,
        bus: one.bus,
    })
    .await
    .expect("the store can be read")
}
