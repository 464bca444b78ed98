//! A Bot API server for tests, as strict as Telegram's: real HTTP on 127.0.0.1, the same answers and the same errors, and
//! people who write, press buttons, pay and block the bot.
//!
//! Used by stories and by the tests of who speaks this API. Updates go to the webhook, in order within a chat and tried
//! again until it answers 2xx, or wait for `getUpdates`. Every wait has a bound, [`Options::wait_max`], and a test that
//! waits in vain fails there and says for what. Dropping the server ends its tasks.
//!
//! ```text
//! let telegram = TelegramServer::start().await;
//! let alice = telegram.user("Alice");
//! alice.says("/start");
//! let sent = telegram.sent_to(&alice, 1).await;
//! alice.presses("Large").await;
//! ```

mod arguments;
mod content;
mod deliver;
mod error;
mod html;
mod http;
mod methods;
mod polling;
mod rates;
mod state;
mod user;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidings_model::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::rates::Rates;
pub use self::state::{MethodCall, Sent, WebhookAttempt};
pub use self::user::{FileBody, Payment, TelegramUser};

use self::state::State;

/// The token of the bot.
pub const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";

/// The id of the bot: the front of its token.
pub const BOT_ID: i64 = 110_201_543;

/// A provider token that an invoice is taken with: the form of a test provider's.
pub const PROVIDER_TOKEN: &str = "381764678:TEST:60367";

/// How the server behaves.
#[derive(Clone)]
pub struct Options {
    /// The bot's name, without `@`.
    pub bot_username: String,
    /// How long the first retry of a webhook waits; it doubles. Telegram's is 1 s.
    pub retry_base: Duration,
    /// The longest wait between two tries of a webhook. Telegram's is 60 to 120 s.
    pub retry_max: Duration,
    /// How long a pre-checkout query waits. Telegram's is 10 s.
    pub precheckout_timeout: Duration,
    /// How long a callback query may be answered.
    pub callback_timeout: Duration,
    /// The longest answer time of a webhook.
    pub webhook_timeout: Duration,
    /// How long a test waits for what it expects.
    pub wait_max: Duration,
    /// How fast the bot may send; without them, as fast as it likes.
    pub rates: Option<Rates>,
    /// Whose time stands in messages; without one, the machine's.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bot_username: "pizza_bot".to_owned(),
            retry_base: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            precheckout_timeout: Duration::from_secs(10),
            callback_timeout: Duration::from_secs(30),
            webhook_timeout: Duration::from_secs(60),
            wait_max: Duration::from_secs(10),
            rates: None,
            clock: None,
        }
    }
}

/// What goes wrong with one call, on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer is an error of Telegram; nothing was done.
    Refused {
        /// Its code.
        error_code: u16,
        /// Its words.
        description: String,
    },
    /// 429; nothing was done.
    TooMany {
        /// In seconds.
        retry_after_s: u64,
    },
    /// The call is done, and the answer is a proxy's 502 page.
    DoneAndLost,
}

/// The server.
pub struct TelegramServer {
    shared: Arc<Shared>,
    base_url: String,
}

/// What the server's parts share. The lock is never held over an `await`.
struct Shared {
    options: Options,
    state: Mutex<State>,
    /// Counts changes of the state: who waits looks again.
    changed: watch::Sender<u64>,
    /// Everything that runs; ended when the server is dropped.
    tasks: Mutex<JoinSet<()>>,
    client: reqwest::Client,
}

impl TelegramServer {
    /// Starts a server with the usual options, except that retries are fast.
    pub async fn start() -> Self {
        Self::start_with(Options { retry_base: Duration::from_millis(20), ..Options::default() })
            .await
    }

