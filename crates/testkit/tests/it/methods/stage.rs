//! Where the calls are made: a server, a team that takes no chats by itself, and a new customer for each call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidings_app::desk::look;
use tidings_model::{AgentStatus, ChannelId, Role};
use tidings_testkit::desk::{AgentClient, CustomerClient};
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::world::World;
use tidings_wire::livechat::{Method, SESSION_FIELDS_MAX, Side, Transport};
use tokio::task::JoinSet;

use super::perform::{Outcome, perform};
use super::rows::{Row, setups};
use super::shape;
use super::wrong::wrong;

/// More than may be uploaded.
const TOO_LARGE_BYTES: usize = 10 * 1024 * 1024 + 1;

/// A scope that `login` asks for, and nothing else.
const LOGIN_ONLY: &str = "multicast:ro";

/// Who has no token that is good for anything.
const ANYBODY: &str = "anybody";

/// A server with its team.
pub(super) struct Stage {
    pub(super) world: World,
    channel: ChannelId,
    /// Tokens by who has them: Olga owns the workspace, Bob is an administrator, Carol is an ordinary agent of no team
    /// but everybody's, Nobody is Olga with a token that is good for a login and nothing else, Anybody has none.
    tokens: BTreeMap<&'static str, String>,
    setups: BTreeMap<String, Row>,
    names: AtomicU32,
    /// Connections that stay: whoever has none for a quarter of a minute, by the wall, loses their chats.
    _there: JoinSet<()>,
}

/// Which API somebody speaks, unless the call says otherwise.
pub(super) fn side_of(who: &str) -> Side {
    if who == "alice" { Side::Customer } else { Side::Agent }
}

impl Stage {
    pub(super) async fn set() -> Self {
        let world = World::start().await;
        let channel = world.web_channel().await;
        let mut tokens = BTreeMap::from([(ANYBODY, "nonsense".to_owned())]);
        for (name, role) in
            [("olga", Role::Owner), ("bob", Role::Administrator), ("carol", Role::Normal)]
        {
            let id = format!("{name}@example.com");
            let hired = AgentClient::hired_as(&world, &id, |agent| {
                agent.role = role;
                agent.status = AgentStatus::Away;
                agent.accepts_at_login = false;
            });
            tokens.insert(name, hired.await.chat.token);
        }
        let olga = "olga@example.com".parse().expect("an id");
        let nobody = AgentClient::with_scopes(&world, &olga, Some(&[LOGIN_ONLY])).await;
        tokens.insert("nobody", nobody.chat.token);
        let mut there = JoinSet::new();
        for name in ["olga", "bob", "carol"] {
            let (base_url, token) = (world.base_url.clone(), tokens.get(name).cloned());
            there.spawn(stays(base_url, token.unwrap_or_default()));
        }
        Self { world, channel, tokens, setups: setups(), names: AtomicU32::new(0), _there: there }
    }

    /// Makes a call over each of its transports; gives what went otherwise than the line says.
    pub(super) async fn play(&self, row: &Row) -> Vec<String> {
        let Some(method) = row.method() else { return Vec::new() };
        let mut otherwise = Vec::new();
        for over in row.transports(method) {
            let mut act = Act::begin(self).await;
            let found = act.play(row, method, over).await.unwrap_or_else(|trouble| vec![trouble]);
            let line = format!("{} over {} {}", row.call, over.as_str(), row.with);
            otherwise.extend(found.into_iter().map(|what| format!("{line}\n    {what}")));
        }
        otherwise
    }
}

/// Is connected until the end, and hears nothing; who is signed out comes back.
async fn stays(base_url: String, token: String) {
    loop {
        let mut line = RtmClient::open(&base_url, Side::Agent, "3.6").await;
        line.login(&token, json!({ "pushes": { "3.6": [] } })).await;
        while !line.is_closed() {
            line.pushes().await;
        }
    }
}

/// One call with all that is made for it.
pub(super) struct Act<'a> {
    pub(super) stage: &'a Stage,
    kept: BTreeMap<String, Value>,
    done: BTreeSet<String>,
    /// Lines that stay open, by whose they are.
    pub(super) lines: BTreeMap<String, RtmClient>,
}

