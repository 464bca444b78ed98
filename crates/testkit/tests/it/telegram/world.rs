//! A pizzeria with one Telegram channel: the real app on a store on disk, a simulated Telegram, a clock to turn, and a
//! door in front that stays when the app is started again.
//!
//! Every story ends with [`World::finish`]: each event of the log is what the catalogue says, and no work is left.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a story that goes wrong fails by a panic, and says where"
)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tidings_app::admin::chats::{ChatAction, act};
use tidings_app::admin::{bots, channels, workspaces};
use tidings_app::pipeline::accept::{NewEvent, accept};
use tidings_app::pipeline::telegram::{WebhookRefused, webhook};
use tidings_app::pipeline::{Running, start};
use tidings_app::seal::Sealer;
use tidings_app::{App, Parts, Settings};
use tidings_behaviors::BotSource;
use tidings_bus::Alone;
use tidings_catalogue::Catalogue;
use tidings_model::{
    AgentId, Author, ChannelId, ChannelKind, ChatId, Clock, Event, Holder, NodeId, Visibility,
    WorkspaceId,
};
use tidings_outbound::{Client, Policy};
use tidings_store::{DocumentQuery, EventQuery, Held, Kind, Scan, Store};
use tidings_store_sqlite::{Options, SqliteArchive, SqliteStore};
use tidings_testkit::telegram::TelegramServer;
use tokio::net::TcpListener;
use uuid::Uuid;

/// How long a story waits for what it expects.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// What Telegram says in its secret header.
pub(super) const SECRET: &str = "a-shared_secret";

/// The machine's clock, turned forward by hand.
#[derive(Default)]
pub(super) struct TurnedClock {
    ahead_ms: AtomicI64,
}

impl Clock for TurnedClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        let ahead = jiff::SignedDuration::from_millis(self.ahead_ms.load(Ordering::SeqCst));
        Timestamp::now().checked_add(ahead).expect("tests stay near now")
    }

    #[expect(clippy::disallowed_methods, reason = "this is where ids come from")]
    fn next_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// What stands behind the door now.
type Behind = Arc<Mutex<Option<Arc<App>>>>;

pub(super) struct World {
    pub telegram: TelegramServer,
    pub app: Arc<App>,
    pub workspace: WorkspaceId,
    pub channel: ChannelId,
    clock: Arc<TurnedClock>,
    folder: TempDir,
    behind: Behind,
    public_url: String,
    running: Option<Running>,
}

/// How a story begins.
#[derive(Default)]
pub(super) struct Opening {
    telegram: Option<TelegramServer>,
    bot: Option<String>,
    settings: Map<String, Value>,
    polls: Polls,
    asleep: bool,
}

#[derive(Default, PartialEq)]
enum Polls {
    #[default]
    No,
    Yes,
}

impl Opening {
    /// With a bot that says these steps on each message.
    pub(super) fn with_bot(steps: &str) -> Self {
        let steps: String = steps.lines().map(|line| format!("      {line}\n")).collect();
        Self::with_behaviors(&format!("  - name: main\n    on: chat.message\n    do:\n{steps}"))
    }

    /// With a bot of these behaviors.
    pub(super) fn with_behaviors(behaviors: &str) -> Self {
        Self { bot: Some(format!("behaviors:\n{behaviors}")), ..Self::default() }
    }

    /// Without a bot.
    pub(super) fn without_bot() -> Self {
        Self::default()
    }

    pub(super) fn on(mut self, telegram: TelegramServer) -> Self {
        self.telegram = Some(telegram);
        self
    }