    /// Starts a server.
    pub async fn start_with(options: Options) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        #[expect(
            clippy::disallowed_methods,
            reason = "it plays Telegram, which calls the server under test on loopback"
        )]
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(options.webhook_timeout)
            .build()
            .expect("a client without a certificate of its own can be built");
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(options.rates.clone())),
            options,
            changed: watch::Sender::new(0),
            tasks: Mutex::new(JoinSet::new()),
            client,
        });
        let router = http::router(Arc::clone(&shared));
        shared.spawn(async move {
            axum::serve(listener, router).await.expect("serving on an open listener does not fail");
        });
        Self { shared, base_url: format!("http://{address}") }
    }

    /// Where the Bot API is: the channel's `api_base`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The settings of a channel in webhook mode.
    pub fn webhook_settings(&self, secret_token: &str) -> Map<String, Value> {
        object(json!({
            "token": TOKEN, "mode": "webhook", "secret_token": secret_token, "api_base": self.base_url,
        }))
    }

    /// The settings of a channel in polling mode.
    pub fn polling_settings(&self) -> Map<String, Value> {
        object(
            json!({"token": TOKEN, "mode": "polling", "api_base": self.base_url, "polling_timeout_s": 5}),
        )
    }

    /// A person, by first name; the same name is the same person. They have not written to the bot yet.
    pub fn user(&self, name: &str) -> TelegramUser {
        let (user, chat) = self.shared.state().person(name);
        TelegramUser::new(Arc::clone(&self.shared), user, chat)
    }

    /// A group that the bot is in, by title; the same title is the same group. Use [`TelegramUser::in_group`].
    pub fn group(&self, title: &str) -> i64 {
        self.shared.state().group(title)
    }

    /// What the bot sent to a person's chat, once there are `count` messages: oldest first, edits applied.
    pub async fn sent_to(&self, user: &TelegramUser, count: usize) -> Vec<Sent> {
        let chat = user.chat();
        let what = format!("{count} messages of the bot");
        self.shared
            .wait_for(&what, |state| Some(state.sent_to(chat)).filter(|sent| sent.len() >= count))
            .await
    }

    /// What the bot sent to a person's chat so far.
    pub fn sent_so_far(&self, user: &TelegramUser) -> Vec<Sent> {
        self.shared.state().sent_to(user.chat())
    }

    /// Every call of a method, refused ones too, once there are `count` of them.
    pub async fn calls_of(&self, method: &str, count: usize) -> Vec<MethodCall> {
        let what = format!("{count} calls of {method}");
        let of_method = |state: &State| -> Vec<_> {
            state.calls.iter().filter(|call| call.method == method).cloned().collect()
        };
        self.shared
            .wait_for(&what, |state| Some(of_method(state)).filter(|calls| calls.len() >= count))
            .await
    }

    /// The answer to a callback query, once there is one.
    pub async fn callback_answer(&self, query_id: &str) -> Map<String, Value> {
        let answer = |state: &State| state.callback_answer(query_id);
        self.shared.wait_for("the answer to a callback query", answer).await
    }

    /// Waits until no update waits: all were taken by the webhook, or confirmed by `getUpdates`.
    pub async fn settled(&self) {
        self.shared
            .wait_for("all updates to be taken", |state| state.pending.is_empty().then_some(()))
            .await;
    }

    /// Sends an update again, as Telegram does when an answer was lost on its way.
    pub fn redeliver(&self, update_id: i64) {
        let known = self.shared.state().redeliver(update_id);
        assert!(known, "there was no update {update_id}");
        self.shared.deliver();
    }

    /// Sends any update: `kind` and its content, as a library's test has it. Answers with its number.
    pub fn update(&self, kind: &str, content: Value) -> i64 {
        self.shared.queue_update(kind, content)
    }

    /// Every try to call the webhook, once there are `count`.
    pub async fn webhook_attempts(&self, count: usize) -> Vec<WebhookAttempt> {
        let what = format!("{count} calls of the webhook");
        let attempts =
            |state: &State| Some(state.attempts.clone()).filter(|attempts| attempts.len() >= count);
        self.shared.wait_for(&what, attempts).await
    }

    /// Waits until a webhook is set; answers with its address.
    pub async fn webhook(&self) -> String {
        let url = |state: &State| state.webhook.as_ref().map(|webhook| webhook.url.clone());
        self.shared.wait_for("a webhook", url).await
    }

    /// Whether the newest `getUpdates` is open and waits.
    pub async fn polled(&self) {
        self.shared.wait_for("getUpdates", |state| state.polls_open.gt(&0).then_some(())).await;
    }

    /// The next call of this method fails in this way; several are used up one after another.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.shared.state().faults.push_back((method.to_owned(), fault));
    }

    /// How fast the bot may send from now on.
    pub fn limit(&self, rates: Option<Rates>) {
        self.shared.state().limit(rates);
    }
}

impl Drop for TelegramServer {
    fn drop(&mut self) {
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    /// Tells who waits that the state changed.
    fn touch(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// The date of a message, in seconds.
    fn date(&self) -> i64 {
        let now = match &self.options.clock {
            Some(clock) => clock.now(),
            None =>
            {
                #[expect(clippy::disallowed_methods, reason = "Telegram has a clock of its own")]
                Timestamp::now()
            }
        };
        now.as_second()
    }

    /// Puts an update into the queue and wakes who brings it.
    fn queue_update(self: &Arc<Self>, kind: &str, content: Value) -> i64 {
        let update_id = self.state().queue_update(kind, content);
        self.touch();
        self.deliver();
        update_id
    }

    /// Looks at the state after every change until it shows what is waited for; fails the test after `wait_max`.
    async fn wait_for<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let search = async {
            loop {
                changed.borrow_and_update();
                if let Some(found) = look(&self.state()) {
                    return found;
                }
                changed.changed().await.expect("the sender lives as long as what it is part of");
            }
        };
        let found = tokio::time::timeout(self.options.wait_max, search).await.ok();
        found.unwrap_or_else(|| self.waited_in_vain(what))
    }

    #[expect(clippy::panic, reason = "a test that waits in vain fails here, and says for what")]
    fn waited_in_vain(&self, what: &str) -> ! {
        let state = self.state();
        let calls: Vec<_> =
            state.calls.iter().rev().take(10).map(|call| format!("{call:?}")).collect();
        let attempts: Vec<_> =
            state.attempts.iter().rev().take(10).map(|attempt| format!("{attempt:?}")).collect();
        panic!(
            "waited {:?} in vain for {what}\nnewest calls of the bot: {calls:#?}\nnewest calls of its webhook: {attempts:#?}",
            self.options.wait_max
        )
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
