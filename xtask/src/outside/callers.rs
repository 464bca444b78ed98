//! Customers and agents with an open connection each: they send and hear over it, and come back with what they heard last
//! whenever it breaks.
//!
//! A send whose answer did not come is sent again over the next connection, under the same `custom_id`. Who is done sending
//! goes on listening until the test ends.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::history::{Acknowledgement, Heard, Kind, Listener, Promise};
use super::writers::{Desk, GIVE_UP_AFTER, RETRY_AFTER, SENT_AGAIN_ONE_IN};
use crate::dice::Dice;
use crate::http::{self, Client, Doors};
use crate::installation::{Installation, text_of};
use crate::websocket::{TEXT, WebSocket};

/// How many customers have an open connection.
const CUSTOMERS: usize = 4;

/// How many agents have one. Each is in the chats of some of the customers, and hears of all chats.
const AGENTS: usize = 2;

/// How long an answer may take. A server that stands still says nothing; who waits longer goes to another one, as apps do.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// One in so many things that are said is the last over its connection, if there are several nodes: the next one goes to
/// another node.
const MOVES_ONE_IN: u64 = 100;

/// All of them, while they call.
pub(super) struct Callers {
    calling: JoinSet<anyhow::Result<()>>,
    heard: Vec<Arc<Mutex<Listener>>>,
}

impl Callers {
    /// Lets customers begin chats, brings agents into them, and connects them all.
    pub(super) async fn start(
        installation: &Installation,
        desk: &Arc<Desk>,
        dice: &mut Dice,
    ) -> anyhow::Result<Self> {
        let mut callers = Self { calling: JoinSet::new(), heard: Vec::new() };
        let channel = installation.make_web_channel(None).await?;
        let workspace = installation.call("GET", "/api/v1/workspace", None).await?;
        let workspace = text_of(&workspace, "id")?;
        let mut chats = Vec::new();
        for number in 0..CUSTOMERS {
            let about = json!({ "grant_type": "cookie", "response_type": "token",
                                "client_id": channel, "organization_id": workspace });
            let granted = ask(installation, "/v2/customer/token", None, &about).await?;
            let token = text_of(&granted, "access_token")?;
            let path = format!("/v3.6/customer/action/start_chat?organization_id={workspace}");
            // Continuous: no agent needs to be there yet.
            let asked = json!({ "continuous": true });
            let started = ask(installation, &path, Some(&token), &asked).await?;
            let chat = text_of(&started, "chat_id")?;
            chats.push(chat.clone());
            let path = format!("/v3.6/customer/rtm/ws?organization_id={workspace}");
            let doors = installation.doors(number);
            let caller = Caller::new(doors, format!("customer-{number}"), path, token);
            callers.connect(Caller { chats: vec![chat.clone()], ..caller }, Some(chat), desk, dice);
        }
        for number in 0..AGENTS {
            let agent = format!("bob{number}@example.com");
            let path = format!("/api/v1/agents/{agent}");
            let about = json!({ "name": "Bob", "role": "owner" });
            installation.call("PUT", &path, Some(&about)).await?;
            let asked = json!({ "name": "crash" });
            let path = format!("{path}/tokens");
            let made = installation.call("POST", &path, Some(&asked)).await?;
            let token = text_of(&made, "token")?;
            let own: Vec<String> = chats.iter().skip(number).step_by(AGENTS).cloned().collect();
            for chat in &own {
                let asked = bring_into(chat, &agent);
                let path = format!("/v3.6/agent/action/{BRING_INTO_CHAT}");
                ask(installation, &path, Some(&token), &asked).await?;
            }
            let path = "/v3.6/agent/rtm/ws".to_owned();
            let doors = installation.doors(number);
            let caller = Caller::new(doors, format!("agent-{number}"), path, token);
            let caller = Caller { chats: own, agent: Some(agent), ..caller };
            callers.connect(caller, None, desk, dice);
        }
        Ok(callers)
    }

    fn connect(&mut self, caller: Caller, chat: Option<String>, desk: &Arc<Desk>, dice: &mut Dice) {
        let listener = Listener { name: caller.name.clone(), chat, ..Listener::default() };
        let heard = Arc::new(Mutex::new(listener));
        self.heard.push(Arc::clone(&heard));
        self.calling.spawn(caller.call(Arc::clone(desk), heard, Dice::new(dice.next())));
    }