    /// With a field of the channel's settings.
    pub(super) fn setting(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    pub(super) fn polling(mut self) -> Self {
        self.polls = Polls::Yes;
        self
    }

    /// Nothing runs yet: the door takes what comes, and nobody reads it.
    pub(super) fn asleep(mut self) -> Self {
        self.asleep = true;
        self
    }

    pub(super) async fn open(self) -> World {
        let telegram = match self.telegram {
            Some(telegram) => telegram,
            None => TelegramServer::start().await,
        };
        let folder = TempDir::new().expect("a folder");
        let clock = Arc::new(TurnedClock::default());
        let behind = Behind::default();
        let public_url = serve_door(Arc::clone(&behind)).await;
        let app = open_app(&folder, &clock, &public_url).await;
        let directory = workspaces::create(&app, "pizzeria").await.expect("a workspace");
        let workspace = directory.workspace();
        let bot = match self.bot {
            Some(text) => {
                let name: tidings_model::BotName = "pizzeria".parse().expect("a name");
                let source =
                    BotSource { name: name.clone(), files: vec![("bot.yaml".into(), text)] };
                let published = bots::publish(&app, workspace, source).await.expect("published");
                assert!(matches!(published, bots::Published::Live { .. }), "{published:?}");
                Some(name)
            }
            None => None,
        };
        let mut settings = match self.polls {
            Polls::Yes => telegram.polling_settings(),
            Polls::No => telegram.webhook_settings(SECRET),
        };
        settings.extend(self.settings);
        let change = channels::ChannelChange {
            name: Some("The pizzeria".into()),
            bot: Some(bot),
            enabled: None,
            settings: Some(settings),
        };
        let channel = channels::create(&app, workspace, ChannelKind::Telegram, change).await;
        let channel = channel.expect("a channel").id;
        *behind.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&app));
        let mut world = World {
            telegram,
            app,
            workspace,
            channel,
            clock,
            folder,
            behind,
            public_url,
            running: None,
        };
        if !self.asleep {
            world.wake().await;
        }
        world
    }
}

impl World {
    /// Starts what runs.
    pub(super) async fn wake(&mut self) {
        self.running = Some(start(&self.app).await.expect("it starts"));
    }

    /// Where updates are taken.
    pub(super) fn webhook_url(&self) -> String {
        format!("{}/channels/{}", self.public_url, self.channel)
    }

    /// Waits until Telegram knows where updates go.
    pub(super) async fn connected(&self) {
        assert_eq!(self.telegram.webhook().await, self.webhook_url());
    }

    /// Turns the clock forward.
    pub(super) fn turn(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("a short time");
        self.clock.ahead_ms.fetch_add(by, Ordering::SeqCst);
        self.app.look_at_timers();
    }

    /// Ends everything without a good-bye, as a crash does; nothing is behind the door.
    pub(super) async fn crash(&mut self) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = None;
        drop(self.running.take());
        self.app.close().await;
    }

    /// Opens the same folder again.
    pub(super) async fn reopen(&mut self) {
        self.app = open_app(&self.folder, &self.clock, &self.public_url).await;
        bots::load_live(&self.app, self.workspace).await.expect("the bots load");
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&self.app));
        self.wake().await;
    }

    /// The log, but for what was told of the bot itself.
    pub(super) async fn log(&self) -> Vec<Arc<Event>> {
        let mut log = self.whole_log().await;
        log.retain(|event| event.event_type.as_str() != "bot.published");
        log
    }

    async fn whole_log(&self) -> Vec<Arc<Event>> {
        let query = EventQuery { limit: usize::MAX, ..EventQuery::default() };
        self.app.store().events(self.workspace, query).await.expect("the log can be read")
    }

    /// The types of the log, one after another.
    pub(super) async fn types(&self) -> Vec<String> {
        self.log().await.iter().map(|event| event.event_type.to_string()).collect()
    }

    /// The events of a type so far.
    pub(super) async fn so_far(&self, event_type: &str) -> Vec<Arc<Event>> {
        let mut log = self.log().await;
        log.retain(|event| event.event_type.as_str() == event_type);
        log
    }

    /// The events of a type, once there are so many.
    pub(super) async fn events(&self, event_type: &str, count: usize) -> Vec<Arc<Event>> {
        let what = format!("{count} of {event_type}");
        self.until(&what, async || {
            let found = self.so_far(event_type).await;
            (found.len() >= count).then_some(found)
        })
        .await
    }

    /// Looks until it is there; fails the story after a while.
    pub(super) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                // Documents and timers change without an event: look again soon, too.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(WAIT_MAX, search).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain for {what}; the log: {:#?}", self.types().await),
        }
    }

    /// The chat of the newest event that has one.
    pub(super) async fn chat(&self) -> ChatId {
        self.log().await.iter().rev().find_map(|event| event.chat).expect("a chat")
    }

    /// Bob, an agent, says something in a chat that nobody else holds.
    pub(super) async fn bob_says(&self, chat: ChatId, text: &str) {
        self.bob_sends(chat, "chat.message", serde_json::json!({ "text": text })).await;
    }

    pub(super) async fn bob_sends(&self, chat: ChatId, event_type: &str, data: Value) {
        let bob: AgentId = "bob".parse().expect("a name");
        let new = NewEvent {
            event_type: event_type.into(),
            data,
            chat: Some(chat),
            time: None,
            author: Author::agent(&bob),
            visibility: Visibility::All,
            custom_id: None,
            properties: Map::new(),
            idempotency_key: None,
        };
        accept(&self.app, self.workspace, new).await.expect("Bob may speak");
    }

    /// Bob takes the chat from the bot.
    pub(super) async fn bob_takes_over(&self, chat: ChatId) {
        let bob: AgentId = "bob".parse().expect("a name");
        let holder = Holder::Agent { id: bob.clone() };
        let action = ChatAction::Control { holder, reason: "Bob wants to help".into() };
        let done = act(&self.app, self.workspace, chat, &Author::agent(&bob), &action).await;
        done.expect("Bob takes over");
    }

    /// How many deliveries wait.
    pub(super) async fn pending(&self) -> usize {
        self.documents(Kind::Delivery, "status", "pending").await
    }

    /// How many files are kept.
    pub(super) async fn kept(&self) -> usize {
        let query = DocumentQuery { kind: Kind::File, scan: Scan::All, after: None, limit: 100 };
        let page = self.app.store().documents(self.workspace, query).await.expect("read");
        page.documents.iter().filter(|document| document.body["status"] == "kept").count()
    }

    async fn documents(&self, kind: Kind, name: &'static str, value: &str) -> usize {
        let scan = Scan::Equal { name, value: value.into() };
        let query = DocumentQuery { kind, scan, after: None, limit: 100 };
        let page = self.app.store().documents(self.workspace, query).await.expect("read");
        page.documents.len()
    }

    /// Ends the story: no timer is left but those of runs that wait, every event is what the catalogue says.
    pub(super) async fn finish(mut self) {
        self.until("no timer to be left", async || {
            let timers =
                self.app.store().due_timers(Timestamp::MAX, 100, &Held::All).await.expect("read");
            timers.iter().all(|timer| timer.name.0.starts_with("run:")).then_some(())
        })
        .await;
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        for event in self.whole_log().await {
            let known = self.app.catalogue().get(&event.event_type).expect("a type we know");
            if let Err(violations) = known.validate(&event.data) {
                panic!("{} is not what the catalogue says: {violations:?}", event.event_type);
            }
        }
        self.app.close().await;
    }
}

