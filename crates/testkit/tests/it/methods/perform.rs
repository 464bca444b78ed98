//! One call over one transport, and the pushes that it causes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_testkit::desk::Client;
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::{Kind, Side, Transport, Version};

use super::rows::Row;
use super::stage::{Act, side_of};

/// What came of a call.
pub(super) struct Outcome {
    /// The answer, or the error.
    pub(super) answer: Result<Value, Value>,
    /// What was heard, by who heard it and what it is called.
    pub(super) heard: BTreeMap<String, BTreeMap<String, Value>>,
    /// What was not heard, with who should have.
    pub(super) missed: Vec<(String, String)>,
}

impl Outcome {
    /// The type of the error; empty where there is none.
    pub(super) fn error(&self) -> &str {
        let error = self.answer.as_ref().err().and_then(|error| error.get("type"));
        error.and_then(Value::as_str).unwrap_or_default()
    }

    /// The field at fault.
    pub(super) fn field(&self) -> &str {
        let error = self.answer.as_ref().err().and_then(|error| error.pointer("/data/field"));
        error.and_then(Value::as_str).unwrap_or_default()
    }

    /// In words, shortly.
    pub(super) fn told(&self) -> String {
        let (Ok(value) | Err(value)) = &self.answer;
        value.to_string().chars().take(300).collect()
    }
}

/// Makes the call, with those listening who should hear of it.
pub(super) async fn perform(
    act: &mut Act<'_>,
    row: &Row,
    over: Transport,
    with: Value,
) -> Result<Outcome, String> {
    let (side, action) = row.names();
    let by = row.by.clone().unwrap_or_else(|| by_default(side).to_owned());
    let token = act.token(&by).await?;
    let mut lines = BTreeMap::new();
    let mut is_kept = row.stays;
    let mut listening: Vec<String> = row.heard.keys().cloned().collect();
    if over == Transport::Rtm && !listening.contains(&by) {
        listening.push(by.clone());
    }
    for who in listening {
        let is_caller = over == Transport::Rtm && who == by;
        let (side, version) =
            if is_caller { (side, row.version()) } else { (side_of(&who), Version::V3_6) };
        if let Some((who, line)) = is_caller.then(|| act.lines.remove_entry(&who)).flatten() {
            is_kept = true;
            lines.insert(who, line);
            continue;
        }
        let token = act.token(&who).await?;
        let base_url = &act.stage.world.base_url;
        let mut line = RtmClient::open(base_url, side, &version.to_string()).await;
        if !(is_caller && action == "login") {
            let asks = if is_caller { json!({}) } else { everything() };
            let answer = line.login(&token, asks).await;
            if !answer.success() {
                return Err(format!("{who} cannot log in: {}", answer.frame));
            }
        }
        lines.insert(who, line);
    }
    let answer = match over {
        Transport::Web => over_web(act, row, &token, with).await,
        Transport::Rtm => {
            let line = lines.get_mut(&by).expect("the caller has a line");
            let answer = line.call(action, with).await;
            let payload = answer.frame.get("payload").cloned().unwrap_or_default();
            if answer.success() { Ok(payload) } else { Err(payload["error"].clone()) }
        }
    };
    for name in row.during.iter().filter(|_| answer.is_ok()) {
        act.set_up(name).await?;
    }
    if !row.during.is_empty() {
        // Who came meanwhile goes again.
        act.lines.clear();
    }
    let mut outcome = Outcome { answer, heard: BTreeMap::new(), missed: Vec::new() };
    if outcome.answer.is_ok() {
        for (who, wanted) in &row.heard {
            let line = lines.get_mut(who).expect("who hears has a line");
            let heard = line.hears(wanted).await;
            let missed = wanted.iter().filter(|push| !heard.contains_key(*push));
            outcome.missed.extend(missed.map(|push| (who.clone(), push.clone())));
            outcome.heard.insert(who.clone(), heard);
        }
    }
    if is_kept {
        act.lines.extend(lines.remove_entry(&by));
    }
    Ok(outcome)
}

/// What a listener asks for: all that is told of everybody, in the versions that clients speak today.
fn everything() -> Value {
    let newest = ["3.5", "3.6", "3.7"].map(|version| (version.to_owned(), json!(["all"])));
    json!({
        "customer_monitoring_level": "online",
        "pushes": newest.into_iter().collect::<serde_json::Map<_, _>>(),
    })
}

fn by_default(side: Side) -> &'static str {
    match side {
        Side::Agent => "bob",
        Side::Customer => "alice",
        Side::Configuration => "olga",
    }
}

async fn over_web(act: &Act<'_>, row: &Row, token: &str, with: Value) -> Result<Value, Value> {
    let method = row.method().expect("a line names a method");
    let (side, action) = row.names();
    let version = format!("v{}", row.version());
    let client = Client::new(&act.stage.world, side.as_str(), token).in_version(&version);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields = with.as_object().cloned().unwrap_or_default();
    let takes_file = method.params.iter().any(|param| param.kind == Kind::File);
    let answer = if method.http_get {
        let query: Vec<(&str, String)> =
            fields.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let query: Vec<(&str, &str)> =
            query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.ask(action, &query).await
    } else if takes_file {
        let file = fields.iter().find(|(name, _)| ["file", "image"].contains(&name.as_str()));
        let beside: Vec<(&str, String)> = fields
            .iter()
            .filter(|(name, _)| file.is_none_or(|file| file.0 != *name))
            .map(|(name, value)| (name.as_str(), text(value)))
            .collect();
        let beside: Vec<(&str, &str)> =
            beside.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (field, bytes) =
            file.map_or(("nothing", String::new()), |(name, file)| (name, text(file)));
        client.upload_with(action, field, &beside, "note.txt", "text/plain", bytes.as_bytes()).await
    } else {
        client.call(action, with).await
    };
    answer.map_err(|(_, error)| error)
}