    /// Fails if somebody has stopped calling: all go on until they are dropped.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        match self.calling.try_join_next() {
            None => Ok(()),
            Some(ended) => ended.context("a caller broke")?,
        }
    }

    /// What they heard so far.
    pub(super) fn listeners(&self) -> Vec<Listener> {
        let heard = self.heard.iter();
        heard.map(|heard| heard.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

const BRING_INTO_CHAT: &str = "add_user_to_chat";

/// What brings an agent into a chat.
fn bring_into(chat: &str, agent: &str) -> Value {
    json!({ "chat_id": chat, "user_id": agent, "user_type": "agent", "visibility": "all",
            "ignore_requester_presence": true })
}

/// Asks once, of a server that runs.
async fn ask(
    installation: &Installation,
    path: &str,
    token: Option<&str>,
    body: &Value,
) -> anyhow::Result<Value> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> =
        bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let request = http::request("POST", path, &headers, body.to_string().as_bytes());
    let answer = Client::new(installation.address()).send(&request).await?;
    ensure!(answer.is_success(), "{path} was answered {}", answer.summary());
    Ok(answer.json())
}

/// Somebody who calls.
struct Caller {
    name: String,
    doors: Doors,
    path: String,
    token: String,
    /// The id of an agent.
    agent: Option<String>,
    /// The chats that they speak in, in turn.
    chats: Vec<String>,
}

/// Something that is to be said.
struct Say {
    key: String,
    chat: String,
    request: String,
    /// How many answers are still wanted.
    wanted: usize,
    answers: Vec<Acknowledgement>,
    since: Instant,
}

/// What a caller is in the middle of.
struct Call {
    caller: Caller,
    desk: Arc<Desk>,
    heard: Arc<Mutex<Listener>>,
    dice: Dice,
    /// The last number that was heard of; `None` before the first login.
    last: Option<u64>,
    say: Option<Say>,
    count: usize,
}

impl Caller {
    const fn new(doors: Doors, name: String, path: String, token: String) -> Self {
        Self { name, doors, path, token, agent: None, chats: Vec::new() }
    }

    async fn call(
        self,
        desk: Arc<Desk>,
        heard: Arc<Mutex<Listener>>,
        dice: Dice,
    ) -> anyhow::Result<()> {
        let mut call = Call { caller: self, desk, heard, dice, last: None, say: None, count: 0 };
        loop {
            match call.connected().await {
                // The server is dead or dying.
                Err(error) if error.is::<io::Error>() => {
                    call.caller.doors.turn();
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(error) => return Err(error.context(call.caller.name)),
                Ok(never) => match never {},
            }
        }
    }
}

impl Call {
    /// One connection, until it breaks.
    async fn connected(&mut self) -> anyhow::Result<std::convert::Infallible> {
        let open = WebSocket::open(self.caller.doors.current()?, &self.caller.path);
        let mut line = timeout(ANSWER_WITHIN, open).await.map_err(io::Error::from)??;
        self.log_in(&mut line).await?;
        loop {
            if self.say.is_none() && !self.desk.is_stopped() {
                self.say = Some(self.next());
            }
            self.say(&mut line).await?;
            if self.caller.doors.are_many() && self.dice.below(MOVES_ONE_IN) == 0 {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
            }
            let until = Instant::now() + self.desk.pause(&mut self.dice);
            while let Ok(frame) = timeout_at(until, line.next()).await {
                let frame = frame?;
                let value = read(frame.opcode, frame.payload)?;
                self.hear(&value)?;
            }
        }
    }

    async fn log_in(&mut self, line: &mut WebSocket) -> anyhow::Result<()> {
        let mut payload = json!({ "token": format!("Bearer {}", self.caller.token) });
        if let (Some(last), Some(payload)) = (self.last, payload.as_object_mut()) {
            payload.insert("since".into(), last.into());
        }
        let login = json!({ "request_id": "login", "action": "login", "payload": payload });
        line.send(&login.to_string()).await?;
        let answer = self.answer(line, "login").await?;
        let payload = done(&answer)?;
        let seq = payload.get("seq").and_then(Value::as_u64).context("a login tells no number")?;
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if self.last.is_none() {
            heard.since = seq;
            self.last = Some(seq);
        } else if payload.get("gap") != Some(&json!(false)) {
            let after = self.last.unwrap_or(seq);
            heard.gaps.push((after, seq));
            self.last = Some(seq);
        }
        Ok(())
    }

    fn next(&mut self) -> Say {
        let key = format!("{}-{}", self.caller.name, self.count);
        let chats = &self.caller.chats;
        let chat = chats.iter().cycle().nth(self.count % chats.len()).cloned().unwrap_or_default();
        let event = json!({ "type": "message", "text": key, "custom_id": key });
        let payload = json!({ "chat_id": chat, "event": event });
        let request = json!({ "request_id": key, "action": "send_event", "payload": payload });
        self.count += 1;
        let wanted = if self.dice.below(SENT_AGAIN_ONE_IN) == 0 { 2 } else { 1 };
        let request = request.to_string();
        Say { key, chat, request, wanted, answers: Vec::new(), since: Instant::now() }
    }

    /// Says what is to be said until it was answered as often as wanted. What is broken off is said again.
    async fn say(&mut self, line: &mut WebSocket) -> anyhow::Result<()> {
        while let Some(say) = &self.say {
            let (key, chat, request) = (say.key.clone(), say.chat.clone(), say.request.clone());
            ensure!(say.since.elapsed() < GIVE_UP_AFTER, "{key} was not answered");
            line.send(&request).await?;
            let answer = self.answer(line, &key).await?;
            if is_not_in_chat(&answer)
                && let Some(agent) = self.caller.agent.clone()
            {
                // Whoever is not seen for long loses their chats to others.
                self.come_back(line, &agent, &chat).await?;
                continue;
            }
            let name = text_of(done(&answer)?, "event_id")?;
            let Some(say) = &mut self.say else { break };
            say.answers.push(Acknowledgement::Named(name));
            if say.answers.len() >= say.wanted
                && let Some(Say { key, answers, .. }) = self.say.take()
            {
                self.desk.note(Promise { key, kind: Kind::Fact, answers });
            }
        }
        Ok(())
    }

    /// Brings the agent back into a chat. If that is refused, so is what is said next, until that is given up.
    async fn come_back(
        &mut self,
        line: &mut WebSocket,
        agent: &str,
        chat: &str,
    ) -> anyhow::Result<()> {
        const NAME: &str = "back";
        let payload = bring_into(chat, agent);
        let request = json!({ "request_id": NAME, "action": BRING_INTO_CHAT, "payload": payload });
        line.send(&request.to_string()).await?;
        let answer = self.answer(line, NAME).await?;
        println!("          {} comes back into a chat: {answer}", self.caller.name);
        Ok(())
    }

    /// Waits for the answer to a request; what is heard before it is noted.
    async fn answer(&mut self, line: &mut WebSocket, request_id: &str) -> anyhow::Result<Value> {
        loop {
            let frame = timeout(ANSWER_WITHIN, line.next()).await.map_err(io::Error::from)??;
            let value = read(frame.opcode, frame.payload)?;
            if value.get("type") == Some(&json!("response")) {
                let id = value.get("request_id").and_then(Value::as_str);
                ensure!(id == Some(request_id), "{request_id} was answered {value}");
                return Ok(value);
            }
            self.hear(&value)?;
        }
    }

    /// Notes a push. What has no number tells the one who sent again what was heard before.
    fn hear(&mut self, push: &Value) -> anyhow::Result<()> {
        let Some(seq) = push.get("seq").and_then(Value::as_u64) else { return Ok(()) };
        self.last = self.last.max(Some(seq));
        let event = push.pointer("/payload/event").filter(|event| {
            push.get("action") == Some(&json!("incoming_event"))
                && event.get("type") == Some(&json!("message"))
        });
        if let Some(event) = event {
            let heard = Heard { seq, name: text_of(event, "id")?, text: text_of(event, "text")? };
            self.heard.lock().unwrap_or_else(PoisonError::into_inner).heard.push(heard);
        }
        Ok(())
    }
}

/// A frame as JSON; whatever else comes ends the connection.
fn read(opcode: u8, payload: &[u8]) -> anyhow::Result<Value> {
    if opcode != TEXT {
        return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
    }
    serde_json::from_slice(payload).context("a frame is no JSON")
}

fn is_not_in_chat(answer: &Value) -> bool {
    answer.pointer("/payload/error/type").and_then(Value::as_str) == Some("authorization")
}

/// What a request gave. A refusal that passes ends the connection, so that the same is tried again.
fn done(answer: &Value) -> anyhow::Result<&Value> {
    const PASSING: [&str; 3] = ["internal", "service_unavailable", "request_timeout"];
    if answer.get("success") == Some(&json!(true)) {
        return answer.get("payload").context("an answer has no payload");
    }
    let kind = answer.pointer("/payload/error/type").and_then(Value::as_str).unwrap_or_default();
    if PASSING.contains(&kind) {
        return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
    }
    bail!("a caller was refused: {answer}")
}