async fn open_app(folder: &TempDir, clock: &Arc<TurnedClock>, public_url: &str) -> Arc<App> {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let file = folder.path().join("tidings.db");
    let store = SqliteStore::open(&file, Options::default(), Arc::clone(&clock));
    let settings = Settings {
        public_url: public_url.into(),
        files_folder: folder.path().join("files"),
        ..Settings::default()
    };
    let parts = Parts {
        store: Arc::new(store.expect("the store opens")) as Arc<dyn Store>,
        archive: Arc::new(
            SqliteArchive::open(&folder.path().join("archive.db")).expect("it opens"),
        ),
        clock,
        catalogue: Arc::new(Catalogue::builtin().expect("the catalogue loads")),
        guarded: Client::new(Policy::new([])).expect("a client"),
        providers: Client::for_settings().expect("a client"),
        sealer: Sealer::new(&[7; 32]),
        settings,
        node: NodeId::new(Uuid::nil()),
        node_name: String::new(),
        nodes: None,
        bus: Arc::new(Alone::default()),
    };
    App::open(parts).await.expect("the app opens")
}

/// The way in, as `api` has it: five lines, so that these stories need nothing else of it.
async fn serve_door(behind: Behind) -> String {
    let router = Router::new()
        .route("/channels/{channel}", post(take))
        .layer(DefaultBodyLimit::max(4 << 20))
        .with_state(behind);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn take(
    State(behind): State<Behind>,
    Path(channel): Path<Uuid>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let app = behind.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(app) = app else { return StatusCode::SERVICE_UNAVAILABLE };
    let secret = headers.get("X-Telegram-Bot-Api-Secret-Token").map(http::HeaderValue::as_bytes);
    match webhook(&app, ChannelId::new(channel), secret, &body).await {
        Ok(_) => StatusCode::OK,
        Err(WebhookRefused::UnknownChannel { .. }) => StatusCode::NOT_FOUND,
        Err(WebhookRefused::WrongSecret) => StatusCode::UNAUTHORIZED,
        Err(WebhookRefused::Unusable(_) | WebhookRefused::Receive(_)) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