impl<'a> Act<'a> {
    async fn begin(stage: &'a Stage) -> Self {
        let alice = CustomerClient::comes(&stage.world, stage.channel).await;
        let number = stage.names.fetch_add(1, Ordering::Relaxed);
        let fields = vec![json!({ "a": "b" }); SESSION_FIELDS_MAX + 1];
        let kept = BTreeMap::from([
            ("alice".to_owned(), json!(alice.id)),
            ("alice_token".to_owned(), json!(alice.chat.token)),
            ("base_url".to_owned(), json!(stage.world.base_url)),
            ("channel".to_owned(), json!(stage.channel)),
            ("fields_too_many".to_owned(), json!(fields)),
            ("license".to_owned(), json!(look::license_id(stage.world.workspace))),
            ("new".to_owned(), json!(format!("n{number}"))),
            ("number".to_owned(), json!(number)),
            ("too_large".to_owned(), json!("x".repeat(TOO_LARGE_BYTES))),
            ("workspace".to_owned(), json!(stage.world.workspace)),
        ]);
        Self { stage, kept, done: BTreeSet::new(), lines: BTreeMap::new() }
    }

    /// Makes the call of a line; gives what went otherwise, or what could not be made for it.
    async fn play(
        &mut self,
        row: &Row,
        method: &'static Method,
        over: Transport,
    ) -> Result<Vec<String>, String> {
        for name in &row.after {
            self.set_up(name).await?;
        }
        let with = self.fill(&row.with).await?;
        let mut otherwise = Vec::new();
        if row.fails.is_none() && row.gives.is_none() {
            otherwise.extend(self.goes_wrong(row, method, over, &with).await?);
        }
        // What is done later is later by the clock, too.
        self.stage.world.turn(Duration::from_secs(1));
        let outcome = perform(self, row, over, with).await?;
        otherwise.extend(judge(row, method, &outcome));
        for name in &row.then {
            self.set_up(name).await?;
        }
        Ok(otherwise)
    }

    /// The wrong calls that follow from the right one.
    async fn goes_wrong(
        &mut self,
        row: &Row,
        method: &'static Method,
        over: Transport,
        with: &Value,
    ) -> Result<Vec<String>, String> {
        let mut otherwise = Vec::new();
        let quiet = Row { heard: BTreeMap::new(), ..row.clone() };
        for wrong in wrong(method, with) {
            let outcome = perform(self, &quiet, over, wrong.payload).await?;
            if outcome.error() != "validation" || outcome.field() != wrong.field {
                otherwise.push(format!("with {}: {}", wrong.what, outcome.told()));
            }
        }
        if method.side == Side::Customer || row.by.as_deref() == Some(ANYBODY) {
            return Ok(otherwise);
        }
        let mut refused = Vec::new();
        if !method.scopes.is_empty() && row.names().1 != "login" {
            refused.push(("nobody", "authorization"));
        }
        if over == Transport::Web {
            refused.push((ANYBODY, "authentication"));
        }
        for (who, error) in refused {
            let row = Row { by: Some(who.to_owned()), ..quiet.clone() };
            let outcome = perform(self, &row, over, with.clone()).await?;
            if outcome.error() != error {
                otherwise.push(format!("by {who}: {}", outcome.told()));
            }
        }
        Ok(otherwise)
    }

    /// What stands after `Bearer` for somebody.
    pub(super) async fn token(&mut self, who: &str) -> Result<String, String> {
        let token = self.fill(&json!(format!("${who}_token"))).await?;
        Ok(token.as_str().unwrap_or_default().to_owned())
    }

    /// Puts in what a value names, and makes it first where it is not there.
    async fn fill(&mut self, value: &Value) -> Result<Value, String> {
        let mut names = BTreeSet::new();
        named(value, &mut names);
        for name in names {
            Box::pin(self.make(&name)).await?;
        }
        Ok(filled(value, &self.kept))
    }

    async fn make(&mut self, name: &str) -> Result<(), String> {
        if self.kept.contains_key(name) {
            return Ok(());
        }
        let stage = self.stage;
        if let Some(who) = name.strip_suffix("_token") {
            let token = match stage.tokens.get(who) {
                Some(token) => token.clone(),
                None => {
                    let id = self.fill(&json!(format!("${who}"))).await?;
                    let id = id.as_str().and_then(|id| id.parse().ok());
                    let id = id.ok_or_else(|| format!("${who} is no agent"))?;
                    AgentClient::known(&stage.world, &id).await.chat.token
                }
            };
            self.kept.insert(name.to_owned(), token.into());
            return Ok(());
        }
        let maker = stage.setups.iter().find(|(_, setup)| setup.keeps.contains_key(name));
        let (maker, _) = maker.ok_or_else(|| format!("nobody keeps ${name}"))?;
        self.set_up(maker).await
    }

    /// Does what a set-up says, once.
    pub(super) async fn set_up(&mut self, name: &str) -> Result<(), String> {
        if !self.done.insert(name.to_owned()) {
            return Ok(());
        }
        let setup = self.stage.setups.get(name).ok_or_else(|| format!("no set-up {name}"))?;
        for before in &setup.after {
            Box::pin(self.set_up(before)).await?;
        }
        let with = Box::pin(self.fill(&setup.with)).await?;
        let method = setup.method().ok_or_else(|| format!("{} is no method", setup.call))?;
        let over = *setup.transports(method).first().ok_or("it goes over nothing")?;
        let outcome = Box::pin(perform(self, setup, over, with)).await?;
        let answer = outcome.answer.map_err(|error| format!("set-up {name}: {error}"))?;
        if !outcome.missed.is_empty() {
            return Err(format!("set-up {name}: {:?} not heard", outcome.missed));
        }
        let told = json!({ "answer": answer, "heard": outcome.heard });
        for (name, pointer) in &setup.keeps {
            let found = told.pointer(pointer).ok_or_else(|| format!("no {pointer} in {told}"))?;
            self.kept.insert(name.clone(), found.clone());
        }
        Ok(())
    }
}

/// What went otherwise than the line says.
fn judge(row: &Row, method: &Method, outcome: &Outcome) -> Vec<String> {
    let mut otherwise = Vec::new();
    if let Some(fails) = &row.fails {
        if outcome.error() != fails {
            otherwise.push(format!("wanted {fails}, came {}", outcome.told()));
        }
        if let Some(field) = &row.field
            && outcome.field() != field
        {
            otherwise.push(format!("wanted the field {field}, came {}", outcome.told()));
        }
        return otherwise;
    }
    match &outcome.answer {
        Err(error) => otherwise.push(format!("refused: {error}")),
        Ok(answer) => {
            let shape = row.gives.as_ref().unwrap_or(&method.answer);
            otherwise.extend(shape::otherwise(shape, answer));
        }
    }
    otherwise.extend(outcome.missed.iter().map(|(who, push)| format!("{who} did not hear {push}")));
    otherwise
}

/// The names that a value has: `$name`, alone or within a text.
fn named(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            names.extend(pieces(text).filter_map(|(name, _)| name.map(Into::into)))
        }
        Value::Array(items) => items.iter().for_each(|item| named(item, names)),
        Value::Object(fields) => fields.iter().for_each(|(key, field)| {
            names.extend(pieces(key).filter_map(|(name, _)| name.map(Into::into)));
            named(field, names);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text cut before each `$`: the name that stands there, and the rest.
fn pieces(text: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    text.split('$').enumerate().map(|(place, piece)| {
        if place == 0 {
            return (None, piece);
        }
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let end = piece.find(|letter| !is_name(letter)).unwrap_or(piece.len());
        let (name, rest) = piece.split_at(end);
        (Some(name), rest)
    })
}

fn filled(value: &Value, kept: &BTreeMap<String, Value>) -> Value {
    let in_text = |text: &str| -> String {
        let piece = |(name, rest): (Option<&str>, &str)| match name.and_then(|name| kept.get(name))
        {
            Some(Value::String(text)) => format!("{text}{rest}"),
            Some(other) => format!("{other}{rest}"),
            None => rest.to_owned(),
        };
        pieces(text).map(piece).collect()
    };
    match value {
        Value::String(text) => {
            let whole = text.strip_prefix('$').and_then(|name| kept.get(name));
            whole.cloned().unwrap_or_else(|| in_text(text).into())
        }
        Value::Array(items) => items.iter().map(|item| filled(item, kept)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| (in_text(name), filled(field, kept)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
